package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The keys that every vault has for selectors, beside its labels. No label may
// be named like one.
const (
	KeySubscription = "subscription" // its subscription's name or ID; capitals do not count
	KeyLocation     = "location"     // compared as locations are
	KeyResourceType = "resourceType" // capitals do not count
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
		return strings.EqualFold(value, v.SubscriptionName) ||
			strings.EqualFold(strings.Trim(value, "{}"), v.SubscriptionID)
	case KeyLocation:
		return fleet.NormalizeLocation(value) == fleet.NormalizeLocation(v.Location)
	case KeyResourceType:
		return strings.EqualFold(value, string(v.ResourceType))
	}
	got, ok := v.Labels[key]
	return ok && got == value
}

// SelectorError says what is wrong with a selector's text, and where.
type SelectorError struct {
	Text   string
	Column int // of the mistake, in characters from 1
	Detail string
}

func (e *SelectorError) Error() string {
	return fmt.Sprintf("the selector %q is wrong at character %d: %s", e.Text, e.Column, e.Detail)
}

// ParseSelector reads a selector as Kubernetes writes them on a command line:
// requirements parted by commas, all of which must hold. A requirement is
// key=value (or ==), key!=value, key in (a, b), key notin (a, b), key or !key.
// The error is a *SelectorError.
func ParseSelector(text string) (*Selector, error) {
	s := &Selector{}
	for from := 0; ; {
		part, end, err := requirementAt(text, from)
		if err != nil {
			return nil, err
		}
		r, err := parseRequirement(text, part, from)
		if err != nil {
			return nil, err
		}
		s.Expressions = append(s.Expressions, r)
		if end == len(text) {
			return s, nil
		}
		from = end + 1
	}
}

func mistake(text string, at int, format string, args ...any) error {
	return &SelectorError{text, len([]rune(text[:at])) + 1, fmt.Sprintf(format, args...)}
}

// requirementAt returns the requirement that begins at a place, and where it
// ends: at a comma outside of brackets.
func requirementAt(text string, from int) (part string, end int, err error) {
	open := -1
	for i := from; i < len(text); i++ {
		switch text[i] {
		case '(':
			if open >= 0 {
				return "", 0, mistake(text, i, "a bracket inside a bracket")
			}
			open = i
		case ')':
			if open < 0 {
				return "", 0, mistake(text, i, "a closing bracket that was not opened")
			}
			open = -1
		case ',':
			if open < 0 {
				return text[from:i], i, nil
			}
		}
	}
	if open >= 0 {
		return "", 0, mistake(text, open, "a bracket that is not closed")
	}
	return text[from:], len(text), nil
}

func parseRequirement(text, part string, at int) (Requirement, error) {
	lead := len(part) - len(strings.TrimLeft(part, " \t"))
	at, part = at+lead, strings.TrimSpace(part)
	r := Requirement{Operator: OpExists}
	switch {
	case part == "":
		return r, mistake(text, at, "a requirement is missing; write env=prod, or team in (a, b)")
	case strings.HasSuffix(part, ")"):
		head, list, _ := strings.Cut(strings.TrimSuffix(part, ")"), "(")
		words := strings.Fields(head)
		if len(words) == 3 && strings.EqualFold(words[1], "not") && strings.EqualFold(words[2], "in") {
			words = []string{words[0], "notin"}
		}
		if len(words) != 2 {
			return r, mistake(text, at, "write key in (a, b) or key notin (a, b)")
		}
		switch strings.ToLower(words[1]) {
		case "in":
			r.Operator = OpIn
		case "notin":
			r.Operator = OpNotIn
		default:
			return r, mistake(text, at+strings.Index(part, words[1]),
				"%q is no operator: write in or notin before a bracket", words[1])
		}
		r.Key = words[0]
		for value := range strings.SplitSeq(list, ",") {
			if value = strings.TrimSpace(value); value == "" {
				return r, mistake(text, at+len(head), "a value in the brackets is empty")
			}
			r.Values = append(r.Values, value)
		}
	case strings.HasPrefix(part, "!") && !strings.Contains(part, "="):
		r.Operator, r.Key = OpDoesNotExist, strings.TrimSpace(part[1:])
	default:
		key, value, equals := strings.Cut(part, "=")
		r.Key = strings.TrimSpace(key)
		if equals {
			r.Operator = OpIn
			if before, no := strings.CutSuffix(r.Key, "!"); no {
				r.Operator, r.Key = OpNotIn, strings.TrimSpace(before)
			}
			r.Values = []string{strings.TrimSpace(strings.TrimPrefix(value, "="))}
		}
	}
	switch {
	case r.Key == "":
		return r, mistake(text, at, "the name of a label is missing")
	case strings.ContainsAny(r.Key, " \t!()=<>"):
		return r, mistake(text, at, "%q is no name of a label", r.Key)
	case r.Key == KeyResourceType && slices.ContainsFunc(r.Values, func(v string) bool {
		return !strings.Contains(v, "/") && !slices.ContainsFunc(fleet.ResourceTypes(),
			func(t fleet.ResourceType) bool { return strings.EqualFold(v, string(t)) })
	}):
		return r, mistake(text, at, "%s may be %s, %s or a type with its namespace such as %s", r.Key,
			fleet.BackupVault, fleet.SiteRecoveryVault, fleet.KeyVault)
	}
	return r, nil
}
