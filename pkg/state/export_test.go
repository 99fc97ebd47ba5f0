package state

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// CheckFile checks a ledger, locked or not: bbolt's pages, and the chain.
func CheckFile(path string) error {
	r, err := openReader(path, path, true, readersLeave)
	if err != nil {
		return err
	}
	defer r.Close()
	var errs []error
	err = r.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			errs = append(errs, err)
		}
		return nil
	})
	_, _, verr := r.Verify()
	if err := errors.Join(append(errs, err, verr)...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// NoSync spares a test the syncs, where it is not about them.
func (l *Ledger) NoSync() { l.db.NoSync = true }

// LimitSize makes a commit fail that needs the file to grow beyond a size.
func (l *Ledger) LimitSize(bytes int) { l.db.MaxSize = bytes }

// Edit changes the file behind the ledger's back.
func Edit(path string, fn func(tx *bbolt.Tx) error) error {
	db, f, err := openBolt(path, false, readersLeave)
	if err != nil {
		return err
	}
	defer f.Close()
	defer db.Close()
	return db.Update(fn)
}

// CreateFile makes an empty ledger as Open does where there is none.
func CreateFile(path string, b Binding) error { return create(path, path, b) }

// SeqKey is a key of the runs and the events.
func SeqKey(n uint64) []byte { return seqKey(n) }
