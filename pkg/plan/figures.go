package plan

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// Index returns the position in Vaults of every key. It costs O(n): keep the
// result.
func (p *Plan) Index() map[fleet.Key]int {
	m := make(map[fleet.Key]int, len(p.Vaults))
	for i := range p.Vaults {
		m[p.Vaults[i].Key] = i
	}
	return m
}

// ToStart counts the vaults that the plan does not hold back.
func (p *Plan) ToStart() int {
	n := 0
	for i := range p.Vaults {
		if !p.Vaults[i].Excluded() {
			n++
		}
	}
	return n
}

// WaveToStart counts the vaults of the wave at index w that the plan does not
// hold back: the base of the wave's budget.
func (p *Plan) WaveToStart(w int) int {
	n := 0
	for _, i := range p.Waves[w].Vaults {
		if !p.Vaults[i].Excluded() {
			n++
		}
	}
	return n
}

// WorstCase is how many vaults may fail before the run's budget has stopped
// everything.
type WorstCase struct {
	Budget   int // failures that may happen without a halt
	InFlight int // upgrades that may be under way when one more happens; none under a hard ceiling
	Total    int // both together, never more than there are vaults to start
}

// WorstCase returns the worst case of a run in which no vault is carried over
// from an earlier one. Budgets of waves can only make it better.
func (p *Plan) WorstCase() WorstCase {
	n := p.ToStart()
	w := WorstCase{Budget: p.FailureBudget.Resolve(n), InFlight: min(p.Limits.Upgrades, n)}
	if p.Ceiling == CeilingHard {
		w.InFlight = 0 // they count before they have failed
	}
	w.Total = min(w.Budget+w.InFlight, n)
	return w
}
