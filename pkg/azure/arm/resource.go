package arm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	document
	state State
	raw   json.RawMessage // the same, as it is recorded
	doc   json.RawMessage // all of it, as a sighting carries it
	// Learned is what an error of the change's Ready said to be Learned, the newest.
	Learned json.RawMessage
}

// document is a vault as a sighting carries it from process to process.
type document struct {
	ID                string    `json:"id"`
	Name              string    `json:"name"`
	Location          string    `json:"location"`
	Properties        any       `json:"properties"`                  // numbers are json.Number
	ProvisioningState string    `json:"provisioningState,omitempty"` // empty where the service gives none
	Version           string    `json:"version,omitempty"`           // Sighting.Version
	RequestID         string    `json:"requestId,omitempty"`         // of the read
	ReadAt            time.Time `json:"readAt"`                      // when the read went out
	// Rest is all else that the vault shows, where the change is of that.
	Rest map[string]any `json:"rest,omitempty"`
}

// resource is the vault that a sighting shows; nil where it was not read.
func (c *Change) resource(seen fleet.Sighting) (*Resource, error) {
	if len(seen.Document) == 0 {
		return nil, nil
	}
	r := &Resource{Learned: seen.Learned}
	dec := json.NewDecoder(bytes.NewReader(seen.Document))
	dec.UseNumber()
	err := dec.Decode(&r.document)
	if err == nil {
		r.state, r.raw, err = c.state(&r.document)
	}
	if err != nil {
		return nil, fmt.Errorf("what was read of the vault cannot be read again: %w", err)
	}
	return r, nil
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
func (u *Upgrader) read(ctx context.Context, subscription, op, path string) (resp *azure.Response, found bool,
	err error) {
	c, err := u.tenants.Client(u.ResourceManager, subscription, op)
	if err != nil {
		return nil, false, err
	}
	resp, found, err = c.Find(ctx, request(subscription, op, http.MethodGet, path, nil))
	if resp == nil || found {
		return resp, found, err
	}
	said := azure.ReadErrorBody(resp.Body)
	switch {
	case said.Code == "SubscriptionNotFound":
		// Not the vault's absence: the identity may be in another tenant.
		err := Error(resp, op)
		err.Class, err.Action = fleet.CallForbidden,
			"Check the subscription's id and tenant in the inventory, and who is signed in."
		return resp, false, err
	case err == nil && !said.Manager:
		// A gateway's page. The Resource Manager did not say that it is absent.
		return resp, false, resp.Garbled(op, "a 404 that is none of the Resource Manager's")
	}
	return resp, false, err
}

// Get reads a document of the Resource Manager into out; found is false where it
// says that there is none. The path is percent-encoded.
func (u *Upgrader) Get(ctx context.Context, subscription, op, path string, out any) (resp *azure.Response, found bool,
	err error) {
	resp, found, err = u.read(ctx, subscription, op, path)
	if found {
		err = resp.Into(op, out)
	}
	return resp, found && err == nil, err
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
	res := &Resource{document: document{ID: text.Clean(word("id"), text.MaxMessage), Name: Word(word("name")),
		Location: Word(word("location")), Properties: properties, Version: version(m), RequestID: resp.RequestID,
		ReadAt: resp.SentAt}}
	switch s := properties["provisioningState"].(type) {
	case nil:
	case string:
		res.ProvisioningState = text.Clean(s, text.MaxID)
	default:
		return nil, resp.Garbled(op, "its provisioning state is no word")
	}
	if u.change.Whole {
		delete(m, "properties")
		res.Rest = m
	}
	if res.state, res.raw, err = u.change.state(&res.document); err != nil {
		return nil, resp.Garbled(op, "its settings cannot be read")
	}
	if res.doc, err = json.Marshal(res.document); err != nil {
		return nil, resp.Garbled(op, "it cannot be handed on")
	}
	return res, nil
}

// version is what of a vault is another after each write (resource-manager.md#the-request):
// its etag, and of key vaults, which have none, when they were last changed.
func version(vault map[string]any) string {
	if etag, _ := vault["etag"].(string); etag != "" {
		return text.Clean(etag, text.MaxID)
	}
	system, _ := vault["systemData"].(map[string]any)
	changed, _ := system["lastModifiedAt"].(string)
	return text.Clean(changed, text.MaxID)
}

// Word is a word of the service as it may be shown.
func Word(s string) string { return text.Clean(s, text.MaxID) }

// Error is the error of an answer that was not wanted.
func Error(resp *azure.Response, op string) *fleet.CallError { return resp.Error(op, "", "") }

// bounds of a list.
type bounds struct {
	pages, bytes int
	time         time.Duration
}

// usualBounds are more pages and bytes than any list has that is asked for here, and
// more time than any takes. Who makes up one page after the other, or sends each of
// them slowly, holds nothing up for ever.
var usualBounds = bounds{1000, 64 << 20, 10 * time.Minute}

// List reads a list of the Resource Manager to its end: a page may be empty and
// have another behind it. There is nothing on a list that is not there. The path
// is percent-encoded.
func List[T any](ctx context.Context, u *Upgrader, subscription, op, path string) ([]T, error) {
	all, _, err := ListIfAny[T](ctx, u, subscription, op, path)
	return all, err
}

// ListIfAny is List that tells a list which is not there (the Resource Manager's
// 404; found is false) from an empty one.
func ListIfAny[T any](ctx context.Context, u *Upgrader, subscription, op, path string) (all []T, found bool,
	err error) {
	all, last, err := listWithin[T](ctx, u, subscription, op, path, usualBounds)
	return all, last != nil, err
}

// listWithin reads a list within bounds; last is the answer with its end, nil where there
// is no list.
func listWithin[T any](ctx context.Context, u *Upgrader, subscription, op, path string, most bounds) (all []T,
	last *azure.Response, err error) {
	seen, bytes := map[string]bool{}, 0
	ctx, cancel := context.WithTimeoutCause(ctx, most.time, fmt.Errorf("its list does not end within %v", most.time))
	defer cancel()
	for pages := 1; ; pages++ {
		var page struct {
			Value    []T    `json:"value"`
			NextLink string `json:"nextLink"`
		}
		resp, found, err := u.Get(ctx, subscription, op, path, &page)
		if err != nil || !found && pages == 1 {
			return nil, nil, err
		}
		all = append(all, page.Value...)
		bytes += len(resp.Body)
		if found && page.NextLink == "" {
			return all, resp, nil
		}
		seen[path] = true
		next, err := u.ResourceManager.PathOf(page.NextLink)
		switch {
		case !found:
			err = errors.New("it is not there")
		case err != nil:
		case seen[next]:
			err = errors.New("it was read before")
		case bytes > most.bytes:
			err = fmt.Errorf("%d MB are more than such a list has", bytes>>20)
		case pages == most.pages:
			err = fmt.Errorf("%d pages are more than such a list has", most.pages)
		}
		if err != nil { // half a list is none
			return nil, nil, &fleet.CallError{Op: op, Class: fleet.CallGarbled,
				Message:   "its next page is not read: " + err.Error(),
				RequestID: resp.RequestID, ClientRequestID: resp.ClientRequestID}
		}
		path = next
	}
}
