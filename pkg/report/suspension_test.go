package report

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// TestLeft: that a process has left is one sentence, whatever made it leave.
func TestLeft(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 3, 22, 1, 0, 0, 0, time.UTC)
	for want, f := range map[string]fleet.RunSuspended{
		"The process has left, to be resumed: the run waits for the window that opens 2026-03-22T01:00:00Z": {
			Why: fleet.SuspendedWait, Until: until},
		"The process has left, to be resumed: the run waits for an approval after wave pilot": {
			Why: fleet.SuspendedWait, Gate: fleet.GateAfter, Wave: "pilot"},
		"The process has left, to be resumed: the run is paused, by ann: looking": {
			Why: fleet.SuspendedPause, By: "ann", Reason: "looking"},
		"The process has left, to be resumed: the run is paused": {
			Why: fleet.SuspendedPause},
		"The process has left: it was stopped by ann: enough": {
			Why: fleet.SuspendedStop, By: "ann", Reason: "enough"},
		"The process has left: it was stopped by a person": {
			Why: fleet.SuspendedStop},
		"The process has left: a signal stopped it": {
			Why: fleet.SuspendedSignal},
		"The process has left: a sign-in or permission is missing, subscription s: the token is over": {
			Why: fleet.SuspendedSignIn, Subscription: "s", Detail: "the token is over"},
		"The process has left: something of a later version": {Why: "something of a later version"},
	} {
		if got := Left(&f); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
}

// TestExpectedEndSaysAllItTakes: every condition of an expected end is in its words.
func TestExpectedEndSaysAllItTakes(t *testing.T) {
	t.Parallel()
	l := rollout.Likely{P50: time.Unix(0, 0), P90: time.Unix(60, 0)}
	if e := ExpectedEndOf(l, nil); e.If != nil {
		t.Errorf("without a condition it says %q", *e.If)
	}
	for _, c := range []struct {
		takes []standing.Assumption
		want  string
	}{
		{[]standing.Assumption{standing.NoMoreStarts}, "of what is in flight; nothing more starts"},
		{[]standing.Assumption{standing.PauseEnds}, "if the pause ends now"},
		{[]standing.Assumption{standing.RunIsResumed, standing.ApprovalsCome},
			"if the run is resumed now and approvals come at once"},
		{[]standing.Assumption{standing.PauseEnds, standing.RunIsResumed, standing.ApprovalsCome},
			"if the pause ends now, the run is resumed now and approvals come at once"},
	} {
		if got := ValueOf(ExpectedEndOf(l, c.takes).If); got != c.want {
			t.Errorf("%v: %q, want %q", c.takes, got, c.want)
		}
	}
}

// TestAClosedRunWaitsForNothing: a run whose process had left to wait, and which a person
// has closed since, waits for nothing, and its night ended when it was closed.
func TestAClosedRunWaitsForNothing(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC) // a Monday
	for name, left := range map[string]fleet.RunSuspended{
		"a window":   {Why: fleet.SuspendedWait, Until: at.AddDate(0, 0, 6)},
		"a gate":     {Why: fleet.SuspendedWait, Gate: fleet.GateAfter, Wave: "one"},
		"a sign-in":  {Why: fleet.SuspendedSignIn, Subscription: "s", Detail: "the token is over"},
		"told so":    {Why: fleet.SuspendedStop, By: "ann", Reason: "enough"},
		"by a pause": {Why: fleet.SuspendedPause, By: "ann", Reason: "looking"},
	} {
		p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
			Subscriptions: []fleet.Subscription{{ID: "s", Name: "retail"}},
			Waves:         []plan.Wave{{Name: "one", Vaults: []int{0}}},
			Calendar: &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{time.Monday}, Start: 21 * 60,
				End: 23 * 60, Zone: "UTC"}}}}
		v := plan.Vault{Predicted: plan.Prediction{P50: time.Minute, P90: time.Minute}}
		v.Key, v.SubscriptionID, v.SubscriptionName,
			v.Name = fleet.KeyOf(fleet.KindClassic, "s", fleet.BackupVault, "West US", "a"), "s", "retail", "a"
		p.Vaults = append(p.Vaults, v)
		st := rollout.NewState(p)
		closing := fleet.Stopped{Close: true, By: fleet.Actor{User: "ann"}, Reason: "enough"}
		for i, f := range []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "one"}, left, closing,
			fleet.RunClosed{}} {
			if err := st.Apply(fleet.Event{At: at.Add(time.Duration(i) * time.Minute), Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		r := FromState(st, ViewOptions{Now: at.AddDate(0, 0, 1)}).Run
		if r.WaitingFor != nil || r.Approved || len(r.Waits) > 0 {
			t.Errorf("left for %s, and closed: it waits for %q", name, ValueOf(r.WaitingFor))
		}
		if want := at.Add(4 * time.Minute); r.Night == nil || !r.Night.Until.Value().Equal(want) {
			t.Errorf("left for %s, and closed: its night is %+v, want one that ended %s", name, r.Night, want)
		}
	}
}

// TestAPauseIsSaidWithoutAProcess: a run whose process died, and that a person has paused
// since, says so, and by whom.
func TestAPauseIsSaidWithoutAProcess(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		Waves: []plan.Wave{{Name: "one", Vaults: []int{0}}}, Vaults: []plan.Vault{{}}}
	p.Vaults[0].Key = fleet.KeyOf(fleet.KindClassic, "s", fleet.BackupVault, "West US", "a")
	st := rollout.NewState(p)
	for _, f := range []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "one"},
		fleet.Paused{By: fleet.Actor{User: "ann"}, Reason: "a freeze"}} {
		if err := st.Apply(fleet.Event{At: time.Unix(0, 0), Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	var page strings.Builder
	if err := Status(&page, FromState(st, ViewOptions{Now: time.Unix(60, 0)}), Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "\nPaused ") || !strings.Contains(page.String(), "by ann: a freeze\n") {
		t.Errorf("it does not say that it is paused:\n%s", page.String())
	}
}
