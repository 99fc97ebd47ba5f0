package arm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Setting is a kind that is data: every vault gets the same values of some
// settings, one of which tells how it stands, and on the way back what was recorded
// of it.
type Setting struct {
	Of   *VaultType
	Spec fleet.KindSpec // what is its own: Kind, Title, Permanent, Confirm, After, Options, Properties
	Name string         // what is set, in the middle of a sentence: "soft delete"

	// Body is what is sent, with fleet.PlaceholderOwn for what each vault has and keeps.
	Body string
	// Section is the property that the body is about, nested ones with dots: it is
	// compared, recorded and put back. State is the leaf of it that tells how a vault
	// stands; empty: the section itself.
	Section, State string
	Beside         []string        // more sections, that only Judge looks at
	Own            json.RawMessage // for fleet.PlaceholderOwn where a vault has nothing; nil: it is left out

	// From are the states that the kind starts from, "" for one that is not set; none: any.
	// Where nothing undoes the kind they are meant to the letter, but for the spellings
	// that are listed.
	From []string
	More []string // the states that are more than what is wanted, for ever: such a vault is left alone
	// Unset is the state that one which is not set is as good as; empty: it cannot be unset again.
	Unset string
	Code  string // of the finding about a vault in a state that the kind does not start from
	Rule  string // which are those, as the end of a sentence: "only Unlocked is ever locked"
	First string // what to do about it, a sentence

	// Operation is what resource guards call the way back; empty: they have no word to say.
	Operation string

	Calls []Call // what Check asks
	Check func(context.Context, *Upgrader, *fleet.Vault, *Resource, *check.Report)
	Judge func(fleet.Options, State) []fleet.Finding // besides the state, on the way there
}

// Changes are those of settings, each with the one that puts it back, where there is one.
func Changes(settings ...Setting) (all []Change) {
	for i := range settings {
		s := &settings[i]
		if all = append(all, s.Change()); !s.Spec.Permanent {
			all = append(all, s.Back())
		}
	}
	return all
}

// Change is the setting's change.
func (s *Setting) Change() Change {
	body := Same(json.RawMessage(s.Body))
	c := Change{Spec: s.Of.Spec(s.Spec, body, s.Calls...), Body: body,
		Sections: append([]string{s.Section}, s.Beside...),
		Enough: func(_ fleet.Options, now State) string {
			state := s.stateOf(now)
			if !contains(s.More, state) {
				return ""
			}
			return fmt.Sprintf("%s is %s, which is more than %s and can never be taken back", s.Name, Word(state),
				s.wanted())
		},
		Judge: func(o fleet.Options, now State) []fleet.Finding {
			if !s.startsFrom(s.stateOf(now)) {
				return s.unsuitable(now, s.Rule, s.First)
			}
			return s.judge(o, now)
		},
		Check: s.Check,
	}
	c.Complete = func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, send *Sending) (err error) {
		if send.Body, err = s.owned(res.State()); err == nil && s.Of.Guard != nil {
			err = s.Of.Guard.Complete("")(ctx, u, v, res, send)
		}
		return err
	}
	return c
}

// Back puts back what the setting's change has changed.
func (s *Setting) Back() Change {
	var calls []Call
	if s.Operation != "" {
		calls = append(calls, s.Of.Guard.List)
	}
	back := Rollback(s.Change(), s.restore, func(_ fleet.Options, now State) []fleet.Finding {
		state := s.stateOf(now)
		switch {
		case strings.EqualFold(state, s.wanted()):
			return nil
		case contains(s.More, state):
			return s.unsuitable(now, "only "+s.wanted()+" can be taken back",
				"Hold the vault: what is "+Word(state)+" stays so for ever.")
		}
		return s.unsuitable(now, "only "+s.wanted()+" is taken back", lookAtIt)
	}, calls...)
	back.Enough = func(_ fleet.Options, now State) string {
		if s.Unset == "" || s.stateOf(now) != "" {
			return ""
		}
		return s.Name + " is not set, which is as good as " + s.Unset
	}
	guard := s.Of.Guard
	back.Complete = func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, send *Sending) (err error) {
		if send.Body, err = s.ownedIn(send.Body, res.State()); err == nil && guard != nil {
			err = guard.Complete(s.Operation)(ctx, u, v, res, send)
		}
		return err
	}
	if guard != nil {
		if s.Operation != "" {
			back.Check = guard.Check(s.Operation)
			back.Spec.Properties = append(slices.Clone(back.Spec.Properties), guard.Named())
		}
	}
	return back
}

// lookAtIt is the advice about a vault that is in no state that the kind knows.
const lookAtIt = "Look at the vault in the portal, or hold it."

// judge is what else stands against it.
func (s *Setting) judge(o fleet.Options, now State) []fleet.Finding {
	if s.Judge == nil {
		return nil
	}
	return s.Judge(o, now)
}

// wanted is the state that the body sets.
func (s *Setting) wanted() string {
	doc, _ := decode([]byte(s.Body))
	return word(at(doc, s.statePath("properties.")))
}

// statePath is where the state stands.
func (s *Setting) statePath(below string) string {
	return strings.TrimSuffix(below+s.Section+"."+s.State, ".")
}

// stateOf is the state that a vault is in; "" where it has none.
func (s *Setting) stateOf(now State) string { return word(now.at(s.statePath(""))) }

// startsFrom reports whether the kind starts from a state.
func (s *Setting) startsFrom(state string) bool {
	return len(s.From) == 0 || slices.Contains(s.From, state) || !s.Spec.Permanent && contains(s.From, state)
}

// contains compares as the Resource Manager does.
func contains(states []string, state string) bool {
	return slices.ContainsFunc(states, func(s string) bool { return strings.EqualFold(s, state) })
}

// unsuitable is the finding about a vault in a state that the kind does not start
// from.
func (s *Setting) unsuitable(now State, rule, action string) []fleet.Finding {
	state := s.stateOf(now)
	if state == "" {
		state = "not set"
	}
	return []fleet.Finding{{Severity: fleet.SeverityError, Code: s.Code, Action: action,
		Message: fmt.Sprintf("%s is %s, and %s", s.Name, Word(state), rule)}}
}

// owned is the body for one vault: what it has and keeps is as it has it.
func (s *Setting) owned(now State) (json.RawMessage, error) {
	return s.ownedIn(json.RawMessage(s.Body), now)
}

// ownedIn is that of a body made for the vault.
func (s *Setting) ownedIn(body json.RawMessage, now State) (json.RawMessage, error) {
	return filled(body, func(path string, value any) (any, error) {
		if value != fleet.PlaceholderOwn {
			return value, nil
		}
		if own := now.at(path); own != nil || s.Own == nil {
			return own, nil
		}
		return s.Own, nil
	})
}

// restore is the body that puts a recorded state back. What a vault has of its own the
// kind has not changed: it stays as it is when that is sent, whoever has set it since.
func (s *Setting) restore(was State) (json.RawMessage, error) {
	if state := s.stateOf(was); !s.startsFrom(state) {
		return nil, fmt.Errorf("its %s was %s before, which is not what was changed", s.Name, Word(state))
	}
	return filled(json.RawMessage(s.Body), func(path string, value any) (any, error) {
		old := was.at(path)
		switch {
		case value == fleet.PlaceholderOwn:
			return value, nil
		case old != nil:
			return old, nil
		case path == s.statePath("") && s.Unset != "":
			return s.Unset, nil
		}
		return nil, fmt.Errorf("its %s was not set, and the service has no way to unset it again", s.Name)
	})
}

// filled is a body with each leaf's value in its place; a nil one is left out.
func filled(of json.RawMessage, value func(path string, leaf any) (any, error)) (json.RawMessage, error) {
	doc, err := decode(of)
	body, ok := doc.(map[string]any)
	properties, good := body["properties"].(map[string]any)
	if err != nil || !ok || !good {
		return nil, errors.New("the kind's body is none")
	}
	if err := fill(properties, "", value); err != nil {
		return nil, err
	}
	return json.Marshal(body)
}

// fill goes by the order of the names: of several errors it is always the same one.
func fill(tree map[string]any, below string, value func(path string, leaf any) (any, error)) error {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		leaf := tree[key]
		path := strings.TrimPrefix(below+"."+key, ".")
		if inner, ok := leaf.(map[string]any); ok {
			if err := fill(inner, path, value); err != nil {
				return err
			}
			continue
		}
		v, err := value(path, leaf)
		if err != nil {
			return err
		}
		if tree[key] = v; v == nil {
			delete(tree, key)
		}
	}
	return nil
}

// at is what stands at a path below a vault's properties, as far as its sections
// tell; nil where nothing does.
func (s State) at(path string) any {
	for section, data := range s {
		if rest, ok := strings.CutPrefix(path+".", section+"."); ok {
			value, err := decode(data)
			if err != nil {
				return nil
			}
			return at(value, strings.TrimSuffix(rest, "."))
		}
	}
	return nil
}

// at is what stands at a path in a JSON value; nil where nothing does.
func at(value any, path string) any {
	if path == "" {
		return value
	}
	for key := range strings.SplitSeq(path, ".") {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}

// word is a setting's value as people write it; "" where there is none.
func word(v any) string {
	if v == nil {
		return ""
	}
	return leaf(v)
}
