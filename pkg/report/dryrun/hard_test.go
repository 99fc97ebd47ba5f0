package dryrun

import (
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestAHardCeilingBoundsWhatIsAtOnce: under a hard ceiling no more is in flight than each
// budget that it counts in allows; a soft one bounds nothing.
func TestAHardCeilingBoundsWhatIsAtOnce(t *testing.T) {
	t.Parallel()
	count := func(n int) *plan.Budget { return &plan.Budget{Unit: plan.UnitCount, Count: n} }
	for name, c := range map[string]struct {
		ceiling plan.Ceiling
		run     int
		wave    *plan.Budget
		sub     *plan.Budget
		want    int
	}{
		"soft":                 {plan.CeilingSoft, 2, count(1), count(1), 5},
		"hard":                 {plan.CeilingHard, 4, nil, nil, 4},
		"the limit is lower":   {plan.CeilingHard, 9, nil, nil, 5},
		"a wave's":             {plan.CeilingHard, 4, count(3), nil, 3},
		"two subscriptions'":   {plan.CeilingHard, 4, nil, count(1), 2},
		"none left to start":   {plan.CeilingHard, 0, nil, nil, 1},
		"a wave's of the same": {plan.CeilingHard, 4, count(0), nil, 1},
	} {
		p := reporttest.FixturePlan()
		p.Ceiling, p.FailureBudget, p.SubscriptionBudget = c.ceiling, *count(c.run), c.sub
		p.Limits = plan.Limits{Upgrades: 5}
		p.Waves[1].MaxFailures = c.wave
		d := &dryRun{plan: p, left: p, vaults: make([]report.Vault, len(p.Vaults)), base: len(p.Vaults)}
		for i := range d.vaults {
			d.vaults[i].Status = fleet.Ready
		}
		subs := map[string]bool{}
		for _, i := range p.Waves[1].Vaults {
			subs[p.Vaults[i].SubscriptionID] = true
		}
		if len(subs) != 2 || len(p.Waves[1].Vaults) < 6 {
			t.Fatalf("the wave has %d vaults of %d subscriptions", len(p.Waves[1].Vaults), len(subs))
		}
		if got := d.atOnce(1); got != c.want {
			t.Errorf("%s: %d at once, want %d", name, got, c.want)
		}
	}
}
