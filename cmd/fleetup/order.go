package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// needReason refuses what somebody gives no reason for, or the word of our own advice that
// stands for one; example is one that such a command might have.
func needReason(c *cli.Context, who, reason, example string) error {
	switch {
	case reason == standing.ReasonToWrite && who == "note":
		return failure.Usage(retyped(c, nil, nil, example), "%s stands for the text: write what is to be noted", reason)
	case reason == standing.ReasonToWrite:
		return failure.Usage(again(c, "--reason", example), "%s stands for the reason: write why, the journal keeps it",
			reason)
	case !rollout.Wordless(reason):
		return nil
	case who == "note":
		return failure.Usage(again(c, example), "note needs a text")
	}
	return failure.Usage(again(c, "--reason", example), "%s needs a --reason: the journal keeps it", who)
}

func reasonFlag() cli.Flag {
	return flagReason.is(cli.StringFlag{Usage: "why: `TEXT` that the journal keeps"})
}

// runOrder gives the order of a command line, and tells what came of it.
func (e *environment) runOrder(c *cli.Context, k orderKind) error {
	o, err := k.orderOf(c)
	if err != nil {
		return err
	}
	s, err := e.sendOrder(c, o)
	if err != nil {
		return perhapsEarlier(c, err)
	}
	if flagOutput.of(c) == "json" {
		return writeJSON(e.stdout, orderDocument{1, s.live, s.Events, report.NextCommands(s.next(), o.State, e.along)})
	}
	said, err := audit.SaidIn(s.Events[0].Fact)
	if err != nil {
		return err
	}
	for _, line := range k.tell(o, s, lexicon.Clean(said.By.User), lexicon.Clean(o.Reason)) {
		say(e.stdout, "%s", line)
	}
	e.tellNext(asLines(s.next(), o.State))
	return nil
}

// orderDocument is how an order that was obeyed looks to a program.
type orderDocument struct {
	SchemaVersion int           `json:"schemaVersion"`
	Live          bool          `json:"live"` // a process heard it; else the next resume does
	Said          []fleet.Event `json:"said"`

	Next []report.NextCommand `json:"next"` // what to type next, the first one first
}

// orderResult is what came of an order.
type orderResult struct {
	rollout.Said
	live  bool           // a process heard it, and acts on it now
	state *rollout.State // as it stands after it, where the order was left in the ledger
}

// sendOrder says an order to the live run, or leaves word in the ledger for the
// next resume.
func (e *environment) sendOrder(c *cli.Context, o rollout.Order) (orderResult, error) {
	for until := time.Now().Add(session.LookFor); ; time.Sleep(20 * time.Millisecond) {
		// The live run first: who may speak to it need not be allowed to write to
		// its ledger.
		if holder, _, err := state.ReadHolder(o.State); err == nil {
			client, err := session.Reach(holder, o.State)
			if err == nil {
				defer client.Close()
				return tellLive(client, o, holder)
			}
			if !errors.Is(err, control.ErrNotThere) {
				return orderResult{}, err
			}
		}
		h, err := openLocked(c)
		if err == nil {
			defer h.Close()
			return journalOrder(h, o)
		}
		if !errors.Is(err, state.ErrInUse) || time.Now().After(until) {
			return orderResult{}, err
		}
	}
}

// tellLive says an order to a live run.
func tellLive(client *control.Client, o rollout.Order, h state.Holder) (orderResult, error) {
	var r rollout.Said
	err := client.Order(o, &r)
	if refusal, ok := errors.AsType[*control.Refusal](err); ok {
		return orderResult{}, &failure.Error{Code: refusal.ExitCode, Err: errors.New(refusal.Message),
			Next: refusal.Next, Typed: refusal.Typed, Meant: refusal.Meant}
	}
	if err != nil {
		return orderResult{}, failure.New(fleet.ExitInternal,
			fmt.Errorf("outcome unknown: %s gave no answer: %w", h, err),
			toStatus(o.State))
	}
	return orderResult{Said: r, live: true}, nil
}

// journalOrder writes an order down for the next resume.
func journalOrder(h *session.LockedLedger, o rollout.Order) (orderResult, error) {
	if !h.Begun || h.Run.Info.Closed {
		return orderResult{}, failure.Usage(nothingRuns(h), "no run is active: ledger %s has no unfinished run", h.Path)
	}
	st := h.Run.State
	word, records, err := st.LeaveWord(o, session.Actor(fleet.Credentials{}), session.Now())
	if err != nil {
		return orderResult{}, refused(err, o.State)
	}
	if err := h.Ledger.Commit(word.Events, records); err != nil {
		return orderResult{}, err
	}
	return orderResult{Said: word, state: st}, nil
}

// next is what to do after an order: look at the live run, or what the state wants. To end
// a pause at once is no advice.
func (s orderResult) next() []report.Step {
	p, ok := s.Events[0].Fact.(fleet.Paused)
	if s.live || ok && !p.Off {
		return []report.Step{{Args: []string{"status"}}}
	}
	return report.NextSteps(s.state, false, session.Now())
}

// nextOf says what to type next on a ledger that no process has.
func (e *environment) nextOf(st *rollout.State, path string) {
	e.tellNext(goesOn(st, path))
}
