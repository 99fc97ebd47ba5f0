//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package state

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the flock; false when another open file has it.
func tryLock(f *os.File) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, err
		}
	}
}

// probeLive asks whether somebody holds the lock, and takes nothing. A file opened for
// reading is enough.
func probeLive(f *os.File) (bool, error) {
	lk := liveMark()
	if err := unix.FcntlFlock(f.Fd(), askMark, lk); err != nil {
		return false, err
	}
	return lk.Type != unix.F_UNLCK, nil
}

// letGo gives up a file that a wedged bbolt cannot close any more. Its mapping
// stays until the process ends, and with it the lock, were that not taken off.
func letGo(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	f.Close()
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
