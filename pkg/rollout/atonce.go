package rollout

import "github.com/fleetup-dev/fleetup/pkg/plan"

// AtOnce is how many of ours may be in flight at once, each the tightest bound that is
// known: of the vaults that may still start, or were started.
type AtOnce struct {
	Planned int // by the plan's limits
	Limited int // by those and a person's
	Most    int // and, under a hard ceiling, by what the failure budgets have left
}

// MostInFlight bounds what may be in flight at once in the waves that are open.
func (s *State) MostInFlight() AtOnce {
	limits := s.openLimits()
	a := AtOnce{Planned: s.Plan.MostAtOnce(limits, s.mayFly),
		Limited: s.Plan.MostAtOnce(under(limits, s.Run.Limits), s.mayFly)}
	if a.Most = a.Limited; s.Plan.Ceiling == plan.CeilingHard {
		a.Most = min(a.Most, s.budgetsLeave())
	}
	return a
}

// openWaves yields the wave opened last, the first before one is, and those before it
// of which a vault was re-opened.
func (s *State) openWaves(yield func(int) bool) {
	current := max(s.current, 0)
	for w := range current {
		if s.Waves[w].DoneAt.IsZero() && !yield(w) {
			return
		}
	}
	yield(current)
}

// openLimits are the limits of the open waves: of each the lowest.
func (s *State) openLimits() (l plan.WaveLimits) {
	for w := range s.openWaves {
		l = under(l, s.Plan.LimitsOf(w))
	}
	return l
}

// mayFly yields the vaults of which an upgrade of ours may be under way: wherever one is,
// and in the open waves what may start or was started. Those of the open waves come first.
func (s *State) mayFly(yield func(int) bool) {
	open, flying := map[int]bool{}, s.tally.flying
	for w := range s.openWaves {
		open[w] = true
		for _, i := range s.Plan.Waves[w].Vaults {
			v := &s.Vaults[i]
			if v.InFlight() {
				flying--
			}
			if (v.InFlight() || v.startable() || v.Sent > 0) && !yield(i) {
				return
			}
		}
	}
	for i := 0; i < len(s.Vaults) && flying > 0; i++ {
		if s.Vaults[i].InFlight() && !open[s.Plan.Vaults[i].Wave] {
			if flying--; !yield(i) {
				return
			}
		}
	}
}

// budgetsLeave is how many may be in flight at once by the budgets of a hard ceiling,
// that count what is in flight as failed: the run's, and what those of the open waves,
// and of each scope's parts, come to.
func (s *State) budgetsLeave() int {
	left := func(b Budget) int { return max(b.Limit-b.Failed, b.Flying, 0) }
	most, byWave, byScope := left(s.RunBudget()), 0, map[*plan.BudgetScope]int{}
	for p := range s.parts {
		byScope[s.parts[p].scope] = 0
	}
	least := func() int {
		n := byWave
		for _, of := range byScope {
			n = min(n, of)
		}
		return n
	}
	waves, parts := map[int]int{}, map[int]int{}
	for i := range s.mayFly {
		w := s.Plan.Vaults[i].Wave
		if b, ok := s.WaveBudget(w); !ok || b.Startable == 0 || waves[w] < left(b) {
			byWave++
		}
		waves[w]++
		for _, p := range s.partsOf(i) {
			if parts[p] < left(s.partBudget(p)) {
				byScope[s.parts[p].scope]++
			}
			parts[p]++
		}
		if least() >= most { // however many come still
			return most
		}
	}
	return min(most, least())
}
