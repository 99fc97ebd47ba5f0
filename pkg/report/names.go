package report

import (
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
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
