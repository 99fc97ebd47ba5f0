package test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// A cloud that writes oddly what means the usual: operation IDs in other
// letters, times that nothing has, thousands of unknown elements, and one name
// for four vaults. Each vault is followed by its own record.
func TestOddCloud(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	broke := strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"}
	add := func(v strictcloud.Vault) *strictcloud.VaultHandle {
		v.Subscription = subA
		return w.cloud.AddVault(v).Duration(300 * time.Millisecond)
	}
	spaced := func(id string) string { return "\n\t " + id + " \n" }
	add(strictcloud.Vault{Name: "capitals"}).SpellsIDs(strings.ToUpper)
	add(strictcloud.Vault{Name: "spaces"}).SpellsIDs(spaced)
	add(strictcloud.Vault{Name: "capitals-unseen"}).SpellsIDs(strings.ToUpper).Start(strictcloud.ResetAfterAcceptance)
	add(strictcloud.Vault{Name: "absurd"}).AbsurdTimes()
	add(strictcloud.Vault{Name: "absurd-fails"}).AbsurdTimes().FailUpgrade(broke)
	add(strictcloud.Vault{Name: "absurd-before"}).AbsurdTimes().Already(strictcloud.UserTriggered)
	// One name, four vaults (four groups, as their new vaults must not meet).
	add(strictcloud.Vault{Name: "twin", Group: "g1"})
	add(strictcloud.Vault{Name: "twin", Group: "g2", Region: "East US"}).FailUpgrade(broke)
	add(strictcloud.Vault{Name: "twin", Group: "g3",
		Type: strictcloud.SiteRecoveryVault}).Already(strictcloud.ForcedUpgrade)
	add(strictcloud.Vault{Name: "twin", Group: "g4", Region: "East US",
		Type: strictcloud.SiteRecoveryVault}).Blocked(oldAgent)
	w.cloud.Subscription(subA).Named("contoso", nil).Listing(strictcloud.Times(40, strictcloud.ListingPadded)...)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 20, PerSubscription: 20}, FailureBudget: "9"})
	w.start("run", w.inv, "--yes").ends(3)

	want := map[string]string{
		"contoso/capitals": "upgraded", "contoso/spaces": "upgraded", "contoso/capitals-unseen": "upgraded",
		"contoso/absurd": "upgraded", "contoso/absurd-fails": "failed", "contoso/absurd-before": "already",
		"contoso/twin/westus/BackupVault": "upgraded", "contoso/twin/eastus/BackupVault": "failed",
		"contoso/twin/westus/HyperVRecoveryManagerVault": "already",
		"contoso/twin/eastus/HyperVRecoveryManagerVault": "blocked",
	}
	s := w.status(w.db)
	for _, v := range s.Vaults {
		if v.Status != want[v.Vault] || v.Foreign {
			t.Errorf("%s is %s (foreign: %v), want %q: %s", v.Vault, v.Status, v.Foreign, want[v.Vault], v.why())
		}
		delete(want, v.Vault)
	}
	if len(want) > 0 {
		t.Errorf("not reported: %v", want)
	}
	for name, n := range w.starts() {
		if n > 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}

// A listing that goes back in time for a while: what was in flight is unknown
// and never failed, it comes back; what had ended stays so; nothing is sent
// again.
func TestListingGoesBackInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "flies"}).Duration(4 * time.Second)
	done := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "done"}).Duration(50 * time.Millisecond)
	broken := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "broken"}).Duration(50 * time.Millisecond).
		FailUpgrade(strictcloud.Failure{Code: "E", Message: "the disk was full"})
	sub := w.cloud.Subscription(subA).Named("contoso", nil)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 9, PerSubscription: 9}, FailureBudget: "9"})
	run := w.start("run", w.inv, "--yes")
	w.until("one is verified and one has failed", func() bool {
		return done.Report().Requests[strictcloud.CallTarget] >= 2 &&
			broken.Report().Requests[strictcloud.CallResult] >= 1
	})
	sub.Listing(strictcloud.Times(10, strictcloud.ListingOld)...)
	run.ends(3)

	s := w.status(w.db)
	for name, want := range map[string]string{"flies": "upgraded", "done": "upgraded", "broken": "failed"} {
		if v := s.find(t, name); v.Status != want {
			t.Errorf("%s is %s, want %s: %s", name, v.Status, want, v.why())
		}
	}
	doubted := false
	for line := range strings.Lines(run.stderr.String()) {
		if strings.Contains(line, "contoso/flies") && strings.Contains(line, "FAILED") {
			t.Errorf("from an old listing: %s", line)
		}
		doubted = doubted || strings.Contains(line, "contoso/flies") && strings.Contains(line, "unknown")
	}
	if !doubted {
		t.Errorf("the upgrade that could not be seen was never in doubt:\n%s", run.stderr.String())
	}
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.judge()
}

// Somebody else's upgrade is said to be one and is followed. It takes no slot
// (of one) and no budget (of none), and nobody starts its vault.
func TestForeignUpgradeTakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	foreign := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "theirs", ProtectedItems: 900}).
		Foreign(4*time.Second, &strictcloud.Failure{Code: "E", Message: "the disk was full"})
	for _, name := range []string{"ours-1", "ours-2", "ours-3"} {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: name}).Duration(100 * time.Millisecond)
	}
	w.cloud.Subscription(subA).Named("contoso", nil)
	w.write(strictcloud.Inventory{Limits: strict.Limits{Upgrades: 1, PerSubscription: 1}, FailureBudget: "0"})
	var mu sync.Mutex
	beside := 0
	w.gate.on(nil, func(r *http.Request) {
		if isStart(r) && foreign.Report().State == "InProgress" {
			mu.Lock()
			defer mu.Unlock()
			beside++
		}
	})
	run := w.start("run", w.inv, "--yes").ends(7).says("somebody else's upgrade is under way, it is followed")
	mu.Lock()
	if beside != 3 {
		t.Errorf("%d of 3 starts were made beside the foreign upgrade\n%s", beside, run.stderr.String())
	}
	mu.Unlock()
	s := w.status(w.db)
	if v := s.find(t, "theirs"); v.Status != "blocked" ||
		!strings.Contains(v.why(), "somebody else's upgrade of it failed") {
		t.Errorf("theirs is %s: %s", v.Status, v.why())
	}
	if s.Totals["upgraded"] != 3 || s.Totals["failed"] != 0 || len(foreign.Report().Starts) != 0 {
		t.Errorf("totals %v, starts of theirs %v", s.Totals, foreign.Report().Starts)
	}
	w.judge()
}
