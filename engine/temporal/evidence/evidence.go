// Package evidence answers "how is a ledger written down, and made again": its
// identity, its plans and its events, byte for byte, so that a ledger that is made
// again of them has the same facts and ends with the same head of its chain. What
// follows from the events, the vaults' records and the index of the runs, is worked
// out again. No signature of an operation's address is in it: the journal has none.
package evidence

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// magic begins what is written: the name and the version of the format.
const magic = "fleetup ledger 1\n"

// The kinds of entries: each is a byte, the length of what follows, and that. A plan
// comes before the event that opens its run; of a head, the last entry, the chain's.
const (
	entryIdentity = 'i'
	entryPlan     = 'p'
	entryEvent    = 'e'
	entryHead     = 'h'
)

// longest is how long an entry may be: a plan of a very large fleet.
const longest = 1 << 30

// Write writes down a ledger as it was before the event with a sequence number; 0: all
// of it. The events are held against their chain.
func Write(w io.Writer, l *state.Ledger, before uint64) error {
	z := gzip.NewWriter(w)
	out := bufio.NewWriter(z)
	put := func(kind byte, data []byte) error {
		head := binary.AppendUvarint([]byte{kind}, uint64(len(data)))
		if _, err := out.Write(head); err != nil {
			return err
		}
		_, err := out.Write(data)
		return err
	}
	if _, err := out.WriteString(magic); err != nil {
		return err
	}
	if err := put(entryIdentity, l.Identity()); err != nil {
		return err
	}
	runs, err := l.Runs()
	if err != nil {
		return err
	}
	opens := map[uint64]string{}
	for _, r := range runs {
		opens[r.FirstSeq] = r.PlanFingerprint
	}
	head := state.Genesis(l.Identity())
	err = l.Scan(func(e state.Entry) error {
		if before > 0 && e.Seq >= before {
			return nil
		}
		if !e.Fits || e.Missing > 0 {
			return fmt.Errorf("event %d of ledger %s does not carry the hash it should", e.Seq, l.Path())
		}
		if fingerprint, ok := opens[e.Seq]; ok {
			data, err := l.Plan(fingerprint)
			if err != nil {
				return err
			}
			if err := put(entryPlan, data); err != nil {
				return err
			}
		}
		head = e.Hash
		return put(entryEvent, e.Data)
	})
	if err != nil {
		return err
	}
	return errors.Join(put(entryHead, head[:]), out.Flush(), z.Close())
}

// Book is a ledger that is made again, and what its runs have left so far.
type Book struct {
	lock   *state.Lock
	ledger *state.Ledger
	left   rollout.Inheritance
	state  *rollout.State
	held   [][]byte
	plan   []byte // of the run that is to be opened next
}

// New begins a ledger with an identity at a path where there is none.
func New(path string, identity []byte, version string) (*Book, error) {
	var info state.Info
	if err := json.Unmarshal(identity, &info); err != nil {
		return nil, fmt.Errorf("what is kept of the ledger has no identity: %w", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("%s is there already: a ledger that is made again takes the place of none",
			path), err)
	}
	lock, err := session.Process{Command: "temporal export", Version: version}.Acquire(path)
	if err != nil {
		return nil, err
	}
	l, err := state.Open(lock, state.Binding{Cloud: info.Cloud, Version: version, Identity: identity})
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &Book{lock: lock, ledger: l}, nil
}

// Close lets go of the ledger.
func (b *Book) Close() error { return errors.Join(b.ledger.Close(), b.lock.Close()) }

// Head is the newest event's sequence number and hash.
func (b *Book) Head() (seq uint64, hash string, err error) { return b.ledger.Head() }

// heldAtMost is how many events are written in one transaction.
const heldAtMost = 2000

// Plan gives the plan of the run that the next event opens.
func (b *Book) Plan(data []byte) { b.plan = data }

// Add appends an event as it was stored.
func (b *Book) Add(stored []byte) error {
	var e fleet.Event
	if err := json.Unmarshal(stored, &e); err != nil {
		return fmt.Errorf("a fact cannot be read: %w", err)
	}
	if _, opens := e.Fact.(fleet.RunOpened); opens || len(b.held) == heldAtMost {
		if err := b.Flush(); err != nil {
			return err
		}
		if opens {
			var p plan.Plan
			if err := json.Unmarshal(b.plan, &p); err != nil {
				return fmt.Errorf("the plan of a run cannot be read: %w", err)
			}
			b.state = rollout.NewState(&p)
		}
	}
	b.held = append(b.held, stored)
	return nil
}

// Flush writes what was added.
func (b *Book) Flush() error {
	if len(b.held) == 0 {
		return nil
	}
	if b.state == nil {
		return errors.New("the facts that were kept do not begin with one that opens a run")
	}
	var records []fleet.VaultRecord
	at := map[fleet.Key]int{}
	for _, stored := range b.held {
		var e fleet.Event
		if err := json.Unmarshal(stored, &e); err != nil {
			return err
		}
		if err := b.state.Apply(e); err != nil {
			return err
		}
		f, ok := e.Fact.(fleet.VaultFact)
		if !ok {
			continue
		}
		b.left.Add(b.state, f)
		r, ok := b.left.Record(f.VaultKey())
		if !ok {
			continue
		}
		if i, again := at[r.Vault]; again {
			records[i] = r
		} else {
			at[r.Vault] = len(records)
			records = append(records, r)
		}
	}
	err := b.ledger.Restore(b.plan, b.held, records)
	b.held = nil
	return err
}

// Read makes a ledger again of what Write has written, at a path where there is none.
// More may be added to it. An error leaves nothing at the path.
func Read(r io.Reader, path, version string) (b *Book, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("what is kept of the ledger cannot be read: %w", err)
	}
	in := bufio.NewReader(z)
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(in, begin); err != nil || string(begin) != magic {
		return nil, errors.Join(errors.New("this is nothing that was kept of a ledger by this version"), err)
	}
	defer func() {
		if err != nil && b != nil {
			err = errors.Join(err, b.Close(), os.Remove(path))
			b = nil
		}
	}()
	for {
		kind, data, err := next(in)
		if err != nil {
			return b, fmt.Errorf("what is kept of the ledger is cut short: %w", err)
		}
		if (b == nil) != (kind == entryIdentity) {
			return b, errors.New("what is kept of the ledger does not begin with its identity")
		}
		switch kind {
		case entryIdentity:
			b, err = New(path, data, version)
		case entryPlan:
			if err = b.Flush(); err == nil {
				b.Plan(data)
			}
		case entryEvent:
			err = b.Add(data)
		case entryHead:
			if err = b.Flush(); err != nil {
				return b, err
			}
			_, hash, err := b.Head()
			if err == nil && hash != state.Hash(data).String() {
				err = fmt.Errorf("the ledger that was made again ends with %s and not with %s", hash, state.Hash(data))
			}
			return b, err
		default:
			err = fmt.Errorf("what is kept of the ledger has an entry %q that this version does not know", kind)
		}
		if err != nil {
			return b, err
		}
	}
}

func next(in *bufio.Reader) (kind byte, data []byte, err error) {
	if kind, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, nil, err
	}
	if n > longest || kind == entryHead && n != uint64(len(state.Hash{})) {
		return 0, nil, fmt.Errorf("an entry of %d bytes", n)
	}
	data = make([]byte, n)
	_, err = io.ReadFull(in, data)
	return kind, data, err
}

// Place puts a ledger that was made again under another name to where it belongs. It is
// there whole or not at all, and takes the place of none.
func Place(made, path string) error {
	if err := os.Link(made, path); err != nil {
		return fmt.Errorf("%s cannot be put at %s: %w", made, path, err)
	}
	if err := os.Remove(made); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
