package state_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/pkg/state/statetest"
)

// life is what a run writes of a vault that goes through without trouble, and
// its record after each.
func life(n int) (events []fleet.Event, records []fleet.VaultRecord) {
	v, op := statetest.Key(n), fmt.Sprintf("4cc27b8b-8d4b-4f3e-9f5a-%012d-2026-03-16 22-00-07Z-P", n)
	id := fmt.Sprintf("/subscriptions/53a3c692-5283-4f0a-baf6-49412f5ebefe/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/vault-%06d", n)
	requests := []string{"0b1f6471-1bf0-4dda-aec3-cb9272f09590", "9f0e3c1a-77c2-4b7e-8d55-2a6f4f0c9d11", "72f988bf-86f1-41af-91ab-2d7cd011db47"}
	record := func(s fleet.UpgradeState) *fleet.Record {
		return &fleet.Record{OperationID: op, State: s, Message: "Upgrade of the vault is under way.", Trigger: fleet.TriggerForced,
			StartedAt: statetest.At(n, nil).At, UpgradedResourceID: id}
	}
	found := []fleet.Finding{{Severity: fleet.SeverityWarning, Category: "billing", Code: "BillingConversion",
		Message: "The billing of the protected items changes with the upgrade.", Action: "consent with acceptWarnings"}}
	r := fleet.VaultRecord{Vault: v, RunID: "20260316-220000-a1b2c3", Findings: found, RequestIDs: requests}
	for _, step := range []struct {
		fact   fleet.Fact
		status fleet.Status
	}{
		{fleet.Validated{Vault: v, Verdict: fleet.VerdictReady, Findings: found, RequestIDs: requests}, fleet.Ready},
		{fleet.StartIntended{Vault: v, OperationID: op, Attempt: 1}, fleet.Starting},
		{fleet.StartAnswered{Vault: v, OperationID: op, Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, HTTPStatus: 202, RequestID: requests[0]}}, fleet.Upgrading},
		{fleet.Observed{Vault: v, OperationID: op, Record: record(fleet.RecordInProgress)}, fleet.Upgrading},
		{fleet.Observed{Vault: v, OperationID: op, Record: record(fleet.RecordUpgraded)}, fleet.Upgrading},
		{fleet.Verified{Vault: v, OperationID: op, ResourceID: id}, fleet.Upgraded},
	} {
		r.Status, r.OperationID, r.StartedAt = step.status, op, statetest.At(n, nil).At
		events, records = append(events, statetest.At(n, step.fact)), append(records, r)
	}
	return events, records
}

// live writes the lives of so many vaults, a fact a commit. Their order is not
// that of the keys.
func live(l *state.Ledger, vaults int) error {
	for n := range vaults {
		events, records := life(n * 7919 % 100_003)
		for i := range events {
			if err := l.Commit(events[i:i+1], records[i:i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// The figures of Reserve: a vault without trouble takes a third of what is
// reserved for it, at most, even where no two share a commit.
func TestWhatAVaultTakes(t *testing.T) {
	t.Parallel()
	for _, vaults := range []int{40, 400} {
		t.Run(fmt.Sprint(vaults), func(t *testing.T) {
			t.Parallel()
			l := open(t, acquire(t, filepath.Join(t.TempDir(), "fleet.db")))
			l.NoSync()
			before := l.Used()
			if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil), live(l, vaults)); err != nil {
				t.Fatal(err)
			}
			took := l.Used() - before
			if base, each := state.Reserved(); took > int64(base+vaults*each/3) {
				t.Errorf("%d vaults took %d bytes; reserved are %d and %d for each", vaults, took, base, each)
			}
			t.Logf("%d vaults: %d bytes, %d a vault", vaults, took, took/int64(vaults))
		})
	}
}

func TestReserveSaysHowMuch(t *testing.T) {
	t.Parallel()
	l := open(t, acquire(t, filepath.Join(t.TempDir(), "fleet.db")))
	// No disk has room for this many.
	err := l.Reserve(1 << 40)
	if !errors.Is(err, state.ErrNoRoom) || !strings.Contains(err.Error(), "1,099,511,627,776 vaults needs about 18,014,398,5") ||
		!strings.Contains(err.Error(), "nothing was started; make room on the disk of "+filepath.Dir(l.Path())) {
		t.Fatalf("Reserve: %v", err)
	}
	if err := errors.Join(l.Reserve(40), l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil)); err != nil {
		t.Fatalf("after it the ledger cannot be used: %v", err)
	}
}
