package plan_test

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// A plan says which vault goes in which wave. It is made of what an inventory says, or
// the issues say everything that is wrong with that.
func ExampleBuild() {
	vault := func(name, env string) fleet.Vault {
		return fleet.Vault{Name: name, Location: "West US", ResourceType: fleet.BackupVault,
			TargetResourceGroup: "rg", Labels: map[string]string{"env": env}}
	}
	cloud, _ := fleet.KnownCloud(fleet.AzurePublic)
	p, issues := plan.Build(plan.Input{
		Inventory: "fleet.yaml", Cloud: cloud, Kind: fleet.KindClassic,
		Subscriptions: []plan.SubscriptionSpec{{
			Subscription: fleet.Subscription{ID: "00000001-0000-4000-8000-000000000000", Name: "prod"},
			Vaults:       []fleet.Vault{vault("billing", "prod"), vault("lab", "test"), vault("shop", "prod")},
		}},
		Waves: []plan.WaveSpec{
			{Name: "canary", Match: map[string]string{"env": "test"}, Soak: time.Hour},
			{Name: "rest", CatchAll: true},
		},
		Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitPercent, Percent: 5},
		Now:           time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC),
	})
	if len(issues) > 0 {
		fmt.Println(issues)
		return
	}
	names := p.Names()
	for _, w := range p.Waves {
		for _, i := range w.Vaults {
			fmt.Println(w.Name, names[i], "takes about", p.Vaults[i].Predicted.P50)
		}
	}
	// Output:
	// canary prod/lab takes about 17m30s
	// rest prod/billing takes about 17m30s
	// rest prod/shop takes about 17m30s
}
