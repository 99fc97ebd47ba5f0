//go:build !linux

package state

import (
	"errors"
	"os"
)

// errQuota says that a quota of the user's is used up.
var errQuota = errors.New("quota exceeded")

// holes returns a file's size, and how far it ends before an offset.
func holes(f *os.File, upTo int64) (size, missing int64, err error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return fi.Size(), max(0, upTo-fi.Size()), nil
}

// allocate cannot be done in a way that all of these systems share.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }
