package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// deniedReads in a row confirm that a sign-in is really missing, and so many
// denials in a row that only the starts are refused.
const (
	confirmReads   = 3
	confirmDenials = 3
)

// throttle leaves a subscription alone until a time. It is journalled when it
// lasts longer than one poll, so that a resume honours it too.
func (m *Machine) throttle(s int, until time.Time) {
	sub := &m.subs[s]
	if !until.After(m.now) || !until.After(sub.ThrottledUntil) {
		return
	}
	sub.ThrottledUntil = until
	if until.Sub(m.now) > m.Plan.Timings.Poll {
		m.excuse(sub, func() { sub.Away = true })
	}
	checks, tells := sub.ThrottledFrom, until.Sub(m.now) > m.Plan.Timings.Poll && !m.Throttled[sub.ID].Equal(until)
	if !checks.IsZero() && m.access(s).ChecksFrom.IsZero() && m.now.Sub(checks) >= m.Plan.Timings.Poll {
		tells = true // a later process must know since when
	}
	if tells {
		m.emit(fleet.Throttled{Subscription: sub.ID, Until: until, ChecksFrom: checks})
	}
	m.timers.set(len(m.jobs)+s, until)
}

// subDue ends a throttle.
func (m *Machine) subDue(s int) {
	sub := &m.subs[s]
	m.excuse(sub, func() { sub.Away = false })
	m.starts.subFreed(s)
}

// refused notes that a subscription denied a start, a check or a token, and
// counts how often that came in a row.
func (m *Machine) refused(s int, detail string) {
	m.deny(s, detail, m.access(s).Denials+1)
}

// deny stops starts and checks in a subscription until a read succeeds; after so many
// denials in a row for good.
func (m *Machine) deny(s int, detail string, denials int) {
	sub := &m.subs[s]
	if sub.Denied {
		return
	}
	m.excuse(sub, func() { sub.Denied = true })
	sub.Unread, sub.DeniedAt, sub.Detail = true, m.now, detail
	sub.Confirmed = denials >= confirmDenials
	m.denied++
	m.emit(fleet.AccessDenied{Subscription: sub.ID, Detail: detail, GivenUp: sub.Confirmed, Denials: denials})
	m.act(Watch{Subscription: sub.ID, Vault: -1, On: true})
	for _, i := range inOrder(sub.Watched) {
		m.settle(i)
	}
}

// readSucceeded lifts a denial if the read began after it. A subscription
// that reads well but refuses every start stays denied; what is in flight
// in it is followed all the same.
func (m *Machine) readSucceeded(s int, readAt time.Time) {
	sub := &m.subs[s]
	sub.DeniedReads, sub.Reading, sub.BlindSince = 0, nil, time.Time{}
	if !sub.Denied || readAt.Before(sub.DeniedAt) {
		return
	}
	if sub.Unread {
		sub.Unread, sub.LiftedAt = false, m.now // listed settles the watched vaults
	}
	if m.access(s).Denials >= confirmDenials {
		return
	}
	m.excuse(sub, func() { sub.Denied = false })
	m.denied--
	m.emit(fleet.AccessDenied{Subscription: sub.ID, Off: true})
	m.act(Watch{Subscription: sub.ID, Vault: -1})
	parked := sub.Parked
	sub.Parked = nil
	for _, i := range parked {
		m.settle(i)
	}
	m.starts.subFreed(s)
}

func (m *Machine) listFailed(o ReadFailed) {
	s, ok := m.subAt[o.Subscription]
	if !ok {
		return
	}
	if i, known := m.index[o.Vault]; known {
		if _, watched := m.subs[s].Watched[i]; watched {
			m.unread(i, o.Brief)
			m.settle(i)
		}
	} else {
		sub := &m.subs[s]
		sub.Reading = &fleet.LastReading{At: m.now, What: "the subscription could not be listed: " + o.Brief}
		if sub.BlindSince.IsZero() {
			sub.BlindSince = m.now
			for _, i := range inOrder(sub.Watched) {
				m.settle(i)
			}
		}
	}
	if o.Class != fleet.CallDenied && o.Class != fleet.CallForbidden {
		return
	}
	m.deny(s, o.Detail, m.access(s).Denials)
	sub := &m.subs[s]
	if !sub.Unread {
		sub.Unread = true
		for _, i := range inOrder(sub.Watched) {
			m.settle(i)
		}
	}
	if sub.DeniedReads++; sub.DeniedReads >= confirmReads {
		sub.Confirmed = true
	}
}
