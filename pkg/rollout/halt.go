package rollout

import (
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

func (m *Machine) hard() bool { return m.Plan.Ceiling == plan.CeilingHard }

// leavesRoom reports whether a budget allows one more start beside those being
// prepared. Under a soft ceiling a start waits while failures, should every
// unknown one have failed, exceed the budget. Under a hard one everything in
// flight may fail too, and the new one with it.
func (m *Machine) leavesRoom(b Budget, preparing int) bool {
	if m.hard() {
		return b.Failed+b.Flying+preparing+1 <= b.Limit
	}
	return b.Failed+b.Unresolved <= b.Limit
}

// room reports whether the run and its open waves leave room for one more
// start.
func (m *Machine) room(preparing int) bool {
	if !m.leavesRoom(m.RunBudget(), preparing) || m.streakMayHalt() {
		return false
	}
	for w := 0; w <= m.current; w++ {
		if b, ok := m.WaveBudget(w); ok && b.Startable > 0 && !m.leavesRoom(b, preparing) {
			return false
		}
	}
	return true
}

// streakMayHalt reports whether the failures whose code is still being read
// could be those that halt for one code: no start goes out before it is known.
func (m *Machine) streakMayHalt() bool {
	n := m.Plan.SameErrorHalt
	return n > 0 && m.doing[explaining] > 0 && m.SameError.N+m.doing[explaining] >= n
}

// partsRoom reports whether the parts of the run that the vaults of a cell are in leave
// room for one more start, beside those being prepared.
func (m *Machine) partsRoom(cell int, preparing bool) bool {
	return !slices.ContainsFunc(m.cells[cell], func(p int) bool {
		n := 0
		if preparing {
			n = m.preparing[p]
		}
		return !m.leavesRoom(m.partBudget(p), n)
	})
}

// exceeded reports whether a budget halts: what is final exceeds it, or under
// a hard ceiling uses it up, with something left that could not start any
// more and nothing in flight whose end could matter.
func (m *Machine) exceeded(b Budget) bool {
	return b.Failed > b.Limit || m.hard() && b.Failed == b.Limit && b.Flying == 0 && b.Startable > 0
}

// checkBudgets halts the run when failures exceed a budget and there is still
// something a halt would keep from starting. A part's budget can have changed only
// if one of its vaults did in this Step.
func (m *Machine) checkBudgets() {
	defer clear(m.touched)
	if m.Run.Halt != nil || m.Run.Closed != nil || m.tally.startable == 0 {
		return
	}
	halt := func(h fleet.RunHalted, b Budget) {
		h.Failures, h.Budget = b.Failed, b.Limit
		m.emit(h)
	}
	if b := m.RunBudget(); m.exceeded(b) {
		halt(fleet.RunHalted{Scope: "run"}, b)
		return
	}
	if n := m.Plan.SameErrorHalt; n > 0 && m.SameError.N >= n {
		m.emit(fleet.RunHalted{Scope: "run", SameError: m.SameError.Code, Failures: m.SameError.N, Budget: n - 1})
		return
	}
	for w := 0; w <= m.current; w++ {
		if b, ok := m.WaveBudget(w); ok && m.exceeded(b) {
			halt(fleet.RunHalted{Scope: m.Waves[w].Name, Wave: true}, b)
			return
		}
	}
	for _, p := range inOrder(m.touched) {
		if b := m.partBudget(p); m.exceeded(b) {
			halt(fleet.HaltedIn(m.parts[p].scope.Name, m.parts[p].key), b)
			return
		}
	}
}
