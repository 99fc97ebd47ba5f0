package report

import (
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Names returns how each vault of the plan is called, in the plan's order:
// subscription/name, with /location, /resourceType or both where that leaves a
// doubt, or /resourceGroup of vaults that are in one, and the subscription's ID
// where two subscriptions share a name. Case and the spaces of a location do not
// tell two vaults apart.
func Names(p *plan.Plan) []string {
	names := make([]string, len(p.Vaults))
	same := make(map[string][]int, len(p.Vaults))
	for i := range p.Vaults {
		names[i] = p.Vaults[i].Ref()
		k := strings.ToLower(names[i])
		same[k] = append(same[k], i)
	}
	for _, group := range same {
		if len(group) > 1 {
			tellApart(p, group, names)
		}
	}
	return names
}

// tellApart renames vaults that share a short name.
func tellApart(p *plan.Plan, group []int, names []string) {
	location := func(v *plan.Vault) string { return fleet.NormalizeLocation(v.Location) }
	kind := func(v *plan.Vault) string { return string(v.ResourceType) }
	prefix := func(v *plan.Vault) string { return v.Ref() }
	if distinct(p, group, func(v *plan.Vault) string { return v.SubscriptionID }) > 1 {
		prefix = func(v *plan.Vault) string { return v.SubscriptionID + "/" + v.Name }
	}
	forms := []func(*plan.Vault) string{
		prefix,
		func(v *plan.Vault) string { return prefix(v) + "/" + or(v.ResourceGroup, location(v)) },
		func(v *plan.Vault) string { return prefix(v) + "/" + kind(v) },
		func(v *plan.Vault) string { return prefix(v) + "/" + location(v) + "/" + kind(v) },
	}
	for n, form := range forms {
		if n < len(forms)-1 && distinct(p, group, form) < len(group) {
			continue
		}
		for _, i := range group {
			names[i] = form(&p.Vaults[i])
		}
		return
	}
}

// distinct counts the different values a property has in a group of vaults.
func distinct(p *plan.Plan, group []int, of func(*plan.Vault) string) int {
	seen := map[string]bool{}
	for _, i := range group {
		seen[strings.ToLower(of(&p.Vaults[i]))] = true
	}
	return len(seen)
}

// namedVaults is how many vaults are called by their names where a list would
// be too long; so many more than one of these is a list.
const namedVaults = 3

// listed is a list of names that stand for so many.
func listed(names []string, all int) string {
	s := strings.Join(names, ", ")
	if rest := all - len(names); rest > 0 {
		s += " and " + number(rest) + " more"
	}
	return s
}

// some calls n vaults by their names while they are few, and the first few of
// many.
func some(n int, name func(i int) string) string {
	shown := n
	if n > namedVaults+1 { // one left out would take no less room
		shown = namedVaults
	}
	names := make([]string, shown)
	for i := range names {
		names[i] = name(i)
	}
	return listed(names, n)
}

// someOf calls vaults by their names, the first few of many.
func someOf(names []string, vaults []int) string {
	return some(len(vaults), func(i int) string { return names[vaults[i]] })
}

// selected are the vaults, as indexes into the plan's, that keep keeps.
func selected(st *rollout.State, keep func(i int) bool) (out []int) {
	for i := range st.Vaults {
		if keep(i) {
			out = append(out, i)
		}
	}
	return out
}

// waveVaults are the vaults of a wave whose status keep keeps.
func waveVaults(st *rollout.State, wave string, keep func(fleet.Status) bool) []int {
	w := slices.IndexFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == wave })
	return selected(st, func(i int) bool { return st.Plan.Vaults[i].Wave == w && keep(st.Vaults[i].Status) })
}

// waveTally counts the vaults of a wave by status, and names those that did not
// go well.
func waveTally(st *rollout.State, names []string, wave string) string {
	var parts []string
	for _, s := range fleet.Statuses() {
		in := waveVaults(st, wave, func(of fleet.Status) bool { return of == s })
		if len(in) == 0 {
			continue
		}
		part := number(len(in)) + " " + StatusWord(s)
		switch s {
		case fleet.Failed, fleet.Unknown, fleet.Blocked:
			part += " (" + someOf(names, in) + ")"
		}
		parts = append(parts, part)
	}
	return or(strings.Join(parts, dot), "none")
}
