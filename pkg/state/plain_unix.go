//go:build unix

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openPlain opens a file that is there, if it is a regular one at that very path:
// no link is followed, and no pipe is waited for. flag has no O_CREATE.
func openPlain(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EMLINK): // EMLINK is FreeBSD's word for it
		return nil, fmt.Errorf("%w: it is a symbolic link", errForeign)
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.EISDIR): // a socket, a pipe that nobody reads
		return nil, fmt.Errorf("%w: it is not a regular file", errForeign)
	case err != nil:
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%w: it is not a regular file", errForeign)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// othersFile reports whether a file belongs to another user than the one that
// this process works for. Root may work on anybody's.
func othersFile(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && os.Geteuid() != 0 && int(st.Uid) != os.Geteuid()
}
