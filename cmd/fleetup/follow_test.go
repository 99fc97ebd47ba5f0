package main

import (
	"errors"
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

// A follower that is over with one run goes on with the one after it, though that has come
// and gone meanwhile; and where its ledger is another by now, with what that has.
func TestFollowerLeavesNoRunOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, l := begun(t, filepath.Join(dir, "fleet.db"))
	defer lock.Close()
	defer l.Close()
	f := &follower{}
	at := time.Unix(100, 0)
	run, ok, err := l.LatestRun()
	if err != nil || !ok {
		t.Fatal(err)
	}
	data, err := l.Plan(run.PlanFingerprint)
	if err != nil {
		t.Fatal(err)
	}
	closes := func() error { return l.Commit([]fleet.Event{{At: at, Fact: fleet.RunClosed{}}}, nil) }
	opens := func(id string) error {
		opened := fleet.RunOpened{RunID: id, PlanFingerprint: run.PlanFingerprint}
		return l.Begin(data, []fleet.Event{{At: at, Fact: opened}}, nil)
	}
	look := func(reader *session.ReadOnlyLedger, want string) {
		t.Helper()
		if news, err := f.read(reader); err != nil || !news || f.run.Info.ID != want {
			t.Fatalf("it looks at %s, want %s: news %t, %v", f.run.Info.ID, want, news, err)
		}
	}
	reader := &session.ReadOnlyLedger{Reader: l}
	look(reader, "run-1")
	if err := errors.Join(closes(), opens("run-2"), closes(), opens("run-3")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"run-1", "run-2", "run-3"} { // the end of the first, then one after the other
		look(reader, want)
	}
	otherLock, other := begun(t, filepath.Join(dir, "other.db"))
	defer otherLock.Close()
	defer other.Close()
	look(&session.ReadOnlyLedger{Reader: other}, "run-1")
}

// A ledger that is replaced by a copy of itself in another state, an older one or one that
// went on otherwise, is read anew: what is shown is what is there.
func TestFollowerSeesACopyOfItsRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	say := func(l *state.Ledger, reasons ...string) {
		t.Helper()
		for i, reason := range reasons {
			e := fleet.Event{At: time.Unix(int64(i+1), 0), Fact: fleet.Paused{Off: i%2 == 1, Reason: reason}}
			if err := l.Commit([]fleet.Event{e}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	ledger := func(name string, reasons ...string) *session.ReadOnlyLedger {
		lock, l := begun(t, filepath.Join(dir, name))
		t.Cleanup(func() { _ = errors.Join(l.Close(), lock.Close()) })
		say(l, reasons...)
		return &session.ReadOnlyLedger{Reader: l}
	}
	f := &follower{}
	for _, c := range []struct {
		name    string
		reasons []string
		paused  bool
	}{
		{"first.db", []string{"one", "two", "three"}, true},
		{"older.db", []string{"one", "two"}, false},
		{"other.db", []string{"one", "four"}, false}, // as far, and otherwise
		{"ahead.db", []string{"one", "two", "three", "four", "five"}, true},
		{"aside.db", []string{"one", "six", "seven", "eight", "nine", "ten"}, false},
	} {
		r := ledger(c.name, c.reasons...)
		news, err := f.read(r)
		if err != nil || !news {
			t.Fatalf("%s: news %t, %v", c.name, news, err)
		}
		_, head, err := r.Head()
		if err != nil {
			t.Fatal(err)
		}
		if got := f.run.State.Run.Paused != nil; got != c.paused || f.run.Seq != uint64(1+len(c.reasons)) ||
			f.run.Evidence.JournalHead != head {
			t.Errorf("%s: paused %t up to event %d, with the head %s of %s", c.name, got, f.run.Seq,
				f.run.Evidence.JournalHead, head)
		}
	}
}
