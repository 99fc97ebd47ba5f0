package rollout

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Access is what the facts say of how a subscription's vaults may be changed: what was
// refused, or could not be sent, one after the other. A resume begins anew: somebody has
// seen to it.
type Access struct {
	Denials    int       `json:"denials,omitzero"` // denials in a row without an answered start
	Forbidden  forbidden `json:"forbidden,omitzero"`
	Unsent     int       `json:"unsent,omitzero"`     // times in a row that starts could not be sent from here
	UnsentFrom time.Time `json:"unsentFrom,omitzero"` // since when
	UnsentTill time.Time `json:"unsentTill,omitzero"` // until when it is left alone for that
	// the vault that last could not be made ready, counted from 1; 0: one could since
	Unready  int       `json:"unready,omitzero"`
	LiftedAt time.Time `json:"liftedAt,omitzero"` // when a denial was lifted last
	// since when every check was throttled, as far as was journalled; zero where one was not
	ChecksFrom time.Time `json:"checksFrom,omitzero"`
}

// forbidden counts the vaults of a subscription, one after the other, whose start
// was refused with a 403 under one code.
type forbidden struct {
	Code string `json:"code,omitzero"`
	N    int    `json:"n,omitzero"`
}

// and is the count with one more.
func (f forbidden) and(code string) forbidden {
	if f.Code != code {
		f.N = 0
	}
	return forbidden{code, f.N + 1}
}

// allow forgets what subscriptions have refused: somebody has seen to it.
func (s *State) allow() {
	clear(s.Denied)
	for i := range s.subs {
		s.subs[i].Access = Access{}
	}
}

// noteAccess folds what a fact about a vault says of its subscription.
func (s *State) noteAccess(i int, at time.Time, fact fleet.VaultFact) {
	a := &s.subs[s.subOf[i]].Access
	switch f := fact.(type) {
	case fleet.Validated:
		if last, ok := newest(f.Findings); ok && f.Verdict == fleet.VerdictBlocked {
			if last.Category == categoryStart && last.Code == fleet.CodeNoPermission &&
				s.Vaults[i].Status == fleet.Ready {
				a.Forbidden = a.Forbidden.and(last.Code)
			}
			if isThrottledOut(last) {
				return
			}
		}
		a.ChecksFrom = time.Time{}
	case fleet.StartIntended:
		a.Unready = 0
	case fleet.StartWaits:
		switch f.Code {
		case fleet.CodeChanged:
			a.Unready = 0
		case fleet.CodeUnreachable:
			// It may be the vault's matter. Where another one could not be made ready either
			// since one could, it is not.
			if last := a.Unready; last != 0 && last != i+1 {
				s.unsent(a, at)
			}
			a.Unready = i + 1
		}
	case fleet.NotSent:
		if f.Code != "" {
			s.unsent(a, at)
		}
	case fleet.StartAnswered:
		a.Unsent, a.UnsentFrom = 0, time.Time{}
		switch v := f.Answer.Verdict; {
		case isForbidden(&f.Answer):
			a.Forbidden = a.Forbidden.and(f.Answer.Code)
			return
		case v == fleet.StartDenied, v == fleet.StartThrottled, v == fleet.StartUnknown:
			return
		case v != fleet.StartBlocked:
			a.Forbidden = forbidden{} // that comes after the permission was looked at
		}
		a.Denials = 0
	case fleet.DeadlinePassed:
		if !f.Since.IsZero() {
			a.UnsentFrom = time.Time{}
		}
	}
}

// unsent leaves a subscription alone after a start of it could not be sent from
// this machine (no connection, no free file descriptor), longer from one time to
// the next: what fails here fails for all its vaults, and each try is written down.
// Those that were under way together fail together, and count once.
func (s *State) unsent(a *Access, at time.Time) {
	a.UnsentFrom = orTime(a.UnsentFrom, at)
	if a.Unsent > 0 && a.UnsentTill.After(at) {
		return
	}
	a.UnsentTill = at.Add(s.patience(a.Unsent))
	a.Unsent++
}

// categoryStart marks what kept a start from being made ready.
const categoryStart = "start"

// newest is the last of some findings.
func newest(fs []fleet.Finding) (last fleet.Finding, ok bool) {
	if len(fs) == 0 {
		return last, false
	}
	return fs[len(fs)-1], true
}

// isThrottledOut reports whether a finding ends the checks of a subscription of which
// all were throttled for too long.
func isThrottledOut(f fleet.Finding) bool {
	return f.Code == fleet.CodeBusyDeadline && f.Category == "deadline"
}

// access is what the facts say of a subscription.
func (m *Machine) access(sub int) *Access { return &m.State.subs[sub].Access }

// remember takes up what the facts say of the subscriptions, after a replay that no
// resume has ended: what was denied stays denied until it is read again.
func (m *Machine) remember() {
	for s := range m.subs {
		sub, a := &m.subs[s], m.access(s)
		sub.ThrottledFrom, sub.LiftedAt = a.ChecksFrom, a.LiftedAt
		m.leaveAlone(s)
		d, denied := m.Denied[sub.ID]
		if !denied {
			continue
		}
		m.excuse(sub, func() { sub.Denied = true })
		sub.Unread, sub.DeniedAt, sub.Detail, sub.Confirmed = true, d.Since, d.Detail, d.GivenUp
		m.denied++
		m.act(Watch{Subscription: sub.ID, Vault: -1, On: true})
	}
}

// leaveAlone keeps the starts of a subscription back from which nothing could be sent.
func (m *Machine) leaveAlone(s int) {
	if until := m.access(s).UnsentTill; until.After(m.now) && until.After(m.subs[s].ThrottledUntil) {
		m.subs[s].ThrottledUntil = until
		m.timers.set(len(m.jobs)+s, until)
	}
}
