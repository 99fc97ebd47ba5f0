package report_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestNextChange: somebody who watches a run looks again when time alone changes how
// it stands, and not before.
func TestNextChange(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC) // a Monday
	key := func(i int) fleet.Key {
		return fleet.KeyOf(fleet.KindClassic, "s", fleet.BackupVault, "West US", string(rune('a'+i)))
	}
	daily := func(start, end int) *plan.Calendar {
		return &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Start: start * 60,
			End: end * 60, Zone: "UTC"}}}
	}
	ready := []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "one"},
		fleet.Validated{Vault: key(0), Verdict: fleet.VerdictReady}}
	done := []fleet.Fact{fleet.RunOpened{RunID: "r", Changed: map[string]time.Time{"one": at}}, ready[1],
		fleet.Validated{Vault: key(0), Verdict: fleet.VerdictBlocked}, fleet.WaveDone{Wave: "one"}}
	with := func(before []fleet.Fact, more ...fleet.Fact) []fleet.Fact {
		return append(before[:len(before):len(before)], more...)
	}
	soak := func(p *plan.Plan) { p.Waves[0].Soak = time.Hour }
	gate := func(p *plan.Plan) { p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter} }
	approved := fleet.Approved{Wave: "one", When: fleet.GateAfter, By: fleet.Actor{User: "ops"},
		ExpiresAt: at.Add(20 * time.Minute)}
	for _, c := range []struct {
		name  string
		plan  func(p *plan.Plan)
		facts []fleet.Fact
		after time.Duration // the moment, after the facts
		want  time.Duration // after the facts; 0: at no time that is known
	}{
		{"nothing is journalled yet", func(p *plan.Plan) { p.Calendar = daily(22, 6) }, nil, 0, 0},
		{"nothing waits", nil, ready, 0, 0},
		{"a window opens", func(p *plan.Plan) { p.Calendar = daily(22, 6) }, ready, 0, 10 * time.Hour},
		{"a window closes", func(p *plan.Plan) { p.Calendar = daily(22, 6) }, ready, 11 * time.Hour, 18 * time.Hour},
		{"a wave's own window opens first",
			func(p *plan.Plan) { p.Calendar, p.Waves[1].Calendar = daily(22, 6), daily(20, 21) }, ready, 0,
			8 * time.Hour},
		{"a vault's own window opens first",
			func(p *plan.Plan) { p.Calendar, p.Calendars = daily(22, 6), []plan.Calendar{*daily(19, 20)} }, ready, 0,
			7 * time.Hour},
		{"a soak ends", soak, done, 10 * time.Minute, time.Hour},
		{"a soak ends in a run that is told to stop", soak, with(done, fleet.Stopped{}), 10 * time.Minute, time.Hour},
		{"nothing that was changed soaks", soak, with(ready[:2], done[2:]...), 10 * time.Minute, 0},
		{"the soak is over", soak, done, time.Hour, 0},
		{"a gate alone: a person ends it", gate, done, time.Minute, 0},
		{"an approval ends before it is used", func(p *plan.Plan) { soak(p); gate(p) }, with(done, approved),
			10 * time.Minute, 20 * time.Minute},
		{"the approval has ended", func(p *plan.Plan) { soak(p); gate(p) }, with(done, approved), 30 * time.Minute,
			time.Hour},
		{"the approval is used", gate, with(done, approved, fleet.GateOpened{Wave: "one", When: fleet.GateAfter}),
			10 * time.Minute, 0},
		{"a throttle ends", nil, with(ready, fleet.Throttled{Subscription: "s", Until: at.Add(31 * time.Minute)}), 0,
			31 * time.Minute},
		{"a throttle ends before a window opens", func(p *plan.Plan) { p.Calendar = daily(22, 6) },
			with(ready, fleet.Throttled{Subscription: "s", Until: at.Add(31 * time.Minute)}), 0, 31 * time.Minute},
		{"a throttle of a subscription for which nothing waits", nil,
			with(ready, fleet.Throttled{Subscription: "other", Until: at.Add(9 * time.Minute)}), 0, 9 * time.Minute},
		{"the throttle is over", nil, with(ready, fleet.Throttled{Subscription: "s", Until: at.Add(31 * time.Minute)}),
			31 * time.Minute, 0},
		{"a busy vault is tried again", nil,
			with(ready[:2], fleet.Validated{Vault: key(0), Verdict: fleet.VerdictBusy}), 0, 5 * time.Minute},
		{"starts are given up", nil, with(ready,
			fleet.StartWaits{Vault: key(0), Reason: "the roles are not there yet"}), time.Minute, 2 * time.Hour},
		{"access is denied: an answer ends it", nil, with(ready, fleet.AccessDenied{Subscription: "s"}), 0, 0},
		{"paused before a window: it opens all the same", func(p *plan.Plan) { p.Calendar = daily(22, 6) },
			with(ready, fleet.Paused{Reason: "looking"}), 0, 10 * time.Hour},
		{"closed", func(p *plan.Plan) { p.Calendar = daily(22, 6) }, with(ready, fleet.RunClosed{}), 0, 0},
	} {
		p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
			Subscriptions: []fleet.Subscription{{ID: "s", Name: "retail"}},
			Waves:         []plan.Wave{{Name: "one", Vaults: []int{0}}, {Name: "two", Vaults: []int{1}}}}
		for i := range 2 {
			v := plan.Vault{Wave: i, Predicted: plan.Prediction{P50: time.Minute, P90: time.Minute}}
			v.Key, v.SubscriptionID, v.SubscriptionName, v.Name = key(i), "s", "retail", string(rune('a'+i))
			p.Vaults = append(p.Vaults, v)
		}
		if c.plan != nil {
			c.plan(p)
		}
		st := rollout.NewState(p)
		for _, f := range c.facts {
			if err := st.Apply(fleet.Event{At: at, Fact: f}); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		var want time.Time
		if c.want != 0 {
			want = at.Add(c.want)
		}
		if got := report.NextChange(st, at.Add(c.after)); !got.Equal(want) {
			t.Errorf("%s: it changes at %s, want %s", c.name, got, want)
		}
	}
}
