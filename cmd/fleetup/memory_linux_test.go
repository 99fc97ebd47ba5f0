package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// inMemory makes a folder that no disk has, where there is enough room for what the
// tests write and its programs may be run. What survives a loss of power is proved in
// pkg/state and test, on the disk; here it would only be waited for.
func inMemory() (dir string, ok bool) {
	const enough = 2 << 30
	var st unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &st); err != nil || st.Flags&unix.ST_NOEXEC != 0 ||
		st.Bavail*uint64(st.Bsize) < enough {
		return "", false
	}
	dir, err := os.MkdirTemp("/dev/shm", "fleetup-test-*")
	return dir, err == nil
}
