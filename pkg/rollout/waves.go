package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Waiting is what a run waits for when nothing is to be done.
type Waiting struct {
	Wave string    `json:"wave,omitzero"`
	Gate string    `json:"gate,omitzero"` // fleet.GateBefore or GateAfter: an approval; empty: none
	Soak time.Time `json:"soak,omitzero"` // until when the wave soaks; zero: it does not
	Date time.Time `json:"date,omitzero"` // before which the wave does not open; zero: none
}

// turnWaves closes the waves that are done and opens the next one, once the
// last has soaked and the gates between them are open.
func (m *Machine) turnWaves() {
	m.decided = false
	for m.Run.Closed == nil {
		done := false
		for w := 0; w <= m.current; w++ {
			if ws := &m.Waves[w]; ws.DoneAt.IsZero() && ws.tally.open == 0 {
				m.emit(fleet.WaveDone{Wave: ws.Name})
				done = true
			}
		}
		if done {
			m.setLimits()
		}
		m.waiting = Waiting{}
		if m.open > 0 || m.Run.Halt != nil || m.leaving() || m.current+1 >= len(m.Waves) || !m.mayTurn() {
			return
		}
		next := m.current + 1
		m.emit(fleet.WaveOpened{Wave: m.Waves[next].Name})
		m.setLimits()
		for _, i := range m.Plan.Waves[next].Vaults {
			m.settle(i)
		}
	}
}

// mayTurn reports whether the next wave may open.
func (m *Machine) mayTurn() bool {
	if w := m.current; w >= 0 {
		wave, name := &m.Plan.Waves[w], m.Waves[w].Name
		if until := m.SoaksUntil(w); until.After(m.now) {
			m.timers.set(m.waveTimer(), until)
			m.waiting = Waiting{Wave: name, Soak: until}
			return false
		}
		if a := wave.Approval; a != nil && a.When == plan.ApprovalAfter && !m.pass(w, fleet.GateAfter) {
			return false
		}
	}
	next := &m.Plan.Waves[m.current+1]
	if now := m.wall(); next.NotBefore.After(now) {
		m.timers.set(m.waveTimer(), m.now.Add(next.NotBefore.Sub(now)))
		m.waiting = Waiting{Wave: next.Name, Date: next.NotBefore}
		return false
	}
	a := next.Approval
	return a == nil || a.When != plan.ApprovalBefore || m.pass(m.current+1, fleet.GateBefore)
}

// pass opens a gate if a person's approval holds, or if there is nothing to
// approve.
func (m *Machine) pass(w int, when string) bool {
	if !m.gate(w, when).OpenedAt.IsZero() {
		return true
	}
	if m.Needless(w, when) {
		m.emit(fleet.GateOpened{Wave: m.Waves[w].Name, When: when, Needless: true})
		return true
	}
	if m.CheckApproval(w, when, m.wall()) != nil {
		if when == fleet.GateBefore && m.ahead <= w && m.LeftDone(w) {
			m.ahead = w + 1
			for _, i := range m.Plan.Waves[w].Vaults {
				m.settle(i)
			}
		}
		if when != fleet.GateBefore || !m.ChecksFirst(w) {
			m.waiting = Waiting{Wave: m.Waves[w].Name, Gate: when}
		}
		return false
	}
	m.emit(fleet.GateOpened{Wave: m.Waves[w].Name, When: when})
	return true
}

// SoaksUntil is when a wave has soaked; zero while it is not done, and for the last
// one, after which nothing comes. What soaks is a change: a wave of which this run has
// changed nothing soaks from when an earlier run of the ledger last did, so that one
// that was done the night before soaks no second time, and one that was done just now
// is not passed by closing the run and beginning another.
func (s *State) SoaksUntil(w int) time.Time {
	ws := &s.Waves[w]
	switch {
	case ws.DoneAt.IsZero() || w+1 == len(s.Waves):
		return time.Time{}
	case ws.tally.changed > 0:
		return ws.DoneAt.Add(s.Plan.Waves[w].Soak)
	case ws.Changed.IsZero():
		return ws.DoneAt
	}
	return ws.Changed.Add(s.Plan.Waves[w].Soak)
}

// Needless reports whether a gate of a wave needs nobody's approval: nothing of the wave was
// started, and its vaults were as wanted before the run, as on a second night. Vaults
// that are held change nothing about that, but before the wave those that a person holds in
// this run, who may release them. Neither do those that are blocked, where an
// earlier run of the ledger has upgraded one of the wave: that is what was to be looked
// at then, and nothing was added to it. A wave of nothing but held and blocked ones has
// shown nothing, and a failed or unknown one is for a person to look at.
func (s *State) Needless(w int, when string) bool {
	ws := &s.Waves[w]
	if when == fleet.GateBefore && ws.tally.heldNow > 0 {
		return false
	}
	already, rest := ws.Totals.Of(fleet.Already), ws.Totals.Of(fleet.Excluded)
	if ws.tally.earlier > 0 {
		rest += ws.Totals.Of(fleet.Blocked)
	}
	return already > 0 && already+rest == ws.Totals.All() && ws.tally.changed == 0
}

// LeftDone reports whether earlier runs of the ledger left all of a wave as wanted, but for
// what the inventory holds. Such a wave is checked at the gate before it: where it is as
// they left it there is nothing to approve, and where a vault is not, nothing starts without
// an approval.
func (s *State) LeftDone(w int) bool {
	ws := &s.Waves[w]
	t := &ws.tally
	return t.leftDone > 0 && t.leftDone+ws.Totals.Of(fleet.Excluded) >= ws.Totals.All() && t.heldNow == 0
}

// ChecksFirst reports whether checks may still show that the gate before a wave that was
// left done needs nobody: until then nobody is asked. Where they cannot go on, for want of a
// sign-in or a permission, a person is.
func (s *State) ChecksFirst(w int) bool {
	t := &s.Waves[w].Totals
	unchecked, needed := t.Of(fleet.Pending)+t.Of(fleet.Validating), t.Of(fleet.Ready)+t.Of(fleet.Upgrading) > 0
	if !s.LeftDone(w) || unchecked == 0 || needed {
		return false
	}
	if len(s.Denied) == 0 {
		return true
	}
	return !slices.ContainsFunc(s.Plan.Waves[w].Vaults, func(i int) bool {
		_, denied := s.Denied[s.Plan.Vaults[i].SubscriptionID]
		return denied && (s.Vaults[i].Status == fleet.Pending || s.Vaults[i].Status == fleet.Validating)
	})
}

func (s *State) gate(w int, when string) *Gate {
	if when == fleet.GateBefore {
		return &s.Waves[w].Before
	}
	return &s.Waves[w].After
}

// CheckApproval says why the approval of a gate does not hold at a time, nil
// when it does.
func (s *State) CheckApproval(w int, when string, wall time.Time) error {
	a, rule := s.gate(w, when).Approved, s.Plan.Waves[w].Approval
	if a == nil {
		return fmt.Errorf("nobody has approved it")
	}
	now, of := s.Evidence(w, when), ""
	was, is := fleet.Losses{Failed: a.Evidence.Failed, Unknown: a.Evidence.Unknown},
		fleet.Losses{Failed: now.Failed, Unknown: now.Unknown}
	if run := a.Evidence.Run; run != nil && was.Failed >= is.Failed && was.Unknown >= is.Unknown {
		was, is, of = *run, *now.Run, " in the run"
	}
	switch {
	case a.PlanFingerprint != s.Plan.Fingerprint:
		return fmt.Errorf("the plan has changed since %s approved it", a.By.User)
	case !wall.Before(a.ExpiresAt):
		return fmt.Errorf("the approval of %s expired at %s", a.By.User, a.ExpiresAt.Format(time.RFC3339))
	case is.Failed > was.Failed || is.Unknown > was.Unknown:
		return fmt.Errorf("since %s approved it, failures%s rose from %d to %d and unknown ones from %d to %d",
			a.By.User, of, was.Failed, is.Failed, was.Unknown, is.Unknown)
	case rule != nil && rule.NotBy == plan.NotByStarter && a.By.User == s.Run.By.User:
		return fmt.Errorf("%s started the run, and another person must approve it", a.By.User)
	}
	return nil
}

// Evidence is what a gate's approval is about: the totals of the wave that is done, or
// nothing before the first wave; and what the run has lost by then, in whichever wave.
func (s *State) Evidence(w int, when string) fleet.Evidence {
	if when == fleet.GateBefore {
		w--
	}
	e := fleet.Evidence{Run: &fleet.Losses{Failed: s.Totals.Of(fleet.Failed), Unknown: s.Totals.Of(fleet.Unknown)}}
	if w >= 0 {
		t := &s.Waves[w].Totals
		e.Upgraded, e.Failed, e.Unknown, e.Blocked = t.Of(fleet.Upgraded), t.Of(fleet.Failed), t.Of(fleet.Unknown),
			t.Of(fleet.Blocked)
	}
	return e
}

// NextGate is the gate that the run stands before: its wave is done and has
// nothing left, or is about to open; ok is false when there is none, when it needs nobody's
// approval, and while it is not known whether it does.
func (s *State) NextGate() (w int, when string, ok bool) {
	if c := s.current; c >= 0 {
		a := s.Plan.Waves[c].Approval
		if a != nil && a.When == plan.ApprovalAfter && s.Waves[c].After.OpenedAt.IsZero() && c+1 < len(s.Waves) &&
			!s.Needless(c, fleet.GateAfter) {
			return c, fleet.GateAfter, true
		}
	}
	if n := s.current + 1; n < len(s.Waves) {
		a := s.Plan.Waves[n].Approval
		if a != nil && a.When == plan.ApprovalBefore && s.Waves[n].Before.OpenedAt.IsZero() &&
			!s.Needless(n, fleet.GateBefore) && !s.ChecksFirst(n) {
			return n, fleet.GateBefore, true
		}
	}
	return 0, "", false
}

// Waiting is what the run waits for; empty when it does not.
func (m *Machine) Waiting() Waiting { return m.waiting }

// waveTimer owns the timer of a soak, and of the date before which a wave does not open.
func (m *Machine) waveTimer() int { return len(m.jobs) + len(m.subs) }

// setLimits takes the limits that hold in the wave opened last, and in those
// before it of which a vault was re-opened: of each the lowest.
func (m *Machine) setLimits() {
	m.limits = under(m.openLimits(), m.Run.Limits)
	for s := range m.subs { // what was full may have room now
		m.starts.subFreed(s)
	}
	for l := range m.locs {
		m.starts.locFreed(l)
	}
}

// lower returns the lower of two limits, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
