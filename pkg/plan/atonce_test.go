package plan_test

import (
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// TestMostAtOnce: of all that bounds what is under way together, the lowest counts.
func TestMostAtOnce(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{}
	for _, of := range [][2]string{{"a", "westus"}, {"a", "West US"}, {"a", "westus"}, {"b", "westus"}, {"b", "eastus"},
		{"c", "eastus"}} {
		p.Vaults = append(p.Vaults, plan.Vault{Vault: fleet.Vault{SubscriptionID: of[0], Location: of[1]}})
	}
	all := []int{0, 1, 2, 3, 4, 5}
	for _, c := range []struct {
		limits plan.WaveLimits
		vaults []int
		want   int
	}{
		{plan.WaveLimits{}, all, 6},
		{plan.WaveLimits{Upgrades: 40}, all, 6},
		{plan.WaveLimits{Upgrades: 4}, all, 4},
		{plan.WaveLimits{Upgrades: 40, PerSubscription: 2}, all, 5},
		{plan.WaveLimits{Upgrades: 40, PerSubscription: 1}, all, 3},
		{plan.WaveLimits{Upgrades: 40, PerLocation: 3}, all, 5},
		{plan.WaveLimits{Upgrades: 40, PerSubscription: 2, PerLocation: 1}, all, 2},
		{plan.WaveLimits{Upgrades: 1, PerSubscription: 2, PerLocation: 2}, all, 1},
		{plan.WaveLimits{Upgrades: 40, PerSubscription: 2}, []int{0, 1, 2}, 2},
		{plan.WaveLimits{Upgrades: 40, PerSubscription: 2}, nil, 0},
	} {
		if got := p.MostAtOnce(c.limits, slices.Values(c.vaults)); got != c.want {
			t.Errorf("%+v of %v: %d, want %d", c.limits, c.vaults, got, c.want)
		}
	}
}
