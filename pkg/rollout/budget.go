package rollout

import (
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
	seenSo     int // the same, and read as wanted in this one
}

func (t *tally) add(v *VaultState, by int) {
	if v.Open() {
		t.open += by
	}
	if v.InFlight() {
		t.flying += by
	}
	switch v.Status {
	case fleet.Pending, fleet.Validating, fleet.Ready, fleet.Busy:
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
	switch {
	case v.HeldAfterwards():
		t.heldAfter += by
	case v.Earlier && v.Status == fleet.Already:
		t.seenSo += by
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

// Budget is a scope's failure budget with what it has used.
type Budget struct {
	Limit      int
	Failed     int // failed, and unknown for good
	Unresolved int // unknown and still being read: no start while they would exceed it
	Flying     int // in flight, the unresolved among them
	Startable  int // still to be started
	Base       int
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
	return Budget{limit, t.failed, t.unresolved, t.flying, t.startable, t.base}
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

// SubscriptionBudget is a subscription's budget, by its ID; ok is false when
// subscriptions have none.
func (s *State) SubscriptionBudget(id string) (b Budget, ok bool) {
	sub, known := s.subAt[id]
	if !known {
		return Budget{}, false
	}
	return s.subBudget(sub)
}

func (s *State) subBudget(sub int) (b Budget, ok bool) {
	m := s.Plan.SubscriptionBudget
	if m == nil {
		return Budget{}, false
	}
	return s.budget(&s.subs[sub].tally, *m), true
}

// MostInFlight is how many of ours a wave may have in flight at once, by the plan's limits
// and a person's. Under a hard ceiling it is no more than the budgets of the run and of
// the wave have left, which may be fewer still where a subscription has one of its own;
// planned is what the plan's limits alone allow.
func (s *State) MostInFlight(w int) (most, planned int) {
	planned = s.Plan.LimitsOf(w).Upgrades
	most = planned
	if l := s.Run.Limits.Upgrades; l > 0 {
		most = min(most, l)
	}
	if s.Plan.Ceiling != plan.CeilingHard {
		return most, planned
	}
	left := func(b Budget) int { return max(b.Limit-b.Failed, b.Flying, 0) }
	most = min(most, left(s.RunBudget()))
	if b, ok := s.WaveBudget(w); ok && b.Startable > 0 {
		most = min(most, left(b))
	}
	return most, planned
}
