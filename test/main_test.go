package test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	killCount = flag.Int("kills", 27, "how often TestKills kills a client, in all")
	given     = flag.String("binary", "", "the program to test, in place of one built from this source")
	seedFlag  = flag.Int64("seed", 0, "seed of the kills' moments; 0 takes one from the clock")
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	// The fleets wait more than they work: more of them at once than there are
	// processors.
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", "8") // the flag is there: package testing made it
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if *given != "" {
		binary = *given
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "fleetup-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "fleetup")
	build := exec.Command("go", "build", "-o", binary, "../cmd/fleetup")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the program does not build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// seed is the seed of a random test.
func seed(t *testing.T) int64 {
	t.Helper()
	s := *seedFlag
	if s == 0 {
		s = time.Now().UnixNano() % 1_000_000
	}
	t.Logf("seed %d: go test ./test -run '%s' -seed %d", s, t.Name(), s)
	return s
}
