package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// settle puts a vault where its state wants it: slots, watch, queues, counts,
// deadline. It runs after every change of the vault, and for all of them after
// a replay; nothing else places a vault.
func (m *Machine) settle(i int) {
	v, j := &m.Vaults[i], &m.jobs[i]
	s := &m.subs[j.Sub]

	// A vault that is validated again at the door keeps its slot: as many as
	// may start are checked again, not all that wait. One that was held there
	// has left it.
	j.Stale = j.Stale && v.Status != fleet.Excluded
	if want := v.InFlight() || j.Doing == preparing || j.Stale; want != j.Slot {
		j.Slot = want
		if want {
			m.slots, s.Used, m.locs[j.Loc].used = m.slots+1, s.Used+1, m.locs[j.Loc].used+1
		} else {
			m.slots, s.Used, m.locs[j.Loc].used = m.slots-1, s.Used-1, m.locs[j.Loc].used-1
			m.starts.subFreed(j.Sub)
			m.starts.locFreed(j.Loc)
		}
	}
	if want := v.Open() && m.waveOpen(i); want != j.Counted {
		j.Counted = want
		by := oneMore(want)
		m.open, s.Open = m.open+by, s.Open+by
	}
	if want := v.InFlight(); want != j.Flying {
		j.Flying = want
		by := oneMore(want)
		m.flight, s.Flight = m.flight+by, s.Flight+by
	}
	if want := v.InFlight() || v.Status == fleet.Upgrading; want != j.Watched {
		j.Watched = want
		if want {
			s.Watched[i] = struct{}{}
		} else {
			delete(s.Watched, i)
		}
		m.act(m.watch(i, want))
	} else if want && (!sameOperation(v.Operation, j.Operation) || v.Operation != nil && v.Overdue != j.Overdue) {
		m.act(m.watch(i, true))
	}
	j.Operation, j.Overdue = v.Operation, v.Overdue
	m.countUnchecked(i)
	if !j.NotBefore.After(m.now) || v.Status != fleet.Ready {
		delete(m.windowed, i)
	}
	m.enqueue(i)
	m.timers.set(i, m.nextDue(i))
}

// oneMore is what a count changes by: of one more, or of one less.
func oneMore(more bool) int {
	if more {
		return 1
	}
	return -1
}

// sameOperation compares what is followed.
func sameOperation(a, b *fleet.Operation) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func (m *Machine) watch(i int, on bool) Watch {
	w := Watch{Subscription: m.subs[m.jobs[i].Sub].ID, Vault: i, On: on}
	if v := &m.Vaults[i]; on {
		w.OperationID, w.Operation, w.Overdue = v.OperationID, v.Operation, v.Overdue
		if v.Operation != nil {
			w.Since = v.IntendedAt
		}
		if v.Operation.WhyUnfollowed() == "" && !v.Overdue {
			w.NotBefore = v.LookFrom
		}
	}
	return w
}

// mayCheck reports whether a vault may be validated now.
func (m *Machine) mayCheck(i int) bool {
	return m.waveOpen(i) || m.Run.ValidateAllFirst || m.Plan.Vaults[i].Wave == m.ahead-1
}

// countUnchecked counts the vaults whose first check the starts wait for: all
// of the wave's, so that the morning's surprises are known in the evening. A
// subscription without a sign-in, or one that is throttled for
// longer than a poll, does not hold up the others.
func (m *Machine) countUnchecked(i int) {
	v, j := &m.Vaults[i], &m.jobs[i]
	s := &m.subs[j.Sub]
	first := v.Status == fleet.Pending || v.Status == fleet.Validating && j.Back == fleet.Pending
	if want := first && m.mayCheck(i); want != j.Unchecked {
		j.Unchecked = want
		by := oneMore(want)
		s.Unchecked += by
		if !s.excused() {
			m.unchecked += by
		}
	}
}

// excused reports whether the starts of others go before the subscription's
// checks.
func (s *sub) excused() bool { return s.Denied || s.Away }

// excuse changes what excuses a subscription.
func (m *Machine) excuse(s *sub, change func()) {
	was := s.excused()
	change()
	switch is := s.excused(); {
	case is && !was:
		m.unchecked -= s.Unchecked
	case was && !is:
		m.unchecked += s.Unchecked
	}
}

// enqueue lets a vault wait for a check or for a start.
func (m *Machine) enqueue(i int) {
	v, j := &m.Vaults[i], &m.jobs[i]
	if j.Doing != idle || !m.mayCheck(i) || j.NotBefore.After(m.now) {
		return
	}
	switch v.Status {
	case fleet.Pending:
		m.toCheck(i)
	case fleet.Busy:
		if !m.looksAgainAt(i).After(m.now) {
			m.toCheck(i)
		}
	case fleet.Ready:
		switch {
		case v.outOfTries() && m.subs[j.Sub].Denied:
			// It waits for the sign-in, and is not given up for want of one.
			m.subs[j.Sub].Parked = append(m.subs[j.Sub].Parked, i)
		case v.outOfTries():
			m.spent = append(m.spent, i)
		case j.Stale:
			m.toCheck(i)
		case !m.waveOpen(i):
		case !j.QueuedStart:
			j.QueuedStart = true
			m.starts.push(i, j.Sub, j.Loc, m.cellOf[i])
		}
	}
}

// endSpent ends the wait of the vaults that were placed and have no tries left.
func (m *Machine) endSpent() {
	for len(m.spent) > 0 {
		i := m.spent[0]
		m.spent = m.spent[1:]
		if v := &m.Vaults[i]; v.Status == fleet.Ready && v.outOfTries() && m.jobs[i].Doing == idle {
			m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineAttempts, Last: m.lastAnswer(i)})
		}
	}
}

func (m *Machine) toCheck(i int) {
	if j := &m.jobs[i]; !j.QueuedCheck {
		j.QueuedCheck = true
		m.validation.push(i)
	}
}

// nextDue is when a vault must be looked at again if nothing else happens;
// zero: never.
func (m *Machine) nextDue(i int) time.Time {
	v, j := &m.Vaults[i], &m.jobs[i]
	if j.Doing != idle {
		return time.Time{}
	}
	switch v.Status {
	case fleet.Pending, fleet.Ready:
		if j.NotBefore.After(m.now) {
			return j.NotBefore
		}
	case fleet.Busy:
		if !j.QueuedCheck && m.mayCheck(i) { // it may have been checked at a gate that a process left
			return m.looksAgainAt(i)
		}
	case fleet.Starting: // nobody sends it: its process has died
		return m.startEnds(v.IntendedAt)
	case fleet.Unknown:
		if !v.Final && !m.subs[j.Sub].Unread {
			return earlier(m.reconcileBy(i), m.readAt(i))
		}
	case fleet.Upgrading:
		var due time.Time
		if !v.Overdue {
			due = m.overdueAt(i)
		}
		if v.CloudDone && !m.subs[j.Sub].Unread {
			due = earlier(due, earlier(m.verifyBy(i), later(v.DoneSince, j.RetryAt)))
		}
		due = earlier(due, m.blindBy(i))
		return due
	}
	return time.Time{}
}

// overdueAt is when an upgrade has been under way for too long. Somebody else's
// is given up then, but not before this process has had the time to look at it:
// it may have ended while nobody did.
func (m *Machine) overdueAt(i int) time.Time {
	v, t := &m.Vaults[i], &m.Plan.Timings
	at := v.StartedAt.Add(m.overdue())
	if v.Foreign {
		at = later(at, later(m.Run.ResumedAt, m.awake).Add(2*t.Poll+t.ReconcileGrace))
	}
	return at
}

// readAt is when the next reconciling read may be made. A read that is to
// prove absence comes a grace after the start's deadline, or after the proof's
// first read.
func (m *Machine) readAt(i int) time.Time {
	v, t := &m.Vaults[i], &m.Plan.Timings
	at := v.ProofFrom.Add(t.ReconcileGrace)
	if v.Absences > 0 {
		at = later(at, v.AbsentAt.Add(t.ReconcileGrace))
	}
	return later(at, m.jobs[i].RetryAt)
}

// reconcileBy is when an unknown start stays unknown.
func (m *Machine) reconcileBy(i int) time.Time {
	v, t := &m.Vaults[i], &m.Plan.Timings
	return later(v.ProofFrom.Add(t.ReconcileGrace), m.readable(i)).Add(t.ReconcileDeadline)
}

// verifyBy is when an upgrade that the cloud calls done counts as unknown.
func (m *Machine) verifyBy(i int) time.Time {
	return later(m.Vaults[i].DoneSince, m.readable(i)).Add(m.Plan.Timings.ReconcileDeadline)
}

// readable is since when the vault's subscription may be read again: after a
// denial, after it is throttled, and after everything stood still.
func (m *Machine) readable(i int) time.Time {
	s := &m.subs[m.jobs[i].Sub]
	return later(m.awake, later(s.LiftedAt, s.ThrottledUntil))
}

// due acts on a vault's deadline.
func (m *Machine) due(i int) {
	v, j := &m.Vaults[i], &m.jobs[i]
	past := func(t time.Time) bool { return !t.IsZero() && !t.After(m.now) }
	switch v.Status {
	case fleet.Starting:
		m.emit(fleet.StartAnswered{Vault: m.key(i), OperationID: v.OperationID,
			Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown,
				Code: fleet.CodeAnswerLost, Message: "whoever was to send it has said nothing"}})
	case fleet.Unknown:
		switch {
		case past(m.reconcileBy(i)):
			m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineReconcile, Reading: m.lastReading(i)})
		case past(m.readAt(i)):
			m.begin(i, reconciling)
			m.act(Reconcile{i, v.OperationID, v.Absences + 1, v.Before()})
		}
	case fleet.Upgrading:
		if !v.Overdue && past(m.overdueAt(i)) {
			m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineOverdue})
		}
		switch {
		case m.lost(i):
			m.abandon(i)
		case m.subs[j.Sub].Unread:
		case !v.CloudDone:
			if past(m.blindBy(i)) {
				m.abandon(i)
			}
		case past(m.verifyBy(i)):
			m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineReconcile, Reading: m.lastReading(i)})
		case past(later(v.DoneSince, j.RetryAt)):
			m.begin(i, verifying)
			m.act(Verify{i, v.OperationID})
		}
	}
	m.settle(i)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier returns the earlier of two times; zero is no time.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
