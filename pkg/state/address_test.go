package state_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// answered reads how the starts of a run were answered.
func answered(t *testing.T, l interface {
	Events(string, func(uint64, fleet.Event) error) error
}) (found []fleet.Operation) {
	t.Helper()
	err := l.Events("r1", func(_ uint64, e fleet.Event) error {
		if f, ok := e.Fact.(fleet.StartAnswered); ok {
			found = append(found, *f.Answer.Operation)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A signed address outlives the process while its operation is followed, and is
// gone when that is over. The journal never has it.
func TestSignedAddresses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	l := open(t, lock)
	want := *recorded(1)
	shown, _ := want.Seal()
	start := func(n int, status fleet.Status) ([]fleet.Event, []fleet.VaultRecord) {
		return []fleet.Event{statetest.At(n, fleet.StartAnswered{Vault: statetest.Key(n), OperationID: "o",
				Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, Operation: recorded(1)}})},
			[]fleet.VaultRecord{{Vault: statetest.Key(n), Status: status}}
	}
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
		l.Commit(start(1, fleet.Upgrading)), l.Commit(start(2, fleet.Upgrading))); err != nil {
		t.Fatal(err)
	}
	reopened := func() *state.Ledger {
		t.Helper()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, lock)
		return l
	}
	if got := answered(t, reopened()); len(got) != 2 || got[0] != want || got[1] != want {
		t.Fatalf("after a restart they are %+v", got)
	}
	sealed := shown
	if got, err := l.Opened(statetest.Key(1), &sealed); err != nil || *got != want || sealed != shown {
		t.Fatalf("%+v was opened to %+v, %v", sealed, got, err)
	}
	if got, err := l.Opened(statetest.Key(3), &sealed); err != nil || *got != shown {
		t.Fatalf("without an address it was opened to %+v, %v", got, err)
	}
	err := l.Scan(func(e state.Entry) error {
		if bytes.Contains(e.Data, []byte("&s=")) || bytes.Contains(e.Data, []byte("&c=")) {
			t.Errorf("the journal has a signature: %s", e.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status fleet.Status
		kept   bool
	}{{fleet.Unknown, true}, {fleet.Upgrading, true}, {fleet.Upgraded, false}} {
		if err := l.Commit([]fleet.Event{statetest.At(3, fleet.WaveOpened{Wave: "w"})},
			[]fleet.VaultRecord{{Vault: statetest.Key(1), Status: c.status}}); err != nil {
			t.Fatal(err)
		}
		if got := answered(t, reopened()); (got[0] == want) != c.kept || !c.kept && got[0] != shown || got[1] != want {
			t.Errorf("%s: %+v", c.status, got)
		}
	}
	// Of several records of a vault in one commit the last one stands.
	if err := l.Commit([]fleet.Event{statetest.At(3, fleet.WaveOpened{Wave: "w"})},
		[]fleet.VaultRecord{{Vault: statetest.Key(2), Status: fleet.Ready},
			{Vault: statetest.Key(2), Status: fleet.Starting}}); err != nil {
		t.Fatal(err)
	}
	if n := l.Addresses(); n != 1 {
		t.Errorf("%d addresses are kept; want that of the vault that is followed", n)
	}
	// Nobody asks an address that was changed: the vault tells.
	if err := errors.Join(l.Close(), state.Edit(path, func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("addresses"))
		k, v := b.Cursor().First()
		v = bytes.Clone(v)
		v[len(v)/2] ^= 1
		return b.Put(bytes.Clone(k), v)
	})); err != nil {
		t.Fatal(err)
	}
	l = open(t, lock)
	if got := answered(t, l); got[1] != shown {
		t.Errorf("a changed address is followed: %+v", got[1])
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the ledger has mode %v, %v", fi.Mode(), err)
	}
}

// Addresses that no service was seen to send take no room: the vault tells.
func TestAddressesWithoutEnd(t *testing.T) {
	t.Parallel()
	l := open(t, acquire(t, filepath.Join(t.TempDir(), "fleet.db")))
	long := signedAs(1, noise("a", 40<<10), "s", "c", "s")
	err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
		l.Commit([]fleet.Event{statetest.At(1, fleet.StartAnswered{
			Vault: statetest.Key(1), Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted, Operation: long}})},
			[]fleet.VaultRecord{{Vault: statetest.Key(1), Status: fleet.Upgrading}}))
	if err != nil || l.Addresses() != 0 {
		t.Fatalf("%d are kept, %v", l.Addresses(), err)
	}
}
