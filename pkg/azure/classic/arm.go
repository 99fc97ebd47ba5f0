package classic

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// armGet reads one Resource Manager document into out
// (classic-service.md#the-resource-manager-side); names fill the call's path. found is false for a
// 404 of the Resource Manager; every other answer but 200 is an error.
func (u *Upgrader) armGet(ctx context.Context, subscription, op string, call armCall, names []string, out any) (resp *azure.Response, found bool, err error) {
	h := http.Header{}
	h.Set("Accept", "application/json")
	resp, err = u.do(ctx, u.o.ResourceManager, subscription, azure.Request{Op: op, Method: http.MethodGet, Path: call.at(subscription, names...), Header: h})
	if err != nil {
		return nil, false, err
	}
	switch {
	case resp.Status == http.StatusNotFound && resp.HTML():
		// A gateway's page. The Resource Manager did not say that it is absent.
		return resp, false, resp.Garbled(op, "a web page came instead of an answer")
	case resp.Status == http.StatusNotFound:
		return resp, false, nil
	case resp.Status != http.StatusOK:
		return resp, false, armError(resp, op)
	}
	// A null fits everything and says nothing.
	if err := json.Unmarshal(resp.Body, out); err != nil || bytes.Equal(bytes.TrimSpace(resp.Body), []byte("null")) {
		return resp, false, resp.Garbled(op, "the answer is not the JSON that was expected")
	}
	return resp, true, nil
}

// armBody is the error body of the Resource Manager.
type armBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func armCode(resp *azure.Response) (code, message string) {
	var b armBody
	if json.Unmarshal(resp.Body, &b) != nil {
		return "", ""
	}
	return text.Clean(b.Error.Code, text.MaxID), text.Clean(b.Error.Message, text.MaxMessage)
}

func armError(resp *azure.Response, op string) *fleet.CallError {
	code, message := armCode(resp)
	return resp.Error(op, code, message)
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
		if code, message := armCode(resp); code == "SubscriptionNotFound" {
			// Not the vault's absence: the identity may be in another tenant.
			return nil, resp, resp.Error(op, code, message)
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
