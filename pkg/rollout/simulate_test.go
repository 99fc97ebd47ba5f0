package rollout

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// fleetOf is a plan of vaults that take so many minutes each, all in one wave,
// one subscription and one location unless the sizes and counts say otherwise.
func fleetOf(minutes []int, subs, locs int, sizes ...int) *plan.Plan {
	p := testPlan(len(minutes), subs, locs, sizes...)
	p.Limits.Upgrades, p.Limits.PerSubscription = len(minutes), 0
	for i := range p.Vaults {
		p.Vaults[i].Predicted.P50 = time.Duration(minutes[i]) * time.Minute
	}
	return p
}

func predicted(v *plan.Vault) time.Duration { return v.Predicted.P50 }

// TestSimulate computes the ends of waves by hand.
func TestSimulate(t *testing.T) {
	t.Parallel()
	minutes := func(ms ...int) []int { return ms }
	for _, c := range []struct {
		name string
		plan *plan.Plan
		set  func(*plan.Plan)
		ends []int // of the waves, in minutes
	}{
		{"one vault", fleetOf(minutes(20), 1, 1), nil, minutes(20)},
		{"all at once", fleetOf(minutes(20, 50, 30), 1, 1), nil, minutes(50)},
		{"one at a time", fleetOf(minutes(20, 50, 30), 1, 1), func(p *plan.Plan) { p.Limits.Upgrades = 1 },
			minutes(100)},
		{"longest first: 50 beside 30 and 20", fleetOf(minutes(20, 30, 50), 1, 1),
			func(p *plan.Plan) { p.Limits.Upgrades = 2 }, minutes(50)},
		{"waves one after the other", fleetOf(minutes(20, 30, 40, 10), 1, 1, 1, 2, 4), nil, minutes(20, 60, 70)},
		// s0: 40+20, s1: 30+10, one at once in each.
		{"per subscription", fleetOf(minutes(40, 30, 20, 10), 2, 1),
			func(p *plan.Plan) { p.Limits.PerSubscription = 1 }, minutes(60)},
		{"per location", fleetOf(minutes(40, 30, 20, 10), 1, 2), func(p *plan.Plan) { p.Limits.PerLocation = 1 },
			minutes(60)},
		// Two at once, but one per subscription: s0 has 60 and 50, s1 has 5. When
		// 5 is over a slot stays empty.
		{"a slot that nobody may use", fleetOf(minutes(60, 5, 50), 2, 1),
			func(p *plan.Plan) { p.Limits.Upgrades, p.Limits.PerSubscription = 2, 1 }, minutes(110)},
		{"held vaults take no time", fleetOf(minutes(20, 500), 1, 1),
			func(p *plan.Plan) { p.Vaults[1].Hold = &fleet.Hold{} }, minutes(20)},
		{"a wave of held vaults alone", fleetOf(minutes(500, 20), 1, 1, 1, 1),
			func(p *plan.Plan) { p.Vaults[0].Hold = &fleet.Hold{} }, minutes(0, 20)},
		{"longer than overdue", fleetOf(minutes(300), 1, 1), nil, minutes(300)},
		// The second starts after 70 minutes: its validation is made again, and
		// takes no time.
		{"a validation that grows old", fleetOf(minutes(70, 70), 1, 1), func(p *plan.Plan) { p.Limits.Upgrades = 1 },
			minutes(140)},
		{"no vaults", fleetOf(nil, 1, 1), nil, minutes(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.set != nil {
				c.set(c.plan)
			}
			start := time.Unix(1_000_000, 0)
			f, err := Simulate(c.plan, start, predicted)
			if err != nil {
				t.Fatal(err)
			}
			var ends []int
			at := start
			for _, w := range f.Waves {
				ends = append(ends, int(w.EndsAt.Sub(start)/time.Minute))
				if !w.StartsAt.Equal(at) {
					t.Errorf("a wave starts at %v, want %v: when the one before is done", w.StartsAt, at)
				}
				at = w.EndsAt
			}
			if !slices.Equal(ends, c.ends) {
				t.Errorf("the waves end after %v minutes, want %v", ends, c.ends)
			}
			if !f.EndsAt.Equal(at) {
				t.Errorf("the run ends at %v, its last wave at %v", f.EndsAt, at)
			}
		})
	}
}

// TestSimulateBounds: no forecast beats the lower bound, the longest vault or
// the work of a scope divided by its limit; and with the fleet's limit alone it is
// longest-first scheduling to the minute.
func TestSimulateBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "vaults")
		minutes := rapid.SliceOfN(rapid.IntRange(1, 120), n, n).Draw(t, "minutes")
		p := fleetOf(minutes, rapid.IntRange(1, 4).Draw(t, "subscriptions"), rapid.IntRange(1, 3).Draw(t, "locations"))
		p.Limits.Upgrades = rapid.IntRange(1, 8).Draw(t, "upgrades")
		p.Limits.PerSubscription = rapid.IntRange(0, 3).Draw(t, "per subscription")
		p.Limits.PerLocation = rapid.IntRange(0, 3).Draw(t, "per location")
		start := time.Unix(0, 0)
		f, err := Simulate(p, start, predicted)
		if err != nil {
			t.Fatal(err)
		}
		took := f.EndsAt.Sub(start)
		var longest, all time.Duration
		sub, loc := map[string]time.Duration{}, map[string]time.Duration{}
		for i := range p.Vaults {
			v := &p.Vaults[i]
			d := v.Predicted.P50
			longest, all = max(longest, d), all+d
			sub[v.SubscriptionID] += d
			loc[v.Location] += d
		}
		bound := max(longest, all/time.Duration(p.Limits.Upgrades))
		for _, scope := range []struct {
			work  map[string]time.Duration
			limit int
		}{{sub, p.Limits.PerSubscription}, {loc, p.Limits.PerLocation}} {
			for _, d := range scope.work {
				if scope.limit > 0 {
					bound = max(bound, d/time.Duration(scope.limit))
				}
			}
		}
		if took < bound {
			t.Fatalf("the forecast takes %v, less than the lower bound %v", took, bound)
		}
		if p.Limits.PerSubscription == 0 && p.Limits.PerLocation == 0 {
			byHand := longestFirst(minutes, p.Limits.Upgrades)
			if took != byHand {
				t.Fatalf("the forecast takes %v, a list scheduled by hand %v", took, byHand)
			}
		}
	})
}

// longestFirst schedules jobs on so many machines: the longest that is left
// goes to the machine that is free first.
func longestFirst(minutes []int, machines int) time.Duration {
	jobs := slices.SortedFunc(slices.Values(minutes), func(a, b int) int { return cmp.Compare(b, a) })
	free := make([]int, machines)
	for _, j := range jobs {
		n := slices.Index(free, slices.Min(free))
		free[n] += j
	}
	return time.Duration(slices.Max(free)) * time.Minute
}

// TestSimulateIsRepeatable: the same plan gives the same forecast.
func TestSimulateIsRepeatable(t *testing.T) {
	t.Parallel()
	p := testPlan(500, 20, 5, 5, 50, 500)
	first, err := Simulate(p, time.Unix(0, 0), predicted)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := Simulate(p, time.Unix(0, 0), predicted)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.Waves, first.Waves) || again.Steps != first.Steps {
			t.Fatalf("got %+v, then %+v", first, again)
		}
	}
}

// TestSimulateThatCannotEnd: limits that let nothing start are an error, not a
// loop without end.
func TestSimulateThatCannotEnd(t *testing.T) {
	t.Parallel()
	p := fleetOf([]int{10}, 1, 1)
	p.Limits.Upgrades = 0
	if _, err := Simulate(p, time.Unix(0, 0), predicted); err == nil {
		t.Fatal("no error")
	}
}

// TestSimulateStartsInWindows: a wave starts with its first upgrade. It opens, and its
// vaults are checked, while the window is closed; one that starts nothing has its opening.
func TestSimulateStartsInWindows(t *testing.T) {
	t.Parallel()
	p := fleetOf([]int{20, 20}, 1, 1, 1, 1)
	p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6},
		Start: 22 * 60, End: 23 * 60, Zone: "UTC"}}}
	p.Vaults[0].Predicted.P90 = 30 * time.Minute
	p.Vaults[1].Hold = &fleet.Hold{}
	from := time.Date(2026, 3, 16, 18, 0, 0, 0, time.UTC)
	f, err := Simulate(p, from, predicted)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Waves[0].StartsAt, from.Add(4*time.Hour); !got.Equal(want) {
		t.Errorf("the first wave starts at %s, want %s", got, want)
	}
	if got, want := f.Waves[1].StartsAt, f.Waves[0].EndsAt; !got.Equal(want) {
		t.Errorf("a wave of held vaults starts at %s, want %s", got, want)
	}
}
