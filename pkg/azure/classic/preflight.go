package classic

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// SignIns signs in to a tenant on both sides and says as whom. On the classic
// side only a user can be what the upgrade needs (classic-service.md#the-operation).
func (u *Upgrader) SignIns(ctx context.Context, tenant string) []fleet.SignIn {
	classicSide := u.o.ServiceManagement.SignIn(ctx, tenant)
	if classicSide.Identity.Type == fleet.IdentityApp {
		classicSide.Findings = append(classicSide.Findings,
			fleet.Finding{Severity: fleet.SeverityWarning, Code: fleet.CodeNotUser,
				Message: "the classic side is signed in as a service principal or managed identity; it wants a " +
					"co-administrator of the subscription, who is a user",
				Action: "Sign in as a user who is co-administrator, for example with --credential-service-management " +
					"cli."})
	}
	return []fleet.SignIn{classicSide, u.o.ResourceManager.SignIn(ctx, tenant)}
}

// Preflight makes the checks of a subscription that need no vault, those of
// validation, and the reading of its listing: what an identity may see is known
// before the first vault is looked at. It reads, and nothing else. vaults are
// those that are to be upgraded there: their target groups are looked for.
//
// After a missing sign-in or a throttled call it asks that side no more.
func (u *Upgrader) Preflight(ctx context.Context, subscription string, vaults []*fleet.Vault) []fleet.Check {
	id := subscriptionID(subscription)
	var p check.Checks
	invisible := false
	p.Make("subscription", check.Plain(func(r *check.Report) {
		var sub subscriptionReport
		u.checkSubscription(ctx, &sub, id)
		*r, invisible = sub.Report, sub.missing
	}))
	if invisible {
		p.All[0].State = fleet.CheckDenied
		p.Ended = true // everything in it is invisible too: saying so would mislead
	}
	for _, namespace := range providers {
		p.Make("provider "+namespace, check.Plain(func(r *check.Report) { u.checkProvider(ctx, r, id, namespace) }))
	}
	p.Make("feature "+feature, check.Plain(func(r *check.Report) { u.checkFeature(ctx, r, id) }))
	for _, v := range targetGroups(vaults) {
		p.Make("resource group "+v.TargetResourceGroup, check.Plain(func(r *check.Report) { u.checkGroup(ctx, r, v) }))
	}
	p.Ended = false // the other side
	p.Make("classic listing", func(r *check.Report) string {
		s, err := u.Read(ctx, id, nil)
		if err != nil {
			u.failed(r, u.o.ServiceManagement, err)
			return ""
		}
		return fmt.Sprintf("%d listed", len(s.Vaults))
	})
	return p.All
}

// targetGroups returns one vault for each target group, one that wants the
// group to exist where there is any.
func targetGroups(vaults []*fleet.Vault) []*fleet.Vault {
	var groups []*fleet.Vault
	at := map[string]int{}
	for _, v := range vaults {
		name := fleet.FoldName(v.TargetResourceGroup)
		i, known := at[name]
		switch {
		case !known:
			at[name] = len(groups)
			groups = append(groups, v)
		case groups[i].CreateResourceGroup && !v.CreateResourceGroup:
			groups[i] = v
		}
	}
	slices.SortStableFunc(groups, func(a, b *fleet.Vault) int {
		return strings.Compare(fleet.FoldName(a.TargetResourceGroup), fleet.FoldName(b.TargetResourceGroup))
	})
	return groups
}
