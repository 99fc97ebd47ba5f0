package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/classic"
	"github.com/fleetup-dev/fleetup/pkg/azure/dataprotection"
	"github.com/fleetup-dev/fleetup/pkg/azure/kv"
	"github.com/fleetup-dev/fleetup/pkg/azure/kvrbac"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// Upgrader is what a kind is to this program.
type Upgrader interface {
	runner.Upgrader
	Preflighter
	Close()
}

// Adapters satisfy the ports structurally; here the compiler is asked.
var (
	_ Upgrader = (*classic.Upgrader)(nil)
	_ Upgrader = (*arm.Upgrader)(nil)
)

// Kinds are the upgrade kinds. This is the one place where they are registered.
var Kinds = slices.Concat([]Kind{{classic.Spec(), connectClassic}},
	ofChanges(rsv.Alerts(), rsv.AlertsBack(), rsv.Immutability(), rsv.ImmutabilityBack(), rsv.ImmutabilityLock()),
	ofChanges(arm.Changes(rsv.Settings()...)...),
	ofChanges(arm.Changes(dataprotection.Settings()...)...),
	ofChanges(kvrbac.Roles(), kvrbac.AccessPolicies()),
	ofChanges(arm.Changes(kv.Settings()...)...))

// Kind is an upgrade kind with what makes the connection for a plan of it. No
// call is made by that.
type Kind struct {
	fleet.KindSpec
	Connect func(p *plan.Plan, how ConnectOptions, o azure.Options) (up Upgrader, sides []*azure.APIClients, err error)
}

// ofChanges are the kinds that change vaults through the Resource Manager.
func ofChanges(changes ...arm.Change) (all []Kind) {
	for _, change := range changes {
		all = append(all, Kind{change.Spec, func(
			p *plan.Plan, _ ConnectOptions, o azure.Options,
		) (Upgrader, []*azure.APIClients, error) {
			side, err := azure.NewResourceManager(o)
			if err != nil {
				return nil, nil, err
			}
			up, err := arm.New(change, arm.Options{ResourceManager: side, Subscriptions: p.Subscriptions,
				Kind: p.Upgrade.Options})
			return up, []*azure.APIClients{side}, err
		}})
	}
	return all
}

func connectClassic(p *plan.Plan, how ConnectOptions, o azure.Options) (Upgrader, []*azure.APIClients, error) {
	serviceManagement, resourceManager, err := azure.NewAPIClients(o)
	if err != nil {
		return nil, nil, err
	}
	up, err := classic.New(classic.Options{ServiceManagement: serviceManagement, ResourceManager: resourceManager,
		Subscriptions: p.Subscriptions, AllowCSP: how.AllowCSP, AgentDownload: how.AgentDownload})
	return up, []*azure.APIClients{serviceManagement, resourceManager}, err
}

// KindOf finds an upgrade kind.
func KindOf(k fleet.Kind) (*Kind, error) {
	for i := range Kinds {
		if Kinds[i].Kind == k {
			return &Kinds[i], nil
		}
	}
	return nil, failure.Usage("", "this version does not know the upgrade kind %q", k)
}

// UpgradeOf is what a plan does to each of its vaults. Plans of the classic kind
// leave that to the kind.
func UpgradeOf(p *plan.Plan) *fleet.Upgrade {
	if p.Upgrade != nil {
		return p.Upgrade
	}
	if k, err := KindOfPlan(p); err == nil {
		up := k.Describe(nil)
		return &up
	}
	return nil
}

// OtherRequest is the request that this version sends where a plan shows another, or
// why it sends none: the plan is of a version that knew less of the service. "" where
// they are the same.
func OtherRequest(p *plan.Plan) string {
	if p.Upgrade == nil {
		return ""
	}
	k, err := KindOfPlan(p)
	if err != nil {
		return err.Error()
	}
	if _, err := k.Complete(p.Upgrade.Options); err != nil {
		return err.Error()
	}
	was, is := p.Upgrade.Request, k.Describe(p.Upgrade.Options).Request
	var a, b bytes.Buffer
	if was.Method == is.Method && was.Path == is.Path && json.Compact(&a, was.Body) == nil &&
		json.Compact(&b, is.Body) == nil && bytes.Equal(a.Bytes(), b.Bytes()) {
		return ""
	}
	return fmt.Sprintf("%s %s %s", is.Method, is.Path, is.Body)
}

// CurrentKinds are the kinds that an inventory may name besides the classic one.
func CurrentKinds() (specs []fleet.KindSpec) {
	for i := range Kinds {
		if Kinds[i].Kind != fleet.KindClassic {
			specs = append(specs, Kinds[i].KindSpec)
		}
	}
	return append(specs, written())
}

// ReadInventory reads the inventory at a path, of whatever kind.
func ReadInventory(path string) (*plan.Plan, error) {
	return inventory.Load(path, Now(), CurrentKinds()...)
}

// Preflighter is what an upgrade kind has to say before its vaults are looked
// at. It reads, and nothing else.
type Preflighter interface {
	// SignIns signs in to a tenant, on every side that the kind speaks to.
	SignIns(ctx context.Context, tenant string) []fleet.SignIn
	// Preflight makes the checks of a subscription, of which some vaults are to
	// be upgraded.
	Preflight(ctx context.Context, subscription string, vaults []*fleet.Vault) []fleet.Check
}
