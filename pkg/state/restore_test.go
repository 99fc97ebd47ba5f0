package state_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// A ledger that is made again of what was kept of it is the same: its identity, each
// event byte for byte, also as another version would not write it, and so its head.
func TestRestored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(name string, b state.Binding) *state.Ledger {
		lock, err := state.Acquire(filepath.Join(dir, name), who("restorer"))
		if err != nil {
			t.Fatal(err)
		}
		l, err := state.Open(lock, b)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close(); lock.Close() })
		return l
	}
	stored := func(l *state.Ledger) (all [][]byte) {
		if err := l.Scan(func(e state.Entry) error { all = append(all, e.Data); return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := open("first.db", binding)
	if err := first.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(intent(1), nil); err != nil {
		t.Fatal(err)
	}
	events := stored(first)
	odd := bytes.Replace(events[1], []byte(`{`), []byte(`{ `), 1)
	if err := first.Restore(nil, [][]byte{odd}, nil); err != nil {
		t.Fatal(err)
	}
	again := binding
	again.Identity = first.Identity()
	second := open("second.db", again)
	if err := second.Restore(statetest.PlanOf("r1"), stored(first)[:2], nil); err != nil {
		t.Fatal(err)
	}
	if err := second.Restore(nil, stored(first)[2:], nil); err != nil {
		t.Fatal(err)
	}
	_, want, _ := first.Head()
	if seq, got, err := second.Head(); err != nil || seq != 3 || got != want {
		t.Errorf("the ledger ends with %d, %s, %v, want 3, %s", seq, got, err, want)
	}
	if err := second.Restore(statetest.PlanOf("r2"), [][]byte{events[0]}, nil); !errors.Is(err, state.ErrUnfinished) {
		t.Errorf("a run was begun in an unfinished one: %v", err)
	}
	if err := second.Restore(nil, [][]byte{[]byte("{")}, nil); !errors.Is(err, state.ErrRefused) {
		t.Errorf("no event was taken for one: %v", err)
	}
	// Of an identity of another cloud nothing is made.
	lock, err := state.Acquire(filepath.Join(dir, "third.db"), who("restorer"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := state.Open(lock, state.Binding{Cloud: "another", Identity: first.Identity()}); !errors.Is(err,
		state.ErrRefused) {
		t.Errorf("the identity of another cloud was taken: %v", err)
	}
}
