package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// planCounter counts how often a plan is read.
type planCounter struct {
	journal.Reader
	plans int
}

func (r *planCounter) Plan(fingerprint string) ([]byte, error) {
	r.plans++
	return r.Reader.Plan(fingerprint)
}

// TestRunsReadAPlanOnce, however many runs have it, and whether or not the last is over.
func TestRunsReadAPlanOnce(t *testing.T) {
	t.Parallel()
	inventory := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := os.WriteFile(inventory, bigInventory(60), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := session.Load(inventory, false)
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.Encode(src.Plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, over := range []bool{true, false} {
		lock, err := state.Acquire(filepath.Join(t.TempDir(), "fleet.db"), state.Holder{Host: "test"})
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		l, err := state.Open(lock, state.Binding{Cloud: session.CloudIdentity(src.Plan.Cloud),
			Version: versionString()})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		at := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
		ids := []string{"20260316-110000-a", "20260317-110000-b", "20260318-110000-c"}
		for i, id := range ids {
			events := []fleet.Event{{At: at, Fact: fleet.RunOpened{RunID: id, PlanFingerprint: src.Plan.Fingerprint}}}
			if over || i < len(ids)-1 {
				events = append(events, fleet.Event{At: at, Fact: fleet.RunClosed{}})
			}
			if err := l.Begin(data, events, nil); err != nil {
				t.Fatal(err)
			}
		}
		r := &planCounter{Reader: l}
		rows, err := runRows(&session.ReadOnlyLedger{Reader: r})
		if err != nil || len(rows) != len(ids) {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if r.plans != 1 {
			t.Errorf("last run over: %v: the plan was read %d times", over, r.plans)
		}
		for i := range rows {
			if rows[i].Kind != rows[0].Kind || rows[i].Kind == "" {
				t.Errorf("last run over: %v: run %d is of kind %q", over, i, rows[i].Kind)
			}
		}
	}
}

// A run took as long as lies between the two times that stand beside that.
func TestRunTook(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	for _, c := range []struct{ opened, closed, took time.Duration }{
		{900 * time.Millisecond, 41*time.Second + 100*time.Millisecond, 41 * time.Second},
		{100 * time.Millisecond, 40*time.Second + 900*time.Millisecond, 40 * time.Second},
		{0, time.Hour, time.Hour},
	} {
		row := runRow(&state.RunInfo{OpenedAt: at.Add(c.opened), ClosedAt: at.Add(c.closed), Closed: true}, false)
		if row.Took != c.took {
			t.Errorf("from %s to %s it took %s, want %s", c.opened, c.closed, row.Took, c.took)
		}
	}
}
