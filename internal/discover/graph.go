package discover

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/graph"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// survey is a reading of today's vaults from Resource Graph.
type survey struct {
	*Request
	sub  map[string]int // subscriptions by their IDs
	errs []error        // of the subscriptions
}

func (r *Request) readGraph(ctx context.Context) ([]error, error) {
	if r.Query != "" {
		var err error
		if r.filter, err = graph.ParseFilter(r.Query); err != nil {
			return nil, failure.Usage("a condition will do: --query \"tags.env =~ 'prod'\"", "--query: %w", err)
		}
	}
	rm, err := azure.NewResourceManager(r.Azure)
	if err != nil {
		return nil, err
	}
	defer rm.Close()
	s := &survey{Request: r, sub: map[string]int{}}
	if err := s.read(ctx, rm); err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, unreadableGroups(err)
	}
	s.name()
	r.Found.Source = "Resource Graph of " + cloudName(r.Found.Cloud.Name, r.Found.Cloud.ResourceManager)
	if len(r.Groups) > 0 {
		r.Found.Source += ", management group " + strings.Join(r.Groups, ", ")
	}
	if r.Query != "" {
		r.Found.Source += ", only those with " + r.Query
	}
	return s.errs, nil
}

// read asks tenant by tenant.
func (s *survey) read(ctx context.Context, rm *azure.APIClients) error {
	if len(s.Groups) > 0 {
		return s.readGroups(ctx, rm)
	}
	f := s.Found
	s.errs = make([]error, len(f.Subscriptions))
	tenants := map[string][]string{}
	var order []string
	for i := range f.Subscriptions {
		x := &f.Subscriptions[i]
		s.sub[x.ID] = i
		if tenants[x.Tenant] == nil {
			order = append(order, x.Tenant)
		}
		tenants[x.Tenant] = append(tenants[x.Tenant], x.ID)
	}
	for _, tenant := range order {
		client, err := graph.New(graph.Options{ResourceManager: rm, Tenant: tenant})
		if err != nil {
			return err
		}
		ids := tenants[tenant]
		seen := map[string]bool{}
		err = client.Subscriptions(ctx, graph.Scope{Subscriptions: ids},
			func(r graph.Resource) { seen[s.seen(r)] = true })
		if err == nil && len(seen) > 0 {
			err = s.vaults(ctx, client, slices.Collect(maps.Keys(seen)))
		}
		for _, id := range ids {
			x := &f.Subscriptions[s.sub[id]]
			switch {
			case err != nil:
				s.errs[s.sub[id]] = err
			case !seen[id]:
				s.errs[s.sub[id]] = &fleet.CallError{Op: "look for it in Resource Graph", Class: fleet.CallForbidden,
					Message: "it is not among the subscriptions that this identity sees"}
			default:
				continue
			}
			x.Vaults, x.Unread = nil, s.errs[s.sub[id]].Error()
		}
	}
	return nil
}

// readGroups finds the subscriptions of the management groups, and their vaults.
// Subscriptions without any are left out, unless the inventory has them. A group is of one
// tenant, which is signed in to for it.
func (s *survey) readGroups(ctx context.Context, rm *azure.APIClients) error {
	f := s.Found
	f.Subscriptions = nil
	groups := map[string][]string{}
	var order []string
	for _, g := range s.Groups {
		tenant, group, other := strings.Cut(g, "/")
		if !other {
			tenant, group = s.Tenant, g
		}
		if groups[tenant] == nil {
			order = append(order, tenant)
		}
		groups[tenant] = append(groups[tenant], group)
	}
	for _, tenant := range order {
		client, err := graph.New(graph.Options{ResourceManager: rm, Tenant: tenant})
		if err == nil {
			err = s.readTenant(ctx, client, tenant, groups[tenant])
		}
		if err != nil && tenant != "" {
			err = fmt.Errorf("tenant %s: %w", tenant, err)
		}
		if err != nil {
			return err
		}
	}
	f.Subscriptions = slices.DeleteFunc(f.Subscriptions,
		func(x inventory.FoundSubscription) bool { return len(x.Vaults) == 0 && !s.Listed[x.ID] })
	slices.SortFunc(f.Subscriptions, func(a, b inventory.FoundSubscription) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Called), strings.ToLower(b.Called)),
			strings.Compare(a.ID, b.ID))
	})
	s.errs = nil
	return nil
}

// readTenant finds the subscriptions of a tenant's management groups, and their vaults. One
// that another tenant has shown already, as a delegated one may be, is that tenant's.
func (s *survey) readTenant(ctx context.Context, client *graph.Client, tenant string, groups []string) error {
	f := s.Found
	var seen []string
	found := false
	err := client.Subscriptions(ctx, graph.Scope{ManagementGroups: groups}, func(r graph.Resource) {
		found = true
		if _, known := s.sub[r.SubscriptionID]; known {
			return
		}
		s.sub[r.SubscriptionID] = len(f.Subscriptions)
		f.Subscriptions = append(f.Subscriptions, inventory.FoundSubscription{ID: r.SubscriptionID, Tenant: tenant})
		seen = append(seen, s.seen(r))
	})
	switch {
	case err != nil:
		return err
	case !found:
		return &fleet.CallError{Op: "look for subscriptions in management group " + strings.Join(groups, ", "),
			Class:   fleet.CallForbidden,
			Message: "there is none, or none that this identity sees"}
	case len(seen) == 0:
		return nil
	}
	return s.vaults(ctx, client, seen)
}

// seen takes over what is known of a subscription, and returns its ID.
func (s *survey) seen(r graph.Resource) string {
	x := &s.Found.Subscriptions[s.sub[r.SubscriptionID]]
	x.Called, x.Labels = r.Name, s.pick(r.Tags)
	return r.SubscriptionID
}

// vaults reads the vaults of some subscriptions. With a filter an update asks
// without it too: what the filter leaves out is not gone.
func (s *survey) vaults(ctx context.Context, client *graph.Client, ids []string) error {
	kind := s.Found.Kind
	of := func(r graph.Resource) (*inventory.FoundSubscription, fleet.Vault) {
		return &s.Found.Subscriptions[s.sub[r.SubscriptionID]],
			fleet.Vault{Name: r.Name, Location: r.Location, ResourceType: kind.Type, ResourceGroup: r.ResourceGroup}
	}
	asked := map[string]bool{}
	filtered := s.Listed != nil && !s.filter.Empty()
	err := client.Vaults(ctx, graph.Scope{Subscriptions: ids}, graph.VaultQuery(s.filter, string(kind.Type)),
		func(r graph.Resource) {
			x, v := of(r)
			v.Labels = s.pick(r.Tags)
			x.Vaults = append(x.Vaults, inventory.FoundVault{Vault: v})
			if filtered {
				asked[strings.ToLower(r.ID)] = true
			}
		})
	if err != nil || !filtered {
		return err
	}
	return client.Vaults(ctx, graph.Scope{Subscriptions: ids}, graph.VaultQuery(graph.Filter{}, string(kind.Type)),
		func(r graph.Resource) {
			if x, v := of(r); !asked[strings.ToLower(r.ID)] {
				x.Others = append(x.Others, v)
			}
		})
}

// pick returns the tags that become labels. Capitals do not tell tags apart.
func (s *survey) pick(tags map[string]string) map[string]string {
	if len(s.Labels) == 0 {
		return tags
	}
	var out map[string]string
	for name, value := range tags {
		i := slices.IndexFunc(s.Labels, func(l string) bool { return strings.EqualFold(l, name) })
		if i < 0 {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[s.Labels[i]] = value
	}
	return out
}

// name gives a label one spelling in the whole fleet, that which is commonest:
// waves tell capitals apart, and Azure's tags do not.
func (s *survey) name() {
	count := map[string]map[string]int{}
	each := func(visit func(labels map[string]string)) {
		for i := range s.Found.Subscriptions {
			x := &s.Found.Subscriptions[i]
			visit(x.Labels)
			for j := range x.Vaults {
				visit(x.Vaults[j].Labels)
			}
		}
	}
	each(func(labels map[string]string) {
		for name := range labels {
			lower := strings.ToLower(name)
			if count[lower] == nil {
				count[lower] = map[string]int{}
			}
			count[lower][name]++
		}
	})
	spelt := map[string]string{}
	for lower, names := range count {
		for name, n := range names {
			if best := spelt[lower]; best == "" || n > names[best] || n == names[best] && name < best {
				spelt[lower] = name
			}
		}
	}
	each(func(labels map[string]string) {
		for name, value := range labels {
			if best := spelt[strings.ToLower(name)]; best != name {
				delete(labels, name)
				labels[best] = value
			}
		}
	})
}

// unreadableGroups is the failure of a survey that knows no subscriptions yet.
func unreadableGroups(err error) error {
	switch fleet.ClassOf(err) {
	case fleet.CallDenied, fleet.CallForbidden:
		return failure.New(fleet.ExitSignIn, fmt.Errorf("%w\nnothing was written", err),
			"sign in as somebody with the Reader role on the management groups")
	case fleet.CallThrottled:
		return failure.New(fleet.ExitInternal, fmt.Errorf("%w\nnothing was written", err),
			"try again in "+lexicon.Span(fleet.RetryAfterOf(err).Round(time.Second)))
	}
	return failure.New(fleet.ExitInternal, fmt.Errorf("%w\nnothing was written", err),
		"try again; --log-level debug shows every request")
}
