package test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var (
	killCount = flag.Int("kills", 18, "how often TestKills kills a client, in all")
	given     = flag.String("binary", "", "the program to test, in place of one built from this source")
	seedFlag  = flag.Int64("seed", 0, "seed of the kills' moments; 0 takes one from the clock")
)

// binary is the program under test.
var binary string

// scratch is a folder for what is built.
var scratch string

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
	var err error
	if scratch, err = os.MkdirTemp("", "fleetup-test-*"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	if binary = *given; binary == "" {
		if binary, err = build("fleetup"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// build builds the program under a name, as a release has it: without C, without
// the paths of this machine and without a debugger's tables.
func build(name string, flags ...string) (string, error) {
	path := filepath.Join(scratch, name)
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-ldflags=-s -w"},
		flags...), "-o", path, "../cmd/fleetup")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return path, nil
}

var buildMortal = sync.OnceValues(func() (string, error) { return build("fleetup-mortal", "-tags", "failpoint") })

// mortal is the program with failpoints, built when the first test asks for it.
func mortal(t *testing.T) string {
	t.Helper()
	path, err := buildMortal()
	if err != nil {
		t.Fatal(err)
	}
	return path
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
