package state_test

import (
	"errors"
	"flag"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/syscalls"
)

var (
	powerLosses = flag.Int("powerloss", 10,
		"disk images made at random for each moment of the recorded workload, besides the ones by name")
	powerSeed = flag.Uint64("powerseed", 1, "seed of the random images")
)

// recording is what a process did to a directory, and what it acknowledged.
type recording struct {
	dir   string
	calls []syscalls.Call
	acks  []string
}

// record runs the test binary in a role, on a ledger in a directory of its own.
func record(t *testing.T, role string) *recording {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := child(t, role, filepath.Join(dir, ledgerName))
	calls, ws, err := syscalls.Run(syscalls.Program{Argv: append([]string{cmd.Path}, cmd.Args[1:]...),
		Env: cmd.Env, Dir: dir})
	if err != nil || ws != 0 {
		t.Fatalf("%s: %v, wait status %v", role, err, ws)
	}
	r := &recording{dir: dir, calls: calls}
	for _, c := range calls {
		if c.FD == 1 {
			r.acks = append(r.acks, strings.Fields(string(c.Data))...)
		}
	}
	return r
}

const ledgerName = "fleet.db"

// verdict is the judgement on all images of a recording.
type verdict struct {
	images atomic.Int64
	mu     sync.Mutex
	broken []string
}

// powerFails lets the power fail at every moment of a recording and has each
// image of the disk judged. judge is given a directory and how many of the
// acknowledgements had been given by then. It stops when enough are broken.
func (r *recording) powerFails(t *testing.T, random, tear, enough int,
	judge func(dir string, acked int) error) *verdict {
	t.Helper()
	v := &verdict{}
	seed := maphash.MakeSeed()
	shards := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for shard := range shards {
		dir := inMemory(t)
		wg.Go(func() {
			d, acked, seen := newDisk(r.dir, tear), 0, map[uint64]bool{}
			for i := range r.calls {
				c := &r.calls[i]
				if c.FD == 1 {
					acked++
				} else if err := d.apply(c); err != nil {
					v.add("call %d: %v", i, err)
					return
				}
				// Moments in which the same may be on the disk stay together, so
				// that no two shards look at one image.
				if shard != acked%shards || v.count() >= enough {
					continue
				}
				rng := rand.New(rand.NewPCG(*powerSeed, uint64(i)))
				d.images(rng, random, seen, seed, func(how string, files map[string][]byte) {
					v.images.Add(1)
					// Between its fork and its exec another test's child has this
					// one's locks as well.
					syscall.ForkLock.RLock()
					err := lay(dir, files)
					if err == nil {
						err = judge(dir, acked)
					}
					syscall.ForkLock.RUnlock()
					if err != nil {
						v.add("after call %d, %v, %d acknowledged; reached the disk: %s: %v", i, c, acked, how, err)
					}
				})
			}
		})
	}
	wg.Wait()
	return v
}

func (v *verdict) add(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = append(v.broken, fmt.Sprintf(format, args...))
}

func (v *verdict) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.broken)
}

// inMemory is a directory for images, in memory where the machine has such a
// place: a few thousand ledgers are written, and nobody needs them tomorrow.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "fleetup-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// lay makes the directory hold these files and no others.
func lay(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if files[e.Name()] == nil {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		if err := overwrite(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// overwrite is os.WriteFile, but for the time it takes to free what was there.
func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return errors.Join(err, f.Truncate(int64(len(content))), f.Close())
}

// Whatever has reached the disk when the power fails: the ledger opens, passes
// every check, holds what was acknowledged and nothing half, and a resume goes
// on with it. Before its creation was acknowledged it is there whole or not at
// all.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	r := record(t, "night")
	trail := newTrail(t, r)
	v := r.powerFails(t, *powerLosses, sector, 10, trail.judge)
	v.mustHold(t, 2000)
	t.Logf("%d images of %d calls and %d acknowledgements; %d hold a ledger", v.images.Load(), len(r.calls),
		len(r.acks), trail.whole.Load())
}

func (v *verdict) mustHold(t *testing.T, atLeast int64) {
	t.Helper()
	for _, b := range v.broken {
		t.Error(b)
	}
	if n := v.images.Load(); n < atLeast {
		t.Errorf("%d images, want %d at least", n, atLeast)
	}
}

// Room that was reserved is synced before anything is written into it or
// acknowledged: a size that the power takes back takes with it what lies behind.
func TestReservedRoomIsSynced(t *testing.T) {
	t.Parallel()
	reserved, open := 0, ""
	for _, c := range record(t, "night").calls {
		switch {
		case c.Name == "fallocate":
			reserved++
			open = c.Path
		case (c.Name == "fsync" || c.Name == "fdatasync") && c.Path == open:
			open = ""
		case open != "" && (c.FD == 1 || c.Name == "pwrite64" && c.Path == open):
			t.Fatalf("%v comes before the room that was reserved is synced", &c)
		}
	}
	if reserved == 0 {
		t.Fatal("no room was reserved")
	}
}

// The harness can fail: without syncs acknowledged events are lost.
func TestPowerLossWithoutSync(t *testing.T) {
	t.Parallel()
	r := record(t, "night without sync")
	trail := newTrail(t, r)
	trail.pages = false // the check of a torn file's pages brings the process down
	v := r.powerFails(t, 2, sector, 1, func(dir string, acked int) error {
		if err := trail.judge(dir, acked); err != nil && strings.Contains(err.Error(), "were acknowledged") {
			return err
		}
		return nil // whole, or damaged in a way that is noticed: not the point here
	})
	v.mustBreak(t)
}

// Why a ledger is linked to its name when it is whole: bbolt's own
// initialisation, and the making of a ledger under its final name, do not
// survive a power loss.
func TestPowerLossOfAnInitialisationInPlace(t *testing.T) {
	t.Parallel()
	t.Run("bbolt", func(t *testing.T) {
		t.Parallel()
		r := record(t, "bbolt in place")
		v := r.powerFails(t, 60, sector, 1, func(dir string, _ int) error {
			path := filepath.Join(dir, ledgerName)
			if _, err := os.Stat(path); err != nil {
				return nil
			}
			return state.Guard(func() error {
				db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
				if err != nil {
					return err
				}
				return db.Close()
			})
		})
		v.mustBreak(t)
	})
	t.Run("ledger", func(t *testing.T) {
		t.Parallel()
		r := record(t, "ledger in place")
		v := r.powerFails(t, 6, sector, 1, newTrail(t, r).judge)
		v.mustBreak(t)
	})
}

func (v *verdict) mustBreak(t *testing.T) {
	t.Helper()
	if len(v.broken) == 0 {
		t.Fatalf("none of %d images is broken", v.images.Load())
	}
	t.Logf("%d of %d images are broken: %s", len(v.broken), v.images.Load(), v.broken[0])
}

// That one of two heads cannot be read is taken for damage, since a crash cannot
// bring it about: a head lies within one sector. On a disk that breaks that
// promise a power loss is refused loudly, and nothing is lost in silence.
func TestPowerLossInsideASector(t *testing.T) {
	t.Parallel()
	if from, to := state.HeadPlace(); from/sector != (to-1)/sector {
		t.Fatalf("a head lies from byte %d to %d of its page, over a sector's edge", from, to)
	}
	r := record(t, "night")
	trail := newTrail(t, r)
	r.calls = r.calls[:len(r.calls)/8]
	refused := atomic.Int64{}
	v := r.powerFails(t, 3, 8, 10, func(dir string, acked int) error {
		err := trail.judge(dir, acked)
		if errors.Is(err, state.ErrDamaged) && strings.Contains(err.Error(), "heads") {
			refused.Add(1)
			return nil
		}
		return err
	})
	v.mustHold(t, 50)
	if refused.Load() == 0 {
		t.Error("no head was torn: the test shows nothing")
	}
	t.Logf("%d of %d images were refused for a torn head", refused.Load(), v.images.Load())
}
