package classic

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// armGet reads one Resource Manager document into out
// (classic-service.md#the-resource-manager-side); names fill the call's path. found is
// false for a 404 of the Resource Manager, which comes with its error and a code; every
// other answer but 200 is an error, a 404 without them among those.
func (u *Upgrader) armGet(ctx context.Context, subscription, op string, call armCall, names []string, out any,
) (resp *azure.Response, found bool, err error) {
	c, err := u.client(u.o.ResourceManager, subscription, op)
	if err != nil {
		return nil, false, err
	}
	resp, found, err = c.Find(ctx, azure.Request{Op: op, Method: http.MethodGet, Path: call.at(subscription, names...),
		Header: azure.JSONHeader(false), Subject: subscription})
	switch {
	case found:
		err = resp.Into(op, out)
	case err == nil && !azure.ReadErrorBody(resp.Body).Manager:
		// A gateway's, or nobody's: the Resource Manager did not say that it is absent, and
		// a start may depend on that.
		err = resp.Garbled(op, "a 404 that is none of the Resource Manager's")
	}
	return resp, found && err == nil, err
}

// armTarget is a Recovery Services vault, as far as the upgrade needs it.
type armTarget struct {
	ID         string `json:"id"`
	Properties struct {
		ProvisioningState string      `json:"provisioningState"`
		UpgradeDetails    *armUpgrade `json:"upgradeDetails"`
	} `json:"properties"`
}

type armUpgrade struct {
	OperationID        string `json:"operationId"`
	StartTimeUTC       string `json:"startTimeUtc"`
	LastUpdatedTimeUTC string `json:"lastUpdatedTimeUtc"`
	EndTimeUTC         string `json:"endTimeUtc"`
	Status             string `json:"status"`
	Message            string `json:"message"`
	TriggerType        string `json:"triggerType"`
	UpgradedResourceID string `json:"upgradedResourceId"`
	PreviousResourceID string `json:"previousResourceId"`
}

// record is the target's upgrade record; nil where it has none.
func (t *armTarget) record() *fleet.Record {
	d := t.Properties.UpgradeDetails
	if d == nil {
		return nil
	}
	return &fleet.Record{
		OperationID: operationID(d.OperationID), State: upgradeState(d.Status),
		Message: text.Clean(d.Message, text.MaxMessage), Trigger: text.Clean(d.TriggerType, text.MaxID),
		StartedAt: parseTime(d.StartTimeUTC), UpdatedAt: parseTime(d.LastUpdatedTimeUTC),
		EndedAt:            parseTime(d.EndTimeUTC),
		UpgradedResourceID: text.Clean(d.UpgradedResourceID, text.MaxMessage),
		PreviousResourceID: text.Clean(d.PreviousResourceID, text.MaxMessage),
	}
}

// state is the provisioning state, for messages.
func (t *armTarget) state() string {
	if s := text.Clean(t.Properties.ProvisioningState, text.MaxID); s != "" {
		return s
	}
	return "not given"
}

// target reads the vault that the upgrade will make or has made; nil where
// there is none.
func (u *Upgrader) target(ctx context.Context, v *fleet.Vault) (*armTarget, *azure.Response, error) {
	op := "read the target vault " + v.TargetPath()
	var t armTarget
	resp, found, err := u.armGet(ctx, subscriptionID(v.SubscriptionID), op, readTarget,
		[]string{v.TargetResourceGroup, v.Name}, &t)
	if err != nil {
		return nil, resp, err
	}
	if !found {
		if azure.ReadErrorBody(resp.Body).Code == "SubscriptionNotFound" {
			// Not the vault's absence: the identity may be in another tenant.
			return nil, resp, resp.Error(op, "", "")
		}
		return nil, resp, nil
	}
	return &t, resp, nil
}

// groupExists asks for a resource group. Many vaults share one, so a "yes" is
// kept for a while; a "no" may be mended at any time and is not.
func (u *Upgrader) groupExists(ctx context.Context, subscription, group string) (exists bool, requestID string,
	err error) {
	exists, err = u.groups.Do(ctx, subscription+"/"+fleet.FoldName(group),
		func(ctx context.Context) (bool, time.Time, error) {
			var any struct{}
			resp, found, err := u.armGet(ctx, subscription,
				"read resource group "+group+" of subscription "+subscription,
				readGroup, []string{group}, &any)
			if err != nil || !found {
				if resp != nil {
					requestID = resp.RequestID
				}
				return false, time.Time{}, err
			}
			return true, time.Now().Add(u.o.SharedMaxAge), nil
		})
	return exists, requestID, err
}

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
		"Microsoft.Resources/subscriptions/read",
		"whether a subscription exists, is enabled and is no CSP subscription"}
	readProvider = armCall{"/subscriptions/{subscription}/providers/*?api-version=2021-04-01",
		"Microsoft.Resources/subscriptions/providers/read", "whether the resource providers are registered"}
	readFeature = armCall{"/subscriptions/{subscription}/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade?api-version=2021-07-01",
		"Microsoft.Features/providers/features/read", "whether a subscription is enabled for the upgrade"}
	readGroup = armCall{"/subscriptions/{subscription}/resourcegroups/*?api-version=2021-04-01",
		"Microsoft.Resources/subscriptions/resourceGroups/read", "whether a target resource group exists"}
	readTarget = armCall{"/subscriptions/{subscription}/resourceGroups/*/providers/Microsoft.RecoveryServices/vaults/*?api-version=2023-04-01",
		"Microsoft.RecoveryServices/vaults/read",
		"whether a target is free, whether an upgrade was taken, and how the new vault is"}
)

// armCalls are all there are, in the order of their actions.
var armCalls = []armCall{readFeature, readTarget, readProvider, readSubscription, readGroup}

// at is the path of the call for a subscription; names fill the stars, in order.
func (c armCall) at(subscription string, names ...string) string {
	parts := strings.Split(strings.Replace(c.path, "{subscription}", url.PathEscape(subscriptionID(subscription)), 1),
		"*")
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
	return fleet.KindSpec{Kind: fleet.KindClassic, Title: "a Recovery Services vault in place of the classic one",
		Known: fleet.Provenance{Basis: fleet.ProvenanceRecorded,
			Says: "a session of 28 March 2017 in Azure/azure-powershell: the check, the start and how the listing " +
				"shows it; the article, script and client that were published for it. The service is retired"},
		Permanent: true, Role: role,
		Describe: upgrade}
}

// upgrade says what is sent to each vault. There are no options.
func upgrade(fleet.Options) fleet.Upgrade {
	spec := Spec()
	up := fleet.Upgrade{Title: spec.Title, Request: upgradeRequest, Permanent: spec.Permanent}
	for _, a := range role().Actions {
		up.Actions = append(up.Actions, a.Name)
	}
	return up
}

// role is the least that the Resource Manager must allow: the calls of this
// package there only read. The upgrade itself is asked for on the classic side,
// which knows no such roles (classic-service.md#the-operation).
func role() fleet.Role {
	r := fleet.Role{
		Name: "fleetup classic vault upgrade",
		Description: "What fleetup reads of the Resource Manager to validate, follow and verify upgrades of classic " +
			"vaults.",
		Besides: "The classic side needs a co-administrator of the subscription, who is a user; being its owner is " +
			"not enough, " +
			"and no custom role can grant it.",
	}
	for _, c := range armCalls {
		r.Actions = append(r.Actions, fleet.Action{Name: c.action, Why: c.why})
	}
	return r
}
