package inventory

import (
	"fmt"
	"slices"
	"strconv"

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
		out = append(out, Origin{Key: key, Value: value, From: from, File: where.file, Line: where.line, Column: where.column})
		return &out[len(out)-1]
	}
	for _, key := range []string{"name", "location", "resourceType", "resourceGroup", "targetResourceGroup", "createResourceGroup",
		"acceptWarnings", "protectedItems", "hold"} {
		for _, l := range slices.Backward(layers) {
			if l.fields.get(key) == nil {
				continue
			}
			o := add(key, shown(v, key), l.from, l.of(key))
			if key == "targetResourceGroup" && isTemplate(template) {
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
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
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
	count := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	text := "at any hour"
	if n := len(c.Windows); n > 0 {
		text = count(n, "window")
	}
	if n := len(c.Blackouts); n > 0 {
		text += ", " + count(n, "blackout")
	}
	return text
}

// shown is a value of a vault as people read it.
func shown(v *fleet.Vault, key string) string {
	switch key {
	case "name":
		return v.Name
	case "location":
		return v.Location
	case "resourceType":
		return string(v.ResourceType)
	case "resourceGroup":
		return v.ResourceGroup
	case "targetResourceGroup":
		return v.TargetResourceGroup
	case "createResourceGroup":
		return strconv.FormatBool(v.CreateResourceGroup)
	case "acceptWarnings":
		if len(v.Consents) > 0 {
			return words.Count(len(v.Consents), "consent")
		}
		return strconv.FormatBool(v.AcceptWarnings)
	case "protectedItems":
		return strconv.Itoa(v.ProtectedItems)
	}
	if v.Hold == nil {
		return ""
	}
	return v.Hold.Reason
}
