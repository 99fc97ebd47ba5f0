package arm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Codes of what stands against a patch, and of what it changes.
const (
	codeRequired = "required"
	codeChanges  = "changes"
	codePatched  = "patch-state"
)

// patch is a kind that an inventory has written, for vaults of a type.
type patch struct {
	fleet.Patch
	of       *VaultType
	body     object
	leaves   []patchLeaf // of the properties
	requires []condition
}

type object = map[string]any

// patchLeaf is a property that a patch sets.
type patchLeaf struct {
	path  string
	value any
}

// readPatch reads what an inventory, or a plan, says of a patch.
func readPatch(t *VaultType, p fleet.Patch) (*patch, error) {
	out := &patch{Patch: p, of: t}
	doc, err := decode(p.Body)
	body, ok := doc.(object)
	if err != nil || !ok {
		return nil, errors.New("the patch has no body")
	}
	out.body = body
	if properties, ok := body["properties"].(object); ok {
		out.leaves = leavesOf("", properties, nil)
	}
	for _, text := range p.Require {
		c, err := compile(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		out.requires = append(out.requires, c)
	}
	return out, nil
}

// leavesOf are the leaves of an object, in the order of their names.
func leavesOf(below string, tree object, out []patchLeaf) []patchLeaf {
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		path := strings.TrimPrefix(below+"."+key, ".")
		if inner, ok := tree[key].(object); ok && len(inner) > 0 {
			out = leavesOf(path, inner, out)
		} else {
			out = append(out, patchLeaf{path, tree[key]})
		}
	}
	return out
}

// Patched is the change of a patch to vaults of a type.
func Patched(t *VaultType, written fleet.Patch) (Change, error) {
	p, err := readPatch(t, written)
	if err != nil {
		return Change{}, err
	}
	body := Same(p.Body)
	spec := t.Spec(p.spec(), body, p.calls()...)
	spec.Options = slices.Clone(spec.Options)
	for i := range spec.Options {
		if o := &spec.Options[i]; o.Key == fleet.OptionAPIVersion {
			o.Default, o.Required, o.Doc = "", true, "the version of the service's API that the body is of"
		}
	}
	p.shown(&spec)
	c := Change{Spec: spec, Body: body, Tags: p.body[sectionTags] != nil, Whole: true, Complete: p.complete,
		Look: p.look}
	for _, leaf := range p.leaves {
		c.Sections = append(c.Sections, leaf.path)
	}
	return c, nil
}

// PatchedBack is the change that undoes a patch. What the patch was made with are the
// defaults of its options.
func PatchedBack(t *VaultType, written fleet.Patch, with fleet.Options) (Change, error) {
	there, err := Patched(t, written)
	if err != nil {
		return Change{}, err
	}
	if written.Undo.Permanent {
		return Change{}, fmt.Errorf("the patch %s is permanent: nothing undoes it", written.Name)
	}
	p, err := readPatch(t, written)
	if err != nil {
		return Change{}, err
	}
	back := Rollback(there, func(was State) (json.RawMessage, error) { return p.restore(&there, was) }, nil,
		p.calls()...)
	for i := range back.Spec.Options {
		o := &back.Spec.Options[i]
		if o.Key == fleet.OptionAPIVersion || o.Key == fleet.OptionExpected {
			if o.Default = with[o.Key]; o.Default != "" {
				o.Required = false
			}
		}
	}
	p.shown(&back.Spec)
	back.Tags, back.Whole = there.Tags, true
	back.Look = func(_ fleet.Options, v *fleet.Vault, res *Resource) []fleet.Finding {
		if found := p.stillPatched(v, res); len(found) > 0 {
			return found
		}
		return changes(back.differences(nil, v, res))
	}
	return back, nil
}

func (p *patch) spec() fleet.KindSpec {
	s := fleet.KindSpec{Kind: fleet.PatchOf(p.Name), Title: p.Title, Permanent: p.Undo.Permanent,
		Confirm: p.Undo.Permanent}
	if p.Afterwards != "" {
		s.After = []string{p.Afterwards}
	}
	return s
}

// calls are those that need what the inventory says that the patch needs.
func (p *patch) calls() (calls []Call) {
	s := p.of.Spec(fleet.KindSpec{}, Same(nil))
	usual := RoleFor(&s).Actions
	for _, name := range p.Actions {
		if !slices.ContainsFunc(usual, func(a fleet.Action) bool { return strings.EqualFold(a.Name, name) }) {
			calls = append(calls, Call{Action: name, Why: "what the inventory says that the patch needs"})
		}
	}
	return calls
}

// shown puts the patch itself into the plan.
func (p *patch) shown(s *fleet.KindSpec) {
	describe, written := s.Describe, p.Patch
	s.Describe = func(o fleet.Options) fleet.Upgrade {
		up := describe(o)
		up.Patch = &written
		if p.body[sectionTags] != nil {
			up.Before = append(up.Before, "Each vault's other tags are read and sent along, because a service may "+
				"take those that are sent for all that there are; one that is null is left out.")
		}
		return up
	}
}

// look says which conditions a vault does not meet, and what would be changed.
func (p *patch) look(_ fleet.Options, _ *fleet.Vault, res *Resource) []fleet.Finding {
	if found := p.unmet(res); len(found) > 0 {
		return found
	}
	var differ []difference
	if properties := p.body["properties"]; properties != nil {
		leaves("", res.Properties, properties, &differ)
	}
	return changes(append(differ, tagsDiffer(res.Rest[sectionTags], p.body[sectionTags])...))
}

// changes tells what is changed of a vault: what is there, and what will be.
func changes(differ []difference) []fleet.Finding {
	var items []string
	for _, d := range differ {
		items = append(items, text.Clean(fmt.Sprintf("%s: %s → %s", d.path, leaf(d.is), leaf(d.wanted)), maxLeaf))
	}
	switch f := (fleet.Finding{Severity: fleet.SeverityInfo, Code: codeChanges}); len(items) {
	case 0:
		return nil
	case 1:
		f.Message = items[0]
		return []fleet.Finding{f}
	default:
		f.Message, f.Items = fmt.Sprintf("%d settings change", len(items)), items
		return []fleet.Finding{f}
	}
}

// complete puts what a vault has in its place, and its other tags beside those that are
// set.
func (p *patch) complete(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, send *Sending) (err error) {
	if send.Body, err = p.owned(send.Body, res); err == nil && p.of.Guard != nil {
		err = p.of.Guard.Complete("")(ctx, u, v, res, send)
	}
	return err
}

// owned is a body for one vault. One that is the same for all is sent as it is written.
func (p *patch) owned(body json.RawMessage, res *Resource) (json.RawMessage, error) {
	doc, err := decode(body)
	m, ok := doc.(object)
	if err != nil || !ok {
		return nil, errors.New("the patch's body is none")
	}
	owns := false
	if properties, ok := m["properties"].(object); ok {
		if err := fill(properties, "", func(path string, value any) (any, error) {
			if value != fleet.PlaceholderOwn {
				return value, nil
			}
			owns = true
			return at(res.Properties, path), nil
		}); err != nil {
			return nil, err
		}
	}
	set, tagged := m[sectionTags].(object)
	if !owns && !tagged {
		return body, nil
	}
	if tagged {
		have, _ := res.Rest[sectionTags].(object)
		all := maps.Clone(have)
		if all == nil {
			all = object{}
		}
		for name, value := range set {
			if value == nil { // it had none before
				delete(all, tagNamed(have, name))
			} else {
				all[tagNamed(have, name)] = value
			}
		}
		m[sectionTags] = all
	}
	return json.Marshal(m)
}

// restore is the body that undoes the patch of a vault of which a state was recorded.
func (p *patch) restore(there *Change, was State) (json.RawMessage, error) {
	known := len(was) == len(there.Sections)
	if there.Tags {
		known = len(was) == len(there.Sections)+1 && len(was[sectionTags]) > 0
	}
	for _, section := range there.Sections {
		known = known && len(was[section]) > 0
	}
	if !known {
		return nil, fmt.Errorf("what was recorded of it is of another patch that was called %s", p.Name)
	}
	if !p.Undo.Before {
		return p.Undo.Body, nil
	}
	doc, err := decode(p.Body)
	if err != nil {
		return nil, err
	}
	m, _ := doc.(object)
	if properties, ok := m["properties"].(object); ok {
		if err := fill(properties, "", func(path string, value any) (any, error) {
			old := was.at(path)
			if value == fleet.PlaceholderOwn {
				return value, nil
			}
			if old == nil {
				return nil, fmt.Errorf("its %s was not set, and nothing is known that unsets it again", path)
			}
			return old, nil
		}); err != nil {
			return nil, err
		}
	}
	if set, ok := m[sectionTags].(object); ok {
		value, _ := decode(was[sectionTags])
		old, _ := value.(object)
		for name := range set {
			set[name] = old[tagNamed(old, name)] // null: it is left out of those that are sent
		}
	}
	return json.Marshal(m)
}

// stillPatched says what of a vault is neither as the patch made it nor as it was before:
// somebody has set it since.
func (p *patch) stillPatched(v *fleet.Vault, res *Resource) (found []fleet.Finding) {
	doc, _ := decode(v.Restore)
	m, _ := doc.(object)
	for _, l := range p.leaves {
		is := at(res.Properties, l.path)
		if holds(is, l.value) || holds(is, at(m["properties"], l.path)) {
			continue
		}
		found = append(found, changedSince(l.path, is, l.value))
	}
	back, _ := m[sectionTags].(object)
	for _, d := range tagsDiffer(res.Rest[sectionTags], p.body[sectionTags]) {
		name := strings.TrimPrefix(d.path, sectionTags+".")
		if d.is != back[tagNamed(back, name)] {
			found = append(found, changedSince(d.path, d.is, d.wanted))
		}
	}
	return found
}

func changedSince(path string, is, made any) fleet.Finding {
	return fleet.Finding{Severity: fleet.SeverityError, Code: codePatched, Action: lookAtIt,
		Message: text.Clean(fmt.Sprintf("%s is %s, and the patch made it %s: somebody has set it since", path, leaf(is),
			leaf(made)), text.MaxMessage)}
}

// sectionTags is where a vault's tags stand, in its document and in a recorded state.
const sectionTags = "tags"

// tagNamed is a tag's name as a vault has it: names of tags are compared without regard
// to case, their values with it (Microsoft, "Use tags to organize your Azure resources").
func tagNamed(have object, name string) string {
	if _, ok := have[name]; !ok {
		for _, other := range slices.Sorted(maps.Keys(have)) {
			if strings.EqualFold(other, name) {
				return other
			}
		}
	}
	return name
}

// tagsDiffer are the tags that a vault has otherwise than is wanted.
func tagsDiffer(have, want any) (out []difference) {
	h, _ := have.(object)
	w, _ := want.(object)
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if is := h[tagNamed(h, name)]; is != w[name] {
			out = append(out, difference{sectionTags + "." + name, is, w[name]})
		}
	}
	return out
}

// Written makes the kinds that inventories write for vaults of some types.
func Written(types ...*VaultType) *fleet.Written {
	w := &fleet.Written{Condition: CheckCondition}
	for _, t := range types {
		spec := t.Spec(fleet.KindSpec{}, Same(nil))
		w.Types = append(w.Types, fleet.WrittenType{Name: t.Name, ReadOnly: t.ReadOnly, Unread: t.Unread,
			Forever: t.Forever, Options: spec.Options})
	}
	w.Make = func(p fleet.Patch) (fleet.KindSpec, error) {
		for _, t := range types {
			if t.Name == p.Type {
				c, err := Patched(t, p)
				return c.Spec, err
			}
		}
		return fleet.KindSpec{}, fmt.Errorf("vaults of type %s are none that a patch is made for", p.Type)
	}
	return w
}
