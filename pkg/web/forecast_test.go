package web

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestOneEnd: after whatever is said to a run, the page expects the end that
// the terminal and the status expect, and shows none in between.
func TestOneEnd(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitCount, Count: 2},
		Waves:         []plan.Wave{{Name: "all", Vaults: []int{0, 1, 2, 3}}}}
	p.Limits.PerSubscription = 0
	for _, name := range []string{"a", "b", "c", "d"} {
		v := plan.Vault{Predicted: plan.Prediction{P50: 20 * time.Minute, P90: 30 * time.Minute}}
		v.Kind, v.Name, v.SubscriptionID, v.Key = fleet.KindClassic, name, "s", fleet.Key("classic/s/"+name)
		p.Vaults = append(p.Vaults, v)
	}
	t0, now := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC), time.Date(2026, 3, 16, 22, 5, 0, 0, time.UTC)
	begun := []fleet.Event{{At: t0, Fact: fleet.RunOpened{RunID: "r"}}, {At: t0, Fact: fleet.WaveOpened{Wave: "all"}}}
	for i := range p.Vaults {
		begun = append(begun, fleet.Event{At: t0,
			Fact: fleet.Validated{Vault: p.Vaults[i].Key, Verdict: fleet.VerdictReady}})
	}
	for _, i := range []int{0, 1} {
		begun = append(begun, fleet.Event{At: t0,
			Fact: fleet.StartIntended{Vault: p.Vaults[i].Key, OperationID: "op", Attempt: 1}},
			fleet.Event{At: t0, Fact: fleet.StartAnswered{Vault: p.Vaults[i].Key, OperationID: "op",
				Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}})
	}
	for _, c := range []struct {
		name string
		fact fleet.Fact
		from string
	}{
		{"limit", fleet.LimitsChanged{Upgrades: 1}, "23:00"},
		{"closing", fleet.Stopped{Close: true}, "22:20"},
		{"pause", fleet.Paused{}, "22:25"},
		{"halt", fleet.RunHalted{Scope: "run", Failures: 3, Budget: 2}, "22:20"},
		{"resume", fleet.Resumed{}, "22:25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state, desk := rollout.NewState(p), rollout.NewState(p)
			for _, e := range begun {
				for _, st := range []*rollout.State{state, desk} {
					if err := st.Apply(e); err != nil {
						t.Fatal(err)
					}
				}
			}
			d, tracker := newLiveHub(Run{State: desk}, "b", func() time.Time { return now }), progress.NewTracker(state)
			d.ends.Guess(now, nil)
			if tracker.Forecast().Guess(now, nil); tracker.Forecast().Outlook().Zero() {
				t.Fatal("the terminal expects no end at first")
			}
			if e := d.view().Run.ExpectedEnd; e == nil {
				t.Fatal("no end is expected at first")
			}
			said := fleet.Event{At: now, Fact: c.fact}
			if err := state.Apply(said); err != nil {
				t.Fatal(err)
			}
			tracker.Apply(state, []fleet.Event{said})
			d.add([]fleet.Event{said})
			if e := d.view().Run.ExpectedEnd; e != nil {
				t.Errorf("the page shows what was expected before: %+v", e)
			}
			if !tracker.Forecast().Outlook().Zero() {
				t.Error("the terminal shows what was expected before")
			}
			d.ends.Guess(now, nil)
			page := d.view().Run.ExpectedEnd
			tracker.Forecast().Guess(now, nil)
			terminal := tracker.Forecast().Outlook()
			if page == nil {
				t.Fatal("no end is expected")
			}
			o, err := rollout.Foresee(state, now, nil)
			if err != nil {
				t.Fatal(err)
			}
			status := report.FromState(state, report.ViewOptions{Live: true, Now: now, Outlook: o}).Run.ExpectedEnd
			if !terminal.P50.Equal(page.P50.Time) || !terminal.P90.Equal(page.P90.Time) ||
				!status.P50.Equal(page.P50.Time) || *page != *status && page.Words(nil, now) != status.Words(nil, now) {
				t.Errorf("the page expects %s, the terminal %v to %v, the status %s", page.Words(nil, now),
					terminal.P50, terminal.P90, status.Words(nil, now))
			}
			if got := page.P50.Format("15:04"); got != c.from {
				t.Errorf("the end is expected at %s, want %s", got, c.from)
			}
		})
	}
}
