package standing

import (
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// NeedsPerson reports whether only a person can help a vault of a status with those
// findings; final: if it is unknown, it is that for good. An unknown one that is still
// being read may help itself, and what blocks a vault may come right by itself.
func NeedsPerson(s fleet.Status, final bool, findings []fleet.Finding) bool {
	switch s {
	case fleet.Failed:
		return true
	case fleet.Unknown:
		return final
	case fleet.Blocked:
		stop := Blocking(findings)
		return len(stop) == 0 || slices.ContainsFunc(stop, func(i int) bool { return !ComesBack(findings[i].Code) })
	}
	return false
}

// PersonStatuses are the statuses in which a vault may need a person, the gravest first.
var PersonStatuses = []fleet.Status{fleet.Failed, fleet.Unknown, fleet.Blocked}

// ComesBack reports whether a vault that is blocked for a reason with that code is
// tried again by the next run, and nobody has to do anything first.
func ComesBack(code string) bool {
	switch code {
	case fleet.CodeBusyDeadline, fleet.CodeVanished, fleet.CodeUnreachable, fleet.CodeBusy, fleet.CodeThrottled,
		fleet.CodeChanged:
		return true
	}
	return false
}

// Blocking are the findings, as indexes, that stop a vault: its errors, else its
// warnings, each reason once.
func Blocking(fs []fleet.Finding) []int {
	for _, s := range []fleet.Severity{fleet.SeverityError, fleet.SeverityWarning} {
		var out []int
		for i := range fs {
			if fs[i].Severity == s && !repeated(fs, &fs[i]) {
				out = append(out, i)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// repeated reports whether a finding says only that the upgrade failed, in words that
// one with the service's own code has too, or what kept the vault busy until the
// deadline that another one names.
func repeated(all []fleet.Finding, f *fleet.Finding) bool {
	return slices.ContainsFunc(all, func(g fleet.Finding) bool {
		switch f.Code {
		case fleet.CodeBusy, fleet.CodeUnreachable:
			return g.Code == fleet.CodeBusyDeadline
		case fleet.CodeUpgradeFailed:
			return g.Severity == f.Severity && g.Code != f.Code && g.Code != "" && g.Message == f.Message
		}
		return false
	})
}
