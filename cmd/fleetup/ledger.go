package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// acquire takes the ledger's lock for this process.
func acquire(c *cli.Context, path string) (*state.Lock, error) {
	a := actor(fleet.Credentials{})
	lock, err := state.Acquire(path, state.Holder{User: a.User, Host: a.Host, PID: a.PID, Since: now(), Command: "fleetup " + c.Command.Name})
	if use, ok := errors.AsType[*state.InUseError](err); ok {
		next := toStatus(path)
		switch {
		case use.Holder.Socket != "":
			next = lines(lexicon.Command("wait", "--state", path), to("or else, to end it in order", lexicon.Command("stop", "--state", path, "--reason", "TEXT")), to("to go on with what it leaves", lexicon.Command("resume", "--yes", "--state", path)))
		case use.Holder.PID != 0 && use.Holder.Host == a.Host:
			next = lines(fmt.Sprintf("wait, or end it in order with kill -INT %d", use.Holder.PID), to("to go on with what it leaves", lexicon.Command("resume", "--yes", "--state", path)))
		}
		return nil, failure.New(fleet.ExitInUse, err, next)
	}
	return lock, err
}

// newRunID is unique and sorts by time.
func newRunID(t time.Time) string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return t.Format("20060102-150405-") + hex.EncodeToString(b)
}

// held is a ledger that this process has, with its newest run.
type held struct {
	path   string
	ledger *state.Ledger
	run    journal.Run
	begun  bool // there is a run
	lock   *state.Lock
}

// hold takes the ledger that the command line names, makes sure that all of it is
// what was written, and reads its newest run.
func hold(c *cli.Context) (*held, error) {
	path, err := statePath(c)
	if err != nil {
		return nil, err
	}
	if !textfile.Exists(path) {
		return nil, noLedger(path)
	}
	h := &held{path: path}
	if h.lock, err = acquire(c, path); err != nil {
		return nil, err
	}
	if h.ledger, err = state.OpenExisting(h.lock); err == nil {
		h.ledger.Committed = logFacts(logOf(c))
		var past *audit.History
		if past, err = audit.Verify(h.ledger, versionString()); err == nil {
			h.run, h.begun = past.Newest()
		}
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *held) close() {
	if h.ledger != nil {
		_ = h.ledger.Close() // every commit has been synced
	}
	_ = h.lock.Close() // the lock goes with the process at the latest
}

func noLedger(path string) error {
	return failure.Usage(lines("name the ledger with --state FILE", to("or for a first run", firstRun(path))), "no ledger at %s", path)
}
