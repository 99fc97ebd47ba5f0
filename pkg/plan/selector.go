package plan

import (
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The keys that every vault has for selectors, beside its labels. No label may
// be named like one.
const (
	KeySubscription = "subscription" // its subscription's name or ID; capitals do not count
	KeyLocation     = "location"     // compared as locations are
	KeyResourceType = "resourceType"
)

// BuiltInKeys lists the keys that are no labels.
func BuiltInKeys() []string { return []string{KeySubscription, KeyLocation, KeyResourceType} }

// Selector picks vaults: all pairs of Match and all Expressions must hold. An
// empty selector picks every vault.
type Selector struct {
	Match       map[string]string
	Expressions []Requirement
}

// Requirement is one expression of a selector, with the meaning that Kubernetes
// gives it: NotIn also holds where the label is absent.
type Requirement struct {
	Key      string
	Operator Operator
	Values   []string // of In and NotIn
}

// Operator says how a Requirement compares.
type Operator string

// The operators of a Requirement.
const (
	OpIn           Operator = "In"
	OpNotIn        Operator = "NotIn"
	OpExists       Operator = "Exists"
	OpDoesNotExist Operator = "DoesNotExist"
)

// Operators lists the operators.
func Operators() []Operator { return []Operator{OpIn, OpNotIn, OpExists, OpDoesNotExist} }

// Empty reports whether the selector asks for nothing.
func (s *Selector) Empty() bool { return len(s.Match) == 0 && len(s.Expressions) == 0 }

// Picks reports whether the vault has all that the selector asks for. The
// vault's labels must already lie over its subscription's.
func (s *Selector) Picks(v *fleet.Vault) bool {
	for key, want := range s.Match {
		if !has(v, key, want) {
			return false
		}
	}
	for i := range s.Expressions {
		if !s.Expressions[i].holds(v) {
			return false
		}
	}
	return true
}

func (r *Requirement) holds(v *fleet.Vault) bool {
	switch r.Operator {
	case OpIn, OpNotIn:
		in := slices.ContainsFunc(r.Values, func(value string) bool { return has(v, r.Key, value) })
		return in == (r.Operator == OpIn)
	case OpExists, OpDoesNotExist:
		_, exists := v.Labels[r.Key]
		exists = exists || slices.Contains(BuiltInKeys(), r.Key)
		return exists == (r.Operator == OpExists)
	}
	return false
}

// has reports whether the vault has the value under the key.
func has(v *fleet.Vault, key, value string) bool {
	switch key {
	case KeySubscription:
		return strings.EqualFold(value, v.SubscriptionName) || strings.EqualFold(strings.Trim(value, "{}"), v.SubscriptionID)
	case KeyLocation:
		return fleet.NormalizeLocation(value) == fleet.NormalizeLocation(v.Location)
	case KeyResourceType:
		return value == string(v.ResourceType)
	}
	got, ok := v.Labels[key]
	return ok && got == value
}
