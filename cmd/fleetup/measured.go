package main

import (
	"time"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// calibrated takes what the ledger has measured into the plan's predictions,
// once it has enough finished upgrades, and returns how many those were.
func (e *environment) calibrated(src *session.Source) (*plan.Plan, int, error) {
	if src.Saved || !textfile.Exists(src.Ledger) {
		return src.Plan, 0, nil
	}
	r, err := state.OpenReadOnly(src.Ledger)
	if err != nil {
		return src.Plan, 0, nil // a run has it; what it has measured comes later
	}
	defer r.Close()
	ms, err := measured(r.VaultRecords, src.Plan, max(timeScale(src), 1))
	if err != nil {
		return nil, 0, err
	}
	if len(ms) < plan.EnoughMeasured {
		return src.Plan, 0, nil
	}
	return src.Plan.Calibrated(ms), len(ms), nil
}

// measured is how long the upgrades on a ledger took in the cloud's own time, as all
// predictions are: of an emulated cloud that is so many times as fast as time. Where the
// end was seen late it is not known.
func measured(each func(func(fleet.VaultRecord) error) error, p *plan.Plan, scale float64) (ms []plan.Measured,
	err error) {
	index := p.Index()
	err = each(func(v fleet.VaultRecord) error {
		took := time.Duration(float64(v.EndedAt.Sub(v.StartedAt)) * scale)
		if v.Status != fleet.Upgraded || v.StartedAt.IsZero() || v.EndedLate || took <= 0 {
			return nil
		}
		predicted := plan.Predict(0)
		if i, ok := index[v.Vault]; ok {
			predicted = p.Vaults[i].Predicted
		}
		ms = append(ms, plan.Measured{Took: took, Predicted: predicted.P50})
		return nil
	})
	return ms, err
}
