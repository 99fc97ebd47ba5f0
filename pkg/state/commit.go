package state

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// batch is a transaction as it will be written: everything that can fail or
// takes time was done before it begins.
type batch struct {
	run     RunInfo // as it is after the batch
	plan    []byte  // packed; nil unless the batch opens the run
	first   uint64  // sequence number of the first event
	events  [][]byte
	records []entry
	signed  []address // of operations
	head    position  // after the batch
}

// newBatch encodes the events onto the chain after head.
func newBatch(run RunInfo, head position, events []fleet.Event, vaults []fleet.VaultRecord) (*batch, error) {
	texts := make([][]byte, len(events))
	for i, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, refuse("event %d of the batch, %s, cannot be encoded: %v", i, e.Fact.Name(), err)
		}
		texts[i] = text
	}
	return newBatchOf(run, head, events, texts, vaults)
}

// newBatchOf is newBatch of events that are encoded already.
func newBatchOf(run RunInfo, head position, events []fleet.Event, texts [][]byte, vaults []fleet.VaultRecord) (*batch,
	error) {
	if err := checkRecords(vaults); err != nil {
		return nil, err
	}
	b := &batch{run: run, first: head.seq + 1, head: head, events: make([][]byte, len(texts)),
		records: make([]entry, len(vaults))}
	for i, text := range texts {
		b.head.seq++
		b.head.hash = Link(b.head.hash, b.head.seq, text)
		value := make([]byte, 0, len(b.head.hash)+len(text))
		b.events[i] = append(append(value, b.head.hash[:]...), text...)
	}
	for i, v := range vaults {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, refuse("the record of vault %s cannot be encoded: %v", v.Vault, err)
		}
		b.records[i] = entry{[]byte(v.Vault), text}
	}
	var err error
	b.signed, err = addressesOf(events, vaults)
	return b, err
}

// pack compresses a plan: the plan of a large fleet has tens of megabytes, most
// of it the same words again.
func pack(plan []byte) ([]byte, error) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(plan); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// apply writes the batch in one synced transaction. The caller holds l.write.
func (l *Ledger) apply(b *batch) error {
	info, err := json.Marshal(b.run)
	if err != nil {
		return l.fail(err)
	}
	if err := l.checkPlace(); err != nil {
		return l.fail(err)
	}
	err = guard(func() error {
		return l.db.Update(func(tx *bbolt.Tx) error { return b.put(tx, info) })
	})
	if _, ok := errors.AsType[*panicError](err); ok {
		err = l.broken(err)
	}
	if err != nil {
		return l.fail(err)
	}
	l.head = b.head
	if b.plan != nil {
		l.runs = append(l.runs, b.run)
	} else {
		l.runs[len(l.runs)-1] = b.run
	}
	return nil
}

func (b *batch) put(tx *bbolt.Tx, run []byte) error {
	if plans := tx.Bucket(bucketPlans); b.plan != nil && plans.Get([]byte(b.run.PlanFingerprint)) == nil {
		if err := plans.Put([]byte(b.run.PlanFingerprint), b.plan); err != nil {
			return err
		}
	}
	if err := tx.Bucket(bucketRuns).Put(seqKey(b.run.Ordinal), run); err != nil {
		return err
	}
	events := tx.Bucket(bucketEvents)
	events.FillPercent = fillEvents
	for i, value := range b.events {
		if err := events.Put(seqKey(b.first+uint64(i)), value); err != nil {
			return err
		}
	}
	vaults := tx.Bucket(bucketVaults)
	for _, r := range b.records {
		if err := vaults.Put(r.key, r.value); err != nil {
			return err
		}
	}
	if err := putAddresses(tx, b.signed); err != nil {
		return err
	}
	failpoint.Hit(failpoint.TransactionOpen)
	return nil
}
