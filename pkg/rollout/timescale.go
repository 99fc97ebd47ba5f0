package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// A run goes by the clock of the machine that carries it out: ages, soaks, windows, polls
// and every time that is shown are of it. What the plan predicts of an upgrade is the
// cloud's own time, and an emulated cloud may be quicker than that. Here, and nowhere
// else, the one becomes the other.

// Predicted is how long a vault's upgrade is expected to take by the run's clock.
func (s *State) Predicted(i int) plan.Prediction { return s.here(s.Plan.Vaults[i].Predicted) }

// here is a prediction of the plan by the run's clock.
func (s *State) here(p plan.Prediction) plan.Prediction {
	return plan.Prediction{P50: s.passes(p.P50), P90: s.passes(p.P90)}
}

// passes is how long a time of the cloud takes by the run's clock.
func (s *State) passes(d time.Duration) time.Duration {
	if k := s.Run.TimeScale; k > 0 {
		return time.Duration(float64(d) / k)
	}
	return d
}

// soonestOverdue keeps an upgrade that an emulated cloud ends within moments from being
// called overdue because this machine is busy.
const soonestOverdue = 30 * time.Second

// overdue is after how long an upgrade is overdue by the run's clock. One that somebody
// has chosen is of that clock, as all timings are; the usual one is made for what the
// real service takes, and so is the cloud's time.
func (s *State) overdue() time.Duration {
	usual := s.Plan.Timings.Overdue
	if !s.Plan.Timings.UsualOverdue() {
		return usual
	}
	return min(max(s.passes(usual), soonestOverdue), usual)
}
