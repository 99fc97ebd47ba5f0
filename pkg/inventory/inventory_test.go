package inventory_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

const minimal = `apiVersion: fleetup/v1
cloud: AzurePublic
subscriptions:
  - id: 53a3c692-5283-4f0a-baf6-49412f5ebefe
    vaults:
      - {name: a, location: West US, resourceType: BackupVault, targetResourceGroup: rg}
`

func parse(t *testing.T, text string) *plan.Plan {
	t.Helper()
	p, err := inventory.Parse("fleet.yaml", []byte(text), now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryField reads an inventory with every key and compares every value.
func TestEveryField(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "good", "full.yaml")
	got, err := inventory.Load(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	const id = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	vault := func(name string, wave int, change func(*plan.Vault)) plan.Vault {
		v := plan.Vault{Wave: wave, Predicted: plan.Predict(0), Vault: fleet.Vault{
			Kind: fleet.KindClassic, SubscriptionID: id, SubscriptionName: "contoso-prod",
			Name: name, Location: "Australia East", ResourceType: fleet.BackupVault,
			TargetResourceGroup: "rg-vaults", CreateResourceGroup: true, AcceptWarnings: true,
			Labels: map[string]string{"env": "prod", "team": "core"},
		}}
		if change != nil {
			change(&v)
		}
		v.Key = fleet.KeyOf(v.Kind, id, v.ResourceType, v.Location, name)
		return v
	}
	last := func(calendar int) func(*plan.Vault) {
		return func(v *plan.Vault) {
			v.Labels, v.Calendar = map[string]string{"env": "prod", "team": "core", "ring": "last"}, calendar
		}
	}
	want := &plan.Plan{
		SchemaVersion: plan.SchemaVersion,
		Fingerprint:   got.Fingerprint,
		Inventory:     path,
		Cloud: fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "http://127.0.0.1:8080",
			ResourceManager: "https://arm.contoso.example/base"},
		Kind: fleet.KindClassic,
		Credentials: fleet.Credentials{ServiceManagement: fleet.CredentialCLI,
			ResourceManager: fleet.CredentialWorkloadIdentity},
		Subscriptions: []fleet.Subscription{
			{ID: id, Name: "contoso-prod", Tenant: "72f988bf-86f1-41af-91ab-2d7cd011db47",
				Labels: map[string]string{"env": "prod", "team": "core"}},
			{ID: "53a3c692-5283-4f0a-baf6-49412f5ebeff", Name: "53a3c692-5283-4f0a-baf6-49412f5ebeff",
				Tenant: "contoso.example"},
		},
		Vaults: []plan.Vault{
			vault("TestVault", 2, func(v *plan.Vault) {
				v.Location, v.ResourceType, v.TargetResourceGroup = "West US", fleet.SiteRecoveryVault, "ContosoRG"
				v.CreateResourceGroup, v.AcceptWarnings = false, false
				v.ProtectedItems, v.Predicted = 40, plan.Predict(40)
				v.Labels = map[string]string{"env": "prod", "team": "payments", "note": ""}
				v.Hold = &fleet.Hold{Reason: "legal freeze", By: "legal@contoso.example",
					Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
			}),
			vault("Second", 2, func(v *plan.Vault) { v.Hold = &fleet.Hold{Reason: "until Monday"} }),
			vault("Third", 1, func(v *plan.Vault) { // its hold ended at 09:00 UTC, which is now
				v.LapsedHold = &fleet.Hold{Reason: "over", Until: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
			}),
			vault("Fourth", 0, func(v *plan.Vault) { v.Labels = map[string]string{"env": "prod", "team": "payments"} }),
			vault("Fifth", 2, last(1)),
			vault("Sixth", 2, last(1)), // by a rule that says the same
			vault("Seventh", 2, last(2)),
		},
		Waves: []plan.Wave{
			{Name: "payments", Vaults: []int{3}, MaxFailures: &plan.Budget{Count: 1, Unit: plan.UnitCount},
				Size: &plan.Size{Percent: 10}, Soak: 30 * time.Minute, Order: plan.OrderName,
				Approval: &plan.Approval{When: plan.ApprovalAfter, NotBy: plan.NotByStarter, Expiry: 12 * time.Hour},
				Limits:   plan.WaveLimits{Upgrades: 1, PerSubscription: 2, PerLocation: 3},
				Calendar: &plan.Calendar{Blackouts: []plan.Blackout{{From: "2026-12-31T00:00", To: "2027-01-02T12:00",
					Zone: "UTC"}}}},
			{Name: "second", Vaults: []int{2}, Size: &plan.Size{Count: 1},
				Approval: &plan.Approval{When: plan.ApprovalBefore, Expiry: 24 * time.Hour},
				Calendar: &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{0, 1}, Start: 570,
					Zone: "Europe/London"}}}},
			{Name: "rest", Vaults: []int{0, 1, 4, 5, 6},
				MaxFailures: &plan.Budget{Percent: 62.5, Unit: plan.UnitPercent}},
		},
		Limits: plan.Limits{Validations: 3, Upgrades: 4, PerSubscription: 5, PerLocation: 6, RequestsPerSecond: 2.5},
		Timings: plan.Timings{Poll: time.Second, ValidationMaxAge: 2 * time.Second, BusyRetry: 3 * time.Second,
			BusyDeadline: 4 * time.Second, StartTimeout: 15 * time.Second, ReconcileGrace: 36 * time.Second,
			ReconcileDeadline: 37 * time.Second, Overdue: 90 * time.Second},
		FailureBudget: plan.Budget{Percent: 50, Unit: plan.UnitPercent},
		PartBudgets:   plan.PartBudgets{SubscriptionBudget: &plan.Budget{Count: 1, Unit: plan.UnitCount}},
		Ceiling:       plan.CeilingHard,
		SameErrorHalt: 4,
		Calendar: &plan.Calendar{
			Windows: []plan.Window{{Days: []time.Weekday{1, 2, 3, 4, 5}, Start: 1320, End: 360,
				Zone: "Australia/Sydney"}},
			Blackouts: []plan.Blackout{{From: "2026-12-24T00:00", To: "2026-12-27T00:00", Zone: "Australia/Sydney"}},
		},
		Calendars: []plan.Calendar{
			{Windows: []plan.Window{{Days: []time.Weekday{6}, Start: 1200, End: 480, Zone: "UTC"}}},
			{Blackouts: []plan.Blackout{{From: "2026-12-31T00:00", To: "2027-01-01T00:00", Zone: "UTC"}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// TestDefaults: what an inventory leaves out.
func TestDefaults(t *testing.T) {
	t.Parallel()
	p := parse(t, minimal)
	public, _ := fleet.KnownCloud(fleet.AzurePublic)
	if p.Cloud != public || p.Kind != fleet.KindClassic || p.Credentials != (fleet.Credentials{}) {
		t.Errorf("cloud %v, kind %v, credentials %v", p.Cloud, p.Kind, p.Credentials)
	}
	if p.Limits != plan.DefaultLimits() || p.Timings != plan.DefaultTimings() {
		t.Errorf("limits %v, timings %v", p.Limits, p.Timings)
	}
	if p.FailureBudget != (plan.Budget{Unit: plan.UnitDefault}) {
		t.Errorf("budget %v", p.FailureBudget)
	}
	if p.SubscriptionBudget != nil || p.Ceiling != plan.CeilingSoft || p.SameErrorHalt != 3 || p.Calendar != nil {
		t.Errorf("policy %v, %v, %v, %v", p.SubscriptionBudget, p.Ceiling, p.SameErrorHalt, p.Calendar)
	}
	if len(p.Waves) != 1 || p.Waves[0].Name != "canary" {
		t.Errorf("waves %v", p.Waves)
	}
}

func TestAcceptedForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, new string
		check    func(*plan.Plan) bool
	}{
		"one credential for both sides": {"cloud:", "credential: default\ncloud:", func(p *plan.Plan) bool {
			return p.Credentials == fleet.Credentials{ServiceManagement: "default", ResourceManager: "default"}
		}},
		"budget as a count": {"cloud:", "failureBudget: 0\ncloud:", func(p *plan.Plan) bool {
			return p.FailureBudget == plan.Budget{Unit: plan.UnitCount}
		}},
		"budget as a share": {"cloud:", "failureBudget: 0.5 %\ncloud:", func(p *plan.Plan) bool {
			return p.FailureBudget == plan.Budget{Unit: plan.UnitPercent, Percent: 0.5}
		}},
		"ceiling alone leaves the default": {"cloud:", "failureBudget: {ceiling: soft}\ncloud:",
			func(p *plan.Plan) bool {
				return p.FailureBudget == plan.Budget{Unit: plan.UnitDefault}
			}},
		"errors of one code never halt": {"cloud:", "sameErrorHalt: 0\ncloud:",
			func(p *plan.Plan) bool { return p.SameErrorHalt == 0 }},
		"the same inside failureBudget": {"cloud:", "failureBudget: {sameErrorHalt: 2}\ncloud:",
			func(p *plan.Plan) bool { return p.SameErrorHalt == 2 }},
		"a scenario for the emulator": {"cloud: AzurePublic", "emulator: {scenario: a/b.yaml}\ncloud: Emulator",
			func(p *plan.Plan) bool { return p.Scenario == "a/b.yaml" && p.Cloud.Name == fleet.Emulator }},
		"quoted words": {"name: a", `name: "NO"`, func(p *plan.Plan) bool { return p.Vaults[0].Name == "NO" }},
		"tagged words": {"name: a", `name: !!str 42`, func(p *plan.Plan) bool { return p.Vaults[0].Name == "42" }},
		"a byte order mark and carriage returns": {"apiVersion", "\uFEFFapiVersion", func(p *plan.Plan) bool {
			return p.Vaults[0].Name == "a"
		}},
		"a whole number of requests": {"cloud:", "limits: {requestsPerSecond: 3}\ncloud:", func(p *plan.Plan) bool {
			return p.Limits.RequestsPerSecond == 3 && p.Limits.Upgrades == 10
		}},
		"loopback by IPv6": {"cloud: AzurePublic",
			`cloud: {serviceManagement: "http://[::1]:80/", resourceManager: "http://LOCALHOST"}`,
			func(p *plan.Plan) bool { return p.Cloud.ServiceManagement == "http://[::1]:80" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(minimal, c.old, c.new, 1)
			if strings.Contains(name, "carriage") {
				text = strings.ReplaceAll(text, "\n", "\r\n")
			}
			if p := parse(t, text); !c.check(p) {
				t.Errorf("wrong plan: %+v", p)
			}
		})
	}
}

// TestNoSecretInProblems: an endpoint may hold a password, an unknown key may
// be one's credentials.
func TestNoSecretInProblems(t *testing.T) {
	t.Parallel()
	for _, cloud := range []string{
		`{serviceManagement: "https://u:hunter2@x", resourceManager: "https://x/?sig=hunter2"}`,
		`{serviceManagement: "https://u:hunter2@x:port", resourceManager: "https://x/#hunter2"}`,
		"{serviceManagement: \"hunter2:hunter2\", resourceManager: \"https://u:hunter2@x\\x01\"}",
		"AzurePublic\nclientSecret: hunter2",
	} {
		_, err := inventory.Parse("f", []byte(strings.Replace(minimal, "AzurePublic", cloud, 1)), now)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("cloud %s: error %v", cloud, err)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := inventory.Load(filepath.Join(dir, "none.yaml"), now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := inventory.Load(dir, now); err == nil {
		t.Error("a folder was read")
	}
	if _, err := inventory.Parse("f", make([]byte, 64<<20+1), now); !errors.Is(err, inventory.ErrTooBig) {
		t.Errorf("a huge file: %v", err)
	}
}

// TestHostileText: text that is made to hurt ends in problems, soon.
func TestHostileText(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString(strings.Replace(minimal, "    vaults:", "    vaults: &v", 1))
	for range 2000 {
		bomb.WriteString("      - {name: b, location: West US, resourceType: BackupVault, targetResourceGroup: rg}\n")
	}
	for i := range 2000 {
		fmt.Fprintf(&bomb, "  - {id: 53a3c692-5283-4f0a-baf6-%012d, vaults: *v}\n", i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"aliases that multiply": {bomb.String(), "aliases of this file stand for more than"},
		"an alias of itself":    {"apiVersion: &a [*a]\n", "must be text, not a list"},
		"a mapping as a key":    {"? {a: b}\n: c\n", "must be text, not a mapping"},
		"deep brackets":         {strings.Repeat("[", 200_000), "not valid YAML"},
		"deep braces":           {strings.Repeat("{a: ", 9_000), "not valid YAML"},
		"deep dashes":           {strings.Repeat("- ", 200_000), "not valid YAML"},
		"a long line":           {minimal + strings.Repeat("x", 1<<20) + ": 1\n", "not valid YAML"},
		"a long location": {strings.Replace(minimal, "West US", strings.Repeat("x", 1<<20), 1),
			"more than 1000 characters"},
		"many keys":      {minimal + manyKeys(20_000), "unknown key"},
		"utf-16":         {"\xff\xfea\x00p\x00i\x00", "must be a mapping, not the text"},
		"half of utf-16": {"\xff\xfea\x00p", "neither UTF-8 nor whole UTF-16"},
		"utf-32":         {"\xff\xfe\x00\x00a\x00\x00\x00", "U+0000"},
		"binary":         {string(bytes.Repeat([]byte{0, 1, 2, 0xff}, 1000)), "not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := inventory.Parse("f", []byte(c.text), now)
			var problems *inventory.Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				s := fmt.Sprint(err)
				t.Errorf("got %.300s; want problems that say %q", s, c.want)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// bigInventory writes an inventory of n vaults in n/100 subscriptions.
func bigInventory(n int) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: fleetup/v1\ncloud: AzurePublic\n" +
		"waves:\n  - name: dev\n    match: {env: dev}\n  - name: rest\nsubscriptions:\n")
	for i := range n {
		if i%100 == 0 {
			env := "prod"
			if i%1000 == 0 {
				env = "dev"
			}
			fmt.Fprintf(&b,
				"  - id: 53a3c692-5283-4f0a-baf6-%012d\n    name: sub-%d\n    labels: {env: %s}\n    vaults:\n", i, i,
				env)
		}
		fmt.Fprintf(&b, "      - name: vault-%d\n        location: Australia East\n        resourceType: BackupVault\n"+
			"        targetResourceGroup: rg-vaults\n        protectedItems: %d\n        labels: {team: payments}\n", i,
			i%300)
	}
	return b.Bytes()
}

// TestAliasedLists: what was read lets go of its nodes, but for those that an alias leads
// back to.
func TestAliasedLists(t *testing.T) {
	t.Parallel()
	p, err := inventory.Parse("fleet.yaml", []byte(`apiVersion: fleetup/v1
cloud: AzurePublic
defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: rg}
subscriptions:
  - id: 53a3c692-5283-4f0a-baf6-000000000001
    vaults: &shared
      - &one {name: one, labels: {tier: a}}
      - name: two
  - id: 53a3c692-5283-4f0a-baf6-000000000002
    vaults: *shared
  - id: 53a3c692-5283-4f0a-baf6-000000000003
    vaults:
      - *one
`), now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range p.Vaults {
		v := &p.Vaults[i]
		got = append(got, v.SubscriptionID[35:]+v.Name+v.Labels["tier"])
	}
	if want := "1onea 1two 2onea 2two 3onea"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func BenchmarkParse100kVaults(b *testing.B) {
	data := bigInventory(100_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := inventory.Parse("big.yaml", data, now)
		if err != nil || len(p.Vaults) != 100_000 {
			b.Fatal(err)
		}
	}
}
