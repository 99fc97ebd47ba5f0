package inventory_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/dataprotection"
	keyvaults "github.com/fleetup-dev/fleetup/pkg/azure/kv"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// patches are the kinds that inventories write themselves. Of ledgers none is known but
// fleet.db, which has a run of the patch shut.
func patches() fleet.KindSpec {
	w := arm.Written(rsv.Vaults(), dataprotection.Vaults(), keyvaults.Vaults())
	w.Recorded = func(_, ledger, name string) (fleet.KindSpec, error) {
		if ledger != "fleet.db" || name != "shut" {
			return fleet.KindSpec{}, errors.New("no run in " + ledger + " is of a patch " + name)
		}
		c, err := arm.PatchedBack(keyvaults.Vaults(), fleet.Patch{Name: name, Title: "shut", Type: fleet.KeyVault,
			Body: []byte(`{"properties":{"publicNetworkAccess":"Disabled"}}`), Undo: fleet.PatchUndo{Before: true}},
			fleet.Options{"apiVersion": "2026-02-01", "expected": "15s"})
		return c.Spec, err
	}
	return fleet.KindSpec{Kind: fleet.KindPatch, Title: "a patch", Written: w}
}

// fleetOfPatch is an inventory whose upgrade begins at 3:1.
const fleetOfPatch = `apiVersion: fleetup/v1
cloud: AzurePublic
upgrade:
UPGRADE
defaults: {location: West US, resourceGroup: rg-a}
subscriptions:
  - {id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: [{name: one}]}
`

func inventoryOfPatch(upgrade string) string {
	return strings.Replace(fleetOfPatch, "UPGRADE", "  "+strings.ReplaceAll(upgrade, "\n", "\n  "), 1)
}

func parsePatch(upgrade string) (*plan.Plan, error) {
	return inventory.Parse("fleet.yaml", []byte(inventoryOfPatch(upgrade)), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		patches())
}

const goodPatch = `kind: patch
name: shut
resourceType: Microsoft.KeyVault/vaults
apiVersion: 2026-02-01
body: {properties: {publicNetworkAccess: Disabled, networkAcls: {bypass: AzureServices, ipRules: [{value: 10.0.0.1}]}}, tags: {owner: ops}}
require: ["properties.publicNetworkAccess == 'Enabled'"]
undo: before
actions: [Microsoft.Network/privateEndpoints/read]
afterwards: Tell them.`

// TestPatchIsRead: the plan has the whole patch, its body in the order in which it is
// written, and its permissions.
func TestPatchIsRead(t *testing.T) {
	t.Parallel()
	p, err := parsePatch(goodPatch)
	if err != nil {
		t.Fatal(err)
	}
	up := p.Upgrade
	const body = `{"properties":{"publicNetworkAccess":"Disabled","networkAcls":{"bypass":"AzureServices",` +
		`"ipRules":[{"value":"10.0.0.1"}]}},"tags":{"owner":"ops"}}`
	if p.Kind != "patch-shut" || up.Patch == nil || string(up.Request.Body) != body || up.Patch.Name != "shut" ||
		string(up.Patch.Body) != body || !up.Patch.Undo.Before || len(up.Patch.Require) != 1 || up.Permanent ||
		up.Request.Path != "{vault}?api-version=2026-02-01" || up.Title != "the patch shut" ||
		len(up.After) != 1 || !slices.Contains(up.Actions, "Microsoft.Network/privateEndpoints/read") {
		t.Errorf("read %+v, %+v", up, up.Patch)
	}
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := plan.ReadSaved(data); err != nil || again.Fingerprint != p.Fingerprint {
		t.Errorf("the plan is not what it was when it is read: %v", err)
	}
	if v := &p.Vaults[0]; v.ResourceType != fleet.KeyVault || !strings.HasPrefix(string(v.Key), "patch-shut/") {
		t.Errorf("the vault is %+v", v)
	}
}

// TestPatchOfPolicies: what may be done with secrets is no secret.
func TestPatchOfPolicies(t *testing.T) {
	t.Parallel()
	p, err := parsePatch(patched([]string{"body: {properties: {accessPolicies: [{tenantId: t, objectId: o, " +
		"permissions: {secrets: [get], keys: []}}]}}"}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"properties":{"accessPolicies":[{"tenantId":"t","objectId":"o","permissions":{"secrets":["get"],` +
		`"keys":[]}}]}}`
	if got := string(p.Upgrade.Request.Body); got != want {
		t.Errorf("sent is %s, want %s", got, want)
	}
}

// TestPatchBackIsRead: the rollback of a patch needs the ledger alone.
func TestPatchBackIsRead(t *testing.T) {
	t.Parallel()
	p, err := parsePatch("kind: rollback\nof: patch-shut\nledger: fleet.db")
	if err != nil {
		t.Fatal(err)
	}
	if p.Kind != "rollback-patch-shut" || p.Upgrade.Patch == nil || p.Upgrade.Options["apiVersion"] != "2026-02-01" ||
		p.Vaults[0].ResourceType != fleet.KeyVault {
		t.Errorf("read %s, %+v", p.Kind, p.Upgrade)
	}
}

// TestBadPatches: each mistake has its place, and says what it is. A part of a case goes in
// the place of the line of the good patch that has its key; "-" takes that away, and "="
// stands for all of it.
func TestBadPatches(t *testing.T) {
	t.Parallel()
	const rsvVault = "resourceType: Microsoft.RecoveryServices/vaults"
	const dpVault = "resourceType: Microsoft.DataProtection/backupVaults"
	for _, c := range []struct {
		what  string
		parts []string
		want  []string // each problem with its place
	}{
		{"no name", []string{"-name"}, []string{"4:3: upgrade kind patch needs name"}},
		{"a name of another kind", []string{"name: Shut It"},
			[]string{`5:9: upgrade.name "Shut It" is no name of a patch`}},
		{"a name that is too long", []string{"name: " + strings.Repeat("a", 41)}, []string{"5:9: upgrade.name"}},
		{"no name but a number", []string{"name: 7"},
			[]string{"5:9: upgrade.name must be text, but YAML reads 7 as a number"}},
		{"a kind that is misspelt", []string{"kind: pach"},
			[]string{`4:9: there is no upgrade kind "pach"; did you mean "patch"?`}},
		{"no type", []string{"-resourceType"}, []string{"4:3: upgrade kind patch needs resourceType"}},
		{"a type that nobody knows", []string{"resourceType: Microsoft.Storage/storageAccounts"},
			[]string{"6:17: upgrade.resourceType must be Microsoft.RecoveryServices/vaults, " +
				"Microsoft.DataProtection/backupVaults or Microsoft.KeyVault/vaults"}},
		{"no version", []string{"-apiVersion"}, []string{"4:3: upgrade kind patch-shut needs apiVersion"}},
		{"a version that is none", []string{"apiVersion: latest"},
			[]string{`7:15: upgrade.apiVersion: "latest" is no API version`}},
		{"no body", []string{"-body"}, []string{"4:3: upgrade kind patch needs body"}},
		{"a body of text", []string{`body: '{"properties":{}}'`}, []string{"8:9: upgrade.body must be a mapping"}},
		{"an empty body", []string{"body: {}"}, []string{"8:9: upgrade.body sets nothing"}},
		{"empty properties", []string{"body: {properties: {}}"}, []string{"8:22: upgrade.body.properties is empty"}},
		{"an empty object inside", []string{"body: {properties: {networkAcls: {}}}"},
			[]string{"8:36: upgrade.body.properties.networkAcls is empty"}},
		{"empty tags", []string{"body: {tags: {}}"}, []string{"8:16: upgrade.body.tags is empty"}},
		{"a null", []string{"body: {properties: {publicNetworkAccess: null}}"},
			[]string{"8:44: upgrade.body.properties.publicNetworkAccess is null, which would take it away"}},
		{"a null that is not written", []string{"body:\n  properties:\n    publicNetworkAccess:"},
			[]string{"10:27: upgrade.body.properties.publicNetworkAccess is null"}},
		{"a tag of null", []string{"body: {tags: {owner: ~}}"}, []string{"8:24: upgrade.body.tags.owner is null"}},
		{"a tag of a number", []string{"body: {tags: {floor: 4}}"},
			[]string{"8:24: upgrade.body.tags.floor must be text"}},
		{"one tag twice", []string{"body: {tags: {owner: a, Owner: b}}"},
			[]string{`8:27: upgrade.body.tags: "owner" and "Owner" are one tag`}},
		{"a tag with a slash", []string{"body: {tags: {a/b: c}}"},
			[]string{`8:17: upgrade.body.tags: "a/b" is no name of a tag`}},
		{"a property that is read-only", []string{"body: {properties: {provisioningState: Succeeded}}"},
			[]string{"8:23: upgrade.body.properties.provisioningState is read-only"}},
		{"one below it", []string{"body: {properties: {privateEndpointConnections: {a: b}}}"},
			[]string{"8:23: upgrade.body.properties.privateEndpointConnections is read-only"}},
		{"a nested one, in other capitals",
			[]string{rsvVault, "body: {properties: {securitySettings: {multiuserauthorization: Enabled}}}"},
			[]string{"8:42: upgrade.body.properties.securitySettings.multiuserauthorization is read-only"}},
		{"a read-only one of Backup vaults",
			[]string{dpVault, "body: {properties: {isVaultProtectedByResourceGuard: false}}"},
			[]string{"8:23: upgrade.body.properties.isVaultProtectedByResourceGuard is read-only"}},
		{"a property that no vault shows", []string{"body: {properties: {createMode: recover}}"},
			[]string{"8:23: upgrade.body.properties.createMode is shown by no vault"}},
		{"the guard's requests", []string{dpVault, "body: {properties: {resourceGuardOperationRequests: [x]}}"},
			[]string{"8:23: upgrade.body.properties.resourceGuardOperationRequests is shown by no vault"}},
		{"an ID", []string{"body: {id: /x, properties: {publicNetworkAccess: Disabled}}"},
			[]string{"8:10: upgrade.body.id: it is read-only"}},
		{"another location", []string{"body: {location: westus}"},
			[]string{"8:10: upgrade.body.location: a vault stays where it is"}},
		{"a sku", []string{"body: {sku: {name: premium}}"}, []string{"8:10: upgrade.body.sku: it is not offered"}},
		{"a part that nobody knows", []string{"body: {property: {a: b}}"},
			[]string{"8:10: upgrade.body.property: a vault has no such part"}},
		{"a dotted name", []string{"body: {properties: {networkAcls.bypass: None}}"},
			[]string{`8:23: upgrade.body.properties.networkAcls.bypass: the name "networkAcls.bypass" has a dot`}},
		{"a secret by its name", []string{"body: {properties: {adminPassword: hunter2}}"},
			[]string{"8:23: upgrade.body.properties.adminPassword: by its name it is a secret"}},
		{"a secret in a list", []string{"body: {properties: {endpoints: [{access_key: x}]}}"},
			[]string{"8:36: upgrade.body.properties.endpoints.access_key: by its name it is a secret"}},
		{"a secret tag", []string{"body: {tags: {api-token: x}}"},
			[]string{"8:17: upgrade.body.tags.api-token: by its name it is a secret"}},
		{"a connection string",
			[]string{"body: {properties: {target: 'DefaultEndpointsProtocol=https;AccountKey=c2VjcmV0'}}"},
			[]string{"8:31: upgrade.body.properties.target looks like a secret"}},
		{"a signed address",
			[]string{"body: {tags: {where: 'https://a.blob.core.windows.net/b?sv=1&sig=abcdefgh1234'}}"},
			[]string{"8:24: upgrade.body.tags.where looks like a secret"}},
		{"a storage key", []string{"body: {properties: {target: " + strings.Repeat("A", 86) + "==}}"},
			[]string{"8:31: upgrade.body.properties.target looks like a secret"}},
		{"a word that is a boolean to some", []string{"body: {properties: {publicNetworkAccess: Off}}"},
			[]string{"8:44: upgrade.body.properties.publicNetworkAccess must be text, but YAML reads Off"}},
		{"a number in another notation", []string{"body: {properties: {softDeleteRetentionInDays: 0x1E}}"},
			[]string{"8:50: upgrade.body.properties.softDeleteRetentionInDays must be a decimal number"}},
		{"a date", []string{"body: {properties: {from: 2026-01-01}}"},
			[]string{"8:29: upgrade.body.properties.from must be text, but YAML reads"}},
		{"a key twice", []string{"body: {properties: {a: 1, a: 2}}"},
			[]string{`8:29: key "a" is given twice in upgrade.body.properties`}},
		{"a merge key", []string{"body: {properties: {<<: {a: 1}, b: 2}}"},
			[]string{"8:23: merge keys (<<) are not supported"}},
		{"nothing but its own", []string{"body: {properties: {publicNetworkAccess: '{its own}'}}"},
			[]string{"8:9: upgrade.body sets nothing but what each vault has"}},
		{"its own in a list", []string{"body: {properties: {a: ['{its own}'], b: 1}}"},
			[]string{"8:27: upgrade.body.properties.a: what a vault has in a list"}},
		{"its own tag", []string{"body: {tags: {a: '{its own}', b: c}}"},
			[]string{"8:20: upgrade.body.tags.a: each vault keeps its own tags"}},
		{"a PUT", []string{"method: PUT"},
			[]string{"13:3: a patch is always sent by PATCH", `13:3: unknown key "method"`}},
		{"a condition that is none", []string{"require: ['properties.[']"},
			[]string{"9:13: upgrade.require: it is no JMESPath"}},
		{"a text without quotes", []string{"require: [properties.state != Locked]"},
			[]string{"9:13: upgrade.require: Locked is the name of nothing that a vault has there"}},
		{"a text in the wrong quotes", []string{`require: ['properties.state != "Locked"']`},
			[]string{`9:13: upgrade.require: "Locked" is the name of nothing that a vault has there`}},
		{"a part that is misspelt", []string{"require: [propertes.state != 'Locked']"},
			[]string{"9:13: upgrade.require: propertes is the name of nothing that a vault has there"}},
		{"for ever whatever there is", []string{"undo: {permanent: true}", "-require"},
			[]string{"9:9: nothing undoes the patch, and it does not say what must be true of a vault before"}},
		{"a condition twice", []string{"require: [name, name]"},
			[]string{`9:19: upgrade.require: "name" is there twice`}},
		{"conditions without a list", []string{"require: name"}, []string{"9:12: upgrade.require must be a list"}},
		{"no conditions", []string{"require: []"}, []string{"9:12: upgrade.require is an empty list"}},
		{"an empty condition", []string{`require: [""]`}, []string{"9:13: upgrade.require is empty"}},
		{"no undo", []string{"-undo"}, []string{"4:3: upgrade kind patch needs undo"}},
		{"an undo that is none", []string{"undo: after"}, []string{`10:9: upgrade.undo must be before, not "after"`}},
		{"an empty undo", []string{"undo: {}"}, []string{"10:9: undo does not say how"}},
		{"two ways back", []string{"undo: {permanent: true, body: {properties: {a: 1}}}"},
			[]string{"10:10: undo has a body, and is permanent too"}},
		{"not permanent", []string{"undo: {permanent: false}"},
			[]string{"10:21: upgrade.undo.permanent is false, and nothing says how it is undone"}},
		{"a way back of half", []string{"undo: {body: {properties: {publicNetworkAccess: Enabled}}}",
			"body: {properties: {publicNetworkAccess: Disabled, enabledForDeployment: false}}"},
			[]string{"10:16: upgrade.undo.body leaves enabledForDeployment as the patch made it"}},
		{"a way back to nowhere", []string{"undo: {body: {properties: {publicNetworkAccess: Disabled}}}",
			"body: {properties: {publicNetworkAccess: Disabled}}"},
			[]string{"10:51: upgrade.undo.body sets publicNetworkAccess to what the patch sets it to"}},
		{"a way back with more", []string{"undo: {body: {properties: {publicNetworkAccess: Enabled, a: 1}}}",
			"body: {properties: {publicNetworkAccess: Disabled}}"},
			[]string{"10:63: upgrade.undo.body sets a, which the patch does not set"}},
		{"for ever, and undone", []string{"body: {properties: {enablePurgeProtection: true}}"},
			[]string{"10:9: enablePurgeProtection true can never be taken back"}},
		{"locked, and undone",
			[]string{rsvVault, "body: {properties: {securitySettings: {immutabilitySettings: {state: locked}}}}"},
			[]string{`10:9: securitySettings.immutabilitySettings.state "locked" can never be taken back`}},
		{"an action that is none", []string{"actions: [write]"},
			[]string{`11:13: upgrade.actions: "write" is no action`}},
		{"every action", []string{"actions: [Microsoft.Network/*]"},
			[]string{`11:13: upgrade.actions: "Microsoft.Network/*" stands for more`}},
		{"an action twice", []string{"actions: [Microsoft.Network/a/read, microsoft.network/a/read]"},
			[]string{`11:39: upgrade.actions: "microsoft.network/a/read" is there twice`}},
		{"nothing to do", []string{"afterwards: ''"}, []string{"12:15: upgrade.afterwards is empty"}},
		{"a key that nobody knows", []string{"afterward: x"},
			[]string{`13:3: unknown key "afterward" in upgrade kind patch; did you mean "afterwards"?`}},
		{"an option of another type", []string{"resourceGuardTenant: 53a3c692-5283-4f0a-baf6-49412f5ebefe"},
			[]string{"13:3: resourceGuardTenant means nothing to vaults of type Microsoft.KeyVault/vaults"}},
		{"a rollback without a ledger", []string{"=kind: rollback\nof: patch-shut"},
			[]string{"4:3: the rollback of a patch needs ledger"}},
		{"a rollback of no name", []string{"=kind: rollback\nof: patch\nledger: fleet.db"},
			[]string{"5:7: a rollback of a patch names it"}},
		{"a rollback of another", []string{"=kind: rollback\nof: patch-open\nledger: fleet.db"},
			[]string{`6:11: what undoes the patch "open" cannot be found: no run in fleet.db is of a patch open`}},
		{"a rollback with a body", []string{"=kind: rollback\nof: patch-shut\nledger: fleet.db\nbody: {}"},
			[]string{`7:3: unknown key "body"`}},
		{"two mistakes", []string{"name: A", "undo: after"}, []string{"5:9: upgrade.name", "10:9: upgrade.undo"}},
	} {
		_, err := parsePatch(patched(c.parts))
		problems, ok := errors.AsType[*inventory.Problems](err)
		if !ok {
			t.Errorf("%s: got %v, want problems", c.what, err)
			continue
		}
		for i, want := range c.want {
			if i >= len(problems.List) || !strings.HasPrefix(problems.List[i].String(), "fleet.yaml:"+want) {
				t.Errorf("%s: got\n%v\nwant %s", c.what, err, want)
			}
		}
		if len(problems.List) != len(c.want) {
			t.Errorf("%s: %d problems, want %d:\n%v", c.what, len(problems.List), len(c.want), err)
		}
	}
}

// patched is the good patch with parts of another in the place of its own; a key that it
// has not comes behind them.
func patched(parts []string) string {
	if all, ok := strings.CutPrefix(parts[0], "="); ok {
		return all
	}
	good := strings.Split(goodPatch, "\n")
	for _, part := range parts {
		key, _, _ := strings.Cut(strings.TrimPrefix(part, "-"), ":")
		i := slices.IndexFunc(good, func(line string) bool { return strings.HasPrefix(line, key+":") })
		switch {
		case part[0] == '-':
			good = slices.Delete(good, i, i+1)
		case i < 0:
			good = append(good, part)
		default:
			good[i] = part
		}
	}
	return strings.Join(good, "\n")
}

// TestPatchDiffers: what is another in a patch of one name is named.
func TestPatchDiffers(t *testing.T) {
	t.Parallel()
	a, err := parsePatch(goodPatch)
	if err != nil {
		t.Fatal(err)
	}
	b, err := parsePatch(patched([]string{"-require", "undo: {body: {properties: {publicNetworkAccess: Enabled}}}",
		"body: {properties: {publicNetworkAccess: Disabled}}", "afterwards: Tell nobody."}))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(plan.Diff(a, b).Settings, "\n")
	for _, want := range []string{"upgrade.require properties.publicNetworkAccess == 'Enabled' → none",
		"undone by what was there before:", "the body that undoes it", "upgrade.afterwards Tell them. → Tell nobody.",
		"the request's body"} {
		if !strings.Contains(got, want) {
			t.Errorf("it says\n%s\nwithout %s", got, want)
		}
	}
}

// TestPatchOutline: vaults are discovered by the type of the patch.
func TestPatchOutline(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := os.WriteFile(path, []byte(inventoryOfPatch(goodPatch)), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := inventory.ReadOutline(path, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), patches())
	if err != nil || o.Kind != "patch-shut" || o.Spec == nil || o.Spec.Type != fleet.KeyVault {
		t.Errorf("got %+v, %v", o, err)
	}
}
