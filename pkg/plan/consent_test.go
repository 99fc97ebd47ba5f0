package plan

import "testing"

// TestAcceptWarnings: consent makes another plan and leaves the first alone.
func TestAcceptWarnings(t *testing.T) {
	t.Parallel()
	p := build(t, input(3))
	q := p.AcceptWarnings()
	if err := q.Check(); err != nil {
		t.Error(err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if p.Fingerprint == q.Fingerprint || p.Vaults[0].AcceptWarnings || !q.Vaults[2].AcceptWarnings {
		t.Error("consent is not in the new plan, or in the old one too")
	}
}

func TestBudgetResolve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		budget     Budget
		base, want int
	}{
		{Budget{Unit: UnitCount, Count: 3}, 1, 3},
		{Budget{Unit: UnitPercent, Percent: 29}, 100, 29}, // 29/100 falls just short in binary
		{Budget{Unit: UnitPercent, Percent: 3}, 99, 2},    // rounds down
		{Budget{Unit: UnitPercent, Percent: 2.5}, 39, 0},
		{Budget{Unit: UnitDefault}, 10, 1},
		{Budget{Unit: UnitDefault}, 200, 4},
		{Budget{Unit: UnitDefault}, 100_000, 10},
	} {
		if got := c.budget.Resolve(c.base); got != c.want {
			t.Errorf("%+v of %d is %d, want %d", c.budget, c.base, got, c.want)
		}
	}
}
