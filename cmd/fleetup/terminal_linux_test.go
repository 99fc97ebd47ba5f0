package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// openTerminal makes a terminal of that many columns: what is written on its side is
// read from ours.
func openTerminal(t *testing.T, columns int) (ours, side *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(columns)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if side, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return ours, side
}

// onTerminal runs a command line on a terminal of that many columns, where somebody
// types the answers, and returns the exit code and what stood on the terminal.
func onTerminal(t *testing.T, dir string, columns int, typed string, args ...string) (int, string) {
	t.Helper()
	program, err := exec.LookPath("fleetup")
	if err != nil {
		t.Fatal(err)
	}
	ours, side := openTerminal(t, columns)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	env := append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "COLUMNS=") }),
		"TZ=UTC", "TERM=xterm-256color")
	ended := make(chan int, 1)
	signals := strings.Contains(typed, "\x03") // which its terminal sends to a process of its own alone
	if shareable(env, args) && !signals {
		go func() {
			defer side.Close()
			o, err := do(ctx, errand{Args: append([]string{"fleetup"}, args...), Env: env, Dir: dir,
				Terminal: side.Name()})
			if err != nil {
				t.Error(err)
			}
			ended <- o.Code
		}()
	} else {
		c := exec.CommandContext(ctx, program, args...)
		c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr = dir, env, side, side, side
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		side.Close()
		go func() {
			_ = c.Wait() // the code tells more
			ended <- c.ProcessState.ExitCode()
		}()
	}
	var shown []byte
	answers := strings.SplitAfter(typed, "\n")
	for piece := make([]byte, 4096); ; {
		n, err := ours.Read(piece) // EIO when nobody has the other side any more
		shown = append(shown, piece[:n]...)
		if bytes.HasSuffix(shown, []byte(": ")) && answers[0] != "" { // a question, wherever its words are broken
			if _, err := io.WriteString(ours, answers[0]); err != nil {
				t.Fatal(err)
			}
			answers = answers[1:]
		}
		if err != nil && !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		if err != nil {
			break
		}
	}
	return <-ended, string(shown)
}

// painted is what colours a text or moves the place where the next one is written.
var painted = lazyregexp.New(`\x1b\[[0-9;?]*[A-Za-z]`)

// copied are lines that somebody copies as they stand: a command, a piece of an
// inventory. behindLetter is what follows a letter to support.
var (
	copied       = lazyregexp.New(`^((Next|Then|Or)[^:]*: |\S+ {2,})?(fleetup |az |cloud: \{)|; next: fleetup `)
	behindLetter = lazyregexp.New(`^(When support|[A-Z]{4}|\d+  )`)
)

// tooWide are the lines of a text that a terminal breaks in the middle of a word. Where a
// line ends with a word that begins near its start, an identifier, say, there is no
// better place for it.
func tooWide(text string, columns int) (wide []string) {
	letter := false
	for line := range strings.SplitSeq(painted().ReplaceAllString(text, ""), "\n") {
		for _, line := range strings.Split(line, "\r") { // what is written in the place of another
			const nearStart = 14
			line = strings.TrimRight(line, " ")
			letter = (letter || strings.HasPrefix(line, "To: ")) && !behindLetter().MatchString(line)
			if letter { // to support, which is copied with its lines
				continue
			}
			switch last := strings.LastIndexByte(line, ' ') + 1; {
			case layout.Columns(line) <= columns, last <= nearStart, copied().MatchString(strings.TrimLeft(line, " ")):
			default:
				wide = append(wide, line)
			}
		}
	}
	return wide
}

func TestTooWide(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"one two three four five": true, "one two": false, "/an/identifier/of/some/length": false,
		"Next: fleetup status --state fleet.db": false, "and fleetup status goes on then": true,
		"\x1b[32mone two\x1b[0m": false, "one two\rthree four": false, "a/b  c/d  e/f  operation-000": true,
		"Target    /an/identifier": false,
	} {
		if got := tooWide("x\n"+line+"\nx", 10); (len(got) > 0) != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// show is a command line of the round below.
type show struct {
	line  string
	typed string // by whoever sits at the terminal
	code  int    // -1: whichever
	data  bool   // it is for programs
}

// round has each command that prints for people, in an order in which they work: a
// night with every kind of trouble, one that halts and one that waits at a gate.
func round() []show {
	const ledger = " --state night.db"
	return []show{
		{line: "inventory lint night.yaml"},
		{line: "inventory lint wrong.yaml", code: 2},
		{line: "inventory show night.yaml a-subscription-with-a-long-name/sql-01"},
		{line: "inventory schema", data: true},
		{line: "inventory import table.csv --cloud AzurePublic --target-resource-group rg-vaults --out imported.yaml"},
		{line: "inventory import table.csv", code: -1},
		{line: "inventory discover --inventory night.yaml --out found.yaml", code: -1},
		{line: "preflight night.yaml", code: 1},
		{line: "preflight night.yaml --details", code: 1},
		{line: "preflight today.yaml --credential service-principal", code: 8},
		{line: "permissions night.yaml -o table"},
		{line: "kinds"},
		{line: "kinds rsv-immutability-lock"},
		{line: "kinds rsv-alerts --out started.yaml"},
		{line: "kinds rsv-alert", code: 2},
		{line: "init --kind rsv-alerts --subscription a --window any", typed: "careful\n", code: 2},
		{line: "init --out initial.yaml", typed: "nothing\n\n\n\n\n", code: 2},
		{line: "permissions examples/keyvaults/fleet.yaml -o table"},
		{line: "validate night.yaml", code: 7},
		{line: "plan night.yaml"},
		{line: "plan gate.yaml --what-if upgrades=1,failures=10%"},
		{line: "plan night.yaml --validate --details"},
		{line: "plan examples/contoso/fleet.yaml --details"},
		{line: "plan examples/keyvaults/fleet.yaml --validate --details"},
		{line: "plan today.yaml"},
		{line: "plan today.yaml --validate --credential service-principal", code: 8},
		{line: "plan night.yaml --out night.plan --change CHG-4711"},
		{line: "plan nigth.yaml", code: 2},
		{line: "run night.yaml", typed: "no\n", code: 2},
		{line: "run expired.yaml", typed: "no\n", code: 2},
		{line: "run today.yaml --yes", code: 2},
		{line: "run examples/alerts/fleet.yaml" + ledger, typed: "no\n", code: 2},
		{line: "run lock.yaml", typed: "1\nno\n", code: 2},
		{line: "run night.yaml --yes --report night.html --report night.txt", code: 3},
		{line: "run night.yaml --yes", code: -1},
		{line: "run expired.yaml --accept-expired-holds --progress plain --listen 127.0.0.1:0", typed: "1\n"},
		{line: "status" + ledger},
		{line: "status --state nihgt.db", code: 2},
		{line: "report" + ledger},
		{line: "show a-subscription-with-a-long-name/sql-02" + ledger},
		{line: "show a-subscription-with-a-long-name/agent-01" + ledger},
		{line: "show a-subscription/sql" + ledger, code: 2},
		{line: "runs" + ledger},
		{line: "audit verify" + ledger},
		{line: "audit export" + ledger, data: true},
		{line: "refresh" + ledger, code: -1},
		{line: "reopen a-subscription-with-a-long-name/sql-02 a-subscription-with-a-long-name/sql-03" + ledger +
			" --case 4711 --reason=because-the-vendor-says-so"},
		{line: "plan night.yaml"},
		{line: "run halts.yaml --yes", code: 4},
		{line: "status --state halts.db", code: 0},
		{line: "report --state halts.db"},
		{line: "resume --state halts.db", code: 4},
		{line: "resume --state halts.db --accept-failures --reason known", typed: "no\n", code: 2},
		{line: "run gate.yaml --yes --exit-when-waiting", code: 5},
		{line: "status --state gate.db"},
		{line: "report --state gate.db"},
		{line: "wait --for finished --timeout 10ms --state gate.db", code: 5},
		{line: "serve --state gate.db", code: 2},
		{line: "pause --state gate.db --reason because-of-a-storage-incident-that-takes-a-while"},
		{line: "hold a-subscription-with-a-long-name/sql-02 a-subscription-with-a-long-name/sql-03 --state gate.db " +
			"--reason quarter-end"},
		{line: "limit upgrades=1 --state gate.db --reason slow"},
		{line: "note something-to-remember --state gate.db"},
		{line: "status --state gate.db"},
		{line: "limit upgrades=plan --state gate.db --reason fine"},
		{line: "release a-subscription-with-a-long-name/sql-02 --state gate.db --reason over"},
		{line: "resume --state gate.db", typed: "no\n", code: 2},
		{line: "pause --off --state gate.db --reason over"},
		{line: "approve --state gate.db --reason fine"},
		{line: "approve --state gate.db --reason fine"},
		{line: "resume --state gate.db", typed: "yes\n", code: -1},
		{line: "show a-subscription-with-a-long-name/sql-03 --state gate.db"},
		{line: "stop --state gate.db --reason over", code: -1},
		{line: "notify test --notify slack=http://127.0.0.1:9/a-secret", code: 1},
		{line: "emulate nothing.yaml", code: 2},
		{line: "completion fish", data: true},
		{line: "completion", code: 2},
		{line: "version"},
		{line: "help"},
		{line: "nonsense", code: 2},
		{line: "demo"},
	}
}

// TestEveryCommandFitsATerminal: on terminals of three widths every command breaks its
// lines between words, messages and questions, pages and tables alike.
func TestEveryCommandFitsATerminal(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, s := range round() {
		shown[s.line] = true
	}
	var all func(path string, cs []*cli.Command)
	var helps []show
	all = func(path string, cs []*cli.Command) {
		for _, c := range cs {
			if c.Hidden {
				continue
			}
			name := strings.TrimPrefix(path+" "+c.Name, " ")
			helps = append(helps, show{line: "help " + name})
			if len(c.Subcommands) > 0 {
				all(name, c.Subcommands)
				continue
			}
			known := false
			for line := range shown {
				known = known || line == name || strings.HasPrefix(line, name+" ")
			}
			if !known {
				t.Errorf("no line of the round shows fleetup %s", name)
			}
		}
	}
	all("", new(environment).app().Commands)
	for _, columns := range []int{60, 80, 100} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, from := range []struct{ to, dir string }{{dir, "testdata/fleets"}, {dir, "testdata/terminal"},
				{filepath.Join(dir, "examples"), "../../examples"}} {
				if err := os.CopyFS(from.to, os.DirFS(from.dir)); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range append(round(), helps...) {
				if s.line == "demo" && (columns != 80 || testing.Short()) {
					continue // one night of it is enough
				}
				code, text := onTerminal(t, dir, columns, s.typed, strings.Fields(s.line)...)
				if s.code >= 0 && code != s.code {
					t.Errorf("fleetup %s exited %d, want %d:\n%s", s.line, code, s.code, text)
				}
				if s.data {
					continue
				}
				for _, line := range tooWide(text, columns) {
					t.Errorf("fleetup %s, %d of %d columns: %s", s.line, layout.Columns(line), columns, line)
				}
			}
		})
	}
}
