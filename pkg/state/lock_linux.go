package state

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Two locks lie on the lock file. The flock decides who may write. Whether it
// is held cannot be asked without trying to take it, so its holder marks
// itself live with a lock of the other family, an open file description lock
// on the first byte: F_OFD_GETLK asks about that one and takes nothing.

// markLive says that the flock is held and the holder's name is written.
func markLive(f *os.File) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, liveMark())
}

// askMark asks for the mark, see probeLive.
const askMark = unix.F_OFD_GETLK

func liveMark() *unix.Flock_t {
	return &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 0, Len: 1}
}
