package main

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// remembered is a journal in memory as a reading wants it.
type remembered struct{ *state.Memory }

func (m remembered) EventsAfter(run string, after uint64, fn func(uint64, fleet.Event) error) error {
	return m.Events(run, func(seq uint64, e fleet.Event) error {
		if seq <= after {
			return nil
		}
		return fn(seq, e)
	})
}

// What is put back is what a vault had before the newest run that started it: of
// several tries in one run before the first, for the later ones may have found it
// half changed. A start without a record of it takes nothing back.
func TestStatesBefore(t *testing.T) {
	t.Parallel()
	m, err := state.NewMemory(state.Binding{Cloud: "Emulator"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC)
	start := func(vault fleet.Key, before string) fleet.Event {
		return fleet.Event{At: at, Fact: fleet.StartIntended{Vault: vault, OperationID: "op", Attempt: 1,
			Before: json.RawMessage(before)}}
	}
	run := func(id string, events ...fleet.Event) error {
		opened := fleet.Event{At: at, Fact: fleet.RunOpened{RunID: id, PlanFingerprint: id}}
		return m.Begin([]byte("plan of "+id), append([]fleet.Event{opened}, events...), nil)
	}
	closed := []fleet.Event{{At: at, Fact: fleet.RunClosed{}}}
	err = errors.Join(run("r1", start("a", `1`), start("a", `2`), start("b", `3`)), m.Commit(closed, nil),
		run("r2", start("a", `4`), start("a", `5`), start("b", "")))
	if err != nil {
		t.Fatal(err)
	}
	got, err := session.StatesBefore(&session.ReadOnlyLedger{Reader: remembered{m}})
	a, _ := got.Of("a")
	b, _ := got.Of("b")
	if err != nil || string(a) != "4" || string(b) != "3" {
		t.Errorf("got %s and %s, %v", a, b, err)
	}
}
