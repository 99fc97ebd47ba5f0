package classic

import (
	"net/url"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// armCall is a kind of read on the Resource Manager: its path
// (classic-service.md#the-resource-manager-side) and the action that it needs. A read is made of
// one of these, so that none lacks its action. The actions' names follow the Resource Manager's
// convention, provider/type/read; no source lists them.
type armCall struct {
	path   string // {subscription} and * stand for what is filled in
	action string
	why    string
}

var (
	readSubscription = armCall{"/subscriptions/{subscription}?api-version=2022-12-01",
		"Microsoft.Resources/subscriptions/read", "whether a subscription exists, is enabled and is no CSP subscription"}
	readProvider = armCall{"/subscriptions/{subscription}/providers/*?api-version=2021-04-01",
		"Microsoft.Resources/subscriptions/providers/read", "whether the resource providers are registered"}
	readFeature = armCall{"/subscriptions/{subscription}/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade?api-version=2021-07-01",
		"Microsoft.Features/providers/features/read", "whether a subscription is enabled for the upgrade"}
	readGroup = armCall{"/subscriptions/{subscription}/resourcegroups/*?api-version=2021-04-01",
		"Microsoft.Resources/subscriptions/resourceGroups/read", "whether a target resource group exists"}
	readTarget = armCall{"/subscriptions/{subscription}/resourceGroups/*/providers/Microsoft.RecoveryServices/vaults/*?api-version=2023-04-01",
		"Microsoft.RecoveryServices/vaults/read", "whether a target is free, whether an upgrade was taken, and how the new vault is"}
)

// armCalls are all there are, in the order of their actions.
var armCalls = []armCall{readFeature, readTarget, readProvider, readSubscription, readGroup}

// at is the path of the call for a subscription; names fill the stars, in order.
func (c armCall) at(subscription string, names ...string) string {
	parts := strings.Split(strings.Replace(c.path, "{subscription}", url.PathEscape(subscriptionID(subscription)), 1), "*")
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteString(url.PathEscape(names[i-1]))
		}
		b.WriteString(part)
	}
	return b.String()
}

// Spec describes the kind.
func Spec() fleet.KindSpec {
	return fleet.KindSpec{Kind: fleet.KindClassic, Title: "a Recovery Services vault in place of the classic one", Permanent: true, Role: Role,
		Describe: upgrade}
}

// upgrade says what is sent to each vault. There are no options.
func upgrade(fleet.Options) fleet.Upgrade {
	spec := Spec()
	up := fleet.Upgrade{Title: spec.Title, Request: upgradeRequest, Permanent: spec.Permanent}
	for _, a := range Role().Actions {
		up.Actions = append(up.Actions, a.Name)
	}
	return up
}

// Role is the least that the Resource Manager must allow: the calls of this
// package there only read. The upgrade itself is asked for on the classic side,
// which knows no such roles (classic-service.md#the-operation).
func Role() fleet.Role {
	r := fleet.Role{
		Name:        "fleetup classic vault upgrade",
		Description: "What fleetup reads of the Resource Manager to validate, follow and verify upgrades of classic vaults.",
		Besides: "The classic side needs a co-administrator of the subscription, who is a user; being its owner is not enough, " +
			"and no custom role can grant it.",
	}
	for _, c := range armCalls {
		r.Actions = append(r.Actions, fleet.Action{Name: c.action, Why: c.why})
	}
	return r
}
