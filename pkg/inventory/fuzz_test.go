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
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := inventory.Parse("f.yaml", data, now)
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
		if _, err := plan.Decode(saved); err != nil {
			t.Fatal(err)
		}
	})
}
