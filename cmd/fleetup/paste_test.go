package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Whatever a script's command advises is done by the way: every command line
// behind "Next:" and its like is given to a shell as it stands, one after the
// other, in a copy of the script's folder. None may be a mistake, fail inside, or
// find the ledger taken. Where that cannot be tried, the script says why before it:
//
//	env UNPASTED='the servers it speaks to stand outside its folder'
//
// While a process of the script has the ledger, commands that only read are given
// where it is, and of the others the command line alone is tried.

// ranFleetup is a line of a script that runs the program to its end; givenInput is one
// behind a line that gives it an input.
var (
	ranFleetup = regexp.MustCompile(`(?m)^((?:\[[^\]]*\] )?(?:! )?)exec fleetup( .*[^&\n])?$`)
	givenInput = regexp.MustCompile(`(?m)^((?:stdin|ttyin) .*\n(?:(?:\[[^\]]*\] )?! )?(?:runs|exits)) `)
)

// setsVariable is a line of a script that sets variables.
var setsVariable = regexp.MustCompile(`(?m)^env ((?:\w+=\S* ?)+)`)

// scriptVariables are what scripts set: pasted commands have the same.
var scriptVariables = []string{"PATH", "HOME", "TZ", "TERM", "TMPDIR"}

// pasting returns a folder with the scripts, their commands run by runs. With
// -update it is their own folder: what they compare with is written there.
func pasting(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	to := t.TempDir()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range setsVariable.FindAllSubmatch(text, -1) {
			for _, set := range strings.Fields(string(m[1])) {
				if name, _, _ := strings.Cut(set, "="); !slices.Contains(scriptVariables, name) {
					scriptVariables = append(scriptVariables, name)
				}
			}
		}
		text = ranFleetup.ReplaceAll(text, []byte("${1}runs fleetup$2"))
		text = givenInput.ReplaceAll(text, []byte("$1 -alone "))
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		return dir
	}
	return to
}

// runs is exec of the program, and then of what it advised. With -alone before it
// the program has a process of its own.
func runs(ts *testscript.TestScript, neg bool, args []string) {
	args, alone := isAlone(args)
	code, stdout, stderr := carryOut(ts, alone, args[1:])
	switch {
	case code != 0 && !neg:
		ts.Fatalf("unexpected failure of %q: exit status %d", args, code)
	case code == 0 && neg:
		ts.Fatalf("unexpected success of %q", args)
	}
	pasteAdvice(ts, args[1:], stdout+"\n"+stderr)
}

func isAlone(args []string) ([]string, bool) {
	if len(args) > 0 && args[0] == "-alone" {
		return args[1:], true
	}
	return args, false
}

// pastes wants that the command before it advised something: pastes [N], where N
// is how many command lines there must be at least, 1 without it. That they can be
// pasted was tried when it ran.
func pastes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: pastes [N]")
	}
	want := 1
	if len(args) == 1 {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		want = n
	}
	if n := len(advisedIn(ts.ReadFile("stdout") + "\n" + ts.ReadFile("stderr"))); n < want {
		ts.Fatalf("%d commands are advised, want %d", n, want)
	}
}

var (
	// advisedLine finds a command line that a person is advised to type, with what it
	// is for before it; advisedInLine one at the end of a line about something else.
	advisedLine   = regexp.MustCompile(`(?m)^(?:\*\*)?((?:Next|Then|Or|Details|When|Once)\b[^:\n]*):(?:\*\* \x60| )(fleetup [a-z].*?)\x60?$`)
	advisedInLine = regexp.MustCompile(`(?m); next: (fleetup .*)$`)
	// advisedJSON finds those that a program is advised to run.
	advisedJSON  = regexp.MustCompile(`"command": ("fleetup (?:[^"\\]|\\.)*")`)
	advisedJSONs = regexp.MustCompile(`"commands": (\[[^\]]*\])`)
)

// advised is a command line that a text advises.
type advised struct {
	line  string
	later bool // something must be so first, or somebody else must do it
	now   bool // nothing comes before it
}

// waitsFor begins what must be so first.
var waitsFor = regexp.MustCompile(`^(When|Once)|, (when|once|by) `)

// advisedIn lists the command lines that a text advises, each once.
func advisedIn(text string) (found []advised) {
	now := false
	add := func(line string, later bool) {
		if !slices.ContainsFunc(found, func(a advised) bool { return a.line == line }) {
			found = append(found, advised{line, later, now})
		}
	}
	// What follows a sentence waits for what that says.
	sentence := false
	for l := range strings.SplitSeq(text, "\n") {
		if m := advisedLine.FindStringSubmatch(l); m != nil {
			now = m[1] == "Next"
			add(m[2], sentence || waitsFor.MatchString(m[1]))
			now = false
		} else {
			sentence = strings.HasPrefix(l, "Next: ")
		}
	}
	for _, m := range advisedInLine.FindAllStringSubmatch(text, -1) {
		add(m[1], strings.Contains(m[0], " by somebody other than "))
	}
	for _, m := range advisedJSON.FindAllStringSubmatch(text, -1) {
		var line string
		if json.Unmarshal([]byte(m[1]), &line) == nil {
			add(line, strings.Contains(text, `"when": `))
		}
	}
	for _, m := range advisedJSONs.FindAllStringSubmatch(text, -1) {
		var more []string
		if json.Unmarshal([]byte(m[1]), &more) == nil {
			for _, line := range more {
				add(line, true) // the text says what must be so first
			}
		}
	}
	return found
}

// toFill are words of a command line that somebody has to fill in first, and
// whether the command line before it had what belongs there.
var toFill = []struct {
	word  string
	there func(ts *testscript.TestScript, args []string) bool
}{
	{"--state FILE", func(ts *testscript.TestScript, args []string) bool {
		return slices.Contains(args, "--state") || ts.Getenv("FLEETUP_STATE") != ""
	}},
	{" INVENTORY", func(ts *testscript.TestScript, args []string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasSuffix(a, ".yaml") })
	}},
	{"SUBSCRIPTION/NAME", func(ts *testscript.TestScript, args []string) bool {
		return slices.ContainsFunc(args,
			func(a string) bool { return regexp.MustCompile(`^(prod|dev|hr)/`).MatchString(a) })
	}},
	{"inventory lint FILE", func(*testscript.TestScript, []string) bool { return false }}, // it went to stdout
}

// toWrite is what a person writes for the words of advice that stand for it.
var toWrite = map[string]string{
	"--reason " + standing.ReasonToWrite: "--reason 'it is understood'",
	"--case " + standing.CaseToWrite:     "--case 4711",
}

// pasted are the command lines that were tried, each with the state it was tried
// on: a second time tells nothing.
var pasted sync.Map

// pasteAdvice does what a command advises in what it said. args are the command's.
func pasteAdvice(ts *testscript.TestScript, args []string, said string) {
	var todo []advised
	ran := sameWords(ts, append([]string{"fleetup"}, args...))
	for _, a := range advisedIn(said) {
		fill := false
		for _, f := range toFill {
			if strings.Contains(a.line, f.word) {
				fill = true
				if f.there(ts, args) {
					ts.Fatalf("%q advises %q, though it was told what belongs there", args, a.line)
				}
			}
		}
		if a.now && !a.later && !strings.Contains(a.line, " > ") &&
			slices.Equal(sameWords(ts, wordsOf(ts, a.line)), ran) {
			ts.Fatalf("%q advises itself", args)
		}
		for word, written := range toWrite {
			a.line = strings.ReplaceAll(a.line, word, written)
		}
		if !fill {
			todo = append(todo, a)
		}
	}
	if len(todo) == 0 || ts.Getenv("UNPASTED") != "" {
		return
	}
	live := slices.ContainsFunc(ts.BackgroundCmds(), func(c *exec.Cmd) bool { return c.ProcessState == nil })
	work, here := ts.Getenv("WORK"), ts.MkAbs(".")
	hash := sha256.New()
	dir, err := os.MkdirTemp("", "pasted")
	ts.Check(err)
	defer os.RemoveAll(dir)
	if !live {
		ts.Check(copyTree(dir, work, hash))
	}
	for _, name := range scriptVariables[5:] {
		fmt.Fprintf(hash, "%s=%q", name, ts.Getenv(name))
	}
	fmt.Fprintf(hash, "%s %v %v", here, live, todo)
	if _, before := pasted.LoadOrStore(string(hash.Sum(nil)), true); before {
		return
	}
	for _, a := range todo {
		at, line := here, a.line
		switch {
		case !live:
			rel, err := filepath.Rel(work, here)
			ts.Check(err)
			at, line = filepath.Join(dir, rel), strings.ReplaceAll(line, work, dir)
		case !readsOnly.MatchString(line):
			line += " --help"
		}
		paste(ts, at, line, a.later)
	}
}

// wordsOf are the words that a shell makes of a command line.
func wordsOf(ts *testscript.TestScript, line string) []string {
	if found, ok := split.Load(line); ok {
		return slices.Clone(found.([]string))
	}
	out, err := exec.Command("bash", "-c", "printf '%s\\0' "+line).Output()
	ts.Check(err)
	all := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if !strings.ContainsAny(line, "*?[~$`") { // they are the same everywhere
		split.Store(line, slices.Clone(all))
	}
	return all
}

// split are the command lines that a shell has made words of.
var split sync.Map

// sameWords are the words of a command in an order that says nothing, with the ledger
// that the environment names.
func sameWords(ts *testscript.TestScript, all []string) []string {
	if l := ts.Getenv("FLEETUP_STATE"); l != "" && !slices.Contains(all, "--state") {
		all = append(all, "--state", l)
	}
	slices.Sort(all)
	return all
}

// readsOnly are the commands that change nothing.
var readsOnly = regexp.MustCompile(`^fleetup (status|report|runs|show|wait|help|plan|inventory lint|audit verify)\b`)

// waits are the commands that end when the run does.
var waits = regexp.MustCompile(`^fleetup (wait|status --watch)\b`)

// mistaken is what the program says of a command line that no state would make
// right.
var mistaken = regexp.MustCompile(`flag provided but not defined|has no flag|needs an? [a-z]+ or|takes no argument|takes one argument|there is no command|mutually exclusive|unterminated|syntax error`)

// paste gives a command line to a shell. Where something must be so first, the
// state may be against it.
func paste(ts *testscript.TestScript, dir, line string, later bool) {
	// What waits for long is told to leave: that it waits is an answer too.
	long := 3 * time.Second
	if waits.MatchString(line) {
		long = time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	var env []string
	for _, name := range scriptVariables {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	code, out := pasteIn(ts, ctx, dir, env, line)
	ts.Logf("[pasted] %s\n%s", line, out)
	switch fleet.ExitCode(code) {
	case fleet.ExitInternal, fleet.ExitUsage, fleet.ExitInUse, 126, 127:
		if !later || code > 125 || mistaken.Match(out) {
			ts.Fatalf("pasted, %q exits %d", line, code)
		}
	}
}

// pasteIn has a shell carry a command line out. Where that is nothing but words, a
// worker does what the shell would with them.
func pasteIn(ts *testscript.TestScript, ctx context.Context, dir string, env []string, line string) (code int,
	out []byte) {
	if !strings.ContainsAny(line, "*?[~$`;|&<>()\n") {
		if args := wordsOf(ts, line); shareable(env, args) {
			o, err := do(ctx, errand{Args: args, Env: env, Dir: dir})
			ts.Check(err)
			return o.Code, slices.Concat(o.Stdout, o.Stderr)
		}
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", "exec "+line)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if !errors.Is(err, context.DeadlineExceeded) {
		ts.Check(err)
	}
	return code, out
}

// copyTree copies the files of a folder, and feeds them to a hash. What is no file,
// or cannot be read, stays behind.
func copyTree(to, from string, hash io.Writer) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a folder that cannot be read
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if rel == ".tmp" {
			return filepath.SkipDir
		}
		at := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(at, 0o700)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(strings.ReplaceAll(target, from, to), at)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // it stays behind
		}
		fmt.Fprintf(hash, "%q %d", rel, len(data))
		_, _ = hash.Write(data)
		return os.WriteFile(at, data, info.Mode().Perm())
	})
}

// TestGoldenCommands: every command line on the pages that package report
// compares with is one of this program: its flags exist, and it has as many
// arguments as it takes.
func TestGoldenCommands(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../pkg/report/testdata/*.golden")
	if err != nil || len(pages) < 50 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	seen := map[string]bool{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range advisedIn(string(text)) {
			if !seen[a.line] {
				seen[a.line] = true
				if err := understood(a.line); err != nil {
					t.Errorf("%s: %s: %v", filepath.Base(page), a.line, err)
				}
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d command lines are on the pages", len(seen))
	}
	for _, wrong := range []string{"fleetup status --stat x", "fleetup status x", "fleetup show",
		"fleetup report --state", "fleetup sing", "fleetup audit verify x", "fleetup run a b"} {
		if err := understood(wrong); err == nil {
			t.Errorf("%s counts as right", wrong)
		}
	}
}

// understood reports what is wrong with a command line, as a shell and the
// program's own flags read it. Nothing of it is done.
func understood(line string) error {
	line, _, _ = strings.Cut(line, " > ") // where it is piped to
	out, err := exec.Command("bash", "-c", "set -- "+line+`; printf '%s\0' "$@"`).Output()
	if err != nil {
		return err
	}
	args := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	e := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	app := e.app()
	ran := false
	app.Before = nil
	app.Action = func(*cli.Context) error { return errors.New("there is no such command") }
	var still func(all []*cli.Command)
	still = func(all []*cli.Command) {
		for _, c := range all {
			still(c.Subcommands)
			c.Before = nil
			usage := c.ArgsUsage
			c.Action = func(c *cli.Context) error {
				ran = true
				want := strings.Fields(usage)
				switch n := c.NArg(); {
				case strings.Contains(usage, "...") && (n >= len(want) || c.IsSet("selector")), n == len(want):
					return nil
				default:
					return fmt.Errorf("%d arguments for %q", n, usage)
				}
			}
		}
	}
	still(app.Commands)
	if err := app.Run(flagsFirst(app, args)); err != nil {
		return err
	}
	if !ran {
		return errors.New("it shows help alone")
	}
	return nil
}
