package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Entry is an event as the journal holds it, whether or not it is what was
// written.
type Entry struct {
	Seq     uint64 // 0: stored under a key that is no sequence number
	Missing uint64 // how many events are missing right before it
	Prev    Hash   // as stored: of the event before it, of the genesis before the first
	Hash    Hash   // as stored; zero where there is none
	Data    []byte // as stored: a fleet.Event in JSON
	Fits    bool   // its hash is the one it must carry after Prev; not judged behind a gap
}

// Scan hands every event of the ledger to fn as it is stored, the oldest first.
// Unlike Events it does not stop where the chain breaks, but goes on from the
// hash it finds: so one change is told from the next. An error of fn ends it and
// is returned.
func (r *Reader) Scan(fn func(Entry) error) error {
	at := position{hash: r.genesis}
	return r.each(bucketEvents, func(stored entry) error {
		e := Entry{Prev: at.hash, Data: stored.value}
		if len(stored.key) == len(seqKey(0)) {
			e.Seq = binary.BigEndian.Uint64(stored.key)
		}
		if len(stored.value) >= len(Hash{}) {
			e.Hash, e.Data = Hash(stored.value[:len(Hash{})]), stored.value[len(Hash{}):]
		}
		if e.Seq > 0 {
			e.Missing = e.Seq - at.seq - 1
			e.Fits = e.Hash != Hash{} && (e.Missing > 0 || Link(e.Prev, e.Seq, e.Data) == e.Hash)
			at = position{e.Seq, e.Hash}
		}
		return fn(e)
	})
}

// StoredRecord is a vault's record as it is stored, whether or not it is what
// was written.
type StoredRecord struct {
	Key    string            // that it is stored under; of what was written, the vault's
	Record fleet.VaultRecord // zero with Err
	Err    error             // why it cannot be read
}

// ScanRecords hands every vault's record to fn as it is stored, in the order of
// the keys. Unlike VaultRecords it goes on behind one that cannot be read. An
// error of fn ends it and is returned.
func (r *Reader) ScanRecords(fn func(StoredRecord) error) error {
	return r.each(bucketVaults, func(e entry) error {
		s := StoredRecord{Key: string(e.key)}
		if s.Err = json.Unmarshal(e.value, &s.Record); s.Err != nil {
			s.Record = fleet.VaultRecord{}
		}
		return fn(s)
	})
}

// Identity returns the ledger's identity as stored: the chain begins with its
// hash (Genesis).
func (r *Reader) Identity() []byte { return bytes.Clone(r.identity) }
