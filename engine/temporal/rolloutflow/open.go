package rolloutflow

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// open begins the run in the ledger's file, with what earlier runs on it left, or goes on
// with the one that is there.
func (f *flow) open() error {
	in := protocol.Opening{Ledger: f.in.Ledger, At: workflow.Now(f.work).UTC(), Opened: f.in.Opened, Ref: f.in.Ref,
		Resume: f.in.Resume, Previous: f.in.Previous}
	var begun protocol.Begun
	if err := workflow.ExecuteActivity(f.onLedger("open the ledger"), protocol.Open, in).Get(f.work,
		&begun); err != nil {
		return err
	}
	f.facts = begun.Facts
	if len(begun.Opened) > 0 {
		var opened fleet.Event
		if err := json.Unmarshal(begun.Opened, &opened); err != nil {
			return broken("the run cannot be opened", err)
		}
		if err := f.read(f.in.Plan); err != nil {
			return err
		}
		m := rollout.New(f.plan)
		if err := m.Apply(opened); err != nil {
			return broken("the run cannot be opened", err)
		}
		f.machine = m
		return nil
	}
	// From here on it is as any run: what a later segment is given is where it stands.
	f.in.Plan, f.in.Ref, f.in.Scope, f.in.Opened.RunID = begun.Plan, begun.Ref, begun.Scope, begun.RunID
	if err := f.read(begun.Plan); err != nil {
		return err
	}
	m, err := rollout.Restore(f.plan, begun.Snapshot)
	if err != nil {
		return broken("what the ledger has of the run cannot be read", err)
	}
	f.machine = m
	r := f.in.Resume
	for _, fact := range m.Resume(fleet.Resumed{By: r.By, Version: r.Version, Engine: r.Engine}, r.AcceptFailures,
		r.Reason) {
		f.inbox = append(f.inbox, rollout.Commanded{Fact: fact})
	}
	f.in.Resume = nil
	return nil
}
