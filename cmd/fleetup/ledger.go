package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// acquire takes the ledger's lock for this process.
func acquire(c *cli.Context, path string) (*state.Lock, error) {
	a := actor(fleet.Credentials{})
	lock, err := state.Acquire(path, state.Holder{User: a.User, Host: a.Host, PID: a.PID, Since: now(), Command: "fleetup " + c.Command.Name})
	if use, ok := errors.AsType[*state.InUseError](err); ok {
		next := report.Command("status", "--state", path) + " tells when it has ended"
		switch {
		case use.Holder.Socket != "":
			next = "wait, or end it in order: " + report.Command("stop", "--state", path, "--reason", "TEXT") + "; " + report.Command("resume", "--yes", "--state", path) + " goes on with what it leaves"
		case use.Holder.PID != 0 && use.Holder.Host == a.Host:
			next = fmt.Sprintf("wait, or end it in order with kill -INT %d: %s goes on with what it leaves", use.Holder.PID, report.Command("resume", "--yes", "--state", path))
		}
		return nil, &failure{fleet.ExitInUse, err, next}
	}
	return lock, err
}

// standing is a run as the ledger has it: what a report or a resume starts
// from.
type standing struct {
	info     state.RunInfo
	state    *rollout.State
	told     *report.Chronicle // what the journal tells besides
	evidence *report.Evidence  // the journal's end
	live     bool              // a process carries it out
	later    string            // ID of the ledger's newest run; empty: this is it
	seq      uint64            // of the newest event that is in it
	reopened map[fleet.Key]bool
}

// apply folds one more fact.
func (s *standing) apply(e fleet.Event) error {
	if err := s.state.Apply(e); err != nil {
		return err
	}
	s.told.Add(s.state, e)
	switch f := e.Fact.(type) {
	case fleet.Reopened:
		if s.reopened == nil {
			s.reopened = map[fleet.Key]bool{}
		}
		s.reopened[f.Vault] = true
	case fleet.VaultFact:
		delete(s.reopened, f.VaultKey())
	}
	return nil
}

// journal is what standing is read from.
type journal interface {
	LatestRun() (state.RunInfo, bool, error)
	Plan(fingerprint string) ([]byte, error)
	Events(runID string, fn func(seq uint64, e fleet.Event) error) error
	// EventsAfter leaves out those up to a sequence number.
	EventsAfter(runID string, after uint64, fn func(seq uint64, e fleet.Event) error) error
	// Head is the sequence number and the hash of the newest event.
	Head() (seq uint64, hash string, err error)
}

// latest rebuilds the newest run from its facts; false when there is none.
func latest(j journal) (standing, bool, error) {
	info, ok, err := j.LatestRun()
	if err != nil || !ok {
		return standing{}, false, err
	}
	return rebuilt(j, info)
}

// rebuilt is a run made again from its facts.
func rebuilt(j journal, info state.RunInfo) (standing, bool, error) {
	data, err := j.Plan(info.PlanFingerprint)
	if err != nil {
		return standing{}, false, err
	}
	p, err := plan.Decode(data)
	if err != nil {
		return standing{}, false, fmt.Errorf("the plan of run %s cannot be read: %w", info.ID, err)
	}
	run := standing{info: info, state: rollout.NewState(p), told: report.NewChronicle()}
	if err := j.Events(info.ID, func(seq uint64, e fleet.Event) error { run.seq = seq; return run.apply(e) }); err != nil {
		return standing{}, false, fmt.Errorf("run %s cannot be rebuilt from its journal: %w", info.ID, err)
	}
	seq, head, err := j.Head()
	if err != nil {
		return standing{}, false, err
	}
	run.evidence = &report.Evidence{JournalHead: head, Events: seq}
	return run, true, nil
}

// eachCarried hands over every vault that earlier runs left failed, unknown or
// re-opened (design §2, rule 5).
func eachCarried(l interface {
	VaultRecords(func(fleet.VaultRecord) error) error
}, do func(fleet.Carried)) error {
	return l.VaultRecords(func(r fleet.VaultRecord) error {
		if c, ok := carry(r); ok {
			do(c)
		}
		return nil
	})
}

// carry is what a run takes over of a vault's record; false for nothing.
func carry(r fleet.VaultRecord) (fleet.Carried, bool) {
	status := r.Status
	switch {
	case status == fleet.Failed, status == fleet.Unknown:
	case len(r.Disregard) > 0 && status != fleet.Upgraded && status != fleet.Already:
		status = fleet.Pending // a permit that no answer has spent yet
	default:
		return fleet.Carried{}, false
	}
	return fleet.Carried{Vault: r.Vault, Status: status, OperationID: r.OperationID, Operation: settled(r).Operation,
		Disregard: r.Disregard, StartedAt: r.StartedAt, EndedAt: r.EndedAt, Accepted: r.Accepted,
		ErrorBody: r.ErrorBody, Findings: r.Findings, RequestIDs: r.RequestIDs, Reason: r.Reason,
		Done: r.Done, Reading: r.Reading}, true
}

// newRunID is unique and sorts by time.
func newRunID(t time.Time) string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return t.Format("20060102-150405-") + hex.EncodeToString(b)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// held is a ledger that this process has, with its newest run.
type held struct {
	path   string
	ledger *state.Ledger
	run    standing
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
	if !exists(path) {
		return nil, noLedger(path)
	}
	h := &held{path: path}
	if h.lock, err = acquire(c, path); err != nil {
		return nil, err
	}
	if h.ledger, err = state.OpenExisting(h.lock); err == nil {
		h.ledger.Committed = logFacts(logOf(c))
		var past *history
		if past, err = verified(h.ledger); err == nil {
			h.run, h.begun = past.newest()
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
