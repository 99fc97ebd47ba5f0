package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
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
	server, err := control.Serve(control.Config{Ledger: j.lock.Real(), Group: j.group, Version: versionString(),
		RunID: j.runID, Journal: j.ledger, Obey: l.obey})
	if err == nil {
		l.server = server
		err = j.lock.Announce(server.Path())
	}
	if err == nil && server.Group() >= 0 {
		err = j.lock.Share(server.Group())
	}
	if err != nil {
		say(e.stderr,
			"No command reaches this run while it goes on (status, pause, stop): its socket cannot be opened: %s.",
			lexicon.Clean(failure.Cause(err).Error()))
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
		return nil, &control.Refusal{Message: "the run does not know this order: " + err.Error(),
			ExitCode: fleet.ExitUsage,
			Next:     "give it with the version of fleetup that carries out the run, " + versionString()}
	}
	if err := o.Check(); err != nil {
		return nil, answered(err, o.State)
	}
	o.Reason = strings.TrimSpace(o.Reason)
	by := session.Actor(fleet.Credentials{})
	by.User, by.PID, by.Credential = who.User, who.PID, ""
	type answer struct {
		rollout.Said
		error
	}
	heard := make(chan answer, 1)
	ask := runner.Ask{Order: o, By: by, At: session.Now(),
		Done: func(said rollout.Said, err error) { heard <- answer{said, err} }}
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
	typed, meant := mistyped(err)
	err = refused(err, ledger)
	message, next := advice(err)
	return &control.Refusal{Message: message, Next: next, ExitCode: codeOf(err), Typed: typed, Meant: meant}
}
