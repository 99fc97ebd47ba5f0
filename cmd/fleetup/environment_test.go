package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestTwoSignals: the first asks for an orderly end, the second ends at once, and says
// what goes on with a run that it cut off.
func TestTwoSignals(t *testing.T) {
	t.Parallel()
	resume := "fleetup resume --yes --state night.db"
	for _, tt := range []struct {
		goesOn *string
		want   string
	}{
		{nil, "fleetup: ended at once by a second signal\n"},
		{&resume, "fleetup: ended at once by a second signal; what is in doubt now will be read before anything is " +
			"sent again\nNext: " + resume + " --report night.html\n"},
	} {
		died := make(chan fleet.ExitCode, 1)
		var errs bytes.Buffer
		e := &environment{stderr: &errs, interrupt: make(chan struct{}), die: func(c fleet.ExitCode) { died <- c },
			args: []string{"fleetup", "run", "fleet.yaml", "--report", "night.html"}}
		e.goesOn.Store(tt.goesOn)
		signals := make(chan os.Signal, 2)
		done := e.ends.watch()
		go e.obey(signals)
		signals <- os.Interrupt
		<-e.interrupt
		if len(died) > 0 {
			t.Error("the first signal ended it")
		}
		signals <- os.Interrupt
		if code := <-died; code != fleet.ExitInterrupted {
			t.Errorf("it ended with %d", code)
		}
		if errs.String() != tt.want {
			t.Errorf("it said\n%s\nwant\n%s", errs.String(), tt.want)
		}
		done()
	}
}

// TestOneSignalWhereNobodyListens: what has no orderly end is ended by the
// first signal, with a word in the form that the command line asked for.
func TestOneSignalWhereNobodyListens(t *testing.T) {
	t.Parallel()
	for asJSON, want := range map[bool]string{false: "fleetup: interrupted\n", true: `"exitCode": 5`} {
		var errs bytes.Buffer
		died := make(chan fleet.ExitCode, 1)
		e := &environment{stderr: &errs, interrupt: make(chan struct{}), die: func(c fleet.ExitCode) { died <- c }}
		e.jsonErrors.Store(asJSON)
		e.ends.watch()() // somebody did, and is through
		signals := make(chan os.Signal, 1)
		signals <- os.Interrupt
		e.obey(signals)
		if code := <-died; code != fleet.ExitInterrupted {
			t.Errorf("it ended with %d", code)
		}
		if !strings.Contains(errs.String(), want) {
			t.Errorf("it said\n%s\nwant %s", errs.String(), want)
		}
	}
}

// TestSignalAtAQuestion: a signal takes the place of an answer, and nothing is
// written.
func TestSignalAtAQuestion(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	silent, w := io.Pipe()
	defer w.Close()
	asked := make(chan struct{})
	var errs bytes.Buffer
	e := &environment{stdin: silent, stdout: io.Discard, terminal: true, messages: os.Stderr,
		interrupt: make(chan struct{}),
		stderr: writerFunc(func(p []byte) (int, error) {
			if bytes.Contains(p, []byte("Type the number")) {
				close(asked)
			}
			return errs.Write(p)
		})}
	go func() {
		<-asked
		close(e.interrupt)
	}()
	if code := e.run([]string{"fleetup", "run", filepath.Join(dir, "fast.yaml")}); code != fleet.ExitInterrupted {
		t.Errorf("it exited %d\n%s", code, errs.String())
	}
	if !strings.Contains(errs.String(), "interrupted; nothing was started") {
		t.Errorf("it said\n%s", errs.String())
	}
	for _, name := range []string{"fast.db", "fast.db.emulator"} {
		if textfile.Exists(filepath.Join(dir, name)) {
			t.Errorf("%s is there", name)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLocalZone(t *testing.T) {
	for tz, want := range map[string]string{"Australia/Sydney": "Australia/Sydney", "Etc/UTC": "UTC", "UTC": "UTC"} {
		t.Setenv("TZ", tz)
		if got := localZone().String(); got != want {
			t.Errorf("TZ=%s: %s, want %s", tz, got, want)
		}
	}
	t.Setenv("TZ", "No/Such/Zone")
	if got := localZone(); got == nil || time.Now().In(got).IsZero() {
		t.Errorf("an unknown zone gives %v", got)
	}
}

// TestAQuestionHoldsNoLedger: while somebody is asked whether to go on, others
// read the ledger and write to it; what was decided on is looked at again.
func TestAQuestionHoldsNoLedger(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	ledger := filepath.Join(dir, "halts.db")
	if code, out := quietly("run", filepath.Join(dir, "halts.yaml"), "--yes"); code != fleet.ExitHalted {
		t.Fatalf("it exits %d\n%s", code, out)
	}
	for _, c := range []struct {
		meanwhile []string
		want      fleet.ExitCode
	}{
		{[]string{"note", "somebody else was here", "--state", ledger}, fleet.ExitUsage},
		{[]string{"status", "--state", ledger}, fleet.ExitFailures},
	} {
		answer, w := io.Pipe()
		var errs bytes.Buffer
		asked := make(chan struct{})
		e := &environment{stdin: answer, stdout: io.Discard, terminal: true, messages: os.Stderr,
			interrupt: make(chan struct{}),
			stderr: writerFunc(func(p []byte) (int, error) {
				if bytes.Contains(p, []byte("Type yes")) {
					close(asked)
				}
				return errs.Write(p)
			})}
		done := make(chan fleet.ExitCode)
		go func() {
			done <- e.run([]string{"fleetup", "resume", "--state", ledger, "--accept-failures", "--reason", "known",
				"--progress", "none"})
		}()
		<-asked
		if code, out := quietly(c.meanwhile...); code != fleet.ExitOK {
			t.Errorf("while somebody is asked, %q exits %d\n%s", c.meanwhile, code, out)
		}
		_, _ = io.WriteString(w, "yes\n") // the pipe is read by then
		if code := <-done; code != c.want {
			t.Errorf("after %q it exits %d, want %d\n%s", c.meanwhile, code, c.want, errs.String())
		}
	}
}

// quietly runs a command line and returns what it said.
func quietly(args ...string) (fleet.ExitCode, string) {
	var out bytes.Buffer
	e := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &out, messages: os.Stderr,
		interrupt: make(chan struct{})}
	return e.run(append([]string{"fleetup"}, args...)), out.String()
}
