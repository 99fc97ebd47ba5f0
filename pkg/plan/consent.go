package plan

import (
	"encoding/json"
	"slices"
	"time"

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

// Shown returns the plan with what the checks of its vaults found at that time, so that
// whoever runs it sees what was seen when it was made. The warnings that were in view
// then are the only ones that a consent covers: one that comes up later blocks its
// vault. What was shown before of a
// vault that is not among the results goes on to count.
func (p *Plan) Shown(results map[fleet.Key]fleet.Validation, at time.Time) *Plan {
	q := *p
	q.CheckedAt = at.UTC().Truncate(time.Second)
	q.Vaults = slices.Clone(p.Vaults)
	for i := range q.Vaults {
		v := &q.Vaults[i]
		r, checked := results[v.Key]
		if v.Check = nil; !checked {
			continue
		}
		v.Check = kept(r)
		if r.Verdict == fleet.VerdictDenied || r.Verdict == fleet.VerdictThrottled || r.Verdict == fleet.VerdictBusy {
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

// kept is what a plan keeps of a check: not the settings that were seen, nor when to ask
// again. It has been through its JSON, so that it is what a reader of the saved plan
// finds, and the fingerprint is that of both: a text of a cloud may hold bytes that are
// no UTF-8.
func kept(r fleet.Validation) *fleet.Validation {
	r.State, r.RetryAfter = nil, 0
	data, err := json.Marshal(r)
	if err != nil {
		return nil // a time past year 9999: nothing that a plan could hold
	}
	var out fleet.Validation
	if json.Unmarshal(data, &out) != nil {
		return nil
	}
	return &out
}

// Validations are the checks that the plan holds, by vault, in the form of a new check
// of all; nil where it was not checked.
func (p *Plan) Validations() map[fleet.Key]fleet.Validation {
	if p.CheckedAt.IsZero() {
		return nil
	}
	out := make(map[fleet.Key]fleet.Validation, len(p.Vaults))
	for i := range p.Vaults {
		if v := &p.Vaults[i]; v.Check != nil {
			out[v.Key] = *v.Check
		}
	}
	return out
}
