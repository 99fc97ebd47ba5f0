package inventory

import (
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// What is wrong with many vaults for one reason is told once.

// eachNamed is how many vaults with the same mistake are named, each with its place.
const eachNamed = 5

// firstOf names the first of some vaults and counts the others.
func firstOf(names []string, all int) string {
	list := strings.Join(names[:min(len(names), eachNamed)], ", ")
	if n := all - eachNamed; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	return list
}

// missing are the vaults that nothing gives a value which each must have.
type missing struct {
	names []string // of the first ones
	at    []place
	all   int
}

// lacks notes that a vault has no value for a key.
func (d *decoder) lacks(key string, v *fleet.Vault, s *plan.SubscriptionSpec, at place) {
	m := d.missing[key]
	if m == nil {
		if d.missing == nil {
			d.missing = map[string]*missing{}
		}
		m = &missing{}
		d.missing[key] = m
	}
	if m.all++; len(m.at) < eachNamed {
		m.names, m.at = append(m.names, who(v, s)), append(m.at, d.here(at))
	}
}

// reportMissing tells what vaults lack: few of them each at its place, many at the
// first one's.
func (d *decoder) reportMissing() {
	for _, key := range d.needed() {
		m := d.missing[key]
		if m == nil {
			continue
		}
		hint, all := fmt.Sprintf("add %s here, or to defaults for all", key),
			fmt.Sprintf("add %s to defaults, or to each", key)
		if key == "name" {
			hint, all = "add its name", "add their names"
		}
		if m.all > eachNamed {
			for i := range m.names {
				m.names[i] += " at " + d.ref(m.at[i])
			}
			d.problem(m.at[0], all, "%d vaults have no %s: %s", m.all, key, firstOf(m.names, m.all))
			continue
		}
		for i, name := range m.names {
			d.problem(m.at[i], hint, "%s has no %s", name, key)
		}
	}
}

// unfilled is a template that cannot be filled in for some vaults.
type unfilled struct {
	template string
	vaults   []string // as people call them
	own      place    // of the first
	why      string   // of the first
	hint     string
}

// reportUnfilled tells one mistake in a template once, where it stands.
func (d *decoder) reportUnfilled() {
	for _, at := range d.unfilledOrder {
		u := d.unfilled[at]
		if len(u.vaults) == 1 {
			d.problem(u.own, u.hint, "%s: targetResourceGroup %s (%s) cannot be filled in: %s", u.vaults[0],
				quote(u.template), d.ref(at.place), u.why)
			continue
		}
		d.problem(at.place, u.hint, "targetResourceGroup %s cannot be filled in for %d vaults (%s): %s",
			quote(u.template), len(u.vaults), firstOf(u.vaults, len(u.vaults)), u.why)
	}
}

// templateMistake tells one mistake in a template from another.
type templateMistake struct {
	place
	label string // that vaults lack; "": the result is no name
}
