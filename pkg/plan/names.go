package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Names returns how each vault of the plan is called, in the plan's order:
// subscription/name, with /location, /resourceType or both where that leaves a
// doubt, or /resourceGroup of vaults that are in one, and the subscription's ID
// where two subscriptions share a name. Case and the spaces of a location do not
// tell two vaults apart.
func (p *Plan) Names() []string {
	names := make([]string, len(p.Vaults))
	first := make(map[string]int, len(p.Vaults))
	same := map[string][]int{} // of those that share one
	for i := range p.Vaults {
		names[i] = p.Vaults[i].Ref()
		k := strings.ToLower(names[i])
		switch one, shared := first[k]; {
		case !shared:
			first[k] = i
		case same[k] == nil:
			same[k] = []int{one, i}
		default:
			same[k] = append(same[k], i)
		}
	}
	for _, group := range same {
		tellApart(p, group, names)
	}
	return names
}

// tellApart renames vaults that share a short name.
func tellApart(p *Plan, group []int, names []string) {
	location := func(v *Vault) string { return fleet.NormalizeLocation(v.Location) }
	kind := func(v *Vault) string { return string(v.ResourceType) }
	prefix := func(v *Vault) string { return v.Ref() }
	if distinct(p, group, func(v *Vault) string { return v.SubscriptionID }) > 1 {
		prefix = func(v *Vault) string { return v.SubscriptionID + "/" + v.Name }
	}
	forms := []func(*Vault) string{
		prefix,
		func(v *Vault) string { return prefix(v) + "/" + cmp.Or(v.ResourceGroup, location(v)) },
		func(v *Vault) string { return prefix(v) + "/" + kind(v) },
		func(v *Vault) string { return prefix(v) + "/" + location(v) + "/" + kind(v) },
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
func distinct(p *Plan, group []int, of func(*Vault) string) int {
	seen := map[string]bool{}
	for _, i := range group {
		seen[strings.ToLower(of(&p.Vaults[i]))] = true
	}
	return len(seen)
}

// NameError says that a name is of no vault of a plan, or of more than one.
type NameError struct {
	Name    string
	Choices []string // the vaults that it may be of, by their whole names; none: there is no such vault
	Near    []string // then those that were probably meant, by their whole names
}

func (e *NameError) Error() string {
	if len(e.Choices) > 0 {
		return fmt.Sprintf("%q may be %s", e.Name, strings.Join(e.Choices, " or "))
	}
	if len(e.Near) > 0 {
		return fmt.Sprintf("there is no vault %q; do you mean %s?", e.Name, strings.Join(e.Near, " or "))
	}
	return fmt.Sprintf("there is no vault %q; a vault is named subscription/name", e.Name)
}

// Find returns the index of the vault that a person names: by subscription/name,
// the subscription by its ID or its name, with /location or /resourceType, or of a
// vault that is in one /resourceGroup, where that is ambiguous; or by its ID in the
// Resource Manager. The error is a *NameError.
func (p *Plan) Find(name string) (int, error) {
	var hits []int
	parts := strings.Split(name, "/")
	for i := range p.Vaults {
		v := &p.Vaults[i].Vault
		if fleet.SameName(name, v.ResourceID()) {
			return i, nil
		}
		if len(parts) < 2 || !strings.EqualFold(parts[1], v.Name) ||
			!strings.EqualFold(parts[0], v.SubscriptionName) && !strings.EqualFold(parts[0], v.SubscriptionID) {
			continue
		}
		narrowed := true
		for _, part := range parts[2:] {
			if v.ResourceGroup != "" {
				narrowed = narrowed && fleet.SameName(part, v.ResourceGroup)
			} else if !strings.EqualFold(part, string(v.ResourceType)) &&
				fleet.NormalizeLocation(part) != fleet.NormalizeLocation(v.Location) {
				narrowed = false
			}
		}
		if narrowed {
			hits = append(hits, i)
		}
	}
	if len(hits) == 1 {
		return hits[0], nil
	}
	e, names := &NameError{Name: name}, p.Names()
	for _, i := range hits {
		e.Choices = append(e.Choices, names[i])
	}
	if len(hits) == 0 {
		e.Near = p.near(name, names)
	}
	return 0, e
}

// maxNear is how many vaults a mistaken name may be meant for: more say nothing.
const maxNear = 3

// near lists the vaults that a mistaken name was probably meant for: those with that
// name of their own, in whichever subscription, or else the one that is spelt most alike.
func (p *Plan) near(name string, names []string) (near []string) {
	own := name[strings.LastIndex(name, "/")+1:]
	for i := range p.Vaults {
		if strings.EqualFold(p.Vaults[i].Name, own) {
			near = append(near, names[i])
		}
	}
	if len(near) > 0 && len(near) <= maxNear {
		return near
	}
	if n := words.Likeliest(name, names); n != "" && len(near) == 0 {
		return []string{n}
	}
	return nil
}

// Pick lists the vaults that a selector picks, in the plan's order; nil picks all.
// It is a mistake, a *fleet.Refusal, if there is none. text is the selector as it
// was written.
func (p *Plan) Pick(s *Selector, text string) ([]int, error) {
	var picked []int
	keys := map[string]bool{}
	for i := range p.Vaults {
		if s == nil || s.Picks(&p.Vaults[i].Vault) {
			picked = append(picked, i)
		}
		for k := range p.Vaults[i].Labels {
			keys[k] = true
		}
	}
	if len(picked) > 0 || s == nil {
		return picked, nil
	}
	labels := append(BuiltInKeys(), slices.Sorted(maps.Keys(keys))...)
	return nil, fleet.Refuse(fleet.Advice{Text: "correct the selector; valid keys: " + strings.Join(labels, ", ")},
		"--selector %q matches no vault (of %d)", text, len(p.Vaults))
}
