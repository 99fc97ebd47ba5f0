package arm

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Guard is how the vaults of a type are tied to resource guards
// (resource-manager.md#resource-guards).
type Guard struct {
	Shown      fleet.Property // what a vault says where a guard protects it
	As         any            // and how: "Enabled", or true
	NamedSince string         // the first version that takes the guard's resource along with a change
	List       Call           // the guards of a vault
}

// GuardTenant is where a resource guard lives that protects the vaults, if that is
// another tenant: its owner must have allowed the operation to the identity that
// is signed in there (Microsoft, "Configure multi-user authorization using
// Resource Guard").
var GuardTenant = fleet.Option{Key: fleet.OptionGuardTenant, Type: fleet.OptionGUID,
	Doc: "the tenant of the resource guard that protects the vaults, where it is another than theirs: its token goes " +
		"along with the change"}

// Named is the property by which a guarded operation names the guard. An older
// version shows no guard, and has no way to name one.
func (g *Guard) Named() fleet.Property {
	return fleet.Property{Name: "resourceGuardOperationRequests", Since: g.NamedSince}
}

// guardProxy ties a vault to a resource guard.
type guardProxy struct {
	Properties struct {
		Operations []struct {
			Operation string `json:"vaultCriticalOperation"`
			Request   string `json:"defaultResourceRequest"`
		} `json:"resourceGuardOperationDetails"`
	} `json:"properties"`
}

// Complete completes the request for a vault that a resource guard protects: with a
// token of the guard's tenant, and, where the operation is one that guards know,
// with the guard's own resource for it, on which the Resource Manager checks the
// access. Other vaults are sent neither.
func (g *Guard) Complete(operation string) func(context.Context, *Upgrader, *fleet.Vault, *Resource, *Sending) error {
	return func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, s *Sending) error {
		if !g.protects(res) {
			return nil
		}
		s.Tenant = u.Kind[fleet.OptionGuardTenant]
		if operation == "" {
			return nil
		}
		requests, err := g.requests(ctx, u, v, operation)
		if err == nil && len(requests) > 0 {
			s.Body, err = withRequests(s.Body, requests)
		}
		return err
	}
}

// Check says whether a resource guard has a word to say in an operation.
func (g *Guard) Check(operation string) func(context.Context, *Upgrader, *fleet.Vault, *Resource, *check.Report) {
	return func(ctx context.Context, u *Upgrader, v *fleet.Vault, res *Resource, r *check.Report) {
		if !g.protects(res) {
			return
		}
		requests, err := g.requests(ctx, u, v, operation)
		if err != nil {
			u.Failed(r, err)
			return
		}
		for _, request := range requests {
			r.Add(fleet.Finding{Severity: fleet.SeverityInfo, Code: CodeGuarded,
				Message: "a resource guard must allow it: " + Word(request),
				Action:  "Have its owner allow the operation to who is signed in, for the time of the run."}, "")
		}
	}
}

// CodeGuarded is the finding about a vault that a resource guard protects.
const CodeGuarded = "resource-guard"

// protects reports whether a vault says that a guard protects it.
func (g *Guard) protects(res *Resource) bool { return holds(at(res.Properties, g.Shown.Name), g.As) }

// requests are the resources of the guards of a vault for an operation; none where
// no guard protects it.
func (g *Guard) requests(ctx context.Context, u *Upgrader, v *fleet.Vault, operation string) ([]string, error) {
	proxies, err := List[guardProxy](ctx, u, v.SubscriptionID, "read the resource guards of vault "+v.Ref(),
		g.List.At(v))
	var requests []string
	for _, p := range proxies {
		for _, o := range p.Properties.Operations {
			if strings.EqualFold(o.Operation, operation) && o.Request != "" && !slices.Contains(requests, o.Request) {
				requests = append(requests, o.Request)
			}
		}
	}
	return requests, err
}

// withRequests adds the resources of guards to a body.
func withRequests(body json.RawMessage, requests []string) (json.RawMessage, error) {
	var b struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	list, err := json.Marshal(requests)
	if err != nil {
		return nil, err
	}
	b.Properties["resourceGuardOperationRequests"] = list
	return json.Marshal(b)
}
