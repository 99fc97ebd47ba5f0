package textfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Errors of OpenRegular and OpenInside.
var (
	ErrNotRegular = errors.New("it is not a regular file")
	ErrOutside    = errors.New("it is a link out of the folder")
)

// notWaiting opens a named pipe without waiting for somebody who writes to it.
const notWaiting = os.O_RDONLY | syscall.O_NONBLOCK

// OpenRegular opens a file for reading, and refuses pipes, devices and folders
// with ErrNotRegular: reading from them may never end.
func OpenRegular(path string) (*os.File, error) {
	return regular(os.OpenFile(path, notWaiting, 0))
}

// OpenInside is OpenRegular for a file that must be in a folder or below it. Links
// are followed as long as they stay there; ErrOutside is for one that does not,
// also where it was changed at this moment.
func OpenInside(folder, path string) (*os.File, error) {
	base, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if base, err = filepath.Abs(base); err != nil {
		return nil, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(base, real)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return nil, ErrOutside
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return regular(root.OpenFile(rel, notWaiting, 0))
}

func regular(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
