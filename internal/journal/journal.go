// Package journal answers how a run stands, by its journal alone: the events of a
// run are folded into its state and into what is told of it. Nothing here decides,
// and nothing is read that is not an event, so the same events make the same run,
// whether a file or the process that has it hands them out.
package journal

import (
	"errors"
	"fmt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// Run is a run as the ledger has it: what a report or a resume starts from.
type Run struct {
	Info     state.RunInfo
	State    *rollout.State
	Told     *report.TimelineBuilder // what the journal tells besides
	Evidence *report.Evidence        // the journal's end
	Live     bool                    // a process carries it out
	Later    string                  // ID of the ledger's newest run; empty: this is it
	TakenUp  map[fleet.Key]bool      // vaults that a later run's plan has
	Seq      uint64                  // of the newest event that is in it
	Reopened map[fleet.Key]bool      // by a person, since the newest event about the vault
	Broken   error                   // why nothing after Seq can be trusted, nil where all of it can; see Readable
}

// Apply folds one more fact.
func (r *Run) Apply(e fleet.Event) error {
	if err := r.State.Apply(e); err != nil {
		return err
	}
	r.Told.Add(r.State, e)
	switch f := e.Fact.(type) {
	case fleet.Reopened:
		if r.Reopened == nil {
			r.Reopened = map[fleet.Key]bool{}
		}
		r.Reopened[f.Vault] = true
	case fleet.VaultFact:
		delete(r.Reopened, f.VaultKey())
	}
	return nil
}

// Reader is what a run is read from: a ledger, or the process that has it.
type Reader interface {
	LatestRun() (state.RunInfo, bool, error)
	Runs() ([]state.RunInfo, error)
	VaultRecords(fn func(fleet.VaultRecord) error) error
	Plan(fingerprint string) ([]byte, error)
	Events(runID string, fn func(seq uint64, e fleet.Event) error) error
	// EventsAfter leaves out those up to a sequence number.
	EventsAfter(runID string, after uint64, fn func(seq uint64, e fleet.Event) error) error
	// Head is the sequence number and the hash of the newest event.
	Head() (seq uint64, hash string, err error)
}

// PlanOf reads a plan and makes sure that its fingerprint is the one it is stored under.
func PlanOf(from interface {
	Plan(fingerprint string) ([]byte, error)
}, fingerprint string) (*plan.Plan, error) {
	data, err := from.Plan(fingerprint)
	if err != nil {
		return nil, err
	}
	p, err := plan.Decode(data)
	if err == nil && p.Fingerprint != fingerprint {
		err = fmt.Errorf("%w: it is plan %s", plan.ErrFingerprint, p.Fingerprint)
	}
	return p, err
}

// Begin is a run of a plan before its first fact.
func Begin(p *plan.Plan) Run {
	return Run{State: rollout.NewState(p), Told: report.NewTimelineBuilder()}
}

// Latest makes the newest run again, by Rebuild or by Readable; false when there is none.
func Latest(from Reader, make func(Reader, state.RunInfo) (Run, bool, error)) (Run, bool, error) {
	info, ok, err := from.LatestRun()
	if err != nil || !ok {
		return Run{}, false, err
	}
	return make(from, info)
}

// Readable makes a run again for a person, of a journal that is damaged or was changed
// too: from the events before the first that does not verify, with Broken. Nothing may
// be decided by such a run. An error is left where not even the first event verifies.
func Readable(from Reader, info state.RunInfo) (Run, bool, error) {
	run, ok, err := Rebuild(from, info)
	if err != nil && errors.Is(err, state.ErrDamaged) && run.Broken != nil && run.Seq > 0 {
		return run, true, nil
	}
	return run, ok, err
}

// Rebuild makes a run again from its facts.
func Rebuild(from Reader, info state.RunInfo) (Run, bool, error) { return By(nil)(from, info) }

// By is Rebuild for whoever has a checked plan already: where that is the run's, it is not
// read again. The fingerprint says so, and is over all that a plan decides.
func By(known *plan.Plan) func(Reader, state.RunInfo) (Run, bool, error) {
	return func(from Reader, info state.RunInfo) (Run, bool, error) { return rebuild(from, info, known) }
}

func rebuild(from Reader, info state.RunInfo, p *plan.Plan) (Run, bool, error) {
	var err error
	if p == nil || p.Fingerprint != info.PlanFingerprint {
		p, err = PlanOf(from, info.PlanFingerprint)
	}
	switch {
	case errors.Is(err, state.ErrNoPlan):
		return Run{}, false, &state.DamagedError{What: fmt.Sprintf("the plan of run %s is gone from the ledger",
			info.ID)}
	// its advice is for a plan that can be made again
	case errors.Is(err, plan.ErrFingerprint), errors.Is(err, plan.ErrInvalid):
		return Run{}, false, &state.DamagedError{What: fmt.Sprintf("the plan of run %s is not what was stored",
			info.ID)}
	case err != nil:
		return Run{}, false, fmt.Errorf("the plan of run %s cannot be read: %w", info.ID, err)
	}
	run := Begin(p)
	run.Info = info
	err = from.Events(info.ID, func(seq uint64, e fleet.Event) error {
		if err := run.Apply(e); err != nil {
			return &state.DamagedError{What: fmt.Sprintf("event %d cannot have followed those before it", seq),
				Err: err}
		}
		run.Seq = seq
		return nil
	})
	if err != nil {
		run.Broken = fmt.Errorf("run %s cannot be rebuilt from its journal: %w", info.ID, err)
		return run, false, run.Broken
	}
	seq, head, err := from.Head()
	if err != nil {
		return Run{}, false, err
	}
	run.Evidence = &report.Evidence{JournalHead: head, Events: seq}
	return run, true, nil
}
