package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// properties reads what a fault of the emulator sets.
func properties(t *testing.T, text string) (p map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEstate: vaults of every type, in subscriptions of twelve tenants, are found, planned and
// upgraded, and those that can be are put back: to the byte what they were, with as many
// changes as there are vaults, there and back.
func TestEstate(t *testing.T) {
	if !*long {
		t.Skip("it takes a minute and a half; make long has it")
	}
	t.Parallel()
	const tenants, types, each = 12, 5, 34 // vaults of a type in a tenant
	cfg := emulator.Config{Scenario: emulator.Scenario{TimeScale: 6000,
		Changes: emulator.Changes{Duration: emulator.Duration{Constant: "1s"}, RetryAfter: -1}}}
	var list strings.Builder
	today := []string{string(fleet.RecoveryServicesVault), string(fleet.DataProtectionVault), string(fleet.KeyVault)}
	settings := []string{
		`{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Disabled",` +
			`"alertsForAllReplicationIssues":"Disabled","alertsForAllFailoverIssues":"Disabled"},` +
			`"classicAlertSettings":{"alertsForCriticalOperations":"Enabled",` +
			`"emailNotificationsForSiteRecovery":"Enabled"}}}`,
		`{"securitySettings":{"immutabilitySettings":{"state":"Disabled"}}}`,
		`{"publicNetworkAccess":"Enabled"}`,
	}
	for tenant := range tenants {
		id, name := fmt.Sprintf("%08x-0000-4000-8000-%012x", tenant+1, tenant+1), fmt.Sprintf("sub-%02d", tenant)
		fmt.Fprintf(&list, "%s\t%s\tcustomer-%02d.example\n", id, name, tenant)
		for v := range each {
			for n, typ := range today {
				vault := fmt.Sprintf("vault-%d-%02d-%02d", n, tenant, v)
				cfg.Resources = append(cfg.Resources, emulator.Resource{SubscriptionID: id, SubscriptionName: name,
					ResourceGroup: "rg-" + name, Type: typ, Name: vault, Location: "westeurope"})
				cfg.Scenario.Faults = append(cfg.Scenario.Faults, emulator.Fault{Kind: "state",
					Vault: name + "/" + vault, Properties: properties(t, settings[n])})
			}
			for _, typ := range []string{"BackupVault", "HyperVRecoveryManagerVault"} {
				cfg.Vaults = append(cfg.Vaults, emulator.Vault{SubscriptionID: id, SubscriptionName: name,
					Name: fmt.Sprintf("old-%.1s-%02d-%02d", strings.ToLower(typ), tenant, v), Location: "West Europe",
					ResourceType: typ, TargetResourceGroup: "rg-" + name})
			}
		}
	}
	cloud, flags := served(t, cfg, nil)
	url, dir := flags[1], t.TempDir()
	subscriptions := filepath.Join(dir, "list.tsv")
	if err := os.WriteFile(subscriptions, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	upgraded := func(what, file string, more ...string) {
		t.Helper()
		code, out, errs := try(t, append([]string{"run", file, "--yes"}, more...)...)
		want := fmt.Sprintf("FINISHED: %d of %d vaults ", each*tenants, each*tenants)
		if what == "classic" {
			want = fmt.Sprintf("FINISHED: %d of %d vaults ", 2*each*tenants, 2*each*tenants)
		}
		if code != fleet.ExitOK || !strings.Contains(out, want) {
			t.Fatalf("%s: exit %d, want %q\n%.3000s\n%.2000s", what, code, want, out, errs)
		}
	}
	const quick = "limits: {upgrades: 200, perSubscription: 40, requestsPerSecond: 1000}\ntimings: {poll: 50ms}\n" +
		"rules: [{matchExpressions: [{key: location, operator: Exists}], set: {acceptWarnings: true}}]\n" +
		"waves: [{name: all}]\n"
	estateNow := func() string { s := cloud.Summary(); return s.Estate() }
	before := estateNow()
	for _, kind := range []string{"rsv-alerts", "dp-immutability", "kv-public-access"} {
		file, back := filepath.Join(dir, kind+".yaml"), filepath.Join(dir, kind+"-back.yaml")
		code, out, errs := try(t, "inventory", "discover", "--kind", kind, "--subscriptions-from", subscriptions,
			"--resource-manager", url)
		if n := strings.Count(out, "\n    tenant: customer-"); code != fleet.ExitOK || n != tenants ||
			!strings.Contains(errs, fmt.Sprintf("%d vaults in %d subscriptions; none left out", each*tenants,
				tenants)) {
			t.Fatalf("%s: exit %d, %d tenants\n%s", kind, code, n, errs)
		}
		forth := fmt.Sprintf("upgrade: {kind: %s}", kind)
		for path, upgrade := range map[string]string{file: forth,
			back: fmt.Sprintf("upgrade: {kind: rollback, of: %s, ledger: %s.db}", kind, kind)} {
			text := strings.Replace(out, forth, upgrade, 1) + quick
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if code, out, errs := try(t, "plan", file, "--validate"); code != fleet.ExitOK ||
			!strings.Contains(out, fmt.Sprintf("%d vaults = %d to start", each*tenants, each*tenants)) {
			t.Fatalf("the plan of %s: exit %d\n%.3000s\n%s", kind, code, out, errs)
		}
		upgraded(kind, file)
		if estateNow() == before {
			t.Errorf("%s changed nothing", kind)
		}
		upgraded("back from "+kind, back, "--state", strings.TrimSuffix(file, ".yaml")+".db")
		if estateNow() != before {
			t.Errorf("%s and back left something else than was there", kind)
		}
	}
	file := filepath.Join(dir, "classic.yaml")
	code, out, errs := try(t, "inventory", "discover", "--subscriptions-from", subscriptions,
		"--service-management", url, "--resource-manager", url, "--target-resource-group", "rg-{subscription}")
	if code != fleet.ExitOK {
		t.Fatalf("classic: exit %d\n%s", code, errs)
	}
	if err := os.WriteFile(file, []byte(out+quick), 0o600); err != nil {
		t.Fatal(err)
	}
	upgraded("classic", file)
	for _, r := range cloud.Summary().Resources {
		if r.Accepted != 2 || r.SentAgain != 0 {
			t.Errorf("%s was changed %d times, and %d starts were sent again", r.Name, r.Accepted, r.SentAgain)
		}
	}
	t.Logf("%d vaults of %d types in %d tenants, there and back where there is a way: %s", each*tenants*types, types,
		tenants, time.Since(began).Round(time.Second))
}
