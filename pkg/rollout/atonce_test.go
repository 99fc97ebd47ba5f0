package rollout

import (
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// What may be in flight at once, of six vaults in three subscriptions and two waves.
func TestMostInFlight(t *testing.T) {
	t.Parallel()
	hard := func(p *plan.Plan) *plan.Plan {
		p.Ceiling = plan.CeilingHard
		return p
	}
	budget := func(n int) plan.Budget { return plan.Budget{Unit: plan.UnitCount, Count: n} }
	for name, c := range map[string]struct {
		change func(p *plan.Plan)
		facts  []fleet.Fact
		want   AtOnce
	}{
		"no limits":        {func(*plan.Plan) {}, nil, AtOnce{4, 4, 4}},
		"the run's":        {func(p *plan.Plan) { p.Limits.Upgrades = 2 }, nil, AtOnce{2, 2, 2}},
		"a subscription's": {func(p *plan.Plan) { p.Limits.PerSubscription = 1 }, nil, AtOnce{3, 3, 3}},
		"a location's":     {func(p *plan.Plan) { p.Limits.PerLocation = 1 }, nil, AtOnce{2, 2, 2}},
		"a person's":       {func(*plan.Plan) {}, []fleet.Fact{fleet.LimitsChanged{Upgrades: 3}}, AtOnce{4, 3, 3}},
		"the second wave's": {func(*plan.Plan) {},
			[]fleet.Fact{fleet.WaveDone{Wave: "w1"}, fleet.WaveOpened{Wave: "w2"}}, AtOnce{2, 2, 2}},
		"a hard budget": {func(p *plan.Plan) { hard(p).FailureBudget = budget(1) }, nil, AtOnce{4, 4, 1}},
		"a wave's": {func(p *plan.Plan) {
			b := budget(3)
			hard(p).Waves[0].MaxFailures = &b
		}, nil, AtOnce{4, 4, 3}},
		"subscriptions'": {func(p *plan.Plan) {
			b := budget(1)
			hard(p).SubscriptionBudget = &b
		}, nil, AtOnce{4, 4, 3}},
	} {
		p := testPlan(6, 3, 2, 4, 2)
		p.Limits, p.FailureBudget = plan.Limits{}, budget(50)
		c.change(p)
		began := []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: p.Waves[0].Name}}
		st := folded(t, p, append(began, c.facts...)...)
		if got := st.MostInFlight(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
