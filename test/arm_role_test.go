package test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayRoleIsEnough: a whole night, out and back, of every kind, with all that
// is asked before it and with the polls of its operations, under exactly the role
// that was printed for it: nothing is refused, and nothing in the role is for
// nothing.
func TestTodayRoleIsEnough(t *testing.T) {
	t.Parallel()
	// What the strict server has no call for, or no vault of this test calls for.
	seldom := []string{"Microsoft.RecoveryServices/vaults/backupResourceGuardProxies/read",
		"Microsoft.DataProtection/backupVaults/backupResourceGuardProxies/read",
		"Microsoft.Authorization/roleDefinitions/read"}
	forEver := []strictarm.Kind{strictarm.ImmutabilityLock, strictarm.DPImmutabilityLock,
		strictarm.DPSoftDeleteAlwaysOn, strictarm.PurgeProtection}
	for _, kind := range append(forEver, strictarm.Alerts, strictarm.Immutability, strictarm.KeyVaultRBAC,
		strictarm.DPAlerts, strictarm.DPImmutability, strictarm.DPSoftDelete,
		strictarm.SoftDelete, strictarm.PublicAccess, strictarm.KeyVaultPublic) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newToday(t, strictarm.Config{Timings: quick()})
			policies := []strictarm.AccessPolicy{{Principal: "44444444-4444-4444-8444-444444444444",
				Secrets: []string{"get", "list"}}}
			for _, name := range []string{"one", "two", "three"} {
				v := w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: name, Kind: kind,
					AcceptWarnings: true}).Takes(300 * time.Millisecond).RetryAfter(0)
				if kind == strictarm.KeyVaultRBAC {
					v.Policies(policies...)
				}
				if kind == strictarm.Immutability {
					v.Property("securitySettings.immutabilitySettings.state", "Disabled")
				}
			}
			options, flags := "", []string(nil)
			if kind == strictarm.KeyVaultRBAC {
				options = ", propagation: 300ms"
			}
			if slices.Contains(forEver, kind) {
				flags = []string{"--confirm-irreversible", string(kind)}
			}
			night := func(inv strictarm.Inventory) {
				t.Helper()
				inv.Kind, inv.Waves = kind, []strict.Wave{{Name: "all"}}
				w.write(inv)
				role := w.role()
				w.cloud.Subscription(subA).May(role, nil)
				w.cloud.Actions()
				if !inv.Rollback {
					found := filepath.Join(w.dir, "found.yaml")
					w.start("inventory", "discover", "--kind", string(kind), "--subscription", subA,
						"--service-management", w.url, "--resource-manager", w.url, "--out", found).ends(0)
				}
				w.start("preflight", w.inv).ends(0)
				w.start("validate", w.inv).ends(0)
				w.start(append([]string{"run", w.inv, "--yes"}, flags...)...).ends(0)
				needed, refused := w.cloud.Actions()
				if len(refused) > 0 {
					t.Errorf("under the role that was printed these were refused: %v", slices.Compact(refused))
				}
				for _, action := range role {
					// discover is for the way there
					apart := inv.Rollback && action == "Microsoft.ResourceGraph/resources/read"
					if !slices.Contains(needed, action) && !apart && !slices.Contains(seldom, action) {
						t.Errorf("%s is in the role, and nothing needed it; needed were %v", action, needed)
					}
				}
			}
			night(strictarm.Inventory{Options: options})
			if flags != nil {
				return // for ever
			}
			for _, v := range w.cloud.Vaults() {
				v.RollBack()
			}
			forth := filepath.Base(w.db)
			w.inv, w.db = filepath.Join(w.dir, "back.yaml"), filepath.Join(w.dir, "back.db")
			night(strictarm.Inventory{Rollback: true, Options: ", ledger: " + forth})
			w.judgeSecrets()
			for _, v := range w.cloud.Report().Vaults {
				if !v.Wanted || len(v.Accepted) != 2 {
					t.Errorf("%s was sent %+v", v.Vault.Name, v.Patches)
				}
			}
		})
	}
}

// role is the one that is printed for the inventory.
func (w *today) role() []string {
	w.t.Helper()
	var role struct{ Actions, NotActions, DataActions []string }
	if err := json.Unmarshal([]byte(w.start("permissions", w.inv).ends(0).stdout.String()), &role); err != nil {
		w.t.Fatal(err)
	}
	return role.Actions
}

// TestTodayEveryActionIsMissed: without any one action of the role, it is said
// before the night, and which: by preflight, or by validating.
func TestTodayEveryActionIsMissed(t *testing.T) {
	t.Parallel()
	for _, kind := range []strictarm.Kind{strictarm.Alerts, strictarm.KeyVaultRBAC} {
		w := newToday(t, strictarm.Config{Timings: quick()})
		w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "one", Kind: kind})
		w.write(strictarm.Inventory{Kind: kind, Waves: []strict.Wave{{Name: "all"}}})
		role := w.role()
		for i, action := range role {
			w.cloud.Subscription(subA).May(slices.Concat(role[:i], role[i+1:]), nil)
			switch {
			case action == "Microsoft.ResourceGraph/resources/read":
				w.start("preflight", w.inv).ends(0) // no run needs it
			case strings.HasPrefix(action, "Microsoft.Resources/") ||
				action == "Microsoft.Authorization/permissions/read":
				w.start("preflight", w.inv).ends(8).says("does not have authorization to perform action '" +
					action + "'")
			default:
				w.start("preflight", w.inv).ends(8).says("the identity lacks permissions on vault", action)
			}
		}
		if n := w.cloud.Requests()[strictarm.CallPatch]; n > 0 {
			t.Errorf("%d PATCHes came", n)
		}
	}
}
