package state

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// errQuota says that a quota of the user's is used up.
const errQuota = unix.EDQUOT

// holes returns a file's size, and how much of its beginning, up to an offset,
// has no block on the disk yet.
func holes(f *os.File, upTo int64) (size, missing int64, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, 0, err
	}
	return st.Size, max(0, upTo-st.Blocks*512), nil
}

// allocateStep bounds one call: a signal that interrupts it costs no more.
const allocateStep = 64 << 20

// allocate gives the beginning of a file, up to an offset, blocks of its own.
// bbolt asks for the file's size before it grows it, and never makes it
// smaller, so that it finds them and lets them be. The error is
// errors.ErrUnsupported where the file system cannot.
func allocate(f *os.File, upTo int64) error {
	for from := int64(0); from < upTo; {
		n := min(allocateStep, upTo-from)
		switch err := unix.Fallocate(int(f.Fd()), 0, from, n); {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return errors.ErrUnsupported
		case err != nil:
			return err
		default:
			from += n
		}
	}
	return nil
}
