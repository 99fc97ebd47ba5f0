package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// whileAsked runs a command line at a terminal, does something once it asks a
// question, and then answers it. It returns how the command ended and what it said.
func whileAsked(question, answer string, meanwhile func(), args ...string) (fleet.ExitCode, string) {
	stdin, w := io.Pipe()
	var errs bytes.Buffer
	asked := make(chan struct{})
	e := &environment{stdin: stdin, stdout: io.Discard, terminal: true, messages: os.Stderr,
		interrupt: make(chan struct{}),
		stderr: writerFunc(func(p []byte) (int, error) {
			if bytes.Contains(p, []byte(question)) {
				close(asked)
			}
			return errs.Write(p)
		})}
	done := make(chan fleet.ExitCode, 1)
	go func() { done <- e.run(append([]string{"fleetup"}, args...)) }()
	select {
	case <-asked:
		meanwhile()
		_, _ = io.WriteString(w, answer+"\n") // the pipe is read by then
		return <-done, errs.String()
	case code := <-done:
		return code, "it did not ask: " + errs.String()
	}
}

// TestARunLooksAgainAfterItsQuestion: a run that somebody began while the person
// was asked is not forgotten for another.
func TestARunLooksAgainAfterItsQuestion(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	ledger := filepath.Join(dir, "both.db")
	code, said := whileAsked("Type the number", "5", func() {
		if code, out := quietly("run", filepath.Join(dir,
			"halts.yaml"), "--yes", "--state", ledger); code != fleet.ExitHalted {
			t.Errorf("meanwhile: it exits %d\n%s", code, out)
		}
	}, "run", filepath.Join(dir, "fast.yaml"), "--state", ledger, "--progress", "none")
	if code != fleet.ExitUsage || !strings.Contains(said, "has an unfinished run") {
		t.Errorf("it exits %d\n%s", code, said)
	}
}

// savedPlan makes a plan of the alerts' example, changes it, and saves it.
func changedPlan(t *testing.T, change func(*plan.Plan)) (file, ledger string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/alerts")); err != nil {
		t.Fatal(err)
	}
	p, err := session.ReadInventory(filepath.Join(dir, "fleet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	change(p)
	p = p.Restoring(func(*fleet.Vault) (json.RawMessage, string) { return nil, "" }) // which seals it anew
	data, err := plan.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "saved.plan")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, filepath.Join(dir, "fleet.db")
}

// TestWhatWasShownIsWhatIsSent: a saved plan that shows another request than this
// version sends is not run, and nothing is written.
func TestWhatWasShownIsWhatIsSent(t *testing.T) {
	t.Parallel()
	file, ledger := changedPlan(t, func(p *plan.Plan) {
		p.Upgrade.Request.Body = []byte(strings.Replace(string(p.Upgrade.Request.Body), "Enabled", "Disabled", 1))
	})
	code, said := quietly("run", file, "--yes", "--state", ledger)
	if code != fleet.ExitUsage || !strings.Contains(said, "shows another request than this one makes") ||
		textfile.Exists(ledger) {
		t.Errorf("it exits %d\n%s", code, said)
	}
}

// halted is a ledger with a run that a budget halted.
func halted(t *testing.T) string {
	t.Helper()
	dir := copyFleets(t)
	ledger := filepath.Join(dir, "halts.db")
	if code, out := quietly("run", filepath.Join(dir, "halts.yaml"), "--yes"); code != fleet.ExitHalted {
		t.Fatalf("it exits %d\n%s", code, out)
	}
	return ledger
}

// opened hands out a ledger with its newest run.
func opened(t *testing.T, path string, do func(*state.Ledger, journal.Run)) {
	t.Helper()
	lock, err := state.Acquire(path, state.Holder{})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ledger, err := state.OpenExisting(lock)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	run, ok, err := journal.Latest(ledger, journal.Rebuild)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	do(ledger, run)
}

// TestWordsDoNotGoBackInTime: what people say to a ledger whose newest fact is of a
// clock that was ahead comes after that fact.
func TestWordsDoNotGoBackInTime(t *testing.T) {
	t.Parallel()
	path := halted(t)
	before := session.Now()
	for _, args := range [][]string{{"note", "a word"}, {"refresh"}} { // with clocks that agree, when they are said
		if code, out := quietly(append(args, "--state", path)...); code != fleet.ExitOK {
			t.Errorf("%q exits %d\n%s", args, code, out)
		}
	}
	ahead := session.Now().Add(time.Hour)
	opened(t, path, func(l *state.Ledger, _ journal.Run) {
		if err := l.Commit([]fleet.Event{{At: ahead, Fact: fleet.Noted{Text: "from a clock that is ahead"}}},
			nil); err != nil {
			t.Fatal(err)
		}
	})
	for _, args := range [][]string{{"note", "a word"}, {"refresh"},
		{"reopen", "prod/sql-01/australiaeast", "--reason", "support says so"}} {
		if code, out := quietly(append(slices.Clone(args), "--state", path)...); code != fleet.ExitOK {
			t.Errorf("%q exits %d\n%s", args, code, out)
		}
	}
	opened(t, path, func(l *state.Ledger, run journal.Run) {
		var last time.Time
		said, soon := 0, 0
		if err := l.Events(run.Info.ID, func(_ uint64, e fleet.Event) error {
			if e.At.Before(last) {
				t.Errorf("%s of %v comes after a fact of %v", e.Fact.Name(), e.At, last)
			}
			switch last = e.At; {
			case !e.At.Before(ahead):
				said++
			case !e.At.Before(before):
				soon++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if said != 4 || soon != 2 {
			t.Errorf("%d facts before and %d from then on, want 2 and 4", soon, said)
		}
	})
}

// TestReopenNamesEachOnce: a vault that is named twice is re-opened once; one of which
// reading may still tell is not, as long as its run is.
func TestReopenNamesEachOnce(t *testing.T) {
	t.Parallel()
	path := halted(t)
	code, out := quietly("reopen", "prod/sql-01/australiaeast", "PROD/sql-01/AustraliaEast", "--reason",
		"support says so", "--state", path)
	if code != fleet.ExitOK || strings.Count(out, "re-opened prod/sql-01") != 1 {
		t.Errorf("it exits %d\n%s", code, out)
	}

	p := &plan.Plan{Waves: []plan.Wave{{Name: "all", Vaults: []int{0}}},
		Vaults: []plan.Vault{{Vault: fleet.Vault{Key: "k", Name: "v"}}}}
	st := rollout.NewState(p)
	st.Vaults[0].Status = fleet.Unknown
	for _, c := range []struct {
		final, closed, may bool
	}{{false, false, false}, {true, false, true}, {false, true, true}} {
		st.Vaults[0].Final, st.Run.Closed = c.final, nil
		if c.closed {
			st.Run.Closed = &fleet.RunClosed{}
		}
		if err := st.MayReopen(0, fleet.VaultRecord{}); (err == nil) != c.may {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
