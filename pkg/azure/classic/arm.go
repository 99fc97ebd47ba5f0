package classic

import (
	"context"
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// armGet reads one Resource Manager document into out
// (classic-service.md#the-resource-manager-side); names fill the call's path. found is
// false for a 404 of the Resource Manager; every other answer but 200 is an error.
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
	case err == nil && resp.HTML():
		// A gateway's page. The Resource Manager did not say that it is absent.
		err = resp.Garbled(op, "a web page came instead of an answer")
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
		StartedAt: parseTime(d.StartTimeUTC), UpdatedAt: parseTime(d.LastUpdatedTimeUTC), EndedAt: parseTime(d.EndTimeUTC),
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
	resp, found, err := u.armGet(ctx, subscriptionID(v.SubscriptionID), op, readTarget, []string{v.TargetResourceGroup, v.Name}, &t)
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
func (u *Upgrader) groupExists(ctx context.Context, subscription, group string) (exists bool, requestID string, err error) {
	exists, err = u.groups.Do(ctx, subscription+"/"+fleet.FoldName(group), func(ctx context.Context) (bool, time.Time, error) {
		var any struct{}
		resp, found, err := u.armGet(ctx, subscription, "read resource group "+group+" of subscription "+subscription,
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
