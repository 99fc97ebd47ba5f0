package state_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// A run's facts are in the ledger before anything depends on them. Who writes has the
// lock; who reads needs none, and sees each event checked against the chain.
func Example() {
	if err := writeAndRead(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// event 1: RunOpened
	// event 2: WaveOpened
	// canary/vault is starting
}

func writeAndRead() error {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "fleet.db")

	lock, err := state.Acquire(path, state.Holder{Host: "build-7", PID: os.Getpid(), Since: time.Now()})
	if err != nil {
		return err
	}
	ledger, err := state.Open(lock, state.Binding{Cloud: "AzurePublic", Version: "v1.2.3"})
	if err != nil {
		return err
	}
	at := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	opened := fleet.Event{At: at, Fact: fleet.RunOpened{RunID: "20260316-220000-abc123", PlanFingerprint: "f00d"}}
	if err := ledger.Begin([]byte(`{"plan": "of the night"}`), []fleet.Event{opened}, nil); err != nil {
		return err
	}
	if err := ledger.Commit([]fleet.Event{{At: at, Fact: fleet.WaveOpened{Wave: "canary"}}},
		[]fleet.VaultRecord{{Vault: "canary/vault", Status: fleet.Starting}}); err != nil {
		return err // nobody knows whether it is on disk: nothing more may be started
	}
	if err := ledger.Close(); err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}

	r, err := state.OpenReadOnly(path)
	if err != nil {
		return err
	}
	defer r.Close()
	run, _, err := r.LatestRun()
	if err != nil {
		return err
	}
	if err := r.Events(run.ID, func(seq uint64, e fleet.Event) error {
		_, err := fmt.Printf("event %d: %s\n", seq, e.Fact.Name())
		return err
	}); err != nil {
		return err
	}
	return r.VaultRecords(func(v fleet.VaultRecord) error {
		_, err := fmt.Println(v.Vault, "is", v.Status)
		return err
	})
}
