package state

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/internal/words"
)

// What a run's journal takes on the disk. A vault that is checked, started,
// followed and verified without trouble takes about 5.2 KiB, what bbolt copies on
// writing included (TestWhatAVaultTakes measures it). It is given three times
// that: for three starts, hours of checks that find it busy, a page of findings.
// The base is for the plan, the free list and what belongs to no vault.
//
// The signed addresses of an operation are there only while it is followed, so
// they need room for as many as may be under way at once. Two of the recorded ones
// take 4 KiB, packed; two that have nothing in common take 8 KiB, and bbolt
// writes a page anew beside the old one.
const (
	reservePerVault    = 16 << 10
	reservePerFollowed = 24 << 10
	reserveBase        = 256 << 10
)

// Reserve makes sure that the disk has room for what a run of so many vaults
// will write, before anything is started. So many of them, followed, may have an
// operation with an address under way at once: 0 for kinds without. Where the file
// system can, the blocks become the ledger's own, and a disk that others fill up
// later does not stop the run; what an earlier run left over counts.
//
// Elsewhere than on Linux, and on a file system that cannot allocate ahead (NFS
// before 4.2 is one), it only looks at how much is free. On one that copies
// on writing (btrfs, ZFS), a reservation is no promise either.
//
// The error is ErrNoRoom when there is too little. Nothing was written then,
// and the ledger can be used further.
func (l *Ledger) Reserve(vaults, followed int) error {
	l.write.Lock()
	defer l.write.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	var used int64
	if err := l.view(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		return err
	}
	need := int64(reserveBase) + int64(vaults)*reservePerVault + int64(min(followed, vaults))*reservePerFollowed
	size, missing, err := holes(l.file, used+need)
	if err != nil {
		return explain(l.path, err)
	}
	if missing == 0 {
		return nil
	}
	noRoom := func(free string) error {
		return &FileError{Path: l.path, Kind: ErrNoRoom,
			Detail: fmt.Sprintf("has no room for the run: the journal of %s needs about %s more, and its disk has "+
				"%s; nothing was started",
				words.Count(vaults, "vault"), megabytes(missing), free),
			Next: "make room on the disk of " + filepath.Dir(l.real) + ", or begin on another one (--state FILE)"}
	}
	free, known := freeSpace(l.file)
	if known && free < missing {
		return noRoom(megabytes(free))
	}
	switch err := allocate(l.file, used+need); {
	case err == nil:
		// The new size must last as long as what will be written behind it.
		if err := l.file.Sync(); err != nil {
			return explain(l.path, err)
		}
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		return nil // there is enough, and more cannot be known
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, errQuota):
		// What was allocated of it is given back.
		if terr := l.file.Truncate(size); terr != nil {
			return explain(l.path, terr)
		}
		return noRoom("less")
	case errors.Is(err, syscall.EFBIG):
		if terr := l.file.Truncate(size); terr != nil {
			return explain(l.path, terr)
		}
		return &FileError{Path: l.path, Kind: ErrNoRoom, Err: err,
			Detail: fmt.Sprintf("has no room for the run: with the journal of %s it needs about %s; nothing was "+
				"started", words.Count(vaults, "vault"), megabytes(used+need)),
			Next: "raise the limit on the size of a file (ulimit -f), or begin on a file system that takes larger " +
				"ones (--state FILE)"}
	default:
		return explain(l.path, err)
	}
}

// megabytes is a size for people, rounded up.
func megabytes(n int64) string {
	const mb = 1_000_000
	if n < mb {
		return fmt.Sprintf("%d kB", (n+999)/1000)
	}
	return fmt.Sprintf("%d MB", (n+mb-1)/mb)
}
