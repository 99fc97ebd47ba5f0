package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestLiveCountsAgainstWhatMayFly: what is in flight stands against the lowest that binds:
// the plan's limit, a person's, or what a hard ceiling leaves of the budget.
func TestLiveCountsAgainstWhatMayFly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ceiling plan.Ceiling
		limit   int
		want    string
	}{
		"the plan's":            {"", 0, ", at most 40 at once"},
		"a person's":            {"", 3, ", at most 3 at once (limited; the plan allows 40)"},
		"a hard ceiling's":      {plan.CeilingHard, 30, ", at most 6 at once (the hard ceiling of a failure budget)"},
		"a person's below that": {plan.CeilingHard, 5, ", at most 5 at once (limited; the plan allows 40)"},
	} {
		n := reporttest.BusyNight(t)
		n.St.Plan.Limits.Upgrades, n.St.Plan.Ceiling = 40, c.ceiling
		b := n.St.RunBudget()
		n.St.Plan.FailureBudget = plan.Budget{Unit: plan.UnitCount, Count: b.Failed + 6}
		if c.limit > 0 {
			n.Fact(130, fleet.LimitsChanged{Upgrades: c.limit, By: fleet.Actor{User: "ops"}, Reason: "slow"})
		}
		shown := strings.Join(NewTracker(n.St).Live(reporttest.T0.Add(3*time.Hour), 200, 40, false), "\n")
		if !strings.Contains(shown, c.want) {
			t.Errorf("%s: not %q in\n%s", name, c.want, shown)
		}
	}
}
