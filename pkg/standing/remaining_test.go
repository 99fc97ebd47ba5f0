package standing

import (
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestRemaining: an expected end is never before the moment from which it is seen, a
// wave that is done has none, and what it takes for granted follows from what holds the
// run up.
func TestRemaining(t *testing.T) {
	t.Parallel()
	p := onePerWave()
	now := t0.Add(time.Hour)
	guess := rollout.Outlook{P50: t0.Add(30 * time.Minute), P90: t0.Add(90 * time.Minute),
		Waves: []rollout.Likely{{P50: t0, P90: t0}, {P50: t0.Add(30 * time.Minute), P90: t0.Add(90 * time.Minute)}}}
	begun := []fleet.Fact{fleet.RunOpened{RunID: "r"}, fleet.WaveOpened{Wave: "canary"},
		fleet.Validated{Vault: p.Vaults[0].Key, Verdict: fleet.VerdictBlocked}, fleet.WaveDone{Wave: "canary"}}
	for name, c := range map[string]struct {
		facts  []fleet.Fact
		ending bool
		left   bool
		want   []Assumption
	}{
		"before a gate": {want: []Assumption{ApprovalsCome}},
		"after the gate": {facts: []fleet.Fact{fleet.GateOpened{Wave: "canary", When: fleet.GateAfter,
			Needless: true}}},
		"paused": {facts: []fleet.Fact{fleet.Paused{}}, want: []Assumption{PauseEnds, ApprovalsCome}},
		"told to leave": {facts: []fleet.Fact{fleet.Stopped{}},
			want: []Assumption{RunIsResumed, ApprovalsCome}},
		"left at the gate": {facts: []fleet.Fact{fleet.RunSuspended{Why: fleet.SuspendedWait,
			Gate: fleet.GateAfter, Wave: "canary"}}, left: true, want: []Assumption{RunIsResumed, ApprovalsCome}},
		"left after the gate": {facts: []fleet.Fact{fleet.GateOpened{Wave: "canary", When: fleet.GateAfter,
			Needless: true}}, left: true, want: []Assumption{RunIsResumed}},
		"left in a pause": {facts: []fleet.Fact{fleet.Paused{}}, left: true,
			want: []Assumption{PauseEnds, RunIsResumed, ApprovalsCome}},
		"suspended": {facts: []fleet.Fact{fleet.RunSuspended{Why: fleet.SuspendedSignal}},
			want: []Assumption{RunIsResumed, ApprovalsCome}},
		"paused, and closing": {facts: []fleet.Fact{fleet.Paused{}}, ending: true,
			want: []Assumption{NoMoreStarts}},
		"halted with some flying": {facts: []fleet.Fact{fleet.RunHalted{Scope: "run"}}, ending: true,
			want: []Assumption{NoMoreStarts}},
	} {
		st := rollout.NewState(p)
		for _, f := range append(begun[:len(begun):len(begun)], c.facts...) {
			if err := st.Apply(fleet.Event{At: t0, Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		guess.Ending = c.ending
		r := RemainingOf(st, guess, now, !c.left)
		if !slices.Equal(r.If, c.want) {
			t.Errorf("%s: it takes %q for granted, want %q", name, r.If, c.want)
		}
		if !r.P50.Equal(now) || !r.P90.Equal(guess.P90) || !r.Waves[1].P50.Equal(now) ||
			!r.Waves[1].P90.Equal(guess.P90) || !r.Waves[0].P90.IsZero() {
			t.Errorf("%s: seen from %s the ends are %+v", name, now, r)
		}
		if r := RemainingOf(st, rollout.Outlook{}, now, true); !r.P90.IsZero() || r.Waves != nil || r.If != nil {
			t.Errorf("%s: without a guess there is %+v", name, r)
		}
	}
}

// TestRemainingWhileItStands: the work of a run that waits for a person begins when they
// let it go on, so its end is counted from now, however long the wait has been. What ends
// by itself, and a window, do not wait.
func TestRemainingWhileItStands(t *testing.T) {
	t.Parallel()
	const work, more = 20 * time.Second, 30 * time.Second
	waited := t0.Add(45 * time.Second)
	guess := rollout.Outlook{From: t0, P50: t0.Add(work), P90: t0.Add(more),
		Waves: []rollout.Likely{{}, {P50: t0.Add(work), P90: t0.Add(more)}}}
	p := onePerWave()
	atTheGate := []fleet.Fact{fleet.RunOpened{RunID: "r", Changed: map[string]time.Time{"canary": t0}},
		fleet.WaveOpened{Wave: "canary"}, fleet.Validated{Vault: p.Vaults[0].Key, Verdict: fleet.VerdictBlocked},
		fleet.WaveDone{Wave: "canary"}}
	opened := fleet.GateOpened{Wave: "canary", When: fleet.GateAfter}
	for name, c := range map[string]struct {
		change func(*plan.Plan)
		facts  []fleet.Fact
		left   bool
		moves  bool
	}{
		"at a gate":             {moves: true},
		"left at a gate":        {left: true, moves: true},
		"going on":              {facts: []fleet.Fact{opened, fleet.WaveOpened{Wave: "rest"}}},
		"paused":                {facts: []fleet.Fact{opened, fleet.Paused{}}, moves: true},
		"killed with work left": {facts: []fleet.Fact{opened, fleet.WaveOpened{Wave: "rest"}}, left: true, moves: true},
		"in a soak":             {change: func(p *plan.Plan) { p.Waves[0].Soak = time.Hour }, left: true},
		"with windows":          {change: func(p *plan.Plan) { p.Calendar = &plan.Calendar{} }},
		"paused, and one is in flight": {facts: []fleet.Fact{opened, fleet.WaveOpened{Wave: "rest"},
			fleet.Validated{Vault: p.Vaults[1].Key, Verdict: fleet.VerdictReady},
			fleet.StartIntended{Vault: p.Vaults[1].Key, OperationID: "op", Attempt: 1}, fleet.Paused{}}},
	} {
		p := onePerWave()
		if c.change != nil {
			c.change(p)
		}
		st := rollout.NewState(p)
		for _, f := range append(atTheGate[:len(atTheGate):len(atTheGate)], c.facts...) {
			if err := st.Apply(fleet.Event{At: t0.Add(-time.Minute), Fact: f}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		want := rollout.Likely{P50: waited, P90: waited} // overtaken
		if c.moves {
			want = rollout.Likely{P50: waited.Add(work), P90: waited.Add(more)}
		}
		if r := RemainingOf(st, guess, waited, !c.left); r.Likely != want || r.Waves[1] != want {
			t.Errorf("%s: it ends %+v, its wave %+v, want %+v", name, r.Likely, r.Waves[1], want)
		}
	}
}
