package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestNamesOfEveryScript: resource groups of any script are discovered, pass lint,
// are addressed in URLs, run and reported; a vault that no inventory can hold is
// told, and the exit code says so, when it is written and when it is updated.
func TestNamesOfEveryScript(t *testing.T) {
	t.Parallel()
	groups := []string{"FORMACIÓN", "RÜckup-Größe", "备份资源组", "กลุ่ม", "(rg).x_", strings.Repeat("é", 90)}
	cfg := todaysEstate()
	cfg.Resources = cfg.Resources[:1]
	for i, g := range groups {
		cfg.Resources = append(cfg.Resources, emulator.Resource{SubscriptionID: subShop, SubscriptionName: "Shop",
			ResourceGroup: g,
			Type:          string(fleet.RecoveryServicesVault), Name: "v" + string(rune('0'+i)),
			Location: "westeurope"})
	}
	cfg.Scenario = emulator.Scenario{TimeScale: 600,
		Changes: emulator.Changes{Duration: emulator.Duration{Constant: "1s"}, RetryAfter: -1}}
	_, flags := served(t, cfg, nil)
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	discover := func(flags []string, more ...string) (fleet.ExitCode, string) {
		code, _, errs := try(t, append(append([]string{"inventory", "discover", "--kind", "rsv-alerts",
			"--subscription", subShop}, flags...), more...)...)
		return code, errs
	}
	if code, errs := discover(flags, "--out", file); code != fleet.ExitOK ||
		!strings.Contains(errs, "7 vaults in 1 subscription; none left out") {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	if code, out, errs := try(t, "inventory", "lint", file); code != fleet.ExitOK {
		t.Fatalf("lint: exit %d\n%s%s", code, out, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Written in other case, by hand, it is the same vault.
	other := strings.NewReplacer("FORMACIÓN", "formación", "Größe", "GRÖße").Replace(string(text)) +
		"limits: {perSubscription: 9, requestsPerSecond: 500}\ntimings: {poll: 50ms}\n"
	if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := try(t, "inventory", "discover", "--update", file); code != fleet.ExitOK ||
		!strings.Contains(errs, ": 0 added, 0 vanished, 0 found again") {
		t.Fatalf("update: exit %d\n%s", code, errs)
	}
	if code, out,
		errs := try(t, "run", file, "--yes", "--accept-warnings", "--progress", "none"); code != fleet.ExitOK {
		t.Fatalf("run: exit %d\n%s%s", code, out, errs)
	}
	ledger := strings.TrimSuffix(file, ".yaml") + ".db"
	_, table, _ := try(t, "report", "--state", ledger, "-o", "csv")
	for _, g := range []string{"formación", "RÜckup-GRÖße", "备份资源组", "กลุ่ม", "(rg).x_", strings.Repeat("é", 90)} {
		if !strings.Contains(table, "/resourceGroups/"+g+"/") {
			t.Errorf("the report lacks %s:\n%s", g, table)
		}
	}
	if code, out, errs := try(t, "show", "Shop/v0/FORMACIÓN", "--state", ledger); code != fleet.ExitOK ||
		!strings.Contains(out, "formación") {
		t.Errorf("show: exit %d\n%s%s", code, out, errs)
	}

	cfg = todaysEstate()
	cfg.Resources = append(cfg.Resources[:1], emulator.Resource{SubscriptionID: subShop, SubscriptionName: "Shop",
		ResourceGroup: "rg",
		Type:          string(fleet.RecoveryServicesVault), Name: "my vault", Location: "westeurope"})
	cfg.Scenario = emulator.Scenario{}
	_, flags = served(t, cfg, nil)
	odd := filepath.Join(t.TempDir(), "odd.yaml")
	const told = "Shop/my vault is left out: no inventory can hold it: the name holds ' '"
	if code, errs := discover(flags, "--out", odd); code != fleet.ExitFailures || !strings.Contains(errs, told) ||
		!strings.Contains(errs, "1 vault in 1 subscription; 1 left out (") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if code, _, errs := try(t, "inventory", "discover", "--update", odd); code != fleet.ExitFailures ||
		!strings.Contains(errs, told) {
		t.Errorf("update: exit %d\n%s", code, errs)
	}
}
