package inventory

import (
	"cmp"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// ReadTable reads a table of vaults, of the same columns as an included one,
// into f. The subscriptions that f has already are those that the table may
// call by their names; they are in it afterwards where they have a vault. A
// location and a type must be in the table. All mistakes come together, as
// *Problems.
func ReadTable(name string, data []byte, f *Found) error {
	d := &decoder{reader: newReader(name), sound: true, unfinished: true}
	d.in.Inventory, d.in.Now, d.in.Kind, d.in.Cloud = name, f.At, fleet.KindClassic, f.Cloud
	// A vault without a target group gets it when the inventory is written.
	d.defaults.fields.entries = []entry{{name: "targetResourceGroup"}}
	top := place{line: 1, column: 1, file: name}
	tenants := map[string]string{}
	for _, s := range f.Subscriptions {
		called := cmp.Or(s.Name, s.ID)
		tenants[s.ID] = s.Tenant
		d.in.Subscriptions = append(d.in.Subscriptions, plan.SubscriptionSpec{Subscription: fleet.Subscription{ID: s.ID, Name: called}})
		d.subscriptions = append(d.subscriptions, subscriptionPlaces{start: top, id: top, name: top, labels: top})
	}
	d.tablePart(data)
	slices.SortStableFunc(d.vaults, func(a, b vaultNote) int { return a.subscription - b.subscription })
	_, issues := plan.Build(d.in)
	d.report(slices.DeleteFunc(issues, func(i plan.Issue) bool {
		return i.Code != plan.IssueDuplicate && i.Code != plan.IssueSameTarget
	}))
	if err := d.failed(); err != nil {
		return err
	}
	f.Subscriptions = nil
	for _, s := range d.in.Subscriptions {
		if len(s.Vaults) == 0 {
			continue
		}
		found := FoundSubscription{ID: s.ID, Name: s.Name, Tenant: tenants[s.ID]}
		if found.Name == found.ID {
			found.Name = ""
		}
		for _, v := range s.Vaults {
			found.Vaults = append(found.Vaults, FoundVault{Vault: v})
		}
		f.Subscriptions = append(f.Subscriptions, found)
	}
	return nil
}
