package rollout

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// A start that was refused for now, because the vault is busy, because too much
// was asked for or for want of a sign-in, proves that nothing was accepted. It
// costs no attempt. A vault is given up once it has been refused, or found busy,
// for the plan's busyDeadline, and only on an answer: nothing is concluded while
// nobody asks.

// aRow is how long there may be no refusal before the next one counts as the first
// of a new row, beside the longest that the run itself waits between two: nobody
// asked meanwhile, because of a window, a pause or for want of a process.
const aRow = time.Hour

// continues reports whether something found now continues what was found last.
func (s *State) continues(last, now time.Time) bool {
	t := &s.Plan.Timings
	return !last.IsZero() && now.Sub(last) <= max(aRow, t.BusyDeadline)+max(t.BusyRetry, t.Poll)
}

// refusedForNow folds a refusal that a later try may overcome. A missing sign-in
// has an end of its own: the subscription's.
func (s *State) refusedForNow(v *VaultState, at time.Time, f fleet.StartAnswered) {
	if !f.ForNow {
		return
	}
	v.Attempt--
	if f.Answer.Verdict == fleet.StartDenied {
		return
	}
	s.refusedAgain(v, at, f.Answer.RetryAfter)
}

// refusedAgain counts one more in a row.
func (s *State) refusedAgain(v *VaultState, at time.Time, wait time.Duration) {
	if v.Refusals++; !s.continues(v.RefusedTill, at) {
		v.Refusals, v.RefusedFrom = 1, at
	}
	v.RefusedTill = at.Add(wait)
}

// foundBusy folds that something is under way on a vault.
func (s *State) foundBusy(v *VaultState, at time.Time) {
	if v.BusySince.IsZero() || !s.continues(later(v.BusyAt, v.RefusedTill), at) {
		v.BusySince = at
	}
	v.BusyAt = at
}

// refusedSince is since when a vault has been busy, or its start refused; zero when
// it is not.
func (v *VaultState) refusedSince() time.Time {
	if v.Refusals == 0 {
		return v.BusySince
	}
	return earlier(v.BusySince, v.RefusedFrom)
}

// forNow reports whether an answer leaves the start to be tried again, with
// nothing accepted.
func forNow(a fleet.StartVerdict) bool {
	return a == fleet.StartBusy || a == fleet.StartThrottled || a == fleet.StartDenied
}

// giveUp ends the wait for a vault that was just found busy, or whose start was
// just refused, once that has lasted for too long.
func (m *Machine) giveUp(i int) {
	v := &m.Vaults[i]
	if waits := v.Status == fleet.Busy || v.Status == fleet.Ready; waits && m.now.Sub(v.refusedSince()) >= m.Plan.Timings.BusyDeadline {
		m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineBusy, Last: m.lastAnswer(i)})
	}
}

// unsent leaves a subscription alone after a start of it could not be sent from
// this machine (no connection, no free file descriptor), longer from one to the
// next: what fails here fails for all its vaults, and each try is written down.
func (m *Machine) unsent(s int) {
	sub, t := &m.subs[s], &m.Plan.Timings
	until := m.now.Add(backoff(t.Poll, sub.unsent, max(t.Poll, t.BusyRetry)))
	sub.unsent++
	if until.After(sub.throttledUntil) {
		sub.throttledUntil = until
		m.timers.set(len(m.jobs)+s, until)
	}
}

// lastAnswer is what the newest start of a vault was answered, as a finding that
// is shown beside what ended its tries; nil where no answer came.
func (m *Machine) lastAnswer(i int) *fleet.Finding {
	a := m.Vaults[i].Answer
	if a == nil {
		return nil
	}
	f := fleet.Finding{Severity: fleet.SeverityInfo, Category: "start", Code: a.Code, Message: a.Message, Action: a.Action}
	if f.Code == "" {
		f.Code = map[fleet.StartVerdict]string{fleet.StartBusy: fleet.CodeBusy, fleet.StartThrottled: fleet.CodeThrottled,
			fleet.StartDenied: fleet.CodeNoPermission}[a.Verdict]
	}
	if f.Code == "" {
		f.Code = fleet.CodeAnswerLost
	}
	return &f
}

// throttledFor is how long a subscription is left alone after a 429: as long as
// it asked, or else longer from refusal to refusal.
func (m *Machine) throttledFor(i int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	t := &m.Plan.Timings
	return backoff(t.Poll, m.Vaults[i].Refusals, max(t.Poll, t.BusyRetry))
}

// backoff doubles a wait so many times, up to a limit.
func backoff(d time.Duration, times int, most time.Duration) time.Duration {
	for ; times > 0 && d < most; times-- {
		d *= 2
	}
	return min(d, most)
}

// looksAgainAt is when a busy vault is checked again: after its wait, and at its
// deadline at the latest, but not before the service said it would be of use.
func (m *Machine) looksAgainAt(i int) time.Time {
	v, t := &m.Vaults[i], &m.Plan.Timings
	at := v.BusyAt.Add(t.BusyRetry)
	if end := v.refusedSince().Add(t.BusyDeadline); end.After(v.BusyAt) {
		at = earlier(at, end)
	}
	return later(at, m.jobs[i].notBefore)
}

// forbidden counts the vaults of a subscription, one after the other, whose start
// was refused with a 403 under one code.
type forbidden struct {
	code string
	n    int
}

// statusForbidden is HTTP's: who asks is known, and may not.
const statusForbidden = 403

// forbiddenVaults in a row show that not the vaults are refused but whoever asks:
// no more of the subscription are tried.
const forbiddenVaults = 3

// noteAnswer learns from an answer whether a subscription's vaults may be changed
// at all.
func (m *Machine) noteAnswer(s int, a *fleet.StartAnswer) {
	switch {
	case isForbidden(a):
		m.noteForbidden(s, a.Code, a.Message)
	case a.Verdict == fleet.StartAccepted, a.Verdict == fleet.StartBusy, a.Verdict == fleet.StartFailed:
		m.subs[s].forbidden = forbidden{} // that comes after the permission was looked at
	}
}

// isForbidden reports whether a vault that may be read may not be changed.
func isForbidden(a *fleet.StartAnswer) bool {
	return a.Verdict == fleet.StartBlocked && a.HTTPStatus == statusForbidden
}

// noteForbidden counts a vault that may not be changed, and is blocked for this run.
// Where one after the other is, under one code, the rest of the subscription is
// left alone, as after a denial.
func (m *Machine) noteForbidden(s int, code, message string) {
	sub := &m.subs[s]
	if sub.forbidden.code != code {
		sub.forbidden = forbidden{code: code}
	}
	if sub.forbidden.n++; sub.forbidden.n >= forbiddenVaults && !sub.suspended {
		sub.denials = confirmDenials
		m.suspend(s, fmt.Sprintf("%d vaults in a row may be read and not changed; the last answer: %s", sub.forbidden.n, spoken(code, message)))
	}
}

// outOfTries reports whether as many starts of a vault may have arrived as are
// sent at all.
func (v *VaultState) outOfTries() bool { return v.Attempt >= plan.MaxAttempts }
