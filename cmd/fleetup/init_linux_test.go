package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestInitOnATerminal: the questions are asked and answered on a terminal, and what is
// written makes a plan there by the command that is told last.
func TestInitOnATerminal(t *testing.T) {
	t.Parallel()
	_, cloud := served(t, todaysEstate(), nil)
	dir := t.TempDir()
	const columns = 80
	code, text := onTerminal(t, dir, columns, "rsv-alerts\n"+subLab+" "+subShop+"\nSat 22:00-06:00 UTC\n\n",
		append([]string{"init"}, cloud...)...)
	lines := strings.Split(strings.TrimSpace(painted().ReplaceAllString(text, "")), "\n")
	next, ok := strings.CutPrefix(strings.TrimSpace(lines[len(lines)-1]), "Next: fleetup ")
	if fleet.ExitCode(code) != fleet.ExitOK || !ok || next != "plan fleet.yaml" {
		t.Fatalf("exit %d\n%s", code, text)
	}
	for _, line := range tooWide(text, columns) {
		if !strings.Contains(line, subLab) { // which is the answer
			t.Errorf("too wide: %s", line)
		}
	}
	if code, text := onTerminal(t, dir, columns, "", strings.Fields(next)...); fleet.ExitCode(code) != fleet.ExitOK ||
		!strings.Contains(text, "22:00") {
		t.Errorf("its plan: exit %d\n%s", code, text)
	}
}

// TestInitLeft: whoever leaves in the middle of the questions has nothing written, and is
// told so; no answer is made of the end of what is typed.
func TestInitLeft(t *testing.T) {
	t.Parallel()
	_, cloud := served(t, todaysEstate(), nil)
	for name, c := range map[string]struct {
		typed string
		code  fleet.ExitCode
		says  string
	}{
		"Ctrl-C at the first":  {"\x03", fleet.ExitInterrupted, "interrupted; nothing was written"},
		"Ctrl-C at the window": {"rsv-alerts\n" + subLab + "\n\x03", fleet.ExitInterrupted, "nothing was written"},
		"Ctrl-D at the first":  {"\x04", fleet.ExitUsage, "the input ended before all was answered"},
		"Ctrl-D at the window": {"rsv-alerts\n" + subLab + "\n\x04", fleet.ExitUsage, "nothing was written"},
		"Ctrl-D at the care":   {"rsv-alerts\n" + subLab + "\n\n\x04", fleet.ExitUsage, "nothing was written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			code, text := onTerminal(t, dir, 80, c.typed, append([]string{"init"}, cloud...)...)
			if _, err := os.Stat(filepath.Join(dir, "fleet.yaml")); fleet.ExitCode(code) != c.code || err == nil ||
				!strings.Contains(strings.Join(strings.Fields(text), " "), c.says) {
				t.Errorf("exit %d, want %d; %v\n%s", code, c.code, err, text)
			}
		})
	}
}

// TestInitAgain: where the vaults cannot be read, what was answered need not be typed once
// more; a part of them can be left out, and what somebody else wrote meanwhile stays.
func TestInitAgain(t *testing.T) {
	t.Parallel()
	const stranger = "3d5a6f0e-91c7-4b28-a64d-7e02f8b1c936"
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	var meanwhile func()
	_, cloud := served(t, todaysEstate(), func(http.ResponseWriter, *http.Request) bool {
		if meanwhile != nil {
			meanwhile()
		}
		return false
	})
	asked := func(answers lines, flags ...string) (fleet.ExitCode, string) {
		var errs bytes.Buffer
		e := &environment{stdin: &answers, stdout: io.Discard, stderr: &errs, messages: os.Stderr, terminal: true,
			interrupt: make(chan struct{})}
		return e.run(append(append([]string{"fleetup", "init", "--out", file}, cloud...), flags...)), errs.String()
	}
	code, errs := asked(lines{"rsv-alerts", subLab + " " + stranger, "Sat 22:00-06:00 UTC", "fast"})
	_, line, ok := strings.Cut(strings.TrimSpace(errs), "with the same answers: fleetup ")
	if _, err := os.Stat(file); code != fleet.ExitSignIn || err == nil || !ok {
		t.Fatalf("exit %d, %v\n%s", code, err, errs)
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", "fleetup "+line+" --skip-unreadable")
	said, _ := c.CombinedOutput() // the code tells more
	text, err := os.ReadFile(file)
	if fleet.ExitCode(c.ProcessState.ExitCode()) != fleet.ExitFailures || err != nil ||
		!strings.Contains(string(text), "start: \"22:00\"") || !strings.Contains(string(text), "upgrades: 50") {
		t.Fatalf("%s: %v, %v\n%s\n%s", line, c.ProcessState, err, said, text)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	meanwhile = sync.OnceFunc(func() {
		if err := os.WriteFile(file, []byte("apiVersion: fleetup/v1\n"), 0o644); err != nil {
			t.Error(err)
		}
	})
	code, errs = asked(lines{"rsv-alerts", subLab, "", ""})
	if text, _ := os.ReadFile(file); code != fleet.ExitUsage || string(text) != "apiVersion: fleetup/v1\n" ||
		!strings.Contains(errs, "is there already; --overwrite would replace it") {
		t.Errorf("what was written meanwhile: exit %d, it is now %q\n%s", code, text, errs)
	}
}
