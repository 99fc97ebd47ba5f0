package rollout

import (
	"fmt"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// testPlan is a plan of n vaults over subs subscriptions and locs locations,
// in the given waves' sizes (the last takes the rest).
func testPlan(n, subs, locs int, sizes ...int) *plan.Plan {
	p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitDefault}}
	if len(sizes) == 0 {
		sizes = []int{n}
	}
	wave, left := 0, sizes[0]
	for w := range sizes {
		p.Waves = append(p.Waves, plan.Wave{Name: fmt.Sprintf("w%d", w+1)})
	}
	for i := range n {
		for left == 0 && wave+1 < len(sizes) {
			wave++
			left = sizes[wave]
		}
		left--
		v := plan.Vault{Wave: wave}
		v.Kind, v.Name = fleet.KindClassic, fmt.Sprintf("v%03d", i)
		v.SubscriptionID = fmt.Sprintf("%08d-0000-0000-0000-000000000000", i%subs)
		v.SubscriptionName = fmt.Sprintf("s%d", i%subs)
		v.Location, v.ResourceType = fmt.Sprintf("loc%d", i%locs), fleet.BackupVault
		v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
		v.Predicted = plan.Prediction{P50: 20*time.Minute + time.Duration(i%40)*time.Minute, P90: 90 * time.Minute}
		p.Vaults = append(p.Vaults, v)
		p.Waves[wave].Vaults = append(p.Waves[wave].Vaults, i)
	}
	return p
}

// BenchmarkRollout runs whole rollouts of growing fleets: the time per vault
// must grow no faster than a logarithm.
func BenchmarkRollout(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := testPlan(n, n/50, 12, 5, n/10, n)
			p.Limits.Upgrades, p.Limits.PerLocation = n/20, n/100
			for b.Loop() {
				f, err := Simulate(p, time.Unix(0, 0), func(v *plan.Vault) time.Duration { return v.Predicted.P50 })
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/vault")
				b.ReportMetric(float64(f.Steps), "steps")
			}
		})
	}
}
