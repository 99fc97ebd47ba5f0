package arm

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var (
	readSubscription = Call{http.MethodGet, "/subscriptions/{subscription}?api-version=2022-12-01",
		"Microsoft.Resources/subscriptions/read", "whether a subscription exists and is enabled"}
	readProvider = Call{http.MethodGet, "/subscriptions/{subscription}/providers/{provider}?api-version=2021-04-01",
		"Microsoft.Resources/subscriptions/providers/read", "whether the resource provider is registered"}
)

// SignIns signs in to a tenant and says as whom.
func (u *Upgrader) SignIns(ctx context.Context, tenant string) []fleet.SignIn {
	return []fleet.SignIn{u.ResourceManager.SignIn(ctx, tenant)}
}

// Preflight makes the checks of a subscription that need no vault of its own, and
// reads the first of its vaults: what an identity may see is known before the
// rest is looked at. It reads, and nothing else.
func (u *Upgrader) Preflight(ctx context.Context, subscription string, vaults []*fleet.Vault) []fleet.Check {
	var p check.Checks
	p.Make("subscription", check.Plain(func(r *check.Report) { u.checkSubscription(ctx, r, subscription) }))
	namespace, _, _ := strings.Cut(string(u.change.Spec.Type), "/")
	p.Make("provider "+namespace, check.Plain(func(r *check.Report) { u.checkProvider(ctx, r, subscription, namespace) }))
	for _, v := range ofEachGroup(vaults) {
		p.Make("permissions in "+v.ResourceGroup, check.Plain(func(r *check.Report) { u.checkPermissions(ctx, v, r) }))
	}
	if guard := u.Kind[fleet.OptionGuardTenant]; guard != "" {
		p.Make("resource guard's tenant", func(r *check.Report) string {
			for _, f := range u.ResourceManager.SignIn(ctx, guard).Findings {
				r.Denied = r.Denied || f.Severity == fleet.SeverityError
				r.Add(f, "")
			}
			return guard
		})
	}
	if len(vaults) > 0 {
		v := vaults[0]
		p.Make("vault "+v.Name, func(r *check.Report) string {
			res, _, err := u.get(ctx, v)
			switch {
			case err != nil:
				u.Failed(r, err)
			case res == nil:
				r.Error(fleet.CodeNotFound, "there is no vault "+v.ResourceID(),
					"Check the name, the resource group and the subscription in the inventory.", "")
			default:
				return "could be read"
			}
			return ""
		})
		p.Make("locks of "+v.Name, check.Plain(func(r *check.Report) { u.checkLocks(ctx, v, r) }))
	}
	return p.All
}

// checkSubscription reports whether there is a subscription whose vaults could
// be asked for.
func (u *Upgrader) checkSubscription(ctx context.Context, r *check.Report, id string) bool {
	var sub struct {
		State string `json:"state"`
	}
	v := &fleet.Vault{SubscriptionID: id}
	resp, found, err := u.Get(ctx, id, "read subscription "+id, readSubscription.At(v), &sub)
	switch {
	case err != nil && resp != nil && resp.Status == http.StatusNotFound, err == nil && !found:
		r.Denied = true
		r.Error(fleet.CodeSubscription, "the Resource Manager knows no subscription "+id+", or not for this identity",
			"Check the subscription's id and tenant in the inventory, and who is signed in.", "")
		return false
	case err != nil:
		u.Failed(r, err)
		return true
	case !strings.EqualFold(sub.State, "Enabled"):
		r.Error(fleet.CodeSubscription,
			fmt.Sprintf("subscription %s is not enabled: its state is %q", id, Word(sub.State)),
			"Have the subscription enabled, then validate again.", resp.RequestID)
	}
	return true
}

func (u *Upgrader) checkProvider(ctx context.Context, r *check.Report, id, namespace string) {
	var provider struct {
		State string `json:"registrationState"`
	}
	path := strings.NewReplacer("{subscription}", id, "{provider}", namespace).Replace(readProvider.Path)
	resp, found, err := u.Get(ctx, id, "read the registration of "+namespace+" in subscription "+id, path, &provider)
	if err != nil {
		u.Failed(r, err)
		return
	}
	if !found || !strings.EqualFold(provider.State, "Registered") {
		r.Error(fleet.CodeProvider,
			fmt.Sprintf("resource provider %s is not registered in subscription %s: its state is %q",
				namespace, id, Word(provider.State)),
			"az provider register --namespace "+namespace+" --subscription "+id, resp.RequestID)
	}
}
