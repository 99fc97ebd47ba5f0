package report_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestWaits: what a run may wait for is said with until when and what to type,
// and nothing is said while something goes on.
func TestWaits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)
	key := func(i int) fleet.Key { return fleet.Key("classic/s/" + string(rune('a'+i))) }
	ready := []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "one"},
		fleet.Validated{Vault: key(0), Verdict: fleet.VerdictReady}}
	started := append(ready[:3:3], fleet.StartIntended{Vault: key(0), OperationID: "op", Attempt: 1},
		fleet.StartAnswered{Vault: key(0), OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
	done := append(started[:5:5], fleet.Observed{Vault: key(0), OperationID: "op",
		Record: &fleet.Record{OperationID: "op", State: fleet.RecordUpgraded}},
		fleet.Verified{Vault: key(0), OperationID: "op"}, fleet.WaveDone{Wave: "one"})
	every := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		name  string
		plan  func(*plan.Plan)
		facts []fleet.Fact
		after time.Duration
		want  string // what, then a bar and the command
	}{
		{"it starts now", nil, ready, 0, ""},
		{"in flight", nil, started, 0, ""},
		{"window", func(p *plan.Plan) {
			p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: every, Start: 22 * 60, End: 6 * 60, Zone: "UTC"}}}
		}, ready, 0, "the window that opens Mon 22:00|"},
		{"throttle", nil, append(ready[:3:3], fleet.Throttled{Subscription: "s", Until: at.Add(31 * time.Minute)}), 0,
			"subscription retail, throttled until Mon 12:31|"},
		{"the throttle is over", nil, append(ready[:3:3],
			fleet.Throttled{Subscription: "s", Until: at.Add(31 * time.Minute)}), 32 * time.Minute, ""},
		{"busy", nil, append(ready[:2:2], fleet.Validated{Vault: key(0), Verdict: fleet.VerdictBusy}), 0,
			"1 busy vault (retail/a), tried again Mon 12:05|"},
		{"a start", nil, append(ready[:3:3], fleet.StartWaits{Vault: key(0), Reason: "the roles are not there yet"}),
			time.Minute,
			"what 1 start needs (retail/a), until Mon 14:00 at most: the roles are not there yet|"},
		{"two starts", func(p *plan.Plan) { p.Vaults[1].Wave = 0 },
			append(ready[:3:3], fleet.StartWaits{Vault: key(0), Reason: "the roles are not there yet"},
				fleet.Validated{Vault: key(1), Verdict: fleet.VerdictReady},
				fleet.StartWaits{Vault: key(1), Reason: "nor these"}), time.Minute,
			"what 2 starts need (retail/a, retail/b), until Mon 14:00 at most; one of them: the roles are not there " +
				"yet|"},
		{"a start in a pause", nil, append(ready[:3:3],
			fleet.StartWaits{Vault: key(0), Reason: "the roles are not there yet"},
			fleet.Paused{By: fleet.Actor{User: "ops"}, Reason: "a restore"}), 0,
			"the end of the pause, by ops: a restore|fleetup pause --off --reason TEXT --state l.db"},
		{"no answer to a check", nil, append(ready[:2:2],
			fleet.Validated{Vault: key(0), Verdict: fleet.VerdictBusy, Findings: []fleet.Finding{
				{Severity: fleet.SeverityError, Code: fleet.CodeUnreachable, Message: "no route to host"}}}), 0,
			"an answer about retail/a (no route to host), asked for again at growing intervals|"},
		{"a start cannot be made ready", nil,
			append(ready[:3:3], fleet.StartWaits{Vault: key(0), Reason: "no route to host",
				Code: fleet.CodeUnreachable}), time.Minute,
			"an answer about retail/a (no route to host), asked for again at growing intervals|"},
		{"a start cannot be sent", nil, append(ready[:3:3],
			fleet.StartIntended{Vault: key(0), OperationID: "op", Attempt: 1},
			fleet.NotSent{Vault: key(0), OperationID: "op", Reason: "too many open files",
				Code: fleet.CodeUnreachable}), time.Minute,
			"an answer about retail/a (too many open files), asked for again at growing intervals|"},
		{"nor another of its subscription",
			func(p *plan.Plan) { p.Vaults[1].Wave, p.Waves[0].Vaults, p.Waves[1].Vaults = 0, []int{0, 1}, nil },
			append(ready[:3:3], fleet.Validated{Vault: key(1), Verdict: fleet.VerdictReady},
				fleet.StartWaits{Vault: key(1), Reason: "no route to host", Code: fleet.CodeUnreachable}), time.Minute,
			"an answer about retail/a, retail/b (no route to host), asked for again at growing intervals|"},
		{"pause", nil, append(ready[:3:3], fleet.Paused{By: fleet.Actor{User: "ops"}, Reason: "a restore"}), 0,
			"the end of the pause, by ops: a restore|fleetup pause --off --reason TEXT --state l.db"},
		{"pause, in flight", nil, append(started[:5:5],
			fleet.Paused{By: fleet.Actor{User: "ops"}, Reason: "a restore"}), 0,
			"the end of the pause, by ops: a restore|fleetup pause --off --reason TEXT --state l.db"},
		{"soak", func(p *plan.Plan) { p.Waves[0].Soak = time.Hour }, done, 10 * time.Minute,
			"the end of wave one's soak, Mon 13:00, then wave two|"},
		{"soak before a gate", func(p *plan.Plan) {
			p.Waves[0].Soak, p.Waves[0].Approval = time.Hour, &plan.Approval{When: plan.ApprovalAfter}
		}, done, 10 * time.Minute, "the end of wave one's soak, Mon 13:00, then an approval after wave one|"},
		{"gate", func(p *plan.Plan) { p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter} }, done, 0,
			"an approval after wave one|fleetup approve --wave one --reason TEXT --state l.db"},
		{"gate before the first wave",
			func(p *plan.Plan) { p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalBefore} }, ready[:1], 0,
			"an approval before wave one|fleetup approve --wave one --reason TEXT --state l.db"},
		{"an approval that does not hold",
			func(p *plan.Plan) { p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter} },
			append(done[:8:8], fleet.Approved{Wave: "one", When: fleet.GateAfter, By: fleet.Actor{User: "ops"},
				ExpiresAt: at}), time.Minute,
			"an approval after wave one (the approval of ops expired at 2026-03-16T12:00:00Z)|fleetup approve --wave " +
				"one --reason TEXT --state l.db"},
		{"access", func(p *plan.Plan) { p.Inventory = "shops.yaml" },
			append(ready[:3:3], fleet.AccessDenied{Subscription: "s", Detail: "no co-administrator"}), time.Minute,
			"access to subscription retail, refused since Mon 16 Mar 12:00 (no co-administrator), tried again with " +
				"each reading, every 30s|fleetup preflight shops.yaml"},
		{"access, given up", nil, append(ready[:3:3],
			fleet.AccessDenied{Subscription: "s", Detail: "no co-administrator", GivenUp: true}), time.Minute,
			"access to subscription retail, refused since Mon 16 Mar 12:00 (no co-administrator), not tried again " +
				"before a resume|"},
		{"access, in flight", nil, append(started[:5:5],
			fleet.AccessDenied{Subscription: "s", Detail: "token expired"}), time.Minute,
			"access to subscription retail, refused since Mon 16 Mar 12:00 (token expired), tried again with each " +
				"reading, every 30s; the rest of the run goes on|"},
		{"access again", nil, append(ready[:3:3], fleet.AccessDenied{Subscription: "s", Detail: "no co-administrator"},
			fleet.AccessDenied{Subscription: "s", Off: true}), 0, ""},
		{"a resume begins without a denial", nil,
			append(ready[:3:3], fleet.AccessDenied{Subscription: "s"}, fleet.Resumed{}), 0, ""},
		{"halted", nil, append(ready[:3:3], fleet.RunHalted{Scope: "run"}), 0, ""},
		{"closing", nil, append(ready[:3:3], fleet.Stopped{Close: true}), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
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
					t.Fatal(err)
				}
			}
			now := at.Add(c.after)
			what, command := report.WaitWords(report.Waits(st, now), lexicon.ClockIn(nil).NearBy(now), "l.db")
			meanwhile := report.HoldsUp(report.Waits(st, now)) == nil
			if got := strings.TrimSuffix(what+"|"+command, "|"); got != strings.TrimSuffix(c.want, "|") {
				t.Errorf("it waits for\n%s\nwant\n%s", got, c.want)
			}
			// The terminal, the lines, the status and the JSON say the same.
			v := report.FromState(st, report.ViewOptions{Live: true, Now: now}).Worded(report.Options{State: "l.db"})
			if got := v.Waiting(nil); got != layout.Zoned(what, nil, now) {
				t.Errorf("the page says %q, not %q", got, what)
			}
			var lines strings.Builder
			plain := progress.NewPlain(&lines, st, nil)
			plain.Tracker().Ledger = "l.db"
			if err := plain.Waiting(now); err != nil {
				t.Fatal(err)
			}
			line := strings.TrimSuffix(lines.String(), "\n")
			if (what == "") != (line == "") || !strings.Contains(line, layout.Zoned(what, nil, st.Run.LastAt)) ||
				!strings.HasSuffix(line, command) {
				t.Errorf("the lines say %q, not %q and %q", line, what, command)
			}
			if what != "" && meanwhile &&
				(v.Run.WaitingFor != nil || v.Run.Status != report.RunRunning || len(v.Run.Waits) == 0) {
				t.Errorf("the JSON says that the run is %s and waits for %v", v.Run.Status, v.Run.WaitingFor)
			}
			if what != "" && !meanwhile &&
				(len(v.Run.Waits) == 0 || v.Run.WaitingFor == nil || *v.Run.WaitingFor != v.Run.Waits[0].Text) {
				t.Errorf("the JSON says %v", v.Run.Waits)
			}
			if command != "" && strings.HasSuffix(command, "l.db") && v.Next[0].Command != command {
				t.Errorf("what comes next is %q, not %q", v.Next[0].Command, command)
			}
		})
	}
}

// TestClosingIsSeen: a run that is being closed says so in status, report and
// JSON, with a process and without.
func TestClosingIsSeen(t *testing.T) {
	t.Parallel()
	n := reporttest.BusyNight(t)
	n.Fact(126, fleet.Stopped{Close: true, By: reporttest.Ops, Reason: "the change is withdrawn"})
	for live, want := range map[bool]string{true: "CLOSING by ops: nothing more starts",
		false: "INTERRUPTED WHILE CLOSING by ops: "} {
		v := report.FromState(n.St, report.ViewOptions{Live: live, Now: reporttest.T0.Add(127 * time.Minute)})
		var status strings.Builder
		if err := report.Status(&status, v, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := status.String(); !strings.Contains(got, "\n"+want) ||
			!strings.Contains(got, "\nClosing       by ops: the change is withdrawn\n") || !v.Run.Closing {
			t.Errorf("live %v: %s", live, got)
		}
		if by := v.Run.ClosingBy; by == nil || *by.By != "ops" || *by.Reason != "the change is withdrawn" {
			t.Errorf("the JSON says that %v closes it", by)
		}
		if got := v.Worded(report.Options{}).Headline.Lines; !slices.Contains(got,
			"ops is closing it: the change is withdrawn.") {
			t.Errorf("the report says %q", got)
		}
		if got := v.Worded(report.Options{}).Headline.Sentence; live && !strings.Contains(got, " CLOSING: ") {
			t.Errorf("the headline is %s", got)
		}
	}
}
