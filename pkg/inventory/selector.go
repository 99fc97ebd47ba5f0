package inventory

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// selectorKeys are the keys that pick vaults.
func selectorKeys[T any]() []key[T] {
	return []key[T]{
		byHand[T]("match",
			says(pairs("labels that a vault must have; subscription, location and resourceType are the vault's own"))),
		byHand[T]("matchExpressions", func(k kinds) object {
			return some("all of them must hold", requirementForm.told(k, "key", "operator"))
		}),
	}
}

// selector reads match and matchExpressions. given is false when there is
// neither. What it would pick is unknowable after a problem. all says what to
// do instead of an empty one.
func (d *decoder) selector(f *fields, all string) (s plan.Selector, given bool) {
	d.sound = d.sound && !f.doubtful("match") && !f.doubtful("matchExpressions")
	if e := f.get("match"); e != nil {
		given = true
		before := len(d.problems)
		s.Match = d.pairs(e, "match", func(l *entry, value string) { d.builtInValue(l.name, value, l.at) })
		if len(s.Match) == 0 && len(d.problems) == before {
			d.sound = false
			d.problem(e.at, all, "match is empty")
		}
	}
	if e := f.get("matchExpressions"); e != nil {
		given = true
		list, ok := d.items(e, "matchExpressions")
		d.sound = d.sound && ok
		if ok && len(list) == 0 {
			d.sound = false
			d.problem(e.at, all, "matchExpressions is an empty list")
		}
		for _, n := range list {
			n, where := d.resolve(n)
			r, ok := d.requirement(n, where)
			d.sound = d.sound && ok
			s.Expressions = append(s.Expressions, r)
		}
	}
	return s, given
}

var requirementForm = newForm("an expression of matchExpressions", "",
	lineKey("key", "a label, or subscription, location, resourceType",
		func(r *plan.Requirement) *string { return &r.Key }),
	wordKey("operator", "how", func(r *plan.Requirement) *plan.Operator { return &r.Operator }, plan.Operators()...),
	byHand[plan.Requirement]("values", says(some("with In and NotIn", object{"type": "string"}))),
)

func (d *decoder) requirement(n *yaml.Node, where place) (r plan.Requirement, ok bool) {
	before := len(d.problems)
	f, ok := requirementForm.mapping(d, n, where, &r)
	if !ok {
		return r, false
	}
	d.all(&f, requirementForm.what, []string{"key", "operator"}, "write {key: env, operator: In, values: [dev]}")
	values := f.get("values")
	switch r.Operator {
	case plan.OpIn, plan.OpNotIn:
		if f.lacks("values") {
			d.problem(where, "add values: [a, b]", "operator %s has no values", r.Operator)
		}
		if values != nil {
			r.Values = d.values(values, r.Key)
		}
	case plan.OpExists, plan.OpDoesNotExist:
		if values != nil {
			d.problem(values.key, "remove them, or use In or NotIn", "operator %s takes no values", r.Operator)
		}
	}
	return r, len(d.problems) == before
}

func (d *decoder) values(e *entry, key string) []string {
	list, ok := d.items(e, "values")
	if ok && len(list) == 0 {
		d.problem(e.at, "add at least one", "values is an empty list")
	}
	out := make([]string, 0, len(list))
	for _, n := range list {
		n, where := d.resolve(n)
		s, ok := d.text(n, where, "a value")
		if ok && s != "" {
			ok = d.checkLine(s, where, "a value")
		}
		if !ok {
			continue
		}
		if slices.Contains(out, s) {
			d.problem(where, "remove one of the two", "value %s is given twice", quote(s))
		}
		d.builtInValue(key, s, where)
		out = append(out, s)
	}
	return out
}

// builtInValue checks a value that a key which is no label is compared with.
func (d *decoder) builtInValue(key, value string, where place) {
	types := d.types()
	switch {
	case key == plan.KeyResourceType && !slices.Contains(types, value):
		d.sound = false
		d.problem(where, "", "%s must be %s, not %s", key, either(types), quote(value))
	case slices.Contains(plan.BuiltInKeys(), key) && value == "":
		d.sound = false
		d.problem(where, "give it a value", "%s is empty", key)
	}
}

// labels reads the labels of a vault or a subscription.
func (d *decoder) labels(e *entry) map[string]string {
	return d.pairs(e, "labels", func(l *entry, _ string) {
		if slices.Contains(plan.BuiltInKeys(), l.name) {
			d.sound = false
			d.problem(l.key, "give the label another name",
				"a label cannot be named %s: selectors mean the vault's own %s by it", l.name, l.name)
		}
	})
}

// pairs reads labels, or a match of them: names with values, and shows each
// to check. A problem makes the waves unknowable.
func (d *decoder) pairs(e *entry, what string, check func(l *entry, value string)) map[string]string {
	f, ok := d.mapping(e.value, e.at, &schema{what: what}, nil)
	d.sound = d.sound && ok && len(f.entries) == len(e.value.Content)/2
	var m map[string]string
	for i := range f.entries {
		l := &f.entries[i]
		name := "label " + quote(l.name)
		value, ok := d.text(l.value, l.at, name)
		ok = ok && d.checkLine(l.name, l.key, "the name of a label")
		if ok && value != "" {
			ok = d.checkLine(value, l.at, name)
		}
		if !ok {
			d.sound = false
			continue
		}
		check(l, value)
		if m == nil {
			m = make(map[string]string, len(f.entries))
		}
		m[l.name] = value
	}
	return m
}
