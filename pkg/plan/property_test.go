package plan

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestEveryVaultInOneWave: whatever the labels, holds and waves, Build gives
// issues or a sound plan in which each vault is in the first wave that takes it.
func TestEveryVaultInOneWave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"1", "2"}), 0, 2)
		in := input(rapid.IntRange(0, 12).Draw(t, "vaults"))
		in.Subscriptions[0].Labels = labels.Draw(t, "subscription labels")
		for i := range in.Subscriptions[0].Vaults {
			v := &in.Subscriptions[0].Vaults[i]
			v.Labels = labels.Draw(t, "labels")
			v.ProtectedItems = rapid.IntRange(0, 1000).Draw(t, "items")
			if rapid.Bool().Draw(t, "held") {
				v.Hold = &fleet.Hold{Reason: "x"}
			}
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "waves") {
			w := WaveSpec{Name: fmt.Sprint(i), Match: labels.Draw(t, "match")}
			for range rapid.IntRange(0, 2).Draw(t, "expressions") {
				w.Expressions = append(w.Expressions,
					Requirement{rapid.SampledFrom([]string{"a", "b", KeyLocation}).Draw(t, "key"),
						rapid.SampledFrom(Operators()).Draw(t, "operator"), []string{"1", "westus"}})
			}
			switch rapid.IntRange(0, 2).Draw(t, "size") {
			case 1:
				w.Size = &Size{Count: rapid.IntRange(1, 4).Draw(t, "count")}
			case 2:
				w.Size = &Size{Percent: float64(rapid.IntRange(1, 100).Draw(t, "percent"))}
			}
			w.CatchAll = len(w.Match) == 0 && len(w.Expressions) == 0
			in.Waves = append(in.Waves, w)
		}
		p, issues := Build(in)
		if (p == nil) == (len(issues) == 0) {
			t.Fatalf("plan %v, issues %v", p != nil, issues)
		}
		if p == nil {
			return
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		specs := make(map[string]WaveSpec)
		for _, s := range in.Waves {
			specs[s.Name] = s
		}
		taken := make([]int, len(p.Waves)) // not held
		for i := range p.Vaults {
			v := &p.Vaults[i]
			for w := 0; w <= v.Wave && len(specs) > 0; w++ {
				spec := specs[p.Waves[w].Name]
				full := spec.Size != nil && (v.Excluded() || taken[w] == spec.Size.Resolve(p.ToStart()))
				if fits := spec.takes(v); w < v.Wave && fits && !full || w == v.Wave && !fits {
					t.Fatalf("vault %d with %v is in wave %d; wave %d fits: %v", i, v.Labels, v.Wave, w, fits)
				}
			}
			if !v.Excluded() {
				taken[v.Wave]++
			}
		}
		for w, spec := range p.Waves {
			if spec.Size != nil && taken[w] > spec.Size.Resolve(p.ToStart()) {
				t.Fatalf("wave %q of size %+v has %d vaults", spec.Name, spec.Size, taken[w])
			}
		}
	})
}
