package runner

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Ask is a person's word to a run under way.
type Ask struct {
	Order rollout.Order
	By    fleet.Actor // who says it
	At    time.Time   // when, on the wall clock
	// Done is called once, from the run's own goroutine: with what was said once it
	// is on disk, with the *fleet.Refusal that the run has for it as it stands, or
	// with the error of the commit, after which nobody can say whether it is. It
	// must not block.
	Done func(rollout.Said, error)
}

// hear decides an ask. One is heard for each step, so that each is decided on
// the state that the one before it made. done is nil when it was refused.
func (r *run) hear(a Ask) (obs []rollout.Observation, done func(error)) {
	facts, err := r.machine.Decide(a.Order, a.By, a.At)
	if err != nil {
		a.Done(rollout.Said{}, err)
		return nil, nil
	}
	for _, f := range facts {
		obs = append(obs, rollout.Commanded{Fact: f})
	}
	said := r.machine.Saying(facts, a.At)
	return obs, func(err error) { a.Done(said, err) }
}
