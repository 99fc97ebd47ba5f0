package state

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Lock is the flock on FILE.lock: the right to write to the ledger FILE. It is
// held until Close or the end of the process, however that ends. The lock file
// stays behind; only the lock on it means anything.
type Lock struct {
	path string // the ledger's path as given
	real string // the same without symbolic links
	file *os.File
	who  Holder
}

// held keeps every lock reachable: a lock that were collected as garbage would
// close its file and let go, in the middle of a run.
var held = struct {
	sync.Mutex
	locks map[*Lock]bool
}{locks: map[*Lock]bool{}}

// Acquire takes the lock of the ledger at path, creating the lock file (mode
// 0600) where there is none, and writes down who holds it. A file of that name
// that is not a lock file, or a link, is left as it is: ErrForeignLock. A ledger need not
// be there yet; where something stands in its place that is none, the error is that of
// opening it, and nothing is created beside it. It waits for nobody: when another process has the lock the error
// is a *BusyError that names it, and ErrInUse.
func Acquire(path string, who Holder) (*Lock, error) {
	real, err := resolve(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(real); err == nil {
		if err := examine(path, real); err != nil {
			return nil, err
		}
	}
	for range holderTries {
		l, err := tryAcquire(path, real, who)
		if l != nil || err != nil {
			return l, err
		}
		h, live, err := readHolder(real + lockSuffix)
		if err != nil {
			return nil, err
		}
		if live {
			return nil, &BusyError{path, h, ErrInUse}
		}
		// Locked, and nobody signs for it: its holder is just coming or going.
		time.Sleep(holderPause)
	}
	return nil, &BusyError{path, Holder{}, ErrInUse}
}

// tryAcquire returns nil and no error when the lock is taken.
func tryAcquire(path, real string, who Holder) (_ *Lock, err error) {
	f, err := openLockFile(real + lockSuffix)
	if errors.Is(err, errForeign) {
		return nil, &FileError{Path: path, Kind: ErrForeignLock, Detail: "cannot be locked",
			Err:  fmt.Errorf("its lock file would be %s, and %w", real+lockSuffix, err),
			Next: "that file was left as it is: name the ledger with --state FILE, or give another name"}
	}
	if err != nil {
		return nil, &FileError{Path: path, Detail: "cannot be locked", Err: err,
			Next: "the lock file " + real + lockSuffix +
				" must be a file this user may write, in a directory that exists; on a full disk, make room"}
	}
	kept := false
	defer func() {
		if !kept {
			f.Close()
		}
	}()
	got, err := tryLock(f)
	if err != nil {
		return nil, &FileError{Path: path, Detail: "cannot be locked", Err: err, Next: onLocalDisk}
	}
	if !got || !samePath(f, real+lockSuffix) {
		return nil, nil
	}
	if fi, err := f.Stat(); err == nil && fi.Mode().Perm() == sharedMode {
		_ = f.Chmod(fileMode) // shared by an earlier holder: this one has not said so
	}
	if err := writeHolder(f, who); err != nil {
		return nil, &FileError{Path: path, Detail: "cannot be locked: its lock file cannot be written", Err: err,
			Next: "make room on the disk of " + filepath.Dir(real)}
	}
	if err := markLive(f); err != nil {
		return nil, &FileError{Path: path, Detail: "cannot be locked", Err: err, Next: onLocalDisk}
	}
	l := &Lock{path: path, real: real, file: f, who: who}
	held.Lock()
	held.locks[l] = true
	held.Unlock()
	kept = true
	return l, nil
}

// Real returns the ledger's path without symbolic links.
func (l *Lock) Real() string { return l.real }

// Share lets the members of a group read who holds the ledger, and where that
// process can be spoken to. It lasts until the next Acquire.
func (l *Lock) Share(group int) error {
	err := l.file.Chown(-1, group)
	if err == nil {
		err = l.file.Chmod(sharedMode)
	}
	if err != nil {
		return &FileError{Path: l.path, Detail: "has a lock file that cannot be given to a group", Err: err}
	}
	return nil
}

// Announce writes down where the holder can be spoken to, for ReadHolder; an
// empty address: nowhere any more.
func (l *Lock) Announce(socket string) error {
	held.Lock()
	defer held.Unlock()
	if !held.locks[l] {
		return refuse("the lock of ledger %s is not held", l.path)
	}
	l.who.Socket = socket
	if err := writeHolder(l.file, l.who); err != nil {
		return &FileError{Path: l.path, Detail: "has a lock file that cannot be written", Err: err}
	}
	return nil
}

// Close lets go of the lock. A ledger opened under it must be closed before.
// Closing twice does nothing.
func (l *Lock) Close() error {
	held.Lock()
	defer held.Unlock()
	if !held.locks[l] {
		return nil
	}
	delete(held.locks, l)
	// A free lock file names nobody. Failing at that is harmless: the lock
	// decides, not the name.
	_ = writeHolder(l.file, Holder{})
	return l.file.Close()
}

func (l *Lock) isHeld() bool {
	held.Lock()
	defer held.Unlock()
	return held.locks[l]
}

// openLockFile opens the lock file, or creates it with mode 0600 whatever the
// umask is. It appears complete and synced: after a power loss a file that has a
// size and not yet its bytes could not be told from somebody else's.
func openLockFile(path string) (*os.File, error) {
	f, err := openPlain(path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		if f, err = createLockFile(path); err == nil {
			return f, nil
		}
		if errors.Is(err, fs.ErrExist) {
			f, err = openPlain(path, os.O_RDWR)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := isLockFile(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// createLockFile makes a lock file that nobody holds yet. The error is
// fs.ErrExist where something has that name.
func createLockFile(path string) (_ *os.File, err error) {
	f, err := newBeside(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr := os.Remove(f.Name()); err == nil {
			err = rerr
		}
		if err != nil {
			f.Close()
		}
	}()
	if err = writeHolder(f, Holder{}); err != nil {
		return nil, err
	}
	return f, os.Link(f.Name(), path)
}

// newBeside makes a file in the directory of another, under a name that nothing has and
// that nothing ever looks at, for it to be linked to its own when it is whole.
func newBeside(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, "."+base+".new-"+strings.ToLower(rand.Text()))
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(fileMode); err != nil { // the umask may have taken more than the mode says
		return nil, errors.Join(err, f.Close(), os.Remove(temp))
	}
	return f, nil
}

// errForeign says that a file is not one that this package has made.
var errForeign = errors.New("that is no lock file of fleetup's")

// isLockFile makes sure that a file is a lock file of fleetup's, and nobody else's:
// Gemfile.lock is what a ledger called Gemfile would be locked with. Only then may
// it be written to. The error is errForeign.
func isLockFile(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if othersFile(fi) {
		return fmt.Errorf("%w: it belongs to another user", errForeign)
	}
	begins := make([]byte, len(lockBegins))
	if n, err := f.ReadAt(begins, 0); string(begins[:n]) == lockBegins {
		return nil
	} else if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	// Earlier versions left it empty, or with a holder's name alone.
	if h, ok := decodeHolder(f); fi.Size() == 0 || ok && h.Host != "" && !h.Since.IsZero() {
		return nil
	}
	return fmt.Errorf("%w: it holds something else", errForeign)
}

// samePath reports whether the path still leads to the open file. A lock on a
// file that was deleted meanwhile would exclude nobody.
func samePath(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}

const (
	lockSuffix = ".lock"
	// fileMode is the mode of every file of the ledger.
	fileMode fs.FileMode = 0o600
	// sharedMode is the mode of a lock file that a group may read.
	sharedMode fs.FileMode = 0o640
)

// resolve follows symbolic links, so that two names of one ledger share one
// lock. The ledger itself need not exist; its directory must.
func resolve(path string) (string, error) {
	if path == "" {
		return "", &FileError{Path: `""`, Detail: "has no name", Next: "name the ledger with --state FILE"}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", &FileError{Path: path, Detail: "cannot be located", Err: err}
	}
	real, err := filepath.EvalSymlinks(abs)
	if err == nil {
		if fi, err := os.Stat(real); err == nil && fi.IsDir() {
			return "", notRegular(path, fi)
		}
		return real, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", &FileError{Path: path, Detail: "cannot be located", Err: err}
	}
	if fi, err := os.Lstat(abs); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		return "", &FileError{Path: path, Kind: ErrNotLedger, Detail: "is a symbolic link that leads nowhere",
			Next: "correct the link, or name the ledger itself with --state FILE"}
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", &FileError{Path: path, Kind: fs.ErrNotExist,
			Detail: "cannot be there: its directory cannot be found",
			Err:    err, Next: "create the directory, or name another ledger with --state FILE"}
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}

// lockPathOf returns the path of the lock file of the ledger at path.
func lockPathOf(path string) (string, error) {
	real, err := resolve(path)
	if err != nil {
		return "", err
	}
	return real + lockSuffix, nil
}
