package plan

import "slices"

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
