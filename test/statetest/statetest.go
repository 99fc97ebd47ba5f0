// Package statetest answers "does this ledger keep the contract": one suite of
// tests that the bbolt ledger and the ledger in memory both pass, and the facts
// to fill a ledger with.
package statetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Source is what can be read of every ledger.
type Source interface {
	LatestRun() (state.RunInfo, bool, error)
	Runs() ([]state.RunInfo, error)
	Plan(fingerprint string) ([]byte, error)
	Events(runID string, fn func(seq uint64, e fleet.Event) error) error
	VaultRecords(fn func(fleet.VaultRecord) error) error
	Head() (seq uint64, hash string, err error)
	Close() error
}

// Store is what every ledger can do.
type Store interface {
	Source
	Begin(plan []byte, events []fleet.Event, vaults []fleet.VaultRecord) error
	Commit(events []fleet.Event, vaults []fleet.VaultRecord) error
}

// Opener opens one store, each time it is called: empty the first time, and
// after a Close with what was committed before. It fails the test when it
// cannot.
type Opener func() Store

// Run runs the suite. newStore is called once a test and returns the opener of
// a fresh store; what it registers with t.Cleanup may check that store.
func Run(t *testing.T, newStore func(t *testing.T) Opener) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open Opener)
	}{
		{"empty", testEmpty},
		{"every fact comes back in order and equal", testEveryFact},
		{"records come back in order, the newest of each", testRecords},
		{"a reopened store has what was committed", testReopen},
		{"begin refuses over an unfinished run", testUnfinished},
		{"begin refuses what opens no run", testBeginRefuses},
		{"runs keep their own events", testRuns},
		{"what follows a closed run belongs to it", testAfterClosed},
		{"an empty commit does nothing", testEmptyCommit},
		{"the head changes with each event", testHead},
		{"a refused commit changes nothing and is final", testRefusedCommit},
		{"a large batch is one commit", testLargeBatch},
		{"an error of the callback ends the walk", testCallbackError},
		{"the callback may commit", testCallbackCommits},
		{"a closed store refuses", testClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, newStore(t))
		})
	}
}

// begin opens a run with a plan that tells of it.
func begin(t *testing.T, s Store, id string) {
	t.Helper()
	if err := s.Begin(PlanOf(id), Opening(id), nil); err != nil {
		t.Fatalf("Begin(%s): %v", id, err)
	}
}

func commit(t *testing.T, s Store, events []fleet.Event, vaults ...fleet.VaultRecord) {
	t.Helper()
	if err := s.Commit(events, vaults); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// Opening returns the first event of a run.
func Opening(runID string) []fleet.Event {
	return []fleet.Event{At(0, fleet.RunOpened{RunID: runID, PlanFingerprint: "plan of " + runID,
		By: fleet.Actor{User: "ops", Host: "build-7", PID: 41}, Version: "v1"})}
}

// PlanOf returns the bytes of the plan that Opening names.
func PlanOf(runID string) []byte { return []byte(`{"plan":"of ` + runID + `"}`) }

// At returns an event so many milliseconds into the night.
func At(ms int, f fleet.Fact) fleet.Event {
	return fleet.Event{At: time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond),
		Fact: f}
}

// Key returns the key of a numbered vault.
func Key(n int) fleet.Key {
	return fleet.KeyOf(fleet.KindClassic, "53a3c692-5283-4f0a-baf6-49412f5ebefe", fleet.BackupVault, "Australia East",
		fmt.Sprintf("vault-%06d", n))
}

// Stored is an event with its sequence number.
type Stored struct {
	Seq   uint64
	Event fleet.Event
}

// TB is what the helpers ask of a test. *testing.T has it, and so have the
// tests of other libraries.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// EventsOf returns the events of a run.
func EventsOf(t TB, s Source, runID string) []Stored {
	t.Helper()
	var got []Stored
	if err := s.Events(runID, func(seq uint64, e fleet.Event) error {
		got = append(got, Stored{seq, e})
		return nil
	}); err != nil {
		t.Fatalf("Events(%s): %v", runID, err)
	}
	return got
}

// RecordsOf returns the vaults' records.
func RecordsOf(t TB, s Source) []fleet.VaultRecord {
	t.Helper()
	var got []fleet.VaultRecord
	if err := s.VaultRecords(func(v fleet.VaultRecord) error { got = append(got, v); return nil }); err != nil {
		t.Fatalf("VaultRecords: %v", err)
	}
	return got
}

// Same compares two values by what they say as JSON, the form in which they
// are kept.
func Same(t TB, what string, got, want any) {
	t.Helper()
	g, err1 := json.Marshal(got)
	w, err2 := json.Marshal(want)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) {
		t.Fatalf("%s:\n got %.2000s\nwant %.2000s", what, g, w)
	}
}

// numbered gives events their sequence numbers.
func numbered(first uint64, events []fleet.Event) []Stored {
	var s []Stored
	for i, e := range events {
		s = append(s, Stored{first + uint64(i), e})
	}
	return s
}
