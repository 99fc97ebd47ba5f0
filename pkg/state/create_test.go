package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCreateLeavesTheLedgerAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := open(t, acquire(t, filepath.Join(dir, "fleet.db")))
	if got := names(t, dir); !slices.Equal(got, []string{"fleet.db", "fleet.db.lock"}) {
		t.Fatalf("after the creation there are %v", got)
	}
	for _, name := range names(t, dir) {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode() != 0o600 {
			t.Errorf("%s has mode %v (%v); want 0600", name, fi.Mode(), err)
		}
	}
	info := l.Info()
	if info.Cloud != binding.Cloud || info.CreatedBy != binding.Version || info.ID == "" ||
		time.Since(info.CreatedAt) > time.Hour {
		t.Fatalf("identity = %+v", info)
	}
}

// Many creators of one ledger in the same instant end with the same ledger.
func TestCreateAtTheSameInstant(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "fleet.db")
	const creators = 8
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range creators {
		wg.Go(func() {
			<-start
			if err := state.CreateFile(path, binding); err != nil {
				t.Errorf("create: %v", err)
			}
		})
	}
	ids := make(chan string, creators)
	for range creators {
		wg.Go(func() {
			<-start
			for {
				r, err := state.OpenReadOnly(path)
				if errors.Is(err, state.ErrNoLedger) {
					continue // not published yet; what is published is whole
				}
				if err != nil {
					t.Errorf("OpenReadOnly beside the creators: %v", err)
					return
				}
				ids <- r.Info().ID
				r.Close()
				return
			}
		})
	}
	close(start)
	wg.Wait()
	close(ids)
	first := ""
	for id := range ids {
		if first == "" {
			first = id
		}
		if id != first {
			t.Fatalf("two ledgers: %s and %s", first, id)
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"fleet.db"}) {
		t.Fatalf("after the creation there are %v", got)
	}
	check(t, path)
}

// What a creation that died left behind does not matter.
func TestCreateBesideDeadCreations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stale := filepath.Join(dir, ".fleet.db.new-abc")
	if err := os.WriteFile(stale, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, acquire(t, filepath.Join(dir, "fleet.db")))
	if b, err := os.ReadFile(stale); string(b) != "torn" || err != nil {
		t.Fatalf("the other file holds %q (%v)", b, err)
	}
}

// A creation that fails takes its temporary file away, and does not touch what
// is there.
func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "fleet.db")
	if err := os.WriteFile(path, []byte("somebody else's"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := state.CreateFile(path, binding); err != nil {
		t.Fatalf("create: %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "somebody else's" || err != nil {
		t.Fatalf("the file holds %q (%v)", b, err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"fleet.db"}) {
		t.Fatalf("there are %v", got)
	}
}

func TestOpenForAnotherCloud(t *testing.T) {
	t.Parallel()
	lock := acquire(t, filepath.Join(t.TempDir(), "fleet.db"))
	if err := open(t, lock).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Open(lock, state.Binding{Cloud: "emulator"}); !errors.Is(err, state.ErrCloud) {
		t.Errorf("Open for a cloud in another spelling: %v; want ErrCloud", err)
	}
	_, err := state.Open(lock, state.Binding{Cloud: "AzureChina"})
	if !errors.Is(err, state.ErrCloud) {
		t.Fatalf("Open: %v; want ErrCloud", err)
	}
	if !strings.Contains(err.Error(), `"Emulator"`) || !strings.Contains(err.Error(), `"AzureChina"`) {
		t.Errorf("%q does not name both clouds", err)
	}
	l, err := state.OpenExisting(lock)
	if err != nil || l.Info().Cloud != "Emulator" {
		t.Fatalf("OpenExisting: %v", err)
	}
	l.Close()
	if _, err := state.Open(lock, state.Binding{}); !errors.Is(err, state.ErrRefused) {
		t.Fatalf("Open without a cloud: %v; want ErrRefused", err)
	}
}

func TestReaderOfALiveLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	if _, err := state.OpenReadOnly(path); !errors.Is(err, state.ErrNoLedger) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("OpenReadOnly of nothing: %v; want ErrNoLedger", err)
	}
	lock := acquire(t, path)
	l := open(t, lock)
	if err := l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := state.OpenReadOnly(path)
	le, ok := errors.AsType[*state.BusyError](err)
	if !ok || !errors.Is(err, state.ErrLive) || le.Holder != who("test") {
		t.Fatalf("OpenReadOnly of a live ledger: %v; want a BusyError that names the holder", err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("it took %v to say so", d)
	}

	// The lock file may be lost: bbolt's own lock keeps the two apart as well.
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := state.OpenReadOnly(path); !errors.Is(err, state.ErrLive) {
		t.Fatalf("OpenReadOnly of an open ledger: %v; want ErrLive", err)
	}

	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lock.Close()

	// A reader stays away from the moment the lock is taken: the run behind it
	// need not wait for new readers.
	next := acquire(t, path)
	if _, err := state.OpenReadOnly(path); !errors.Is(err, state.ErrLive) {
		t.Fatalf("OpenReadOnly of a locked ledger: %v; want ErrLive", err)
	}
	next.Close()
	r, err := state.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if run, ok, err := r.LatestRun(); run.ID != "r1" || !ok || err != nil {
		t.Fatalf("LatestRun = %+v, %v, %v", run, ok, err)
	}
}
