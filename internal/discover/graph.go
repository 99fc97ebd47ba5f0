package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/graph"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// ofToday are the flags that only a discovery of today's vaults has, and
// ofClassic those that it has not.
var (
	ofToday   = []string{"management-group", "query", "label"}
	ofClassic = []string{"target-resource-group", "requests-per-second", "at-once"}
)

// discoverable are the kinds that --kind may name: those that undo others take
// their vaults from a run.
func discoverable() []string {
	names := []string{string(fleet.KindClassic)}
	for _, k := range today() {
		if _, undoes := k.Kind.Undoes(); !undoes {
			names = append(names, string(k.Kind))
		}
	}
	return names
}

// discoveredKind is the kind that --kind names, nil for the classic one.
func discoveredKind(c *cli.Context) (*fleet.KindSpec, error) {
	name := c.String("kind")
	switch names := discoverable(); {
	case name == "" || name == string(fleet.KindClassic):
		return nil, nil
	case name == string(fleet.KindRollback):
		return nil, failure.Usage("copy the inventory of that run, and write upgrade: {kind: rollback, of: …}",
			"--kind rollback: the vaults of a rollback are those of the run that it undoes, and are not discovered")
	case !slices.Contains(names, name):
		return nil, failure.Usage("", "invalid value %q for --kind; valid: %s", name, strings.Join(names, ", "))
	}
	k, err := kindOf(fleet.Kind(name))
	if err != nil {
		return nil, err
	}
	return &k.KindSpec, nil
}

// checkDiscoverFlags refuses flags that mean nothing to the kind.
func checkDiscoverFlags(c *cli.Context, kind *fleet.KindSpec) error {
	wrong, why := ofToday, "needs a kind of today's vaults: the classic listing is read subscription by subscription, as it is"
	if kind != nil {
		wrong, why = ofClassic, "has no meaning for kind "+string(kind.Kind)+": its vaults are read from Resource Graph, and stay where they are"
	}
	for _, name := range wrong {
		if c.IsSet(name) {
			return failure.Usage("leave it out, or choose another --kind", "--%s %s", name, why)
		}
	}
	if len(c.StringSlice("management-group")) > 0 && (c.IsSet("subscription") || c.IsSet("subscriptions-from")) {
		return failure.Usage("give one of the two", "vaults are looked for in subscriptions or in management groups: --subscription and --management-group are mutually exclusive")
	}
	return nil
}

// survey is a reading of today's vaults from Resource Graph.
type survey struct {
	found  *inventory.Found
	filter graph.Filter
	groups []string // management groups; none: the found subscriptions
	labels []string // tags that become labels; none: all do
	listed map[string]bool
	update bool

	sub  map[string]int // subscriptions by their IDs
	errs []error        // of the subscriptions
}

// readToday reads the vaults of every subscription from Resource Graph and
// returns how many subscriptions could not be read, where that is no error.
// listed are the subscriptions of the inventory that is to be updated.
func (e *environment) readToday(c *cli.Context, f *inventory.Found, listed map[string]bool) (unread int, err error) {
	s := &survey{found: f, groups: c.StringSlice("management-group"), labels: c.StringSlice("label"), listed: listed, update: listed != nil, sub: map[string]int{}}
	if text := c.String("query"); text != "" {
		if s.filter, err = graph.ParseFilter(text); err != nil {
			return 0, failure.Usage("a condition will do: --query \"tags.env =~ 'prod'\"", "--query: %w", err)
		}
	}
	rm, err := azure.NewResourceManager(azure.Options{Cloud: f.Cloud, Credentials: f.Credentials, Version: versionString(), Log: azure.LogRequests(logOf(c))})
	if err != nil {
		return 0, err
	}
	defer rm.Close()
	ctx, stop := e.untilInterrupted()
	defer stop()
	err = s.read(ctx, rm, c.String("tenant"))
	if ctx.Err() != nil {
		return 0, failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was written"), "the same command again begins anew")
	}
	if err != nil {
		return 0, unreadableGroups(err)
	}
	s.name()
	f.Source = "Resource Graph of " + cloudName(f.Cloud.Name, f.Cloud.ResourceManager)
	if len(s.groups) > 0 {
		f.Source += ", management group " + strings.Join(s.groups, ", ")
	}
	if text := c.String("query"); text != "" {
		f.Source += ", only those with " + text
	}
	return e.unreadable(f, s.errs, c.Bool("skip-unreadable"))
}

// read asks tenant by tenant.
func (s *survey) read(ctx context.Context, rm *azure.Side, tenant string) error {
	if len(s.groups) > 0 {
		client, err := graph.New(graph.Options{ResourceManager: rm, Tenant: tenant})
		if err != nil {
			return err
		}
		return s.readGroups(ctx, client, tenant)
	}
	f := s.found
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
		err = client.Subscriptions(ctx, graph.Scope{Subscriptions: ids}, func(r graph.Resource) { seen[s.seen(r)] = true })
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
// Subscriptions without any are left out, unless the inventory has them.
func (s *survey) readGroups(ctx context.Context, client *graph.Client, tenant string) error {
	f := s.found
	f.Subscriptions = nil
	var seen []string
	err := client.Subscriptions(ctx, graph.Scope{ManagementGroups: s.groups}, func(r graph.Resource) {
		s.sub[r.SubscriptionID] = len(f.Subscriptions)
		f.Subscriptions = append(f.Subscriptions, inventory.FoundSubscription{ID: r.SubscriptionID, Tenant: tenant})
		seen = append(seen, s.seen(r))
	})
	if err == nil && len(seen) == 0 {
		err = &fleet.CallError{Op: "look for subscriptions in management group " + strings.Join(s.groups, ", "), Class: fleet.CallForbidden,
			Message: "there is none, or none that this identity sees"}
	}
	if err != nil {
		return err
	}
	if err := s.vaults(ctx, client, seen); err != nil {
		return err
	}
	f.Subscriptions = slices.DeleteFunc(f.Subscriptions, func(x inventory.FoundSubscription) bool { return len(x.Vaults) == 0 && !s.listed[x.ID] })
	slices.SortFunc(f.Subscriptions, func(a, b inventory.FoundSubscription) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Called), strings.ToLower(b.Called)), strings.Compare(a.ID, b.ID))
	})
	s.errs = nil
	return nil
}

// seen takes over what is known of a subscription, and returns its ID.
func (s *survey) seen(r graph.Resource) string {
	x := &s.found.Subscriptions[s.sub[r.SubscriptionID]]
	x.Called, x.Labels = r.Name, s.pick(r.Tags)
	return r.SubscriptionID
}

// vaults reads the vaults of some subscriptions. With a filter an update asks
// without it too: what the filter leaves out is not gone.
func (s *survey) vaults(ctx context.Context, client *graph.Client, ids []string) error {
	kind := s.found.Kind
	of := func(r graph.Resource) (*inventory.FoundSubscription, fleet.Vault) {
		return &s.found.Subscriptions[s.sub[r.SubscriptionID]], fleet.Vault{Name: r.Name, Location: r.Location, ResourceType: kind.Type, ResourceGroup: r.ResourceGroup}
	}
	asked := map[string]bool{}
	filtered := s.update && !s.filter.Empty()
	err := client.Vaults(ctx, graph.Scope{Subscriptions: ids}, graph.VaultQuery(s.filter, string(kind.Type)), func(r graph.Resource) {
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
	return client.Vaults(ctx, graph.Scope{Subscriptions: ids}, graph.VaultQuery(graph.Filter{}, string(kind.Type)), func(r graph.Resource) {
		if x, v := of(r); !asked[strings.ToLower(r.ID)] {
			x.Others = append(x.Others, v)
		}
	})
}

// pick returns the tags that become labels. Capitals do not tell tags apart.
func (s *survey) pick(tags map[string]string) map[string]string {
	if len(s.labels) == 0 {
		return tags
	}
	var out map[string]string
	for name, value := range tags {
		i := slices.IndexFunc(s.labels, func(l string) bool { return strings.EqualFold(l, name) })
		if i < 0 {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[s.labels[i]] = value
	}
	return out
}

// name gives a label one spelling in the whole fleet, that which is commonest:
// waves tell capitals apart, and Azure's tags do not.
func (s *survey) name() {
	count := map[string]map[string]int{}
	each := func(visit func(labels map[string]string)) {
		for i := range s.found.Subscriptions {
			x := &s.found.Subscriptions[i]
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
		return failure.New(fleet.ExitSignIn, fmt.Errorf("%w\nnothing was written", err), "sign in as somebody with the Reader role on the management groups")
	case fleet.CallThrottled:
		return failure.New(fleet.ExitInternal, fmt.Errorf("%w\nnothing was written", err), "try again in "+fleet.RetryAfterOf(err).Round(time.Second).String())
	}
	return failure.New(fleet.ExitInternal, fmt.Errorf("%w\nnothing was written", err), "try again; --log-level debug shows every request")
}
