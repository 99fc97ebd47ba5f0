package rollout

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// ordinals numbers the statuses so that counting them needs no map.
var ordinals = func() map[fleet.Status]int {
	m := map[fleet.Status]int{}
	for i, s := range fleet.Statuses() {
		m[s] = i
	}
	return m
}()

const statusCount = 13 // len(fleet.Statuses()); a test compares them

// Totals counts vaults by status.
type Totals struct {
	n   [statusCount]int
	all int
}

func (t *Totals) add(s fleet.Status, by int) {
	t.n[ordinals[s]] += by
	t.all += by
}

// Of returns how many vaults have the status.
func (t *Totals) Of(s fleet.Status) int { return t.n[ordinals[s]] }

// All returns how many vaults there are.
func (t *Totals) All() int { return t.all }
