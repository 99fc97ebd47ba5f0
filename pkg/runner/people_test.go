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
		say := func(decide func(*rollout.State) []fleet.Fact) bool {
			answer := make(chan error, 1)
			ask := runner.Ask{Decide: func(st *rollout.State) ([]fleet.Fact, error) { return decide(st), nil }, Done: func(err error) { answer <- err }}
			select {
			case asks <- ask:
				<-answer
				return true
			case <-over:
				return false
			}
		}
		stops := 0
		for wait(time.Duration(1+r.IntN(90))*time.Minute) && say(n.word(r, &stops)) {
			if !wait(time.Duration(1+r.IntN(60))*time.Minute) || !say(undo) {
				return
			}
		}
	}
}

// word is something that a person may say.
func (n *night) word(r *rand.Rand, stops *int) func(*rollout.State) []fleet.Fact {
	kind, i := r.IntN(9), r.IntN(len(n.plan.Vaults))
	return func(st *rollout.State) []fleet.Fact {
		switch {
		case kind < 3:
			return []fleet.Fact{fleet.Paused{Reason: "a customer calls"}}
		case kind < 5 && st.CheckHold(i, false) == nil:
			return []fleet.Fact{fleet.Held{Vault: n.plan.Vaults[i].Key, Reason: "a restore is needed"}}
		case kind < 7:
			return []fleet.Fact{fleet.LimitsChanged{Upgrades: 1, Reason: "slow down"}, fleet.Noted{Text: "slowed down"}}
		case kind == 7 && *stops == 0:
			*stops++
			return []fleet.Fact{fleet.Stopped{Reason: "enough"}}
		}
		return []fleet.Fact{fleet.Noted{Text: "all is well"}}
	}
}

// undo takes back everything that somebody has said, in this process or before.
func undo(st *rollout.State) (facts []fleet.Fact) {
	if st.Run.Paused != nil {
		facts = append(facts, fleet.Paused{Off: true, Reason: "all is well"})
	}
	facts = append(facts, fleet.LimitsChanged{Upgrades: fleet.AsPlanned, Reason: "as planned"})
	for i := range st.Vaults {
		if st.CheckHold(i, true) == nil {
			facts = append(facts, fleet.Held{Vault: st.Plan.Vaults[i].Key, Off: true, Reason: "the restore is done"})
		}
	}
	return facts
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
