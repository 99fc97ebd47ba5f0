package report

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// ExpectedEnd is when a run or a wave is expected to be done (standing.Remaining), as
// JSON shows it.
type ExpectedEnd struct {
	P50 *Time   `json:"p50"`
	P90 *Time   `json:"p90"`
	If  *string `json:"if"` // what it takes for granted, as part of a sentence; null: nothing besides
}

// assumptions are what an expected end takes for granted, in words.
var assumptions = map[standing.Assumption]string{
	standing.NoMoreStarts:  "of what is in flight; nothing more starts",
	standing.PauseEnds:     "if the pause ended now",
	standing.RunIsResumed:  "if the run is resumed now",
	standing.ApprovalsCome: "if approvals come at once",
}

// ExpectedEndOf says when something is expected to end, nil where nobody knows.
func ExpectedEndOf(l rollout.Likely, takes standing.Assumption) *ExpectedEnd {
	if l.P90.IsZero() {
		return nil
	}
	return &ExpectedEnd{TimeOrNull(l.P50), TimeOrNull(l.P90), StringOrNull(assumptions[takes])}
}

// say writes the expected end for people: the two times as the view writes
// times, and that it is a guess.
func (e *ExpectedEnd) say(write func(time.Time) string) string {
	from, to := write(e.P50.Value()), write(e.P90.Value())
	s := "about " + from
	if from != to {
		s = from + "–" + to
	}
	if e.If != nil {
		return s + " " + *e.If + " (estimate)"
	}
	return s + " (estimate)"
}

// Words writes the expected end for people, in a zone; nil is UTC.
func (e *ExpectedEnd) Words(zone *time.Location, now time.Time) string {
	c := lexicon.ClockIn(zone)
	write := c.Soon
	if e.P90.Sub(now) >= lexicon.ThisNight {
		write = c.Near
	}
	return e.say(func(t time.Time) string { return write(t, now) })
}
