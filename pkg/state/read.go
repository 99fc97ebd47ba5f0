package state

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Reader reads a ledger. Its methods are safe for concurrent use.
type Reader struct {
	path    string // as given
	real    string // without symbolic links
	db      *bbolt.DB
	file    *os.File // the descriptor bbolt works on
	info    Info
	genesis Hash

	identity  []byte // as stored
	temporary string // the file to remove on Close; empty for none

	mu      sync.Mutex
	failure error // why nothing may be asked any more
	wedged  bool  // bbolt panicked: its Close might wait for ever
	closed  bool
}

// OpenReadOnly opens a ledger for a status or a report, without its lock. It
// creates nothing and needs no permission to write. While a process holds the
// lock the error is ErrLive at once, a *BusyError.
//
// A Reader keeps writers out, so close it soon.
func OpenReadOnly(path string) (*Reader, error) {
	real, err := resolve(path)
	if err != nil {
		return nil, err
	}
	if err := examine(path, real); err != nil {
		return nil, err
	}
	// A lock file that cannot be read is no reason to refuse: bbolt's own lock
	// keeps the two apart as well.
	if h, live, err := readHolder(real + lockSuffix); err == nil && live {
		return nil, &BusyError{path, h, ErrLive}
	}
	r, err := openReader(path, real, true, noWait)
	if errors.Is(err, berrors.ErrTimeout) {
		h, _, _ := readHolder(real + lockSuffix)
		return nil, &BusyError{path, h, ErrLive}
	}
	return r, err
}

// openReader opens the file and reads its identity. The error is
// berrors.ErrTimeout when bbolt's lock is taken.
func openReader(path, real string, readOnly bool, patience time.Duration) (*Reader, error) {
	db, f, err := openBolt(real, readOnly, patience)
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, err
	}
	if err != nil {
		return nil, explain(path, err)
	}
	r := &Reader{path: path, real: real, db: db, file: f}
	if err := r.load(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// load checks that the file is a whole ledger of a known format.
func (r *Reader) load() error {
	fi, err := r.file.Stat()
	if err != nil {
		return explain(r.path, err)
	}
	if whole, err := headsWhole(r.file, r.db.Info().PageSize); err != nil {
		return explain(r.path, err)
	} else if !whole {
		return damaged(r.path, "is damaged: one of its two heads is destroyed, and with it perhaps the newest commit",
			nil)
	}
	var formatText, identity []byte
	var missing string
	var needs int64
	err = r.view(func(tx *bbolt.Tx) error {
		if needs = tx.Size(); needs > fi.Size() {
			return nil
		}
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				missing = string(name)
				break
			}
		}
		if meta := tx.Bucket(bucketMeta); meta != nil {
			formatText = bytes.Clone(meta.Get(keyFormat))
			identity = bytes.Clone(meta.Get(keyIdentity))
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case needs > fi.Size():
		return damaged(r.path, fmt.Sprintf("is cut short: it has %d bytes of %d", fi.Size(), needs), nil)
	case formatText == nil:
		return &FileError{Path: r.path, Kind: ErrNotLedger, Detail: "is a bbolt file of another program, not a ledger",
			Next: "name another file with --state FILE"}
	}
	found, err := strconv.Atoi(string(formatText))
	if err != nil || found < 1 {
		return damaged(r.path, fmt.Sprintf("is damaged: its format is %q", formatText), nil)
	}
	if found > format {
		return &FileError{Path: r.path, Kind: ErrFormat,
			Detail: fmt.Sprintf("has format %d, and this version of fleetup reads formats up to %d", found, format),
			Next:   "use the version of fleetup that wrote it, or a newer one"}
	}
	if missing != "" {
		return damaged(r.path, "is damaged: it has no bucket "+missing, nil)
	}
	if err := json.Unmarshal(identity, &r.info); err != nil {
		return damaged(r.path, "is damaged: its identity cannot be read", err)
	}
	r.identity, r.genesis = identity, Genesis(identity)
	return nil
}

// Info returns the ledger's identity.
func (r *Reader) Info() Info { return r.info }

// Path returns the ledger's path as it was given.
func (r *Reader) Path() string { return r.path }

// Close closes the file. Closing twice does nothing.
func (r *Reader) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	wedged := r.wedged
	r.mu.Unlock()
	if r.temporary != "" {
		defer os.Remove(r.temporary)
	}
	if wedged {
		letGo(r.file)
		return nil
	}
	if err := r.db.Close(); err != nil {
		return &FileError{Path: r.path, Detail: "cannot be closed", Err: err}
	}
	return nil
}

// usable says why nothing may be asked any more, nil when it may.
func (r *Reader) usable() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	return r.failure
}

// view runs a read transaction. What it hands out must be copied.
func (r *Reader) view(fn func(tx *bbolt.Tx) error) error {
	if err := r.usable(); err != nil {
		return err
	}
	err := guard(func() error { return r.db.View(fn) })
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	case err != nil:
		return r.broken(err)
	}
	return nil
}

// broken explains an error of reading, and closes the door after a panic.
func (r *Reader) broken(err error) error {
	reason, ok := errors.AsType[*panicError](err)
	if !ok {
		return explain(r.path, err)
	}
	err = damaged(r.path, "is damaged", reason)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wedged, r.failure = true, err
	return err
}

// get returns a value, nil where a bucket has none with that key, or where there is no
// such bucket.
func (r *Reader) get(bucket []byte, key string) (value []byte, err error) {
	err = r.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(bucket); b != nil {
			value = bytes.Clone(b.Get([]byte(key)))
		}
		return nil
	})
	return value, err
}

// entry is a key with its value, copied out of a transaction.
type entry struct{ key, value []byte }

// A page of entries is read in one short transaction, and handed on outside of
// it: a callback may take its time, or commit.
const (
	pageEntries = 1000
	pageBytes   = 1 << 20
	pageRoom    = 64 << 10 // what is allocated at once for them
)

// page returns the entries of a bucket from a key on; after it when past.
func (r *Reader) page(bucket, from []byte, past bool) ([]entry, error) {
	var entries []entry
	var room []byte // what is copied shares allocations: a journal has a million values
	kept := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		if cap(room)-len(room) < len(b) {
			room = make([]byte, 0, max(pageRoom, len(b)))
		}
		n := len(room)
		room = append(room, b...)
		return room[n:len(room):len(room)]
	}
	err := r.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		if b == nil {
			return nil
		}
		c := b.Cursor()
		k, v := c.Seek(from)
		if past && bytes.Equal(k, from) {
			k, v = c.Next()
		}
		for size := 0; k != nil && len(entries) < pageEntries && size < pageBytes; k, v = c.Next() {
			entries = append(entries, entry{kept(k), kept(v)})
			size += len(k) + len(v)
		}
		return nil
	})
	return entries, err
}

// position is an event's place in the chain.
type position struct {
	seq  uint64
	hash Hash
}

// index reads the runs and the chain's end in one transaction.
func (r *Reader) index() (runs []RunInfo, head position, err error) {
	var raw []entry
	var last entry
	err = r.view(func(tx *bbolt.Tx) error {
		if k, v := tx.Bucket(bucketEvents).Cursor().Last(); k != nil {
			last = entry{bytes.Clone(k), bytes.Clone(v)}
		}
		return tx.Bucket(bucketRuns).ForEach(func(k, v []byte) error {
			raw = append(raw, entry{bytes.Clone(k), bytes.Clone(v)})
			return nil
		})
	})
	if err != nil {
		return nil, position{}, err
	}
	for i, e := range raw {
		var info RunInfo
		if err := json.Unmarshal(e.value, &info); err != nil {
			return nil, position{}, damaged(r.path, fmt.Sprintf("is damaged: run %d cannot be read", i+1), err)
		}
		if want := uint64(i) + 1; info.Ordinal != want || !bytes.Equal(e.key, seqKey(want)) {
			return nil, position{}, damaged(r.path, fmt.Sprintf("is damaged: run %d is missing", want), nil)
		}
		runs = append(runs, info)
	}
	head = position{hash: r.genesis}
	if last.key != nil {
		if len(last.key) != 8 || len(last.value) < len(Hash{}) {
			return nil, position{}, damaged(r.path, "is damaged: its last event cannot be read", nil)
		}
		head = position{binary.BigEndian.Uint64(last.key), Hash(last.value[:len(Hash{})])}
	}
	return runs, head, nil
}

// Runs returns all runs, the oldest first.
func (r *Reader) Runs() ([]RunInfo, error) {
	runs, _, err := r.index()
	return runs, err
}

// LatestRun returns the newest run; false when there is none.
func (r *Reader) LatestRun() (RunInfo, bool, error) { return Newest(r.Runs()) }

// Head returns the sequence number and the hash of the newest event; 0 and
// the hash of the ledger's identity when there is none. Noted elsewhere, the
// hash proves later that nothing was taken from the journal's end.
func (r *Reader) Head() (seq uint64, hash string, err error) {
	_, head, err := r.index()
	if err != nil {
		return 0, "", err
	}
	return head.seq, head.hash.String(), nil
}

// Plan returns the plan of a fingerprint as Begin was given it; ErrNoPlan when
// there is none.
func (r *Reader) Plan(fingerprint string) ([]byte, error) {
	packed, err := r.get(bucketPlans, fingerprint)
	if err != nil {
		return nil, err
	}
	if packed == nil {
		return nil, fmt.Errorf("%w: %s has none with fingerprint %q", ErrNoPlan, r.path, fingerprint)
	}
	plan, err := unpack(packed)
	if err != nil {
		return nil, damaged(r.path, fmt.Sprintf("is damaged: plan %s cannot be read", fingerprint), err)
	}
	return plan, nil
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z) // the end carries a checksum
}

// VaultRecords hands every vault's record to fn, in the order of the keys. An
// error of fn ends it and is returned. A record that is committed during the
// walk may be seen as it was or as it is. One that is stored under the key of
// another vault is ErrDamaged.
func (r *Reader) VaultRecords(fn func(fleet.VaultRecord) error) error {
	return r.each(bucketVaults, func(e entry) error {
		var v fleet.VaultRecord
		if err := json.Unmarshal(e.value, &v); err != nil {
			return damaged(r.path, fmt.Sprintf("is damaged: the record of vault %s cannot be read", e.key), err)
		}
		if string(v.Vault) != string(e.key) {
			return damaged(r.path, fmt.Sprintf("is damaged: the record of vault %s is stored as that of %s",
				v.Vault, e.key), nil)
		}
		return fn(v)
	})
}

// each hands over the entries of a bucket as they are stored, in the order of their
// keys.
func (r *Reader) each(bucket []byte, fn func(entry) error) error {
	var from []byte
	for {
		entries, err := r.page(bucket, from, from != nil)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			// In a damaged tree the keys may run in circles.
			if from != nil && bytes.Compare(e.key, from) <= 0 {
				return damaged(r.path, fmt.Sprintf("is damaged: its %s run in circles", bucket), nil)
			}
			from = e.key
			if err := fn(e); err != nil {
				return err
			}
		}
	}
}

// findRun returns a run and the sequence number of its last event.
func findRun(runs []RunInfo, head uint64, id string) (RunInfo, uint64, error) {
	i := slices.IndexFunc(runs, func(r RunInfo) bool { return r.ID == id })
	switch {
	case i < 0:
		return RunInfo{}, 0, fmt.Errorf("%w: %q", ErrNoRun, id)
	case i+1 < len(runs):
		return runs[i], runs[i+1].FirstSeq - 1, nil
	}
	return runs[i], head, nil
}
