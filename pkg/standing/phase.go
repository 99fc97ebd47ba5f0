package standing

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Phase is where a run stands as a whole. It is in one of them.
type Phase string

// The phases of a run.
const (
	Beginning Phase = "beginning" // a process has it, and nothing is journalled yet
	Running   Phase = "running"   // a process carries it out
	Waiting   Phase = "waiting"   // nothing goes on in it, until a time or a person lets it
	Paused    Phase = "paused"    // a person paused it
	// a person said stop: its process leaves when the starts that are out are answered
	Stopping    Phase = "stopping"
	Closing     Phase = "closing"     // a person wants it closed once nothing is in flight
	Halting     Phase = "halting"     // a budget was exceeded, and what is in flight is followed
	Halted      Phase = "halted"      // a budget was exceeded: a person decides
	Interrupted Phase = "interrupted" // no process carries it out: a resume does
	Finished    Phase = "finished"    // for good
	Closed      Phase = "closed"      // for good, by a person's word, before all of it was started
)

// PhaseOf is the phase of a run at a moment; live says that a process carries it
// out. It costs O(vaults).
func PhaseOf(st *rollout.State, live bool, now time.Time) Phase {
	return PhaseKnowing(st, live, st.InFlight() > 0, func() bool { return HoldUp(Waits(st, now)) })
}

// PhaseKnowing is PhaseOf for who keeps count of what is in flight, and knows whether
// what the run waits for holds all of it up, which is asked where nothing is. It costs no more than that.
func PhaseKnowing(st *rollout.State, live, flying bool, waits func() bool) Phase {
	r := &st.Run
	switch {
	case r.Closed != nil:
		return Ended(st.NeverStarted())
	case r.Halt != nil && live && r.Suspended == nil && flying:
		return Halting
	case r.Halt != nil:
		return Halted
	case !live || r.Suspended != nil:
		return left(st)
	case st.Closing():
		return Closing
	case r.Stopped != nil:
		return Stopping
	case r.Paused != nil:
		return Paused
	case r.OpenedAt.IsZero():
		return Beginning
	case !flying && waits():
		return Waiting
	}
	return Running
}

// Ended is the phase of a run that is over, by how many vaults it left to the next one.
func Ended(neverStarted int) Phase {
	if neverStarted > 0 {
		return Closed
	}
	return Finished
}

// left is the phase of a run that no process carries out, and that is neither
// over nor halted: how its last one left it.
func left(st *rollout.State) Phase {
	s := st.Run.Suspended
	switch {
	case s == nil: // it crashed, or was killed
	case s.Why == fleet.SuspendedPause && st.Run.Paused != nil:
		return Paused
	case s.Why == fleet.SuspendedPause, s.Why == fleet.SuspendedWait: // a lifted pause leaves a resume to wait for
		return Waiting
	}
	return Interrupted
}
