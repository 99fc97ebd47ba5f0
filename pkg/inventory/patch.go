package inventory

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// patchForm is what an inventory says of a kind that it writes itself, besides the options
// of kinds of its type. The keys are read by hand: what a body may hold hangs on the type.
var patchForm = newForm("upgrade kind patch", "upgrade.",
	byHand[fleet.Patch]("kind", says(object{"const": fleet.KindPatch})),
	byHand[fleet.Patch]("name", says(matching("what the patch is called, in plans and ledgers: patch-NAME",
		patchName().String()))),
	byHand[fleet.Patch]("title", says(line("what it does, as a noun"))),
	byHand[fleet.Patch]("resourceType", func(k kinds) object {
		return oneWord("of the vaults", typesOfPatches(k)...)
	}),
	byHand[fleet.Patch]("body", says(about("a JSON merge patch of properties and tags", bodySchema()))),
	byHand[fleet.Patch]("require", says(some("what must be true of each vault as it was read, in JMESPath",
		line("a condition, such as properties.publicNetworkAccess == 'Enabled'")))),
	byHand[fleet.Patch]("undo", says(about("how it is undone", object{"anyOf": []object{
		oneWord("by what was there before", undoBefore),
		mapping(object{"body": about("by this, whatever was there before", bodySchema())}, []string{"body"}),
		mapping(object{"permanent": about("nothing undoes it", object{"const": true})}, []string{"permanent"}),
	}}))),
	byHand[fleet.Patch]("actions", says(some("actions of the Resource Manager that it needs besides reading and "+
		"writing the vault", matching("such as Microsoft.Network/privateEndpoints/read", actionName().String())))),
	byHand[fleet.Patch]("afterwards", says(line("what is left to do by hand afterwards, a sentence"))),
)

// bodySchema names the two parts by patterns: a key that is called properties would be taken
// for the keyword by who walks the schema.
func bodySchema() object {
	return object{"type": "object", "minProperties": 1, "additionalProperties": false, "patternProperties": object{
		"^properties$": object{"type": "object", "minProperties": 1},
		"^tags$": object{"type": "object", "minProperties": 1,
			"additionalProperties": object{"type": "string"}}}}
}

// undoBefore is what an inventory writes where a patch is undone by what was there before.
const undoBefore = "before"

var (
	patchName  = lazyregexp.New(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	actionName = lazyregexp.New(`^[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9]+)*/(read|write|delete|action|[A-Za-z0-9]+/action)$`)
)

// longestPatchName is how many characters a patch's name may have: people type it.
const longestPatchName = 40

func typesOfPatches(k kinds) (names []string) {
	for i := range k {
		if k[i].Written != nil {
			for _, t := range k[i].Written.Types {
				names = append(names, string(t.Name))
			}
		}
	}
	return names
}

// patchOptions are the options of kinds of some types of vaults, each once.
func patchOptions(types []fleet.WrittenType) (options []fleet.Option) {
	for _, t := range types {
		for _, o := range t.Options {
			if !slices.ContainsFunc(options, func(known fleet.Option) bool { return known.Key == o.Key }) {
				options = append(options, o)
			}
		}
	}
	return options
}

// toldOfPatch is what an editor is told of a kind that inventories write.
func toldOfPatch(k kinds, w *fleet.Written) object {
	out := patchForm.told(k, "kind", "name", "resourceType", "apiVersion", "body", "undo")
	properties, _ := out["properties"].(object)
	for _, o := range patchOptions(w.Types) {
		properties[o.Key] = optionSchema(&o)
	}
	return out
}

// patch reads a kind that the inventory writes itself, and makes it the inventory's.
func (d *decoder) patch(w *fleet.Written, upgrade *entry) {
	s := schema{what: patchForm.what, prefix: patchForm.prefix, names: slices.Clone(patchForm.names)}
	for _, o := range patchOptions(w.Types) {
		s.names = append(s.names, o.Key)
	}
	before := len(d.problems)
	d.methods(upgrade)
	f, ok := d.mapping(upgrade.value, upgrade.at, &s, nil)
	if !ok {
		return
	}
	if e := f.get("kind"); e != nil {
		if name, ok := d.text(e.value, e.at, e.what); ok && name != string(fleet.KindPatch) {
			d.noKind(e, name, d.kindNames())
		}
	}
	p := fleet.Patch{}
	r := patchReader{decoder: d, fields: &f}
	p.Name = r.name()
	p.Title = "the patch " + p.Name
	if e := f.get("title"); e != nil {
		p.Title, _ = d.line(e, e.what)
	}
	p.Type = r.resourceType(w)
	if e := r.needs("body", "write the properties that each vault gets: body: {properties: {…}}"); e != nil {
		p.Body = r.body(e, &r.sets)
	}
	r.require(w, &p)
	if e := r.needs("undo", "write before (what was there is put back), {body: {…}} or {permanent: true}"); e != nil {
		r.undo(e, &p)
	}
	r.actions(&p)
	if e := f.get("afterwards"); e != nil {
		p.Afterwards, _ = d.line(e, e.what)
	}
	if r.of == nil {
		d.anyKind = true
		return
	}
	d.otherOptions(w, &f, p.Type, r.of.Options)
	if len(d.problems) > before {
		p = fleet.Patch{Name: "unsound", Type: p.Type, Body: json.RawMessage(`{"properties":{}}`)}
	}
	kind, err := w.Make(p)
	if err != nil {
		d.problem(upgrade.at, "", "the patch cannot be made: %v", err)
		d.anyKind = true
		return
	}
	d.take(&kind, &f, upgrade)
}

// peekPatchBack finds out whether a mapping is the rollback of a patch, and of which.
func (d *decoder) peekPatchBack(n *yaml.Node) (w *fleet.Written, name string, ok bool) {
	i := slices.IndexFunc(d.kinds, func(s fleet.KindSpec) bool { return s.Written != nil })
	if i < 0 || d.peek(n, "kind") != string(fleet.KindRollback) {
		return nil, "", false
	}
	of := fleet.Kind(d.peek(n, "of"))
	name, ok = of.Patched()
	if _, undoes := of.Undoes(); undoes {
		return nil, "", false
	}
	return d.kinds[i].Written, name, ok || of == fleet.KindPatch
}

// patchBack reads the rollback of a patch: what that is, the ledger knows.
func (d *decoder) patchBack(w *fleet.Written, name string, upgrade *entry) {
	d.anyKind = true
	s := schema{what: "the rollback of a patch", prefix: "upgrade.", names: []string{"kind", "of", fleet.OptionLedger}}
	for _, o := range patchOptions(w.Types) {
		s.names = append(s.names, o.Key)
	}
	f, ok := d.mapping(upgrade.value, upgrade.at, &s, nil)
	if !ok {
		return
	}
	if name == "" {
		d.problem(f.of("of"), "write of: patch-NAME, with the name that the patch has in its inventory",
			"a rollback of a patch names it")
		return
	}
	e := f.get(fleet.OptionLedger)
	if e == nil {
		if f.lacks(fleet.OptionLedger) {
			d.problem(upgrade.at, "the ledger of the runs that are undone, relative to the inventory",
				"the rollback of a patch needs ledger")
		}
		return
	}
	ledger, ok := d.line(e, e.what)
	if !ok {
		return
	}
	kind, err := w.Recorded(d.main, ledger, name)
	if err != nil {
		d.problem(e.at, "name the ledger of the runs of the patch, and the patch as it was called",
			"what undoes the patch %s cannot be found: %v", quote(name), err)
		return
	}
	d.anyKind = false
	d.otherOptions(w, &f, kind.Type, kind.Options)
	d.take(&kind, &f, upgrade)
}

// otherOptions refuses the options of kinds of other types than the patch's.
func (d *decoder) otherOptions(w *fleet.Written, f *fields, t fleet.ResourceType, own []fleet.Option) {
	for _, o := range patchOptions(w.Types) {
		e := f.get(o.Key)
		if e != nil && !slices.ContainsFunc(own, func(one fleet.Option) bool { return one.Key == o.Key }) {
			d.problem(e.key, "remove it", "%s means nothing to vaults of type %s", o.Key, t)
		}
	}
}

// methods says that a patch is no other request than a PATCH.
func (d *decoder) methods(upgrade *entry) {
	for i := 0; i+1 < len(upgrade.value.Content); i += 2 {
		if key := upgrade.value.Content[i]; key.Value == "method" || key.Value == "put" {
			d.problem(at(key), "remove it", "a patch is always sent by PATCH: a PUT would take away whatever its body "+
				"does not repeat, and is not offered")
		}
	}
}

// patchReader reads the parts of one patch.
type patchReader struct {
	*decoder
	fields *fields
	of     *fleet.WrittenType // nil: not known
	sets   patchLeaves        // what the body sets
}

func (r *patchReader) needs(key, hint string) *entry {
	e := r.fields.get(key)
	if e == nil && r.fields.lacks(key) {
		r.problem(r.fields.at, hint, "upgrade kind patch needs %s", key)
	}
	return e
}

func (r *patchReader) name() string {
	e := r.needs("name", "give it a name, by which plans, ledgers and its rollback know it")
	if e == nil {
		return ""
	}
	s, ok := r.line(e, e.what)
	if ok && (len(s) > longestPatchName || !patchName().MatchString(s)) {
		r.problem(e.at, "write small letters, digits and single dashes, such as no-public-access",
			"%s %s is no name of a patch: it has up to %d small letters, digits and dashes, a letter first", e.what,
			quote(s), longestPatchName)
	}
	return s
}

func (r *patchReader) resourceType(w *fleet.Written) fleet.ResourceType {
	names := make([]string, len(w.Types))
	for i, t := range w.Types {
		names[i] = string(t.Name)
	}
	e := r.needs("resourceType", "write one of "+strings.Join(names, ", "))
	if e == nil {
		return ""
	}
	name, ok := r.oneOf(e, e.what, names)
	if ok {
		r.of = w.Type(fleet.ResourceType(name))
	}
	return fleet.ResourceType(name)
}

// maxConditions is how many conditions are believed.
const maxConditions = 20

func (r *patchReader) require(w *fleet.Written, p *fleet.Patch) {
	for _, e := range r.texts("require", maxConditions) {
		text, ok := r.line(&e, e.what)
		if !ok {
			continue
		}
		switch err := w.Condition(text); {
		case err != nil:
			r.problem(e.at, "", "%s: %v", e.what, err)
		case slices.Contains(p.Require, text):
			r.problem(e.at, "remove one of the two", "%s: %s is there twice", e.what, quote(text))
		default:
			p.Require = append(p.Require, text)
		}
	}
}

// maxActions is how many actions are believed.
const maxActions = 50

func (r *patchReader) actions(p *fleet.Patch) {
	for _, e := range r.texts("actions", maxActions) {
		name, ok := r.line(&e, e.what)
		same := func(known string) bool { return strings.EqualFold(known, name) }
		switch {
		case !ok:
		case strings.Contains(name, "*"):
			r.problem(e.at, "name each action that it needs", "%s: %s stands for more than the patch can need", e.what,
				quote(name))
		case !actionName().MatchString(name):
			r.problem(e.at, "write it as Microsoft.Network/privateEndpoints/read",
				"%s: %s is no action of the Resource Manager", e.what, quote(name))
		case slices.ContainsFunc(p.Actions, same):
			r.problem(e.at, "remove one of the two", "%s: %s is there twice", e.what, quote(name))
		default:
			p.Actions = append(p.Actions, name)
		}
	}
}

// texts are the values of a list that is not empty.
func (r *patchReader) texts(key string, most int) (out []entry) {
	e := r.fields.get(key)
	if e == nil {
		return nil
	}
	list, ok := r.items(e, e.what)
	switch {
	case !ok:
	case len(list) == 0:
		r.problem(e.at, "remove it", "%s is an empty list", e.what)
	case len(list) > most:
		r.problem(e.at, "", "%s has %d entries; %d are allowed", e.what, len(list), most)
	default:
		for _, n := range list {
			value, where := r.resolve(n)
			out = append(out, entry{value: value, at: where, what: e.what})
		}
	}
	return out
}

// undo reads how the patch is undone, and holds it against what the patch sets.
func (r *patchReader) undo(e *entry, p *fleet.Patch) {
	if e.value.Tag == "!!str" {
		if _, ok := r.oneOf(e, e.what, []string{undoBefore}); !ok {
			return
		}
		p.Undo.Before = true
	} else if !r.undoBy(e, p) {
		return
	}
	if p.Undo.Permanent {
		if r.fields.lacks("require") {
			r.problem(e.at, "add require: the conditions under which a vault may be changed for ever",
				"nothing undoes the patch, and it does not say what must be true of a vault before")
		}
		return
	}
	for _, path := range slices.Sorted(maps.Keys(r.sets.values)) {
		if r.forever(path) {
			r.problem(e.at, "write undo: {permanent: true}", "%s %s can never be taken back, whoever asks", path,
				r.sets.values[path])
		}
	}
}

// forever reports whether the patch sets a property to what can never be taken back.
func (r *patchReader) forever(path string) bool {
	return r.of != nil && slices.ContainsFunc(r.of.Forever[path],
		func(v string) bool { return strings.EqualFold(v, strings.Trim(r.sets.values[path], `"`)) })
}

func (r *patchReader) undoBy(e *entry, p *fleet.Patch) bool {
	f, ok := r.mapping(e.value, e.at, &schema{what: "undo", prefix: "upgrade.undo.", names: []string{"body",
		"permanent"}}, nil)
	if !ok {
		return false
	}
	body, permanent := f.get("body"), f.get("permanent")
	switch {
	case body != nil && permanent != nil:
		r.problem(permanent.key, "remove one of the two", "undo has a body, and is permanent too")
	case permanent != nil:
		yes, ok := r.boolean(permanent, permanent.what)
		if ok && !yes {
			r.problem(permanent.at, "write undo: before, or a body that undoes it",
				"%s is false, and nothing says how it is undone", permanent.what)
		}
		p.Undo.Permanent = ok && yes
		return p.Undo.Permanent
	case body != nil:
		var back patchLeaves
		p.Undo.Body = r.body(body, &back)
		r.covers(body, &back)
		return p.Undo.Body != nil
	case f.lacks("body") && f.lacks("permanent"):
		r.problem(e.at, "write before, {body: {…}} or {permanent: true}", "undo does not say how")
	}
	return false
}

// covers holds a body that undoes the patch against what the patch sets.
func (r *patchReader) covers(e *entry, back *patchLeaves) {
	if back.values == nil || r.sets.values == nil {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(r.sets.values)) {
		value, ok := back.values[path]
		switch {
		case !ok:
			r.problem(e.at, "set it there too", "%s leaves %s as the patch made it", e.what, path)
		case value == r.sets.values[path] && value != placeholderOwn:
			r.problem(back.at[path], "write what it is to be again", "%s sets %s to what the patch sets it to", e.what,
				path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(back.values)) {
		if _, ok := r.sets.values[path]; !ok {
			r.problem(back.at[path], "remove it", "%s sets %s, which the patch does not set", e.what, path)
		}
	}
}
