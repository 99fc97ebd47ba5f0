package fleet

import "strings"

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

// Accepts reports whether the inventory consents to the finding: to all
// warnings, or to this one.
func (v *Vault) Accepts(f Finding) bool {
	if f.Severity != SeverityWarning {
		return false
	}
	if v.AcceptWarnings {
		return true
	}
	for _, c := range v.Consents {
		if c.Covers(f) {
			return true
		}
	}
	return false
}
