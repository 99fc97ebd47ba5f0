package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// What the journal proves about starts is counted from its facts alone: a state
// would refuse the worst of them.
func TestProof(t *testing.T) {
	t.Parallel()
	st := rollout.NewState(reporttest.FixturePlan())
	k := st.Plan.Vaults[0].Key
	intent := fleet.StartIntended{Vault: k, OperationID: "op"}
	answer := func(v fleet.StartVerdict) fleet.Fact {
		return fleet.StartAnswered{Vault: k, Answer: fleet.StartAnswer{Verdict: v}}
	}
	for name, c := range map[string]struct {
		facts []fleet.Fact
		want  Proof
	}{
		"once": {[]fleet.Fact{intent, answer(fleet.StartAccepted)}, Proof{StartsSent: 1}},
		"twice": {[]fleet.Fact{intent, answer(fleet.StartAccepted), intent},
			Proof{StartsSent: 2, SentTwice: 1}},
		"after an unknown": {[]fleet.Fact{intent, answer(fleet.StartUnknown), intent},
			Proof{StartsSent: 2, SentTwice: 1}},
		"after a crash": {[]fleet.Fact{intent, fleet.Resumed{}, intent}, Proof{StartsSent: 2, SentTwice: 1}},
		"after one reading": {[]fleet.Fact{intent, fleet.Reconciled{Vault: k, Reading: fleet.ReadForeign}, intent},
			Proof{StartsSent: 2, SentTwice: 1}},
		"after a throttle": {[]fleet.Fact{intent, answer(fleet.StartThrottled), intent},
			Proof{StartsSent: 2, SentAgain: 1}},
		"after a denial": {[]fleet.Fact{intent, answer(fleet.StartDenied), intent},
			Proof{StartsSent: 2, SentAgain: 1}},
		"never sent": {[]fleet.Fact{intent, fleet.NotSent{Vault: k}, intent}, Proof{StartsSent: 1}},
		"absence proved": {[]fleet.Fact{intent, fleet.Reconciled{Vault: k, Reading: fleet.ReadAbsent}, intent},
			Proof{StartsSent: 2, SentAgain: 1}},
		"a failure, re-opened": {[]fleet.Fact{intent, answer(fleet.StartAccepted), fleet.Reopened{Vault: k}, intent},
			Proof{StartsSent: 2, ReopenedByHand: 1}},
		"a failure, by itself": {[]fleet.Fact{intent, answer(fleet.StartAccepted), fleet.Observed{Vault: k}, intent},
			Proof{StartsSent: 2, SentTwice: 1}},
		"re-opened, then twice": {[]fleet.Fact{intent, fleet.Reopened{Vault: k}, intent, intent},
			Proof{StartsSent: 3, SentTwice: 1, ReopenedByHand: 1}},
	} {
		told := NewTimelineBuilder()
		for _, f := range c.facts {
			told.Add(st, fleet.Event{At: reporttest.T0, Fact: f})
		}
		if told.proof != c.want {
			t.Errorf("%s: %+v, want %+v", name, told.proof, c.want)
		}
		h := FromState(st, ViewOptions{Timeline: told}).Worded(Options{}).Headline
		if all := strings.Join(h.Lines, " "); strings.Contains(all,
			"No vault was sent twice.") == (c.want.SentTwice > 0) {
			t.Errorf("%s: the headline says %q", name, all)
		} else if again := strings.Contains(all, "sent again after it"); again != (c.want.SentAgain > 0) {
			t.Errorf("%s: of starts that were sent again the headline says %q", name, all)
		}
	}
	if h := FromState(st, ViewOptions{}).Worded(Options{}).Headline; strings.Contains(strings.Join(h.Lines, " "),
		"twice") {
		t.Error("without the journal something is claimed about starts")
	}
}

func texts(v *View) string {
	var lines []string
	for i := range v.Timeline.Entries {
		lines = append(lines, v.Timeline.Entries[i].line(lexicon.ClockIn(nil)))
	}
	return strings.Join(lines, "\n")
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	n.St.Plan.Waves[0].Soak = 30 * time.Minute
	n.Fact(0, fleet.RunOpened{RunID: "r", By: fleet.Actor{User: "ops"}, PlanFingerprint: n.St.Plan.Fingerprint})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Fact(1, fleet.Throttled{Subscription: reporttest.HrID, Until: reporttest.T0.Add(2 * time.Minute)})
	n.Fact(2, fleet.Throttled{Subscription: reporttest.HrID, Until: reporttest.T0.Add(5 * time.Minute)})
	n.Fact(3, fleet.Resumed{By: fleet.Actor{User: "night shift"}})
	n.Validated(3, "dev/web-01", fleet.VerdictReady)
	n.Fact(3, fleet.StartIntended{Vault: n.Key("dev/web-01"), OperationID: "a"})
	n.Fact(3, fleet.StartAnswered{Vault: n.Key("dev/web-01"), OperationID: "a",
		Answer: fleet.StartAnswer{Verdict: fleet.StartDenied, Message: "expired"}})
	n.Fact(4, fleet.RunSuspended{Why: fleet.SuspendedSignIn, Subscription: reporttest.DevID, Detail: "expired",
		Code: fleet.ExitSignIn})
	n.Fact(9, fleet.Resumed{By: fleet.Actor{User: "ops"}})
	n.Fact(20, fleet.WaveDone{Wave: "canary"})
	n.Fact(21, fleet.Approved{Wave: "canary", When: fleet.GateAfter, By: fleet.Actor{User: "boss"},
		Reason: "looks good", ExpiresAt: reporttest.T0.Add(time.Hour)})
	n.Fact(22, fleet.GateOpened{Wave: "canary", When: fleet.GateAfter})
	n.Started(23, "prod/sql-07")
	n.Failed(24, "prod/sql-07", "Boom")
	n.Fact(25, fleet.Refreshed{Vault: n.Key("prod/sql-07"), OperationID: reporttest.Op("prod/sql-07"),
		Reading: fleet.ReadAbsent, Detail: "not there", By: fleet.Actor{User: "ops"}})
	n.Fact(26, fleet.Held{Vault: n.Key("prod/sql-08"), By: fleet.Actor{User: "ops"}, Reason: "a freeze"})
	want := `run opened, plan 7f3a9c21, by ops
wave canary opened
subscription hr is throttled until Mon 11:05, 2 times in a row
the process was ended at once, killed, or crashed after this
resumed, by night shift: 0 upgrades in flight or in doubt
subscription dev refused a start: not signed in, or no permission: expired
stopped: a sign-in or permission is missing: subscription ` + reporttest.DevID + `: expired
resumed, by ops: 0 upgrades in flight or in doubt
wave canary done: 1 ready · 1 pending · 1 held
wave canary soaks until Mon 11:50
the gate after wave canary approved until Mon 12:00, by boss: looks good
the gate after wave canary opened
prod/sql-07 FAILED: Boom
prod/sql-07 read again; nothing was sent, by ops: not there
prod/sql-08 held in this run, by ops: a freeze`
	if got := texts(shownOf(n, ViewOptions{})); got != want {
		t.Errorf("the timeline reads\n%s\nwant\n%s", got, want)
	}
}

// However long the night, the timeline is bounded, and what is left out is
// counted.
func TestTimelineIsBounded(t *testing.T) {
	t.Parallel()
	const facts = 5000
	st, told := rollout.NewState(reporttest.FixturePlan()), NewTimelineBuilder()
	for i := range facts {
		told.Add(st, fleet.Event{At: reporttest.T0.Add(time.Duration(i) * time.Second),
			Fact: fleet.GateOpened{Wave: fmt.Sprint(i), When: fleet.GateAfter}})
	}
	tl := FromState(st, ViewOptions{Timeline: told}).Timeline
	if len(tl.Entries) != firstEntries+lastEntries || tl.Omitted+len(tl.Entries) != facts {
		t.Errorf("%d entries and %d omitted of %d", len(tl.Entries), tl.Omitted, facts)
	}
	if first, last := tl.Entries[firstEntries-1].Text,
		tl.Entries[len(tl.Entries)-1].Text; !strings.Contains(first, " 19 ") || !strings.Contains(last, " 4999 ") {
		t.Errorf("from %q to %q", first, last)
	}
	if n := len(told.head) + len(told.tail); n > firstEntries+2*lastEntries {
		t.Errorf("the timeline keeps %d entries", n)
	}
}
