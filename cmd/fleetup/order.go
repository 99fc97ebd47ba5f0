package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/control"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// order is a person's word to a run as it crosses the socket. Each command of
// this kind makes one, and decides it in its own file.
type order struct {
	Do     string `json:"do"`     // the command's name
	State  string `json:"state"`  // the ledger as the person named it, for what to do next
	Reason string `json:"reason"` // or the text of a note
	Wave   string `json:"wave,omitempty"`
	Off    bool   `json:"off,omitempty"`
	Close  bool   `json:"close,omitempty"`

	Vaults   []string `json:"vaults,omitempty"`
	Selector string   `json:"selector,omitempty"`

	Limits map[string]int `json:"limits,omitempty"` // by the inventory's names; fleet.AsPlanned gives one back
}

// decide turns an order into the facts that say it, as the run stands.
func (o order) decide(st *rollout.State, by fleet.Actor, at time.Time) ([]fleet.Fact, error) {
	if st.Run.Closed != nil {
		return nil, failure.Usage(report.Command("report", "--state", o.State), "run %s is closed: nothing can be said to it any more", st.Run.ID)
	}
	decide, known := map[string]func(*rollout.State, fleet.Actor, time.Time) ([]fleet.Fact, error){
		"approve": o.approval, "pause": o.pause, "stop": o.stop, "hold": o.hold, "release": o.hold, "limit": o.limit, "note": o.note,
	}[o.Do]
	if !known {
		return nil, failure.Usage("use one version of fleetup for the run and for the order", "the run does not know the order %q", o.Do)
	}
	return decide(st, by, at)
}

// orderOf makes the order of a command line. example is a reason that such a
// command might have; there must be one: the journal keeps it.
func orderOf(c *cli.Context, example string) (order, error) {
	path, err := statePath(c)
	if err != nil {
		return order{}, err
	}
	o := order{Do: c.Command.Name, State: path, Reason: strings.TrimSpace(c.String("reason"))}
	if o.Do == "note" {
		o.Reason = strings.TrimSpace(strings.Join(c.Args().Slice(), " "))
	}
	switch {
	case wordless(o.Reason) && o.Do == "note":
		return o, failure.Usage(again(c, example), "note needs a text")
	case wordless(o.Reason):
		return o, failure.Usage(again(c, "--reason", example), "%s needs a --reason: the journal keeps it", o.Do)
	case len(o.Reason) > longestReason:
		return o, failure.Usage("say it in fewer words", "the reason has %d bytes; %d are kept", len(o.Reason), longestReason)
	}
	return o, nil
}

func reasonFlag() cli.Flag {
	return &cli.StringFlag{Name: "reason", Usage: "why: `TEXT` that the journal keeps"}
}

// obeyed carries a command that is an order out: it fills the order in, gives
// it, and tells what came of it.
func (e *environment) obeyed(c *cli.Context, example string, fill func(*order) error, tell func(order, said)) error {
	if c.Command.ArgsUsage == "" {
		if err := noArguments(c); err != nil {
			return err
		}
	}
	if err := oneOf("output", c.String("output"), "table", "json"); err != nil {
		return err
	}
	o, err := orderOf(c, example)
	if err != nil {
		return err
	}
	if err := fill(&o); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	s, err := e.give(c, o)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		return writeJSON(e.stdout, orderDocument{1, s.live, s.events})
	}
	tell(o, s)
	e.next(s, o.State)
	return nil
}

// orderDocument is how an order that was obeyed looks to a program.
type orderDocument struct {
	SchemaVersion int           `json:"schemaVersion"`
	Live          bool          `json:"live"` // a process heard it; else the next resume does
	Said          []fleet.Event `json:"said"`
}

// orderFlags are those of every command that is an order.
func orderFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{neededStateFlag(), outputFlag("table", "json"), reasonFlag()}, more...)
}

// said is what came of an order.
type said struct {
	events []fleet.Event
	names  []string       // of the vaults it was about, as commands name them
	live   bool           // a process heard it, and acts on it now
	state  *rollout.State // as it stands after it, where the order was left in the ledger
}

// give says an order to the live run, or leaves word in the ledger for the
// next resume.
func (e *environment) give(c *cli.Context, o order) (said, error) {
	for until := time.Now().Add(whereLive); ; time.Sleep(20 * time.Millisecond) {
		// The live run first: who may speak to it need not be allowed to write to
		// its ledger.
		if holder, _, err := state.ReadHolder(o.State); err == nil {
			client, err := reach(holder, o.State)
			if err == nil {
				defer client.Close()
				return tellLive(client, o, holder)
			}
			if !errors.Is(err, control.ErrNotThere) {
				return said{}, err
			}
		}
		h, err := hold(c)
		if err == nil {
			defer h.close()
			return leaveWord(h, o)
		}
		if !errors.Is(err, state.ErrInUse) || time.Now().After(until) {
			return said{}, err
		}
	}
}

// tellLive says an order to a live run.
func tellLive(client *control.Client, o order, h state.Holder) (said, error) {
	var r reply
	err := client.Order(o, &r)
	if refusal, ok := errors.AsType[*control.Refusal](err); ok {
		return said{}, failure.New(refusal.ExitCode, errors.New(refusal.Message), refusal.Next)
	}
	if err != nil {
		return said{}, failure.New(fleet.ExitInternal, fmt.Errorf("outcome unknown: %s gave no answer: %w", h, err),
			toStatus(o.State))
	}
	return said{events: r.Said, names: r.Names, live: true}, nil
}

// leaveWord writes an order down for the next resume. A run that is to be
// closed, with nothing in flight, is closed at once: by the same brain that
// would do it in a resume.
func leaveWord(h *held, o order) (said, error) {
	if !h.begun || h.run.Info.Closed {
		return said{}, failure.Usage(nothingRuns(h), "no run is active: ledger %s has no unfinished run", h.path)
	}
	st := h.run.State
	at := later(now(), st.Run.LastAt)
	facts, err := o.decide(st, actor(fleet.Credentials{}), at)
	if err != nil {
		return said{}, err
	}
	var events []fleet.Event
	var records []fleet.VaultRecord
	stop, stops := facts[0].(fleet.Stopped)
	if stops && !stop.Close {
		return said{}, failure.Usage(to("to close the run for good", report.Command("stop", "--close", "--state", o.State, "--reason", "TEXT")),
			"no process carries the run out: there is nothing to stop")
	}
	if stops && st.InFlight() == 0 {
		m := rollout.New(st.Plan)
		if err := h.ledger.Events(h.run.Info.ID, func(_ uint64, ev fleet.Event) error { return m.Apply(ev) }); err != nil {
			return said{}, err
		}
		out := m.Step(at, []rollout.Observation{rollout.Commanded{Fact: stop}})
		if out.Err != nil {
			return said{}, out.Err
		}
		events, records, st = out.Facts, out.FactRecords, m.State
	} else {
		for _, f := range facts {
			ev := fleet.Event{At: at, Fact: f}
			if err := st.Apply(ev); err != nil {
				return said{}, err
			}
			events = append(events, ev)
			if vf, ok := f.(fleet.VaultFact); ok {
				i, _ := st.Lookup(vf.VaultKey()) // it was decided on this state
				records = append(records, st.Record(i))
			}
		}
	}
	if err := h.ledger.Commit(events, records); err != nil {
		return said{}, err
	}
	return said{events: events, names: namesIn(st, events), state: st}, nil
}

// namesIn names the vaults that facts are about, as commands name them.
func namesIn(st *rollout.State, events []fleet.Event) (names []string) {
	var all []string
	for _, ev := range events {
		if f, ok := ev.Fact.(fleet.VaultFact); ok {
			if all == nil {
				all = report.Names(st.Plan)
			}
			i, _ := st.Lookup(f.VaultKey()) // it was decided on this state
			names = append(names, all[i])
		}
	}
	return names
}

// next says what to do after an order: look at the live run, or what the state
// wants.
func (e *environment) next(s said, path string) {
	if s.live {
		e.tellNext(report.Command("status", "--state", path))
		return
	}
	if p, ok := s.events[0].Fact.(fleet.Paused); ok && !p.Off {
		e.tellNext(report.Command("status", "--state", path)) // to end the pause at once is no advice
		return
	}
	e.nextOf(s.state, path)
}

// nextOf says what to type next on a ledger that no process has.
func (e *environment) nextOf(st *rollout.State, path string) {
	e.tellNext(goesOn(st, path))
}
