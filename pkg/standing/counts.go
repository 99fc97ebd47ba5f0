package standing

import (
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Keeps is what keeps every vault of a run that has not started from starting.
type Keeps string

// What may keep all that has not started.
const (
	KeptByNothing Keeps = ""
	KeptByClosing Keeps = "closing" // a person wants the run closed
	KeptByHalt    Keeps = "halt"
	KeptByCrash   Keeps = "crash" // the process ended without a word
	KeptBySignIn  Keeps = "sign-in"
	KeptByGate    Keeps = "gate"   // the process left at one
	KeptByWindow  Keeps = "window" // the process left to wait for one
	KeptByPause   Keeps = "pause"  // the process left in one, which may be over
	KeptByStop    Keeps = "stop"   // the process was told to leave
)

// KeptBy is what keeps vaults of a run that have not started from starting now; live:
// a process carries the run out.
func KeptBy(st *rollout.State, live bool) Keeps {
	s := st.Run.Suspended
	switch {
	case st.Closing():
		return KeptByClosing
	case st.Run.Closed != nil:
		return KeptByNothing
	case st.Run.Halt != nil:
		return KeptByHalt
	case live, st.Elsewhere(): // that of an engine may go on
		return KeptByNothing
	case s == nil:
		return KeptByCrash
	case s.Why == fleet.SuspendedSignIn:
		return KeptBySignIn
	case s.Why == fleet.SuspendedWait && s.Gate != "":
		return KeptByGate
	case s.Why == fleet.SuspendedWait:
		return KeptByWindow
	case st.Run.Paused != nil || s.Why == fleet.SuspendedPause:
		return KeptByPause
	}
	return KeptByStop
}

// Defers reports whether a vault of a status is deferred while something keeps all that
// has not started.
func Defers(s fleet.Status) bool {
	return s == fleet.Pending || s == fleet.Ready || s == fleet.Validating
}

// Counts are how many vaults show each status, of some totals of the run; without what
// is 0. One that is being checked is pending to everybody but the brain: the check is
// in no journal. What earlier runs left as wanted is not kept from starting: nobody
// knows of a start that it needs, and it is already so where nothing looks at it any more.
func Counts(st *rollout.State, totals *rollout.Totals, live bool) map[fleet.Status]int {
	kept, m := KeptBy(st, live) != KeptByNothing, map[fleet.Status]int{}
	for _, s := range fleet.Statuses() {
		n := totals.Of(s)
		switch {
		case n == 0:
		case kept && Defers(s):
			m[fleet.Deferred] += n
		case s == fleet.Validating:
			m[fleet.Pending] += n
		default:
			m[s] += n
		}
	}
	if n := totals.LeftDone().All; kept && n > 0 {
		m[fleet.Already] += n
		if m[fleet.Deferred] -= n; m[fleet.Deferred] == 0 {
			delete(m, fleet.Deferred)
		}
	}
	return m
}

// AlreadyBy parts those that Counts has as already, for all who write counts as words.
func AlreadyBy(st *rollout.State, totals *rollout.Totals, live bool) rollout.AlreadyBy {
	by := totals.AlreadyBy()
	if KeptBy(st, live) != KeptByNothing {
		by.EarlierRuns += totals.LeftDone().Earlier
	}
	return by
}

// ShownAs is the status that a vault shows; kept: something keeps all that has not started.
func ShownAs(v *rollout.VaultState, kept bool) fleet.Status {
	switch {
	case !kept || !Defers(v.Status):
		return v.Status
	case v.LeftDone():
		return fleet.Already
	}
	return fleet.Deferred
}
