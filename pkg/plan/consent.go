package plan

import (
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// AcceptWarnings returns the plan with consent to the prerequisite warnings of
// every vault. It is another plan, with a fingerprint of its own.
func (p *Plan) AcceptWarnings() *Plan {
	q := *p
	q.Vaults = slices.Clone(p.Vaults)
	for i := range q.Vaults {
		q.Vaults[i].AcceptWarnings = true
	}
	q.Fingerprint = q.computeFingerprint()
	return &q
}

// Shown returns the plan with the warnings that were in view when it was made:
// one that comes up later blocks its vault, whatever was consented to. Vaults
// that were not checked stay as they are.
func (p *Plan) Shown(results map[fleet.Key]fleet.Validation) *Plan {
	q := *p
	q.Vaults = slices.Clone(p.Vaults)
	for i := range q.Vaults {
		v := &q.Vaults[i]
		r, checked := results[v.Key]
		if !checked || r.Verdict == fleet.VerdictDenied || r.Verdict == fleet.VerdictThrottled || r.Verdict == fleet.VerdictBusy {
			continue // what there was to see was not seen
		}
		v.Checked, v.ShownWarnings = true, nil
		for _, f := range r.Findings {
			if w := f.Warning(); f.Severity == fleet.SeverityWarning && !slices.Contains(v.ShownWarnings, w) {
				v.ShownWarnings = append(v.ShownWarnings, w)
			}
		}
		slices.Sort(v.ShownWarnings)
	}
	q.Fingerprint = q.computeFingerprint()
	return &q
}
