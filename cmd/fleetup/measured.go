package main

import (
	"time"

	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// calibrated takes what the ledger has measured into the plan's predictions,
// once it has enough finished upgrades, and returns how many those were. newest is the
// last run of the ledger, where it was read for that.
func (e *environment) calibrated(src *session.Source) (p *plan.Plan, n int, newest *journal.Run, err error) {
	if src.Saved || !textfile.Exists(src.Ledger) {
		return src.Plan, 0, nil, nil
	}
	r, err := state.OpenReadOnly(src.Ledger)
	if err != nil {
		return src.Plan, 0, nil, nil // a run has it; what it has measured comes later
	}
	defer r.Close()
	ms, newest, err := measuredOn(r, src.Plan, max(timeScale(src), 1))
	if err != nil {
		return nil, 0, nil, err
	}
	if len(ms) < plan.EnoughMeasured {
		return src.Plan, 0, newest, nil
	}
	return src.Plan.Calibrated(ms), len(ms), newest, nil
}

// measuredOn is what all runs of a ledger measured that did what the plan does: a later
// run that finds a vault as it is to be overwrites its record, but not the facts of the
// run that upgraded it, and what undoes an upgrade takes a time of its own. newest is the
// last run, where it is one of those: whoever needs it next need not read it again.
func measuredOn(ledger journal.Reader, p *plan.Plan, scale float64) (ms []plan.Measured, newest *journal.Run,
	err error) {
	runs, err := ledger.Runs()
	if err != nil {
		return nil, nil, err
	}
	for i, info := range runs {
		if info.PlanFingerprint != p.Fingerprint {
			data, err := ledger.Plan(info.PlanFingerprint)
			if err != nil {
				continue // a plan that cannot be read tells nothing of what its run did
			}
			if kind, err := plan.KindOf(data); err != nil || kind != p.Kind {
				continue
			}
		}
		// Nor does a run that cannot be rebuilt: whoever begins one says so, and starts nothing.
		if run, ok, err := journal.By(p)(ledger, info); err == nil && ok {
			ms = append(ms, measured(run.State, p, scale)...)
			if i == len(runs)-1 {
				newest = &run
			}
		}
	}
	return ms, newest, nil
}

// measured is how long the upgrades of a run took in the cloud's own time, as all
// predictions are: of an emulated cloud that is so many times as fast as time. Where the
// end was seen late it is not known.
func measured(s *rollout.State, p *plan.Plan, scale float64) (ms []plan.Measured) {
	index := p.Index()
	for i := range s.Vaults {
		v := &s.Vaults[i]
		took := time.Duration(float64(v.EndedAt.Sub(v.StartedAt)) * scale)
		if v.Status != fleet.Upgraded || v.StartedAt.IsZero() || v.EndedLate || took <= 0 {
			continue
		}
		predicted := p.Usual()
		if i, ok := index[s.Plan.Vaults[i].Key]; ok {
			predicted = p.Vaults[i].Predicted
		}
		ms = append(ms, plan.Measured{Took: took, Predicted: predicted.P50})
	}
	return ms
}
