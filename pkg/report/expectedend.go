package report

import (
	"strings"
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

// assumptions are what an expected end takes for granted, in words: what must come true
// for it, as clauses of one condition.
var assumptions = map[standing.Assumption]string{
	standing.PauseEnds:     "the pause ends now",
	standing.RunIsResumed:  "the run is resumed now",
	standing.ApprovalsCome: "approvals come at once",
}

// assumed says all that an expected end takes for granted, as part of a sentence; empty:
// nothing.
func assumed(takes []standing.Assumption) string {
	var clauses []string
	for _, a := range takes {
		if a == standing.NoMoreStarts {
			return "of what is in flight; nothing more starts"
		}
		clauses = append(clauses, assumptions[a])
	}
	switch n := len(clauses); n {
	case 0:
		return ""
	case 1:
		return "if " + clauses[0]
	default:
		return "if " + strings.Join(clauses[:n-1], ", ") + " and " + clauses[n-1]
	}
}

// ExpectedEndOf says when something is expected to end, nil where nobody knows.
func ExpectedEndOf(l rollout.Likely, takes []standing.Assumption) *ExpectedEnd {
	if l.P90.IsZero() {
		return nil
	}
	return &ExpectedEnd{TimeOrNull(l.P50), TimeOrNull(l.P90), StringOrNull(assumed(takes))}
}

// say writes the expected end for people: the two times as the view writes
// times, and that it is a guess.
func (e *ExpectedEnd) say(write func(time.Time) string) string {
	from, to := write(e.P50.Value()), write(e.P90.Value())
	if day := strings.LastIndexByte(to, ' '); day >= 0 && strings.HasPrefix(from, to[:day+1]) && from != to {
		to = to[day+1:] // one day for both
	}
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
	return e.say(func(t time.Time) string { return c.Soon(t, now) })
}
