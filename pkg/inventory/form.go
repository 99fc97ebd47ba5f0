package inventory

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// form is a mapping of an inventory as a table, read into a T: the decoder reads by
// it, and the JSON Schema is made of it, so that neither knows a key that the other
// does not.
type form[T any] struct {
	schema
	keys []key[T]
}

// key is a key of a form.
type key[T any] struct {
	name string
	told told
	read func(d *decoder, e *entry, into *T) // nil: by hand, where its meaning hangs on more than its value
}

// told is what an editor is told of a value.
type told func(kinds) object

// kinds are those that an inventory may name besides the classic one.
type kinds = []fleet.KindSpec

// newForm makes a form. prefix is what stands before its keys in messages.
func newForm[T any](what, prefix string, keys ...key[T]) *form[T] {
	f := &form[T]{schema: schema{what: what, prefix: prefix}, keys: keys}
	for i := range keys {
		f.names = append(f.names, keys[i].name)
	}
	return f
}

// mapping reads a mapping by its form; what is read by hand is left to the caller.
func (f *form[T]) mapping(d *decoder, n *yaml.Node, where place, into *T) (fields, bool) {
	var got fields
	ok := f.into(d, &got, n, where, into)
	return got, ok
}

// into is mapping with the room of fields that are not needed any more.
func (f *form[T]) into(d *decoder, got *fields, n *yaml.Node, where place, into *T) (ok bool) {
	*got, ok = d.mapping(n, where, &f.schema, got.entries)
	f.read(d, got, into)
	return ok
}

func (f *form[T]) read(d *decoder, from *fields, into *T) {
	for i := range f.keys {
		if e := from.get(f.keys[i].name); e != nil && f.keys[i].read != nil {
			f.keys[i].read(d, e, into)
		}
	}
}

// told is the mapping as an editor is told of it.
func (f *form[T]) told(k kinds, required ...string) object {
	properties := object{}
	for i := range f.keys {
		properties[f.keys[i].name] = f.keys[i].told(k)
	}
	return mapping(properties, required)
}

// says is told whatever the kinds are.
func says(o object) told { return func(kinds) object { return maps.Clone(o) } }

// byHand is a key that the caller of mapping reads.
func byHand[T any](name string, told told) key[T] { return key[T]{name: name, told: told} }

// reads is a key whose value goes into one field, unless it is refused.
func reads[T, F any](name string, told told, at func(*T) *F, read func(*decoder, *entry) (F, bool)) key[T] {
	return key[T]{name, told, func(d *decoder, e *entry, into *T) {
		if v, ok := read(d, e); ok {
			*at(into) = v
		}
	}}
}

func lineKey[T any](name, what string, at func(*T) *string) key[T] {
	return reads(name, says(line(what)), at, func(d *decoder, e *entry) (string, bool) { return d.line(e, e.what) })
}

func durationKey[T any](name, what string, at func(*T) *time.Duration) key[T] {
	return reads(name, says(duration(what)), at,
		func(d *decoder, e *entry) (time.Duration, bool) { return d.duration(e, e.what) })
}

// wordKey is a key whose value is one of some words.
func wordKey[T any, W ~string](name, what string, at func(*T) *W, words ...W) key[T] {
	list := asStrings(words)
	return reads(name, says(oneWord(what, list...)), at, func(d *decoder, e *entry) (W, bool) {
		w, ok := d.oneOf(e, e.what, list)
		return W(w), ok
	})
}

// JSONSchema returns the JSON Schema (2020-12) of an inventory, for editors.
// It is made of the forms that the decoder reads by. It accepts every inventory
// that Load accepts, and knows nothing of what only the whole can tell, such as
// vaults listed twice. kinds are those that an inventory may name besides the
// classic one.
func JSONSchema(kinds ...fleet.KindSpec) ([]byte, error) {
	root := inventoryForm.told(kinds, "apiVersion", "cloud")
	root["anyOf"] = []object{{"required": []string{"subscriptions"}}, {"required": []string{"include"}}}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "fleetup inventory"
	included := about("a file that an inventory includes", partForm.told(kinds, "subscriptions"))
	root["$defs"] = object{"includedFile": included}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

// object is a JSON object.
type object map[string]any

// about adds what a value is for.
func about(what string, s object) object { s["description"] = what; return s }

func line(what string) object {
	return about(what, object{"type": "string", "minLength": 1, "maxLength": maxLine})
}
func boolean(what string) object                  { return about(what, object{"type": "boolean"}) }
func oneWord(what string, words ...string) object { return about(what, object{"enum": words}) }
func list(what string, of object) object          { return about(what, object{"type": "array", "items": of}) }
func some(what string, of object) object          { l := list(what, of); l["minItems"] = 1; return l }

func either2(what string, a, b object) object { return about(what, object{"anyOf": []object{a, b}}) }

// matching is a text of a form.
func matching(what, pattern string) object {
	return about(what, object{"type": "string", "pattern": pattern})
}

// mapping is one that has no other keys than these.
func mapping(properties object, required []string) object {
	out := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func whole(what string, least, most int) object {
	return about(what, object{"type": "integer", "minimum": least, "maximum": most})
}

func duration(what string) object {
	s := matching(what, `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`)
	s["examples"] = []string{"30s", "1h30m"}
	return s
}

// share is a count or a percentage.
func share(what string, least int) object {
	return either2(what, object{"type": "integer", "minimum": least, "maximum": maxBudget},
		object{"type": "string", "pattern": percentage().String()})
}

func pairs(what string) object {
	return about(what, object{"type": "object", "additionalProperties": object{"type": "string"}})
}

// toldOfUpgrade has a form for each kind, with its options.
func toldOfUpgrade(kinds kinds) object {
	form := func(kind fleet.Kind, what string, options []fleet.Option, more object) object {
		properties, required := object{"kind": object{"const": kind}}, []string{"kind"}
		for _, o := range options {
			properties[o.Key] = optionSchema(&o)
			if o.Required {
				required = append(required, o.Key)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(more)) {
			properties[k], required = more[k], append(required, k)
		}
		return about(what, mapping(properties, required))
	}
	forms := []object{form(fleet.KindClassic, "a classic vault becomes a Recovery Services vault", nil, nil)}
	for _, k := range kinds {
		if k.Written != nil {
			forms = append(forms, about(k.Title, toldOfPatch(kinds, k.Written)),
				form(fleet.KindRollback, "back to what was before a patch", nil, object{
					"of":               matching("the patch", `^patch-`+strings.TrimPrefix(patchName().String(), "^")),
					fleet.OptionLedger: line("the ledger of the runs that are undone, relative to the inventory")}))
			continue
		}
		if of, undoes := k.Kind.Undoes(); undoes {
			forms = append(forms, form(fleet.KindRollback, k.Title, k.Options, object{"of": object{"const": of}}))
		} else {
			forms = append(forms, form(k.Kind, k.Title, k.Options, nil))
		}
	}
	return about("the kind of upgrade; absent: classic", object{"anyOf": forms})
}

func optionSchema(o *fleet.Option) object {
	switch o.Type {
	case fleet.OptionDuration:
		return duration(o.Doc)
	case fleet.OptionKind:
		return oneWord(o.Doc, o.Words...)
	case fleet.OptionNumber:
		return whole(o.Doc, o.Min, o.Max)
	}
	return line(o.Doc)
}
