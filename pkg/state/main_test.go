package state_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/statetest"
)

// roleEnv makes the test binary play another process: some of the tests need
// one to lock against, or to kill.
const roleEnv = "FLEETUP_STATE_TEST_ROLE"

// roles are what it plays besides, on a ledger's path.
var roles = map[string]func(path string) error{}

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleEnv); role {
	case "":
		goleak.VerifyTestMain(m)
	case "hold":
		exitOn(hold(os.Args[1]))
	case "write":
		exitOn(write(os.Args[1]))
	default:
		play, ok := roles[role]
		if !ok {
			exitOn(fmt.Errorf("no role %q", role))
		}
		exitOn(play(os.Args[1]))
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// hold takes the lock, says so, and keeps it until its input ends.
func hold(path string) error {
	if _, err := state.Acquire(path, who("other")); err != nil {
		return err
	}
	fmt.Println("held")
	_, err := bufio.NewReader(os.Stdin).ReadByte()
	if err != nil && err.Error() != "EOF" {
		return err
	}
	return nil
}

// write opens the ledger, a run on it where there is none, and commits numbered
// batches for ever. It prints the number of each when its commit has returned.
func write(path string) error {
	lock, err := state.Acquire(path, who("writer"))
	if err != nil {
		return err
	}
	l, err := state.Open(lock, binding)
	if err != nil {
		return err
	}
	if _, ok, err := l.LatestRun(); err != nil {
		return err
	} else if !ok {
		if err := l.Begin(statetest.PlanOf("r1"), statetest.Opening("r1"), nil); err != nil {
			return err
		}
	}
	head, _, err := l.Head()
	if err != nil {
		return err
	}
	for n := int(head); ; n += 2 {
		if err := l.Commit(numberedBatch(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// numberedBatch is a batch of two events whose vault record tells of the
// second.
func numberedBatch(n int) ([]fleet.Event, []fleet.VaultRecord) {
	wave := func(n int) fleet.Event { return statetest.At(n, fleet.WaveOpened{Wave: strconv.Itoa(n)}) }
	return []fleet.Event{wave(n), wave(n + 1)},
		[]fleet.VaultRecord{{Vault: statetest.Key(0), OperationID: strconv.Itoa(n + 1)}}
}

var binding = state.Binding{Cloud: "Emulator", Version: "test"}

func who(command string) state.Holder {
	return state.Holder{User: "ops", Host: "build-7", PID: os.Getpid(),
		Since: time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC), Command: command}
}

// child prepares the test binary in another role.
func child(t testing.TB, role, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, path)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// acquire takes the lock until the test ends.
func acquire(t testing.TB, path string) *state.Lock {
	t.Helper()
	lock, err := state.Acquire(path, who("test"))
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	t.Cleanup(func() { lock.Close() })
	return lock
}

// open opens the ledger of a lock, and checks the whole file when the test
// ends.
func open(t testing.TB, lock *state.Lock) *state.Ledger {
	t.Helper()
	l, err := state.Open(lock, binding)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		check(t, lock.Real())
	})
	return l
}

// check checks a whole ledger that no process writes to. A file that a test took
// away is not there to be checked.
func check(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return
	}
	if err := state.CheckFile(path); err != nil {
		t.Error(err)
	}
}
