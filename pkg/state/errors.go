package state

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// What a caller may branch on with errors.Is. The errors themselves say more.
var (
	ErrInUse = errors.New("the ledger is in use") // Acquire: another process holds the lock
	// OpenReadOnly: ask again later, or ask the holder
	ErrLive = errors.New("a process is writing to the ledger")
	// Acquire: a file of that name is somebody else's
	ErrForeignLock = errors.New("the lock file is not fleetup's")
	// nothing at that path; errors.Is fs.ErrNotExist too
	ErrNoLedger   = errors.New("there is no ledger")
	ErrNotLedger  = errors.New("not a ledger")                        // a directory, or a file of another program
	ErrDamaged    = errors.New("the ledger is damaged")               // truncated, overwritten, changed afterwards
	ErrFormat     = errors.New("the ledger's format is newer")        // written by a newer version
	ErrCloud      = errors.New("the ledger belongs to another cloud") // bound to another cloud
	ErrUnfinished = errors.New("the ledger has an unfinished run")    // Begin: resume that one first
	ErrReplaced   = errors.New("the ledger's file was replaced")      // its path leads to another file, or to none
	ErrCommit     = errors.New("the commit failed")                   // it may have reached the disk all the same
	// Events of an unknown run, Commit before any Begin
	ErrNoRun   = errors.New("the ledger has no such run")
	ErrNoPlan  = errors.New("the ledger has no such plan")           // Plan of an unknown fingerprint
	ErrClosed  = errors.New("the ledger was closed by this process") // used after Close
	ErrNoRoom  = errors.New("the disk has no room for the run")      // Reserve: too little is free
	ErrRefused = errors.New("the ledger refuses what it was handed") // a batch that breaks the journal's rules
)

// What to do next, where more than one error says it.
const (
	// where a lock or a link is refused
	onLocalDisk = "put the ledger on a local disk (--state FILE)"
	// where a file cannot be trusted
	restoreIt = "restore it from a backup; do not upgrade its vaults until it is restored"
)

// Remedied is an error that knows what to do about it. Its text ends with that,
// behind a semicolon; Remedy gives it alone, "" for nothing.
type Remedied interface {
	error
	Remedy() string
}

// FileError says why a file cannot serve as the ledger, and what to do.
type FileError struct {
	Path   string
	Kind   error  // one of the sentinels; nil for an error of the environment
	Detail string // what is the matter: "is empty"
	Next   string // what to do next
	Err    error  // the cause, if one is known
}

func (e *FileError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ledger %s %s", e.Path, e.Detail)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", plainCause(e.Err))
	}
	if e.Next != "" {
		fmt.Fprintf(&b, "; %s", e.Next)
	}
	return b.String()
}

// Remedy is Next.
func (e *FileError) Remedy() string { return e.Next }

// Unwrap gives the sentinel and the cause.
func (e *FileError) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Kind, e.Err}, func(err error) bool { return err == nil })
}

// plainCause drops the operation and the path that the sentence before it has
// said already.
func plainCause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// BusyError says which process has the ledger: to whom would write it is ErrInUse, to
// whom would read it ErrLive.
type BusyError struct {
	Path   string
	Holder Holder // zero when the holder could not be read
	Kind   error
}

func (e *BusyError) Error() string {
	if e.Kind == ErrLive {
		return fmt.Sprintf("ledger %s is being written by %s; it can be read when that process has ended", e.Path,
			e.Holder)
	}
	return fmt.Sprintf("ledger %s is in use by %s; wait until it ends, or stop it there", e.Path, e.Holder)
}

// Unwrap gives the sentinel.
func (e *BusyError) Unwrap() error { return e.Kind }

// CommitError is a failed write: whether it reached the disk is not known
// (design.md#rule-2), but where the file was replaced, which is found before it writes.
// It is ErrCommit.
type CommitError struct {
	Path string
	Err  error
}

func (e *CommitError) Error() string {
	if errors.Is(e.Err, ErrReplaced) {
		return e.Err.Error() // it says what to do: not what is there is to be gone on with
	}
	return fmt.Sprintf("writing to ledger %s failed, and it may be written all the same: %v; "+
		"start nothing more, remove the cause, then go on with fleetup resume, which reads what is there", e.Path,
		e.Err)
}

// Unwrap gives the sentinel and the cause.
func (e *CommitError) Unwrap() []error { return []error{ErrCommit, e.Err} }

// ChainError says at which event the journal stops being what was written. It
// is ErrDamaged.
type ChainError struct {
	Path   string
	Seq    uint64
	Detail string
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("ledger %s: event %d %s: the journal is damaged or was changed after it was written; %s",
		e.Path, e.Seq, e.Detail, restoreIt)
}

// Unwrap gives the sentinel.
func (e *ChainError) Unwrap() error { return ErrDamaged }

// Remedy is what to do.
func (e *ChainError) Remedy() string { return restoreIt }

// DamagedError says what of a ledger's content cannot be what was written, though
// its file and its chain are whole. It is ErrDamaged.
type DamagedError struct {
	What string
	Err  error // the cause; nil where What says all
}

func (e *DamagedError) Error() string {
	if e.Err == nil {
		return e.What + "; " + restoreIt
	}
	return e.What + ": " + e.Err.Error() + "; " + restoreIt
}

// Remedy is what to do.
func (e *DamagedError) Remedy() string { return restoreIt }

// Unwrap gives the sentinel and the cause.
func (e *DamagedError) Unwrap() []error {
	return slices.DeleteFunc([]error{ErrDamaged, e.Err}, func(err error) bool { return err == nil })
}
