package runner_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// hasPeople picks the nights in which somebody speaks to the run.
func hasPeople(seed int64) bool { return seed%4 == 1 }

// people lets somebody speak to every process of a night, again and again:
// pause it, hold a vault, lower its limits, leave a note, stop it. What is done
// is undone within the hour.
func (n *night) people(seed int64) {
	n.visit = func(process int, asks chan<- runner.Ask, over <-chan struct{}) {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(100+process)))
		wait := func(d time.Duration) bool {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
				return true
			case <-over:
				return false
			}
		}
		say := func(orders ...rollout.Order) bool {
			for _, o := range orders {
				answer := make(chan error, 1)
				select {
				case asks <- runner.Ask{Order: o, Done: func(_ rollout.Said, err error) { answer <- err }}:
					<-answer // it may have been refused
				case <-over:
					return false
				}
			}
			return true
		}
		stops := 0
		for wait(time.Duration(1+r.IntN(90))*time.Minute) && say(n.word(r, &stops)...) {
			if !wait(time.Duration(1+r.IntN(60))*time.Minute) || !say(undo...) {
				return
			}
		}
	}
}

// word is something that a person may say.
func (n *night) word(r *rand.Rand, stops *int) []rollout.Order {
	kind, vault := r.IntN(9), n.plan.Vaults[r.IntN(len(n.plan.Vaults))].ResourceID()
	switch {
	case kind < 3:
		return []rollout.Order{{Do: "pause", Reason: "a customer calls"}}
	case kind < 5:
		return []rollout.Order{{Do: "hold", Vaults: []string{vault}, Reason: "a restore is needed"}}
	case kind < 7:
		return []rollout.Order{{Do: "limit", Limits: map[string]int{"upgrades": 1}, Reason: "slow down"},
			{Do: "note", Reason: "slowed down"}}
	case *stops == 0:
		*stops++
		return []rollout.Order{{Do: "stop", Reason: "enough"}}
	}
	return []rollout.Order{{Do: "note", Reason: "all is well"}}
}

// undo takes back everything that somebody has said, in this process or before; what
// there is not to take back is refused.
var undo = []rollout.Order{
	{Do: "pause", Off: true, Reason: "all is well"},
	{Do: "limit", Limits: map[string]int{"upgrades": fleet.AsPlanned}, Reason: "as planned"},
	{Do: "release", Off: true, Selector: "subscription", Reason: "the restore is done"},
}

// auditWords: nothing starts that a person has paused or held, from the moment
// it was answered on.
func (n *night) auditWords(bad verdict) {
	paused, held := false, map[fleet.Key]bool{}
	for _, e := range n.journal() {
		switch f := e.Fact.(type) {
		case fleet.Paused:
			paused = !f.Off
		case fleet.Held:
			held[f.Vault] = !f.Off
		case fleet.StartIntended:
			if paused || held[f.Vault] {
				bad(9, "%s was started in a pause (%t) or a hold (%t)", n.refs[f.Vault], paused, held[f.Vault])
			}
		}
	}
}

// TestNightsHearPeople keeps the visits honest: everything that may be said is
// heard in some night.
func TestNightsHearPeople(t *testing.T) {
	t.Parallel()
	heard := map[string]int{}
	for seed := int64(1); seed < 120; seed += 4 {
		inBubble(t, func(t *testing.T) {
			p, sc := randomNight(t, rand.New(rand.NewPCG(uint64(seed), 17)), seed)
			n := newNight(t, p, sc)
			n.people(seed)
			n.check(n.finish(), nil)
			for _, e := range n.journal() {
				heard[e.Fact.Name()]++
			}
		})
	}
	for _, name := range []string{"Paused", "Held", "LimitsChanged", "Noted", "Stopped"} {
		if heard[name] < 3 {
			t.Errorf("%s was said %d times", name, heard[name])
		}
	}
}
