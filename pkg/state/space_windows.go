package state

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// freeSpace is what is left for this user on the disk of a file; false where
// that is not known.
func freeSpace(f *os.File) (int64, bool) {
	dir, err := windows.UTF16PtrFromString(filepath.Dir(f.Name()))
	if err != nil {
		return 0, false
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, nil, nil); err != nil {
		return 0, false
	}
	return int64(free), true
}
