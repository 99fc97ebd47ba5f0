package standing

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Remaining is when a run and its waves are expected to end, seen from a moment: no
// time is before that, so that a guess which is overtaken says so, and the work of a run
// that stands still until a person lets it go on is counted from there. The zero value is
// no guess.
type Remaining struct {
	rollout.Likely
	Waves []rollout.Likely // as Plan.Waves; zero for one that is done, or will not be
	If    []Assumption     // all of it; empty: nothing besides the forecast
}

// Assumption is what an expected end takes for granted besides the forecast.
type Assumption string

// What an expected end may take for granted.
const (
	NoMoreStarts  Assumption = "no-more-starts" // it is the end of what is in flight
	PauseEnds     Assumption = "pause-ends"     // now
	RunIsResumed  Assumption = "run-is-resumed" // now
	ApprovalsCome Assumption = "approvals-come" // at once
)

// RemainingOf is a guess (rollout.Foresee) as it is seen from now; live: a process
// carries the run out.
func RemainingOf(st *rollout.State, o rollout.Outlook, now time.Time, live bool) Remaining {
	if o.Zero() {
		return Remaining{}
	}
	var late time.Duration
	if d := now.Sub(o.From); d > 0 && !o.From.IsZero() && standsStill(st, o.From, now, live) {
		late = d
	}
	notBefore := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		if t = t.Add(late); t.Before(now) {
			return now
		}
		return t
	}
	r := Remaining{Likely: rollout.Likely{P50: notBefore(o.P50), P90: notBefore(o.P90)},
		Waves: make([]rollout.Likely, len(st.Waves))}
	for i := range min(len(st.Waves), len(o.Waves)) {
		if st.Waves[i].DoneAt.IsZero() {
			r.Waves[i] = rollout.Likely{P50: notBefore(o.Waves[i].P50), P90: notBefore(o.Waves[i].P90)}
		}
	}
	if o.Ending {
		r.If = []Assumption{NoMoreStarts}
		return r
	}
	if st.Run.Paused != nil {
		r.If = append(r.If, PauseEnds)
	}
	if !live || st.Run.Suspended != nil || st.Run.Stopped != nil {
		r.If = append(r.If, RunIsResumed)
	}
	if ApprovalToCome(st, now) {
		r.If = append(r.If, ApprovalsCome)
	}
	return r
}

// standsStill reports whether a run has stood where it is since a moment, until a person
// lets it go on: all that is left begins then, so that its end moves on with the clock.
// What is in flight, a soak and a window end at their own times.
func standsStill(st *rollout.State, from, now time.Time, live bool) bool {
	if st.InFlight() > 0 || st.Totals.Of(fleet.Upgrading) > 0 || st.Totals.Of(fleet.Busy) > 0 || hasWindows(st.Plan) {
		return false
	}
	working := false
	for w := range st.Waves {
		if st.SoaksUntil(w).After(from) || !DateOf(st, w, from).IsZero() {
			return false
		}
		working = working || !st.Waves[w].OpenedAt.IsZero() && st.Waves[w].DoneAt.IsZero()
	}
	if r := &st.Run; !live || r.Suspended != nil || r.Stopped != nil || r.Paused != nil {
		return true
	}
	w, when, ok := st.NextGate()
	return ok && !working && st.CheckApproval(w, when, now) != nil
}

// hasWindows reports whether anything of a plan is bound to a calendar.
func hasWindows(p *plan.Plan) bool {
	return p.Calendar != nil || len(p.Calendars) > 0 ||
		slices.ContainsFunc(p.Waves, func(w plan.Wave) bool { return w.Calendar != nil })
}

// ApprovalToCome reports whether a gate of a run may still need a person: it is closed,
// and has no approval that holds at that moment.
func ApprovalToCome(st *rollout.State, now time.Time) bool {
	for i := range st.Waves {
		a := st.Plan.Waves[i].Approval
		if a == nil || st.Needless(i, string(a.When)) {
			continue
		}
		if a.When == plan.ApprovalBefore && st.Waves[i].Before.OpenedAt.IsZero() && !st.ChecksFirst(i) &&
			st.CheckApproval(i, fleet.GateBefore, now) != nil ||
			a.When == plan.ApprovalAfter && st.Waves[i].After.OpenedAt.IsZero() && i+1 < len(st.Waves) &&
				st.CheckApproval(i, fleet.GateAfter, now) != nil {
			return true
		}
	}
	return false
}

// Redirects reports whether a fact changes when the run ends by more than an
// upgrade's own time: it is about the run, or a person's word about a vault. A guess
// from before it holds no more.
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
