package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/test/unsaid"
)

var (
	update = flag.Bool("update", false, "rewrite what the scripts compare with")
	long   = flag.Bool("long", false, "run what takes longer too")
)

// TestMain lets the scripts run this program's main in processes of its own.
func TestMain(m *testing.M) {
	s := staffed{M: m}
	if filepath.Base(os.Args[0]) != "fleetup" {
		flag.Parse()
		// The scripts wait more than they work: more of them at once than there
		// are processors.
		chosen := false
		flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
		if !chosen {
			_ = flag.Set("test.parallel", "6") // the flag is there: package testing made it
		}
		if dir, ok := inMemory(); ok && os.Getenv("TMPDIR") == "" {
			_ = os.Setenv("TMPDIR", dir)
			s.scratch = dir
		}
	}
	program := main
	if os.Getenv(workerVariable) != "" {
		program = work
	}
	testscript.Main(s, map[string]func(){"fleetup": program})
}

// staffed are tests that leave workers behind, and perhaps a folder.
type staffed struct {
	*testing.M
	scratch string
}

func (s staffed) Run() int {
	defer os.RemoveAll(s.scratch) // of "" it removes nothing
	defer dismissWorkers()
	return s.M.Run()
}

// TestScripts runs the whole program, command line to exit code, on small
// fleets of the emulator.
func TestScripts(t *testing.T) {
	t.Parallel()
	fleets, err := filepath.Abs("testdata/fleets")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 pasting(t, "testdata/script"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("TERM", "xterm-256color")
			program, err := exec.LookPath("fleetup")
			if err != nil {
				return err
			}
			env.Setenv("FLEETUP", program) // for a script without a PATH
			b := &around{}
			for _, v := range env.Vars {
				name, _, _ := strings.Cut(v, "=")
				b.names = append(b.names, name)
			}
			env.Values[aroundKey{}] = b
			return os.CopyFS(env.WorkDir, os.DirFS(fleets))
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "mounts": // a disk of one's own can be made
				return exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp").Run() == nil, nil
			}
			return false, errors.New("no condition is called " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "runs": runs, "pastes": pastes, "appears": appears, "truncate": truncate, "hasten": hasten,
			"estate": estate, "sent": sent, "noupgrade": noupgrade,
		},
	})
}

// exits runs a command and compares its exit code: exits 2 fleetup plan. With -alone
// before the code it has a process of its own.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	args, alone := isAlone(args)
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var got int
	var said string
	if args[1] == "fleetup" {
		var stdout, stderr string
		got, stdout, stderr = carryOut(ts, alone, args[2:])
		said = stdout + "\n" + stderr
	} else {
		err = ts.Exec(args[1], args[2:]...)
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			got = e.ExitCode()
		} else {
			ts.Check(err)
		}
	}
	if got != want {
		ts.Fatalf("%q exited %d, want %d", args[1:], got, want)
	}
	if args[1] == "fleetup" {
		pasteAdvice(ts, args[2:], said)
	}
}

// appears waits until a file holds a text: appears FILE TEXT.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: appears FILE TEXT")
	}
	for range 3000 {
		if data, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && bytes.Contains(data, []byte(args[1])) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to hold %s", args[0], args[1])
}

// truncate cuts a file to a size: truncate FILE BYTES.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE BYTES")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// hasten lets end what goes on in an emulated cloud that no process has, and makes
// quick what will be started: hasten FILE. So a script may stand in the middle of a run for
// as long as it likes.
func hasten(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hasten FILE")
	}
	file := ts.MkAbs(args[0])
	data, err := os.ReadFile(file)
	ts.Check(err)
	slow, fast := []byte(`"scenario":{`), []byte(`"scenario":{"timeScale":20000,`)
	if bytes.Count(data, slow) != 1 || bytes.Contains(data, []byte(`"timeScale"`)) {
		ts.Fatalf("%s has not one scenario without a timeScale", args[0])
	}
	data = underWay.ReplaceAll(bytes.Replace(data, slow, fast, 1), []byte(`"acceptedAt":"$1","endsAt":"$1"`))
	ts.Check(os.WriteFile(file, data, 0o600))
}

var underWay = regexp.MustCompile(`"acceptedAt":"([^"]*)","endsAt":"[^"]*"`)

// noupgrade makes sure that files which tell of a rollback call nothing an upgrade:
// noupgrade FILE...
func noupgrade(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: noupgrade FILE...")
	}
	for _, file := range args {
		text := ts.ReadFile(file)
		if text == "" && !strings.HasSuffix(file, ".txt") {
			ts.Fatalf("%s is empty", file)
		}
		for _, line := range unsaid.Upgrades(text) {
			ts.Logf("%s: %s", file, line)
			defer ts.Fatalf("%s calls something an upgrade", file)
		}
	}
}

// estate writes what the emulated vaults of today's Azure are: estate TRUTH FILE
// as a run has left them, estate INVENTORY FILE as they are in the beginning.
func estate(ts *testscript.TestScript, neg bool, args []string) {
	s := emulatedSummary(ts, neg, args)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(s.Estate()), 0o600))
}

// sent writes what was asked of the emulated vaults of today's Azure, a line
// each: sent TRUTH FILE.
func sent(ts *testscript.TestScript, neg bool, args []string) {
	s := emulatedSummary(ts, neg, args)
	var b bytes.Buffer
	for _, r := range s.Resources {
		fmt.Fprintf(&b, "%s patches=%d accepted=%d again=%d", r.Name, r.Requests["patch"], r.Accepted, r.SentAgain)
		if n := r.Requests["assign"]; n > 0 {
			fmt.Fprintf(&b, " assigns=%d roles=%d", n, len(r.Roles))
		}
		b.WriteByte('\n')
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o600))
}

func emulatedSummary(ts *testscript.TestScript, neg bool, args []string) emulator.Summary {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: estate|sent TRUTH|INVENTORY FILE")
	}
	file := ts.MkAbs(args[0])
	c, err := emulator.Reopen(file, nil)
	if filepath.Ext(file) == ".yaml" {
		var p *plan.Plan
		p, err = session.ReadInventory(file)
		ts.Check(err)
		c, err = session.Fresh(p, filepath.Dir(file), "")
	}
	ts.Check(err)
	s := c.Summary()
	ts.Check(c.Close())
	return s
}
