package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/session"
)

// offers is what a completion offers, in one line.
func offers(c completion) string {
	var words []string
	for _, w := range c.words {
		words = append(words, w.word)
	}
	if c.files {
		words = append(words, ":files")
	}
	return strings.Join(words, " ")
}

func TestComplete(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	for line, want := range map[string]string{
		"inventory l|":                           "lint",
		"resu|":                                  "resume",
		"__|":                                    "",
		"plan |":                                 ":files",
		"plan f |":                               "",
		"run |":                                  ":files",
		"report --out|":                          "--output",
		"inventory lint --output j|":             "json",
		"report -o csv --sta|":                   "--state",
		"inventory lint --output=j|":             "--output=json",
		"inventory lint --output = j|":           "json", // as bash parts it
		"inventory lint --output =|":             "table json yaml tsv",
		"status --state |":                       ":files",
		"status --state x --exit|":               "--exit-code",
		"run f --credential w|":                  "workload-identity",
		"run f --credential-resource-manager m|": "managed-identity",
		"--log-level |":                          "debug info warn error",
		"status --log-format |":                  "text json",
		"--log-file |":                           ":files",
		"--log-l|":                               "--log-level",
		"status --log-f|":                        "--log-file --log-format",
		"help inv|":                              "inventory",
		"help inventory l|":                      "lint",
		"completion p|":                          "powershell",
		"completion bash |":                      "",
		"status --reason x|":                     "",
		"plan -- --o|":                           ":files",
		"resume --reason |":                      "",
		"demo --dir |":                           ":files",
	} {
		words := strings.Split(strings.ReplaceAll(line, "|", ""), " ")
		if got := offers(complete(app, words)); got != want {
			t.Errorf("%s offers %q, want %q", line, got, want)
		}
	}
}

// TestCompleteKnowsEveryCommand: each command is offered where it belongs, with
// each of its flags; a list of words in a flag's help is what its value is
// completed from.
func TestCompleteKnowsEveryCommand(t *testing.T) {
	t.Parallel()
	app, seen := (&environment{}).app(), 0
	visit(app.Commands, "fleetup", func(path string, c *cli.Command) {
		seen++
		words := strings.Fields(path)[1:]
		if got := complete(app, words); !slices.ContainsFunc(got.words,
			func(w candidate) bool { return w.word == c.Name && w.about == c.Usage }) {
			t.Errorf("%s is not offered: %v", path, got)
		}
		got := offers(complete(app, append(words, "--")))
		for _, f := range flagsOf(c.Flags) {
			if len(f.names[0]) > 2 && !slices.Contains(strings.Fields(got), f.names[0]) {
				t.Errorf("%s %s is not offered", path, f.names[0])
			}
			if f.usage == "" {
				t.Errorf("%s %s says nothing of itself", path, f.names[0])
			}
			if f.names[0] == "--output" && strings.Contains(f.usage, ", ") && len(f.choices) < 2 {
				t.Errorf("%s --output has no choices: %q", path, f.usage)
			}
		}
	})
	if seen < 12 {
		t.Errorf("saw %d commands", seen)
	}
}

// inBash runs a line's completion in a real bash and returns what it offers.
func inBash(t *testing.T, dir, program string, words ...string) []string {
	t.Helper()
	script := `source <("$0" completion bash) || exit 9
program=$0
COMP_WORDS=("$program" "$@")
COMP_CWORD=$#
_fleetup
printf '%s\n' "${COMPREPLY[@]}"
complete -p fleetup >&2`
	cmd := exec.Command("bash", append([]string{"--norc", "-c", script, program}, words...)...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", words, err, errs.String())
	}
	if !strings.Contains(errs.String(), "-F _fleetup fleetup") {
		t.Errorf("bash completes nothing for fleetup: %s", errs.String())
	}
	return strings.Fields(string(out))
}

// TestCompletionInBash asks a real bash, with a real ledger for the vaults.
func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Log("there is no bash here: only the script's words were compared")
		return
	}
	program, err := exec.LookPath("fleetup")
	if err != nil {
		t.Fatal(err)
	}
	dir := copyFleets(t)
	e := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, messages: os.Stderr,
		interrupt: make(chan struct{})}
	ledger := filepath.Join(dir, "mixed.db")
	if code := e.run([]string{"fleetup", "run", filepath.Join(dir, "mixed.yaml"), "--yes"}); code != 3 {
		t.Fatalf("the run ended with %d", code)
	}
	rest := `apiVersion: fleetup/v1
cloud: Emulator
emulator: {scenario: mixed-scenario.yaml}
defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: rg-vaults}
subscriptions:
  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, name: dev, labels: {team: rest}, vaults: [{name: web}, {name: other}, {name: later, hold: freeze}]}
waves: [{name: all}]
timings: {poll: 50ms}
`
	if err := os.WriteFile(filepath.Join(dir, "rest.yaml"), []byte(rest), 0o600); err != nil {
		t.Fatal(err)
	}
	twice := filepath.Join(dir, "twice.db")
	for _, inventory := range []string{"mixed.yaml", "rest.yaml"} {
		e.run([]string{"fleetup", "run", filepath.Join(dir, inventory), "--yes", "--state", twice})
	}
	first := ""
	if err := session.ReadLedger(twice, func(r *session.ReadOnlyLedger) error {
		runs, err := r.Runs()
		if len(runs) == 2 {
			first = runs[0].ID
		}
		return err
	}); err != nil || first == "" {
		t.Fatalf("the ledger of two runs: %v", err)
	}
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"show", "--state", twice, ""},
			"dev/web dev/other dev/later dev/build prod/sql-01 prod/sql-02 prod/files-01"},
		{[]string{"show", "--state", twice, "prod/s"}, "prod/sql-01 prod/sql-02"},
		{[]string{"reopen", "--state", twice, ""}, ""}, // it is about the newest run alone
		{[]string{"release", "--state", twice, ""}, "dev/later"},
		{[]string{"hold", "--state", twice, "dev/l"}, ""},
		{[]string{"report", "--state", twice, "-l", ""}, "team=rest"},
		{[]string{"report", "--state", twice, "--run", first, "-l", ""}, "env=dev"},
		{[]string{"inv"}, "inventory"},
		{[]string{"report", "-o", "js"}, "json jsonl"},
		{[]string{"report", "--output", "=", "js"}, "json jsonl"},
		{[]string{"plan", "mixed-"}, "mixed-scenario.yaml"},
		{[]string{"reopen", "--state", ledger, ""}, "prod/sql-02"},
		{[]string{"reopen", "--state", ledger, "prod/sql-02", ""}, ""},
		{[]string{"inventory", "show", "mixed.yaml", "dev/"}, "dev/build dev/web"},
		{[]string{"approve", "--state", ledger, "--wave", ""}, "canary rest"},
		{[]string{"wait", "--state", ledger, "--for", ""}, "approval finished halted wave=canary wave=rest"},
		{[]string{"wait", "--state", ledger, "--for", "wave=c"}, "wave=canary"},
		{[]string{"status", "--state", ledger, "-l", "e"}, "env=dev"},
		{[]string{"completion", ""}, "bash zsh fish powershell"},
	} {
		got := inBash(t, dir, program, tt.words...)
		slices.Sort(got)
		want := strings.Fields(tt.want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("bash offers %q after %q, want %q", got, tt.words, want)
		}
	}
}

// TestCompletionScripts: each shell has a script, which asks the program; those
// that are installed here read it.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	check := map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}}
	for _, s := range shells {
		var out bytes.Buffer
		e := &environment{stdout: &out, stderr: io.Discard}
		if code := e.run([]string{"fleetup", "completion", s.name}); code != 0 {
			t.Errorf("completion %s ends with %d", s.name, code)
		}
		for _, must := range []string{"fleetup completion " + s.name, completeName, ":files"} {
			if !strings.Contains(out.String(), must) {
				t.Errorf("the script of %s lacks %q", s.name, must)
			}
		}
		if args := check[s.name]; args != nil {
			if program, err := exec.LookPath(args[0]); err == nil {
				cmd := exec.Command(program, append(args[1:], filepath.Join("completion", s.script))...)
				if got, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s does not read its script: %v\n%s", s.name, err, got)
				}
			}
		}
	}
	var errs bytes.Buffer
	e := &environment{stdout: io.Discard, stderr: &errs}
	if code := e.run([]string{"fleetup", "completion", "tcsh"}); code != 2 ||
		!strings.Contains(errs.String(), "bash, zsh, fish, powershell") {
		t.Errorf("completion tcsh: %d, %s", code, errs.String())
	}
}

func TestChoicesIn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"the FORMAT: table, json":                       "table json",
		"the LEVEL: debug (every request), info, error": "debug info error",
		"where to: auto|tty|plain":                      "auto tty plain",
		"for: finished, halted or wave":                 "finished halted wave",
		"in place of the inventory's: default, cli":     "default cli",
		"why: TEXT that the journal keeps":              "",
		"a switch":                                      "",
		"one: word":                                     "",
		"two: Words, Capital":                           "",
	} {
		if got := strings.Join(choicesIn(in), " "); got != want {
			t.Errorf("%q lists %q, want %q", in, got, want)
		}
	}
}
