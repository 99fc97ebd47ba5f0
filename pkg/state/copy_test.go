package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// A copy shows the ledger as it was, keeps no writer out, and leaves nothing
// behind.
func TestOpenCopy(t *testing.T) { // not parallel: it sets TMPDIR
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	l := open(t, lock)
	if _, err := state.OpenCopy(path); !errors.Is(err, state.ErrLive) {
		t.Errorf("of a live ledger: %v", err)
	}
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil), l.Close(),
		lock.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := state.OpenCopy(path)
	if err != nil {
		t.Fatal(err)
	}
	lock = acquire(t, path)
	l = open(t, lock) // at once, although the copy is being read
	if err := l.Commit([]fleet.Event{statetest.At(1, fleet.WaveOpened{Wave: "w"})}, nil); err != nil {
		t.Fatal(err)
	}
	if seq, _, err := r.Verify(); seq != 1 || err != nil {
		t.Errorf("the copy has %d events, %v; want the 1 of when it was made", seq, err)
	}
	if r.Path() != path {
		t.Errorf("it calls itself %s", r.Path())
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
	if err := errors.Join(l.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(temp, "not-there"))
	if _, err := state.OpenCopy(path); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("with no place for it: %v", err)
	}
}

// Scan goes on where the chain breaks, and tells one break from the next.
func TestScan(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	l, err := state.Open(lock, binding)
	if err != nil {
		t.Fatal(err)
	}
	events := statetest.Opening("r1")
	for _, w := range []string{"2", "3", "4", "5", "6", "7", "8"} {
		events = append(events, statetest.At(1, fleet.WaveOpened{Wave: w}))
	}
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), events, nil), l.Close(),
		state.Edit(path, func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("events"))
			third := append([]byte(nil), b.Get(state.SeqKey(3))...)
			return errors.Join(b.Put(state.SeqKey(3), append(third, ' ')), b.Delete(state.SeqKey(5)),
				b.Delete(state.SeqKey(6)), b.Put([]byte("odd"), nil))
		})); err != nil {
		t.Fatal(err)
	}
	r := reopenDamaged(t, lock)
	var got []state.Entry
	if err := r.Scan(func(e state.Entry) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		seq, missing uint64
		fits         bool
	}{{1, 0, true}, {2, 0, true}, {3, 0, false}, {4, 0, true}, {7, 2, true}, {8, 0, true}, {0, 0, false}}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	prev := state.Genesis(r.Identity())
	for i, w := range want {
		e := got[i]
		if e.Seq != w.seq || e.Missing != w.missing || e.Fits != w.fits || w.seq > 0 && e.Prev != prev {
			t.Errorf("entry %d is event %d, %d missing before it, fits %t, after %v; want %v after %v", i, e.Seq,
				e.Missing, e.Fits, e.Prev, w, prev)
		}
		prev = e.Hash
	}
	stop := errors.New("stop")
	if err := r.Scan(func(state.Entry) error { return stop }); err != stop {
		t.Errorf("an error of the callback became %v", err)
	}
}

// reopenDamaged opens a ledger that a test has damaged: it is not checked at
// the end.
func reopenDamaged(t *testing.T, lock *state.Lock) *state.Reader {
	t.Helper()
	lock.Close()
	r, err := state.OpenReadOnly(lock.Real())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}
