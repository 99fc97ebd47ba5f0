package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// kept is a vault of a kind, and what has to become of it.
type kept struct {
	name, want string
	do         func(*strictarm.VaultHandle)
}

// TestTodayKinds rolls every kind out over vaults in each state that they may be
// in, and over ways that answers come.
func TestTodayKinds(t *testing.T) {
	t.Parallel()
	const state = "securitySettings.immutabilitySettings.state"
	nothing := func(*strictarm.VaultHandle) {}
	to := func(s any) func(*strictarm.VaultHandle) {
		return func(v *strictarm.VaultHandle) { v.Property(state, s) }
	}
	const soft, alert = "securitySettings.softDeleteSettings", "monitoringSettings"
	as := func(path string, s any) func(*strictarm.VaultHandle) {
		return func(v *strictarm.VaultHandle) { v.Property(path, s) }
	}
	private := func(uses ...any) func(*strictarm.VaultHandle) {
		return as("privateEndpointConnections", []any{map[string]any{"properties": map[string]any{"groupIds": uses,
			"privateLinkServiceConnectionState": map[string]any{"status": "Approved"}}}})
	}
	forEver := func(kind strictarm.Kind) []string { return []string{"--confirm-irreversible", string(kind)} }
	lost := kept{"lost", "upgraded", func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetAfterAcceptance) }}
	unsent := kept{"unsent", "upgraded", func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetBeforeAcceptance) }}
	created := kept{"created", "upgraded",
		func(v *strictarm.VaultHandle) { v.URLs(strictarm.AsyncOnly).Patch(strictarm.UnderWay) }}
	ineffective := kept{"ineffective", "unknown",
		func(v *strictarm.VaultHandle) { v.Ends(strictarm.Ineffective) }}
	for kind, d := range map[strictarm.Kind]struct {
		flags  []string
		vaults []kept
	}{
		strictarm.Immutability: {nil, []kept{
			{"disabled", "upgraded", func(v *strictarm.VaultHandle) { v.Property(state, "Disabled") }},
			{"unset", "upgraded",
				func(v *strictarm.VaultHandle) { v.Property("securitySettings.immutabilitySettings", nil) }},
			{"configured", "upgraded", func(v *strictarm.VaultHandle) {
				v.Property("securitySettings.immutabilitySettings.configuration",
					map[string]any{"type": "TimeBased", "durationInDays": 30})
			}},
			{"unlocked", "already", to("Unlocked")}, {"locked", "already", to("Locked")},
			{"lost", "upgraded", func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetAfterAcceptance) }},
			{"fails", "failed",
				func(v *strictarm.VaultHandle) { v.Ends(strictarm.Fails("DiskFull", "the disk was full")) }},
		}},
		strictarm.ImmutabilityLock: {[]string{"--confirm-irreversible", string(strictarm.ImmutabilityLock)}, []kept{
			{"unlocked", "upgraded", nothing}, {"locked", "already", to("Locked")},
			{"disabled", "blocked", to("Disabled")}, {"unset", "blocked", to(nil)},
			{"lost", "upgraded", func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetAfterAcceptance) }},
			{"unsent", "upgraded", func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetBeforeAcceptance) }},
		}},
		strictarm.DPAlerts: {nil, []kept{
			{"disabled", "upgraded", nothing}, {"unset", "upgraded", as(alert, nil)},
			{"enabled", "already", as(alert+".azureMonitorAlertSettings.alertsForAllJobFailures", "Enabled")},
			lost, created, ineffective,
		}},
		strictarm.DPImmutability: {nil, []kept{
			{"disabled", "upgraded", nothing}, {"unset", "upgraded", as("securitySettings.immutabilitySettings", nil)},
			{"unlocked", "already", to("Unlocked")}, {"locked", "already", to("Locked")},
			{"odd", "blocked", to("Invalid")}, lost, created, ineffective,
		}},
		strictarm.DPImmutabilityLock: {forEver(strictarm.DPImmutabilityLock), []kept{
			{"unlocked", "upgraded", nothing}, {"locked", "already", to("Locked")},
			{"disabled", "blocked", to("Disabled")}, {"unset", "blocked", to(nil)}, {"odd", "blocked", to("unlocked")},
			lost, unsent,
		}},
		strictarm.DPSoftDelete: {nil, []kept{
			{"off", "upgraded", nothing}, {"of-30-days", "upgraded", as(soft+".retentionDurationInDays", 30.0)},
			{"on", "already", as(soft+".state", "ON")}, {"always", "already", as(soft+".state", "AlwaysOn")},
			{"odd", "blocked", as(soft+".state", "Invalid")}, lost, created, ineffective,
		}},
		strictarm.DPSoftDeleteAlwaysOn: {forEver(strictarm.DPSoftDeleteAlwaysOn), []kept{
			{"on", "upgraded", nothing}, {"as-recorded", "upgraded", as(soft+".state", "ON")},
			{"of-180-days", "upgraded", as(soft+".retentionDurationInDays", 180.0)},
			{"always", "already", as(soft+".state", "AlwaysOn")}, {"off", "blocked", as(soft+".state", "Off")},
			{"unset", "blocked", as(soft+".state", nil)}, {"odd", "blocked", as(soft+".state", "on")}, lost, unsent,
		}},
		strictarm.SoftDelete: {nil, []kept{
			{"disabled", "upgraded", nothing}, {"always", "already", as(soft+".softDeleteState", "AlwaysON")},
			{"of-30-days", "upgraded", as(soft+".softDeleteRetentionPeriodInDays", 30)},
			{"enabled", "already", as(soft+".softDeleteState", "Enabled")},
			{"odd", "blocked", as(soft+".softDeleteState", "Invalid")}, lost, ineffective,
			// What was reported: 200 at once, and nothing changes.
			{"ineffective-at-once", "unknown",
				func(v *strictarm.VaultHandle) { v.Takes(0).Ends(strictarm.Ineffective) }},
		}},
		strictarm.PublicAccess: {nil, []kept{
			{"many", "upgraded", nothing}, {"private", "upgraded", private("AzureBackup", "AzureSiteRecovery")},
			{"cut-off", "blocked", nothing}, {"half-private", "blocked", private("AzureBackup")},
			{"disabled", "already", as("publicNetworkAccess", "Disabled")},
		}},
		strictarm.PurgeProtection: {forEver(strictarm.PurgeProtection), []kept{
			{"unset", "upgraded", nothing}, {"off", "upgraded", as("enablePurgeProtection", false)},
			{"on", "already", as("enablePurgeProtection", true)},
			{"not-kept", "blocked", as("enableSoftDelete", false)},
			lost, {"ineffective", "unknown", func(v *strictarm.VaultHandle) { v.Ends(strictarm.Ineffective) }},
		}},
		strictarm.KeyVaultPublic: {nil, []kept{
			{"many", "upgraded", nothing}, {"private", "upgraded", private()}, {"cut-off", "blocked", nothing},
			{"unset", "blocked", as("publicNetworkAccess", nil)},
			{"disabled", "already", as("publicNetworkAccess", "disabled")},
			{"ruled", "blocked", func(v *strictarm.VaultHandle) {
				private()(v)
				v.Property("networkAcls", map[string]any{"bypass": "AzureServices", "defaultAction": "Deny",
					"ipRules": []any{map[string]any{"value": "198.51.100.0/24"}}})
			}},
		}},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			keep(t, strictarm.Inventory{Kind: kind}, d.flags, d.vaults)
		})
	}
	// The same of inventories that write a kind themselves.
	for kind, d := range map[strictarm.Kind]struct {
		upgrade string
		vaults  []kept
	}{
		strictarm.SoftDelete: {`{kind: patch, name: soft-delete, resourceType: Microsoft.RecoveryServices/vaults,
  apiVersion: 2026-07-01, undo: before, require: ["properties.securitySettings.softDeleteSettings.softDeleteState == 'Disabled'"],
  body: {properties: {securitySettings: {softDeleteSettings: {softDeleteState: Enabled, softDeleteRetentionPeriodInDays: "{its own}"}}}}}`,
			[]kept{{"disabled", "upgraded", nothing}, {"odd", "blocked", as(soft+".softDeleteState", "Invalid")},
				{"of-30-days", "upgraded", as(soft+".softDeleteRetentionPeriodInDays", 30)},
				{"enabled", "already", as(soft+".softDeleteState", "Enabled")}, lost, unsent, ineffective,
				{"ineffective-at-once", "unknown",
					func(v *strictarm.VaultHandle) { v.Takes(0).Ends(strictarm.Ineffective) }},
			}},
		strictarm.DPImmutability: {`{kind: patch, name: immutable, resourceType: Microsoft.DataProtection/backupVaults,
  apiVersion: 2026-06-01, undo: before, require: ["properties.securitySettings.immutabilitySettings.state != 'Locked'"],
  body: {properties: {securitySettings: {immutabilitySettings: {state: Unlocked}}}}}`, []kept{
			{"disabled", "upgraded", nothing}, {"unset", "upgraded", as("securitySettings.immutabilitySettings", nil)},
			{"unlocked", "already", to("Unlocked")}, lost, created, ineffective,
		}},
	} {
		t.Run("patch of "+string(kind), func(t *testing.T) {
			t.Parallel()
			keep(t, strictarm.Inventory{Kind: kind, Upgrade: d.upgrade}, nil, d.vaults)
		})
	}
}

// keep runs a kind over vaults and compares what became of them.
func keep(t *testing.T, inv strictarm.Inventory, flags []string, vaults []kept) {
	t.Helper()
	w := newToday(t, strictarm.Config{Timings: quick()})
	for i, k := range vaults {
		v := w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: fmt.Sprintf("%s-%d", k.name, i), Kind: inv.Kind,
			AcceptWarnings: strings.HasPrefix(k.name, "many")}).
			Takes(100 * time.Millisecond).RetryAfter(0).URLs([]strictarm.URLs{strictarm.Both, strictarm.AsyncOnly,
			strictarm.LocationOnly}[i%3])
		k.do(v)
	}
	inv.FailureBudget, inv.Waves = "100", []strict.Wave{{Name: "all"}}
	w.write(inv)
	run := append([]string{"run", w.inv, "--yes"}, flags...)
	if flags != nil {
		w.start(run[:3]...).ends(2).says("--confirm-irreversible")
		if n := len(w.cloud.Requests()); n > 0 {
			t.Errorf("%d kinds of requests came before what cannot be undone was confirmed", n)
		}
	}
	if code := w.start(run...).wait(); code != 3 && code != 7 {
		t.Fatalf("the run exited %d\n%s", code, w.clients[len(w.clients)-1].stderr.String())
	}
	stands := w.status(w.db)
	for i, v := range w.judge().Vaults {
		got := stands.find(t, v.Vault.Name)
		if k := vaults[i]; got.Status != k.want {
			t.Errorf("%s is %s, want %s (%s); the cloud saw %+v", k.name, got.Status, k.want, got.why(), v.Patches)
		} else if v.Wanted != (got.Status == "upgraded" || got.Status == "already") {
			t.Errorf("%s is %s, but in the cloud it is made: %v", k.name, got.Status, v.Wanted)
		} else if (k.want == "already" || k.want == "blocked") && len(v.Patches) > 0 {
			t.Errorf("%s was sent %+v", k.name, v.Patches)
		}
	}
}
