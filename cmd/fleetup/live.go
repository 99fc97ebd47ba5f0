package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// controlListener hears what people say to a run that this process carries out.
type controlListener struct {
	asks   chan runner.Ask
	over   chan struct{}
	server *control.Server // nil: nobody can speak to the run
	lock   *state.Lock
}

// listen opens the run's socket. A run that cannot have one goes on all the
// same: nobody is kept from an upgrade for want of a socket.
func (e *environment) listen(j job) *controlListener {
	l := &controlListener{asks: make(chan runner.Ask), over: make(chan struct{}), lock: j.lock}
	server, err := control.Serve(control.Config{Ledger: j.lock.Real(), Group: j.group, Version: versionString(), RunID: j.runID, Journal: j.ledger, Obey: l.obey})
	if err == nil {
		l.server = server
		err = j.lock.Announce(server.Path())
	}
	if err == nil && server.Group() >= 0 {
		err = j.lock.Share(server.Group())
	}
	if err != nil {
		say(e.stderr, "Nobody can speak to this run while it goes on, nor ask for its status: its socket cannot be opened: %s.", lexicon.Clean(failure.Cause(err).Error()))
	}
	return l
}

// close ends the listening: what is said from now on is not heard.
func (l *controlListener) close() {
	close(l.over)
	if l.server == nil {
		return
	}
	_ = l.lock.Announce("") // the lock goes at once, and the socket with it
	l.server.Close()
}

var errOver = &control.Refusal{Message: "the run has ended just now, before it heard that", ExitCode: fleet.ExitInUse,
	Next: "the same command again"}

// obey hands an order to the run and waits until it is on disk.
func (l *controlListener) obey(ctx context.Context, who control.Peer, raw json.RawMessage) (any, error) {
	o, err := rollout.ReadOrder(raw)
	if err != nil {
		return nil, &control.Refusal{Message: "the run does not know this order: " + err.Error(), ExitCode: fleet.ExitUsage,
			Next: "give it with the version of fleetup that carries out the run, " + versionString()}
	}
	if err := o.Check(); err != nil {
		return nil, answered(err, o.State)
	}
	o.Reason = strings.TrimSpace(o.Reason)
	by := actor(fleet.Credentials{})
	by.User, by.PID, by.Credential = who.User, who.PID, ""
	type answer struct {
		rollout.Said
		error
	}
	heard := make(chan answer, 1)
	ask := runner.Ask{Order: o, By: by, At: now(), Done: func(said rollout.Said, err error) { heard <- answer{said, err} }}
	select {
	case l.asks <- ask:
	case <-l.over:
		return nil, errOver
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	a := <-heard
	if a.error != nil {
		return nil, answered(a.error, o.State)
	}
	return a.Said, nil
}

// answered is an error of an order as it crosses the socket.
func answered(err error, ledger string) *control.Refusal {
	err = refused(err, ledger)
	message, next := advice(err)
	return &control.Refusal{Message: message, Next: next, ExitCode: codeOf(err)}
}

// whereLive is how long a command looks for the socket of a process that has
// the ledger: one that has just begun opens it in a moment, and one that only
// wrote a line has let go of the ledger by then.
const whereLive = 3 * time.Second

// reading is a ledger that can be read, or a live run in its place.
type reading struct {
	journal.Reader
	records interface {
		VaultRecords(func(fleet.VaultRecord) error) error
		Runs() ([]state.RunInfo, error)
	}
	live   *control.Client // nil: nobody carries the run out
	partly bool            // a journal that does not verify is read as far as it does
	close  func() error
}

// openReading opens a ledger for reading, or asks the process that has it. It
// needs no lock.
func openReading(path string) (*reading, error) {
	for until := time.Now().Add(whereLive); ; time.Sleep(20 * time.Millisecond) {
		r, err := state.OpenReadOnly(path)
		if err == nil {
			return &reading{Reader: r, records: r, close: r.Close}, nil
		}
		busy, ok := errors.AsType[*state.LiveError](err)
		if errors.Is(err, state.ErrNoLedger) {
			return nil, noLedger(path)
		}
		if !ok {
			return nil, err
		}
		client, err := reach(busy.Holder, path)
		switch {
		case err == nil:
			return &reading{Reader: client, records: client, live: client, close: client.Close}, nil
		case !errors.Is(err, control.ErrNotThere):
			return nil, err
		case time.Now().After(until):
			return nil, failure.New(fleet.ExitInUse, busy, "ask again when it has ended: it cannot be asked while it runs")
		}
	}
}

// reach connects to the process that has a ledger; control.ErrNotThere while
// it has no socket.
func reach(h state.Holder, path string) (*control.Client, error) {
	if h.Socket == "" {
		return nil, control.ErrNotThere
	}
	client, err := control.Dial(h.Socket)
	if errors.Is(err, control.ErrSilent) {
		return nil, silent(path, h)
	}
	return client, err
}

// silent says that a process has the ledger and does not answer.
func silent(path string, h state.Holder) error {
	return failure.New(fleet.ExitInUse, fmt.Errorf("ledger %s is in use by %s, which does not answer", path, h),
		fmt.Sprintf("look at process %d: it is stopped (kill -CONT %d lets it go on), or the machine is very busy", h.PID, h.PID))

}

// readLedger has a ledger read, from the file or from the process that has it.
// When that process goes away in between, read is called again and has to begin
// anew: the file tells the rest, or the next process.
func readLedger(path string, read func(*reading) error) error {
	for until := time.Now().Add(whereLive); ; {
		r, err := openReading(path)
		if err != nil {
			return err
		}
		err = read(r)
		_ = r.close() // it was only read
		if !errors.Is(err, control.ErrNotThere) {
			return err
		}
		if time.Now().After(until) {
			return failure.New(fleet.ExitInUse, fmt.Errorf("the process that has ledger %s breaks off its answers: %w", path, err),
				lexicon.Command("runs", "--state", path))
		}
	}
}

// latest rebuilds the newest run; false when there is none.
func (r *reading) latest() (journal.Run, bool, error) {
	of := journal.Latest
	if r.partly {
		of = journal.LatestReadable
	}
	run, ok, err := of(r)
	run.Live = r.live != nil
	return run, ok, err
}

// run rebuilds the run with an ID, or with one that begins so; empty: the newest.
func (r *reading) run(id, path string) (journal.Run, bool, error) {
	if id == "" {
		return r.latest()
	}
	runs, err := r.records.Runs()
	if err != nil || len(runs) == 0 {
		return journal.Run{}, false, err
	}
	last := len(runs) - 1
	var hits []int
	for i := range runs {
		if runs[i].ID == id {
			hits = []int{i}
			break
		}
		if strings.HasPrefix(runs[i].ID, id) {
			hits = append(hits, i)
		}
	}
	lists := lexicon.Command("runs", "--state", path)
	switch {
	case len(hits) == 0:
		return journal.Run{}, false, failure.Usage(lists, "the ledger %s has no run %q", path, id)
	case len(hits) > 1:
		return journal.Run{}, false, failure.Usage(lists, "%d runs of the ledger %s begin with %q", len(hits), path, id)
	case hits[0] == last:
		return r.latest()
	}
	of := journal.Rebuild
	if r.partly {
		of = journal.Readable
	}
	run, ok, err := of(r, runs[hits[0]])
	run.Later = runs[last].ID
	return run, ok, err
}

// readLatest reads the newest run, from the file or from the process that
// carries it out; then is called with what it was read from.
func readLatest(path string, then ...func(*reading, journal.Run)) (run journal.Run, ok bool, err error) {
	return readRun(path, "", false, then...)
}

// readRun is readLatest of the run with an ID; empty: the newest. partly: as far as
// its journal verifies.
func readRun(path, id string, partly bool, then ...func(*reading, journal.Run)) (run journal.Run, ok bool, err error) {
	err = readLedger(path, func(r *reading) error {
		r.partly = partly
		run, ok, err = r.run(id, path)
		for _, do := range then {
			if err == nil && ok {
				do(r, run)
			}
		}
		return err
	})
	return run, ok, err
}
