package state

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// CheckFile checks a ledger, locked or not: bbolt's pages, and the chain.
func CheckFile(path string) error {
	r, err := openReader(path, path, true, readersLeave)
	if err != nil {
		return err
	}
	defer r.Close()
	return CheckReader(r)
}

// CheckReader is CheckFile of a ledger that is open.
func CheckReader(r *Reader) error {
	var errs []error
	err := r.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			errs = append(errs, err)
		}
		return nil
	})
	_, _, verr := r.Verify()
	if err := errors.Join(append(errs, err, verr)...); err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	return nil
}

// OpenWithin opens the ledger of a lock as OpenExisting does, and waits less
// long for whoever has the file.
func OpenWithin(lock *Lock, patience time.Duration) (*Ledger, error) {
	return openLedger(lock.path, lock.real, patience)
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

// CreateInPlace makes an empty ledger under its final name, which is not how it
// is done.
func CreateInPlace(path string, b Binding) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	return initialise(path, f, b)
}

// Guard turns a panic of bbolt's into an error.
func Guard(fn func() error) error { return guard(fn) }

// HeadPlace is where a head lies in its page.
func HeadPlace() (from, to int) { return headOffset, headOffset + headLength + 8 }

// Used is how much of the file is in use, free pages in between included.
func (r *Reader) Used() (n int64) {
	_ = r.view(func(tx *bbolt.Tx) error { n = tx.Size(); return nil })
	return n
}

// Reserved is what Reserve reserves, for a run, for each of its vaults and for each
// operation that is followed at once.
func Reserved() (base, each, followed int) { return reserveBase, reservePerVault, reservePerFollowed }

// Addresses is how many addresses a ledger keeps.
func (r *Reader) Addresses() (n int) {
	_ = r.ScanAddresses(func(string, []byte) error { n++; return nil })
	return n
}

// Verify reads the whole journal, checks the chain from the ledger's identity
// to its end, and the runs against their events. It returns the sequence
// number and the hash of the newest event.
func (r *Reader) Verify() (seq uint64, hash string, err error) {
	runs, head, err := r.index()
	if err != nil {
		return 0, "", err
	}
	at := position{hash: r.genesis}
	for i, run := range runs {
		if run.FirstSeq != at.seq+1 {
			return 0, "", &ChainError{r.path, at.seq + 1, fmt.Sprintf("is not the beginning of run %s", run.ID)}
		}
		_, last, err := findRun(runs, head.seq, run.ID)
		if err != nil {
			return 0, "", err
		}
		seen := run
		seen.Closed, seen.ClosedAt, seen.ExitCode = false, time.Time{}, 0
		at, err = r.walk(at, last, func(seq uint64, e fleet.Event) error {
			if err := r.checkOpening(run, seq, e); err != nil {
				return err
			}
			if seq == run.FirstSeq {
				seen.OpenedAt = e.At
			}
			if closed, ok := e.Fact.(fleet.RunClosed); ok {
				seen.Closed, seen.ClosedAt, seen.ExitCode = true, e.At, closed.Code
			}
			return nil
		})
		if err != nil {
			return 0, "", err
		}
		if seen.Closed != run.Closed || seen.ExitCode != run.ExitCode || !seen.ClosedAt.Equal(run.ClosedAt) ||
			!seen.OpenedAt.Equal(run.OpenedAt) {
			return 0, "",
				damaged(r.path, fmt.Sprintf("is damaged: the index of run %s does not say what its journal says",
					runs[i].ID), nil)
		}
	}
	if at != head {
		return 0, "", &ChainError{r.path, at.seq + 1, "belongs to no run"}
	}
	return at.seq, at.hash.String(), nil
}
