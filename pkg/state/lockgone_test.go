package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// A lock file that is deleted or replaced under a live run lets nobody in: bbolt's
// own lock on the ledger holds, for readers as for writers.
func TestLockFileTakenAway(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(lock string) error{
		"deleted": os.Remove,
		"replaced": func(lock string) error {
			other := lock + ".other"
			return errors.Join(os.WriteFile(other, nil, 0o600), os.Rename(other, lock))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "fleet.db")
			l := open(t, acquire(t, path))
			if err := l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
				t.Fatal(err)
			}
			if err := take(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			second := acquire(t, path) // nothing says that the first is there
			_, err := state.OpenWithin(second, 50*time.Millisecond)
			if !errors.Is(err, state.ErrInUse) ||
				!strings.Contains(err.Error(), "one whose lock file was deleted still has it") {
				t.Errorf("a second writer: %v; want ErrInUse", err)
			}
			second.Close()
			if _, err := state.OpenReadOnly(path); !errors.Is(err, state.ErrLive) {
				t.Errorf("a reader: %v; want ErrLive", err)
			}
			if err := l.Commit([]fleet.Event{statetest.At(1, fleet.WaveOpened{Wave: "w"})}, nil); err != nil {
				t.Errorf("and the first goes on: %v", err)
			}
		})
	}
}

// A ledger that has another name has another lock file, and one writer all the same.
// Nobody waits for it as for a reader: it would be for the length of a night.
func TestAnotherNameOfALedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	l := open(t, acquire(t, path))
	other := filepath.Join(t.TempDir(), "other.db")
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := state.OpenExisting(acquire(t, other)); !errors.Is(err, state.ErrInUse) ||
		!strings.Contains(err.Error(), "by another name (a hard link)") {
		t.Errorf("a second writer by another name: %v; want ErrInUse", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it waited for %v", took)
	}
	if err := l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
		t.Errorf("and the first goes on: %v", err)
	}
}

// A writer waits for a reader that has the file open, and then has it.
func TestWriterWaitsForReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	if err := open(t, lock).Close(); err != nil {
		t.Fatal(err)
	}
	lock.Close()
	r, err := state.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	lock = acquire(t, path)
	opened := make(chan error, 1)
	go func() {
		l, err := state.OpenExisting(lock)
		if err == nil {
			err = l.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(100 * time.Millisecond): // it cannot be seen waiting
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("the reader is gone, and it says %v", err)
	}
}
