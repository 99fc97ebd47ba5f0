package report

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// ExpectedEnd is when a run is expected to be done (rollout.Foresee), as JSON
// shows it.
type ExpectedEnd struct {
	P50 *Time   `json:"p50"`
	P90 *Time   `json:"p90"`
	If  *string `json:"if"` // what it takes for granted, as part of a sentence; null: nothing besides
}

// expectedEnd says an outlook, nil where there is none. Its times are not
// before now: a guess that is overtaken says so by that.
func expectedEnd(st *rollout.State, o rollout.Outlook, now time.Time) *ExpectedEnd {
	if o.Zero() {
		return nil
	}
	return &ExpectedEnd{at(later(o.P50, now)), at(later(o.P90, now)), maybe(provided(st, o))}
}

// provided is what the end of a run depends on besides the forecast.
func provided(st *rollout.State, o rollout.Outlook) string {
	switch {
	case o.Ending:
		return "of what is in flight; nothing more starts"
	case st.Run.Paused != nil:
		return "if the pause ended now"
	case st.Run.Suspended != nil || st.Run.Stopped != nil:
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
	from, to := write(e.P50.value()), write(e.P90.value())
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
	c := clockIn(zone)
	write := c.soon
	if e.P90.Sub(now) >= thisNight {
		write = c.near
	}
	return e.say(func(t time.Time) string { return write(t, now) })
}

// Estimate guesses anew when the run ends, for the views. It costs what
// rollout.Foresee costs, outside of the lock: call it seldom, and when Renew
// says so, from a goroutine of its own. stop, unless nil, breaks it off.
func (t *Tracker) Estimate(now time.Time, stop func() bool) (rollout.Outlook, error) {
	t.mu.Lock()
	st, facts := t.st.Clone(), t.facts
	t.mu.Unlock()
	o, err := rollout.Foresee(st, now, stop)
	if err != nil {
		return rollout.Outlook{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if facts == t.facts { // nothing was said meanwhile that changes it
		t.outlook = o
	}
	return o, nil
}

// Renew tells that something was said which changes the run's end, such as a
// limit, a pause or a halt. The guess before it is shown no more.
func (t *Tracker) Renew() <-chan struct{} { return t.renew }

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
