package inventory

import (
	"maps"
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
	got, ok := d.mapping(n, where, &f.schema)
	f.read(d, &got, into)
	return got, ok
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
