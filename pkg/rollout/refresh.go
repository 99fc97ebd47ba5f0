package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// categoryRefresh marks the findings of a refresh: the next one replaces them.
const categoryRefresh = "refresh"

// Refreshable says why reading the vault again would be of no use, nil when it
// may be: it has failed, or reading had given it up.
func (s *State) Refreshable(i int) error {
	v := &s.Vaults[i]
	switch {
	case v.Status != fleet.Failed && v.Status != fleet.Unknown:
		return fmt.Errorf("it is %s; only a failed or unknown vault is read again", s.direction().Status(v.Status))
	case v.Status == fleet.Unknown && !v.Final && s.Run.Closed == nil:
		return fmt.Errorf("it is unknown, and the run itself still reads it")
	case v.Permit != nil:
		return fmt.Errorf("it was re-opened; the next run looks at it first")
	}
	return nil
}

// ToRefresh is which vaults a refresh reads: those that are named, each of which reading
// must be of use for, or with none named every one that it may be. An error is a
// *fleet.Refusal.
func (s *State) ToRefresh(named []int) (vaults []int, err error) {
	for _, i := range named {
		if err := s.Refreshable(i); err != nil {
			return nil, fleet.Refuse(standing, "%s: %w", s.Plan.Vaults[i].Ref(), err)
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	for i := range s.Vaults {
		if s.Refreshable(i) == nil {
			vaults = append(vaults, i)
		}
	}
	return vaults, nil
}

// refreshed folds what the cloud showed of a vault that had failed, or was
// unknown for good. It changes no budget: what failed in a rollout has failed in
// it, whoever put it right.
func (s *State) refreshed(i int, at time.Time, f fleet.Refreshed) error {
	if err := s.Refreshable(i); err != nil {
		return fmt.Errorf("vault %s: %w", f.Vault, err)
	}
	v, r := &s.Vaults[i], f.Record
	v.RefreshedAt, s.Run.RefreshedAt = at, at
	v.Findings = slices.DeleteFunc(slices.Clone(v.Findings),
		func(x fleet.Finding) bool { return x.Category == categoryRefresh })
	for _, x := range f.Findings {
		x.Category = categoryRefresh
		v.Findings = append(v.Findings, x)
	}
	ours := f.Reading == fleet.ReadOurs
	switch {
	case r == nil:
		v.Reason = "read again, and still " + s.direction().Status(v.Status) + ": " + f.Detail
		return nil
	case r.State == fleet.RecordUpgraded && f.Verified:
		return s.repaired(i, at, f)
	case r.State == fleet.RecordUpgraded:
		v.Reason = s.done() + ", but " + s.words().vault + " is not verified: " + f.Detail
		return nil
	case r.State == fleet.RecordFailed && ours:
		v.Reason = or("the cloud still says Failed: ", r.Message)
	case r.State == fleet.RecordFailed:
		v.Reason = or(s.theirs()+" of it, operation "+r.OperationID+", failed: ", r.Message)
	case ours:
		return s.stillRunning(i)
	default:
		v.Reason = s.theirs() + " of it, operation " + r.OperationID + ", is under way"
		v.note(fleet.CodeUpgradeRunning, v.Reason, "wait for its end, then fleetup refresh")
		return nil
	}
	if v.Status == fleet.Unknown { // a record Failed, whoever started it, counts as failed (design.md#rule-5)
		v.EndedAt, v.EndedLate = orTime(r.EndedAt, at), f.Late
		v.note(fleet.CodeUpgradeFailed, v.Reason, s.words().failed)
		v.Findings[len(v.Findings)-1].Said = r.Message
	}
	return s.move(i, fleet.Failed, f.Name())
}

// repaired folds an upgrade that ended well after all.
func (s *State) repaired(i int, at time.Time, f fleet.Refreshed) error {
	v, r := &s.Vaults[i], f.Record
	own := f.Reading == fleet.ReadOurs && v.owns(v.OperationID)
	v.Repaired, v.Disregard = true, nil
	v.EndedAt, v.EndedLate, v.UpgradedResourceID, v.Findings = orTime(r.EndedAt, at), f.Late, f.ResourceID, f.Findings
	v.Reason = fmt.Sprintf("was %s; %s, and %s is verified", v.Status, s.done(), s.words().vault)
	if own {
		v.Accepted = true
		return s.move(i, fleet.Upgraded, f.Name())
	}
	v.Reason += "; by operation " + r.OperationID + ", which is not ours"
	v.Upgrade = Upgrade{OperationID: r.OperationID, StartedAt: r.StartedAt, EndedAt: v.EndedAt, EndedLate: v.EndedLate,
		UpgradedResourceID: f.ResourceID}
	return s.move(i, fleet.Already, f.Name())
}

// stillRunning folds our own upgrade, found under way. An unfinished run follows
// one that it had given up; otherwise nobody does, and the vault stays as it is.
func (s *State) stillRunning(i int) error {
	v := &s.Vaults[i]
	v.Accepted = true
	v.Reason = "its " + s.direction().Noun + " is under way in the cloud"
	if v.Status == fleet.Unknown && s.Run.Closed == nil {
		v.Final, v.EndedAt = false, time.Time{}
		s.Waves[s.Plan.Vaults[i].Wave].DoneAt = time.Time{}
		return nil
	}
	v.note(fleet.CodeStillRunning, v.Reason, "wait for its end, then fleetup refresh")
	return nil
}

// note adds a finding of a refresh.
func (v *VaultState) note(code, message, action string) {
	v.Findings = append(v.Findings, fleet.Finding{Severity: fleet.SeverityError, Category: categoryRefresh, Code: code,
		Message: message, Action: action})
}

func or(what, message string) string {
	if message == "" {
		message = "no message"
	}
	return what + message
}
