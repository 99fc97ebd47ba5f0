package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// longest is the length of the longest socket path that every system takes
// (sun_path has 104 bytes on BSD and macOS, its end among them).
const longest = 103

const (
	dirSuffix  = ".live"
	socketName = "control.sock"
)

// place returns where the socket of a ledger is: in a folder beside the ledger,
// or, where that path is too long for a socket, in the user's runtime
// directory.
func place(ledger string) string {
	beside := filepath.Join(ledger+dirSuffix, socketName)
	if len(beside) <= longest {
		return beside
	}
	sum := sha256.Sum256([]byte(ledger))
	name := hex.EncodeToString(sum[:8])
	if run := os.Getenv("XDG_RUNTIME_DIR"); run != "" &&
		len(filepath.Join(run, "fleetup", name, socketName)) <= longest {
		return filepath.Join(run, "fleetup", name, socketName)
	}
	return filepath.Join(os.TempDir(), "fleetup-"+strconv.Itoa(os.Getuid()), name, socketName)
}

// listen makes the socket of a ledger. Whoever calls it holds the ledger's
// lock: a socket that is there already was left behind by a process that is
// gone.
//
// group, unless negative, is the number of a group whose members may speak to
// the run too.
func listen(ledger string, group int) (l *net.UnixListener, path string, err error) {
	path = place(ledger)
	dir := filepath.Dir(path)
	if beside := filepath.Dir(ledger); filepath.Dir(dir) != beside {
		// Outside the ledger's folder the folder above is shared by ledgers, and
		// may lie where others could have put it before us.
		if err := private(filepath.Dir(dir), group); err != nil {
			return nil, path, err
		}
	}
	if err := onlySocket(dir); err != nil {
		return nil, path, err
	}
	if err := private(dir, group); err != nil {
		return nil, path, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, path, err
	}
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, path, err
	}
	if err := share(path, 0o600, 0o660, group); err != nil {
		l.Close()
		return nil, path, err
	}
	return l, path, nil
}

// onlySocket makes sure that a folder, where there is one, is none that somebody
// keeps things in: its mode is changed, and what has the socket's name removed.
func onlySocket(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // the second is told by private
	}
	if err != nil {
		return fmt.Errorf("%s is in the way: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() != socketName || e.Type()&fs.ModeSocket == 0 {
			return fmt.Errorf("%s is in the way: it holds something else than a socket, %q", dir, e.Name())
		}
	}
	return nil
}

// share gives a file one mode, or another and a group.
func share(path string, alone, shared os.FileMode, group int) error {
	if group < 0 {
		return os.Chmod(path, alone)
	}
	if err := os.Chown(path, -1, group); err != nil {
		return err
	}
	return os.Chmod(path, shared)
}

// private makes a folder that only this user may enter, and those of a group
// pass through, or makes sure that one that is there already is such a folder.
func private(dir string, group int) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fi, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !fi.IsDir():
		return fmt.Errorf("%s is in the way: it is not a directory", dir)
	case !ours(fi):
		return fmt.Errorf("%s belongs to another user", dir)
	}
	return share(dir, 0o700, 0o710, group)
}
