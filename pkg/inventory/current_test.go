package inventory_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// shine is a kind of today's vaults.
var shine = fleet.KindSpec{Kind: "shine", Title: "Polish", Type: fleet.KeyVault,
	Options: fleet.CommonOptions("2026-02-01"),
	Describe: func(o fleet.Options) fleet.Upgrade {
		return fleet.Upgrade{Title: "Polish", Options: o, Type: string(fleet.KeyVault),
			Request: fleet.Request{Method: "PATCH", Path: "{vault}", Body: []byte("{}")}, Actions: []string{"x"}}
	}}

// kv is a found vault of today: name, location, group, and its labels in pairs.
func kv(name, location, group string, labels ...string) inventory.FoundVault {
	v := inventory.FoundVault{Vault: fleet.Vault{Name: name, Location: location, ResourceGroup: group,
		ResourceType: fleet.KeyVault}}
	for i := 0; i+1 < len(labels); i += 2 {
		if v.Labels == nil {
			v.Labels = map[string]string{}
		}
		v.Labels[labels[i]] = labels[i+1]
	}
	return v
}

func foundToday(subscriptions ...inventory.FoundSubscription) *inventory.Found {
	f := found("", subscriptions...)
	f.Kind, f.Source = &shine, "Resource Graph of AzurePublic"
	return f
}

// TestWriteTodayGolden: a fleet of today's vaults as people get to see it.
func TestWriteTodayGolden(t *testing.T) {
	t.Parallel()
	prod := sub(prodID, "", kv("zeta", "westeurope", "rg-B", "env", "prod", "cost: centre", "0815", "location", "here",
		"empty", ""),
		kv("alpha", "northeurope", "rg-a", "location", "there"), kv("same", "westeurope", "rg-b"),
		kv("same", "westeurope", "rg-a"),
		kv("umlaut", "westeurope", "rg größe"), kv("evil", "westeurope", "rg-a", "a\nb", "c", "d", "e\x1b", " x", "y"))
	prod.Called, prod.Labels = "Pay-As-You-Go", map[string]string{"team": "NO", "subscription": "mine"}
	dev := sub(devID, "", kv("d", "westeurope", "rg"))
	dev.Called = "pay-as-you-go"
	f := foundToday(prod, dev, inventory.FoundSubscription{ID: newID, Called: "R&D / lab", Tenant: "contoso.example"})
	f.Credentials.ResourceManager = fleet.CredentialCLI
	f.Sort()
	got := inventory.Write(f)
	const file = "testdata/found-today.yaml"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s", got)
	}
	p, err := inventory.Parse("f.yaml", got, now, shine)
	if err != nil {
		t.Fatal(err)
	}
	if in, out := f.Vaults(); in != 6 || out != 1 || len(p.Vaults) != in || p.Kind != "shine" {
		t.Errorf("%d in, %d out, %d in the plan of kind %s", in, out, len(p.Vaults), p.Kind)
	}
}

// TestTodayWrittenIsRead: what is written of today's vaults reads as the same
// vaults with the same labels, but for those that are told of.
func TestTodayWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.MapOfN(rapid.Custom(func(t *rapid.T) string { return hostileName(t, "label") }),
			rapid.Custom(func(t *rapid.T) string { return hostileName(t, "value") }), 0, 4)
		f := foundToday()
		seen := map[string]bool{} // names are unique in a group, wherever its vaults are
		given := 0
		for _, id := range []string{prodID, devID} {
			s := inventory.FoundSubscription{ID: id, Called: hostileName(t, "called"), Labels: labels.Draw(t, "labels")}
			given += len(s.Labels)
			for range rapid.IntRange(0, 5).Draw(t, "vaults") {
				v := kv(hostileName(t, "vault"),
					rapid.SampledFrom([]string{"westeurope", "West Europe", "no"}).Draw(t, "location"),
					rapid.SampledFrom([]string{"rg", "RG", "no", "1e3", "rg-(x)", "größe"}).Draw(t, "group"))
				v.Labels = labels.Draw(t, "labels")
				if key := strings.ToLower(id + "/" + v.QualifiedName()); !seen[key] {
					seen[key] = true
					s.Vaults = append(s.Vaults, v)
					given += len(v.Labels)
				}
			}
			f.Subscriptions = append(f.Subscriptions, s)
		}
		text := inventory.Write(f)
		in, _ := f.Vaults()
		if in == 0 {
			return // an empty fleet makes no plan
		}
		p, err := inventory.Parse("f.yaml", text, now, shine)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(p.Vaults) != in {
			t.Fatalf("%d vaults, want %d\n%s", len(p.Vaults), in, text)
		}
		k := 0
		for _, s := range f.Subscriptions {
			for _, v := range s.Vaults {
				if v.LeftOut != "" {
					continue
				}
				got := &p.Vaults[k]
				k++
				if got.Name != v.Name || got.ResourceGroup != v.ResourceGroup || got.SubscriptionID != s.ID ||
					got.ResourceType != fleet.KeyVault ||
					fleet.NormalizeLocation(got.Location) != fleet.NormalizeLocation(v.Location) {
					t.Fatalf("read %+v, written %+v", got.Vault, v.Vault)
				}
				want := map[string]string{}
				for _, m := range []map[string]string{s.Labels, v.Labels} {
					for name, value := range m {
						want[name] = value
					}
				}
				if fmt.Sprint(got.Labels) != fmt.Sprint(want) && len(got.Labels)+len(want) > 0 {
					t.Fatalf("labels %q, want %q", got.Labels, want)
				}
			}
		}
		kept := 0
		for _, s := range f.Subscriptions {
			kept += len(s.Labels)
			for _, v := range s.Vaults {
				kept += len(v.Labels)
			}
		}
		if (kept < given) != (len(f.Lost()) > 0) {
			t.Fatalf("%d of %d labels were kept, and lost are %q", kept, given, f.Lost())
		}
	})
}

const todayText = `apiVersion: fleetup/v1
cloud: AzurePublic
upgrade:
  kind: shine   # every year
defaults: {location: West Europe}
subscriptions:
  - id: {PROD}
    name: Shop
    vaults:
      - name: alpha  # ask Ann
        resourceGroup: rg-a
        labels: {env: ours}
      - {name: moved, resourceGroup: rg-a}
      - {name: unasked, resourceGroup: rg-a}
`

// TestUpdateToday: vaults are told apart by their groups, what was not asked
// for is not gone, and labels that people wrote stay.
func TestUpdateToday(t *testing.T) {
	t.Parallel()
	f := func() *inventory.Found {
		prod := sub(prodID, "", kv("ALPHA", "westeurope", "RG-A", "env", "theirs"),
			kv("moved", "westeurope", "rg-b", "env", "x", "location", "y"), kv("new", "northeurope", "rg-b"))
		prod.Called, prod.Others = "Shop 2",
			[]fleet.Vault{kv("unasked", "westeurope", "rg-a").Vault, kv("more", "westeurope", "rg-a").Vault}
		fresh := sub(newID, "", kv("nova", "westeurope", "rg"))
		fresh.Called, fresh.Labels = "shop", map[string]string{"env": "dev"}
		return foundToday(prod, fresh)
	}
	in := text(todayText)
	want := strings.Replace(in, "{name: moved, resourceGroup: rg-a}",
		"{name: moved, resourceGroup: rg-a}  # not found in Azure on 2026-11-26", 1) +
		"      - name: moved\n        resourceGroup: rg-b\n        labels: {env: x}\n      - name: new\n        " +
		"location: northeurope\n        resourceGroup: rg-b\n" +
		"  - id: " + newID +
		"\n    name: \"shop (11111111)\"\n    labels: {env: dev}\n    vaults:\n      - name: nova\n        " +
		"resourceGroup: rg\n"
	fleetFound := f()
	out, changes, err := inventory.Update("f.yaml", []byte(in), fleetFound, shine)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if s := summary(changes); s != "+[Shop/moved Shop/new shop (11111111)/nova] -[Shop/moved] =[] 2/0 out 0" {
		t.Error(s)
	}
	if lost := fleetFound.Lost(); len(lost) != 1 ||
		!strings.HasPrefix(lost[0], `label "location" of 1 is left out: a label cannot be named location`) {
		t.Errorf("lost %q", lost)
	}
	again, changes, err := inventory.Update("f.yaml", out, f(), shine)
	if err != nil || !bytes.Equal(again, out) {
		t.Errorf("a second run: %v\n%s", err, again)
	}
	if s := summary(changes); s != "+[] -[] =[] 6/1 out 0" {
		t.Error(s)
	}
	// In one line as well.
	flow := strings.Replace(in[:strings.Index(in, "subscriptions:")], "  kind: shine   # every year", "  kind: shine",
		1) + "subscriptions: []\n"
	if out, _, err := inventory.Update("f.yaml",
		[]byte(strings.Replace(flow, "subscriptions: []", "subscriptions: [{id: "+devID+", vaults: []}]", 1)), f(),
		shine); err != nil ||
		!strings.Contains(string(out), "{id: "+newID+
			", name: shop, labels: {env: dev}, vaults: [{name: nova, resourceGroup: rg}]}") {
		t.Errorf("%v\n%s", err, out)
	}
	// An inventory of another kind is another fleet.
	if _, _, err := inventory.Update("f.yaml", []byte(in), found("", sub(prodID, "")), shine); err == nil ||
		!strings.Contains(err.Error(), "of kind shine, and vaults of kind classic were looked for") {
		t.Errorf("got %v", err)
	}
	if _, _, err := inventory.Update("f.yaml", []byte(text(handwritten)), f(), shine); err == nil ||
		!strings.Contains(err.Error(), "of kind classic, and vaults of kind shine were looked for") {
		t.Errorf("got %v", err)
	}
}

// TestOutlineSaysTheKind is what an update is decided by.
func TestOutlineSaysTheKind(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/f.yaml"
	if err := os.WriteFile(path, []byte(text(todayText)), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := inventory.ReadOutline(path, now, shine)
	if err != nil || o.Kind != "shine" || len(o.Subscriptions) != 1 {
		t.Errorf("got %+v, %v", o, err)
	}
	if _, err := inventory.ReadOutline(path, now); err == nil ||
		!strings.Contains(err.Error(), `there is no upgrade kind "shine"`) {
		t.Errorf("got %v", err)
	}
}

// TestCloudOfToday: kinds of today's Azure need the Resource Manager alone, the
// classic one needs both sides.
func TestCloudOfToday(t *testing.T) {
	t.Parallel()
	const both, rm, sm = "{serviceManagement: 'https://sm.example', resourceManager: 'https://rm.example'}",
		"{resourceManager: 'https://rm.example'}", "{serviceManagement: 'https://sm.example'}"
	for _, x := range []struct{ cloud, upgrade, want string }{
		{both, "{kind: shine}", ""},
		{rm, "{kind: shine}", ""},
		{sm, "{kind: shine}", "cloud has no resourceManager; the kind shine needs that side"},
		{both, "{kind: classic}", ""},
		{rm, "{kind: classic}", "cloud has no serviceManagement; the classic kind needs both sides"},
		{sm, "{kind: classic}", "cloud has no resourceManager; the classic kind needs both sides"},
	} {
		group := "resourceGroup: rg"
		if strings.Contains(x.upgrade, "classic") {
			group = "targetResourceGroup: rg, resourceType: BackupVault"
		}
		text := "apiVersion: fleetup/v1\ncloud: " + x.cloud + "\nupgrade: " + x.upgrade +
			"\ndefaults: {location: West US, " + group + "}\n" +
			"subscriptions: [{id: " + prodID + ", vaults: [{name: a}]}]\n"
		p, err := inventory.Parse("f.yaml", []byte(text), now, shine)
		switch {
		case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
			t.Errorf("%s, %s: %v, want %q", x.cloud, x.upgrade, err, x.want)
		case x.want == "" && err != nil:
			t.Errorf("%s, %s: %v", x.cloud, x.upgrade, err)
		case x.want == "":
			data, err := plan.Encode(p)
			if err == nil {
				_, err = plan.Decode(data)
			}
			if err != nil {
				t.Errorf("%s, %s: the plan is refused: %v", x.cloud, x.upgrade, err)
			}
		}
	}
}
