package inventory_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// write puts files into a new folder and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, filepath.FromSlash(files[0]))
}

const policy = `apiVersion: fleetup/v1
cloud: Emulator
defaults:
  location: West US
  resourceType: BackupVault
  targetResourceGroup: "rg-{labels.app}-{location}"
  acceptWarnings: [{category: Billing, reason: agreed}]
rules:
  - match: {app: legal}
    set: {hold: legal freeze, labels: {ring: last}}
  - matchExpressions: [{key: ring, operator: In, values: [last]}, {key: subscription, operator: In, values: [prod]}]
    set: {targetResourceGroup: "rg-{subscription}-{name}", createResourceGroup: true, acceptWarnings: true, blackouts: [], windows: [{days: [Sat], start: "00:00", end: "24:00", timezone: UTC}]}
`

// TestIncludedIsAsWrittenOut: facts in included files make the plan that one
// file makes.
func TestIncludedIsAsWrittenOut(t *testing.T) {
	t.Parallel()
	parted := write(t, "fleet.yaml", policy+`include: ["facts/*.yaml", "facts/*.csv", facts/b.csv]
subscriptions:
  - {id: 11111111-1111-4111-8111-111111111111, name: prod, labels: {app: shop}, vaults: [{name: alpha}]}
`,
		"facts/z.yaml", `apiVersion: fleetup/v1
subscriptions:
  - {id: 22222222-2222-4222-8222-222222222222, name: test, vaults: [{name: beta, labels: {app: hr}}]}
`,
		"facts/a.csv",
		"\uFEFFsubscription,name,location,resourceType,targetResourceGroup,protectedItems,labels.app,labels.ring\r\n"+
			"PROD,gamma, East US ,HyperVRecoveryManagerVault,,40,legal,\r\n"+
			"{33333333-3333-4333-8333-333333333333},delta,,,\"rg(x)\",,hr,first\r\n",
		"facts/b.csv", "name,subscription\nepsilon,11111111-1111-4111-8111-111111111111\n")
	whole := write(t, "fleet.yaml", policy+`subscriptions:
  - id: 11111111-1111-4111-8111-111111111111
    name: prod
    labels: {app: shop}
    vaults:
      - {name: alpha}
      - {name: gamma, location: East US, resourceType: HyperVRecoveryManagerVault, protectedItems: 40, labels: {app: legal}}
      - {name: epsilon}
  - {id: 22222222-2222-4222-8222-222222222222, name: test, vaults: [{name: beta, labels: {app: hr}}]}
  - {id: 33333333-3333-4333-8333-333333333333, vaults: [{name: delta, targetResourceGroup: rg(x), labels: {app: hr, ring: first}}]}
`)
	load := func(path string) *plan.Plan {
		p, from, err := inventory.Explain(path, now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Vaults {
			if o := from.Of(i)[0]; o.Value != p.Vaults[i].Name {
				t.Errorf("vault %s has the origins of %s", p.Vaults[i].Name, o.Value)
			}
		}
		p.Inventory, p.Fingerprint = "", ""
		return p
	}
	got, want := load(parted), load(whole)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	var groups []string
	for i := range got.Vaults {
		v := &got.Vaults[i]
		groups = append(groups, fmt.Sprintf("%s %s %v %d %v", v.Name, v.TargetResourceGroup, v.AcceptWarnings,
			len(v.Consents), v.Excluded()))
	}
	if text := strings.Join(groups, "\n"); text != `alpha rg-shop-westus false 1 false
gamma rg-prod-gamma true 0 true
epsilon rg-shop-westus false 1 false
beta rg-hr-westus false 1 false
delta rg(x) false 1 false` {
		t.Error(text)
	}
}

// TestBadIncludes: mistakes in included files have their places, after those
// of the inventory.
func TestBadIncludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "include", "fleet.yaml")
	p, err := inventory.Load(path, now)
	var problems *inventory.Problems
	if p != nil || !errors.As(err, &problems) {
		t.Fatalf("got a plan: %v, and the error %v", p != nil, err)
	}
	got := filepath.ToSlash(problems.Error()) + "\n"
	wantFile := filepath.Join("testdata", "include", "problems.want")
	if *update {
		if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(wantFile)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestOnlyIncluded: an inventory may leave all facts to other files, which
// must hold some.
func TestOnlyIncluded(t *testing.T) {
	t.Parallel()
	path := write(t, "fleet.yaml", strings.Split(policy, "rules:")[0]+"include: [f.csv]\n", "f.csv",
		"subscription,name\n")
	if _, err := inventory.Load(path, now); err == nil ||
		!strings.Contains(err.Error(), ":1:1: the inventory lists no vaults") {
		t.Errorf("error %v", err)
	}
}

// TestExplain: of each value the last that gave it, with its place.
func TestExplain(t *testing.T) {
	t.Parallel()
	path := write(t, "fleet.yaml", policy+`subscriptions:
  - {id: 22222222-2222-4222-8222-222222222222, name: prod, labels: {app: shop, team: a}, vaults: [{name: beta, blackouts: [{from: 2026-12-24, to: 2026-12-25, timezone: UTC}]}]}
include: [f.csv]
`, "f.csv", "subscription,name,protectedItems,labels.app\nprod,alpha,40,legal\n")
	p, from, err := inventory.Explain(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Vaults) != 2 || p.Vaults[1].Name != "alpha" {
		t.Fatalf("vaults %+v", p.Vaults)
	}
	var got []string
	for _, o := range from.Of(1) {
		got = append(got, fmt.Sprintf("%s=%s %s %s %s:%d:%d", o.Key, o.Value, o.From, o.Template, filepath.Base(o.File),
			o.Line, o.Column))
	}
	want := `name=alpha vault  f.csv:2:6
location=West US defaults  fleet.yaml:4:13
resourceType=BackupVault defaults  fleet.yaml:5:17
targetResourceGroup=rg-prod-alpha rule 2 rg-{subscription}-{name} fleet.yaml:12:32
createResourceGroup=true rule 2  fleet.yaml:12:81
acceptWarnings=true rule 2  fleet.yaml:12:103
protectedItems=40 vault  f.csv:2:12
hold=legal freeze rule 1  fleet.yaml:10:17
windows=1 window rule 2  fleet.yaml:12:133
labels.app=legal vault  f.csv:2:15
labels.ring=last rule 1  fleet.yaml:10:46
labels.team=a subscription  fleet.yaml:14:68`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if o := from.Of(0)[3]; o.From != "defaults" || o.Value != "rg-shop-westus" {
		t.Errorf("origin %+v", o)
	}
	if o := from.Of(0)[5]; o.Key != "windows" || o.From != "vault" || o.Value != "at any hour, 1 blackout" ||
		o.Line != 14 {
		t.Errorf("origin %+v", o)
	}
}

// TestReplacedInAnotherFile: a rule that says nothing of what it replaces is
// told of in its own file, and a vault in its own.
func TestReplacedInAnotherFile(t *testing.T) {
	t.Parallel()
	const night = `windows: [{days: [Sat], start: "00:00", end: "24:00", timezone: UTC}]`
	path := write(t, "fleet.yaml", strings.Split(policy, "rules:")[0]+`include: [f.csv, g.yaml]
subscriptions: [{id: 22222222-2222-4222-8222-222222222222, name: prod, vaults: []}]
rules:
  - {match: {app: shop}, set: {blackouts: [], `+night+`}}
  - {match: {app: shop}, set: {blackouts: []}}
waves: [{name: all, blackouts: [{from: 2026-12-24, to: 2026-12-25, timezone: UTC}]}]
`, "f.csv", "subscription,name,labels.app\nprod,alpha,shop\n", "g.yaml", `subscriptions:
  - {id: 33333333-3333-4333-8333-333333333333, name: test, vaults: [{name: beta, labels: {app: hr}, `+night+`}]}
`)
	_, err := inventory.Load(path, now)
	var problems *inventory.Problems
	if !errors.As(err, &problems) || len(problems.List) != 2 {
		t.Fatalf("error %v", err)
	}
	for i, want := range []string{"fleet.yaml:12:32: rule 2 has blackouts of its own, which replace rule 1's",
		`g.yaml:2:101: vault "test/beta" has windows of its own, which replace its wave's`} {
		if got := problems.List[i].String(); !strings.HasPrefix(strings.TrimPrefix(got,
			filepath.Dir(path)+string(filepath.Separator)), want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
