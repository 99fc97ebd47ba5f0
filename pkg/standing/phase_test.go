package standing

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

var t0 = time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)

// onePerWave is a plan of two waves with a vault each, and an approval between them.
func onePerWave() *plan.Plan {
	p := &plan.Plan{Cloud: fleet.Cloud{Name: fleet.AzurePublic}, Kind: fleet.KindClassic, Limits: plan.DefaultLimits(),
		Timings:       plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitCount},
		Waves: []plan.Wave{{Name: "canary", Approval: &plan.Approval{When: plan.ApprovalAfter},
			Vaults: []int{0}}, {Name: "rest", Vaults: []int{1}}}}
	for i, name := range []string{"web", "sql"} {
		v := plan.Vault{Wave: i}
		v.Kind, v.SubscriptionID, v.Name, v.Location, v.ResourceType = fleet.KindClassic, "s", name, "West US",
			fleet.BackupVault
		v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
		p.Vaults = append(p.Vaults, v)
	}
	return p
}

func TestPhases(t *testing.T) {
	t.Parallel()
	p := onePerWave()
	canary := p.Vaults[0].Key
	const op = "11111111-0000-4000-8000-000000000001-P"
	opened, by := fleet.RunOpened{RunID: "r"}, fleet.Actor{User: "sam"}
	inFlight := []fleet.Fact{opened, fleet.WaveOpened{Wave: "canary"},
		fleet.Validated{Vault: canary, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: canary, OperationID: op},
		fleet.StartAnswered{Vault: canary, OperationID: op, Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}}}
	atGate := []fleet.Fact{opened, fleet.WaveOpened{Wave: "canary"},
		fleet.Validated{Vault: canary, Verdict: fleet.VerdictBlocked}, fleet.WaveDone{Wave: "canary"}}
	with := func(before []fleet.Fact, more ...fleet.Fact) []fleet.Fact {
		return append(before[:len(before):len(before)], more...)
	}
	left := func(why string) fleet.Fact { return fleet.RunSuspended{Why: why, Code: fleet.ExitInterrupted} }
	for name, c := range map[string]struct {
		facts      []fleet.Fact
		live, left Phase // with a process, and without one
	}{
		"nothing yet":      {nil, Beginning, Interrupted},
		"in flight":        {inFlight, Running, Interrupted},
		"at a gate":        {atGate, Waiting, Interrupted},
		"paused":           {with(inFlight, fleet.Paused{By: by}), Paused, Interrupted},
		"paused at a gate": {with(atGate, fleet.Paused{By: by}), Paused, Interrupted},
		"told to leave":    {with(inFlight, fleet.Stopped{By: by}), Stopping, Interrupted},
		"told to close":    {with(inFlight, fleet.Stopped{By: by, Close: true}), Closing, Interrupted},
		"told to close in a pause": {with(inFlight, fleet.Paused{By: by}, fleet.Stopped{By: by, Close: true}),
			Closing, Interrupted},
		"over its budget, and in flight": {with(inFlight, fleet.RunHalted{Scope: "run"}), Halting, Halted},
		"over its budget":                {with(atGate, fleet.RunHalted{Scope: "run"}), Halted, Halted},
		"over its budget and told to stop": {with(atGate, fleet.RunHalted{Scope: "run"}, fleet.Stopped{By: by}), Halted,
			Halted},
		"left at a gate":  {with(atGate, left(fleet.SuspendedWait)), Waiting, Waiting},
		"left in a pause": {with(atGate, fleet.Paused{By: by}, left(fleet.SuspendedPause)), Paused, Paused},
		"left in a pause that is over": {with(atGate, fleet.Paused{By: by}, left(fleet.SuspendedPause),
			fleet.Paused{By: by, Off: true}), Waiting, Waiting},
		"left for a sign-in": {with(inFlight, left(fleet.SuspendedSignIn)), Interrupted, Interrupted},
		"left by a signal":   {with(inFlight, left(fleet.SuspendedSignal)), Interrupted, Interrupted},
		"resumed": {with(inFlight, left(fleet.SuspendedSignal), fleet.Resumed{By: by}), Running,
			Interrupted},
		"closed": {with(atGate, fleet.RunClosed{}), Finished, Finished},
	} {
		st := rollout.NewState(p)
		for _, f := range c.facts {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := PhaseOf(st, true, t0); got != c.live {
			t.Errorf("%s: with a process it is %s, want %s", name, got, c.live)
		}
		if got := PhaseOf(st, false, t0); got != c.left {
			t.Errorf("%s: without a process it is %s, want %s", name, got, c.left)
		}
	}
}
