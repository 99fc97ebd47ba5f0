package main

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// A draw is the same each time, differs from the next one, has about the rate that was
// asked for, and a higher rate fails whatever a lower one does.
func TestDraws(t *testing.T) {
	t.Parallel()
	few, many := whatIf{failures: 10}, whatIf{failures: 30}
	const vaults, draws = 200, 50
	n, differ := 0, 0
	for draw := range draws {
		for i := range vaults {
			k := fleet.Key(fmt.Sprintf("classic/s/v-%03d", i))
			fails := few.fails(k, draw)
			if fails {
				n++
			}
			if fails != few.fails(k, draw) || fails && !many.fails(k, draw) {
				t.Fatalf("draw %d of %s is not the same each time, or lost at a higher rate", draw, k)
			}
			if fails != few.fails(k, draw+1) {
				differ++
			}
		}
	}
	if rate := float64(n) / (vaults * draws); math.Abs(rate-0.10) > 0.015 || differ == 0 {
		t.Errorf("a rate of 10 %% fails %.1f %%; %d differ from the next draw", rate*100, differ)
	}
	if (&whatIf{failures: 100}).fails("k", 0) == false || (&whatIf{}).fails("k", 0) {
		t.Error("all and none are not all and none")
	}
}

// What is measured is what is known: an end that was seen late says nothing of how long
// the upgrade took.
func TestMeasured(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	run := &rollout.State{Plan: &plan.Plan{Vaults: make([]plan.Vault, 3)}, Vaults: []rollout.VaultState{
		{Status: fleet.Upgraded, Upgrade: rollout.Upgrade{StartedAt: began, EndedAt: began.Add(20 * time.Minute)}},
		{Status: fleet.Upgraded, Upgrade: rollout.Upgrade{StartedAt: began, EndedAt: began.Add(9 * time.Hour),
			EndedLate: true}},
		{Status: fleet.Failed, Upgrade: rollout.Upgrade{StartedAt: began, EndedAt: began.Add(time.Minute)}},
	}}
	ms := measured(run, &plan.Plan{}, 1)
	if len(ms) != 1 || ms[0].Took != 20*time.Minute {
		t.Errorf("measured %v; want the first alone", ms)
	}
}
