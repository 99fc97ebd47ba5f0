package state

import (
	"fmt"
	"io/fs"
	"os"
)

// openPlain opens a file that is there, if it is a regular one at that very path.
// flag has no O_CREATE.
func openPlain(path string, flag int) (*os.File, error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is not a regular file", errForeign)
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(fi, now) {
		f.Close()
		return nil, fmt.Errorf("%w: it was replaced while it was looked at", errForeign)
	}
	return f, nil
}

// othersFile has nothing to say: who may write to a file is a matter of its
// access list here.
func othersFile(fs.FileInfo) bool { return false }
