// Package session answers what a command stands on: the ledger, locked or only
// read; the live run behind it, which is asked in its place; the inventory or the
// saved plan that was named; the kinds of upgrades there are; and the connection to
// the cloud, or to the emulator of a plan, signed in. It knows nothing of command
// lines and prints nothing: its errors say what to do next (internal/failure).
package session

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/standing"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Process is the process that stands on a ledger, and what it wants to be told.
type Process struct {
	Command   string // the command that runs: who waits for the ledger is told
	Version   string // of this program
	Committed func([]fleet.Event)
	Requests  func(azure.RequestLog)
	Pace      func(runner.PaceChange)
	TakeOver  bool // also of a run that an engine carries out: a person says that it does no more
}

// Acquire takes the ledger's lock for this process.
func (p Process) Acquire(path string) (*state.Lock, error) {
	a := Actor(fleet.Credentials{})
	lock, err := state.Acquire(path, state.Holder{User: a.User, Host: a.Host, PID: a.PID, Since: Now(),
		Command: "fleetup " + p.Command})
	if use, ok := errors.AsType[*state.BusyError](err); ok {
		next := lexicon.Command("status", "--state", path)
		switch {
		case use.Holder.Socket != "":
			next = failure.Lines(lexicon.Command("wait", "--state", path),
				failure.Or(failure.To("to end it in order",
					lexicon.Command("stop", "--state", path, "--reason", "TEXT"))),
				failure.To("to go on with what it leaves", afterStop(use.Holder, path)))
		case use.Holder.PID != 0 && use.Holder.Host == a.Host:
			next = failure.Lines(fmt.Sprintf("wait, or end it in order with kill -INT %d", use.Holder.PID),
				failure.To("to go on with what it leaves", lexicon.Command("resume", "--yes", "--state", path)))
		}
		return nil, failure.New(fleet.ExitInUse, err, next)
	}
	return lock, err
}

// afterStop is what goes on with a run once the process that has it was stopped. The
// process is asked, and no longer than a moment: what the run was given is to go along.
func afterStop(h state.Holder, path string) string {
	client, err := Reach(h, path)
	if err != nil {
		return lexicon.Command("resume", "--yes", "--state", path)
	}
	defer client.Close()
	run, ok, err := (&ReadOnlyLedger{Reader: client, Live: client}).Latest()
	if err != nil || !ok || run.State == nil {
		return lexicon.Command("resume", "--yes", "--state", path)
	}
	return report.Steps([]standing.Step{standing.AfterStop(run.State)})[0].On(path)
}

// NewRunID is unique and sorts by time.
func NewRunID(t time.Time) string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return t.Format("20060102-150405-") + hex.EncodeToString(b)
}

// LockedLedger is a ledger that this process has, with its newest run.
type LockedLedger struct {
	Path   string
	Ledger *state.Ledger
	Run    journal.Run
	Begun  bool // there is a run
	Lock   *state.Lock

	past *audit.History
}

// OpenLocked takes a ledger, makes sure that all of it is what was written, and reads
// its newest run.
func (p Process) OpenLocked(path string) (*LockedLedger, error) { return p.openLocked(path, nil) }

// Reopen takes a ledger once more that was closed. It is read again only where
// somebody has written to it in between.
func (p Process) Reopen(h *LockedLedger) (*LockedLedger, error) { return p.openLocked(h.Path, h.past) }

func (p Process) openLocked(path string, known *audit.History) (*LockedLedger, error) {
	if !textfile.Exists(path) {
		return nil, NoLedger(path)
	}
	h := &LockedLedger{Path: path}
	var err error
	if h.Lock, err = p.Acquire(path); err != nil {
		return nil, err
	}
	if h.Ledger, err = state.OpenExisting(h.Lock); err == nil {
		h.Ledger.Committed = p.Committed
		if h.past, err = known.Still(h.Ledger, p.Version); err == nil {
			h.Run, h.Begun = h.past.Newest()
			if h.Begun && h.Run.State.Elsewhere() && !p.TakeOver {
				err = elsewhere(h.Run.State, path)
			}
		}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// elsewhere says that the ledger of a run that an engine carries out is not written to
// here: what the engine decides meanwhile is not in it yet.
func elsewhere(st *rollout.State, path string) error {
	resume := []string{"resume"}
	if st.LeftHalted() {
		resume = append(resume, "--accept-failures", "--reason", "TEXT")
	}
	resume = append(resume, "--yes", "--ledger", strings.TrimSuffix(filepath.Base(path), ".db"))
	return failure.New(fleet.ExitInUse,
		fmt.Errorf("run %s is carried out by fleetup-temporal, and no worker keeps its ledger now: the run may go "+
			"on, and two would decide", st.Run.ID),
		failure.Lines("start a worker with --ledgers on this folder, and give the command again",
			failure.Or(failure.To("where the workflow has ended",
				"fleetup-temporal"+strings.TrimPrefix(lexicon.Command(resume...), "fleetup"))),
			failure.Or(failure.To("where the workflow has ended and its server is lost",
				lexicon.Command("resume", "--take-over", "--reason", "TEXT", "--state", path)))))
}

// Close lets go of the ledger.
func (h *LockedLedger) Close() {
	if h.Ledger != nil {
		_ = h.Ledger.Close() // every commit has been synced
	}
	_ = h.Lock.Close() // the lock goes with the process at the latest
}

// NoLedger says that a path has no ledger.
func NoLedger(path string) error {
	return failure.Mistyped(path, NearbyLedger(path),
		failure.Lines("name the ledger with --state FILE", failure.Or(failure.To("for a first run", FirstRun(path)))),
		"no ledger at %s", path)
}

// FirstRun is what leads to the first run of a ledger: its inventory stands beside
// it, where it has the ledger's name.
func FirstRun(path string) string {
	of := "INVENTORY"
	if name, ok := strings.CutSuffix(path, ".db"); ok && textfile.Exists(name+".yaml") {
		of = name + ".yaml"
	}
	return lexicon.Command("plan", of, "--state", path)
}
