package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// wholeLedger returns the bytes of a ledger with two runs and so many vaults.
func wholeLedger(t *testing.T, vaults int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.db")
	lock := acquire(t, path)
	l := open(t, lock)
	for _, id := range []string{"r1", "r2"} {
		if err := l.Begin(statetest.PlanOf(id), statetest.Opening(id), nil); err != nil {
			t.Fatal(err)
		}
		var events []fleet.Event
		var records []fleet.VaultRecord
		for i := range vaults {
			events = append(events, statetest.At(i, fleet.StartIntended{Vault: statetest.Key(i), OperationID: id,
				Attempt: 1}))
			records = append(records, fleet.VaultRecord{Vault: statetest.Key(i), RunID: id, Status: fleet.Starting})
		}
		if err := l.Commit(append(events, statetest.At(vaults, fleet.RunClosed{})), records); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads everything a ledger says, for reading and for writing, and
// returns the first error. That no panic comes out of it is half of the tests
// here.
func readAll(lock *state.Lock) (readOnly, writing error) {
	all := func(r *state.Reader) error {
		runs, err := r.Runs()
		if err != nil {
			return err
		}
		for _, run := range runs {
			if err := r.Events(run.ID, func(uint64, fleet.Event) error { return nil }); err != nil {
				return err
			}
			if _, err := r.Plan(run.PlanFingerprint); err != nil {
				return err
			}
		}
		if err := r.VaultRecords(func(fleet.VaultRecord) error { return nil }); err != nil {
			return err
		}
		_, _, err = r.Verify()
		return err
	}
	l, writing := state.OpenExisting(lock)
	if writing == nil {
		writing = all(l.Reader)
		if writing == nil {
			writing = l.Begin(statetest.PlanOf("r3"), statetest.Opening("r3"), nil)
		}
		l.Close()
	}
	lock.Close()
	r, readOnly := state.OpenReadOnly(lock.Real())
	if readOnly == nil {
		readOnly = all(r)
		r.Close()
	}
	return readOnly, writing
}

func clear(err error, path string) bool {
	return err != nil && strings.Contains(err.Error(), path) && !strings.Contains(err.Error(), "runtime error") &&
		!strings.Contains(err.Error(), "\n")
}

func TestTruncatedLedger(t *testing.T) {
	t.Parallel()
	for _, vaults := range []int{0, 300} {
		whole := wholeLedger(t, vaults)
		path := filepath.Join(t.TempDir(), "fleet.db")
		lost := 0
		for size := 0; size < len(whole); size += 512 {
			if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
				t.Fatal(err)
			}
			lock, err := state.Acquire(path, who("test"))
			if size == 0 { // an empty file is told apart before its lock is taken
				if !clear(err, path) {
					t.Errorf("an empty file: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			readOnly, writing := readAll(lock)
			// Behind its last page a file has room that holds nothing yet. Only
			// a cut before that may lose something, and then it must be said.
			if readOnly == nil && writing == nil {
				continue
			}
			lost++
			for _, err := range []error{readOnly, writing} {
				// With less than both heads nothing tells that it was a ledger.
				headless := size < 2*os.Getpagesize() && errors.Is(err, state.ErrNotLedger)
				if !headless && !errors.Is(err, state.ErrDamaged) || !clear(err, path) {
					t.Fatalf("cut to %d of %d bytes: %v; want ErrDamaged", size, len(whole), err)
				}
			}
		}
		if lost < 8 {
			t.Fatalf("only %d cuts of %d bytes were noticed", lost, len(whole))
		}
	}
}

func TestNotALedger(t *testing.T) {
	t.Parallel()
	random := make([]byte, 64<<10)
	rand.New(rand.NewSource(7)).Read(random)
	whole := wholeLedger(t, 100)
	edited := func(fn func(tx *bbolt.Tx) error) func(string) error {
		return func(path string) error {
			return errors.Join(os.WriteFile(path, whole, 0o600), state.Edit(path, fn))
		}
	}
	content := func(b []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, b, 0o600) }
	}
	put := func(bucket, key, value string) func(string) error {
		return edited(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value)) })
	}
	foreign := func(opts *bbolt.Options) func(string) error {
		return func(path string) error {
			db, err := bbolt.Open(path, 0o600, opts)
			if err != nil {
				return err
			}
			return errors.Join(db.Update(func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("logs"))
				return err
			}), db.Close())
		}
	}
	for _, c := range []struct {
		name string
		make func(path string) error
		want error
		says string
	}{
		{"empty", content(nil), state.ErrDamaged, "is an empty file"},
		{"zeros", content(make([]byte, 64<<10)), state.ErrNotLedger, "not a ledger"},
		{"random bytes", content(random), state.ErrNotLedger, "not a ledger"},
		{"text", content([]byte(strings.Repeat("apiVersion: fleetup/v1\n", 500))), state.ErrNotLedger, "not a ledger"},
		{"a text of two pages", content([]byte(strings.Repeat("# fleetup\n", 559))), state.ErrNotLedger,
			"not a ledger"},
		{"a short text", content([]byte("hello")), state.ErrNotLedger, "not a ledger"},
		{"both heads overwritten", content(append(make([]byte, 2*os.Getpagesize()), whole[2*os.Getpagesize():]...)),
			state.ErrNotLedger, "destroyed"},
		{"the first head overwritten", content(append(make([]byte, 80), whole[80:]...)), state.ErrDamaged, "heads"},
		{"the second head overwritten", content(slices.Concat(whole[:os.Getpagesize()], make([]byte, 80),
			whole[os.Getpagesize()+80:])), state.ErrDamaged, "heads"},
		{"another bbolt file", foreign(nil), state.ErrNotLedger, "another program"},
		{"another bbolt file without a freelist", foreign(&bbolt.Options{NoFreelistSync: true}), state.ErrNotLedger,
			"another program"},
		{"a newer format", put("meta", "format", "2"), state.ErrFormat, "format 2"},
		{"a format that is no number", put("meta", "format", "x"), state.ErrDamaged, `format is "x"`},
		{"no identity",
			edited(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("identity")) }),
			state.ErrDamaged, "identity"},
		{"no events", edited(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("events")) }), state.ErrDamaged,
			"no bucket events"},
		{"a run that is no JSON", put("runs", string(state.SeqKey(2)), "{"), state.ErrDamaged, "run 2"},
		{"a run missing", edited(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("runs")).Delete(state.SeqKey(1)) }),
			state.ErrDamaged, "run 1"},
		{"a format below the first", put("meta", "format", "0"), state.ErrDamaged, `format is "0"`},
		{"a run under another's key", edited(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			return errors.Join(b.Put(state.SeqKey(3), bytes.Clone(b.Get(state.SeqKey(2)))), b.Delete(state.SeqKey(2)))
		}), state.ErrDamaged, "run 2 is missing"},
		{"a run that counts itself another", edited(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			return b.Put(state.SeqKey(2), bytes.Replace(b.Get(state.SeqKey(2)), []byte(`"ordinal":2`),
				[]byte(`"ordinal":7`), 1))
		}), state.ErrDamaged, "run 2 is missing"},
		{"the newest run out of the index",
			edited(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("runs")).Delete(state.SeqKey(2)) }),
			state.ErrDamaged, "opens run r2 inside run r1"},
		{"every run out of the index", edited(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			return errors.Join(b.Delete(state.SeqKey(1)), b.Delete(state.SeqKey(2)))
		}), state.ErrDamaged, "belongs to no run"},
		{"a record under another vault's key", put("vaults", "zzz", `{"vault":"`+string(statetest.Key(3))+`"}`),
			state.ErrDamaged, "is stored as that of zzz"},
		{"an event with a short key", put("events", "\xff", "x"), state.ErrDamaged, "last event"},
		{"a vault that is no JSON", put("vaults", string(statetest.Key(3)), "{"), state.ErrDamaged,
			string(statetest.Key(3))},
		{"a plan that is no gzip", put("plans", "plan of r1", "{}"), state.ErrDamaged, "plan of r1"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, state.ErrNotLedger, "is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "fleet.db")
			lock := acquire(t, path)
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path) // nothing of a directory
			readOnly, writing := readAll(lock)
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was written to")
			}
			for _, err := range []error{readOnly, writing} {
				if !errors.Is(err, c.want) || !clear(err, path) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v; want %v that says %q", err, c.want, c.says)
				}
			}
		})
	}
}

// Whatever is overwritten in a ledger, it never panics; and when everything can
// be read without an error, the journal is what was written.
func TestOverwrittenLedger(t *testing.T) {
	t.Parallel()
	whole := wholeLedger(t, 100)
	path := filepath.Join(t.TempDir(), "fleet.db")
	rng := rand.New(rand.NewSource(11))
	noticed := 0
	for i := range 120 {
		b := append([]byte(nil), whole...)
		n := 1 + rng.Intn(200)
		at := rng.Intn(len(b) - n)
		what := fmt.Sprintf("round %d: %d bytes at %d", i, n, at)
		if i%2 == 0 {
			rng.Read(b[at : at+n])
		} else {
			copy(b[at:at+n], make([]byte, n))
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		lock, err := state.Acquire(path, who("test"))
		if err != nil {
			t.Fatal(err)
		}
		readOnly, writing := readAll(lock)
		lock.Close()
		for _, err := range []error{readOnly, writing} {
			if err != nil {
				noticed++
				if !strings.Contains(err.Error(), path) {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	}
	if noticed < 20 {
		t.Fatalf("only %d of 120 were noticed", noticed)
	}
}

// A damaged tree whose keys run in circles is not followed for ever.
func TestVaultsOutOfOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	circular := bytes.ReplaceAll(wholeLedger(t, 100), []byte("vault-000099"), []byte("vault-000000"))
	if err := os.WriteFile(path, circular, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := state.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	err = r.VaultRecords(func(fleet.VaultRecord) error {
		if n++; n > 1000 {
			return errors.New("it goes round and round")
		}
		return nil
	})
	if !errors.Is(err, state.ErrDamaged) || !clear(err, path) {
		t.Fatalf("VaultRecords: %v after %d records; want ErrDamaged", err, n)
	}
}

// A file that is cut while it is open makes the read of a mapped page fault:
// an error like any other, after which the ledger can be closed.
func TestLedgerCutWhileOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	if err := os.WriteFile(path, wholeLedger(t, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	lock := acquire(t, path)
	l, err := state.OpenExisting(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Runs(); !errors.Is(err, state.ErrDamaged) || !clear(err, path) {
		t.Fatalf("Runs: %v; want ErrDamaged", err)
	}
	if err := l.Commit(intent(1), nil); !errors.Is(err, state.ErrCommit) || !errors.Is(err, state.ErrDamaged) {
		t.Fatalf("Commit: %v; want ErrCommit and ErrDamaged", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := state.OpenExisting(lock); !errors.Is(err, state.ErrDamaged) {
		t.Fatalf("OpenExisting: %v; want ErrDamaged at once", err)
	}
}
