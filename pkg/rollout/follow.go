package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// maxInspections is how many readings of one start are journalled: an address
// that answers otherwise each time must not fill the ledger. What ends a wait is
// journalled with it, whatever their number.
const maxInspections = 8

// failedReads in a row are shown: one or two are everyday.
const failedReads = 3

// inspect takes in what a reading showed of a watched vault, where that decides
// nothing, for those who wait and for the end of the wait. nil: the operation
// itself was heard of, and says that it is under way.
func (m *Machine) inspect(i int, r *fleet.LastReading) {
	v, j := &m.Vaults[i], &m.jobs[i]
	j.SeenAt, j.FailedReads, j.BlindSince = m.now, 0, time.Time{}
	if r == nil {
		if v.Status == fleet.Upgrading {
			j.SettledSince, j.Claims = time.Time{}, true
			if v.Reading != nil && v.Reading.Poll != "" {
				r = &fleet.LastReading{At: m.now, What: "the operation says that it is under way", Running: true}
			}
		}
		if r == nil {
			return
		}
	}
	j.Reading, j.Claims = r, r.Running
	if v.Status == fleet.Upgrading && r.Settled {
		j.SettledSince = orTime(j.SettledSince, m.now)
	} else {
		j.SettledSince = time.Time{}
	}
	m.tell(i, r)
}

// isOver reports whether a record says that its upgrade has ended.
func isOver(r *fleet.Record) bool {
	return r.State == fleet.RecordUpgraded || r.State == fleet.RecordFailed
}

// seenLate is after how many polls without a look an end is seen late. One is usual, and
// one that failed is nothing to speak of.
const seenLate = 3

// late reports whether a record shows an end without its time that may have come before
// anybody looked: no process was there since the upgrade was last shown under way, or
// the cloud could not be read for some polls.
func (m *Machine) late(i int, r *fleet.Record) bool {
	if r == nil || !isOver(r) || !r.EndedAt.IsZero() {
		return false
	}
	v := &m.Vaults[i]
	looked := later(v.StartedAt, later(v.ShownAt, m.jobs[i].SeenAt))
	return m.Run.ResumedAt.After(looked) || m.now.Sub(looked) > seenLate*m.Plan.Timings.Poll
}

// unread takes in that a vault could not be read.
func (m *Machine) unread(i int, what string) {
	v, j := &m.Vaults[i], &m.jobs[i]
	j.BlindSince = orTime(j.BlindSince, m.now)
	j.FailedReads++
	j.Reading = &fleet.LastReading{At: m.now, What: "it could not be read: " + what}
	if j.FailedReads >= failedReads && !v.Foreign {
		m.tell(i, j.Reading)
	}
}

// rewritten reports whether a vault whose start may have arrived shows another
// version than the reading that the start went out on. Where the service keeps no
// record of a start, one that was accepted and failed leaves everything else as it
// was: that the vault is as before is no proof then that the start never came.
// Where the start was answered with an error of the service nothing hangs on it: it
// is not sent again either way.
func (v *VaultState) rewritten(version string) bool {
	return v.Version != "" && version != "" && version != v.Version && !v.ErrorBody
}

// rewritten is how people read that.
const rewritten = "something has written to it since its start was made ready, perhaps that start, so it is not sent " +
	"again"

// tell journals a reading that tells something new.
func (m *Machine) tell(i int, r *fleet.LastReading) {
	v := &m.Vaults[i]
	watched := v.Status == fleet.Upgrading && !v.Foreign || v.Status == fleet.Unknown && !v.Final
	worth := r.Poll != "" || r.Settled || m.jobs[i].FailedReads >= failedReads || v.Reading != nil &&
		v.Reading.Poll != ""
	if watched && worth && v.Inspections < maxInspections && !r.Same(v.Reading) {
		m.emit(fleet.Inspected{Vault: m.key(i), OperationID: v.OperationID, Reading: *r})
	}
}

// lost reports whether an overdue upgrade of ours is given up. It is when nothing
// is under way on the vault any more and it is not as wanted, in readings a grace
// apart; for longer, where the operation itself goes on saying that it is under way.
// One that is really under way is followed on.
func (m *Machine) lost(i int) bool {
	v, j, t := &m.Vaults[i], &m.jobs[i], &m.Plan.Timings
	if v.Status != fleet.Upgrading || v.Foreign || v.CloudDone || !v.Overdue || m.subs[j.Sub].Unread {
		return false
	}
	if j.SettledSince.IsZero() {
		return false
	}
	if j.Claims {
		return j.SeenAt.Sub(later(j.SettledSince, m.overdueAt(i))) >= t.ReconcileDeadline
	}
	return j.SeenAt.Sub(j.SettledSince) >= t.ReconcileGrace
}

// blindBy is when an upgrade of which nothing can be read is given up, once it is overdue;
// zero where it is read, or its subscription is denied. A subscription that asked
// to be left alone is waited for, but not for ever.
func (m *Machine) blindBy(i int) time.Time {
	v, j, t := &m.Vaults[i], &m.jobs[i], &m.Plan.Timings
	s := &m.subs[j.Sub]
	since := later(j.BlindSince, s.BlindSince)
	if v.CloudDone || v.Foreign || s.Unread || since.IsZero() {
		return time.Time{}
	}
	overdue := m.overdueAt(i)
	due := later(overdue, later(later(since, s.LiftedAt), m.awake))
	if s.ThrottledUntil.After(due) {
		due = later(due, earlier(s.ThrottledUntil, overdue.Add(t.BusyDeadline)))
	}
	return due.Add(t.ReconcileDeadline)
}

// abandon ends the wait for an overdue upgrade.
func (m *Machine) abandon(i int) {
	m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineFollow, Reading: m.lastReading(i)})
}

// lastReading is what was last read of a vault, for the fact that ends a wait.
func (m *Machine) lastReading(i int) *fleet.LastReading {
	if r := m.jobs[i].Reading; r != nil {
		return r
	}
	return m.subs[m.jobs[i].Sub].Reading
}
