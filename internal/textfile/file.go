package textfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// mostRead is more than any plan needs, in bytes.
const mostRead = 512 << 20

// Read reads a regular file, which is the only kind that is read for a person: a
// pipe or a device may be waited for, or give bytes, without end.
func Read(path string) ([]byte, error) { return ReadBegin(path, mostRead) }

// ReadBegin reads the first bytes of a regular file.
func ReadBegin(path string, most int64) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// ReadText is Read for a text that a person brings: see Decode.
func ReadText(path string) ([]byte, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// Exists reports whether something has a path, if only a link to nowhere.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Same reports whether two paths lead to one file.
func Same(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return filepath.Clean(a) == filepath.Clean(b) || err == nil && err2 == nil && os.SameFile(x, y)
}

// Real is where a file is: a symbolic link is not replaced by one.
func Real(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// ErrNotReplaced says that what is to be replaced is no regular file.
var ErrNotReplaced = errors.New("not a regular file, and not replaced")

// ErrDangling says that a name is a link to a place where nothing is. Writing there
// would make a file under a name that nobody has given.
var ErrDangling = errors.New("a symbolic link that leads nowhere")

// Dangling reports whether a path is a link that leads to nothing.
func Dangling(path string) bool {
	l, err := os.Lstat(path)
	if err != nil || l.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	_, err = os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Replaceable makes sure that a path leads to a regular file, or is free.
func Replaceable(path string) error {
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return &os.PathError{Op: "replace", Path: path, Err: ErrNotReplaced}
	}
	if Dangling(path) {
		return &os.PathError{Op: "replace", Path: path, Err: ErrDangling}
	}
	return nil
}

// Placeable makes sure that a file can be written at a path, as [Replace] does it: by
// making one beside it, which goes again.
func Placeable(path string) error {
	f, err := beside(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func beside(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
}

// Replace writes a file so that a reader sees what was there before or all that
// is there now, after a crash as well. Only its owner may read it. What is there and
// is no regular file, a device or a pipe, stays: a rename would take its place.
func Replace(path string, write func(io.Writer) error) error {
	return replace(path, 0o600, write)
}

// ReplaceWith is Replace with all of the bytes.
func ReplaceWith(path string, data []byte) error { return replace(path, 0o600, whole(data)) }

// Rewrite is ReplaceWith for a file of other people, who may go on reading it.
func Rewrite(path string, data []byte) error {
	mode := os.FileMode(0o600)
	if fi, err := os.Stat(path); err == nil {
		mode = fi.Mode().Perm()
	}
	return replace(path, mode, whole(data))
}

func whole(data []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(data); return err }
}

func replace(path string, mode os.FileMode, write func(io.Writer) error) (err error) {
	if err := Replaceable(path); err != nil {
		return err
	}
	f, err := beside(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = f.Chmod(mode); err == nil { // whatever the umask took of it
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write it beside its place: %w", err)
	}
	return os.Rename(f.Name(), path)
}
