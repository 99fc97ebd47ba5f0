package inventory

import (
	"maps"
	"slices"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Provenance tells where the values of the vaults of a plan came from.
type Provenance struct {
	vaults []vaultNote
}

// Origin is where one value came from.
type Origin struct {
	Key      string `json:"key"` // as in the inventory; a label is labels.NAME, blackouts go with windows
	Value    string `json:"value"`
	From     string `json:"from"`               // "vault", "rule 2", "defaults" or "subscription"
	Template string `json:"template,omitempty"` // what Value was made of
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
}

// Of returns the origins of the vault at an index of the plan's vaults: of each
// key that was given, in a fixed order, labels last and by name.
func (p *Provenance) Of(vault int) []Origin { return p.vaults[vault].origins }

func (d *decoder) provenance() *Provenance {
	if !d.explain {
		return nil
	}
	return &Provenance{vaults: d.vaults}
}

// originsOf finds, for each value of a vault, the last of the layers that
// gives it.
func (d *decoder) originsOf(v *fleet.Vault, template string, layers []*layer, s *plan.SubscriptionSpec) []Origin {
	var out []Origin
	add := func(key, value, from string, where place) *Origin {
		out = append(out, Origin{Key: key, Value: value, From: from, File: where.file, Line: where.line,
			Column: where.column})
		return &out[len(out)-1]
	}
	for i := range vaultKeys {
		k := &vaultKeys[i]
		for _, l := range slices.Backward(layers) {
			if l.fields.get(k.name) == nil {
				continue
			}
			o := add(k.name, k.shown(v), l.from, l.of(k.name))
			if k.name == "targetResourceGroup" && isTemplate(template) {
				o.Template = template
			}
			break
		}
	}
	for _, l := range slices.Backward(layers) {
		if !l.hasCalendar() {
			continue
		}
		key := "windows"
		if l.fields.get(key) == nil {
			key = "blackouts"
		}
		add("windows", calendarText(l.calendar), l.from, l.of(key))
		break
	}
	labels := join(v.Labels, s.Labels)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		from, where := "subscription", d.subscriptions[d.vaults[len(d.vaults)-1].subscription].labels
		for _, l := range layers {
			if _, ok := l.vault.Labels[name]; ok {
				from, where = l.from, l.ofLabel(name)
			}
		}
		add("labels."+name, labels[name], from, where)
	}
	return out
}

// calendarText is a calendar as short as it can be told.
func calendarText(c *plan.Calendar) string {
	if c == nil {
		return ""
	}
	text := "at any hour"
	if n := len(c.Windows); n > 0 {
		text = words.Count(n, "window")
	}
	if n := len(c.Blackouts); n > 0 {
		text += ", " + words.Count(n, "blackout")
	}
	return text
}
