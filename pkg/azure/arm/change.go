package arm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Change is what a kind does to its vaults by one PATCH each.
type Change struct {
	Spec fleet.KindSpec

	// Sections are the properties that the change is about, nested ones with
	// dots. They make the state that is compared, recorded and put back.
	Sections []string
	// Body is what is sent to every vault under complete options, the version of
	// the API that is asked among them; nil: what is recorded of each, for a
	// rollback. A vault whose properties hold all that it says is as the change
	// wants it. Complete puts what a vault has in the place of each
	// fleet.PlaceholderOwn. It is what the plan shows: give the same to Spec.Describe.
	Body func(o fleet.Options) json.RawMessage
	// Tags says that the change is about the vault's tags too: all of them are a section
	// of that name, and the body has a part of them.
	Tags bool
	// Whole keeps all that was read of a vault beside its properties, for Look.
	Whole bool
	// Look says what is to be known of a vault that is not yet as it should be, beside
	// what Judge says. It makes no call. nil: nothing.
	Look func(o fleet.Options, v *fleet.Vault, res *Resource) []fleet.Finding
	// Enough says in words why a vault counts as being as the change wants it
	// although it does not hold all that the body says; "" where it does not. It
	// makes no call. nil: none does.
	Enough func(o fleet.Options, state State) string
	// Judge says what stands against the change of a vault that is not yet as it
	// should be. It makes no call. nil: nothing does.
	Judge func(o fleet.Options, state State) []fleet.Finding

	// Check makes the checks that need calls of their own; nil: none.
	Check func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, r *check.Report)
	// Complete completes the request for one vault, before it goes out; nil: it is
	// complete. Its errors are *fleet.CallError.
	Complete func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, s *Sending) error
	// Ready does what must be done before the PATCH, and waits until it counts;
	// nil: nothing. What it returns is recorded besides the state before. Doing it
	// again does nothing. Its errors are *fleet.CallError.
	Ready func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource) error
}

// Same is the body of a change that is the same whatever the options are.
func Same(body json.RawMessage) func(fleet.Options) json.RawMessage {
	return func(fleet.Options) json.RawMessage { return body }
}

// Sending is the one request of a start before it goes out.
type Sending struct {
	Body   json.RawMessage
	Tenant string // whose token goes along besides; empty: none
}

// State is what a change is about, by section, as the vault has it. A section
// that the vault lacks is null.
type State map[string]json.RawMessage

// parseState reads a state as it was recorded.
func parseState(recorded json.RawMessage) (State, error) {
	var s State
	if err := json.Unmarshal(recorded, &s); err != nil || s == nil {
		return nil, errors.New("what was recorded of it cannot be read")
	}
	return s, nil
}

// Has reports whether the vault has the section.
func (s State) Has(section string) bool { return len(s[section]) > 0 && string(s[section]) != "null" }

// state picks the change's sections out of a vault's properties, in the one
// spelling that State of a sighting wants.
func (c *Change) state(d *document) (State, json.RawMessage, error) {
	s := State{}
	for _, section := range c.Sections {
		data, err := json.Marshal(at(d.Properties, section))
		if err != nil {
			return nil, nil, err
		}
		s[section] = data
	}
	if c.Tags {
		data, err := json.Marshal(d.Rest[sectionTags])
		if err != nil {
			return nil, nil, err
		}
		s[sectionTags] = data
	}
	raw, err := json.Marshal(s)
	return s, raw, err
}

// body is what is sent to a vault.
func (c *Change) body(o fleet.Options, v *fleet.Vault) (json.RawMessage, error) {
	if c.Body != nil {
		return c.Body(o), nil
	}
	if len(v.Restore) == 0 {
		return nil, fmt.Errorf("nothing that could be put back is recorded of vault %s", v.Ref())
	}
	return v.Restore, nil
}

// wanted are the properties and the tags that are sent to a vault; nil where none are.
func (c *Change) wanted(o fleet.Options, v *fleet.Vault) (properties, tags any) {
	body, err := c.body(o, v)
	if err != nil {
		return nil, nil
	}
	doc, _ := decode(body)
	m, _ := doc.(map[string]any)
	if c.Tags {
		tags = m[sectionTags]
	}
	return m["properties"], tags
}

// held reports whether a vault has all properties and tags that are wanted, of which
// there is something.
func held(res *Resource, properties, tags any) bool {
	return (properties != nil || tags != nil) && (properties == nil || holds(res.Properties, properties)) &&
		len(tagsDiffer(res.Rest[sectionTags], tags)) == 0
}

// asWanted is why a vault whose properties hold everything that the body says is
// as the change wants it.
func (c *Change) asWanted() string {
	return "the vault is as the " + c.Spec.Kind.Direction().Words().Noun + " would make it"
}

// reached says in words why a vault is as the change wants it; "" where it is
// not.
func (c *Change) reached(o fleet.Options, v *fleet.Vault, res *Resource) string {
	properties, tags := c.wanted(o, v)
	switch {
	case held(res, properties, tags):
		return c.asWanted()
	case c.Enough != nil && c.misshapen(o, v, res) == "":
		return c.Enough(o, res.State())
	}
	return ""
}

// maxDiffers is how many leaves that differ are named.
const maxDiffers = 12

// differs says in words what a vault's properties hold otherwise than the body
// says, leaf by leaf.
func (c *Change) differs(o fleet.Options, v *fleet.Vault, res *Resource) []string {
	var out []string
	for _, d := range c.differences(o, v, res) {
		out = append(out, text.Clean(fmt.Sprintf("%s is %s, wanted %s", d.path, leaf(d.is), leaf(d.wanted)), maxLeaf))
	}
	if more := len(out) - maxDiffers; more > 0 {
		out = append(out[:maxDiffers], fmt.Sprintf("and %d more", more))
	}
	return out
}

// difference is a leaf that a vault has otherwise than is wanted.
type difference struct {
	path       string
	is, wanted any
}

// differences are those of a vault, in the order of their names; tags come last.
func (c *Change) differences(o fleet.Options, v *fleet.Vault, res *Resource) (out []difference) {
	properties, tags := c.wanted(o, v)
	if properties != nil {
		leaves("", res.Properties, properties, &out)
	}
	return append(out, tagsDiffer(res.Rest[sectionTags], tags)...)
}

// leaves adds what differs below a path, in the order of the names.
func leaves(path string, have, want any, out *[]difference) {
	w, ok := want.(map[string]any)
	if !ok || len(w) == 0 {
		if !holds(have, want) {
			*out = append(*out, difference{path, have, want})
		}
		return
	}
	h, _ := have.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(w)) {
		leaves(strings.TrimPrefix(path+"."+k, "."), h[k], w[k], out)
	}
}

// maxLeaf is how many characters are kept of a leaf that differs.
const maxLeaf = 300

// leaf writes a value as people do; texts without their quotes.
func leaf(v any) string {
	switch v := v.(type) {
	case nil:
		return "not set"
	case string:
		if v == "" {
			return "empty"
		}
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "unreadable"
	}
	return string(data)
}

// holds reports whether a JSON value has all that another says. Texts are
// compared without regard to case, as the Resource Manager does with its words, and
// numbers by what they are: one that was sent as 14 is read as 14.0
// (resource-manager.md#backup-vaults). What each vault has of its own is as it has it.
func holds(have, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		for k, v := range w {
			ok = ok && holds(h[k], v)
		}
		return ok
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return false
		}
		for i := range w {
			if !holds(h[i], w[i]) {
				return false
			}
		}
		return true
	case string:
		h, ok := have.(string)
		return w == fleet.PlaceholderOwn || ok && strings.EqualFold(h, w)
	case json.Number:
		h, ok := have.(json.Number)
		return ok && (h == w || sameNumber(h, w))
	}
	return have == want
}

// sameNumber compares numbers that are written differently, as far as a float64 tells
// them apart.
func sameNumber(a, b json.Number) bool {
	const exact = 1 << 53
	x, err1 := a.Float64()
	y, err2 := b.Float64()
	return err1 == nil && err2 == nil && x == y && math.Abs(x) < exact
}

// decode reads JSON with its numbers as they are written.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more follows it")
	}
	return v, nil
}

// Plain is the plan's word on a change whose request is the same for every
// vault but for its path. options are complete.
func Plain(spec *fleet.KindSpec, body json.RawMessage, options fleet.Options, before ...string) fleet.Upgrade {
	if body == nil {
		body = json.RawMessage(fleet.PlaceholderRestore)
	}
	up := fleet.Upgrade{Title: spec.Title, Options: options, Type: string(spec.Type), Permanent: spec.Permanent,
		Confirm: spec.Confirm, Before: before, After: spec.After,
		Request: fleet.Request{Method: "PATCH", Body: body,
			Path: fleet.PlaceholderVault + "?api-version=" + options[fleet.OptionAPIVersion]}}
	for _, a := range spec.Role().Actions {
		up.Actions = append(up.Actions, a.Name)
	}
	return up
}

// Rollback is the change that puts back what another has changed, from what was
// recorded before. restore makes the body that does so from a recorded state, or
// says why there is none. judge is as in [Change]; calls are those of the
// rollback's own.
func Rollback(of Change, restore func(State) (json.RawMessage, error), judge func(fleet.Options, State) []fleet.Finding,
	calls ...Call) Change {
	kind := fleet.RollbackOf(of.Spec.Kind)
	s := of.Spec
	s.Kind, s.Title, s.After = kind, "back to what was before "+string(of.Spec.Kind), nil
	s.Options = append(s.Options[:len(s.Options):len(s.Options)],
		fleet.Option{Key: fleet.OptionLedger, Type: fleet.OptionPath, Required: true,
			Doc: "the ledger of the runs that are undone, relative to the inventory"})
	s.Role = func() fleet.Role { return RoleFor(&s, calls...) }
	s.Describe = func(o fleet.Options) fleet.Upgrade { return Plain(&s, nil, o) }
	s.Restore = func(recorded json.RawMessage) (json.RawMessage, error) {
		was, err := parseState(recorded)
		if err != nil {
			return nil, err
		}
		return restore(was)
	}
	return Change{Spec: s, Sections: of.Sections, Judge: judge, Complete: of.Complete}
}
