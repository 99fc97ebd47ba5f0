package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Ledger is a ledger open for writing, under its lock. Its methods are safe
// for concurrent use.
type Ledger struct {
	*Reader

	// Committed, where set, is called with the events of each batch once they
	// are durable: for a log. Set it before the ledger is used; it must be quick
	// and must not use the ledger.
	Committed func([]fleet.Event)

	write sync.Mutex // held by Begin and Commit
	runs  []RunInfo  // guarded by write
	head  position   // guarded by write
}

// Open opens the ledger of the lock, and creates it where there is none. It
// must be bound to the same cloud, or the error is ErrCloud.
func Open(lock *Lock, b Binding) (*Ledger, error) {
	if b.Cloud == "" {
		return nil, refuse("a ledger is bound to a cloud")
	}
	l, err := OpenExisting(lock)
	if errors.Is(err, ErrNoLedger) {
		if err := create(lock.path, lock.real, b); err != nil {
			return nil, err
		}
		l, err = OpenExisting(lock)
	}
	if err != nil {
		return nil, err
	}
	if l.info.Cloud != b.Cloud {
		l.Close()
		return nil, &FileError{Path: lock.path, Kind: ErrCloud,
			Next:   "name another with --state FILE: a ledger serves one cloud",
			Detail: fmt.Sprintf("belongs to the cloud %q, not to %q", l.info.Cloud, b.Cloud)}
	}
	return l, nil
}

// OpenExisting opens the ledger of the lock whatever its cloud; Info tells
// which. It creates nothing: with no ledger there the error is ErrNoLedger.
func OpenExisting(lock *Lock) (*Ledger, error) {
	if !lock.isHeld() {
		return nil, refuse("the lock of ledger %s is not held", lock.path)
	}
	return openLedger(lock.path, lock.real, readersLeave)
}

// openLedger waits so long for readers that have the file open.
func openLedger(path, real string, patience time.Duration) (*Ledger, error) {
	if err := examine(path, real); err != nil {
		return nil, err
	}
	// The first look is a reader's: opening for writing lets bbolt write to a
	// file of another program, and search one that is cut short in a goroutine
	// whose panic nobody can catch. Beside readers it gets in at once.
	look, err := openReader(path, real, true, min(patience, writerLeaves))
	if err != nil {
		return nil, explainWait(path, err,
			"a process has it by another name (a hard link), or one whose lock file was deleted still has it: end "+
				"that first")
	}
	if err := look.Close(); err != nil {
		return nil, err
	}
	r, err := openReader(path, real, false, patience)
	if err != nil {
		return nil, explainWait(path, err, "wait for the status or report that reads it")
	}
	l := &Ledger{Reader: r}
	if l.runs, l.head, err = l.index(); err != nil {
		l.Close()
		return nil, err
	}
	// Its creator may have died between the link and the directory's sync.
	if err := syncDir(filepath.Dir(real)); err != nil {
		l.Close()
		return nil, &FileError{Path: path, Detail: "cannot be made durable: its directory cannot be synced", Err: err,
			Next: onLocalDisk}
	}
	return l, nil
}

// explainWait says what it means that bbolt's lock stayed taken although the
// lock file was free. bbolt's own lock keeps this process out all the same.
func explainWait(path string, err error, next string) error {
	if !errors.Is(err, berrors.ErrTimeout) {
		return err
	}
	return &FileError{Path: path, Kind: ErrInUse, Detail: "is open in another process that does not hold its lock",
		Next: next}
}

// Begin opens a run: its plan and its first events become durable in one
// transaction. The first event is a RunOpened, which names the run and the
// plan's fingerprint. A plan whose fingerprint the ledger has is not stored
// again.
//
// While a run is unfinished the error is ErrUnfinished; for a batch that
// breaks the journal's rules it is ErrRefused. After both nothing was written
// and the ledger can be used further. Any other error is as Commit's.
func (l *Ledger) Begin(plan []byte, events []fleet.Event, vaults []fleet.VaultRecord) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return l.commitError(err)
	}
	run, err := openRun(l.runs, l.head.seq, plan, events)
	if err != nil {
		return err
	}
	b, err := newBatch(run, l.head, events, vaults)
	if err != nil {
		return err
	}
	if b.plan, err = pack(plan); err != nil {
		return err
	}
	failpoint.Hit(failpoint.BeginBefore)
	if err := l.applyAndTell(b, events); err != nil {
		return err
	}
	failpoint.Hit(failpoint.BeginAfter)
	return nil
}

// Commit appends events to the latest run and replaces the vaults' records, in
// one transaction. With neither it does nothing. When it returns nil they
// survive a crash.
//
// Every error is ErrCommit, and after one nobody can say whether they did
// (design.md#rule-2): from then on every method but Close refuses. It is also
// ErrReplaced when the path no longer leads to the open file; then nothing was
// written.
func (l *Ledger) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return l.commitError(err)
	}
	if len(events) == 0 && len(vaults) == 0 {
		return nil
	}
	run, err := continueRun(l.runs, events)
	if err != nil {
		return l.fail(err)
	}
	b, err := newBatch(run, l.head, events, vaults)
	if err != nil {
		return l.fail(err)
	}
	return l.applyAndTell(b, events)
}

func (l *Ledger) applyAndTell(b *batch, events []fleet.Event) error {
	if err := l.apply(b); err != nil {
		return err
	}
	if l.Committed != nil {
		l.Committed(events)
	}
	return nil
}

// fail makes an error final: nothing more is asked of the ledger.
func (l *Ledger) fail(err error) error {
	err = l.commitError(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
	return err
}

func (l *Ledger) commitError(err error) error {
	if errors.Is(err, ErrCommit) {
		return err
	}
	return &CommitError{Path: l.path, Err: err}
}

// checkPlace compares the open file with the one the path leads to. After a
// restore or a clean-up under a live run they differ, and what is written to
// the open file nobody would ever read again.
func (l *Ledger) checkPlace() error {
	replaced := func(detail string) error {
		return &FileError{Path: l.path, Kind: ErrReplaced, Detail: detail,
			Next: "find out who did that; go on only with the file that has the newest journal"}
	}
	open, err := l.file.Stat()
	if err != nil {
		return explain(l.path, err)
	}
	there, err := os.Stat(l.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return replaced("was deleted while it was open")
	case err != nil:
		return explain(l.path, err)
	case !os.SameFile(open, there):
		return replaced("was replaced by another file while it was open")
	}
	return nil
}
