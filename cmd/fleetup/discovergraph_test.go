package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

const (
	subShop = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	subLab  = "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03"
	subDark = "11111111-1111-4111-8111-111111111111"
)

// todaysEstate is a cloud of today with vaults of two types in three subscriptions, of
// which one has none of the type that is looked for.
func todaysEstate() emulator.Config {
	r := func(sub, name, group, typ, vault, location string, tags ...string) emulator.Resource {
		out := emulator.Resource{SubscriptionID: sub, SubscriptionName: name, ResourceGroup: group, Type: typ,
			Name: vault, Location: location}
		for i := 0; i+1 < len(tags); i += 2 {
			if out.Tags == nil {
				out.Tags = map[string]string{}
			}
			out.Tags[tags[i]] = tags[i+1]
		}
		return out
	}
	rsv, kv := string(fleet.RecoveryServicesVault), string(fleet.KeyVault)
	return emulator.Config{Resources: []emulator.Resource{
		r(subShop, "Shop", "RG-Two", rsv, "zeta", "westeurope", "Env", "prod", "location", "here"),
		r(subShop, "Shop", "rg-one", rsv, "zeta", "westeurope", "Env", "prod"),
		r(subShop, "Shop", "rg-one", kv, "secrets", "westeurope", "Env", "prod"),
		r(subLab, "shop", "rg", rsv, "alpha", "northeurope", "env", "lab", "Owner", "NO"),
		r(subDark, "dark / matter", "rg", kv, "keys", "westeurope"),
	}, Scenario: emulator.Scenario{ManagementGroups: []emulator.ManagementGroup{{Name: "root"},
		{Name: "shops", Parent: "root", Subscriptions: []string{subShop, subLab}},
		{Name: "dark", Parent: "root", Subscriptions: []string{subDark}}},
		Changes: emulator.Changes{Duration: emulator.Duration{Constant: "1s"}, RetryAfter: 1}}}
}

// served serves a cloud; refuse, where it is given, answers instead of it.
func served(t *testing.T, cfg emulator.Config,
	refuse func(w http.ResponseWriter, r *http.Request) bool) (*emulator.Cloud, []string) {
	t.Helper()
	cloud, err := emulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse == nil || !refuse(w, r) {
			cloud.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { server.Close(); cloud.Close() })
	return cloud, []string{"--resource-manager", server.URL} // there is no other side
}

// TestDiscoverToday: what is discovered of today's vaults is complete, passes
// lint, makes a plan, is brought up to date without a change, and runs.
func TestDiscoverToday(t *testing.T) {
	t.Parallel()
	cloud, flags := served(t, todaysEstate(), nil)
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	args := append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--management-group", "ROOT", "--out",
		file}, flags...)
	code, _, errs := try(t, args...)
	if code != fleet.ExitOK || !strings.Contains(errs, "3 vaults in 2 subscriptions; none left out") ||
		!strings.Contains(errs, `label "location" of 1 is left out: a label cannot be named location`) ||
		!strings.Contains(errs, "Next: fleetup plan ") {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "upgrade: ")
	want := `{kind: rsv-alerts}
defaults:
  location: westeurope  # of most vaults; the others say their own
subscriptions:
  - id: ` + subShop + `
    name: "Shop (53a3c692)"
    vaults:
      - name: zeta
        resourceGroup: rg-one
        labels: {Env: prod}
      - name: zeta
        resourceGroup: RG-Two
        labels: {Env: prod}
  - id: ` + subLab + `
    name: "shop (8f0c2a51)"
    vaults:
      - name: alpha
        location: northeurope
        resourceGroup: rg
        labels: {Env: lab, Owner: "NO"}
`
	if body != want || !strings.Contains(string(text),
		" UTC from Resource Graph of "+flags[1]+", management group ROOT:\n") {
		t.Errorf("discovered\n%s\nwant\n%s", text, want)
	}
	if code, out, errs := try(t, "inventory", "lint", file); code != fleet.ExitOK ||
		!strings.Contains(out, "is good: 3 vaults in 2 subscriptions") {
		t.Errorf("lint: exit %d\n%s%s", code, out, errs)
	}
	for _, again := range [][]string{{"--update", file},
		{"--update", file, "--management-group", "root", "--kind", "rsv-alerts"},
		{"--update", file, "--subscription", subLab}} {
		code, _, errs = try(t, append([]string{"inventory", "discover"}, again...)...)
		if after, err := os.ReadFile(file); code != fleet.ExitOK || err != nil || string(after) != string(text) ||
			!strings.Contains(errs, ": 0 added, 0 vanished, 0 found again") {
			t.Errorf("%q: exit %d, %v\n%s", again, code, err, errs)
		}
	}
	// A subscription that has none left is still one of the inventory.
	emptied := filepath.Join(t.TempDir(), "emptied.yaml")
	if err := os.WriteFile(emptied, append(text,
		"  - id: "+subDark+"\n    name: dark\n    vaults:\n      - {name: deleted, resourceGroup: rg}\n"...),
		0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := try(t, "inventory", "discover", "--update", emptied, "--management-group", "root",
		"--dry-run"); code != fleet.ExitOK || out != "- dark/deleted\n" {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if s := cloud.Summary(); s.Mistakes != 0 || s.Requests["graph"] != 10 {
		t.Errorf("asked %+v", s)
	}
	if err := os.WriteFile(file, append(text, "timings: {poll: 1s}\nwaves: [{name: all}]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := try(t, "run", file, "--yes"); code != fleet.ExitOK {
		t.Errorf("run: exit %d\n%s%s", code, out, errs)
	}
}

// TestDiscoverTodayQuery: a filter narrows a new inventory down, and with it an
// update takes nothing for gone that the filter leaves out.
func TestDiscoverTodayQuery(t *testing.T) {
	t.Parallel()
	_, flags := served(t, todaysEstate(), nil)
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	args := append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--subscription", subShop + "=mine",
		"--subscription", subLab, "--query", "tags.env =~ 'lab'", "--label", "owner"}, flags...)
	code, out, errs := try(t, args...)
	if code != fleet.ExitOK || !strings.Contains(out, "name: mine\n    vaults: []\n") ||
		!strings.Contains(out, "- name: alpha\n        resourceGroup: rg\n        labels: {owner: \"NO\"}\n") ||
		strings.Contains(out, "zeta") || !strings.Contains(out, ", only those with tags.env =~ 'lab':") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	edited := out +
		"      - {name: gone, resourceGroup: rg}\n      - {name: alpha, resourceGroup: elsewhere}  # moved\n"
	edited = strings.Replace(edited, "    vaults: []\n",
		"    vaults:\n      - {name: zeta, location: West Europe, resourceGroup: RG-ONE}  # ours\n", 1)
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs = try(t, "inventory", "discover", "--update", file, "--query", "where tags.env =~ 'lab'")
	after, err := os.ReadFile(file)
	mark := "  # not found in Azure on " + session.Now().Format(time.DateOnly)
	want := strings.Replace(edited, "{name: gone, resourceGroup: rg}", "{name: gone, resourceGroup: rg}"+mark, 1)
	want = strings.Replace(want, "  # moved\n", "  # moved"+mark+"\n", 1)
	if code != fleet.ExitOK || err != nil || string(after) != want ||
		!strings.Contains(errs, ": 0 added, 2 vanished, 0 found again, 2 unchanged") {
		t.Errorf("update: exit %d, %v\n%s\n%s", code, err, after, errs)
	}
	// Without the filter the rest is new.
	code, out, errs = try(t, "inventory", "discover", "--update", file, "--dry-run")
	if code != fleet.ExitOK || out != "+ mine/zeta\n" ||
		!strings.Contains(errs, ": 1 added, 0 vanished, 0 found again, 4 unchanged (2 of them not in Azure)") {
		t.Errorf("without it: exit %d\n%s%s", code, out, errs)
	}
	// A mistake in a filter is told with its place, and what was asked.
	code, _, errs = try(t, append(args[:len(args):len(args)], "--query", "tags.env ==== 'lab'")...)
	if code != fleet.ExitInternal || !strings.Contains(errs, "InvalidQuery") ||
		!strings.Contains(errs, "(line 3, character ") ||
		!strings.Contains(errs, "and the same of 1 subscription more") {
		t.Errorf("a bad filter: exit %d\n%s", code, errs)
	}
}

// TestDiscoverTodayUnseen: a subscription that Resource Graph leaves out of its
// answer without a word is an error, and never an empty one.
func TestDiscoverTodayUnseen(t *testing.T) {
	t.Parallel()
	_, flags := served(t, todaysEstate(), nil)
	const unseen = "22222222-2222-4222-8222-222222222222"
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	args := append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--subscription", subShop,
		"--subscription", unseen + "=hidden", "--out", file}, flags...)
	code, _, errs := try(t, args...)
	if code != fleet.ExitSignIn || !strings.Contains(errs, "1 of 2 subscriptions cannot be read") ||
		!strings.Contains(errs, "subscription hidden ("+unseen+"): look for it in Resource Graph: it is not among") ||
		!strings.Contains(errs, "Reader role") || !strings.Contains(errs, "nothing was written") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("it was written: %v", err)
	}
	if code, _, errs := try(t, append(args, "--skip-unreadable")...); code != fleet.ExitFailures {
		t.Errorf("skipped: exit %d\n%s", code, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text),
		"name: hidden\n    # its vaults could not be read: look for it in Resource Graph: it is not among the "+
			"subscriptions that this identity sees\n    vaults: []\n") {
		t.Errorf("%v\n%s", err, text)
	}
	edited := strings.Replace(string(text), "sees\n    vaults: []\n",
		"sees\n    vaults:\n      - {name: there, resourceGroup: rg}\n", 1)
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs = try(t, "inventory", "discover", "--update", file, "--skip-unreadable")
	if after, err := os.ReadFile(file); code != fleet.ExitFailures || err != nil || string(after) != edited ||
		!strings.Contains(errs, ": 0 added, 0 vanished") {
		t.Errorf("update: exit %d, %v\n%s\n%s", code, err, after, errs)
	}
	// None that is seen, in subscriptions and in a management group.
	none := append([]string{"inventory", "discover", "--kind", "rsv-alerts"}, flags...)
	if code, _, errs := try(t, append(none, "--subscription", unseen)...); code != fleet.ExitSignIn ||
		!strings.Contains(errs, "1 of 1 subscription cannot be read") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if code, _, errs := try(t, append(none, "--management-group", "nowhere")...); code != fleet.ExitSignIn ||
		!strings.Contains(errs, "there is none, or none that this identity sees") ||
		!strings.Contains(errs, "nothing was written") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// TestDiscoverTodayCut: an answer that is not whole writes nothing, whoever asks
// to go on.
func TestDiscoverTodayCut(t *testing.T) {
	t.Parallel()
	asked := 0
	_, flags := served(t, todaysEstate(), func(w http.ResponseWriter, _ *http.Request) bool {
		if asked++; asked%2 == 0 { // the vaults, after the subscriptions
			w.Header().Set("x-ms-tenant-subscription-limit-hit", "true")
		}
		return false
	})
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	for _, scope := range [][]string{{"--subscription", subShop, "--subscription", subLab},
		{"--management-group", "root"}} {
		code, _,
			errs := try(t, append(append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--skip-unreadable",
			"--out", file}, scope...), flags...)...)
		if code != fleet.ExitInternal || !strings.Contains(errs, "a part of an answer is no inventory") ||
			!strings.Contains(errs, "nothing was written") {
			t.Errorf("%q: exit %d\n%s", scope, code, errs)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("it was written: %v", err)
	}
}

// TestDiscoverTodayLater: a cloud that asks for more patience than anybody has is
// left alone, and when to come back is said.
func TestDiscoverTodayLater(t *testing.T) {
	t.Parallel()
	asked := 0
	_, flags := served(t, todaysEstate(), func(w http.ResponseWriter, _ *http.Request) bool {
		asked++
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	code, _, errs := try(t, append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--management-group",
		"root"}, flags...)...)
	if code != fleet.ExitInternal || asked != 1 || !strings.Contains(errs, "HTTP 429") ||
		!strings.Contains(errs, "try again in 1h") {
		t.Errorf("exit %d after %d queries\n%s", code, asked, errs)
	}
}

// TestDiscoverTodayUsage: flags that mean nothing together are refused, and
// nothing is asked.
func TestDiscoverTodayUsage(t *testing.T) {
	t.Parallel()
	cloud, flags := served(t, todaysEstate(), nil)
	dir := t.TempDir()
	write := func(name, kind string) string {
		path := filepath.Join(dir, name)
		text := "apiVersion: fleetup/v1\ncloud: {serviceManagement: " + flags[1] + ", resourceManager: " + flags[1] +
			"}\nupgrade: " + kind + "\nsubscriptions: []\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	alerts := write("alerts.yaml", "{kind: rsv-alerts}")
	back := write("back.yaml", "{kind: rollback, of: rsv-alerts, ledger: x.db}")
	old := write("old.yaml", "{kind: classic}")
	for want, args := range map[string][]string{
		`invalid value "rsv-alert" for --kind; valid: classic, rsv-alerts`: {
			"--kind", "rsv-alert", "--subscription", subShop},
		"the vaults of a rollback are those of the run that it undoes": {"--kind", "rollback", "--subscription",
			subShop},
		"--query needs a kind of today's vaults": {"--query", "x", "--subscription", subShop},
		"--label needs a kind": {"--label", "x", "--subscription", subShop,
			"--kind", "classic"},
		"--management-group needs a kind": {
			"--management-group", "root"},
		"--target-resource-group has no meaning for kind rsv-alerts": {
			"--kind", "rsv-alerts", "--target-resource-group", "rg", "--subscription", subShop},
		"--at-once has no meaning for kind rsv-alerts": {
			"--kind", "rsv-alerts", "--at-once", "2", "--subscription", subShop},
		"in subscriptions or in management groups: --subscription and --management-group are mutually exclusive": {
			"--kind", "rsv-alerts", "--management-group", "root", "--subscription", subShop},
		"discover needs subscriptions: --subscription ID, or --subscriptions-from FILE, or --management-group " +
			"GROUP": {"--kind", "rsv-alerts"},
		`--query: "project name" is no part of a filter`: {"--kind", "rsv-alerts",
			"--query", "project name", "--subscription", subShop},
		`--kind is "classic", and ` + alerts + ` is an inventory of kind rsv-alerts`: {"--update", alerts, "--kind",
			"classic"},
		`--kind is "rsv-alerts", and ` + old + ` is an inventory of kind classic`: {"--update", old, "--kind",
			"rsv-alerts"},
		"is an inventory of a rollback":                   {"--update", back},
		"--target-resource-group has no meaning for kind": {"--update", alerts, "--target-resource-group", "rg"},
		"--management-group needs a kind of today's":      {"--update", old, "--management-group", "root"},
	} {
		full := append([]string{"inventory", "discover"}, args...)
		if args[0] != "--update" {
			full = append(full, flags...)
		}
		if code, _, errs := try(t, full...); code != fleet.ExitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d\n%s\nwant %s", args, code, errs, want)
		}
	}
	if n := cloud.Summary().Requests["graph"]; n != 0 {
		t.Errorf("%d queries", n)
	}
}

// TestDiscoverTodayLargeFleet: many subscriptions are discovered, linted,
// planned and brought up to date. -long takes 20,000 vaults in 200 subscriptions,
// and runs them.
func TestDiscoverTodayLargeFleet(t *testing.T) {
	t.Parallel()
	subscriptions, each := 20, 60
	if *long {
		subscriptions, each = 200, 100
	}
	cfg := emulator.Config{Scenario: emulator.Scenario{ManagementGroups: []emulator.ManagementGroup{{Name: "all"}},
		Limits:  emulator.Limits{Graph: emulator.Quota{Queries: 1000, Per: "5s"}},
		Changes: emulator.Changes{Duration: emulator.Duration{Constant: "1s"}, RetryAfter: 1}}}
	for i := range subscriptions {
		id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i+1)
		cfg.Scenario.ManagementGroups[0].Subscriptions = append(cfg.Scenario.ManagementGroups[0].Subscriptions, id)
		for j := range each {
			cfg.Resources = append(cfg.Resources,
				emulator.Resource{SubscriptionID: id, SubscriptionName: fmt.Sprint("sub-", i+1),
					ResourceGroup: fmt.Sprint("rg-", j%7), Type: string(fleet.RecoveryServicesVault),
					Name:     fmt.Sprint("vault-", j+1),
					Location: []string{"westeurope", "northeurope", "australiaeast"}[j%3],
					Tags:     map[string]string{"env": []string{"prod", "lab"}[j%2], "team": fmt.Sprint("t", j%9)}})
		}
	}
	cloud, flags := served(t, cfg, nil)
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	timed := func(what string, args ...string) (out string) {
		begun := time.Now()
		code, out, errs := try(t, args...)
		if code != fleet.ExitOK {
			t.Fatalf("%s: exit %d\n%s", what, code, errs)
		}
		t.Logf("%s of %d vaults in %d subscriptions: %v", what, subscriptions*each, subscriptions,
			time.Since(begun).Round(time.Millisecond))
		return out
	}
	timed("discover", append([]string{"inventory", "discover", "--kind", "rsv-alerts", "--management-group", "all",
		"--out", file}, flags...)...)
	pages := 1 + (subscriptions*each+999)/1000
	if s := cloud.Summary(); s.Requests["graph"] != pages || s.Mistakes != 0 {
		t.Errorf("%d queries, want %d", s.Requests["graph"], pages)
	}
	if out := timed("lint", "inventory", "lint", file); !strings.Contains(out,
		fmt.Sprintf("is good: %d vaults in %d subscriptions", subscriptions*each, subscriptions)) {
		t.Error(out)
	}
	timed("plan", "plan", file, "-o", "json")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	timed("update", "inventory", "discover", "--update", file)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("an update without changes: %v", err)
	}
	if !*long {
		return
	}
	quick := string(before) +
		"timings: {poll: 1s}\nlimits: {validations: 200, upgrades: 400, perSubscription: 10, requestsPerSecond: " +
		"100}\nwaves: [{name: all}]\n"
	if err := os.WriteFile(file, []byte(quick), 0o600); err != nil {
		t.Fatal(err)
	}
	timed("run", "run", file, "--yes")
	if n := cloud.Summary().Requests["patch"]; n != subscriptions*each {
		t.Errorf("%d PATCHes", n)
	}
}

// TestDiscoverTenants: subscriptions of several tenants stand in one inventory, each with the
// tenant that it was found by: by a list, or by management groups, of which the first that
// shows a subscription has it.
func TestDiscoverTenants(t *testing.T) {
	t.Parallel()
	const one, two = "72f988bf-86f1-41af-91ab-2d7cd011db47", "contoso.example"
	_, flags := served(t, todaysEstate(), nil)
	list := filepath.Join(t.TempDir(), "list.tsv")
	if err := os.WriteFile(list, []byte(subShop+"\tShop\t"+one+"\n"+subDark+"\tDark\t"+two+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"a list":            {"--subscriptions-from", list},
		"management groups": {"--management-group", one + "/shops", "--management-group", two + "/root"},
	} {
		code, out, errs := try(t, append(append([]string{"inventory", "discover", "--kind", "kv-rbac"}, args...),
			flags...)...)
		if code != fleet.ExitOK {
			t.Fatalf("%s: exit %d\n%s", name, code, errs)
		}
		p, err := inventory.Parse("fleet.yaml", []byte(out), session.Now(), session.CurrentKinds()...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		got := map[string]string{}
		for _, s := range p.Subscriptions {
			got[s.ID] = s.Tenant
		}
		if len(got) != 2 || got[subShop] != one || got[subDark] != two {
			t.Errorf("%s: the tenants are %v", name, got)
		}
	}
	for group, want := range map[string]string{"no tenant/root": "tenant must be a GUID or a domain",
		one + "/": "names no group of a tenant", one + "/a/b": "names no group of a tenant",
		one + "/nowhere": "tenant " + one + ": look for subscriptions in management group nowhere"} {
		code, _, errs := try(t, append([]string{"inventory", "discover", "--kind", "kv-rbac", "--management-group",
			group}, flags...)...)
		if code == fleet.ExitOK || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d\n%s\nwant %s", group, code, errs, want)
		}
	}
}
