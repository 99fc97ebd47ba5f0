package standing

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// WaveStatus says where a wave stands.
type WaveStatus string

// The statuses of a wave.
const (
	WavePending          WaveStatus = "pending"
	WaveRunning          WaveStatus = "running"
	WaveSoaking          WaveStatus = "soaking"
	WaveAwaitingApproval WaveStatus = "awaiting-approval"
	WaveHalted           WaveStatus = "halted"
	WaveFinished         WaveStatus = "finished"
	WaveClosed           WaveStatus = "closed" // the run was closed before the wave was done
	// Nothing goes on in it: no process carries the run out, which stands so, too.
	WaveInterrupted WaveStatus = WaveStatus(Interrupted)
	WavePaused      WaveStatus = WaveStatus(Paused)
	WaveWaiting     WaveStatus = WaveStatus(Waiting)
)

// SoaksUntil is until when a wave soaks that is done; zero where it has soaked, has none
// or nothing follows: a soak ends with its run, and none begins in one that is being closed.
func SoaksUntil(st *rollout.State, i int, now time.Time) time.Time {
	if until := st.SoaksUntil(i); st.Run.Closed == nil && !st.Closing() && until.After(now) {
		return until
	}
	return time.Time{}
}

// DateOf is the time before which a wave does not open that has not; zero where it has
// none, or it has come.
func DateOf(st *rollout.State, w int, now time.Time) time.Time {
	if at := st.Plan.Waves[w].NotBefore; at.After(now) && st.Waves[w].OpenedAt.IsZero() && st.Run.Closed == nil &&
		!st.Closing() {
		return at
	}
	return time.Time{}
}

// WaveOf is where a wave stands at a moment, and until when at the least, of one that soaks
// and of one that waits for its date; live says that a process carries the run out.
func WaveOf(st *rollout.State, i int, live bool, now time.Time) (s WaveStatus, until time.Time) {
	w := &st.Waves[i]
	at := func(side string) bool {
		next, when, ok := st.NextGate()
		return ok && next == i && when == side && st.CheckApproval(i, side, now) != nil
	}
	switch {
	case st.Run.Closed != nil && w.DoneAt.IsZero() && (w.OpenedAt.IsZero() || st.Run.Halt == nil):
		return WaveClosed, until
	case !w.DoneAt.IsZero():
		if st.Run.Closed != nil || st.CurrentWave() != i || i+1 == len(st.Waves) { // a soak and a gate end with the run
			return WaveFinished, until
		}
		if until = SoaksUntil(st, i, now); !until.IsZero() {
			return WaveSoaking, until
		}
		if at(fleet.GateAfter) {
			return WaveAwaitingApproval, until
		}
		return WaveFinished, until
	case w.OpenedAt.IsZero():
		if st.Run.ID != "" && (i == 0 || !st.Waves[i-1].DoneAt.IsZero()) && at(fleet.GateBefore) &&
			DateOf(st, i, now).IsZero() {
			return WaveAwaitingApproval, until
		}
		return WavePending, DateOf(st, i, now)
	case st.Run.Halt != nil:
		return WaveHalted, until
	case !live:
		return WaveStatus(left(st)), until
	}
	return WaveRunning, until
}
