package arm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/share"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// sharedMaxAge is how long an answer about a subscription serves the vaults that
// come after.
const sharedMaxAge = 10 * time.Minute

// maxBody is how many bytes an answer may have: the 4,000 role assignments that a
// subscription can have come in one page.
const maxBody = 8 << 20

// Options are what an Upgrader is made of.
type Options struct {
	ResourceManager *azure.APIClients
	// Subscriptions give the tenants to sign in to. One that is not here is
	// read in the credential's own tenant.
	Subscriptions []fleet.Subscription
	Kind          fleet.Options // the plan's, complete
}

// Upgrader carries a Change out. Its methods are safe for concurrent use;
// errors of reads are *fleet.CallError.
type Upgrader struct {
	Options
	change  Change
	tenants azure.Tenants

	shared share.Group[string, any]
}

// New returns the Upgrader of a change. It makes no call, but builds credentials, as
// azure.SignInsOf says: the resource guard's tenant's too.
func New(change Change, o Options) (*Upgrader, error) {
	if o.ResourceManager == nil {
		return nil, errors.New("the upgrade needs the Resource Manager side of a cloud")
	}
	var others []string
	if guard := o.Kind[fleet.OptionGuardTenant]; guard != "" {
		others = append(others, guard)
	}
	tenants, err := azure.SignInsOf(o.Subscriptions, others, o.ResourceManager)
	return &Upgrader{Options: o, change: change, tenants: tenants}, err
}

// NewOperationID returns a GUID: the start's x-ms-client-request-id.
func (u *Upgrader) NewOperationID(time.Time) string { return uuid.NewString() }

// Scope says that vaults are read one by one.
func (u *Upgrader) Scope() fleet.Scope { return fleet.ScopeVault }

// Close closes idle connections.
func (u *Upgrader) Close() { u.ResourceManager.Close() }

// Do makes a call for a subscription, and again where it fails: for reads, and
// for what may be done twice. The path is percent-encoded.
func (u *Upgrader) Do(ctx context.Context, subscription, op, method, path string, body []byte) (*azure.Response,
	error) {
	c, err := u.tenants.Client(u.ResourceManager, subscription, op)
	if err != nil {
		return nil, err
	}
	return c.Do(ctx, request(subscription, op, method, path, body))
}

func request(subscription, op, method, path string, body []byte) azure.Request {
	return azure.Request{Op: op, Method: method, Path: path, Body: body, Header: azure.JSONHeader(body != nil),
		Subject: subscription, MaxBody: maxBody}
}

// walks reports whether a part of an ID would walk the path.
func walks(id string) bool {
	for p := range strings.SplitSeq(strings.TrimPrefix(id, "/"), "/") {
		if p == "" || p == "." || p == ".." {
			return true
		}
	}
	return false
}

// vaultPath is where the calls of a vault go.
func (u *Upgrader) vaultPath(v *fleet.Vault) (string, error) {
	if id := v.ResourceID(); !walks(id) {
		return fleet.EscapePath(id) + "?api-version=" + url.QueryEscape(u.Kind[fleet.OptionAPIVersion]), nil
	}
	return "", fmt.Errorf("the resource ID %q is none", v.ResourceID())
}
