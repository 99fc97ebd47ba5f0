package state_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// Each way to change a journal afterwards is noticed by Verify, and by reading
// the run it happened to. What only the end shows, an external head shows.
func TestChangedJournal(t *testing.T) {
	t.Parallel()
	const touched = 4 // an event inside r1
	events := func(fn func(b *bbolt.Bucket) error) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return fn(tx.Bucket([]byte("events"))) }
	}
	index := func(ordinal uint64, old, new string) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			was := b.Get(state.SeqKey(ordinal))
			if !bytes.Contains(was, []byte(old)) {
				return errors.New("nothing to change")
			}
			return b.Put(state.SeqKey(ordinal), bytes.Replace(was, []byte(old), []byte(new), 1))
		}
	}
	for _, c := range []struct {
		name    string
		edit    func(tx *bbolt.Tx) error
		seq     uint64 // where it is noticed
		reading bool   // by reading r1, too
	}{
		{"an event's text", events(func(b *bbolt.Bucket) error {
			v := bytes.Replace(b.Get(state.SeqKey(touched)), []byte(`"wave":"3"`), []byte(`"wave":"9"`), 1)
			return b.Put(state.SeqKey(touched), v)
		}), touched, true},
		{"an event's text with a hash that fits it", events(func(b *bbolt.Bucket) error {
			prev := state.Hash(b.Get(state.SeqKey(touched - 1))[:32])
			text := bytes.Replace(b.Get(state.SeqKey(touched))[32:], []byte(`"wave":"3"`), []byte(`"wave":"9"`), 1)
			h := state.Link(prev, touched, text)
			return b.Put(state.SeqKey(touched), append(h[:], text...))
		}), touched + 1, true},
		{"an event taken out", events(func(b *bbolt.Bucket) error { return b.Delete(state.SeqKey(touched)) }),
			touched, true},
		{"the first event taken out", events(func(b *bbolt.Bucket) error { return b.Delete(state.SeqKey(1)) }), 1,
			true},
		{"two events exchanged", events(func(b *bbolt.Bucket) error {
			x, y := bytes.Clone(b.Get(state.SeqKey(touched))), bytes.Clone(b.Get(state.SeqKey(touched+1)))
			return errors.Join(b.Put(state.SeqKey(touched), y), b.Put(state.SeqKey(touched+1), x))
		}), touched, true},
		{"an event without a hash",
			events(func(b *bbolt.Bucket) error { return b.Put(state.SeqKey(touched), []byte("{}")) }), touched, true},
		{"another beginning of r2", func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			return b.Put(state.SeqKey(2), bytes.Replace(b.Get(state.SeqKey(2)), []byte(`"firstSeq":8`),
				[]byte(`"firstSeq":7`), 1))
		}, 0, false},
		{"another name of r1", func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			return b.Put(state.SeqKey(2), bytes.Replace(b.Get(state.SeqKey(2)), []byte(`"id":"r2"`),
				[]byte(`"id":"r9"`), 1))
		}, 8, false},
		{"another identity", func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("meta"))
			return b.Put([]byte("identity"), bytes.Replace(b.Get([]byte("identity")), []byte("Emulator"),
				[]byte("AzureChina"), 1))
		}, 1, true},
		{"another exit code of r1", index(1, `"exitCode":3`, `"exitCode":0`), 0, false},
		{"another end of r1", index(1, `"closedAt":"2026`, `"closedAt":"2025`), 0, false},
		{"another beginning in time of r1", index(1, `"openedAt":"2026`, `"openedAt":"2025`), 0, false},
		{"an end of a run that has none", index(2, `"closed":false`,
			`"closedAt":"2026-03-16T23:00:00Z","closed":false`), 0, false},
		{"another plan of r1", index(1, `"planFingerprint":"plan of r1"`, `"planFingerprint":"plan of r2"`), 1, true},
		{"an open run made closed", func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("runs"))
			return b.Put(state.SeqKey(2), bytes.Replace(b.Get(state.SeqKey(2)), []byte(`"closed":false`),
				[]byte(`"closed":true`), 1))
		}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "fleet.db")
			lock := acquire(t, path)
			l, err := state.Open(lock, binding)
			if err != nil {
				t.Fatal(err)
			}
			waves := []fleet.Event{}
			for _, w := range []string{"1", "2", "3", "4", "5"} {
				waves = append(waves, statetest.At(1, fleet.WaveOpened{Wave: w}))
			}
			err = errors.Join(
				l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
				l.Commit(append(waves, statetest.At(2, fleet.RunClosed{Code: 3})), nil),
				l.Begin(statetest.PlanOf("r2"), statetest.Opening("r2"), nil),
				l.Close(),
				state.CheckFile(path),
				state.Edit(path, c.edit))
			if err != nil {
				t.Fatal(err)
			}
			lock.Close()
			r, err := state.OpenReadOnly(path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, _, err = r.Verify()
			if !errors.Is(err, state.ErrDamaged) {
				t.Fatalf("Verify: %v; want ErrDamaged", err)
			}
			if ce, ok := errors.AsType[*state.ChainError](err); ok != (c.seq > 0) || ok && ce.Seq != c.seq {
				t.Errorf("Verify: %v; want it at event %d", err, c.seq)
			}
			err = r.Events("r1", func(seq uint64, e fleet.Event) error {
				if w, ok := e.Fact.(fleet.WaveOpened); ok && w.Wave == "9" && seq != touched {
					t.Errorf("event %d came out changed", seq)
				}
				return nil
			})
			if errors.Is(err, state.ErrDamaged) != c.reading {
				t.Errorf("Events: %v; noticed should be %v", err, c.reading)
			}
		})
	}
}

// What was cut off the end leaves a whole chain, with another head.
func TestCutJournalHasAnotherHead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	l := open(t, lock)
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil),
		l.Commit([]fleet.Event{statetest.At(1, fleet.WaveOpened{Wave: "w"})}, nil)); err != nil {
		t.Fatal(err)
	}
	seq, hash, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	if vseq, vhash, err := l.Verify(); vseq != seq || vhash != hash || err != nil {
		t.Fatalf("Verify = %d %s %v; Head = %d %s", vseq, vhash, err, seq, hash)
	}
	if err := errors.Join(l.Close(), state.Edit(path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("events")).Delete(state.SeqKey(2))
	})); err != nil {
		t.Fatal(err)
	}
	l = open(t, lock)
	if cut, cutHash, err := l.Verify(); cut != 1 || cutHash == hash || err != nil {
		t.Fatalf("Verify of the cut journal = %d %s %v", cut, cutHash, err)
	}
}
