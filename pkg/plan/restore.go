package plan

import (
	"encoding/json"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Restoring returns the plan with what each vault is to be given back. restore
// returns the body, or why there is none: such a vault is held.
func (p *Plan) Restoring(restore func(*fleet.Vault) (body json.RawMessage, why string)) *Plan {
	q := *p
	q.Vaults = slices.Clone(p.Vaults)
	for i := range q.Vaults {
		v := &q.Vaults[i].Vault
		body, why := restore(v)
		if v.Restore, v.Unrestorable = body, why; why != "" && v.Hold == nil {
			v.Hold = &fleet.Hold{Reason: why}
		}
	}
	q.Fingerprint = q.computeFingerprint()
	return &q
}

// compact takes the white space out of the JSON that a saved plan shows to
// people, so that it is what it was when the plan was made.
func (p *Plan) compact() {
	squeeze := func(raw *json.RawMessage) {
		if len(*raw) > 0 {
			if data, err := json.Marshal(*raw); err == nil {
				*raw = data
			}
		}
	}
	if p.Upgrade != nil {
		squeeze(&p.Upgrade.Request.Body)
		if patch := p.Upgrade.Patch; patch != nil {
			squeeze(&patch.Body)
			squeeze(&patch.Undo.Body)
		}
	}
	for i := range p.Vaults {
		squeeze(&p.Vaults[i].Restore)
	}
}
