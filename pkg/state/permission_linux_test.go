package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// asNobody runs fn without a superuser's power over files, on a thread of its
// own.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Setfsuid(65534)
		if err == nil {
			fn()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// openDir returns a directory that anybody may look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	return dir
}

// A status needs no right to write, neither to the ledger nor to its directory,
// and leaves nothing behind.
func TestReaderNeedsNoRightToWrite(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	path := filepath.Join(dir, "fleet.db")
	lock := acquire(t, path)
	l := open(t, lock)
	if err := errors.Join(l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil), l.Close(), lock.Close(),
		os.Chmod(path, 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	read := func(what string) {
		asNobody(t, func() {
			r, err := state.OpenReadOnly(path)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			defer r.Close()
			if run, ok, err := r.LatestRun(); run.ID != "r1" || !ok || err != nil {
				t.Errorf("%s: LatestRun = %+v, %v, %v", what, run, ok, err)
			}
		})
	}
	read("with a lock file of mode 0600")
	if err := os.Remove(path + ".lock"); err != nil && os.Geteuid() == 0 {
		t.Fatal(err)
	}
	read("without a lock file")
	if got := names(t, dir); os.Geteuid() == 0 && !slices.Equal(got, []string{"fleet.db"}) {
		t.Fatalf("after reading there are %v", got)
	}
}

func TestMissingPermissions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		file, dir     fs.FileMode
		reads, writes bool
		says          string
	}{
		{"a file that may be read only", 0o444, 0o777, true, false, "cannot be opened"},
		{"a file that may not be read", 0o000, 0o777, false, false, "cannot be opened"},
		{"a directory that may not be entered", 0o666, 0o600, false, false, "cannot be located"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			path := filepath.Join(dir, "fleet.db")
			lock := acquire(t, path)
			if err := errors.Join(open(t, lock).Close(), lock.Close(), os.Remove(path+".lock"), os.Chmod(path, c.file),
				os.Chmod(dir, c.dir)); err != nil {
				t.Fatal(err)
			}
			expect := func(what string, err error, ok bool) {
				t.Helper()
				if ok && err != nil || !ok && (err == nil || !errors.Is(err, fs.ErrPermission) ||
					errors.Is(err, state.ErrDamaged) || !strings.Contains(err.Error(), c.says)) {
					t.Errorf("%s: %v", what, err)
				}
			}
			asNobody(t, func() {
				r, err := state.OpenReadOnly(path)
				if err == nil {
					r.Close()
				}
				expect("OpenReadOnly", err, c.reads)
				lock, err := state.Acquire(path, who("test"))
				if err == nil {
					defer lock.Close()
					var l *state.Ledger
					if l, err = state.Open(lock, binding); err == nil {
						l.Close()
					}
				}
				expect("Open", err, c.writes)
			})
			os.Chmod(dir, 0o755)
			os.Chmod(path, 0o600)
		})
	}
}

// A directory in which nothing can be created says so, and a creation that
// fails leaves nothing.
func TestCreateWithoutPermission(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	path := filepath.Join(dir, "fleet.db")
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if _, err := state.Acquire(path, who("test")); !errors.Is(err, fs.ErrPermission) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("Acquire: %v", err)
		}
		if err := state.CreateFile(path, binding); !errors.Is(err, fs.ErrPermission) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("create: %v", err)
		}
	})
	if got := names(t, dir); len(got) != 0 {
		t.Fatalf("there are %v", got)
	}
}

// The files' mode does not depend on the umask. The umask belongs to the whole
// process, so this test runs alone.
func TestUmaskDoesNotChangeTheMode(t *testing.T) {
	dir := t.TempDir()
	old := unix.Umask(0o777)
	lock, err := state.Acquire(filepath.Join(dir, "fleet.db"), who("test"))
	if err == nil {
		var l *state.Ledger
		if l, err = state.Open(lock, binding); err == nil {
			err = l.Close()
		}
	}
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for _, name := range names(t, dir) {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode() != 0o600 {
			t.Errorf("%s has mode %v (%v); want 0600", name, fi.Mode(), err)
		}
	}
}
