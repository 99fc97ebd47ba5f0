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

// TestResumeFollowsSignedAddresses: what a resume begins with comes from the audit of the
// ledger, which sees no signature. The operations that it follows have theirs again.
func TestResumeFollowsSignedAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, inventory := filepath.Join(dir, "fleet.db"), filepath.Join(dir, "fleet.yaml")
	if err := os.WriteFile(inventory, bigInventory(60), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := session.Load(inventory, false)
	if err != nil {
		t.Fatal(err)
	}
	p := loaded.Plan
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := state.Acquire(path, state.Holder{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := state.Open(lock, state.Binding{Cloud: session.CloudIdentity(p.Cloud), Version: versionString()})
	if err != nil {
		t.Fatal(err)
	}
	const address = "/subscriptions/s/operations/o?api-version=2026-01-01&t=1&c=2&s=3&h=4"
	i := p.Waves[0].Vaults[0]
	key := p.Vaults[i].Key
	run := journal.Begin(p)
	var events []fleet.Event
	for n, f := range []fleet.Fact{
		fleet.RunOpened{RunID: "20260316-110000-signed", PlanFingerprint: p.Fingerprint, Version: versionString()},
		fleet.WaveOpened{Wave: p.Waves[0].Name},
		fleet.Validated{Vault: key, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: key, OperationID: "op", Attempt: 1},
		fleet.StartAnswered{Vault: key, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted,
			Operation: &fleet.Operation{StatusURL: address}}},
	} {
		e := fleet.Event{At: time.Date(2026, 3, 16, 11, 0, n, 0, time.UTC), Fact: f}
		if err := run.Apply(e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if err := l.Begin(data, events[:1], nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(events[1:], []fleet.VaultRecord{run.State.Record(i)}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := session.Process{Command: "resume", Version: versionString()}.OpenLocked(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	v := &h.Run.State.Vaults[i]
	if v.Operation == nil || v.Operation.Sealed == "" {
		t.Fatalf("the audit has seen %+v", v.Operation)
	}
	if err := withAddresses(h.Ledger, h.Run.State); err != nil {
		t.Fatal(err)
	}
	if v.Operation.StatusURL != address || v.Operation.Sealed != "" {
		t.Errorf("what is followed is %+v", v.Operation)
	}
}
