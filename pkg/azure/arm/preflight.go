package arm

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
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
	var checks []fleet.Check
	ended := false
	make := func(name string, look func(*check.Report) string) {
		c := fleet.Check{Name: name, State: fleet.CheckSkipped}
		if !ended {
			var r check.Report
			c.Detail = look(&r)
			c.State, c.Findings, ended = r.State(), r.Findings, r.Stop()
		}
		checks = append(checks, c)
	}
	make("subscription", func(r *check.Report) string { ended = !u.checkSubscription(ctx, r, subscription); return "" })
	namespace, _, _ := strings.Cut(string(u.change.Spec.Type), "/")
	make("provider "+namespace, func(r *check.Report) string { u.checkProvider(ctx, r, subscription, namespace); return "" })
	for _, v := range ofEachGroup(vaults) {
		make("permissions in "+v.ResourceGroup, func(r *check.Report) string { u.checkPermissions(ctx, v, r); return "" })
	}
	if guard := u.Kind[fleet.OptionGuardTenant]; guard != "" {
		make("resource guard's tenant", func(r *check.Report) string {
			for _, f := range u.ResourceManager.SignIn(ctx, guard).Findings {
				r.Denied = r.Denied || f.Severity == fleet.SeverityError
				r.Add(f, "")
			}
			return guard
		})
	}
	if len(vaults) > 0 {
		v := vaults[0]
		make("vault "+v.Name, func(r *check.Report) string {
			res, _, err := u.get(ctx, v)
			switch {
			case err != nil:
				u.Failed(r, err)
			case res == nil:
				r.Add(fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeNotFound, Message: "there is no vault " + v.ResourceID(),
					Action: "Check the name, the resource group and the subscription in the inventory."}, "")
			default:
				return "could be read"
			}
			return ""
		})
		make("locks of "+v.Name, func(r *check.Report) string { u.checkLocks(ctx, v, r); return "" })
	}
	return checks
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
		r.Add(fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeSubscription,
			Message: "the Resource Manager knows no subscription " + id + ", or not for this identity",
			Action:  "Check the subscription's id and tenant in the inventory, and who is signed in."}, "")
		return false
	case err != nil:
		u.Failed(r, err)
		return true
	case !strings.EqualFold(sub.State, "Enabled"):
		r.Add(fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeSubscription,
			Message: fmt.Sprintf("subscription %s is not enabled: its state is %q", id, text.Clean(sub.State, text.MaxID)),
			Action:  "Have the subscription enabled, then validate again."}, resp.RequestID)
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
		r.Add(fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeProvider,
			Message: fmt.Sprintf("resource provider %s is not registered in subscription %s: its state is %q", namespace, id, text.Clean(provider.State, text.MaxID)),
			Action:  "az provider register --namespace " + namespace + " --subscription " + id}, resp.RequestID)
	}
}
