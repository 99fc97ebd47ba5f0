package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// TestPlanReadsTheJournalOnce: the run that plan has read for what it measured is the one
// it goes on with, and only while the ledger has neither another event nor another run.
func TestPlanReadsTheJournalOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, inventory := filepath.Join(dir, "fleet.db"), filepath.Join(dir, "fleet.yaml")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(inventory, bigInventory(60), 0o600))
	loaded, err := session.Load(inventory, false)
	must(err)
	src := &session.Source{Loaded: loaded, Ledger: path}
	data, err := plan.Encode(src.Plan)
	must(err)
	write := func(do func(l *state.Ledger) error) {
		t.Helper()
		lock, err := state.Acquire(path, state.Holder{Host: "test"})
		must(err)
		defer lock.Close()
		l, err := state.Open(lock, state.Binding{Cloud: session.CloudIdentity(src.Plan.Cloud),
			Version: versionString()})
		must(err)
		must(do(l))
		must(l.Close())
	}
	at := time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC)
	opened := func(id string) []fleet.Event {
		return []fleet.Event{{At: at, Fact: fleet.RunOpened{RunID: id, PlanFingerprint: src.Plan.Fingerprint}}}
	}
	write(func(l *state.Ledger) error { return l.Begin(data, opened("20260316-110000-one"), nil) })

	var errs bytes.Buffer
	e := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs}
	// read is the newest run with a mark that its journal has not.
	read := func() *journal.Run {
		t.Helper()
		_, newest, err := e.known(src)
		must(err)
		if newest == nil {
			t.Fatal("the newest run was not handed on")
		}
		marked := *newest.State.Plan
		marked.Kind = "marked"
		newest.State.Plan = &marked
		return newest
	}
	goesOnWith := func(newest *journal.Run) fleet.Kind {
		t.Helper()
		m, _, err := e.rememberedWith(path, newest)
		must(err)
		return m.Newest
	}
	if got := goesOnWith(read()); got != "marked" {
		t.Errorf("the journal was read again: the newest run is of kind %q", got)
	}
	newest := read()
	write(func(l *state.Ledger) error {
		return l.Commit([]fleet.Event{{At: at, Fact: fleet.RunClosed{}}}, nil)
	})
	if got := goesOnWith(newest); got != src.Plan.Kind {
		t.Errorf("an event came, and the run of kind %q was still that of before", got)
	}
	newest = read()
	write(func(l *state.Ledger) error { return l.Begin(data, opened("20260316-120000-two"), nil) })
	if got := goesOnWith(newest); got != src.Plan.Kind {
		t.Errorf("another run came, and the run of kind %q was still that of before", got)
	}
	if errs.Len() > 0 {
		t.Errorf("it said %s", &errs)
	}
}
