package inventory_test

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// TestBounds: of a value that has an end, the last that is taken and the first that is
// not.
func TestBounds(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: fleetup/v1\ncloud: AzurePublic\ndefaults: {location: West US, resourceType: " +
		"BackupVault, targetResourceGroup: rg}\n" +
		"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: [{name: a}]}]\n"
	const noTime = "must be a time of day, not the text "
	for text, says := range map[string]string{
		`windows: [{days: [Mon], start: "00:00", end: "24:00", timezone: UTC}]`: "",
		`windows: [{days: [Mon], start: "23:59", end: "23:58", timezone: UTC}]`: "",
		`windows: [{days: [Mon], start: "24:00", end: "06:00", timezone: UTC}]`: "start " + noTime + `"24:00"`,
		`windows: [{days: [Mon], start: "22:60", end: "06:00", timezone: UTC}]`: "start " + noTime + `"22:60"`,
		`windows: [{days: [Mon], start: "22:00", end: "24:01", timezone: UTC}]`: "end " + noTime + `"24:01"`,
		`windows: [{days: [Mon], start: "22:00", end: "24:30", timezone: UTC}]`: "end " + noTime + `"24:30"`,
		`windows: [{days: [Mon], start: "22:00", end: "25:00", timezone: UTC}]`: "end " + noTime + `"25:00"`,
		`windows: [{days: [Mon], start: "-1:00", end: "06:00", timezone: UTC}]`: "start " + noTime + `"-1:00"`,

		"timings: {reconcileDeadline: 8784h}":    "", // 366 days
		"timings: {reconcileDeadline: 8784h1ns}": "reconcileDeadline must be at most a year, not 8784h1ns",
		"timings: {reconcileDeadline: 0s}":       "reconcileDeadline must be longer than 0, not 0s",
		"timings: {reconcileDeadline: 999999999999999h}": "reconcileDeadline must be a duration, not the text " +
			"\"999999999999999h\"",
	} {
		p, err := inventory.Parse("f.yaml", []byte(head+text+"\n"), now)
		if says == "" && err != nil || says != "" && (p != nil || err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: want %q, got %v", text, says, err)
		}
	}
}

// TestOneMistakeIsOneProblem: what cannot be known because of a mistake that is
// reported is not reported as another one.
func TestOneMistakeIsOneProblem(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: fleetup/v1\ncloud: AzurePublic\n"
	for text, says := range map[string]string{
		"include: [[facts.csv]]\n": "a file to include",
		"defaults: {resourceType: BackupVault, targetResourceGroup: \"rg-{location}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, " +
			"vaults: [{name: a}]}]\n": "location",
		"defaults: {location: 5, resourceType: BackupVault, targetResourceGroup: \"{location}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, " +
			"vaults: [{name: a}]}]\n": "location",
		"defaults: {resourceType: BackupVault, targetResourceGroup: \"{location}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, " +
			"vaults: [{name: a}]}]\n": "no location",
		"defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: \"rg-{labels.app}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, labels: shop, vaults: [{name: " +
			"a}]}]\n": "labels",
		"defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: \"rg-{labels.app}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: [{name: a, labels: " +
			"shop}]}]\n": "labels",
		"defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: \"rg-{labels.app}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, lables: {app: shop}, vaults: " +
			"[{name: a}]}]\n": "lables",
		"defaults: {location: West US, resourceType: BackupVault, targetResourceGroup: \"rg-{labels.app}\"}\n" +
			"subscriptions: [{id: 11111111-1111-4111-8111-111111111111, name: prod, vaults: [{name: a, lables: {app: " +
			"shop}}]}]\n": "lables",
	} {
		_, err := inventory.Load(write(t, "f.yaml", head+text), now)
		var problems *inventory.Problems
		if !errors.As(err, &problems) || len(problems.List) != 1 || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: want one problem, of %s; got %v", text, says, err)
		}
	}
}

// TestIncludesThatCannotBeRead: a file that a pattern matches and nobody can read is a
// problem of the inventory, and so are files that are too big together.
func TestIncludesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	path := write(t, "f.yaml", "apiVersion: fleetup/v1\ncloud: AzurePublic\ninclude: [gone.csv]\n")
	folder := filepath.Dir(path)
	if err := os.Symlink("nowhere.csv", filepath.Join(folder, "gone.csv")); err != nil {
		t.Skip("this machine makes no links: ", err)
	}
	want := func(says string) {
		t.Helper()
		_, err := inventory.Load(path, now)
		var problems *inventory.Problems
		if !errors.As(err, &problems) || len(problems.List) != 1 || !strings.Contains(err.Error(), says) {
			t.Errorf("want one problem, %q; got %v", says, err)
		}
	}
	want("cannot include")
	if err := errors.Join(os.Remove(filepath.Join(folder, "gone.csv")),
		os.WriteFile(filepath.Join(folder, "gone.csv"), nil, 0o600),
		os.Truncate(filepath.Join(folder, "gone.csv"), 64<<20)); err != nil { // and what the inventory itself has
		t.Fatal(err)
	}
	want("and the files before it are too big: more than 64 MiB")
}

// TestFoundNames: a subscription that nobody named is called what the cloud calls it
// where no other is meant by that; one that was named keeps its name.
func TestFoundNames(t *testing.T) {
	t.Parallel()
	called := func(id, name, called string) inventory.FoundSubscription {
		s := sub(id, name, vault("a", "West US"))
		s.Called = called
		return s
	}
	for name, c := range map[string]struct {
		subs []inventory.FoundSubscription
		want string
	}{
		"as the cloud calls it": {[]inventory.FoundSubscription{called(prodID, "", "Production")}, "Production"},
		"as a person called it": {[]inventory.FoundSubscription{called(prodID, "prod", "Production")}, "prod"},
		"called nothing":        {[]inventory.FoundSubscription{called(prodID, "", ""), called(devID, "", "")}, ","},
		"both called the same": {[]inventory.FoundSubscription{called(prodID, "", "X"), called(devID, "", "x")},
			"X (" + prodID[:8] + "),x (" + devID[:8] + ")"},
		"called as another's ID": {[]inventory.FoundSubscription{called(prodID, "", devID), called(devID, "", "")},
			devID + " (" + prodID[:8] + "),"},
		"called as another": {[]inventory.FoundSubscription{called(prodID, "", "dev"), called(devID, "Dev", "")},
			"dev (" + prodID[:8] + "),Dev"},
		"called as no name may":   {[]inventory.FoundSubscription{called(prodID, "", "a/b")}, ""},
		"called what is no UTF-8": {[]inventory.FoundSubscription{called(prodID, "", "a\xff")}, ""},
	} {
		f := found("rg", c.subs...)
		out := inventory.Write(f)
		var names []string
		for i := range f.Subscriptions {
			names = append(names, f.Subscriptions[i].Name)
		}
		if got := strings.Join(names, ","); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if _, err := inventory.Parse("f.yaml", out, now); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestUpdateLeavesWhatStandsElsewhere: a mark is written and taken away where an entry
// has its line to itself. What else has come or gone is told, and counted once.
func TestUpdateLeavesWhatStandsElsewhere(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: fleetup/v1\ncloud: AzurePublic\ndefaults: {location: West US, resourceType: " +
		"BackupVault, targetResourceGroup: rg}\n"
	const mark = "  # not found in Azure on 2026-11-25\n"
	for name, c := range map[string]struct {
		in, want, says, sum string
		found               []inventory.FoundSubscription
	}{
		"two marked on a line, one of them back": {
			"subscriptions:\n- id: {PROD}\n  name: prod\n  vaults: [{name: back}, {name: gone}]" + mark, "",
			`vault "prod/back" is in Azure again; its entry is left as it is`, "+[] -[] =[] 2/1 out 0",
			[]inventory.FoundSubscription{sub(prodID, "", vault("back", "West US"))}},
		"a list of two subscriptions": {
			"subscriptions:\n- id: {PROD}\n  name: prod\n  vaults: &all\n  - name: here\n  - name: gone\n- id: " +
				"{DEV}\n  name: dev\n  vaults: *all\n",
			"subscriptions:\n- id: {PROD}\n  name: prod\n  vaults: &all\n  - name: here\n  - name: gone  # not found " +
				"in Azure on 2026-11-26\n- id: {DEV}\n  name: dev\n  vaults: *all\n",
			`vault "dev/gone" is not in Azure; its entry is left as it is`, "+[] -[prod/gone] =[] 3/1 out 0",
			[]inventory.FoundSubscription{sub(prodID, "", vault("here", "West US")),
				sub(devID, "", vault("here", "West US"))}},
	} {
		in := head + text(c.in)
		out, changes, err := inventory.Update("f.yaml", []byte(in), found("", c.found...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := head + text(cmp.Or(c.want, c.in)); string(out) != want {
			t.Errorf("%s: got\n%s", name, out)
		}
		if notes := strings.Join(changes.Notes, "\n"); !strings.Contains(notes, c.says) {
			t.Errorf("%s: notes %s", name, notes)
		}
		if s := summary(changes); s != c.sum {
			t.Errorf("%s: %s", name, s)
		}
	}
}

// TestUpdateFitsLabels: a label that no inventory can hold is left out of a whole
// subscription that an update adds, as it is where the inventory is first written.
func TestUpdateFitsLabels(t *testing.T) {
	t.Parallel()
	const in = "apiVersion: fleetup/v1\ncloud: AzurePublic\ndefaults: {location: West US, resourceType: BackupVault, " +
		"targetResourceGroup: rg}\n" +
		"subscriptions: []\n"
	fresh := sub(prodID, "", vault("a", "West US"))
	fresh.Labels = map[string]string{"app": "shop", "a\xff": "b"}
	fresh.Vaults[0].Labels = map[string]string{"tier": "1", strings.Repeat("x", 1100): "b"}
	f := found("", fresh)
	out, _, err := inventory.Update("f.yaml", []byte(in), f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := inventory.Parse("f.yaml", out, now)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if l := p.Vaults[0].Labels; len(f.Lost()) != 2 || l["tier"] != "1" || l["app"] != "shop" {
		t.Errorf("labels %v, lost %v", l, f.Lost())
	}
}
