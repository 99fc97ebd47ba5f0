package inventory

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// placeholders are what a template may name besides labels.X.
var placeholders = []string{"location", "name", "subscription"}

const labelPlaceholder = "labels."

// targetGroup reads the name of a resource group, or a template of one.
func (d *decoder) targetGroup(e *entry) (string, bool) {
	n := e.value
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
	case n.Value == Placeholder:
		if !d.unfinished {
			d.problem(e.at, "the group must exist, or createResourceGroup: true must be said",
				"targetResourceGroup is still to be written here")
		}
		return "", false
	case isTemplate(n.Value) && len(n.Value) <= maxLine:
		if err := splitTemplate(n.Value, func(string) {}, func(string) error { return nil }); err != nil {
			d.problem(e.at, "use {location}, {name}, {subscription} or {labels.NAME}",
				"targetResourceGroup %s: %v", quote(n.Value), err)
			return "", false
		}
		return d.intern(n.Value), true
	}
	return d.groupName(e)
}

func isTemplate(s string) bool { return strings.ContainsAny(s, "{}") }

// splitTemplate walks through a template and hands on its texts and the names
// of its placeholders. The error says what is wrong with it.
func splitTemplate(s string, text func(string), placeholder func(name string) error) error {
	for {
		before, rest, found := strings.Cut(s, "{")
		if strings.Contains(before, "}") {
			return fmt.Errorf("a } has no { before it")
		}
		text(before)
		if !found {
			return nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || strings.Contains(name, "{") {
			return fmt.Errorf("a { has no } after it")
		}
		label, isLabel := strings.CutPrefix(name, labelPlaceholder)
		if (!isLabel || label == "") && !slices.Contains(placeholders, name) {
			return fmt.Errorf("unknown placeholder {%s}", clip(name))
		}
		if err := placeholder(name); err != nil {
			return err
		}
		s = after
	}
}

// fill fills in a template for a vault.
func fill(template string, v *fleet.Vault, subscription string, label func(string) (string, error)) (string, error) {
	var b strings.Builder
	err := splitTemplate(template, func(text string) { b.WriteString(text) }, func(name string) (err error) {
		value := ""
		switch name {
		case "location":
			value = fleet.NormalizeLocation(v.Location)
		case "name":
			value = v.Name
		case "subscription":
			value = subscription
		default:
			value, err = label(strings.TrimPrefix(name, labelPlaceholder))
		}
		b.WriteString(value)
		return err
	})
	return b.String(), err
}

// expand fills in the vault's templates.
func (d *decoder) expand(v *fleet.Vault, layers []*layer, s *plan.SubscriptionSpec) {
	template := v.TargetResourceGroup
	if !isTemplate(template) {
		return
	}
	v.TargetResourceGroup = ""
	if v.Name == "" || v.Location == "" || !d.sound {
		return // reported, or not to be known
	}
	labels := join(v.Labels, s.Labels)
	lacks := ""
	group, err := fill(template, v, s.Name, func(label string) (string, error) {
		value, ok := labels[label]
		if !ok {
			lacks = label
			return "", fmt.Errorf("it has no label %s", quote(label))
		}
		return value, nil
	})
	hint := "add the label"
	if err == nil {
		if err = fleet.CheckResourceGroupName(group); err == nil {
			v.TargetResourceGroup = d.intern(group)
			return
		}
		hint = "give it a targetResourceGroup of its own, or change the template"
	}
	own := layers[len(layers)-1]
	from := own
	for _, l := range layers {
		if l.fields.get("targetResourceGroup") != nil {
			from = l
		}
	}
	at := templateMistake{d.here(from.of("targetResourceGroup")), lacks}
	u := d.unfilled[at]
	if u == nil {
		if d.unfilled == nil {
			d.unfilled = map[templateMistake]*unfilled{}
		}
		u = &unfilled{template: template, own: d.here(own.fields.at), why: err.Error(), hint: hint}
		d.unfilled[at] = u
		d.unfilledOrder = append(d.unfilledOrder, at)
	}
	u.vaults = append(u.vaults, who(v, s))
}
