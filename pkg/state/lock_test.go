package state_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/state"
)

// holdElsewhere lets another process take the lock and returns its PID and what
// ends it.
func holdElsewhere(t *testing.T, path string) (pid int, release func()) {
	t.Helper()
	cmd := child(t, "hold", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q (%v)", line, err)
	}
	release = sync.OnceFunc(func() {
		in.Close()
		cmd.Wait()
	})
	t.Cleanup(release)
	return cmd.Process.Pid, release
}

func TestAcquireNamesTheProcessThatHoldsTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	pid, release := holdElsewhere(t, path)

	_, err := state.Acquire(path, who("second"))
	in, ok := errors.AsType[*state.BusyError](err)
	if !ok || !errors.Is(err, state.ErrInUse) {
		t.Fatalf("Acquire: %v; want a BusyError", err)
	}
	want := who("other")
	want.PID = pid
	if in.Holder != want {
		t.Fatalf("holder = %+v; want %+v", in.Holder, want)
	}
	for _, part := range []string{path, "other", "build-7", "2026-03-16T22:00:00Z"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if h, live, err := state.ReadHolder(path); h != want || !live || err != nil {
		t.Fatalf("ReadHolder = %+v, %v, %v; want %+v", h, live, err, want)
	}

	release()
	if h, live, err := state.ReadHolder(path); live || err != nil {
		t.Fatalf("ReadHolder after the process ended = %+v, %v, %v; want nobody", h, live, err)
	}
	if _, err := os.Stat(path + ".lock"); err != nil {
		t.Fatalf("the lock file was deleted: %v", err)
	}
	acquire(t, path)
}

func TestAcquireTwiceInOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	first := acquire(t, path)
	if _, err := state.Acquire(path, who("second")); !errors.Is(err, state.ErrInUse) {
		t.Fatalf("Acquire: %v; want ErrInUse", err)
	}
	for range 2 {
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path + ".lock"); strings.TrimSpace(string(b)) != `{"lock":"fleetup"}` || err != nil {
		t.Fatalf("a free lock file names %q (%v)", b, err)
	}
	second := acquire(t, path)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, live, _ := state.ReadHolder(path); !live {
		t.Fatal("closing the first lock again let go of the second")
	}
	if _, err := state.Open(first, binding); !errors.Is(err, state.ErrRefused) {
		t.Fatalf("Open under a lock let go: %v; want ErrRefused", err)
	}
	second.Close()
}

func TestAcquireByTwoNamesOfOneLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "fleet.db")
	open(t, acquire(t, path))
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Acquire(link, who("second")); !errors.Is(err, state.ErrInUse) {
		t.Fatalf("Acquire by a symbolic link: %v; want ErrInUse", err)
	}
	if _, live, err := state.ReadHolder(link); !live || err != nil {
		t.Fatalf("ReadHolder by a symbolic link: %v, %v; want the holder", live, err)
	}
}

func TestAcquireCreatesNoLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	lock := acquire(t, path)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the ledger is there after Acquire: %v", err)
	}
	if _, err := state.OpenExisting(lock); !errors.Is(err, state.ErrNoLedger) {
		t.Fatalf("OpenExisting: %v; want ErrNoLedger", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the ledger is there after OpenExisting: %v", err)
	}
}

// A Lock that nobody refers to any more still holds: its file must not be
// closed as garbage.
func TestLockOutlivesItsReferences(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	if _, err := state.Acquire(path, who("forgotten")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond) // finalizers run in a goroutine of their own
	}
	if _, err := state.Acquire(path, who("second")); !errors.Is(err, state.ErrInUse) {
		t.Fatalf("Acquire: %v; want ErrInUse", err)
	}
}

// The name a dead process left behind is not believed.
func TestStaleHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	stale := `{"host":"build-9","pid":99,"since":"2026-03-16T22:00:00Z","command":"` +
		strings.Repeat("long ", 50) + `"}`
	if err := os.WriteFile(path+".lock", []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, live, err := state.ReadHolder(path); live || err != nil {
		t.Fatalf("ReadHolder = %+v, %v, %v; want nobody", h, live, err)
	}
	acquire(t, path)
	if h, live, err := state.ReadHolder(path); h != who("test") || !live || err != nil {
		t.Fatalf("ReadHolder = %+v, %v, %v; want this process", h, live, err)
	}
}

// Readers that ask and read without a pause never make a run believe the ledger
// is in use, and never keep it from opening.
func TestReadersNeverDisturbAcquire(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	setup := acquire(t, path)
	if err := open(t, setup).Close(); err != nil {
		t.Fatal(err)
	}
	setup.Close()

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := state.ReadHolder(path); err != nil {
					t.Errorf("ReadHolder: %v", err)
					return
				}
				r, err := state.OpenReadOnly(path)
				if err != nil && !errors.Is(err, state.ErrLive) {
					t.Errorf("OpenReadOnly: %v", err)
					return
				}
				if err == nil {
					if _, _, err := r.Head(); err != nil {
						t.Errorf("Head: %v", err)
					}
					r.Close()
				}
			}
		})
	}
	for range 50 {
		lock, err := state.Acquire(path, who("run"))
		if err != nil {
			t.Errorf("Acquire among readers: %v", err)
			break
		}
		l, err := state.Open(lock, binding)
		if err != nil {
			t.Errorf("Open among readers: %v", err)
		} else {
			l.Close()
		}
		lock.Close()
	}
	close(stop)
	readers.Wait()
}

func TestOneOfManyAcquires(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	var wg sync.WaitGroup
	results := make(chan error, 16)
	for range cap(results) {
		wg.Go(func() {
			lock, err := state.Acquire(path, who("racer"))
			if err == nil {
				t.Cleanup(func() { lock.Close() })
			}
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		in, isIn := errors.AsType[*state.BusyError](err)
		switch {
		case err == nil:
			won++
		case !isIn || in.Holder != who("racer"):
			t.Errorf("a loser was told %v", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d processes have the lock; want 1", won)
	}
}

func TestAcquireWhereNoLedgerCanBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "locked.db.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nothing"), filepath.Join(dir, "dangling.db")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, says string }{
		{"", "name the ledger"},
		{filepath.Join(dir, "d.db"), "is a directory"},
		{filepath.Join(dir, "locked.db"), "not a regular file"},
		{filepath.Join(dir, "none", "fleet.db"), "directory"},
		{filepath.Join(dir, "file", "fleet.db"), "cannot be located"},
		{filepath.Join(dir, "dangling.db"), "leads nowhere"},
	} {
		_, err := state.Acquire(c.path, who("test"))
		if err == nil || errors.Is(err, state.ErrInUse) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Acquire(%q): %v; want an error that says %q", c.path, err, c.says)
		}
	}
}

// Those whom a holder let read its lock file are shut out again by the next one,
// who has not said so.
func TestSharingEndsWithTheHolder(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no groups of that kind")
	}
	path := filepath.Join(t.TempDir(), "fleet.db")
	mode := func() os.FileMode {
		fi, err := os.Stat(path + ".lock")
		if err != nil {
			t.Fatal(err)
		}
		return fi.Mode().Perm()
	}
	first := acquire(t, path)
	if err := first.Share(os.Getgid()); err != nil {
		t.Fatal(err)
	}
	if got := mode(); got != 0o640 {
		t.Errorf("shared, the lock file has mode %o; want 640", got)
	}
	first.Close()
	acquire(t, path)
	if got := mode(); got != 0o600 {
		t.Errorf("under the next holder the lock file has mode %o; want 600", got)
	}
}
