package rollout

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// startsBefore orders starts: those that were sent less often first, so that one vault
// in trouble does not hold up the others; then in the wave's order, the longest
// predicted first by default; then as the inventory has them.
func (m *Machine) startsBefore(a, b int) bool {
	if x, y := m.Vaults[a].Sent, m.Vaults[b].Sent; x != y {
		return x < y
	}
	if x, y := m.turns[a], m.turns[b]; x.wave == y.wave {
		return x.turn < y.turn
	}
	return m.compareTurns(a, b) < 0 // of two waves, of which the one before was opened again
}

// turn is a vault's place in the order of its wave. It hangs on the plan alone, and is worked
// out once: the queues compare vaults more often than anything else is done.
type turn struct{ wave, turn int32 }

// inTurn gives each vault its turn.
func (m *Machine) inTurn() {
	m.turns = make([]turn, len(m.Plan.Vaults))
	for w := range m.Plan.Waves {
		for n, i := range slices.SortedFunc(slices.Values(m.Plan.Waves[w].Vaults), m.compareTurns) {
			m.turns[i] = turn{int32(w), int32(n)}
		}
	}
}

// compareTurns compares vaults by what the plan says of them, in the order of the first
// one's wave.
func (m *Machine) compareTurns(a, b int) int {
	va, vb := &m.Plan.Vaults[a], &m.Plan.Vaults[b]
	order := 0
	switch m.Plan.Waves[va.Wave].Order {
	case plan.OrderName:
		order = cmp.Or(cmp.Compare(va.SubscriptionName, vb.SubscriptionName), cmp.Compare(va.Name, vb.Name))
	case plan.OrderInventory:
	default:
		order = cmp.Compare(vb.Predicted.P50, va.Predicted.P50)
	}
	return cmp.Or(order, cmp.Compare(a, b))
}

func (m *Machine) subFree(i int) bool {
	s, a, limit := &m.subs[i], m.access(i), m.limits.PerSubscription
	return !s.Denied && !s.ThrottledUntil.After(m.now) && (limit == 0 || s.Used < limit) &&
		// after a denial one start at a time tries the door
		(a.Denials == 0 && a.Forbidden.N == 0 && a.Unsent == 0 || s.Sending == 0)
}

func (m *Machine) locFree(i int) bool {
	limit := m.limits.PerLocation
	return limit == 0 || m.locs[i].used < limit
}

// dispatch hands out checks and starts as the limits allow.
func (m *Machine) dispatch() {
	if m.leaving() || m.exited || m.Run.Halt != nil || m.Run.Closed != nil {
		return
	}
	for m.nextStart() || m.nextCheck() {
	}
}

// nextStart asks for one start to be prepared; false when none may begin.
func (m *Machine) nextStart() bool {
	if m.Run.Paused != nil || m.slots >= m.limits.Upgrades || m.unchecked > 0 || !m.room(m.doing[preparing]) {
		return false
	}
	i, ok := m.starts.pop()
	if !ok {
		return false
	}
	v, j := &m.Vaults[i], &m.jobs[i]
	j.QueuedStart = false
	_, fits := m.fits(i)
	switch {
	case v.Status != fleet.Ready || j.Doing != idle || j.Stale || j.NotBefore.After(m.now):
		m.settle(i)
	case !fits:
		m.awaitWindow(i)
	case j.Changed, m.now.Sub(v.ValidatedAt) > m.Plan.Timings.ValidationMaxAge:
		j.Stale, j.Changed = true, false
		m.settle(i)
	default:
		m.begin(i, preparing)
		m.act(Prepare{i, v.IntendedAt, v.Learned})
		m.settle(i)
	}
	return true
}

// nextCheck asks for one validation; false when none may begin.
func (m *Machine) nextCheck() bool {
	if m.doing[validating] >= m.Plan.Limits.Validations || m.validation.Len() == 0 {
		return false
	}
	i := m.validation.pop()
	v, j := &m.Vaults[i], &m.jobs[i]
	s := &m.subs[j.Sub]
	j.QueuedCheck = false
	wanted := v.Status == fleet.Pending || v.Status == fleet.Busy || v.Status == fleet.Ready && j.Stale
	switch {
	case !wanted || j.Doing != idle:
	case j.Stale && (s.Denied || s.ThrottledUntil.After(m.now)):
		j.Stale = false // back to those that wait for a start
	case s.Denied:
		s.Parked = append(s.Parked, i)
		return true // placed again when the denial is lifted
	case s.ThrottledUntil.After(m.now):
		j.NotBefore = s.ThrottledUntil
	default:
		m.begin(i, validating)
		m.count(i, -1)
		j.Back, v.Status = v.Status, fleet.Validating
		m.count(i, +1)
		m.act(Validate{i, v.Disregard, v.Learned})
	}
	m.settle(i)
	return true
}

// aMoment is how long an intent's commit may take on a busy machine, however
// often the cloud is polled: a process to which that happens did not stand still.
const aMoment = 2 * time.Second

// intend turns the prepared starts into intents, after everything else of the
// step is known: a budget, a stop or a throttle that came at the same moment
// counts.
func (m *Machine) intend() {
	for _, p := range m.prepared {
		i, ok := m.find(p.Vault)
		if !ok || m.jobs[i].Doing != preparing {
			continue
		}
		v, j := &m.Vaults[i], &m.jobs[i]
		s := &m.subs[j.Sub]
		notAfter, fits := m.fits(i)
		fresh := max(m.Plan.Timings.Poll, aMoment)
		staleAfter := m.now.Add(fresh)
		if !p.ReadAt.IsZero() {
			// The reading was a poll old at most when the start was made ready. One that
			// came back late from whoever made it ready is made ready again.
			staleAfter = earlier(staleAfter, p.ReadAt.Add(2*fresh))
		}
		switch {
		case m.now.After(staleAfter):
			m.end(i)
			j.NotBefore = m.now.Add(fresh) // whoever is so slow, or has another time, is not asked in a row
			m.settle(i)
		case m.leaving() || v.Status != fleet.Ready || m.Run.Paused != nil || m.Run.Halt != nil || s.Denied ||
			s.ThrottledUntil.After(m.now) || !fits || m.overbooked(j) ||
			!m.room(0) || !m.partsRoom(m.cellOf[i], false):
			m.end(i)
			m.settle(i)
		case drifted(v, p):
			m.end(i)
			if v.Refusals > 0 { // again: it may go on for ever
				j.NotBefore = m.now.Add(m.patience(v.Refusals))
			} else {
				j.Stale = true
			}
			m.changed(i, "it is not as its check found it", nil)
			m.settle(i)
		default:
			m.begin(i, sending)
			m.emit(fleet.StartIntended{Vault: p.Vault, OperationID: p.Start.OperationID, Attempt: v.Attempt + 1,
				Before:  p.Seen.State,
				Version: p.Seen.Version})
			m.act(Send{i, p.Start, notAfter, staleAfter})
		}
	}
}

// overbooked reports whether more slots are taken than the limits allow: an
// upgrade of ours has come to light since this start was given its slot.
func (m *Machine) overbooked(j *job) bool {
	l, sub, loc := &m.limits, m.subs[j.Sub].Used, m.locs[j.Loc].used
	return m.slots > l.Upgrades || l.PerSubscription > 0 && sub > l.PerSubscription || l.PerLocation > 0 &&
		loc > l.PerLocation
}

// drifted reports whether the vault is no longer as its validation saw it: it
// is gone, has an upgrade's record that was not there, or other settings.
func drifted(v *VaultState, p PrepareDone) bool {
	if !p.Present || !bytes.Equal(v.State, p.Seen.State) {
		return true
	}
	if p.Seen.Record == nil {
		return false
	}
	for _, op := range v.Disregard {
		if op == p.Seen.Record.OperationID {
			return p.Seen.Record.State != fleet.RecordFailed
		}
	}
	return true
}

// validatedBefore orders the vaults that wait for a check: those at the door
// first, then as starts are ordered.
func (m *Machine) validatedBefore(a, b int) bool {
	if da, db := m.jobs[a].Stale, m.jobs[b].Stale; da != db {
		return da
	}
	return m.startsBefore(a, b)
}
