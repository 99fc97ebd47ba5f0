package state_test

import (
	"bufio"
	"errors"
	"io/fs"
	"math/rand"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// killWriter starts a process that writes, kills it with SIGKILL after so many
// acknowledged batches and a little more, and returns the number of the last
// batch it acknowledged, 0 when none.
func killWriter(t *testing.T, path string, acks int, more time.Duration) int {
	t.Helper()
	cmd := child(t, "write", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	last := 0
	read := func() bool {
		if !lines.Scan() {
			return false
		}
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("the writer says %q", lines.Text())
		}
		return true
	}
	for range acks {
		if !read() {
			t.Fatal("the writer ended by itself")
		}
	}
	time.Sleep(more) // where exactly the kill strikes is left to chance
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for read() {
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer ended with %v; want it killed", err)
	}
	return last
}

// What a killed process acknowledged is there, whole batches only, and the
// chain holds.
func TestKilledWriterLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	rng := rand.New(rand.NewSource(time.Now().UnixNano()))
	for round := range 40 {
		acked := killWriter(t, path, 1+rng.Intn(6), time.Duration(rng.Intn(3000))*time.Microsecond)
		lock := acquire(t, path) // at once: the kill let go of the lock
		check(t, path)
		l, err := state.OpenExisting(lock)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		events := statetest.EventsOf(t, l, "r1")
		for i, e := range events[1:] {
			if e.Event.Fact != (fleet.WaveOpened{Wave: strconv.Itoa(i + 1)}) || e.Seq != uint64(i)+2 {
				t.Fatalf("round %d: event %d is %v; want number %d", round, e.Seq, e.Event.Fact, i+1)
			}
		}
		there := len(events) - 1
		if there < acked+1 || there%2 != 0 {
			t.Fatalf("round %d: %d events are there; batch %d was acknowledged, and batches have two", round,
				there, acked)
		}
		if records := statetest.RecordsOf(t, l); len(records) != 1 || records[0].OperationID != strconv.Itoa(there) {
			t.Fatalf("round %d: records %v do not go with %d events", round, records, there)
		}
		if err := errors.Join(l.Close(), lock.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// A process killed while it creates the ledger leaves a whole one or none.
func TestKilledCreator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rng := rand.New(rand.NewSource(time.Now().UnixNano()))
	made := 0
	for round := range 40 {
		path := filepath.Join(dir, strconv.Itoa(round)+".db")
		acked := killWriter(t, path, 0, time.Duration(rng.Intn(25_000))*time.Microsecond)
		r, err := state.OpenReadOnly(path)
		if errors.Is(err, fs.ErrNotExist) && acked == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		r.Close()
		check(t, path)
		made++
	}
	t.Logf("%d of 40 ledgers were made before the kill", made)
}
