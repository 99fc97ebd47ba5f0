package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// blocks is how much of a file lies on the disk.
func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// TestRoomIsReserved: a run, and a resume, make the blocks of what they will write
// the ledger's own before anything starts.
func TestRoomIsReserved(t *testing.T) {
	t.Parallel()
	const least = 256 << 10 // of the smallest run
	dir := copyFleets(t)
	ledger := filepath.Join(dir, "halts.db")
	if code, out := quietly("run", filepath.Join(dir, "halts.yaml"), "--yes"); code != fleet.ExitHalted {
		t.Fatalf("it exits %d\n%s", code, out)
	}
	if n := blocks(t, ledger); n < least {
		t.Errorf("after a run %d bytes lie on the disk", n)
	}

	// Somebody copies it without its empty pages.
	data, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	used := int64(len(bytes.TrimRight(data, "\x00"))+4095) &^ 4095
	f, err := os.OpenFile(ledger, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const punch = 0x3 // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
	err = syscall.Fallocate(int(f.Fd()), punch, used, int64(len(data))-used)
	f.Close()
	if errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("no holes on this file system")
	}
	if err != nil || blocks(t, ledger) >= least {
		t.Fatalf("%d of %d bytes are left: %v", blocks(t, ledger), len(data), err)
	}
	if code, out := quietly("resume", "--accept-failures", "--reason",
		"known", "--yes", "--state", ledger); code != fleet.ExitFailures {
		t.Fatalf("it exits %d\n%s", code, out)
	}
	if n := blocks(t, ledger); n < least {
		t.Errorf("after a resume %d bytes lie on the disk", n)
	}
}
