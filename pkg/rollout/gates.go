package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// deniedReads in a row confirm that a sign-in is really missing, and so many
// suspensions in a row that only the starts are refused.
const (
	confirmReads   = 3
	confirmDenials = 3
)

// throttle leaves a subscription alone until a time. It is journalled when it
// lasts longer than one poll, so that a resume honours it too.
func (m *Machine) throttle(s int, until time.Time) {
	sub := &m.subs[s]
	if !until.After(m.now) || !until.After(sub.throttledUntil) {
		return
	}
	sub.throttledUntil = until
	if until.Sub(m.now) > m.Plan.Timings.Poll && !m.Throttled[sub.id].Equal(until) {
		m.emit(fleet.Throttled{Subscription: sub.id, Until: until})
	}
	m.timers.set(len(m.jobs)+s, until)
}

// subDue ends a throttle.
func (m *Machine) subDue(s int) { m.starts.subFreed(s) }

// refused suspends a subscription that denied a start, a check or a token, and
// counts how often that came in a row.
func (m *Machine) refused(s int, detail string) {
	if sub := &m.subs[s]; !sub.suspended {
		sub.denials++
		m.suspend(s, detail)
	}
}

// suspend stops starts and checks in a subscription until a read succeeds.
func (m *Machine) suspend(s int, detail string) {
	sub := &m.subs[s]
	if sub.suspended {
		return
	}
	sub.suspended, sub.unread, sub.suspendedAt, sub.detail, sub.deniedReads = true, true, m.now, detail, 0
	sub.confirmed = sub.denials >= confirmDenials
	m.suspended++
	m.act(Watch{sub.id, -1, true})
	for i := range sub.watched {
		m.settle(i)
	}
}

// readSucceeded lifts a suspension if the read began after it. A subscription
// that reads well but refuses every start stays suspended; what is in flight
// in it is followed all the same.
func (m *Machine) readSucceeded(s int, readAt time.Time) {
	sub := &m.subs[s]
	sub.deniedReads = 0
	if !sub.suspended || readAt.Before(sub.suspendedAt) {
		return
	}
	if sub.unread {
		sub.unread, sub.liftedAt = false, m.now // listed settles the watched vaults
	}
	if sub.denials >= confirmDenials {
		return
	}
	sub.suspended, sub.confirmed = false, false
	m.suspended--
	m.act(Watch{sub.id, -1, false})
	parked := sub.parked
	sub.parked = nil
	for _, i := range parked {
		m.settle(i)
	}
	m.starts.subFreed(s)
}

func (m *Machine) listFailed(o ListFailed) {
	s, ok := m.subIndex[o.Subscription]
	if !ok || o.Class != fleet.CallDenied && o.Class != fleet.CallForbidden {
		return
	}
	m.suspend(s, o.Detail)
	sub := &m.subs[s]
	if !sub.unread {
		sub.unread = true
		for i := range sub.watched {
			m.settle(i)
		}
	}
	if sub.deniedReads++; sub.deniedReads >= confirmReads {
		sub.confirmed = true
	}
}

// holding reports whether no start may begin for now because unknown starts,
// should they all have failed, would exceed a budget.
func (m *Machine) holding() bool {
	if exceeds(m.RunBudget(), true) {
		return true
	}
	for w := 0; w <= m.current; w++ {
		if b, ok := m.WaveBudget(w); ok && exceeds(b, true) {
			return true
		}
	}
	return false
}

func exceeds(b Budget, withUnresolved bool) bool {
	n := b.Failed
	if withUnresolved {
		n += b.Unresolved
	}
	return n > b.Limit
}

// checkBudgets halts the run when failures exceed a budget and there is still
// something a halt would keep from starting.
func (m *Machine) checkBudgets() {
	t := &m.Totals
	startable := t.Of(fleet.Pending) + t.Of(fleet.Validating) + t.Of(fleet.Ready) + t.Of(fleet.Busy)
	if m.Run.Halt != nil || m.Run.Closed != nil || startable == 0 {
		return
	}
	if b := m.RunBudget(); exceeds(b, false) {
		m.emit(fleet.RunHalted{Scope: "run", Failures: b.Failed, Budget: b.Limit})
		return
	}
	for w := 0; w <= m.current; w++ {
		if b, ok := m.WaveBudget(w); ok && exceeds(b, false) {
			m.emit(fleet.RunHalted{Scope: m.Waves[w].Name, Wave: true, Failures: b.Failed, Budget: b.Limit})
			return
		}
	}
}

// turnWaves closes the waves that are done and opens the next one.
func (m *Machine) turnWaves() {
	for m.Run.Closed == nil {
		for w := 0; w <= m.current; w++ {
			if ws := &m.Waves[w]; ws.DoneAt.IsZero() && ws.tally.open == 0 {
				m.emit(fleet.WaveDone{Wave: ws.Name})
			}
		}
		if m.open > 0 || m.Run.Halt != nil || m.stopping || m.current+1 >= len(m.Waves) {
			return
		}
		next := m.current + 1
		m.emit(fleet.WaveOpened{Wave: m.Waves[next].Name})
		for _, i := range m.Plan.Waves[next].Vaults {
			m.settle(i)
		}
	}
}

// leave ends the process when there is nothing more to do in it.
func (m *Machine) leave() {
	if m.exited {
		return
	}
	last := m.current+1 >= len(m.Waves)
	switch {
	case m.stopping:
		if m.doing[sending] == 0 {
			m.emit(fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted})
			m.exit(fleet.ExitInterrupted)
		}
	case last && m.tally.open == 0 && m.working() == 0:
		code := m.Verdict()
		m.emit(fleet.RunClosed{Code: code})
		m.exit(code)
	case m.Run.Halt != nil && m.flight == 0 && m.doing[explaining] == 0:
		m.exit(fleet.ExitHalted)
	case m.stuck():
		m.emit(fleet.RunSuspended{Why: fleet.SuspendedSignIn, Detail: m.stuckDetail(), Code: fleet.ExitSignIn})
		m.exit(fleet.ExitSignIn)
	}
}

func (m *Machine) exit(code fleet.ExitCode) {
	m.exited = true
	m.act(Exit{code})
}

// stuck reports whether all that is left to do waits for a sign-in or a
// permission.
func (m *Machine) stuck() bool {
	if m.suspended == 0 || m.working() > 0 {
		return false
	}
	left, stuck := m.open, 0
	if m.Run.Halt != nil {
		left = m.flight
	}
	for i := range m.subs {
		s := &m.subs[i]
		switch {
		case !s.suspended || !s.confirmed:
		case s.deniedReads < confirmReads && len(s.watched) > 0:
			return false // what is in flight there may be followed
		case m.Run.Halt != nil:
			stuck += s.flight
		default:
			stuck += s.open
		}
	}
	return left > 0 && stuck == left
}

func (m *Machine) stuckDetail() string {
	for i := range m.subs {
		if s := &m.subs[i]; s.suspended && s.confirmed {
			return "subscription " + s.id + ": " + s.detail
		}
	}
	return ""
}

// Verdict is the exit code of the run as it stands, were nothing more to
// happen (design §5).
func (s *State) Verdict() fleet.ExitCode {
	t := &s.Totals
	switch {
	case s.Run.Closed == nil && s.Run.Suspended != nil:
		return s.Run.Suspended.Code
	case s.Run.Closed != nil:
		return s.Run.Closed.Code
	case s.tally.open > 0 && s.Run.Halt == nil:
		return fleet.ExitInterrupted
	case s.Run.Halt != nil && s.inFlight() > 0:
		return fleet.ExitInterrupted
	case s.Run.Halt != nil:
		return fleet.ExitHalted
	case t.Of(fleet.Failed)+t.Of(fleet.Unknown) > 0:
		return fleet.ExitFailures
	case t.Of(fleet.Blocked)+t.Of(fleet.Busy) > 0:
		return fleet.ExitNotUpgraded
	}
	return fleet.ExitOK
}

func (s *State) inFlight() int {
	n := 0
	for i := range s.Vaults {
		if s.Vaults[i].InFlight() {
			n++
		}
	}
	return n
}
