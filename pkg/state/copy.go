package state

import (
	"errors"
	"io"
	"os"
)

// OpenCopy opens a private copy of a ledger as OpenReadOnly opens the ledger
// itself, for whoever reads all of it: a Reader keeps writers out, and an audit
// that is read page by page must not. The copy needs as much room as the ledger
// in the directory for temporary files, and goes with the Reader.
func OpenCopy(path string) (_ *Reader, err error) {
	original, err := OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	fail := func(err error) error {
		return &FileError{Path: path, Detail: "cannot be copied to be read", Err: err,
			Next: "make room in " + os.TempDir() + ", or name another directory with TMPDIR"}
	}
	temp, err := os.CreateTemp("", "fleetup-*.db") // mode 0600, if the umask lets it be
	if err != nil {
		return nil, errors.Join(fail(err), original.Close())
	}
	if err := temp.Chmod(fileMode); err != nil {
		return nil, errors.Join(fail(err), temp.Close(), os.Remove(temp.Name()), original.Close())
	}
	_, err = io.Copy(temp, io.NewSectionReader(original.file, 0, 1<<62))
	if err = errors.Join(err, temp.Close(), original.Close()); err != nil {
		return nil, errors.Join(fail(err), os.Remove(temp.Name()))
	}
	r, err := openReader(path, temp.Name(), true, readersLeave)
	if err != nil {
		return nil, errors.Join(err, os.Remove(temp.Name()))
	}
	// Where an open file can be removed nothing stays behind, whatever happens;
	// elsewhere Close removes it.
	if err := os.Remove(temp.Name()); err != nil {
		r.temporary = temp.Name()
	}
	return r, nil
}
