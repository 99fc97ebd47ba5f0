package rollout

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Apply folds one fact into the state. It decides nothing: whatever a policy
// had to say was said before the fact was recorded. An error means a fact that
// cannot follow the ones before it.
func (s *State) Apply(e fleet.Event) error {
	s.Run.LastAt = e.At
	if f, ok := e.Fact.(fleet.VaultFact); ok {
		i, ok := s.find(f.VaultKey())
		if !ok {
			return fmt.Errorf("%s names a vault that is not in the plan: %s", f.Name(), f.VaultKey())
		}
		s.count(i, -1)
		s.noteAccess(i, e.At, f)
		err := s.applyVault(i, e.At, f)
		s.count(i, +1)
		return err
	}
	switch f := e.Fact.(type) {
	case fleet.RunOpened:
		s.Run.ID, s.Run.Fingerprint, s.Run.By, s.Run.OpenedAt = f.RunID, f.PlanFingerprint, f.By, e.At
		s.Run.ValidateAllFirst, s.Run.TimeScale, s.Run.Engine = f.ValidateAllFirst, f.TimeScale, f.Engine
		s.Run.Given = f.Given
		for _, c := range f.Carried {
			s.carry(c)
		}
		s.remember(f.Upgraded, func(v *VaultState) { v.Earlier = true })
		s.remember(f.Unseen, func(v *VaultState) { v.Unseen = true })
		s.remember(f.Already, func(v *VaultState) { v.WasAlready = true })
		for i := range s.Waves {
			s.Waves[i].Changed = f.Changed[s.Waves[i].Name]
		}
	case fleet.Resumed:
		s.Run.Engine, s.Run.Given = f.Engine, f.Given
		s.resume(e.At)
	case fleet.WaveOpened:
		return s.withWave(f.Wave, func(i int, w *WaveState) { w.OpenedAt, s.current = e.At, i })
	case fleet.WaveDone:
		return s.withWave(f.Wave, func(_ int, w *WaveState) { w.DoneAt = e.At })
	case fleet.RunHalted:
		s.Run.Halt, s.Run.HaltedAt = &f, e.At
	case fleet.FailuresAccepted:
		s.forgive()
	case fleet.Approved:
		return s.withGate(f.Wave, f.When, func(g *Gate) { g.Approved, g.ApprovedAt = &f, e.At })
	case fleet.GateOpened:
		return s.withGate(f.Wave, f.When, func(g *Gate) { g.OpenedAt = e.At })
	case fleet.RunSuspended:
		s.Run.Suspended = &f
	case fleet.RunClosed:
		s.Run.Closed, s.Run.ClosedAt = &f, e.At
	case fleet.Throttled:
		s.Throttled[f.Subscription] = f.Until
		if sub, ok := s.subAt[f.Subscription]; ok && !f.ChecksFrom.IsZero() {
			s.subs[sub].ChecksFrom = f.ChecksFrom
		}
	case fleet.AccessDenied:
		sub, known := s.subAt[f.Subscription]
		switch {
		case f.Off:
			delete(s.Denied, f.Subscription)
			if known {
				s.subs[sub].LiftedAt = e.At
			}
		default:
			s.Denied[f.Subscription] = Denial{e.At, f.Detail, f.GivenUp}
			if known {
				s.subs[sub].Denials = f.Denials
			}
		}
	case fleet.RunOrder:
		s.ordered(e.At, f)
	default:
		return fmt.Errorf("no fold for fact %s", e.Fact.Name())
	}
	return nil
}

func (s *State) withWave(name string, do func(int, *WaveState)) error {
	for i := range s.Waves {
		if s.Waves[i].Name == name {
			do(i, &s.Waves[i])
			return nil
		}
	}
	return fmt.Errorf("the plan has no wave %q", name)
}

func (s *State) withGate(wave, when string, do func(*Gate)) error {
	if when != fleet.GateBefore && when != fleet.GateAfter {
		return fmt.Errorf("a gate is before or after its wave, not %q", when)
	}
	return s.withWave(wave, func(_ int, w *WaveState) {
		if when == fleet.GateBefore {
			do(&w.Before)
		} else {
			do(&w.After)
		}
	})
}

// remember notes what earlier runs made of vaults; one that is no longer in the plan is
// left out.
func (s *State) remember(keys []fleet.Key, note func(*VaultState)) {
	for _, k := range keys {
		if i, ok := s.index[k]; ok {
			s.count(i, -1)
			note(&s.Vaults[i])
			s.count(i, +1)
		}
	}
}

// carry sets a vault to what an earlier run left. A vault that the inventory
// holds stays excluded; one that is no longer in the plan is left out.
func (s *State) carry(c fleet.Carried) {
	i, ok := s.index[c.Vault]
	if !ok || s.Vaults[i].Status == fleet.Excluded {
		return
	}
	s.count(i, -1)
	v := &s.Vaults[i]
	v.Status, v.Disregard, v.Reason = c.Status, c.Disregard, c.Reason
	if c.OperationID != "" {
		v.Own = []string{c.OperationID}
	}
	switch c.Status {
	case fleet.Failed, fleet.Unknown:
		v.Carried = true
		v.OperationID, v.Operation, v.Accepted, v.ErrorBody, v.Version = c.OperationID, c.Operation, c.Accepted,
			c.ErrorBody, c.Version
		v.StartedAt, v.EndedAt, v.EndedLate = c.StartedAt, c.EndedAt, c.EndedLate
		v.Findings, v.RequestIDs = c.Findings, c.RequestIDs
		v.Done, v.Reading = c.Done, c.Reading
		v.ProofFrom = later(s.takenUp(s.Run.OpenedAt), s.startEnds(c.StartedAt))
	default:
		v.Reopened = true
	}
	s.count(i, +1)
}

// startEnds is when a start may be on its way no more. That its process has died
// since changes nothing: a gateway may hold what a dead process sent.
func (s *State) startEnds(intended time.Time) time.Time {
	return intended.Add(s.Plan.Timings.StartTimeout)
}

// takenUp is from when the grace counts at the earliest for a start of a process that
// is gone, where another takes it up. The two may have read different clocks, or one
// that was set in between: only the start's whole timeout from now on is sure to be
// longer than it is still on its way.
func (s *State) takenUp(at time.Time) time.Time {
	t := &s.Plan.Timings
	return at.Add(max(0, t.StartTimeout-t.ReconcileGrace))
}

// resume puts every vault whose POST may have left into doubt, lifts a
// denial, and lets waits begin anew.
func (s *State) resume(at time.Time) {
	s.Run.Suspended, s.Run.ResumedAt = nil, at
	s.allow()
	if st := s.Run.Stopped; st != nil && !st.Close {
		s.Run.Stopped = nil // the process that was told to leave has left
	}
	taken := s.takenUp(at)
	for i := range s.Vaults {
		v := &s.Vaults[i]
		switch {
		case v.Status == fleet.Starting:
			s.count(i, -1)
			v.Status, v.Doubt = fleet.Unknown, Doubt{ProofFrom: later(taken, s.startEnds(v.IntendedAt))}
			v.Reason = "the process ended between the start and its answer"
			s.count(i, +1)
		case v.Status == fleet.Unknown && v.ProofFrom.Before(taken):
			v.ProofFrom = taken
		case v.CloudDone:
			v.DoneSince = at
		}
	}
}

func (s *State) forgive() {
	s.Run.Halt, s.Run.HaltedAt, s.SameError = nil, time.Time{}, Streak{}
	for i := range s.Vaults {
		v := &s.Vaults[i]
		if v.Status == fleet.Failed || v.Status == fleet.Unknown && v.Final || v.Repaired {
			s.count(i, -1)
			v.Forgiven = true
			s.count(i, +1)
		}
	}
}

func (s *State) applyVault(i int, at time.Time, fact fleet.VaultFact) error {
	v := &s.Vaults[i]
	switch f := fact.(type) {
	case fleet.Validated:
		return s.validated(i, at, f)
	case fleet.StartIntended:
		if err := s.move(i, fleet.Starting, f.Name()); err != nil {
			return err
		}
		v.Attempt, v.Sent, v.IntendedAt, v.Reason = f.Attempt, v.Sent+1, at, ""
		v.Own = append(slices.Clip(v.Own), f.OperationID)
		v.Upgrade = Upgrade{OperationID: f.OperationID, StartedAt: at, Version: f.Version}
		v.Doubt, v.Need, v.Learned = Doubt{}, Need{}, nil
	case fleet.StartAnswered:
		return s.answered(i, at, f)
	case fleet.StartWaits:
		if f.Learned != nil {
			v.Learned = f.Learned
		}
		if f.Code != "" {
			s.refusedAgain(v, at, f.RetryAfter)
			v.Answer, v.Reason = notSent(f.Code, f.Reason), "not ready to be sent: "+f.Reason
			if f.Code == fleet.CodeChanged {
				v.Answer.Action, v.Reason = "find out what keeps changing the vault", f.Reason
			}
			return nil
		}
		v.Waits, v.WaitsSince, v.Reason = f.Reason, orTime(v.WaitsSince, at), f.Reason
	case fleet.NotSent:
		if err := s.move(i, fleet.Ready, f.Name()); err != nil {
			return err
		}
		v.Attempt, v.Sent = v.Attempt-1, v.Sent-1
		v.StartedAt = time.Time{}
		v.Reason = "not sent: " + f.Reason
		if f.Code == "" {
			v.Withheld++
		} else {
			s.refusedAgain(v, at, 0)
			v.Answer = notSent(f.Code, f.Reason)
		}
	case fleet.Reconciled:
		return s.reconciled(i, at, f)
	case fleet.Observed:
		return s.observed(i, at, f)
	case fleet.Verified:
		v.EndedAt, v.UpgradedResourceID, v.Reason = orTime(v.EndedAt, at), f.ResourceID, ""
		v.Reading = nil
		s.SameError.succeeded(v.EndedAt)
		return s.move(i, fleet.Upgraded, f.Name())
	case fleet.Inspected:
		if f.OperationID == v.OperationID {
			v.Reading, v.Inspections = &f.Reading, v.Inspections+1
		}
	case fleet.DeadlinePassed:
		return s.deadline(i, at, f)
	case fleet.Reopened:
		return s.reopened(i, f)
	case fleet.Refreshed:
		return s.refreshed(i, at, f)
	case fleet.Held:
		return s.held(i, f)
	default:
		return fmt.Errorf("no fold for fact %s", fact.Name())
	}
	return nil
}

func (s *State) validated(i int, at time.Time, f fleet.Validated) error {
	v := &s.Vaults[i]
	// Validating is never journalled: a crash must find the vault where it
	// was before. The fold passes through it.
	if err := s.move(i, fleet.Validating, f.Name()); err != nil {
		return err
	}
	if !bytes.Equal(v.State, f.State) {
		v.Need = Need{} // what it needs now is something else
	}
	v.State = f.State
	busy := v.Busy
	v.Busy = Busy{}
	v.ValidatedAt, v.Findings, v.RequestIDs, v.Reason = at, f.Findings, f.RequestIDs, firstError(f.Findings)
	to := fleet.Status(f.Verdict)
	switch f.Verdict {
	case fleet.VerdictReady, fleet.VerdictBlocked:
	case fleet.VerdictBusy:
		if v.Busy = busy; !noAnswer(f.Findings) {
			v.Unreached = -1
		}
		v.Unreached++
		s.foundBusy(v, at)
	case fleet.VerdictUpgrading:
		if f.Record == nil {
			return fmt.Errorf("vault %s: an upgrade is under way, but its record is missing", f.Vault)
		}
		own := v.owns(f.Record.OperationID)
		v.Upgrade = Upgrade{OperationID: f.Record.OperationID, StartedAt: orTime(f.Record.StartedAt, at), Foreign: !own,
			Accepted: own, ShownAt: at}
		if v.Foreign {
			v.Reason = s.theirs() + " is under way"
		}
	case fleet.VerdictAlready:
		if f.Record != nil {
			v.Upgrade = recordedUpgrade(f.Record)
			v.UpgradedResourceID = f.Record.UpgradedResourceID
		}
	case fleet.VerdictFailed:
		v.Carried = true // the cloud remembers a failure from before this run
		if f.Record != nil {
			v.Carried, v.Upgrade = !v.owns(f.Record.OperationID), recordedUpgrade(f.Record)
		}
	default:
		return fmt.Errorf("verdict %q of vault %s is no outcome", f.Verdict, f.Vault)
	}
	return s.move(i, to, f.Name())
}

// recordedUpgrade is an operation of which the cloud's record tells that it is over.
func recordedUpgrade(r *fleet.Record) Upgrade {
	return Upgrade{OperationID: r.OperationID, StartedAt: r.StartedAt, EndedAt: r.EndedAt}
}

func (s *State) answered(i int, at time.Time, f fleet.StartAnswered) error {
	v, a := &s.Vaults[i], f.Answer
	if f.OperationID != v.OperationID {
		return fmt.Errorf("vault %s: an answer for operation %s, but %s is under way", f.Vault, f.OperationID,
			v.OperationID)
	}
	if a.RequestID != "" {
		v.RequestIDs = append(slices.Clip(v.RequestIDs), a.RequestID)
	}
	if v.Status != fleet.Starting {
		return nil // a listing already showed the operation: it was accepted
	}
	if a.Verdict != fleet.StartAccepted {
		v.Answer = &a
	}
	v.Withheld = 0
	if s.refusedForNow(v, at, f); !f.ForNow {
		v.Refusal = Refusal{}
	}
	v.Disregard = keepIf(v.Disregard, a.Verdict == fleet.StartThrottled || a.Verdict == fleet.StartDenied ||
		a.Verdict == fleet.StartBusy || a.Verdict == fleet.StartBlocked || a.Verdict == fleet.StartUnknown)
	switch a.Verdict {
	case fleet.StartAccepted:
		v.Accepted, v.ShownAt, v.Operation = true, at, a.Operation
		if a.Operation != nil && a.Operation.RetryAfter > 0 {
			v.LookFrom = at.Add(a.Operation.RetryAfter)
		}
		if a.Done {
			v.Done = true
			v.CloudDone, v.DoneSince, v.EndedAt = true, at, at
			s.SameError.succeeded(at)
		}
		return s.move(i, fleet.Upgrading, f.Name())
	case fleet.StartUnknown:
		v.ErrorBody, v.Doubt = a.ErrorBody, Doubt{ProofFrom: later(at, s.startEnds(v.IntendedAt))}
		v.SaidAccepted = a.Taken().Verdict == fleet.StartAccepted
		v.Reason = "the start's answer does not say whether it was accepted: " + a.Message
		v.Findings = withAnswer(v.Findings, a, fleet.CodeAnswerLost)
		return s.move(i, fleet.Unknown, f.Name())
	case fleet.StartBusy:
		s.foundBusy(v, at)
		v.StartedAt, v.Reason = time.Time{}, inItsWords("another operation is under way on it", f)
		return s.move(i, fleet.Busy, f.Name())
	case fleet.StartThrottled:
		v.StartedAt, v.Reason = time.Time{}, inItsWords("throttled, not accepted", f)
		return s.move(i, fleet.Ready, f.Name())
	case fleet.StartDenied:
		v.StartedAt, v.Reason = time.Time{}, "start refused: not signed in, or no permission: "+a.Message
		return s.move(i, fleet.Ready, f.Name())
	case fleet.StartBlocked:
		v.StartedAt, v.Reason = time.Time{}, "not accepted: "+a.Message
		v.Findings = withAnswer(v.Findings, a, fleet.CodeRefused)
		return s.move(i, fleet.Blocked, f.Name())
	case fleet.StartFailed:
		v.EndedAt, v.Reason = at, a.Message
		v.Findings = withAnswer(v.Findings, a, fleet.CodeUpgradeFailed)
		s.SameError.failed(a.Code, at)
		return s.move(i, fleet.Failed, f.Name())
	}
	return fmt.Errorf("vault %s: answer %q is no outcome", f.Vault, a.Verdict)
}

// inItsWords adds the service's own words to why a start is tried again.
func inItsWords(why string, f fleet.StartAnswered) string {
	if words := spoken(f.Answer.Code, f.Answer.Message); f.ForNow && words != "" {
		return why + ": " + words
	}
	return why
}

// spoken is a code and a message as one.
func spoken(code, message string) string {
	if code == "" || message == "" {
		return code + message
	}
	return code + ": " + message
}

// withAnswer adds what a start's answer said to the vault's findings.
func withAnswer(have []fleet.Finding, a fleet.StartAnswer, code string) []fleet.Finding {
	have = slices.Clip(have)
	if len(a.Findings) > 0 {
		return append(have, a.Findings...)
	}
	if a.Code != "" {
		code = a.Code
	}
	return append(have, fleet.Finding{Severity: fleet.SeverityError, Category: "upgrade", Code: code,
		Message: a.Message, Action: a.Action})
}

// keepIf returns ops, or nothing when the permit they stand for is spent.
func keepIf(ops []string, keep bool) []string {
	if keep {
		return ops
	}
	return nil
}

func orTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func firstError(fs []fleet.Finding) string {
	for _, sev := range []fleet.Severity{fleet.SeverityError, fleet.SeverityWarning} {
		for _, f := range fs {
			if f.Severity == sev {
				return f.Message
			}
		}
	}
	return ""
}
