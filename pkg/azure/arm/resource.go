package arm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Resource is a vault as it was read. It is shared and never changed.
type Resource struct {
	ID, Name, Location string
	Properties         any    // as encoding/json decodes it, numbers as json.Number
	ProvisioningState  string // empty where the service gives none
	RequestID          string // of the read

	state State
	raw   json.RawMessage // the same, as it is recorded
}

// State is what the kind's change is about.
func (r *Resource) State() State { return r.state }

// Settled reports whether no operation is under way on the vault.
func (r *Resource) Settled() bool {
	return r.ProvisioningState == "" || strings.EqualFold(r.ProvisioningState, "Succeeded")
}

// broken reports whether the last operation on the vault did not end well.
// Whatever else the state is, something is under way (Microsoft, "Track asynchronous
// Azure operations": an operation has ended with Succeeded, Failed or Canceled).
func (r *Resource) broken() bool {
	return strings.EqualFold(r.ProvisioningState, "Failed") || strings.EqualFold(r.ProvisioningState, "Canceled")
}

// Read reads one vault: where our operation on it is followed, how that stands;
// else the vault itself.
func (u *Upgrader) Read(ctx context.Context, subscription string, vaults []fleet.Followed) (*fleet.Snapshot, error) {
	if len(vaults) != 1 {
		return nil, fmt.Errorf("%d vaults in one reading; it is made of one", len(vaults))
	}
	f := vaults[0]
	snap := &fleet.Snapshot{Subscription: subscription, Only: f.Vault.Key, Vaults: map[fleet.Key]fleet.Sighting{}}
	if f.Operation != nil {
		known, err := u.follow(ctx, f, snap)
		if err != nil || known {
			return snap, err
		}
	}
	res, at, err := u.get(ctx, f.Vault)
	if err != nil || res == nil {
		snap.ReadAt = at
		return snap, err
	}
	snap.ReadAt = at
	snap.Vaults[f.Vault.Key] = u.sighting(f, res)
	return snap, nil
}

// sighting says what a vault's state means for our start of it, if there is one.
func (u *Upgrader) sighting(f fleet.Followed, res *Resource) fleet.Sighting {
	s := fleet.Sighting{State: res.raw, Detail: res}
	switch {
	case res.Settled() && u.change.reached(f.Vault, res) != "":
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordUpgraded, UpgradedResourceID: res.ID}
	case f.OperationID != "" && res.broken():
		// It was well when our start went out.
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordFailed, Presumed: true,
			Message: "the vault's provisioning state is " + res.ProvisioningState + " since the start, and the operation itself is not to be found"}
	case f.OperationID != "" && !res.Settled():
		// The operation is not to be found, or was never named to us; the vault is
		// being changed.
		s.Record = &fleet.Record{OperationID: f.OperationID, State: fleet.RecordInProgress, Presumed: true}
	}
	return s
}

// get reads a vault; nil where there is none. at is when the request went out.
func (u *Upgrader) get(ctx context.Context, v *fleet.Vault) (res *Resource, at time.Time, err error) {
	op := "read vault " + v.Ref()
	path, err := u.vaultPath(v)
	if err != nil {
		return nil, time.Time{}, &fleet.CallError{Op: op, Class: fleet.CallRefused, Err: err}
	}
	resp, found, err := u.read(ctx, v.SubscriptionID, op, path)
	if err != nil || !found {
		if resp != nil {
			at = resp.SentAt
		}
		return nil, at, err
	}
	res, err = u.parse(v, resp, op)
	return res, resp.SentAt, err
}

// read makes a GET. found is false for a 404 of the Resource Manager about the
// resource; every other answer but 200 is an error.
func (u *Upgrader) read(ctx context.Context, subscription, op, path string) (resp *azure.Response, found bool, err error) {
	resp, err = u.Do(ctx, subscription, op, http.MethodGet, path, nil)
	if err != nil {
		return nil, false, err
	}
	if resp.Status == http.StatusOK {
		return resp, true, nil
	}
	code, _ := errorOf(resp.Body)
	switch {
	case code == "SubscriptionNotFound":
		// Not the vault's absence: the identity may be in another tenant.
		err := Error(resp, op)
		err.Class, err.Action = fleet.CallForbidden, "Check the subscription's id and tenant in the inventory, and who is signed in."
		return resp, false, err
	case resp.Status != http.StatusNotFound:
		return resp, false, Error(resp, op)
	case code == "":
		// A gateway's page. The Resource Manager did not say that it is absent.
		return resp, false, resp.Garbled(op, "a 404 that is none of the Resource Manager's")
	}
	return resp, false, nil
}

// Get reads a document of the Resource Manager into out; found is false where it
// says that there is none. The path is percent-encoded.
func (u *Upgrader) Get(ctx context.Context, subscription, op, path string, out any) (resp *azure.Response, found bool, err error) {
	resp, found, err = u.read(ctx, subscription, op, path)
	if err != nil || !found {
		return resp, found, err
	}
	if err := json.Unmarshal(resp.Body, out); err != nil || strings.TrimSpace(string(resp.Body)) == "null" {
		return resp, false, resp.Garbled(op, "the answer is not the JSON that was expected")
	}
	return resp, true, nil
}

// parse reads a vault from an answer. One that is not the vault that was asked
// for is no answer.
func (u *Upgrader) parse(v *fleet.Vault, resp *azure.Response, op string) (*Resource, error) {
	doc, err := decode(resp.Body)
	m, ok := doc.(map[string]any)
	if err != nil || !ok {
		return nil, resp.Garbled(op, "the answer is no vault")
	}
	word := func(key string) string { s, _ := m[key].(string); return s }
	properties, ok := m["properties"].(map[string]any)
	if !ok || !strings.EqualFold(word("id"), v.ResourceID()) {
		return nil, resp.Garbled(op, "the answer is not the vault that was asked for")
	}
	res := &Resource{ID: text.Clean(word("id"), text.MaxMessage), Name: text.Clean(word("name"), text.MaxID),
		Location: text.Clean(word("location"), text.MaxID), Properties: properties, RequestID: resp.RequestID}
	switch s := properties["provisioningState"].(type) {
	case nil:
	case string:
		res.ProvisioningState = text.Clean(s, text.MaxID)
	default:
		return nil, resp.Garbled(op, "its provisioning state is no word")
	}
	if res.state, res.raw, err = u.change.state(properties); err != nil {
		return nil, resp.Garbled(op, "its settings cannot be read")
	}
	return res, nil
}

// Word is a word of the service as it may be shown.
func Word(s string) string { return text.Clean(s, text.MaxID) }

// errorOf reads an error body of the Resource Manager; "" where it is none.
func errorOf(body []byte) (code, message string) {
	var b struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil {
		return "", ""
	}
	return text.Clean(b.Error.Code, text.MaxID), text.Clean(b.Error.Message, text.MaxMessage)
}

// Error is the error of an answer that was not wanted.
func Error(resp *azure.Response, op string) *fleet.CallError {
	code, message := errorOf(resp.Body)
	return resp.Error(op, code, message)
}
