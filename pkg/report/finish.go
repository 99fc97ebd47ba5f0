package report

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// ExpectedEnd is when a run is expected to be done (rollout.Foresee), as JSON
// shows it.
type ExpectedEnd struct {
	P50 *Time   `json:"p50"`
	P90 *Time   `json:"p90"`
	If  *string `json:"if"` // what it takes for granted, as part of a sentence; null: nothing besides
}

// ExpectedEndOf says an outlook, nil where there is none. Its times are not
// before now: a guess that is overtaken says so by that. live: a process carries
// the run out.
func ExpectedEndOf(st *rollout.State, o rollout.Outlook, now time.Time, live bool) *ExpectedEnd {
	if o.Zero() {
		return nil
	}
	return &ExpectedEnd{TimeOrNull(later(o.P50, now)), TimeOrNull(later(o.P90, now)), StringOrNull(provided(st, o, live))}
}

// provided is what the end of a run depends on besides the forecast.
func provided(st *rollout.State, o rollout.Outlook, live bool) string {
	switch {
	case o.Ending:
		return "of what is in flight; nothing more starts"
	case st.Run.Paused != nil:
		return "if the pause ended now"
	case !live || st.Run.Suspended != nil || st.Run.Stopped != nil:
		return "if the run is resumed now"
	case gated(st):
		return "if approvals come at once"
	}
	return ""
}

// gated reports whether an approval is still to come.
func gated(st *rollout.State) bool {
	for i := range st.Waves {
		a := st.Plan.Waves[i].Approval
		if a == nil {
			continue
		}
		if a.When == plan.ApprovalBefore && st.Waves[i].Before.OpenedAt.IsZero() ||
			a.When == plan.ApprovalAfter && st.Waves[i].After.OpenedAt.IsZero() && i+1 < len(st.Waves) {
			return true
		}
	}
	return false
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

// Redirects reports whether a fact changes when the run ends by more than an
// upgrade's own time: it is about the run, or a person's word about a vault.
func Redirects(f fleet.Fact) bool {
	switch f.(type) {
	case fleet.Noted:
		return false
	case fleet.Held, fleet.Reopened:
		return true
	case fleet.VaultFact:
		return false
	}
	return true
}
