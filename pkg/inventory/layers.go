package inventory

import (
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// layer is what one part of an inventory says of a vault: the defaults, a rule
// or its own entry. Of the vault only what fields has is set.
type layer struct {
	from   string // "defaults", "rule 2", "vault"
	vault  fleet.Vault
	fields fields // as written, sound or not
	file   string

	calendar *plan.Calendar // in place of the wave's; nil without one
	counts   bool           // something of it is in force for a vault
	noted    bool           // in decoder.replacing
	silent   bool           // reported to be silent about what it replaces
}

// of returns where the layer gives the value of a key, or as a whole begins.
func (l *layer) of(key string) place {
	where := l.fields.at
	if e := l.fields.get(key); e != nil {
		where = e.at
	}
	where.file = l.file
	return where
}

// ofLabel returns where the layer gives the value of a label.
func (l *layer) ofLabel(name string) place {
	where := l.of("labels")
	pairs := l.fields.get("labels").value.Content
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == name {
			where.line, where.column = pairs[i+1].Line, pairs[i+1].Column
		}
	}
	return where
}

// onto lays the values of a layer over those of v. Labels are joined.
func (l *layer) onto(v *fleet.Vault) {
	for i := range l.fields.entries {
		switch l.fields.entries[i].name {
		case "name":
			v.Name = l.vault.Name
		case "location":
			v.Location = l.vault.Location
		case "resourceType":
			v.ResourceType = l.vault.ResourceType
		case "resourceGroup":
			v.ResourceGroup = l.vault.ResourceGroup
		case "targetResourceGroup":
			v.TargetResourceGroup = l.vault.TargetResourceGroup
		case "createResourceGroup":
			v.CreateResourceGroup = l.vault.CreateResourceGroup
		case "acceptWarnings":
			v.AcceptWarnings, v.Consents = l.vault.AcceptWarnings, l.vault.Consents
		case "protectedItems":
			v.ProtectedItems = l.vault.ProtectedItems
		case "hold":
			v.Hold = l.vault.Hold
		case "labels":
			v.Labels = join(l.vault.Labels, v.Labels)
		}
	}
}

// join lays labels over others. It changes neither.
func join(over, below map[string]string) map[string]string {
	switch {
	case len(over) == 0:
		return below
	case len(below) == 0:
		return over
	}
	m := maps.Clone(below)
	maps.Copy(m, over)
	return m
}

// rule sets values of the vaults that it matches.
type rule struct {
	layer
	selector plan.Selector
	place    place
	used     bool
}

var ruleSchema = &schema{what: "a rule", keys: []string{"match", "matchExpressions", "set"}}

// What a rule may set leaves out what it may match by, but for labels: those
// of one rule count in the rules after it.
var setSchema = &schema{
	what: "set",
	keys: []string{"targetResourceGroup", "createResourceGroup", "acceptWarnings", "hold", "labels", "windows", "blackouts"},
}

func (d *decoder) readRules(e *entry) {
	list, ok := d.items(e, "rules")
	d.sound = d.sound && ok
	for i, n := range list {
		n, where := d.resolve(n)
		f, ok := d.mapping(n, where, ruleSchema)
		if !ok {
			d.sound = false
			continue
		}
		r := rule{place: d.here(where)}
		r.file, r.from = d.file, fmt.Sprintf("rule %d", i+1)
		var given bool
		r.selector, given = d.selector(&f, make(map[string]place), "a rule for every vault belongs into defaults")
		if !given && f.lacks("match") && f.lacks("matchExpressions") {
			d.sound = false
			d.problem(where, "add match, or put it into defaults", "a rule has no match")
		}
		d.sound = d.sound && !f.doubtful("set")
		if f.lacks("set") {
			d.problem(where, "add set: {hold: the reason}", "a rule sets nothing")
		}
		if set := f.get("set"); set != nil {
			r.fields, _ = d.mapping(set.value, set.at, setSchema)
			d.sound = d.sound && !r.fields.doubtful("labels")
			d.shared(&r.fields, &r.vault)
			if hold := r.fields.get("hold"); hold != nil {
				r.vault.Hold = d.hold(hold)
			}
			if labels := r.fields.get("labels"); labels != nil {
				r.vault.Labels = d.labels(labels)
			}
			r.calendar = d.calendar(&r.fields)
		}
		d.rules = append(d.rules, r)
	}
}

// unusedRules reports rules that match no vault: a hold with a slip in its
// label would hold nothing back.
func (d *decoder) unusedRules() {
	if !d.sound {
		return
	}
	for i := range d.rules {
		if !d.rules[i].used {
			d.problem(d.rules[i].place, "compare its match with the labels of the subscriptions and vaults, or remove it",
				"%s matches no vault", d.rules[i].from)
		}
	}
}

// lay makes a vault of its own values, the rules and the defaults. Its calendar
// is nil without one of its own.
func (d *decoder) lay(own *layer, s *plan.SubscriptionSpec) (fleet.Vault, *plan.Calendar) {
	// What rules match by: labels, location and type as they will be.
	v := d.defaults.vault
	seen := v
	own.onto(&seen)
	seen.SubscriptionID, seen.SubscriptionName = s.ID, s.Name
	layers := make([]*layer, 1, 4)
	layers[0] = &d.defaults
	for i := range d.rules {
		r := &d.rules[i]
		seen.Labels = join(own.vault.Labels, join(v.Labels, s.Labels))
		if !r.selector.Picks(&seen) {
			continue
		}
		r.used = true
		r.onto(&v)
		layers = append(layers, &r.layer)
	}
	own.onto(&v)
	layers = append(layers, own)
	d.complete(&v, layers, s)
	d.checkName(own, &v)
	d.note(layers)
	template := v.TargetResourceGroup
	d.expand(&v, layers, s)
	calendar := d.layCalendars(&v, layers, s)
	if d.explain {
		note := &d.vaults[len(d.vaults)-1]
		note.origins = d.originsOf(&v, template, layers, s)
	}
	return v, calendar
}

// checkName reports a name that no vault of its type can have.
func (d *decoder) checkName(own *layer, v *fleet.Vault) {
	if v.Name == "" || v.ResourceType == "" {
		return // reported
	}
	if impossible, _ := fleet.CheckVaultName(v.ResourceType, v.Name); impossible != "" {
		d.problem(own.of("name"), "copy the name from the portal, or from fleetup inventory discover", "a vault's name %s %s", quote(v.Name), impossible)
	}
}

// complete reports what neither the vault nor a rule nor the defaults give.
func (d *decoder) complete(v *fleet.Vault, layers []*layer, s *plan.SubscriptionSpec) {
	for _, key := range d.needed() {
		if slices.ContainsFunc(layers, func(l *layer) bool { return !l.fields.lacks(key) }) {
			continue
		}
		hint := fmt.Sprintf("add %s here, or to defaults for all", key)
		if key == "name" {
			hint = "add its name"
		}
		d.problem(layers[len(layers)-1].fields.at, hint, "%s has no %s", who(v, s), key)
	}
}

var consentSchema = &schema{what: "a consent", keys: []string{"code", "category", "contains", "reason"}}

// acceptWarnings reads consent to all warnings, or a list of consents.
func (d *decoder) acceptWarnings(e *entry) (all bool, list []fleet.Consent) {
	if e.value.Kind != yaml.SequenceNode {
		all, _ = d.boolean(e, "acceptWarnings")
		return all, nil
	}
	items, _ := d.items(e, "acceptWarnings")
	for _, n := range items {
		n, where := d.resolve(n)
		f, ok := d.mapping(n, where, consentSchema)
		if !ok {
			continue
		}
		var c fleet.Consent
		for _, x := range []struct {
			key   string
			field *string
		}{{"code", &c.Code}, {"category", &c.Category}, {"contains", &c.Contains}, {"reason", &c.Reason}} {
			if given := f.get(x.key); given != nil {
				*x.field, _ = d.line(given, x.key)
			}
		}
		if f.lacks("reason") {
			d.problem(where, "say why it is accepted", "a consent has no reason")
		}
		if f.lacks("code") && f.lacks("category") && f.lacks("contains") {
			d.problem(where, "add a code, a category, or a part that its message contains", "a consent does not say to which warnings")
		}
		list = append(list, c)
	}
	return false, list
}
