package rollout

import "github.com/fleetup-dev/fleetup/pkg/fleet"

// leave ends the process when there is nothing more to do in it.
func (m *Machine) leave() {
	if m.exited {
		return
	}
	last := m.current+1 >= len(m.Waves)
	switch {
	case m.Closing() && m.flight == 0 && m.doing[sending] == 0 && (m.stopping || m.doing[explaining] == 0):
		m.close() // a signal that comes with the end of what was in flight leaves nothing to resume
	case m.stopping:
		if m.doing[sending] == 0 {
			s := fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted}
			if st := m.Run.Stopped; st != nil && !st.Close {
				s.Why, s.By, s.Reason = fleet.SuspendedStop, st.By.User, st.Reason
			}
			m.emit(s)
			m.exit(fleet.ExitInterrupted)
		}
	case m.Closing():
	case last && m.tally.open == 0 && m.working() == 0:
		m.close()
	case m.Run.Halt != nil && m.flight == 0 && m.doing[explaining] == 0:
		m.exit(fleet.ExitHalted)
	case m.ExitWhenWaiting && m.Run.Paused != nil && m.working() == 0 && m.flight == 0:
		m.emit(fleet.RunSuspended{Why: fleet.SuspendedPause, By: m.Run.Paused.By.User, Reason: m.Run.Paused.Reason,
			Code: fleet.ExitInterrupted})
		m.exit(fleet.ExitInterrupted)
	case m.ExitWhenWaiting && m.waits():
		s := fleet.RunSuspended{Why: fleet.SuspendedWait, Gate: m.waiting.Gate, Wave: m.waiting.Wave,
			Code: fleet.ExitInterrupted}
		switch {
		case s.Gate != "":
		case !m.waiting.Date.IsZero():
			s.Until = m.waiting.Date
		default:
			s.Wave, s.Until = "", m.windowOpens().UTC()
		}
		m.emit(s)
		m.exit(fleet.ExitInterrupted)
	case m.stuck():
		id, said := m.surelyDenied()
		m.emit(fleet.RunSuspended{Why: fleet.SuspendedSignIn, Subscription: id, Detail: said, Code: fleet.ExitSignIn})
		m.exit(fleet.ExitSignIn)
	}
}

func (m *Machine) close() {
	code := m.Verdict()
	m.emit(fleet.RunClosed{Code: code, NeverStarted: m.leaves()})
	m.exit(code)
}

// leaves is NeverStarted as the journal has it: there a vault that is being checked again
// is where it was before, and one that was busy then is counted as that.
func (m *Machine) leaves() (n int) {
	if !m.Closing() {
		return 0
	}
	for i := range m.Vaults {
		v := m.Vaults[i]
		if v.Status == fleet.Validating {
			v.Status = m.jobs[i].Back
		}
		if v.NeverStarted() {
			n++
		}
	}
	return n
}

func (m *Machine) exit(code fleet.ExitCode) {
	m.exited = true
	m.act(Exit{code})
}

// waits reports whether all that is left to do waits for a window, a date or an
// approval.
func (m *Machine) waits() bool {
	if m.working() > 0 || m.flight > 0 || m.Run.Halt != nil {
		return false
	}
	return m.open == 0 && (m.waiting.Gate != "" || !m.waiting.Date.IsZero()) || m.open > 0 && len(m.windowed) == m.open
}

// stuck reports whether all that is left to do waits for a sign-in or a
// permission.
func (m *Machine) stuck() bool {
	if m.denied == 0 || m.working() > 0 {
		return false
	}
	left, stuck := m.open, 0
	if m.Run.Halt != nil {
		left = m.flight
	}
	for i := range m.subs {
		s := &m.subs[i]
		switch {
		case !s.Denied || !s.Confirmed:
		case s.DeniedReads < confirmReads && len(s.Watched) > 0:
			return false // what is in flight there may be followed
		case m.Run.Halt != nil:
			stuck += s.Flight
		default:
			stuck += s.Open
		}
	}
	return left > 0 && stuck == left
}

// surelyDenied is a subscription to which access is missing, and what the cloud said.
func (m *Machine) surelyDenied() (id, said string) {
	for i := range m.subs {
		if s := &m.subs[i]; s.Denied && s.Confirmed {
			return s.ID, s.Detail
		}
	}
	return "", ""
}

// Verdict is the exit code of the run as it stands, were nothing more to
// happen (design.md#the-command-line). A run that is over keeps the code it ended with, until a
// refresh finds what has become of its vaults since.
func (s *State) Verdict() fleet.ExitCode {
	t := &s.Totals
	switch {
	case s.Run.Closed == nil && s.Run.Suspended != nil && !s.over():
		return s.Run.Suspended.Code
	case s.Run.Closed != nil && s.Run.RefreshedAt.Before(s.Run.ClosedAt):
		return s.Run.Closed.Code
	case s.tally.open > 0 && s.Run.Halt == nil && !s.over():
		return fleet.ExitInterrupted
	case s.Run.Halt != nil && s.InFlight() > 0:
		return fleet.ExitInterrupted
	case s.Run.Halt != nil:
		return fleet.ExitHalted
	case t.Of(fleet.Failed)+t.Of(fleet.Unknown) > 0:
		return fleet.ExitFailures
	case t.Of(fleet.Blocked)+t.Of(fleet.Busy)+s.tally.open-t.LeftDone().All > 0: // what is left done needs no start
		return fleet.ExitNotUpgraded
	}
	return fleet.ExitOK
}

// over reports whether a run that a person wants closed has nothing in flight
// any more: what has not started will not start in it.
func (s *State) over() bool { return s.Closing() && s.tally.flying == 0 }

// InFlight counts the vaults whose upgrade, started by us, may be under way. It
// costs O(vaults).
func (s *State) InFlight() int {
	n := 0
	for i := range s.Vaults {
		if s.Vaults[i].InFlight() {
			n++
		}
	}
	return n
}
