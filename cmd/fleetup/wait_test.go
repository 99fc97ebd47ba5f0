package main

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// TestWaitsForTheGate: a wave that is done and soaks does not stand before its
// gate yet; time alone brings it there.
func TestWaitsForTheGate(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	p := &plan.Plan{Waves: []plan.Wave{
		{Name: "canary", Soak: 30 * time.Minute, Approval: &plan.Approval{When: plan.ApprovalAfter}},
		{Name: "rest"},
	}}
	st := rollout.NewState(p)
	fold := func(minutes int, f fleet.Fact) {
		t.Helper()
		if err := st.Apply(fleet.Event{At: start.Add(time.Duration(minutes) * time.Minute), Fact: f}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(minutes int, want bool, next time.Time) {
		t.Helper()
		got, at := happened(st, "approval", "", start.Add(time.Duration(minutes)*time.Minute))
		if got != want || !at.Equal(next) {
			t.Errorf("after %d minutes: %v, look again %v; want %v, %v", minutes, got, at, want, next)
		}
	}
	// which soaks
	fold(0, fleet.RunOpened{RunID: "r1", Changed: map[string]time.Time{"canary": start.Add(10 * time.Minute)}})
	fold(0, fleet.WaveOpened{Wave: "canary"})
	expect(5, false, time.Time{})
	fold(10, fleet.WaveDone{Wave: "canary"})
	soaked := start.Add(40 * time.Minute)
	expect(10, false, soaked)
	expect(39, false, soaked)
	expect(40, true, soaked)
	fold(41, fleet.GateOpened{Wave: "canary", When: fleet.GateAfter})
	expect(41, false, time.Time{})
}
