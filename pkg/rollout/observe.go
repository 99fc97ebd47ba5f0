package rollout

import (
	"bytes"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// observe takes in one observation.
func (m *Machine) observe(o Observation) {
	switch o := o.(type) {
	case Interrupted:
		m.stopping = true
	case SlowDown:
		if s, ok := m.subAt[o.Subscription]; ok {
			m.throttle(s, o.Until)
		}
	case ReadFailed:
		m.listFailed(o)
	case ReadDone:
		m.listed(&o.Snapshot)
	case PrepareDone:
		m.prepared = append(m.prepared, o)
	case SendDone:
		m.withJob(o.Vault, sending, func(i int) { m.answered(i, o) })
	case ReconcileDone:
		m.withJob(o.Vault, reconciling, func(i int) { m.reconciled(i, o) })
	case VerifyDone:
		m.withJob(o.Vault, verifying, func(i int) { m.verified(i, o) })
	case ExplainDone:
		m.withJob(o.Vault, explaining, func(int) {
			m.emit(fleet.Observed{Vault: o.Vault, OperationID: o.OperationID, Findings: o.Findings, Explained: true})
		})
	case ValidateDone:
		m.withJob(o.Vault, validating, func(i int) { m.validated(i, o) })
	case PrepareFailed:
		m.withJob(o.Vault, preparing, func(i int) { m.unprepared(i, o) })
	}
}

// withJob ends what was being done for the vault and looks at its result. A
// result nobody waits for is dropped.
func (m *Machine) withJob(k fleet.Key, a activity, do func(i int)) {
	i, ok := m.find(k)
	if !ok || m.jobs[i].Doing != a {
		return
	}
	m.end(i)
	do(i)
	m.settle(i)
}

func (m *Machine) validated(i int, o ValidateDone) {
	v, j := &m.Vaults[i], &m.jobs[i]
	if v.Status != fleet.Validating {
		return // a person held it meanwhile
	}
	m.count(i, -1)
	v.Status = j.Back
	m.count(i, +1)
	j.Stale, j.Changed = false, false
	r := o.Result
	switch r.Verdict {
	case fleet.VerdictDenied:
		m.refused(j.Sub, firstError(r.Findings))
		return
	case fleet.VerdictThrottled:
		if r = m.checkThrottled(j.Sub, r); r.Verdict == fleet.VerdictThrottled {
			j.NotBefore = m.subs[j.Sub].ThrottledUntil
			return
		}
	default:
		m.subs[j.Sub].ThrottledFrom = time.Time{}
	}
	m.emit(fleet.Validated{Vault: o.Vault, Verdict: r.Verdict, Findings: r.Findings, Record: r.Record,
		RequestIDs: r.RequestIDs,
		State:      r.State})
	if v.Status == fleet.Busy {
		m.giveUp(i)
	}
}

func (m *Machine) unprepared(i int, o PrepareFailed) {
	v, j := &m.Vaults[i], &m.jobs[i]
	switch o.Class {
	case fleet.CallRefused:
		if o.Refusal.Code == fleet.CodeNoPermission {
			m.foundForbidden(j.Sub, o.Refusal.Code, o.Refusal.Message)
		}
		if v.Status == fleet.Ready { // a person may have held it meanwhile
			m.emit(fleet.Validated{Vault: o.Vault, Verdict: fleet.VerdictBlocked,
				Findings: append(slices.Clip(v.Findings), o.Refusal), RequestIDs: v.RequestIDs, State: v.State})
		}
	case fleet.CallNotYet:
		if v.Status == fleet.Ready && (v.WaitsSince.IsZero() || v.Waits != o.Detail || o.Learned != nil &&
			!bytes.Equal(v.Learned, o.Learned)) {
			m.emit(fleet.StartWaits{Vault: o.Vault, Reason: o.Detail, Learned: o.Learned})
		}
		if v.Status == fleet.Ready && m.now.Sub(v.WaitsSince) >= m.Plan.Timings.BusyDeadline {
			m.emit(fleet.DeadlinePassed{Vault: o.Vault, Deadline: fleet.DeadlineBusy})
			return
		}
		j.NotBefore = m.now.Add(max(o.RetryAfter, m.Plan.Timings.Poll))
	case fleet.CallDenied, fleet.CallForbidden:
		m.refused(j.Sub, o.Detail)
	case fleet.CallThrottled:
		m.throttle(j.Sub, m.now.Add(m.throttledFor(i, o.RetryAfter)))
		if v.Status == fleet.Ready {
			m.emit(fleet.StartWaits{Vault: o.Vault, Reason: or(o.Brief, o.Detail), Code: fleet.CodeThrottled,
				RetryAfter: o.RetryAfter})
			m.giveUp(i)
		}
	case fleet.CallConflict:
		j.NotBefore = m.now.Add(m.patience(v.Refusals))
		m.changed(i, or(o.Brief, o.Detail), o.Learned)
	default:
		if v.Status != fleet.Ready {
			return
		}
		j.NotBefore = m.now.Add(m.patience(v.Refusals))
		m.emit(fleet.StartWaits{Vault: o.Vault, Reason: or(o.Brief, o.Detail), Code: fleet.CodeUnreachable})
		m.leaveAlone(j.Sub)
		m.giveUp(i)
		m.giveUpAll(i)
	}
}

// maxWithheld is how often in a row a start may be held back on its way, told to stop or
// too late by the clock of whoever sends it, before that counts as a failure to send: of
// two clocks that do not agree it would go on for ever.
const maxWithheld = 3

func (m *Machine) answered(i int, o SendDone) {
	j, a := &m.jobs[i], o.Answer.Taken()
	if a.Verdict == fleet.StartNotSent {
		j.NotBefore = m.now.Add(m.Plan.Timings.Poll)
		if m.Vaults[i].Withheld >= maxWithheld {
			a.Code = or(a.Code, fleet.CodeUnreachable)
		}
		m.emit(fleet.NotSent{Vault: o.Vault, OperationID: o.OperationID, Reason: a.Message, Code: a.Code})
		if a.Code != "" {
			m.leaveAlone(j.Sub)
			m.giveUp(i)
			m.giveUpAll(i)
		}
		return
	}
	switch {
	case a.Verdict == fleet.StartDenied:
		m.refused(j.Sub, a.Message)
	case a.Verdict == fleet.StartThrottled:
		m.throttle(j.Sub, m.now.Add(m.throttledFor(i, a.RetryAfter)))
	case a.Verdict == fleet.StartBusy: // it may say when the other operation is over
		j.NotBefore = m.now.Add(a.RetryAfter)
	case isForbidden(&a):
		m.foundForbidden(j.Sub, a.Code, a.Message)
	}
	j.RetryAt = time.Time{}
	j.SeenAt, j.SettledSince, j.BlindSince, j.Reading, j.FailedReads = time.Time{}, time.Time{}, time.Time{}, nil, 0
	wasFailed := m.Vaults[i].Status == fleet.Failed // a listing showed it while the answer was out
	m.emit(fleet.StartAnswered{Vault: o.Vault, OperationID: o.OperationID, Answer: a, ForNow: forNow(a.Verdict)})
	m.starts.subFreed(j.Sub) // it may be open again
	if forNow(a.Verdict) && a.Verdict != fleet.StartDenied {
		m.giveUp(i)
	}
	if wasFailed {
		m.explain(i)
	}
}

func (m *Machine) reconciled(i int, o ReconcileDone) {
	v, j, r := &m.Vaults[i], &m.jobs[i], o.Result
	if v.Status != fleet.Unknown || v.OperationID != o.OperationID {
		return // a listing was quicker
	}
	j.RetryAt = m.now.Add(m.Plan.Timings.Poll)
	if r.Reading == fleet.ReadAbsent && v.rewritten(r.Version) {
		r.Reading, r.Seen = fleet.ReadUnreadable, r.Seen.Besides(rewritten)
		r.Detail += "; " + rewritten
	}
	if r.Record == nil {
		j.Reading = r.Seen
		if r.Seen == nil {
			j.Reading = &fleet.LastReading{At: m.now, What: r.Detail}
		}
	}
	switch {
	case r.Reading == fleet.ReadUnreadable, r.Reading == fleet.ReadAbsent && (v.Accepted || v.SaidAccepted):
		return // proves nothing
	case r.Reading == fleet.ReadForeign && v.ForeignRead && v.Absences == 0:
		return // known
	}
	m.emit(fleet.Reconciled{Vault: o.Vault, OperationID: o.OperationID, Read: v.Absences + 1, Reading: r.Reading,
		Record: r.Record, Detail: r.Detail, Late: r.Reading == fleet.ReadOurs && m.late(i, r.Record)})
	m.explain(i)
}

func (m *Machine) verified(i int, o VerifyDone) {
	v, j := &m.Vaults[i], &m.jobs[i]
	if v.Status != fleet.Upgrading || !v.CloudDone {
		return
	}
	if o.Failed == "" && o.Result.OK {
		m.emit(fleet.Verified{Vault: o.Vault, OperationID: o.OperationID, ResourceID: o.Result.ResourceID})
		return
	}
	j.RetryAt = m.now.Add(m.Plan.Timings.Poll)
	switch {
	case o.Failed != "":
		j.Reading = &fleet.LastReading{At: m.now, What: "it could not be read: " + o.Failed}
	case o.Result.Seen != nil:
		j.Reading = o.Result.Seen
	case o.Result.Detail != "":
		j.Reading = &fleet.LastReading{At: m.now, What: o.Result.Detail}
	default:
		j.Reading = &fleet.LastReading{At: m.now, What: "it is not as it should be yet"}
	}
	m.tell(i, j.Reading)
}

// explain asks why an upgrade of ours failed.
func (m *Machine) explain(i int) {
	if v := &m.Vaults[i]; v.Status == fleet.Failed && m.jobs[i].Doing == idle && !m.stopping {
		m.begin(i, explaining)
		m.act(Explain{i, v.OperationID, v.Operation})
	}
}

// listed compares what a reading shows with every watched vault of its
// subscription.
func (m *Machine) listed(snap *fleet.Snapshot) {
	s, ok := m.subAt[snap.Subscription]
	if !ok {
		return
	}
	unread := m.subs[s].Unread
	m.readSucceeded(s, snap.ReadAt)
	if snap.Only != "" && unread == m.subs[s].Unread {
		i, known := m.index[snap.Only]
		if _, watched := m.subs[s].Watched[i]; known && watched {
			m.sight(i, snap)
			m.settle(i)
		}
		return
	}
	for _, i := range inOrder(m.subs[s].Watched) {
		if snap.Only == "" || snap.Only == m.key(i) {
			m.sight(i, snap)
		}
		m.settle(i) // reading may be possible again
	}
}

// sight looks at one watched vault in a reading.
func (m *Machine) sight(i int, snap *fleet.Snapshot) {
	v := &m.Vaults[i]
	seen, present := snap.Vaults[m.key(i)]
	followed := present && seen.Record != nil && seen.Record.OperationID == v.OperationID
	if followed && seen.Record.Presumed && v.Status == fleet.Starting {
		return // the answer may still say that it was refused
	}
	ended, late := followed && isOver(seen.Record), followed && m.late(i, seen.Record)
	if present && (!ended || seen.Reading != nil) && (followed || v.Status != fleet.Upgrading || seen.Reading != nil) &&
		!v.CloudDone && snap.ReadAt.After(later(v.IntendedAt, v.ShownAt)) {
		r := seen.Reading
		if r != nil && r.Settled && v.Status == fleet.Unknown && v.rewritten(seen.Version) {
			r = r.Besides(rewritten)
		}
		m.inspect(i, r)
	}
	if followed {
		news := v.Status != fleet.Upgrading || ended && !v.CloudDone || !v.LostSince.IsZero() && !v.CloudDone
		if news {
			m.emit(fleet.Observed{Vault: m.key(i), OperationID: v.OperationID, Record: seen.Record, Foreign: v.Foreign,
				Late: late})
			m.explain(i)
		}
		if m.lost(i) {
			m.abandon(i)
		}
		return
	}
	if v.Status != fleet.Upgrading || v.CloudDone || !snap.ReadAt.After(later(v.StartedAt, v.ShownAt)) {
		return // one that went out before it was accepted could not show it
	}
	// Our upgrade is not to be seen. A vault that is gone is in doubt at once;
	// one that shows another operation may be a listing that went back in
	// time, and gets a grace.
	o := fleet.Observed{Vault: m.key(i), OperationID: v.OperationID, Foreign: v.Foreign}
	switch {
	case !present && !v.Foreign, !v.LostSince.IsZero() && m.now.Sub(v.LostSince) >= m.Plan.Timings.ReconcileGrace:
		o.Vanished, o.Present = true, present && !v.Foreign
	case v.LostSince.IsZero():
		o.Unseen = true
	default:
		return
	}
	m.emit(o)
}

// retryAfter is how long to stay away when the cloud named no time.
func (m *Machine) retryAfter(d time.Duration) time.Duration {
	if d <= 0 {
		return m.Plan.Timings.Poll
	}
	return d
}
