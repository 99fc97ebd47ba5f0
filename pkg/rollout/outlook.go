package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Outlook is when a run is expected to be done, seen from a moment in it: with
// the median of every upgrade and with its 90th percentile. It is a guess. The
// zero value is none.
type Outlook struct {
	P50, P90 time.Time // P90 is not before P50
	Waves    []Likely  // as Plan.Waves
	// Nothing more starts: what is in flight is all that it speaks of.
	Ending bool
	From   time.Time // the moment that it is counted from
}

// Likely is when something is expected to end; zero where it will not.
type Likely struct{ P50, P90 time.Time }

// Zero reports whether there is no outlook.
func (o Outlook) Zero() bool { return o.P90.IsZero() }

// Foresee guesses when the run is done, for every view of it: the machine goes
// on from the state under a simulated clock, so that windows, soaks, limits,
// halts and closings count as they will. What is in flight is accepted and ends
// well, what is still to be checked is ready or, where an earlier run of the ledger
// upgraded it, still is so, gates are approved at once; a run that is paused, told
// to leave or without a process goes on now. A run that is over, or halted with
// nothing in flight, has no outlook.
//
// It sees the run from the beginning of the minute of now, as finely as it is told:
// whoever asks within a minute about a run that stands still is told the same.
//
// Its times are of the clock that the run goes by (State.Predicted), on an emulated cloud
// too.
//
// It does not change the state and keeps nothing of it. It costs what a forecast
// of the plan costs, twice; stop, unless nil, is asked all the time and breaks
// it off with ErrStopped.
func Foresee(st *State, now time.Time, stop func() bool) (Outlook, error) {
	if st.Run.Closed != nil || st.Run.Halt != nil && st.InFlight() == 0 {
		return Outlook{}, nil
	}
	asked := now
	now = later(now.Truncate(time.Minute), st.Run.LastAt)
	var fs [2]Forecast
	for slow := range fs {
		f, err := goOn(st.Clone(), now, func(p plan.Prediction) time.Duration {
			if slow == 1 {
				return p.P90
			}
			return p.P50
		}, stop)
		if err != nil {
			return Outlook{}, err
		}
		fs[slow] = f
	}
	o := Outlook{P50: later(asked, fs[0].EndsAt), P90: later(later(asked, fs[0].EndsAt), fs[1].EndsAt),
		Ending: st.Run.Halt != nil || st.Closing(), From: now}
	for w := range st.Waves {
		l := Likely{fs[0].Waves[w].EndsAt, fs[1].Waves[w].EndsAt}
		if !l.P90.IsZero() {
			l.P90 = later(l.P50, l.P90)
		}
		o.Waves = append(o.Waves, l)
	}
	return o, nil
}

// goOn plays a run to its end from where it stands. It keeps the state.
func goOn(st *State, now time.Time, takes func(plan.Prediction) time.Duration, stop func() bool) (Forecast, error) {
	st.Run.Suspended, st.Run.Paused = nil, nil
	st.allow()
	if !st.Closing() {
		st.Run.Stopped = nil
	}
	m := GoOn(st)
	s := newSimulation(m, Rehearsal{Start: now, Stop: stop,
		Duration: func(v *plan.Vault) time.Duration { return takes(st.here(v.Predicted)) }})
	for i := range st.Vaults {
		v, p := &st.Vaults[i], &st.Plan.Vaults[i]
		st.count(i, -1)
		switch v.Status {
		case fleet.Validating: // as a crash finds it
			v.Status = fleet.Pending
		case fleet.Starting:
			v.Status, v.Accepted = fleet.Upgrading, true
		}
		st.count(i, +1)
		if !v.InFlight() && v.Status != fleet.Upgrading {
			continue
		}
		s.running[i] = &fleet.Record{OperationID: v.OperationID, State: fleet.RecordInProgress}
		s.reader(p.SubscriptionID).need(now, st.Plan.Timings.Poll)
		if v.CloudDone {
			s.running[i].State = fleet.RecordUpgraded
			continue
		}
		s.endsAt(i, now.Add(Remaining(max(now.Sub(v.StartedAt), 0), takes(st.Predicted(i)), st.Predicted(i))))
	}
	return s.play()
}

// Remaining is how much longer an upgrade of that age is taken to run that was
// to take so long in all. One that has outlived its prediction says nothing
// about when it ends: it gets a share of the prediction's spread.
func Remaining(age, whole time.Duration, p plan.Prediction) time.Duration {
	return max(whole-age, (p.P90-p.P50)/2, time.Second)
}

// Clone returns a state that shares nothing with s that either of them will
// change. It costs O(vaults).
func (s *State) Clone() *State {
	c := *s
	c.Vaults, c.Waves, c.subs, c.parts = slices.Clone(s.Vaults), slices.Clone(s.Waves), slices.Clone(s.subs),
		slices.Clone(s.parts)
	c.Throttled, c.Denied = maps.Clone(s.Throttled), maps.Clone(s.Denied)
	for i := range c.Vaults {
		v := &c.Vaults[i]
		v.Own, v.Disregard = slices.Clip(v.Own), slices.Clip(v.Disregard)
		v.Findings, v.RequestIDs = slices.Clip(v.Findings), slices.Clip(v.RequestIDs)
	}
	return &c
}
