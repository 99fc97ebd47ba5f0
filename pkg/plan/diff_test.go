package plan

import (
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func small() *Plan {
	return &Plan{
		Limits: DefaultLimits(), Timings: DefaultTimings(),
		Vaults: []Vault{
			{Vault: fleet.Vault{Key: "a", SubscriptionName: "prod", Name: "a", TargetResourceGroup: "rg"}, Wave: 0,
				Predicted: Predict(0)},
			{Vault: fleet.Vault{Key: "b", SubscriptionName: "prod", Name: "b", TargetResourceGroup: "rg"}, Wave: 1,
				Predicted: Predict(10)},
		},
		Waves: []Wave{{Name: "canary", Vaults: []int{0}}, {Name: "rest", Vaults: []int{1}}},
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	if d := Diff(small(), small()); !d.Empty() {
		t.Errorf("equal plans differ: %v", d.Lines())
	}
	now := small()
	now.Vaults[0].Wave = 1
	now.Vaults[0].TargetResourceGroup = "rg-new"
	now.Vaults[1].Key, now.Vaults[1].Name = "c", "c"
	now.Limits.Upgrades = 40
	now.Timings.Poll = time.Minute
	now.Waves[1].MaxFailures = &Budget{Unit: UnitCount, Count: 2}
	want := []string{
		"added    prod/c",
		"removed  prod/b",
		"moved    prod/a: canary → rest",
		"changed  prod/a: targetResourceGroup rg → rg-new",
		"setting  limits.upgrades 10 → 40",
		"setting  timings.poll 30s → 1m",
		"setting  waves.rest.maxFailures none → 2",
	}
	if got := Diff(small(), now).Lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestDiffOfOwnWindows: what a vault's calendar says counts, not its number.
func TestDiffOfOwnWindows(t *testing.T) {
	t.Parallel()
	a, b := Calendar{}, Calendar{Windows: []Window{{[]time.Weekday{1}, 0, 60, "UTC"}}}
	of := func(calendars []Calendar, numbers ...int) *Plan {
		p := small()
		p.Calendars = calendars
		for i, n := range numbers {
			p.Vaults[i].Calendar = n
		}
		return p
	}
	for name, c := range map[string]struct {
		old, now *Plan
		want     []string
	}{
		"other numbers": {of([]Calendar{a, b}, 1, 2), of([]Calendar{b, a}, 2, 1), nil},
		"one number": {of([]Calendar{a}, 1), of([]Calendar{b}, 1),
			[]string{"changed  prod/a: windows [] → Mon 00:00–01:00 UTC"}},
		"a first one": {of(nil), of([]Calendar{a}, 0, 1),
			[]string{"changed  prod/b: windows none → [], blackouts none → []"}},
		"none any more": {of([]Calendar{a}, 1, 1), of([]Calendar{a}, 1),
			[]string{"changed  prod/b: windows [] → none, blackouts [] → none"}},
		"an empty list": {of([]Calendar{a}, 1), of([]Calendar{{Windows: []Window{}}}, 1), nil},
	} {
		if got := Diff(c.old, c.now).Lines(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestCalibrated(t *testing.T) {
	t.Parallel()
	p := small()
	var ms []Measured
	for i := range EnoughMeasured {
		ms = append(ms, Measured{Took: time.Duration(i+1) * time.Minute, Predicted: 10 * time.Minute})
	}
	if q := p.Calibrated(ms[1:]); q != p {
		t.Error("too few upgrades were believed")
	}
	q := p.Calibrated(ms)
	// The median of 1..20 minutes over 10 is 1.1, the 90th percentile 1.9.
	base := Predict(0).P50
	if got, want := q.Vaults[0].Predicted.P50, time.Duration(float64(base)*1.1).Round(time.Second); got != want {
		t.Errorf("median %s, want %s", got, want)
	}
	if got, want := q.Vaults[0].Predicted.P90, time.Duration(float64(base)*1.9).Round(time.Second); got != want {
		t.Errorf("90th percentile %s, want %s", got, want)
	}
	if q.Fingerprint == p.Fingerprint || p.Vaults[0].Predicted != Predict(0) {
		t.Error("the plan itself was changed, or kept its fingerprint")
	}
	// What was measured may be far from the model: the plan is one still.
	for _, took := range []time.Duration{1, time.Minute, 2 * longestPredicted} {
		for i := range ms {
			ms[i].Took = took
		}
		p := build(t, input(7)).Calibrated(ms)
		data, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(data); err != nil || got.Fingerprint != p.Fingerprint {
			t.Errorf("measured %s: the calibrated plan cannot be read again: %v", took, err)
		}
	}
}
