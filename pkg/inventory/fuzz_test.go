package inventory_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// FuzzParse: no text makes it panic. A text that passes gives a plan that is
// sound and survives being saved; one that does not gives problems with places.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml", "../../examples/*/fleet.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(minimal))
	for _, upgrade := range []string{goodPatch, "kind: rollback\nof: patch-shut\nledger: fleet.db",
		patched([]string{"body: {properties: &a {b: [1, {c: *x}], \"d\": -1.5, e: '{its own}'}, " +
			"tags: {f: \"\\u2028<\"}}"})} {
		f.Add([]byte(inventoryOfPatch(upgrade)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := inventory.Parse("f.yaml", data, now, patches())
		if err != nil {
			var problems *inventory.Problems
			if p != nil || !errors.As(err, &problems) || len(problems.List) == 0 {
				t.Fatalf("plan %v, error %v", p != nil, err)
			}
			for _, x := range problems.List {
				if x.Line < 1 || x.Column < 1 || x.Message == "" {
					t.Fatalf("no place or message: %v", x)
				}
			}
			return
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		seen := make(map[int]int)
		for w, wave := range p.Waves {
			for _, i := range wave.Vaults {
				seen[i]++
				if p.Vaults[i].Wave != w {
					t.Fatalf("vault %d is in wave %d and says %d", i, w, p.Vaults[i].Wave)
				}
			}
		}
		keys := make(map[fleet.Key]bool)
		for i := range p.Vaults {
			if seen[i] != 1 {
				t.Fatalf("vault %d is in %d waves", i, seen[i])
			}
			keys[p.Vaults[i].Key] = true
		}
		if len(keys) != len(p.Vaults) {
			t.Fatal("two vaults have one key")
		}
		saved, err := plan.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.ReadSaved(saved); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzTable: no table makes it panic, and what it refuses has a place.
func FuzzTable(f *testing.F) {
	f.Add([]byte("subscription,name,location,labels.app\nprod,a,West " +
		"US,x\n22222222-2222-4222-8222-222222222222,\"b\",,\n"))
	f.Add([]byte("name,subscription\n\"\n,\n"))
	f.Add([]byte("labels.,labels.a,subscription,name,protectedItems\n,,,,-1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		main := filepath.Join(dir, "fleet.yaml")
		if err := os.WriteFile(filepath.Join(dir, "t.csv"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(main, []byte(minimal+
			"include: [t.csv]\ndefaults: {location: West US, resourceType: BackupVault, targetResourceGroup: "+
			"\"rg-{name}\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, from, err := inventory.Explain(main, now)
		if err == nil {
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
			for i := range p.Vaults {
				if o := from.Of(i); len(o) < 4 || o[0].Value != p.Vaults[i].Name {
					t.Fatalf("vault %q has the origins %+v", p.Vaults[i].Name, o)
				}
			}
			return
		}
		var problems *inventory.Problems
		if !errors.As(err, &problems) {
			t.Fatal(err)
		}
		for _, x := range problems.List {
			if x.Line < 1 || x.Column < 1 || x.Message == "" {
				t.Fatalf("no place or message: %v", x)
			}
		}
	})
}
