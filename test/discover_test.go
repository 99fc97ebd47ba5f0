package test

import (
	"os"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// TestDiscover: the program writes an inventory of a cloud that was read by
// somebody else, with one well-formed request for each subscription; it makes
// the fleet that is there, is brought up to date as that changes, and runs.
func TestDiscover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	names := []string{"NO", "3.7", "-x", "null", "1e3", "Gro\u00df", "2026-11-30"} // that YAML takes for something else
	for i, name := range names {
		w.cloud.AddVault(strictcloud.Vault{Subscription: []string{subA, subB}[i%2], Name: name, Group: "rg-westus",
			Type: []string{strictcloud.BackupVault, strictcloud.SiteRecoveryVault}[i%3/2]})
	}
	args := []string{"--service-management", w.url, "--resource-manager", w.url, "--subscription", subA + "=a",
		"--subscription", subB}
	w.start(append([]string{"inventory", "discover", "--target-resource-group", "rg-{location}", "--out",
		w.inv}, args...)...).ends(0)
	for _, s := range w.cloud.Report().Subscriptions {
		if len(s.Listings) != 1 {
			t.Errorf("%d listings of %s", len(s.Listings), s.ID)
		}
	}
	w.start("inventory", "lint", w.inv).ends(0).says("9 vaults in 2 subscriptions")
	before, err := os.ReadFile(w.inv)
	if err != nil {
		t.Fatal(err)
	}
	w.start("inventory", "discover", "--update", w.inv).ends(0).says("0 added, 0 vanished, 0 found again, 9 unchanged")
	w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "later", Group: "rg-westus"})
	w.start("inventory", "discover", "--update", w.inv).ends(0).says("1 added, 0 vanished")
	after, err := os.ReadFile(w.inv)
	if err != nil {
		t.Fatal(err)
	}
	if added := "      - name: later\n"; strings.Replace(string(after), added, "", 1) != string(before) ||
		string(after) == string(before) {
		t.Errorf("it became\n%s", after)
	}
	// Each subscription lists another vault of its first one's name.
	policy := "rules: [{match: {location: Decoy Region}, set: {hold: not ours}}]\nlimits: {requestsPerSecond: " +
		"500}\nwaves: [{name: all}]\n" +
		"timings: {poll: 100ms, startTimeout: 600ms, reconcileGrace: 200ms, reconcileDeadline: 10s}\n"
	if err := os.WriteFile(w.inv, append(after, policy...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start("run", w.inv, "--yes").ends(0)
	if n := w.accepted(); n != 8 {
		t.Errorf("%d upgrades", n)
	}
	w.judgeProofs()
	for _, v := range w.cloud.Violations() {
		t.Errorf("violation: %s", v)
	}
}
