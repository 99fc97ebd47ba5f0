package runner_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// asPredicted makes upgrades take exactly as long as a plan predicts.
var asPredicted = emulator.Scenario{Seed: 1, Duration: emulator.Duration{Base: "17m30s", PerItem: "6s", Max: "72m"}}

var everyDay = []time.Weekday{0, 1, 2, 3, 4, 5, 6}

// nightly is a window that is open every night.
func nightly(from, to int, zone string) *plan.Calendar {
	return &plan.Calendar{Windows: []plan.Window{{Days: everyDay, Start: from * 60, End: to * 60, Zone: zone}}}
}

// begins lets virtual time pass until a moment.
func begins(at time.Time) { time.Sleep(time.Until(at)) }

// TestForecastIsTrue runs fleets whose upgrades take as long as predicted: the
// dry run's end, and that of every wave, differs from what really happened by
// under 5 percent.
func TestForecastIsTrue(t *testing.T) {
	t.Parallel()
	canary := func(edit func(canary, rest *plan.WaveSpec)) []plan.WaveSpec {
		ws := []plan.WaveSpec{{Name: "canary", Match: map[string]string{"ring": "0"}, Size: &plan.Size{Count: 3}},
			{Name: "rest", CatchAll: true}}
		edit(&ws[0], &ws[1])
		return ws
	}
	noLimits := func(in *plan.Input) { in.Limits.Upgrades, in.Limits.PerSubscription = 100, 0 }
	for name, c := range map[string]struct {
		vaults, subs int
		waves        []plan.WaveSpec
		edit         func(*plan.Input)
		nights       int
	}{
		"one vault":      {vaults: 1, subs: 1},
		"all at once":    {vaults: 24, subs: 3, edit: noLimits},
		"default limits": {vaults: 30, subs: 4},
		"one at a time":  {vaults: 12, subs: 1, edit: oneAtATime},
		"a long poll": {vaults: 20, subs: 2,
			edit: func(in *plan.Input) { in.Limits.PerSubscription, in.Timings.Poll = 1, 4*time.Minute }},
		"per location": {vaults: 24, subs: 3, edit: func(in *plan.Input) { noLimits(in); in.Limits.PerLocation = 2 }},
		"a full subscription": {vaults: 20, subs: 4, edit: func(in *plan.Input) {
			in.Subscriptions[0].Vaults = append(in.Subscriptions[0].Vaults, in.Subscriptions[1].Vaults...)
			in.Subscriptions[1].Vaults = nil
			for i := range in.Subscriptions[0].Vaults {
				in.Subscriptions[0].Vaults[i].TargetResourceGroup = "rg"
			}
		}},
		"two waves and a soak": {vaults: 21, subs: 3,
			waves: canary(func(c, _ *plan.WaveSpec) { c.Soak = 45 * time.Minute })},
		"a wave's own limits": {vaults: 21, subs: 3, waves: canary(func(c, r *plan.WaveSpec) {
			c.Limits.Upgrades, r.Limits.PerSubscription, r.Order = 1, 1, plan.OrderName
		})},
		"a hard ceiling": {vaults: 24, subs: 3, edit: func(in *plan.Input) {
			in.Ceiling, in.FailureBudget = plan.CeilingHard, plan.Budget{Unit: plan.UnitCount, Count: 3}
		}},
		"several nights": {vaults: 20, subs: 2, nights: 3, edit: func(in *plan.Input) {
			in.Limits.PerSubscription, in.Calendar = 1, nightly(22, 0, "Australia/Sydney")
		}},
		"nights for the second wave alone": {vaults: 21, subs: 3, nights: 2, waves: canary(func(c, r *plan.WaveSpec) {
			c.Soak, r.Calendar = 2*time.Hour, nightly(1, 2, "Europe/London")
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				begins(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC))
				p := fleetOf(t, c.vaults, c.subs, c.waves, func(in *plan.Input) {
					in.Timings.Poll = time.Minute // fewer readings
					if c.edit != nil {
						c.edit(in)
					}
				})
				f, err := rollout.Simulate(p, time.Now(), func(v *plan.Vault) time.Duration { return v.Predicted.P50 })
				if err != nil {
					t.Fatal(err)
				}
				n := newNight(t, p, asPredicted)
				n.patience = 30 * 24 * time.Hour
				n.ends(fleet.ExitOK)
				st := n.state()
				near := func(what string, foreseen, happened time.Time) {
					t.Helper()
					began := n.nightOf(happened)
					ahead, took := foreseen.Sub(began), happened.Sub(began)
					if off := 100 * float64(took-ahead) / float64(took); off >= 5 || off <= -5 {
						t.Errorf("%s was foreseen %v after the night began, and came %v after it: %+.1f %%", what,
							ahead, took, off)
					}
				}
				for w := range st.Waves {
					near("the end of wave "+st.Waves[w].Name, f.Waves[w].EndsAt, st.Waves[w].DoneAt)
				}
				near("the run's end", f.EndsAt, st.Run.ClosedAt)
				if got := len(f.Nights); got < c.nights || c.nights == 0 && got != 0 {
					t.Errorf("%d nights were foreseen, expected at least %d", got, c.nights)
				}
			})
		})
	}
}

// nightOf is when the night began in which something happened, as the starts
// show it: hours in which nothing starts lie between two nights.
func (n *night) nightOf(t time.Time) time.Time {
	began, last := n.began, n.began
	_, ats := facts[fleet.StartIntended](n)
	for _, at := range ats {
		if at.Before(t) && at.Sub(last) > 3*time.Hour {
			began = at
		}
		last = at
	}
	return began
}
