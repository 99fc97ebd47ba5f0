// Package examples_test keeps the promises that the example inventories make.
package examples_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/dataprotection"
	"github.com/fleetup-dev/fleetup/pkg/azure/kvrbac"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// load reads an example's inventory and the scenario beside it.
func load(t *testing.T, name, file string) (*plan.Plan, emulator.Scenario) {
	t.Helper()
	kinds := []fleet.KindSpec{rsv.Alerts().Spec, rsv.AlertsBack().Spec, kvrbac.Roles().Spec,
		kvrbac.AccessPolicies().Spec}
	for _, c := range arm.Changes(dataprotection.Settings()...) {
		kinds = append(kinds, c.Spec)
	}
	written := arm.Written(rsv.Vaults())
	kinds = append(kinds, fleet.KindSpec{Kind: fleet.KindPatch, Written: written})
	written.Recorded = func(back, _, _ string) (fleet.KindSpec, error) { // as the runs of fleet.yaml leave it
		p, err := inventory.Load(filepath.Join(filepath.Dir(back), "fleet.yaml"), now, kinds...)
		if err != nil {
			return fleet.KindSpec{}, err
		}
		c, err := arm.PatchedBack(rsv.Vaults(), *p.Upgrade.Patch, p.Upgrade.Options)
		return c.Spec, err
	}
	p, err := inventory.Load(filepath.Join(name, file), now, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	if p.Cloud.Name != fleet.Emulator {
		t.Errorf("the cloud is %s: an example must not need an account", p.Cloud.Name)
	}
	data, err := os.ReadFile(filepath.Join(name, p.Scenario))
	if err != nil {
		t.Fatal(err)
	}
	var s emulator.Scenario
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return p, s
}

// start makes the example's cloud, which knows whether the scenario is sound
// and names only vaults that exist.
func start(t *testing.T, p *plan.Plan, s emulator.Scenario) {
	t.Helper()
	cfg := emulator.Config{Scenario: s}
	for i := range p.Vaults {
		v := &p.Vaults[i]
		if v.ResourceGroup != "" {
			cfg.Resources = append(cfg.Resources, emulator.Resource{
				SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName, ResourceGroup: v.ResourceGroup,
				Type: string(v.ResourceType), Name: v.Name, Location: v.Location, ProtectedItems: v.ProtectedItems,
			})
			continue
		}
		cfg.Vaults = append(cfg.Vaults, emulator.Vault{
			SubscriptionID: v.SubscriptionID, SubscriptionName: v.SubscriptionName, Name: v.Name,
			Location: v.Location, ResourceType: string(v.ResourceType),
			TargetResourceGroup: v.TargetResourceGroup, CreateResourceGroup: v.CreateResourceGroup,
			ProtectedItems: v.ProtectedItems,
		})
	}
	cloud, err := emulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := cloud.Close(); err != nil {
		t.Error(err)
	}
}

type shape struct {
	vaults, subscriptions, held int
	waves                       []string
	sizes                       []int
}

func checkShape(t *testing.T, p *plan.Plan, want shape) {
	t.Helper()
	var names []string
	var sizes []int
	for _, w := range p.Waves {
		names, sizes = append(names, w.Name), append(sizes, len(w.Vaults))
	}
	if len(p.Vaults) != want.vaults || len(p.Subscriptions) != want.subscriptions ||
		len(p.Vaults)-p.ToStart() != want.held || !slices.Equal(names, want.waves) || !slices.Equal(sizes, want.sizes) {
		t.Errorf("%d vaults, %d held, %d subscriptions, waves %v %v; want %+v",
			len(p.Vaults), len(p.Vaults)-p.ToStart(), len(p.Subscriptions), names, sizes, want)
	}
}

func TestQuickstart(t *testing.T) {
	t.Parallel()
	p, s := load(t, "quickstart", "fleet.yaml")
	start(t, p, s)
	checkShape(t, p, shape{vaults: 40, subscriptions: 4, held: 1,
		waves: []string{"canary", "pilot", "rest"}, sizes: []int{4, 10, 26}})

	// How the night ends follows from which vault has which trouble.
	trouble := make(map[string]string)
	for _, f := range s.Faults {
		if f.Rate != 0 || trouble[f.Vault] != "" {
			t.Errorf("fault %q of %q: each must name one vault of its own", f.Kind, f.Vault)
		}
		trouble[f.Vault] = f.Kind
	}
	ends := make(map[fleet.Status]int)
	for i := range p.Vaults {
		v := &p.Vaults[i]
		kind := trouble[v.Ref()]
		if v.Excluded() && kind != "" {
			t.Errorf("%s is held and has a trouble", v.Ref())
		}
		switch {
		case v.Excluded():
			ends[fleet.Excluded]++
		case kind == "fails":
			ends[fleet.Failed]++
		case kind == "already":
			ends[fleet.Already]++
		case kind == "blocked", kind == "group-missing", kind == "warnings" && !v.AcceptWarnings:
			ends[fleet.Blocked]++
		default:
			ends[fleet.Upgraded]++
		}
	}
	want := map[fleet.Status]int{fleet.Upgraded: 33, fleet.Failed: 2, fleet.Blocked: 3, fleet.Excluded: 1,
		fleet.Already: 1}
	for status, n := range want {
		if ends[status] != n {
			t.Errorf("%d end %s, want %d", ends[status], status, n)
		}
	}
	for _, kind := range []string{"busy", "throttled", "reset-after", "server-error"} {
		if !slices.ContainsFunc(s.Faults, func(f emulator.Fault) bool { return f.Kind == kind }) {
			t.Errorf("no vault has the passing trouble %s", kind)
		}
	}
	// Every start may be unknown at once, after a crash: no halt.
	if budget := p.WorstCase().Budget; budget < want[fleet.Failed]+p.Limits.Upgrades {
		t.Errorf("a budget of %d could halt it", budget)
	}
}

func TestContoso(t *testing.T) {
	t.Parallel()
	p, s := load(t, "contoso", "fleet.yaml")
	start(t, p, s)
	checkShape(t, p, shape{vaults: 400, subscriptions: 20, held: 8,
		waves: []string{"canary", "non-production", "internal", "customer-facing"}, sizes: []int{10, 88, 146, 156}})

	kinds := make(map[string]bool)
	for _, f := range s.Faults {
		kinds[f.Kind] = true
		if f.Vault == "" {
			continue
		}
		i := slices.IndexFunc(p.Vaults, func(v plan.Vault) bool { return v.Ref() == f.Vault })
		switch {
		case i < 0:
			t.Errorf("no vault is %s", f.Vault)
		case p.Vaults[i].Excluded():
			t.Errorf("%s is held: its trouble %s can never be seen", f.Vault, f.Kind)
		case p.Waves[p.Vaults[i].Wave].Name == "canary":
			// A throttled start shows that a canary survives it.
			if f.Kind != "throttled" {
				t.Errorf("%s is a canary: %s would halt it", f.Vault, f.Kind)
			}
		}
	}
	if len(kinds) < 15 {
		t.Errorf("only %d kinds of trouble", len(kinds))
	}
	types := make(map[fleet.ResourceType]int)
	for i := range p.Vaults {
		types[p.Vaults[i].ResourceType]++
	}
	if types[fleet.BackupVault] == 0 || types[fleet.SiteRecoveryVault] == 0 {
		t.Errorf("types %v: both should be there", types)
	}
}

// TestAlerts: docs/kinds.md goes out and back.
func TestAlerts(t *testing.T) {
	t.Parallel()
	p, s := load(t, "alerts", "fleet.yaml")
	start(t, p, s)
	checkShape(t, p, shape{vaults: 24, subscriptions: 3, held: 1, waves: []string{"lab", "rest"}, sizes: []int{3, 21}})
	checkBack(t, "alerts", p)
	// The comment in fleet.yaml says how it ends.
	ends := map[string]int{}
	for _, f := range s.Faults {
		ends[f.Kind]++
	}
	if ends["fails"] != 1 || ends["locked"] != 1 || ends["state"] != 2 || p.ToStart() != 19+1+1+2 {
		t.Errorf("of %d vaults %v: the comment says something else", p.ToStart(), ends)
	}
}

// checkBack: the way back is of the same vaults, in the same waves, on the same
// cloud.
func checkBack(t *testing.T, name string, p *plan.Plan) {
	t.Helper()
	back, _ := load(t, name, "back.yaml")
	if of, ok := back.Kind.Undoes(); !ok || of != p.Kind || back.Scenario != p.Scenario {
		t.Errorf("back.yaml is of the kind %s on %s", back.Kind, back.Scenario)
	}
	for i := range p.Vaults {
		if v, b := &p.Vaults[i], &back.Vaults[i]; v.ResourceID() != b.ResourceID() ||
			p.Waves[v.Wave].Name != back.Waves[b.Wave].Name {
			t.Errorf("%s goes out as one of %s, and back as %s", v.ResourceID(), p.Waves[v.Wave].Name, b.ResourceID())
		}
	}
}

// TestKeyVaults: docs/key-vaults.md goes out and back, and says how that ends.
func TestKeyVaults(t *testing.T) {
	t.Parallel()
	p, s := load(t, "keyvaults", "fleet.yaml")
	start(t, p, s)
	checkShape(t, p, shape{vaults: 7, subscriptions: 2, held: 0, waves: []string{"lab", "rest"}, sizes: []int{1, 6}})
	checkBack(t, "keyvaults", p)
}

// TestBackupVaults: docs/kinds.md goes out and back.
func TestBackupVaults(t *testing.T) {
	t.Parallel()
	p, s := load(t, "backupvaults", "fleet.yaml")
	start(t, p, s)
	checkShape(t, p, shape{vaults: 12, subscriptions: 2, held: 1, waves: []string{"lab", "rest"}, sizes: []int{2, 10}})
	checkBack(t, "backupvaults", p)
}

// TestPatch: docs/kinds.md goes out and back.
func TestPatch(t *testing.T) {
	t.Parallel()
	p, s := load(t, "patch", "fleet.yaml")
	start(t, p, s)
	checkShape(t, p, shape{vaults: 6, subscriptions: 2, held: 0, waves: []string{"lab", "rest"}, sizes: []int{1, 5}})
	checkBack(t, "patch", p)
}

// TestExamplesAreTested: every folder here has a test of its name.
func TestExamplesAreTested(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("*/fleet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range folders {
		names = append(names, filepath.Dir(f))
	}
	want := []string{"alerts", "backupvaults", "contoso", "keyvaults", "patch", "quickstart"}
	if !slices.Equal(names, want) {
		t.Errorf("examples are %s; a test knows %s", strings.Join(names, ", "), strings.Join(want, ", "))
	}
}
