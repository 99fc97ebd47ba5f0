package classic

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// subscriptionReport is what the checks of a subscription found. Its vaults
// share it; nobody changes it.
type subscriptionReport struct {
	check.Report
	missing bool // the Resource Manager does not know the subscription
}

// subscription makes the checks that all vaults of a subscription share
// (classic-service.md#the-resource-manager-side), once: those that come meanwhile wait for the
// answer, and a complete one is kept for a while. An answer with a failed call, or with a
// state that passes by itself, is not.
func (u *Upgrader) subscription(ctx context.Context, id string) (subscriptionReport, error) {
	return u.subscriptions.Do(ctx, id, func(ctx context.Context) (subscriptionReport, time.Time, error) {
		var r subscriptionReport
		u.checkSubscription(ctx, &r, id)
		if !r.missing && !r.Stop() {
			u.checkSubscriptionSetup(ctx, &r.Report, id)
		}
		if err := ctx.Err(); err != nil {
			return r, time.Time{}, err
		}
		if r.FailedCall || r.Waiting {
			return r, time.Time{}, nil
		}
		return r, time.Now().Add(u.o.SharedMaxAge), nil
	})
}

func (u *Upgrader) checkSubscription(ctx context.Context, r *subscriptionReport, id string) {
	var sub struct {
		State    string `json:"state"`
		Policies struct {
			QuotaID string `json:"quotaId"`
		} `json:"subscriptionPolicies"`
	}
	resp, found, err := u.armGet(ctx, id, "read subscription "+id, readSubscription, nil, &sub)
	switch {
	case err != nil:
		u.failed(&r.Report, u.o.ResourceManager, err)
		return
	case !found:
		r.missing = true
		r.Error(fleet.CodeSubscription, "the Resource Manager knows no subscription "+id+", or not for this identity",
			"Check the subscription's id and tenant in the inventory, and who is signed in.", resp.RequestID)
		return
	}
	if !strings.EqualFold(sub.State, "Enabled") {
		r.Error(fleet.CodeSubscription,
			fmt.Sprintf("subscription %s is not enabled: its state is %q", id, text.Clean(sub.State, text.MaxID)),
			"Have the subscription enabled, then validate again.", resp.RequestID)
	}
	if strings.HasPrefix(strings.ToUpper(sub.Policies.QuotaID), "CSP_") {
		f := fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeCSP,
			Message: fmt.Sprintf("subscription %s is a CSP subscription (quota %s): the service does not upgrade its "+
				"vaults", id, text.Clean(sub.Policies.QuotaID, text.MaxID)),
			Action: "Leave its vaults out, until Microsoft upgrades CSP subscriptions."}
		if u.o.AllowCSP {
			f.Severity, f.Action = fleet.SeverityInfo, "It is let through, as the options say."
		}
		r.Add(f, resp.RequestID)
	}
}

// feature must be registered in a subscription.
const feature = "Microsoft.RecoveryServices/VaultUpgrade"

// providers must be registered too.
var providers = []string{"Microsoft.RecoveryServices", "Microsoft.SiteRecovery"}

func (u *Upgrader) checkSubscriptionSetup(ctx context.Context, r *check.Report, id string) {
	for _, namespace := range providers {
		if u.checkProvider(ctx, r, id, namespace); r.Stop() {
			return
		}
	}
	u.checkFeature(ctx, r, id)
}

func (u *Upgrader) checkProvider(ctx context.Context, r *check.Report, id, namespace string) {
	var provider struct {
		State string `json:"registrationState"`
	}
	resp, found, err := u.armGet(ctx, id, "read the registration of "+namespace+" in subscription "+id,
		readProvider, []string{namespace}, &provider)
	if err != nil {
		u.failed(r, u.o.ResourceManager, err)
		return
	}
	state := text.Clean(provider.State, text.MaxID)
	if !found {
		state = fmt.Sprintf("not known (HTTP %d)", http.StatusNotFound)
	}
	f := fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeProvider,
		Message: fmt.Sprintf("resource provider %s is not registered in subscription %s: its state is %s", namespace,
			id, state),
		Action: "az provider register --namespace " + namespace + " --subscription " + id}
	switch {
	case strings.EqualFold(state, "Registered"):
	case strings.EqualFold(state, "Registering"), strings.EqualFold(state, "Pending"):
		f.Action = "Nothing: it is asked again later."
		r.Hold(f, resp.RequestID)
	default:
		r.Add(f, resp.RequestID)
	}
}

func (u *Upgrader) checkFeature(ctx context.Context, r *check.Report, id string) {
	var answer struct {
		Properties struct {
			State string `json:"state"`
		} `json:"properties"`
	}
	resp, found, err := u.armGet(ctx, id, "read whether subscription "+id+" is enabled for the upgrade",
		readFeature, nil, &answer)
	if err != nil {
		u.failed(r, u.o.ResourceManager, err)
		return
	}
	state := text.Clean(answer.Properties.State, text.MaxID)
	if !found {
		state = fmt.Sprintf("not known (HTTP %d)", http.StatusNotFound)
	}
	if !strings.EqualFold(state, "Registered") {
		r.Error(fleet.CodeFeature,
			fmt.Sprintf("subscription %s is not enabled for the upgrade: feature %s is %s", id, feature, state),
			"az feature register --namespace Microsoft.RecoveryServices --name VaultUpgrade --subscription "+id,
			resp.RequestID)
	}
}
