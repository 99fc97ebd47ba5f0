package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
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
	if waits := v.Status == fleet.Busy || v.Status == fleet.Ready; waits &&
		m.now.Sub(v.refusedSince()) >= m.Plan.Timings.BusyDeadline {
		m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineBusy, Last: m.lastAnswer(i)})
	}
}

// notSent is the answer to a start that never left this machine.
func notSent(code, why string) *fleet.StartAnswer {
	return &fleet.StartAnswer{Verdict: fleet.StartNotSent, Code: code, Message: why}
}

// noAnswer reports whether a check says that something gave it no answer.
func noAnswer(fs []fleet.Finding) bool {
	return slices.ContainsFunc(fs, func(f fleet.Finding) bool { return f.Code == fleet.CodeUnreachable })
}

// Unanswered reports whether a vault waits because its checks get no answer, or
// its start can be neither made ready nor sent from this machine.
func (v *VaultState) Unanswered() bool {
	return v.Status == fleet.Busy && v.Unreached > 0 ||
		v.Status == fleet.Ready && v.Refusals > 0 && v.Answer != nil && v.Answer.Verdict == fleet.StartNotSent &&
			v.Answer.Code != fleet.CodeChanged && v.Answer.Code != fleet.CodeThrottled
}

// LastTry is what came of the last try of an unanswered vault.
func (v *VaultState) LastTry() string {
	if v.Status == fleet.Busy {
		return v.Reason
	}
	return v.Answer.Message
}

// changed takes in that a vault is not as its check saw it, now that its start was
// made ready. It is checked again, when its turn comes; meanwhile it keeps no other
// vault from being started. One that is so again and again is given up like one whose
// start is refused again and again.
func (m *Machine) changed(i int, why string, learned json.RawMessage) {
	v, j := &m.Vaults[i], &m.jobs[i]
	if v.Status != fleet.Ready { // a person may have held it meanwhile
		return
	}
	j.Changed = true
	m.emit(fleet.StartWaits{Vault: m.key(i), Reason: why, Code: fleet.CodeChanged, Learned: learned})
	m.giveUp(i)
}

// checkThrottled leaves a subscription alone after a check that was throttled. Once
// all have been, for the busyDeadline, the check says that the vault is blocked.
func (m *Machine) checkThrottled(s int, r fleet.Validation) fleet.Validation {
	sub := &m.subs[s]
	sub.ThrottledFrom = orTime(sub.ThrottledFrom, m.now)
	m.throttle(s, m.now.Add(m.retryAfter(r.RetryAfter)))
	if lasts := m.now.Sub(sub.ThrottledFrom); lasts >= m.Plan.Timings.BusyDeadline {
		r.Verdict, r.Findings = fleet.VerdictBlocked,
			append(slices.Clip(r.Findings), fleet.Finding{Severity: fleet.SeverityError, Category: "deadline",
				Code: fleet.CodeBusyDeadline,
				Message: fmt.Sprintf("every check of its subscription has been throttled for %s",
					lasts.Round(time.Second)),
				Action: "nothing: the next run tries again"})
	}
	return r
}

// giveUpAll ends the wait of all that waits for a start in a subscription of which
// nothing could be sent from this machine for the busyDeadline; of is the last one
// that was tried. What is in waves to come has its own time.
func (m *Machine) giveUpAll(of int) {
	since := m.access(m.jobs[of].Sub).UnsentFrom
	if since.IsZero() || m.now.Sub(since) < m.Plan.Timings.BusyDeadline {
		return
	}
	last := m.lastAnswer(of)
	for i := range m.jobs {
		if m.jobs[i].Sub == m.jobs[of].Sub && m.Vaults[i].Status == fleet.Ready && m.jobs[i].Doing == idle &&
			m.waveOpen(i) {
			m.emit(fleet.DeadlinePassed{Vault: m.key(i), Deadline: fleet.DeadlineBusy, Last: last, Since: since})
		}
	}
}

// patience is how long to wait before the next try after so many that failed.
func (s *State) patience(tries int) time.Duration {
	t := &s.Plan.Timings
	return backoff(t.Poll, tries, max(t.Poll, t.BusyRetry))
}

// lastAnswer is what the newest start of a vault was answered, as a finding that
// is shown beside what ended its tries; nil where no answer came.
func (m *Machine) lastAnswer(i int) *fleet.Finding {
	a := m.Vaults[i].Answer
	if a == nil {
		return nil
	}
	f := fleet.Finding{Severity: fleet.SeverityInfo, Category: "start", Code: a.Code, Message: a.Message,
		Action: a.Action}
	if f.Code == "" {
		f.Code = map[fleet.StartVerdict]string{fleet.StartBusy: fleet.CodeBusy,
			fleet.StartThrottled: fleet.CodeThrottled,
			fleet.StartDenied:    fleet.CodeNoPermission}[a.Verdict]
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
	return m.patience(m.Vaults[i].Refusals)
}

// backoff doubles a wait so many times, up to a limit.
func backoff(d time.Duration, times int, most time.Duration) time.Duration {
	for ; times > 0 && d < most; times-- {
		d *= 2
	}
	return min(d, most)
}

// looksAgainAt is when a busy vault is checked again, but not before the service
// said it would be of use.
func (m *Machine) looksAgainAt(i int) time.Time {
	return later(m.LooksAgainAt(i), m.jobs[i].NotBefore)
}

// LooksAgainAt is when a busy vault is checked again, as far as the facts tell:
// after the plan's busyRetry, sooner where a check got no answer, and at the end of
// its wait at the latest.
func (s *State) LooksAgainAt(i int) time.Time {
	v, t := &s.Vaults[i], &s.Plan.Timings
	at := v.BusyAt.Add(t.BusyRetry)
	if v.Unreached > 0 {
		at = v.BusyAt.Add(s.patience(v.Unreached - 1))
	}
	if end := v.refusedSince().Add(t.BusyDeadline); end.After(v.BusyAt) {
		at = earlier(at, end)
	}
	return at
}

// statusForbidden is HTTP's: who asks is known, and may not.
const statusForbidden = 403

// forbiddenVaults in a row show that not the vaults are refused but whoever asks:
// no more of the subscription are tried.
const forbiddenVaults = 3

// isForbidden reports whether a vault that may be read may not be changed.
func isForbidden(a *fleet.StartAnswer) bool {
	return a.Verdict == fleet.StartBlocked && a.HTTPStatus == statusForbidden
}

// foundForbidden takes in a vault that may not be changed, and is blocked for this run.
// Where one after the other is, under one code, the rest of the subscription is
// left alone, as after a denial.
func (m *Machine) foundForbidden(s int, code, message string) {
	if n := m.access(s).Forbidden.and(code).N; n >= forbiddenVaults {
		m.deny(s, fmt.Sprintf("%d vaults in a row may be read and not changed; the last answer: %s", n,
			spoken(code, message)), confirmDenials)
	}
}

// outOfTries reports whether as many starts of a vault may have arrived as are
// sent at all.
func (v *VaultState) outOfTries() bool { return v.Attempt >= plan.MaxAttempts }
