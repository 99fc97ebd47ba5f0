package rollout

import (
	"fmt"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// tally counts what budgets and the end of a wave depend on.
type tally struct {
	open       int // fate undecided
	failed     int // failed, or unknown for good; neither carried nor forgiven
	unresolved int // unknown, still being read
	flying     int // started by us and not over: unknown ones too
	startable  int // may still be started
	base       int // what percentages are of: neither excluded nor carried
	changed    int // changed since the run began, or it may be
	earlier    int // done by an earlier run of the ledger
	heldAfter  int // the same, and held in this one
	leftDone   int // left as wanted by earlier runs, whoever made it so; not held
	heldNow    int // held by a person in this run, and not left done
	forgiven   int // failed, or unknown for good, and accepted by a person
}

// add takes in a vault, or takes it out.
func (t *tally) add(v *VaultState, by int) {
	if v.Open() {
		t.open += by
	}
	if v.InFlight() {
		t.flying += by
	}
	if v.startable() {
		t.startable += by
	}
	if v.Status != fleet.Excluded && !v.Carried {
		t.base += by
	}
	if v.Changed() {
		t.changed += by
	}
	if v.DoneEarlier() {
		t.earlier += by
	}
	switch left := v.leftDone(); {
	case left && v.Status != fleet.Excluded:
		t.leftDone += by
	case !left && v.Status == fleet.Excluded && v.Held != nil:
		t.heldNow += by
	}
	if v.HeldAfterwards() {
		t.heldAfter += by
	}
	if v.Forgiven && !v.Carried {
		t.forgiven += by
	}
	if v.Carried || v.Forgiven {
		return
	}
	switch {
	case v.Repaired, v.Status == fleet.Failed, v.Status == fleet.Unknown && v.Final:
		t.failed += by
	case v.Status == fleet.Unknown:
		t.unresolved += by
	}
}

// plus adds what another has counted.
func (t *tally) plus(u *tally) {
	t.open += u.open
	t.failed += u.failed
	t.unresolved += u.unresolved
	t.flying += u.flying
	t.startable += u.startable
	t.base += u.base
	t.changed += u.changed
	t.earlier += u.earlier
	t.heldAfter += u.heldAfter
	t.leftDone += u.leftDone
	t.heldNow += u.heldNow
	t.forgiven += u.forgiven
}

// Budget is a scope's failure budget with what it has used.
type Budget struct {
	Limit      int
	Failed     int // failed, and unknown for good
	Unresolved int // unknown and still being read: no start while they would exceed it
	Flying     int // in flight, the unresolved among them
	Startable  int // still to be started
	Base       int
	Accepted   int // failures that a person accepted: they count no more
}

// budget resolves a budget for what is counted. Under a hard ceiling a budget
// of 0 could start nothing, and a plan with one is refused; but carried
// failures make the base of a percentage smaller, and the run must not halt for
// ever over that.
func (s *State) budget(t *tally, b plan.Budget) Budget {
	limit := b.Resolve(t.base)
	if s.Plan.Ceiling == plan.CeilingHard {
		limit = max(limit, 1)
	}
	return Budget{limit, t.failed, t.unresolved, t.flying, t.startable, t.base, t.forgiven}
}

// RunBudget is the whole run's budget.
func (s *State) RunBudget() Budget { return s.budget(&s.tally, s.Plan.FailureBudget) }

// WaveBudget is a wave's own budget; ok is false when it has none.
func (s *State) WaveBudget(w int) (b Budget, ok bool) {
	m := s.Plan.Waves[w].MaxFailures
	if m == nil {
		return Budget{}, false
	}
	return s.budget(&s.Waves[w].tally, *m), true
}

// part is a part of the run that has a budget of its own: a subscription, where those do.
type part struct {
	scope  *plan.BudgetScope
	key    string
	budget plan.Budget
	subs   []int // of its vaults
	tally  tally
}

// partID names a part: its scope, and its key in that.
type partID struct{ scope, key string }

// newParts parts the vaults by the scopes that have a budget, each in the order of its
// first vaults. Vaults of the same parts share what they stand in.
func (s *State) newParts() {
	at, together := map[partID]int{}, map[string]int{}
	s.partAt = at
	for n := range plan.BudgetScopes {
		scope := &plan.BudgetScopes[n]
		budget := *scope.Of(&s.Plan.PartBudgets)
		if budget == nil {
			continue
		}
		for i := range s.Plan.Vaults {
			k := partID{scope.Name, scope.Key(&s.Plan.Vaults[i])}
			p, known := at[k]
			if !known {
				p = len(s.parts)
				at[k], s.parts = p, append(s.parts, part{scope: scope, key: k.key, budget: *budget})
			}
			if in := &s.parts[p]; !slices.Contains(in.subs, s.subOf[i]) {
				in.subs = append(in.subs, s.subOf[i])
			}
		}
	}
	if s.cellOf = make([]int, len(s.Plan.Vaults)); len(s.parts) == 0 {
		s.cells = [][]int{nil}
		return
	}
	for i := range s.Plan.Vaults {
		var in []int
		for n := range plan.BudgetScopes {
			if p, ok := at[partID{plan.BudgetScopes[n].Name, plan.BudgetScopes[n].Key(&s.Plan.Vaults[i])}]; ok {
				in = append(in, p)
			}
		}
		k := fmt.Sprint(in)
		c, known := together[k]
		if !known {
			c = len(s.cells)
			together[k], s.cells = c, append(s.cells, in)
		}
		s.cellOf[i] = c
	}
}

// partsOf are the parts that a vault is in, as indexes into parts.
func (s *State) partsOf(i int) []int { return s.cells[s.cellOf[i]] }

// PartBudget is the budget of a part, by the name of its scope and its key; ok is false
// when such parts have none.
func (s *State) PartBudget(scope, key string) (b Budget, ok bool) {
	if p, ok := s.partAt[partID{scope, key}]; ok {
		return s.partBudget(p), true
	}
	return Budget{}, false
}

func (s *State) partBudget(p int) Budget { return s.budget(&s.parts[p].tally, s.parts[p].budget) }
