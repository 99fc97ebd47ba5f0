package inventory_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// kindsOfTests are shine, its rollback, and wax, which has an option of each type.
func kindsOfTests() []fleet.KindSpec {
	back, wax := shine, shine
	back.Kind = fleet.RollbackOf(shine.Kind)
	back.Options = append(fleet.CommonOptions("2026-02-01"),
		fleet.Option{Key: fleet.OptionLedger, Type: fleet.OptionPath, Required: true,
			Doc: "the ledger of the runs that are undone"})
	wax.Kind, wax.Type = "wax", fleet.RecoveryServicesVault
	wax.Describe = func(o fleet.Options) fleet.Upgrade {
		up := shine.Describe(o)
		up.Type = string(fleet.RecoveryServicesVault)
		return up
	}
	wax.Options = append(fleet.CommonOptions("2026-07-01"),
		fleet.Option{Key: "colour", Type: fleet.OptionKind, Words: []string{"clear", "brown"}, Default: "clear",
			Doc: "which it gets"},
		fleet.Option{Key: "tenant", Type: fleet.OptionGUID, Doc: "whose wax it is"},
		fleet.Option{Key: "smell", Type: fleet.OptionText, Doc: "what it smells of"})
	return []fleet.KindSpec{shine, back, wax}
}

const fleetOfKeyVaults = `apiVersion: fleetup/v1
cloud: AzurePublic
upgrade: UPGRADE
defaults: {location: West US, resourceGroup: rg-a}
subscriptions:
  - id: 11111111-1111-4111-8111-111111111111
    name: prod
    vaults:
      - {name: same}
      - {name: same, resourceGroup: rg-b}
      - {name: other, resourceGroup: "RG (c)", location: East US}
`

// TestKindsAreRead: what an inventory says of a kind is the plan's, its vaults are
// the kind's, and keys tell apart what only the group does.
func TestKindsAreRead(t *testing.T) {
	t.Parallel()
	for upgrade, want := range map[string]struct {
		kind    fleet.Kind
		typ     fleet.ResourceType
		options fleet.Options
	}{
		"{kind: shine}": {"shine", fleet.KeyVault, fleet.Options{"apiVersion": "2026-02-01", "expected": "2m0s"}},
		"{kind: shine, apiVersion: 2024-11-01, expected: 90s}": {"shine", fleet.KeyVault,
			fleet.Options{"apiVersion": "2024-11-01", "expected": "1m30s"}},
		`{expected: "90s", apiVersion: "2024-11-01", kind: shine}`: {"shine", fleet.KeyVault,
			fleet.Options{"apiVersion": "2024-11-01", "expected": "1m30s"}},
		"{kind: rollback, of: shine, ledger: ../fleet.db}": {"rollback-shine", fleet.KeyVault,
			fleet.Options{"apiVersion": "2026-02-01", "expected": "2m0s", "ledger": "../fleet.db"}},
		"{kind: wax, colour: brown, tenant: '{72F988BF-86F1-41AF-91AB-2D7CD011DB47}', smell: 'of # pine'}": {"wax",
			fleet.RecoveryServicesVault,
			fleet.Options{"apiVersion": "2026-07-01", "expected": "2m0s", "colour": "brown",
				"tenant": "72f988bf-86f1-41af-91ab-2d7cd011db47", "smell": "of # pine"}},
	} {
		text := strings.Replace(strings.Replace(fleetOfKeyVaults, "UPGRADE", upgrade, 1), "RG (c)", "RG-(c)", 1)
		p, err := inventory.Parse("f.yaml", []byte(text), now, kindsOfTests()...)
		if err != nil {
			t.Errorf("%s: %v", upgrade, err)
			continue
		}
		if p.Kind != want.kind || p.Upgrade == nil || !maps.Equal(p.Upgrade.Options, want.options) {
			t.Errorf("%s: kind %s, %+v", upgrade, p.Kind, p.Upgrade)
		}
		keys := map[fleet.Key]bool{}
		for i := range p.Vaults {
			v := &p.Vaults[i]
			keys[v.Key] = true
			if v.Kind != want.kind || v.ResourceType != want.typ || v.TargetResourceGroup != "" ||
				v.ResourceGroup != []string{"rg-a", "rg-b", "RG-(c)"}[i] ||
				v.Key != fleet.KeyOf(want.kind, v.SubscriptionID, want.typ, v.Location, v.QualifiedName()) {
				t.Errorf("%s: %+v", upgrade, v.Vault)
			}
		}
		if len(keys) != 3 {
			t.Errorf("%s: keys %v", upgrade, keys)
		}
		data, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := plan.ReadSaved(data); err != nil || back.Fingerprint != p.Fingerprint {
			t.Errorf("%s: the saved plan: %v", upgrade, err)
		}
	}
}

// TestMisspeltKindHidesNothing: what was meant tells which keys it has and what its
// vaults need, so that every mistake is told at once.
func TestMisspeltKindHidesNothing(t *testing.T) {
	t.Parallel()
	for upgrade, want := range map[string][]string{
		"{kind: shin, gleam: 1}": {`there is no upgrade kind "shin"; did you mean "shine"?`,
			`unknown key "gleam" in upgrade kind shine`, `vault "prod/same" is listed twice`},
		"{kind: rolback, of: shine}": {`there is no upgrade kind "rolback"; did you mean "rollback"?`,
			"upgrade kind rollback-shine needs ledger", `vault "prod/same" is listed twice`},
		"{kind: rollback, of: shin, ledger: a.db}": {`"shin" cannot be undone; did you mean "shine"?`,
			`vault "prod/same" is listed twice`},
		"{kind: rollback, ledger: a.db}": {"a rollback does not say of what"},
		"{kind: clasic}": {`there is no upgrade kind "clasic"; did you mean "classic"?`,
			"resourceGroup means nothing to the upgrade kind classic"},
		"{kind: polish}": {`there is no upgrade kind "polish"; known here: `},
	} {
		text := strings.NewReplacer("UPGRADE", upgrade, ", resourceGroup: rg-b", "", `"RG (c)"`, "rg-c").Replace(fleetOfKeyVaults)
		_, err := inventory.Parse("f.yaml", []byte(text), now, kindsOfTests()...)
		if err == nil {
			t.Errorf("%s: no mistake", upgrade)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: it does not say %s:\n%v", upgrade, w, err)
			}
		}
	}
}
