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
	where := l.fields.of(key)
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
	for i := range vaultKeys {
		if k := &vaultKeys[i]; l.fields.get(k.name) != nil {
			k.lay(v, &l.vault)
		}
	}
	v.Labels = join(l.vault.Labels, v.Labels)
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

var ruleForm = newForm("a rule", "", append(selectorKeys[rule](),
	byHand[rule]("set", func(k kinds) object { return about("what it sets", setForm.told(k)) }))...)

// What a rule may set leaves out what it may match by, but for labels: those
// of one rule count in the rules after it.
var setForm = newForm("set", "",
	of("targetResourceGroup", "the resource group of the new vault, or a template"),
	of("createResourceGroup", "let the upgrade make the target group"),
	of("acceptWarnings"), of("hold"), labelsKey("labels, which count in the rules after it"),
	byHand[fleet.Vault]("windows", windowsOf("windows in place of the wave's")),
	byHand[fleet.Vault]("blackouts", blackoutsOf("blackouts in place of the wave's")),
)

func (d *decoder) readRules(e *entry) {
	list, ok := d.items(e, "rules")
	d.sound = d.sound && ok
	for i, n := range list {
		n, where := d.resolve(n)
		r := rule{place: d.here(where)}
		f, ok := ruleForm.mapping(d, n, where, &r)
		if !ok {
			d.sound = false
			continue
		}
		r.file, r.from = d.file, fmt.Sprintf("rule %d", i+1)
		var given bool
		r.selector, given = d.selector(&f, "a rule for every vault belongs into defaults")
		if !given && f.lacks("match") && f.lacks("matchExpressions") {
			d.sound = false
			d.problem(where, "add match, or put it into defaults", "a rule has no match")
		}
		d.sound = d.sound && !f.doubtful("set")
		if f.lacks("set") {
			d.problem(where, "add set: {hold: the reason}", "a rule sets nothing")
		}
		if set := f.get("set"); set != nil {
			r.fields, _ = setForm.mapping(d, set.value, set.at, &r.vault)
			d.sound = d.sound && !r.fields.doubtful("labels")
			d.groupKeys(&r.fields)
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
			d.problem(d.rules[i].place,
				"compare its match with the labels of the subscriptions and vaults, or remove it",
				"%s matches no vault", d.rules[i].from)
		}
	}
}

// lay lays the rules and its own values over a vault that has the defaults. The calendar
// is nil without one of its own.
func (d *decoder) lay(v *fleet.Vault, own *layer, s *plan.SubscriptionSpec) *plan.Calendar {
	layers := append(d.layers[:0], &d.defaults)
	for _, r := range d.matching(v, own, s) {
		layers = append(layers, &r.layer)
	}
	own.onto(v)
	layers = append(layers, own)
	d.layers = layers
	d.complete(v, layers, s)
	d.checkName(own, v)
	d.note(layers)
	template := v.TargetResourceGroup
	d.expand(v, layers, s)
	calendar := d.layCalendars(v, layers, s)
	if d.explain {
		note := &d.vaults[len(d.vaults)-1]
		note.origins = d.originsOf(v, template, layers, s)
	}
	return calendar
}

// matching lays the rules that match over a vault that has the defaults, and lists them.
func (d *decoder) matching(v *fleet.Vault, own *layer, s *plan.SubscriptionSpec) (rules []*rule) {
	if len(d.rules) == 0 {
		return nil
	}
	// What rules match by: labels, location and type as they will be.
	seen := *v
	own.onto(&seen)
	seen.SubscriptionID, seen.SubscriptionName = s.ID, s.Name
	for i := range d.rules {
		r := &d.rules[i]
		seen.Labels = join(own.vault.Labels, join(v.Labels, s.Labels))
		if !r.selector.Picks(&seen) {
			continue
		}
		r.used = true
		r.onto(v)
		rules = append(rules, r)
	}
	return rules
}

// checkName reports a name that no vault of its type can have.
func (d *decoder) checkName(own *layer, v *fleet.Vault) {
	if v.Name == "" || v.ResourceType == "" {
		return // reported
	}
	if impossible, _ := fleet.CheckVaultName(v.ResourceType, v.Name); impossible != "" {
		d.problem(own.of("name"), "copy the name from the portal, or from fleetup inventory discover",
			"a vault's name %s %s", quote(v.Name), impossible)
	}
}

// complete notes what neither the vault nor a rule nor the defaults give.
func (d *decoder) complete(v *fleet.Vault, layers []*layer, s *plan.SubscriptionSpec) {
	for _, key := range d.needed() {
		if slices.ContainsFunc(layers, func(l *layer) bool { return !l.fields.lacks(key) }) {
			continue
		}
		d.lacks(key, v, s, layers[len(layers)-1].fields.at)
	}
}

var consentForm = newForm("a consent", "",
	lineKey("code", "the warning's code", func(c *fleet.Consent) *string { return &c.Code }),
	lineKey("category", "the warning's category", func(c *fleet.Consent) *string { return &c.Category }),
	lineKey("contains", "a part of the warning's message", func(c *fleet.Consent) *string { return &c.Contains }),
	lineKey("reason", "why it is accepted", func(c *fleet.Consent) *string { return &c.Reason }),
)

func toldOfConsents(k kinds) object {
	return either2("consent to prerequisite warnings: to all, or to some with a reason", object{"type": "boolean"},
		list("the consents", consentForm.told(k, "reason")))
}

// acceptWarnings reads consent to all warnings, or a list of consents.
func (d *decoder) acceptWarnings(e *entry) (all bool, list []fleet.Consent) {
	if e.value.Kind != yaml.SequenceNode {
		all, _ = d.boolean(e, "acceptWarnings")
		return all, nil
	}
	items, _ := d.items(e, "acceptWarnings")
	for _, n := range items {
		n, where := d.resolve(n)
		var c fleet.Consent
		f, ok := consentForm.mapping(d, n, where, &c)
		if !ok {
			continue
		}
		d.all(&f, consentForm.what, []string{"reason"}, "say why it is accepted")
		if f.lacks("code") && f.lacks("category") && f.lacks("contains") {
			d.problem(where, "add a code, a category, or a part that its message contains",
				"a consent does not say to which warnings")
		}
		list = append(list, c)
	}
	return false, list
}
