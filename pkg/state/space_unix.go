//go:build linux || darwin || dragonfly || freebsd

package state

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace is what is left for this user on the disk of a file; false where
// that is not known.
func freeSpace(f *os.File) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || st.Blocks == 0 {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
