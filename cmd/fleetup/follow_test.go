package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// moving is a journal of a live run: each time its head is asked for, one more
// event has come since its events were read.
type moving struct {
	*state.Ledger
	t    *testing.T
	said int
}

func (m *moving) Head() (uint64, string, error) {
	m.said++
	e := fleet.Event{At: time.Unix(int64(m.said), 0), Fact: fleet.Paused{Off: m.said%2 == 0, Reason: "moving"}}
	if err := m.Commit([]fleet.Event{e}, nil); err != nil {
		m.t.Fatal(err)
	}
	return m.Ledger.Head()
}

// begun is a ledger with a run that has just begun, of slow.yaml, and its lock.
func begun(t *testing.T, path string) (*state.Lock, *state.Ledger) { return begunBy(t, path, "") }

// begunBy is begun of a run that an engine carries out.
func begunBy(t *testing.T, path, engine string) (*state.Lock, *state.Ledger) {
	t.Helper()
	lock, err := state.Acquire(path, state.Holder{Host: "here", PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := state.Open(lock, state.Binding{Cloud: "Emulator"})
	if err != nil {
		t.Fatal(err)
	}
	src, err := inventory.Load("testdata/fleets/slow.yaml", session.Now())
	if err != nil {
		t.Fatal(err)
	}
	data, err := plan.Encode(src)
	if err != nil {
		t.Fatal(err)
	}
	opened := fleet.RunOpened{RunID: "run-1", PlanFingerprint: src.Fingerprint, Engine: engine}
	if err := l.Begin(data, []fleet.Event{{At: time.Unix(0, 0), Fact: opened}}, nil); err != nil {
		t.Fatal(err)
	}
	return lock, l
}

// A follower misses nothing of a run that goes on while it reads: the head that
// it is told may be of events that it has not read yet.
func TestFollowerMissesNothing(t *testing.T) {
	t.Parallel()
	lock, l := begun(t, filepath.Join(t.TempDir(), "fleet.db"))
	defer lock.Close()
	defer l.Close()
	m := &moving{l, t, 0}
	f := &follower{}
	for n := range 4 {
		if news, err := f.read(&session.ReadOnlyLedger{Reader: m}); err != nil || !news {
			t.Fatalf("look %d: news %t, %v", n, news, err)
		}
		if got, want := int(f.run.Seq), 1+n; got != want {
			t.Errorf("look %d: it has read up to event %d, want %d", n, got, want)
		}
	}
}
