package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// reconciled folds a conclusive pair of reads for a start in doubt.
func (s *State) reconciled(i int, at time.Time, f fleet.Reconciled) error {
	v := &s.Vaults[i]
	if f.OperationID != v.OperationID || v.Status != fleet.Unknown {
		return nil // a listing resolved it meanwhile
	}
	v.ForeignRead = f.Reading == fleet.ReadForeign
	switch f.Reading {
	case fleet.ReadOurs:
		return s.seenOurs(i, at, f.Record, f.Late, f.Name())
	case fleet.ReadAbsent:
		if v.Accepted {
			return fmt.Errorf("vault %s: operation %s was seen accepted; its absence proves nothing", f.Vault,
				f.OperationID)
		}
		v.Absences, v.AbsentAt = v.Absences+1, at
		if v.Absences < 2 {
			return nil
		}
		v.StartedAt = time.Time{}
		if v.ErrorBody {
			v.EndedAt = at
			s.unchanged(v, at)
			s.SameError.failed(lastError(v.Findings), at)
			return s.move(i, fleet.Failed, f.Name())
		}
		v.Reading = nil
		v.Reason, v.Findings, v.Carried = provedAbsent+againSoon, nil, false
		return s.move(i, fleet.Ready, f.Name())
	case fleet.ReadForeign:
		v.Absences = 0
		v.Reason = "the cloud shows somebody else's operation instead of ours: " + f.Detail
		return nil
	}
	return fmt.Errorf("vault %s: reading %q is not conclusive", f.Vault, f.Reading)
}

// Why a vault whose start never arrived is ready again.
const (
	provedAbsent = "confirmed not started"
	againSoon    = "; it will be started again"
)

// observed folds a change in the cloud's record of a vault.
func (s *State) observed(i int, at time.Time, f fleet.Observed) error {
	v := &s.Vaults[i]
	if f.OperationID != v.OperationID {
		return fmt.Errorf("vault %s: operation %s was observed, but %s is followed", f.Vault, f.OperationID,
			v.OperationID)
	}
	switch {
	case v.Status == fleet.Failed:
		s.explained(v, f)
		return nil
	case f.Unseen:
		v.LostSince = at
		return nil
	case f.Vanished && f.Foreign:
		v.EndedAt = at
		v.Findings = append(slices.Clip(v.Findings), fleet.Finding{Severity: fleet.SeverityError, Category: "foreign",
			Code: fleet.CodeVanished, Message: s.words().left,
			Action: "nothing: the next run looks again"})
		v.Reason = "vanished during " + s.theirs()
		return s.move(i, fleet.Blocked, f.Name())
	case f.Vanished:
		v.Doubt, v.CloudDone = Doubt{ProofFrom: at}, false
		v.Reason = s.words().unseen
		if v.Reading != nil && v.Reading.What != "" && f.Present {
			v.Reason = s.words().notFound + ": " + v.Reading.Dated()
		}
		return s.move(i, fleet.Unknown, f.Name())
	case f.Foreign:
		return s.seenForeign(i, at, f)
	}
	return s.seenOurs(i, at, f.Record, f.Late, f.Name())
}

// explained adds the explanation of a failure: it takes the place of what the
// listing had said.
func (s *State) explained(v *VaultState, f fleet.Observed) {
	if !f.Explained {
		return
	}
	code := ""
	for _, finding := range f.Findings {
		if finding.Severity == fleet.SeverityError {
			code = finding.Code
			break
		}
	}
	if n := len(v.Findings); code != "" && n > 0 && v.Findings[n-1].Code == fleet.CodeUpgradeFailed {
		v.Findings = v.Findings[:n-1]
	}
	v.Findings = append(slices.Clip(v.Findings), f.Findings...)
	s.SameError.failed(code, v.EndedAt)
}

// lastError is the code of the newest error among findings.
func lastError(fs []fleet.Finding) string {
	for _, f := range slices.Backward(fs) {
		if f.Severity == fleet.SeverityError {
			return f.Code
		}
	}
	return ""
}

// seenOurs folds the sight of our own operation in the cloud.
func (s *State) seenOurs(i int, at time.Time, r *fleet.Record, late bool, why string) error {
	v := &s.Vaults[i]
	v.LostSince = time.Time{}
	if r == nil {
		return fmt.Errorf("vault %s: %s shows our operation, but its record is missing", s.Plan.Vaults[i].Key, why)
	}
	v.Accepted, v.ShownAt, v.Disregard, v.Reason = true, at, nil, ""
	v.StartedAt = orTime(v.StartedAt, v.IntendedAt)
	if err := s.move(i, fleet.Upgrading, why); err != nil {
		return err
	}
	switch r.State {
	case fleet.RecordUpgraded:
		v.Done = true
		if !v.CloudDone {
			v.CloudDone, v.DoneSince = true, at
		}
		v.EndedAt, v.EndedLate, v.UpgradedResourceID = orTime(r.EndedAt, at), late, r.UpgradedResourceID
		s.SameError.succeeded(v.EndedAt)
	case fleet.RecordFailed:
		v.EndedAt, v.EndedLate, v.Reason, v.Reading = orTime(r.EndedAt, at), late, r.Message, nil
		v.Findings = append(slices.Clip(v.Findings), fleet.Finding{Severity: fleet.SeverityError, Category: "upgrade",
			Code: fleet.CodeUpgradeFailed, Message: r.Message,
			Action: s.words().failed})
		return s.move(i, fleet.Failed, why)
	}
	return nil
}

// seenForeign folds the end of an upgrade that is not ours.
func (s *State) seenForeign(i int, at time.Time, f fleet.Observed) error {
	v, r := &s.Vaults[i], f.Record
	if r == nil {
		return fmt.Errorf("vault %s: somebody else's upgrade was observed, but its record is missing", f.Vault)
	}
	v.EndedAt, v.EndedLate, v.ShownAt, v.LostSince = orTime(r.EndedAt, at), f.Late, at, time.Time{}
	switch r.State {
	case fleet.RecordUpgraded:
		v.UpgradedResourceID, v.Reason = r.UpgradedResourceID, s.direction().Done+" by somebody else"
		if r.Trigger == fleet.TriggerForced {
			v.Reason = "upgraded by Microsoft (" + r.Trigger + ")"
		}
		return s.move(i, fleet.Already, f.Name())
	case fleet.RecordFailed:
		v.Reason = s.theirs() + " of it failed: " + r.Message
		v.Findings = append(slices.Clip(v.Findings), fleet.Finding{Severity: fleet.SeverityError, Category: "foreign",
			Code: fleet.CodeForeignFailed, Message: v.Reason,
			Action: "ask who started operation " + r.OperationID + s.words().theirs})
		return s.move(i, fleet.Blocked, f.Name())
	}
	v.EndedAt = time.Time{}
	return nil
}

// deadline folds the end of a wait.
func (s *State) deadline(i int, at time.Time, f fleet.DeadlinePassed) error {
	v := &s.Vaults[i]
	note := func(code, msg, action string) {
		v.Reason, v.Findings = msg, slices.Clip(v.Findings)
		if f.Last != nil {
			v.Findings = append(v.Findings, *f.Last)
		}
		v.Findings = append(v.Findings, fleet.Finding{Severity: fleet.SeverityError,
			Category: "deadline", Code: code, Message: msg, Action: action})
	}
	if f.Reading != nil {
		v.Reading = f.Reading
	}
	switch f.Deadline {
	case fleet.DeadlineBusy:
		msg := fmt.Sprintf("still busy after %s", s.Plan.Timings.BusyDeadline)
		switch {
		case v.Status == fleet.Busy && v.Unreached > 0:
			msg = fmt.Sprintf("its checks got no answer for %s; the last: %s", at.Sub(v.BusySince).Round(time.Second),
				firstError(v.Findings))
		case f.Last != nil && f.Last.Code == fleet.CodeUnreachable:
			msg = fmt.Sprintf("its start could not be sent for %s; the last try: %s",
				at.Sub(orTime(f.Since, v.RefusedFrom)).Round(time.Second), f.Last.Message)
		case f.Last != nil && f.Last.Code == fleet.CodeChanged && v.Refusals > 0:
			msg = fmt.Sprintf("each time its start was made ready, for %s, it was not as its check had found it; the "+
				"last time: %s", at.Sub(v.RefusedFrom).Round(time.Second), f.Last.Message)
		case v.Refusals > 0 && f.Last != nil:
			msg = fmt.Sprintf("its start has been refused for %s; the last answer: %s",
				at.Sub(v.RefusedFrom).Round(time.Second), spoken(f.Last.Code, f.Last.Message))
		case v.Status == fleet.Ready:
			msg = fmt.Sprintf("what its start needs has not come into force after %s", s.Plan.Timings.BusyDeadline)
			if v.Waits != "" {
				msg += fmt.Sprintf(": %s, since %s", v.Waits, v.WaitsSince.UTC().Format("2006-01-02 15:04 UTC"))
			}
		}
		note(fleet.CodeBusyDeadline, msg, advised(f.Last, "nothing: the next run tries again"))
		return s.move(i, fleet.Blocked, f.Name())
	case fleet.DeadlineAttempts:
		last := strings.TrimSuffix(v.Reason, againSoon)
		if f.Last != nil {
			last = spoken(f.Last.Code, f.Last.Message)
		}
		note(fleet.CodeAttempts, fmt.Sprintf("%d starts were sent and none was accepted; the last: %s", v.Attempt,
			last),
			advised(f.Last, "look into the reason; the next run tries again"))
		return s.move(i, fleet.Blocked, f.Name())
	case fleet.DeadlineWindow:
		note(fleet.CodeNoWindow, "no window that is still to come is long enough for its "+s.direction().Noun,
			"widen the window, or take away a blackout; the next run tries again")
		return s.move(i, fleet.Blocked, f.Name())
	case fleet.DeadlineReconcile:
		code, msg, action := s.unconfirmed(v)
		forget(v)
		note(code, msg, action)
		v.Final = true
		if v.Status == fleet.Upgrading {
			return s.move(i, fleet.Unknown, f.Name())
		}
		v.EndedAt = at
		return nil
	case fleet.DeadlineFollow:
		code, msg, action := s.unconfirmed(v)
		forget(v)
		note(code, msg, action)
		v.Final, v.EndedAt = true, at
		return s.move(i, fleet.Unknown, f.Name())
	case fleet.DeadlineOverdue:
		v.Overdue = true
		if v.Status == fleet.Upgrading && v.Foreign {
			v.EndedAt = at
			note(fleet.CodeForeignOverdue, s.theirs()+" of it does not end", "ask who started operation "+v.OperationID)
			return s.move(i, fleet.Blocked, f.Name())
		}
		return nil
	}
	return fmt.Errorf("vault %s: unknown deadline %q", f.Vault, f.Deadline)
}

// advised is what to do about a wait that is over: what the last answer advises,
// where it does, or else.
func advised(last *fleet.Finding, otherwise string) string {
	if last == nil || last.Action == "" {
		return otherwise
	}
	return strings.TrimSuffix(last.Action, ".") + "; the next run tries again"
}

// unconfirmed is why an upgrade stays unknown: what is known of its start, and
// what was last read.
func (s *State) unconfirmed(v *VaultState) (code, msg, action string) {
	switch {
	case v.Status == fleet.Upgrading && v.CloudDone, v.Done:
		code, msg, action = fleet.CodeNotVerified, s.words().unverified, s.words().look
	case v.Operation.WhyUnfollowed() != "":
		code, action = fleet.CodeUnconfirmed, s.words().doubt
		msg = "the service accepted the request, and its operation could not be followed: " + v.Operation.Unfollowed
	case v.Accepted:
		code, msg, action = fleet.CodeUnconfirmed, s.words().unended, s.words().look
	default:
		code, msg, action = fleet.CodeAnswerLost,
			"reading could not tell whether the "+s.direction().Noun+" was started", s.words().doubt
	}
	if r := v.Reading; r != nil {
		msg += ". Last reading: " + r.Dated()
		if r.Action != "" {
			action = r.Action + " Then: " + action
		}
	}
	return code, msg, action
}

// forget drops what an earlier run concluded of the same doubt.
func forget(v *VaultState) {
	v.Findings = slices.DeleteFunc(slices.Clone(v.Findings), func(f fleet.Finding) bool {
		return f.Category == "deadline" &&
			(f.Code == fleet.CodeNotVerified || f.Code == fleet.CodeUnconfirmed || f.Code == fleet.CodeAnswerLost)
	})
}

// unchanged says of a start that the service answered with an error that two
// readings proved it to have changed nothing.
func (s *State) unchanged(v *VaultState, at time.Time) {
	n := len(v.Findings) - 1
	if n < 0 {
		return
	}
	x := v.Findings[n]
	x.Message = strings.TrimRight(x.Message, ". ") +
		fmt.Sprintf(". Two readings, the last of %s UTC, showed %s as it was before: the start changed nothing",
			at.UTC().Format("2006-01-02 15:04:05"), s.words().itself)
	x.Action = strings.TrimSpace(x.Action + " " + s.words().unchanged)
	v.Findings = append(slices.Clone(v.Findings[:n]), x)
	if v.Reason = x.Message; x.Code != fleet.CodeAnswerLost {
		v.Reason = x.Code + ": " + x.Message
	}
}

// ReopenedBy says who permitted another try of a vault, and why.
func ReopenedBy(f *fleet.Reopened) string { return "re-opened by " + f.By.User + ": " + f.Reason }

// reopened folds a person's permission to try again. In a closed run it only
// marks the permit: the next run carries it out, and why it failed in this one stays.
func (s *State) reopened(i int, f fleet.Reopened) error {
	v := &s.Vaults[i]
	v.Disregard = append(slices.Clip(v.Disregard), f.Disregard...)
	v.Reopened = true
	if s.Run.Closed != nil {
		v.Permit = &f
		return nil
	}
	v.Reason = ReopenedBy(&f)
	v.Tried = v.Changed() // whatever becomes of it now

	// it speaks for the vault no longer
	v.Upgrade = Upgrade{OperationID: v.OperationID, StartedAt: v.StartedAt, EndedAt: v.EndedAt}
	v.Attempt, v.Sent, v.Past, v.Doubt, v.Refusal, v.Need, v.Learned = 0, 0, Past{}, Doubt{}, Refusal{}, Need{}, nil
	s.Waves[s.Plan.Vaults[i].Wave].DoneAt = time.Time{}
	return s.move(i, fleet.Pending, f.Name())
}
