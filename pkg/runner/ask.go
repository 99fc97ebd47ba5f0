package runner

import (
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Ask is a person's word to a run under way.
type Ask struct {
	// Decide turns it into the facts that say it, or says why it cannot be done
	// as the run stands. It is called from the run's own goroutine, must be
	// quick, and must not keep or change the state.
	Decide func(*rollout.State) ([]fleet.Fact, error)
	// Done is called once, from the run's own goroutine: with nil when the facts
	// are on disk, with Decide's error, or with that of the commit, after which
	// nobody can say whether they are. It must not block.
	Done func(error)
}

// hear decides an ask. One is heard for each step, so that each is decided on
// the state that the one before it made. done is nil when it was refused.
func (r *run) hear(a Ask) (obs []rollout.Observation, done func(error)) {
	facts, err := a.Decide(r.machine.State)
	if err != nil {
		a.Done(err)
		return nil, nil
	}
	for _, f := range facts {
		obs = append(obs, rollout.Commanded{Fact: f})
	}
	return obs, a.Done
}
