package test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayThereAndBack rolls kinds out and back: each vault is at the end what
// it was before, in all that can be read of it.
func TestTodayThereAndBack(t *testing.T) {
	t.Parallel()
	const azure, classic = "monitoringSettings.azureMonitorAlertSettings.", "monitoringSettings.classicAlertSettings."
	endpoints := func(_ int, v *strictarm.VaultHandle) {
		v.Property("privateEndpointConnections", []any{map[string]any{"properties": map[string]any{
			"groupIds":                          []any{"AzureBackup", "AzureSiteRecovery"},
			"privateLinkServiceConnectionState": map[string]any{"status": "Approved"}}}})
	}
	for kind, odd := range map[strictarm.Kind]func(int, *strictarm.VaultHandle){
		strictarm.Alerts: func(i int, v *strictarm.VaultHandle) { // no two are the same
			for bit, path := range []string{azure + "alertsForAllFailoverIssues", azure + "alertsForAllJobFailures",
				classic + "emailNotificationsForSiteRecovery"} {
				v.Property(path, []string{"Disabled", "Enabled"}[i>>bit&1])
			}
		},
		strictarm.Immutability: func(i int, v *strictarm.VaultHandle) {
			v.Property("securitySettings.softDeleteSettings.softDeleteRetentionPeriodInDays", 14+i)
			v.Property("securitySettings.immutabilitySettings.state", "Disabled") // unset cannot be put back
		},
		strictarm.SoftDelete: func(i int, v *strictarm.VaultHandle) {
			v.Property("securitySettings.softDeleteSettings.softDeleteRetentionPeriodInDays", float64(14+i))
		},
		strictarm.PublicAccess:   endpoints,
		strictarm.KeyVaultPublic: endpoints,
		strictarm.DPAlerts:       func(int, *strictarm.VaultHandle) {},
		strictarm.DPImmutability: func(int, *strictarm.VaultHandle) {},
		strictarm.DPSoftDelete: func(i int, v *strictarm.VaultHandle) {
			v.Property("securitySettings.softDeleteSettings.retentionDurationInDays", float64(14+i))
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			thereAndBack(t, kind, "", odd)
		})
	}
}

func thereAndBack(t *testing.T, kind strictarm.Kind, options string, odd func(int, *strictarm.VaultHandle)) {
	t.Helper()
	w := newToday(t, strictarm.Config{Timings: quick()})
	var before []strictarm.VaultReport
	for i := range 8 {
		v := w.cloud.AddVault(strictarm.Vault{Subscription: []string{subA, subB}[i%2], Name: fmt.Sprintf("v%d", i),
			Kind: kind, Tags: map[string]string{"owner": "payments"}}).
			Takes(time.Duration(i%3) * 100 * time.Millisecond).RetryAfter(0)
		odd(i, v)
		before = append(before, v.Report())
	}
	already := w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "already", Kind: kind}).Already()
	before = append(before, already.Report())
	w.write(strictarm.Inventory{Kind: kind, Options: options, Waves: []strict.Wave{{Name: "all"}}})
	w.start("run", w.inv, "--yes").ends(0)
	for _, v := range w.judge().Vaults {
		if !v.Wanted {
			t.Errorf("%s was not changed", v.Vault.Name)
		}
	}

	for _, v := range w.cloud.Vaults() {
		if v != already {
			v.RollBack()
		}
	}
	forth := filepath.Base(w.db)
	w.inv, w.db = filepath.Join(w.dir, "back.yaml"), filepath.Join(w.dir, "back.db")
	w.write(strictarm.Inventory{Kind: kind, Rollback: true, Options: ", ledger: " + forth,
		Waves: []strict.Wave{{Name: "all"}}})
	w.start("run", w.inv, "--yes").ends(0).says(" held") // "already" was not changed: there is nothing to put back
	w.judgeProofs()
	r := w.cloud.Report()
	for _, v := range r.Violations {
		t.Errorf("violation: %s", v)
	}
	for i, was := range before {
		settle(kind, was.Properties)
		if now := r.Vaults[i]; !reflect.DeepEqual(now.Properties, was.Properties) ||
			!reflect.DeepEqual(now.Tags, was.Tags) || !now.Wanted {
			t.Errorf("%s is\n%v %v, and was\n%v %v", was.Vault.Name, now.Properties, now.Tags, was.Properties, was.Tags)
		} else if was.Vault.Name != "already" && len(now.Accepted) != 2 {
			t.Errorf("%s was changed %d times, want there and back", was.Vault.Name, len(now.Accepted))
		}
	}
}

// settle writes down what a vault does not say and cannot be made to say no more
// once it was changed: the state that means the same.
func settle(kind strictarm.Kind, p map[string]any) {
	if kind == strictarm.KeyVaultRBAC && p["enableRbacAuthorization"] == nil {
		p["enableRbacAuthorization"] = false
	}
	security, _ := p["securitySettings"].(map[string]any)
	settings, _ := security["immutabilitySettings"].(map[string]any)
	if kind == strictarm.Immutability && settings != nil && settings["state"] == nil {
		settings["state"] = "Disabled"
	}
}
