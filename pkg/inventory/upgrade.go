package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// upgrade reads the kind of the upgrade with its options.
func (d *decoder) upgrade(e *entry) {
	if w, name, ok := d.peekPatchBack(e.value); ok {
		d.patchBack(w, name, e)
		return
	}
	kind, known, exact := d.peekKind(e.value)
	d.anyKind = !known
	if kind != nil && kind.Written != nil {
		d.patch(kind.Written, e)
		return
	}
	s := &schema{what: "upgrade"}
	if known {
		s.names = append(s.names, "kind")
		if kind != nil {
			s.what = "upgrade kind " + string(kind.Kind)
			for _, o := range kind.Options {
				s.names = append(s.names, o.Key)
			}
			if _, undoes := kind.Kind.Undoes(); undoes {
				s.names = append(s.names, "of")
			}
		}
	} // else any key may be one of the kind that was meant
	f, ok := d.mapping(e.value, e.at, s, nil)
	if !ok {
		return
	}
	given := f.get("kind")
	if given == nil {
		if f.lacks("kind") {
			d.problem(e.at, "write upgrade: {kind: classic}, or leave it out", "upgrade has no kind")
		}
		return
	}
	name, ok := d.text(given.value, given.at, "upgrade.kind")
	switch {
	case !ok:
	case exact:
	case name == string(fleet.KindRollback):
		d.rollbackOf(&f, given)
	default:
		names := d.kindNames()
		d.noKind(given, name, names)
	}
	if ok && kind != nil { // also one that is only meant: it tells what else is wrong
		d.take(kind, &f, e)
	}
}

// noKind says that there is no kind of a name.
func (d *decoder) noKind(given *entry, name string, names []string) {
	d.problem(given.at, didYouMean(name, names, "known here: "+strings.Join(names, ", ")),
		"there is no upgrade kind %s", quote(name))
}

// kindNames are the kinds as inventories write them.
func (d *decoder) kindNames() []string {
	names := []string{string(fleet.KindClassic)}
	rollback := false
	for i := range d.kinds {
		if _, undoes := d.kinds[i].Kind.Undoes(); undoes {
			rollback = true
			continue
		}
		names = append(names, string(d.kinds[i].Kind))
	}
	if rollback {
		names = append(names, string(fleet.KindRollback))
	}
	return names
}

// undone are the kinds that can be undone.
func (d *decoder) undone() (of []string) {
	for i := range d.kinds {
		if k, undoes := d.kinds[i].Kind.Undoes(); undoes {
			of = append(of, string(k))
		}
	}
	return of
}

// peekKind finds the kind that a mapping names, before its keys can be judged:
// which there may be depends on it. nil and known mean the classic one. A kind that is
// misspelt, and can be one alone, is known too, and not exact: so that its other mistakes
// are found with it.
func (d *decoder) peekKind(n *yaml.Node) (kind *fleet.KindSpec, known, exact bool) {
	value := func(key string) string { return d.peek(n, key) }
	name := value("kind")
	exact = name == "" || slices.Contains(d.kindNames(), name)
	if !exact {
		name = words.Likeliest(name, d.kindNames())
	}
	k := fleet.Kind(name)
	switch k {
	case "":
		return nil, exact, exact
	case fleet.KindClassic:
		return nil, true, exact
	case fleet.KindRollback:
		of := value("of")
		if of != "" && !slices.Contains(d.undone(), of) {
			of, exact = words.Likeliest(of, d.undone()), false
		}
		k = fleet.RollbackOf(fleet.Kind(of))
	default:
		if _, undoes := k.Undoes(); undoes {
			return nil, false, false // written as kind: rollback
		}
	}
	i := slices.IndexFunc(d.kinds, func(s fleet.KindSpec) bool { return s.Kind == k })
	if i < 0 {
		return nil, false, false
	}
	return &d.kinds[i], true, exact
}

// peek is the text of a key of a mapping that nobody has judged yet; "" where it has none.
func (d *decoder) peek(n *yaml.Node, key string) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			v, _ := d.resolve(n.Content[i+1])
			return v.Value
		}
	}
	return ""
}

// rollbackOf says what is wrong with a rollback of nothing that can be undone.
func (d *decoder) rollbackOf(f *fields, kind *entry) {
	kinds := strings.Join(d.undone(), ", ")
	of := f.get("of")
	if of == nil {
		d.problem(kind.at, "add of: the kind to undo, one of "+kinds, "a rollback does not say of what")
		return
	}
	if s, ok := d.text(of.value, of.at, "upgrade.of"); ok {
		d.problem(of.at, didYouMean(s, d.undone(), "one of "+kinds), "%s cannot be undone", quote(s))
	}
}

// take reads the options of a kind, and makes it the inventory's.
func (d *decoder) take(kind *fleet.KindSpec, f *fields, upgrade *entry) {
	d.today, d.in.Kind = kind, kind.Kind
	options, sound := fleet.Options{}, true
	given := map[string]*entry{}
	for i := range kind.Options {
		o := &kind.Options[i]
		e := f.get(o.Key)
		if e == nil {
			if o.Required && f.lacks(o.Key) {
				sound = false
				d.problem(upgrade.at, o.Doc, "upgrade kind %s needs %s", string(kind.Kind), o.Key)
			}
			continue
		}
		given[o.Key] = e
		text, ok := d.optionText(o, e)
		if ok {
			normal, err := o.Normal(text)
			if ok = err == nil; ok {
				options[o.Key] = normal
			} else {
				d.problem(e.at, o.Doc, "upgrade.%s: %v", o.Key, err)
			}
		}
		sound = sound && ok
	}
	if sound {
		complete, err := kind.Complete(options)
		if err != nil {
			at := upgrade.at
			if oe, ok := errors.AsType[*fleet.OptionError](err); ok && given[oe.Key] != nil {
				at = given[oe.Key].at
			}
			d.problem(at, "", "%v", err)
			return
		}
		options = complete
	}
	up := kind.Describe(options)
	d.in.Upgrade = &up
	d.defaults.vault.ResourceType = kind.Type
}

// optionText is an option's value as written. A version looks like a date, and
// need not be quoted; nor a number; one without its unit is no duration, quoted or
// not.
func (d *decoder) optionText(o *fleet.Option, e *entry) (string, bool) {
	if e.value.Kind == yaml.ScalarNode {
		switch tag := e.value.ShortTag(); {
		case o.Type == fleet.OptionVersion && tag == "!!timestamp", o.Type == fleet.OptionNumber && tag == "!!int",
			o.Type == fleet.OptionDuration && (tag == "!!int" || tag == "!!float"):
			return e.value.Value, true
		}
	}
	return d.text(e.value, e.at, "upgrade."+o.Key)
}

// groupKeys refuses the keys of resource groups that mean nothing to the kind.
func (d *decoder) groupKeys(f *fields) {
	refuse := func(key, hint, why string) {
		if e := f.get(key); e != nil {
			d.problem(e.key, hint, "%s means nothing to the upgrade kind %s: %s", key, d.in.Kind, why)
		}
	}
	if d.anyKind {
		return
	}
	if d.today == nil {
		refuse("resourceGroup", "write targetResourceGroup",
			"a classic vault is in no resource group until it is upgraded")
		return
	}
	for _, key := range []string{"targetResourceGroup", "createResourceGroup"} {
		refuse(key, "write resourceGroup, the one that the vault is in", "its vaults stay where they are")
	}
}

// types are the resource types that vaults may have.
func (d *decoder) types() []string {
	if d.today == nil {
		return typesOf(nil)
	}
	return []string{string(d.today.Type)}
}

// typesOf are those of classic vaults and of some kinds besides.
func typesOf(kinds []fleet.KindSpec) []string {
	types := asStrings(fleet.ResourceTypes())
	for _, k := range kinds {
		if t := string(k.Type); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// needed are the keys that a vault, a rule or the defaults must give.
func (d *decoder) needed() []string {
	switch {
	case d.anyKind:
		return required[:2]
	case d.today == nil:
		return required
	}
	return []string{"name", "location", "resourceGroup"}
}

// groupName reads the name of a resource group.
func (d *decoder) groupName(e *entry) (string, bool) {
	s, ok := d.text(e.value, e.at, e.what)
	if !ok {
		return "", false
	}
	if err := fleet.CheckResourceGroupName(s); err != nil {
		if len(s) > maxLine {
			err = fmt.Errorf("a resource group name of %d bytes is too long; 90 characters are allowed", len(s))
		}
		d.problem(e.at, "", "%s: %v", e.what, err)
		return "", false
	}
	return d.intern(s), true
}
