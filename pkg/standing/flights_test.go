package standing

import (
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestFlights: what wants to be looked at stands first, an upgrade of somebody else is
// measured against nothing and counted apart, and what is left of one that has outlived
// its prediction is a share of the prediction's spread.
func TestFlights(t *testing.T) {
	t.Parallel()
	p := onePerWave()
	for i := range 8 {
		v := p.Vaults[0]
		v.Predicted = plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}
		v.Key = fleet.Key(string(rune('a' + i)))
		p.Vaults = append(p.Vaults[:i:i], v)
	}
	p.Waves = []plan.Wave{{Name: "all", Vaults: []int{0, 1, 2, 3, 4, 5, 6, 7}}}
	st := rollout.NewState(p)
	now := t0.Add(time.Hour)
	ago := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	for i, v := range []rollout.VaultState{
		{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: ago(5)}},
		{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: ago(25)}},
		{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: ago(35)}},
		{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: ago(34), Overdue: true}},
		{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: ago(50), Foreign: true}},
		{Status: fleet.Unknown, Upgrade: rollout.Upgrade{StartedAt: ago(1)}},
		{Status: fleet.Unknown, Upgrade: rollout.Upgrade{StartedAt: ago(1)}, Doubt: rollout.Doubt{Final: true}},
		{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: ago(6), CloudDone: true}},
	} {
		st.Vaults[i] = v
	}
	fs := Flights(st, slices.Values([]int{0, 1, 2, 3, 4, 5, 6, 7}), now)
	var order []int
	for _, f := range fs {
		order = append(order, f.Vault)
	}
	if want := []int{3, 2, 5, 4, 1, 7, 0}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	want := map[int]struct {
		late Lateness
		left [2]int // minutes; -1: nobody knows
	}{0: {OnTime, [2]int{15, 25}}, 1: {PastMedian, [2]int{5, 5}}, 2: {BeyondP90, [2]int{5, 5}},
		3: {Overdue, [2]int{5, 5}}, 4: {OnTime, [2]int{-1, -1}}, 5: {OnTime, [2]int{19, 29}}, 7: {OnTime, [2]int{0, 0}}}
	for _, f := range fs {
		w := want[f.Vault]
		ends := rollout.Likely{}
		if w.left[0] >= 0 {
			ends = rollout.Likely{P50: ago(-w.left[0]), P90: ago(-w.left[1])}
		}
		if f.Late != w.late || f.Ends != ends {
			t.Errorf("vault %d is %q and ends %v, want %q and %v", f.Vault, f.Late, f.Ends, w.late, ends)
		}
	}
	if got, want := CountFlights(fs), (FlightCount{Ours: 6, Foreign: 1, Overdue: 1, BeyondP90: 1,
		Unknown: 1}); got != want {
		t.Errorf("they count as %+v, want %+v", got, want)
	}
}

// TestFlightsOfAnEmulatedCloud: where the cloud is quicker than time, age, prediction,
// lateness and end of an upgrade are by one clock, and can be compared.
func TestFlightsOfAnEmulatedCloud(t *testing.T) {
	t.Parallel()
	p := onePerWave()
	p.Vaults[0].Predicted = plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}
	st := rollout.NewState(p)
	if err := st.Apply(fleet.Event{At: t0, Fact: fleet.RunOpened{RunID: "r", TimeScale: 60}}); err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]struct {
		late Lateness
		left [2]time.Duration
	}{
		5 * time.Second:  {OnTime, [2]time.Duration{15 * time.Second, 25 * time.Second}},
		25 * time.Second: {PastMedian, [2]time.Duration{5 * time.Second, 5 * time.Second}},
		62 * time.Second: {BeyondP90, [2]time.Duration{5 * time.Second, 5 * time.Second}},
	} {
		st.Vaults[0] = rollout.VaultState{Status: fleet.Upgrading, Upgrade: rollout.Upgrade{StartedAt: t0}}
		now := t0.Add(age)
		f := Flights(st, slices.Values([]int{0}), now)[0]
		if f.Age != age || f.Predicted != (plan.Prediction{P50: 20 * time.Second, P90: 30 * time.Second}) ||
			f.Late != want.late ||
			f.Ends != (rollout.Likely{P50: now.Add(want.left[0]), P90: now.Add(want.left[1])}) {
			t.Errorf("%s: %+v", age, f)
		}
	}
}
