package state_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

func init() {
	for role, play := range map[string]func(dir string) error{"full disk": fullDisk, "reserved": reserved,
		"no room": noRoom, "read-only disk": readOnlyDisk} {
		roles[role] = func(path string) error {
			dir := filepath.Dir(path)
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=3m,mode=0700"); err != nil {
				return err
			}
			return play(dir)
		}
	}
	roles["size limit"] = sizeLimit
}

// onDiskOfItsOwn plays a role in namespaces of its own, where a small file
// system can be mounted and filled without anybody's noticing.
func onDiskOfItsOwn(t *testing.T, role string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fleet.db")
	run := func(flags uintptr) (string, error) {
		cmd := child(t, role, path)
		cmd.Stderr = nil
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if flags&syscall.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS)
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran && os.Geteuid() == 0 {
		out, err = run(syscall.CLONE_NEWNS)
	}
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran {
		t.Skipf("this machine lets nobody mount a file system (%v); TestSizeLimit makes commits fail without one", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// fill takes what is left of a disk, and returns how to give it back.
func fill(dir string) (func() error, error) {
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for n := 64 << 10; n > 0; {
		if _, err := f.Write(make([]byte, n)); errors.Is(err, syscall.ENOSPC) {
			n /= 2
		} else if err != nil {
			return nil, err
		}
	}
	return func() error { return os.Remove(path) }, nil
}

// begun opens a ledger and a run on it.
func begun(path string, vaults int) (*state.Lock, *state.Ledger, error) {
	lock, err := state.Acquire(path, who("run"))
	if err != nil {
		return nil, nil, err
	}
	l, err := state.Open(lock, binding)
	if err != nil {
		return nil, nil, err
	}
	if vaults > 0 {
		err = l.Reserve(vaults, 0)
	}
	return lock, l, errors.Join(err, l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil))
}

// refused demands that a ledger whose commit failed says why and asks the disk
// for nothing more, that it can be read all the same, and that it goes on from
// what was acknowledged once there is room.
func refused(lock *state.Lock, l *state.Ledger, failure error, errno syscall.Errno, mend func() error) error {
	if !errors.Is(failure, state.ErrCommit) || !strings.Contains(failure.Error(), errno.Error()) ||
		!strings.Contains(failure.Error(), lock.Real()) ||
		!strings.Contains(failure.Error(), "fleetup resume") {
		return fmt.Errorf("the commit says %w; want %v", failure, errno)
	}
	if err := l.Commit(intent(1), nil); !errors.Is(err, state.ErrCommit) {
		return fmt.Errorf("the commit after it: %w", err)
	}
	if err := errors.Join(l.Close(), lock.Close()); err != nil {
		return err
	}
	r, err := state.OpenReadOnly(lock.Real())
	if err != nil {
		return err
	}
	before, _, err := r.Head()
	if err := errors.Join(err, r.Close(), mend()); err != nil {
		return err
	}
	if before < 2 {
		return fmt.Errorf("only %d events are left", before)
	}
	lock, err = state.Acquire(lock.Real(), who("resume"))
	if err != nil {
		return err
	}
	if l, err = state.OpenExisting(lock); err != nil {
		return err
	}
	if err := l.Commit([]fleet.Event{statetest.At(1, fleet.Resumed{})}, nil); err != nil {
		return err
	}
	after, _, err := l.Head()
	if after != before+1 {
		return fmt.Errorf("after the resume there are %d events; want %d", after, before+1)
	}
	return errors.Join(err, live(l, 5), l.Close(), state.CheckFile(lock.Real()))
}

// A disk that is full makes the commit fail that needs more of it.
func TestFullDisk(t *testing.T) { t.Parallel(); onDiskOfItsOwn(t, "full disk") }

func fullDisk(dir string) error {
	lock, l, err := begun(filepath.Join(dir, "fleet.db"), 0)
	if err != nil {
		return err
	}
	empty, err := fill(dir)
	if err != nil {
		return err
	}
	return refused(lock, l, live(l, 100), syscall.ENOSPC, empty)
}

// A disk that others fill up after the run has begun does not stop it.
func TestReservedRoom(t *testing.T) { t.Parallel(); onDiskOfItsOwn(t, "reserved") }

func reserved(dir string) error {
	path := filepath.Join(dir, "fleet.db")
	lock, l, err := begun(path, 100)
	if err != nil {
		return err
	}
	size := func() int64 {
		fi, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return fi.Size()
	}
	before := size()
	empty, err := fill(dir)
	if err != nil {
		return err
	}
	if err := live(l, 100); err != nil {
		return fmt.Errorf("on a full disk with reserved room: %w", err)
	}
	if after := size(); after != before {
		return fmt.Errorf("the file had %d bytes and has %d", before, after)
	}
	// A resume on the full disk finds that there is room for what is left.
	if err := errors.Join(l.Close(), empty()); err != nil {
		return err
	}
	if l, err = state.OpenExisting(lock); err != nil {
		return err
	}
	if _, err = fill(dir); err != nil {
		return err
	}
	return errors.Join(l.Reserve(10, 0), live(l, 10), l.Close(), state.CheckFile(path))
}

// A run for which there is no room does not begin, and takes none.
func TestNoRoom(t *testing.T) { t.Parallel(); onDiskOfItsOwn(t, "no room") }

func noRoom(dir string) error {
	path := filepath.Join(dir, "fleet.db")
	lock, err := state.Acquire(path, who("run"))
	if err != nil {
		return err
	}
	l, err := state.Open(lock, binding)
	if err != nil {
		return err
	}
	free := func() uint64 {
		var st unix.Statfs_t
		_ = unix.Statfs(dir, &st)
		return st.Bfree
	}
	before := free()
	err = l.Reserve(10_000, 0)
	if !errors.Is(err, state.ErrNoRoom) ||
		!strings.Contains(err.Error(),
			"10000 vaults needs about 165 MB more, and its disk has 4 MB; nothing was started") {
		return fmt.Errorf("Reserve: %w", err)
	}
	if free() != before {
		return fmt.Errorf("%d blocks were free, and %d are", before, free())
	}
	if err := errors.Join(l.Reserve(100, 0), l.Close(), lock.Close()); err != nil {
		return err
	}
	// Where not even the lock finds room, it says so.
	if _, err := fill(dir); err != nil {
		return err
	}
	_, err = state.Acquire(filepath.Join(dir, "other.db"), who("run"))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "other.db cannot be locked") ||
		!strings.Contains(err.Error(), "make room") {
		return fmt.Errorf("Acquire on a full disk: %w", err)
	}
	return nil
}

// A disk that became read-only can be read, and says why it cannot be written.
func TestReadOnlyDisk(t *testing.T) { t.Parallel(); onDiskOfItsOwn(t, "read-only disk") }

func readOnlyDisk(dir string) error {
	path := filepath.Join(dir, "fleet.db")
	lock, l, err := begun(path, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(l.Close(), lock.Close(),
		unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		return err
	}
	r, err := state.OpenReadOnly(path)
	if err != nil {
		return err
	}
	if run, ok, err := r.LatestRun(); run.ID != "r1" || !ok || err != nil {
		return fmt.Errorf("LatestRun = %v, %v, %w", run, ok, err)
	}
	for _, name := range []string{"fleet.db", "new.db"} {
		_, err := state.Acquire(filepath.Join(dir, name), who("run"))
		if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), "read-only") {
			return fmt.Errorf("Acquire of %s: %w", name, err)
		}
	}
	return r.Close()
}

// The kernel refuses to let the file grow: a full disk for those who may mount
// nothing.
func TestSizeLimit(t *testing.T) {
	t.Parallel()
	cmd := child(t, "size limit", filepath.Join(t.TempDir(), "fleet.db"))
	cmd.Stderr = nil
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func sizeLimit(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	lock, l, err := begun(path, 0)
	if err != nil {
		return err
	}
	limit := func(n uint64) error {
		return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: math.MaxUint64})
	}
	if err := limit(128 << 10); err != nil {
		return err
	}
	var says state.Remedied
	if err := l.Reserve(100, 0); !errors.Is(err, state.ErrNoRoom) || !errors.As(err, &says) ||
		!strings.Contains(says.Remedy(), "ulimit -f") {
		return fmt.Errorf("Reserve beyond the limit: %w", err)
	}
	return refused(lock, l, live(l, 100), syscall.EFBIG, func() error { return limit(math.MaxUint64) })
}
