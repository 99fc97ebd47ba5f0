package fleet

import (
	"slices"
	"strings"
)

// Consent accepts some of a vault's prerequisite warnings beforehand. Of Code,
// Category and Contains at least one is given, and all that are must fit.
type Consent struct {
	Code     string `json:"code,omitempty"`     // the warning's code; capitals do not count
	Category string `json:"category,omitempty"` // its category; capitals do not count
	Contains string `json:"contains,omitempty"` // a part of its message; capitals do not count
	Reason   string `json:"reason"`             // why a person accepts it
}

// Covers reports whether the consent accepts the finding. It covers warnings
// alone: nobody can consent to an error.
func (c Consent) Covers(f Finding) bool {
	if f.Severity != SeverityWarning || c.Code == "" && c.Category == "" && c.Contains == "" {
		return false
	}
	return (c.Code == "" || strings.EqualFold(c.Code, f.Code)) &&
		(c.Category == "" || strings.EqualFold(c.Category, f.Category)) &&
		(c.Contains == "" || strings.Contains(strings.ToLower(f.Message), strings.ToLower(c.Contains)))
}

// Accepts reports whether somebody consented to the warning: to all of the
// vault's, or to this one. Consent is to what was seen: where a plan was made
// with the warnings in view, one that was not there then is not accepted.
func (v *Vault) Accepts(f Finding) bool {
	return f.Severity == SeverityWarning && v.consents(f) && v.shown(f)
}

func (v *Vault) consents(f Finding) bool {
	return v.AcceptWarnings || slices.ContainsFunc(v.Consents, func(c Consent) bool { return c.Covers(f) })
}

func (v *Vault) shown(f Finding) bool {
	return !v.Checked || slices.Contains(v.ShownWarnings, f.Warning())
}

// Warning is what tells one warning from another: its category and code. Its
// message may name numbers that change.
func (f Finding) Warning() string { return f.Category + "/" + f.Code }

// Refuses returns the warnings that nobody consented to.
func (v *Vault) Refuses(fs []Finding) (refused []Finding) {
	for _, f := range fs {
		if f.Severity == SeverityWarning && !v.Accepts(f) {
			refused = append(refused, f)
		}
	}
	return refused
}

// Refusal is the finding that says why warnings alone keep the vault from
// starting.
func (v *Vault) Refusal(refused []Finding) Finding {
	r := Finding{Severity: SeverityInfo, Code: CodeWarningsRefused,
		Message: "only warnings keep this vault from starting, and nobody has consented to them",
		Action:  "Read them; to consent, set acceptWarnings for the vault (or in defaults), or give --accept-warnings."}
	if slices.ContainsFunc(refused, func(f Finding) bool { return v.consents(f) }) {
		r.Message = "a warning was not there when the plan was made, and consent is to what was seen"
		r.Action = "Read it; to consent, make a new plan with fleetup plan --validate --out."
	}
	return r
}
