package state_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// life is what a run writes of a vault that goes through without trouble, and
// its record after each.
func life(n int, address func(n int) *fleet.Operation) (events []fleet.Event, records []fleet.VaultRecord) {
	v, op := statetest.Key(n), fmt.Sprintf("4cc27b8b-8d4b-4f3e-9f5a-%012d-2026-03-16 22-00-07Z-P", n)
	id :=
		fmt.Sprintf(
			"/subscriptions/53a3c692-5283-4f0a-baf6-49412f5ebefe/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/vault-%06d", n)
	requests := []string{"0b1f6471-1bf0-4dda-aec3-cb9272f09590", "9f0e3c1a-77c2-4b7e-8d55-2a6f4f0c9d11",
		"72f988bf-86f1-41af-91ab-2d7cd011db47"}
	record := func(s fleet.UpgradeState) *fleet.Record {
		return &fleet.Record{OperationID: op, State: s, Message: "Upgrade of the vault is under way.",
			Trigger:   fleet.TriggerForced,
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
		{fleet.StartAnswered{Vault: v, OperationID: op,
			Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, HTTPStatus: 202, RequestID: requests[0],
				Operation: address(n)}}, fleet.Upgrading},
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
func live(l *state.Ledger, vaults int) error { return liveAtOnce(l, vaults, 1, noAddress) }

// liveAtOnce is live with so many vaults at once.
func liveAtOnce(l *state.Ledger, vaults, atOnce int, address func(n int) *fleet.Operation) error {
	for from := 0; from < vaults; from += atOnce {
		var events [][]fleet.Event
		var records [][]fleet.VaultRecord
		for n := from; n < min(vaults, from+atOnce); n++ {
			e, r := life(n*7919%100_003, address)
			events, records = append(events, e), append(records, r)
		}
		for i := range events[0] {
			for n := range events {
				if err := l.Commit(events[n][i:i+1], records[n][i:i+1]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func noAddress(int) *fleet.Operation { return nil }

// recorded are addresses as they were recorded: 3.7 KB each, with a certificate
// that all of them share, and a signature of their own.
func recorded(n int) *fleet.Operation {
	return signedAs(n, noise("certificate", 2870), noise(fmt.Sprint("status ", n), 342), noise("certificate", 2870),
		noise(fmt.Sprint("result ", n), 342))
}

// strange are addresses of 4 KB each that have nothing in common.
func strange(n int) *fleet.Operation {
	return signedAs(n, noise(fmt.Sprint("a ", n), 3400), noise(fmt.Sprint("b ", n), 342),
		noise(fmt.Sprint("c ", n), 3400), noise(fmt.Sprint("d ", n), 342))
}

func signedAs(n int, parts ...string) *fleet.Operation {
	at :=
		fmt.Sprintf(
			"/subscriptions/53a3c692-5283-4f0a-baf6-49412f5ebefe/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/vault-%06d/operation", n)
	of := func(what, c, s string) string {
		return at + what +
			"/NDA5NTsyY2UxZDY0OC05MzJkLTRlOGEtYWQ1My1iMTMyNTRkMDJmYzQ=?api-version=2026-07-01&t=639245586661321421&c=" +
			c + "&s=" + s +
			"&h=t9v4KLydhz1S77CBxTtsrgWGo1ei_EcX4pglNxjom00"
	}
	return &fleet.Operation{StatusURL: of("Status", parts[0], parts[1]), ResultURL: of("Results", parts[2], parts[3]),
		Final: fleet.FinalLocation}
}

// noise is text that packs no better than a signature.
func noise(seed string, n int) string {
	var b strings.Builder
	h := state.Link(state.Hash{}, 0, []byte(seed))
	for b.Len() < n {
		h = state.Link(h, 0, nil)
		b.WriteString(base64.RawURLEncoding.EncodeToString(h[:]))
	}
	return b.String()[:n]
}

// The figures of Reserve: a vault without trouble takes a third of what is
// reserved for it, at most, even where no two share a commit. The addresses of
// operations take no more than is reserved for as many as are followed at once,
// however many there are in a run.
func TestWhatAVaultTakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		vaults, atOnce int
		address        func(int) *fleet.Operation
	}{
		{"40", 40, 1, noAddress},
		{"400", 400, 1, noAddress},
		{"200, 40 at once", 200, 40, noAddress},
		{"recorded addresses", 200, 40, recorded},
		{"recorded addresses, all at once", 100, 100, recorded},
		{"addresses of 4 KB", 200, 40, strange},
		{"addresses of 4 KB, all at once", 100, 100, strange},
		{"addresses of 4 KB, one", 1, 1, strange},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := open(t, acquire(t, filepath.Join(t.TempDir(), "fleet.db")))
			l.NoSync()
			before := l.Used()
			if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
				liveAtOnce(l, c.vaults, c.atOnce, c.address)); err != nil {
				t.Fatal(err)
			}
			took := l.Used() - before
			base, each, followed := state.Reserved()
			if c.address(0) == nil {
				followed = 0
			} else {
				each += 3 << 10 // of the third: what the journal keeps of an address is 1 KB
			}
			if took > int64(base+c.vaults*each/3+c.atOnce*followed) {
				t.Errorf("%d vaults took %d bytes; reserved are %d, %d for each and %d for each that is followed",
					c.vaults, took, base, each, followed)
			}
			t.Logf("%d vaults, %d at once: %d bytes, %d a vault", c.vaults, c.atOnce, took, took/int64(c.vaults))
			if n := l.Addresses(); n != 0 {
				t.Errorf("it keeps %d addresses of operations that are over", n)
			}
		})
	}
}

func TestReserveSaysHowMuch(t *testing.T) {
	t.Parallel()
	l := open(t, acquire(t, filepath.Join(t.TempDir(), "fleet.db")))
	// No disk has room for this many.
	err := l.Reserve(1<<40, 0)
	if !errors.Is(err, state.ErrNoRoom) || !strings.Contains(err.Error(),
		"1099511627776 vaults needs about 180143985") ||
		!strings.Contains(err.Error(), "nothing was started; make room on the disk of "+filepath.Dir(l.Path())) {
		t.Fatalf("Reserve: %v", err)
	}
	if err := errors.Join(l.Reserve(40, 0), l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil)); err != nil {
		t.Fatalf("after it the ledger cannot be used: %v", err)
	}
}
