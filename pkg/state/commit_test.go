package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

func intent(n int) []fleet.Event {
	return []fleet.Event{statetest.At(n, fleet.StartIntended{Vault: statetest.Key(n), OperationID: "op", Attempt: 1})}
}

// An intent must not go to a file that nobody would find again.
func TestCommitToAReplacedFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(path string) error
		want error
		kept string // where the open file went, if it has a name
	}{
		{"deleted", os.Remove, state.ErrReplaced, ""},
		{"moved away", func(path string) error { return os.Rename(path, path+".old") }, state.ErrReplaced, ".old"},
		{"replaced by a copy", func(path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.Rename(path, path+".old"), os.WriteFile(path, b, 0o600))
		}, state.ErrReplaced, ".old"},
		{"replaced by a directory", func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Mkdir(path, 0o700))
		}, state.ErrReplaced, ".old"},
		{"a link turned elsewhere", func(path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".copy", b, 0o600), os.Remove(path),
				os.Symlink(path+".copy", path))
		}, state.ErrReplaced, ".real"},
		{"touched", func(path string) error { return os.Chmod(path, 0o640) }, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "fleet.db")
			if c.kept == ".real" {
				lock := acquire(t, path+c.kept)
				if err := errors.Join(open(t, lock).Close(), lock.Close(), os.Symlink(path+c.kept, path)); err != nil {
					t.Fatal(err)
				}
			}
			held := acquire(t, path)
			l, err := state.Open(held, binding)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
				l.Commit(intent(1), nil), c.do(path)); err != nil {
				t.Fatal(err)
			}
			err = l.Commit(intent(2), nil)
			if c.want == nil {
				if err != nil {
					t.Fatalf("Commit: %v", err)
				}
				return
			}
			if !errors.Is(err, c.want) || !errors.Is(err, state.ErrCommit) || !strings.Contains(err.Error(), path) {
				t.Fatalf("Commit: %v; want ErrReplaced and ErrCommit", err)
			}
			if again := l.Commit(intent(3), nil); !errors.Is(again, state.ErrCommit) {
				t.Fatalf("the commit after it: %v; want ErrCommit", again)
			}
			if err := errors.Join(l.Close(), held.Close()); err != nil {
				t.Fatal(err)
			}
			if c.kept == "" {
				return
			}
			r, err := state.OpenReadOnly(path + c.kept)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got := statetest.EventsOf(t, r, "r1"); len(got) != 2 {
				t.Fatalf("%d events in the file that was moved; want the 2 from before", len(got))
			}
		})
	}
}

// A commit that the disk refuses is final: the ledger answers nothing more, and
// a new opening finds what was acknowledged.
func TestFailedCommitIsFinal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	l := open(t, lock)
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
		l.Commit(intent(1), nil)); err != nil {
		t.Fatal(err)
	}
	l.LimitSize(64 << 10)
	var big []fleet.Event
	for i := range 2000 {
		big = append(big, intent(i)...)
	}
	first := l.Commit(big, []fleet.VaultRecord{{Vault: statetest.Key(1), Status: fleet.Starting}})
	if !errors.Is(first, state.ErrCommit) || !strings.Contains(first.Error(), "may be written") {
		t.Fatalf("Commit: %v; want ErrCommit", first)
	}
	_, _, headErr := l.Head()
	_, planErr := l.Plan("plan of r1")
	for name, err := range map[string]error{
		"Commit": l.Commit(intent(2), nil),
		"empty":  l.Commit(nil, nil),
		"Begin":  l.Begin(statetest.PlanOf("r2"), statetest.Opening("r2"), nil),
		"Events": l.Events("r1", nil),
		"Head":   headErr,
		"Plan":   planErr,
	} {
		if !errors.Is(err, state.ErrCommit) {
			t.Errorf("%s after it: %v; want ErrCommit", name, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, lock)
	if got := statetest.EventsOf(t, l, "r1"); len(got) != 2 {
		t.Fatalf("%d events after the failed commit; want 2", len(got))
	}
	if got := statetest.RecordsOf(t, l); len(got) != 0 {
		t.Fatalf("records after the failed commit: %v", got)
	}
	if err := l.Commit(intent(2), nil); err != nil {
		t.Fatalf("Commit after the reopening: %v", err)
	}
}

// A plan is kept once, as it was first given.
func TestPlanIsKeptOnce(t *testing.T) {
	t.Parallel()
	l := open(t, acquire(t, filepath.Join(t.TempDir(), "fleet.db")))
	plan := []byte(strings.Repeat(`{"name":"vault"},`, 1<<16))
	opened := func(id string) []fleet.Event {
		return []fleet.Event{statetest.At(0, fleet.RunOpened{RunID: id, PlanFingerprint: "f"})}
	}
	if err := errors.Join(
		l.Begin(plan, opened("r1"), nil),
		l.Commit([]fleet.Event{statetest.At(1, fleet.RunClosed{})}, nil),
		l.Begin([]byte("{}"), opened("r2"), nil)); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Plan("f"); err != nil || string(got) != string(plan) {
		t.Fatalf("Plan returned %d bytes, %v; want the %d of the first", len(got), err, len(plan))
	}
	if fi, err := os.Stat(l.Path()); err != nil || fi.Size() > int64(len(plan)) {
		t.Fatalf("the ledger has %v bytes (%v); the plan alone has %d", fi.Size(), err, len(plan))
	}
}

// Whoever listens hears of what is durable, once, in its order, and of nothing else.
func TestCommittedIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	l := open(t, acquire(t, path))
	var told []string
	l.Committed = func(events []fleet.Event) {
		for _, e := range events {
			told = append(told, e.Fact.Name())
		}
	}
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
		l.Commit(intent(1), nil)); err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(statetest.PlanOf("r2"), statetest.Opening("r2"), nil); err == nil {
		t.Error("a second run began beside the first")
	}
	if want := []string{statetest.Opening("r1")[0].Fact.Name(), intent(1)[0].Fact.Name()}; !slices.Equal(told[:1],
		want[:1]) || told[len(told)-1] != want[1] || len(told) != len(statetest.Opening("r1"))+1 {
		t.Errorf("told %q", told)
	}
}
