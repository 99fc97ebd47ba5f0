package classic

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/share"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// defaultSharedMaxAge is how long an answer about a subscription or a resource
// group serves the vaults that come after.
const defaultSharedMaxAge = 10 * time.Minute

// Options are what an Upgrader is made of.
type Options struct {
	ServiceManagement *azure.APIClients
	ResourceManager   *azure.APIClients
	// Subscriptions give the tenants to sign in to. One that is not here is
	// read in the credential's own tenant.
	Subscriptions []fleet.Subscription
	// AllowCSP lets vaults of CSP subscriptions through, should the service
	// have learnt to upgrade them.
	AllowCSP bool
	// AgentDownload is where people get the backup agent; shown beside lists of
	// machines. Empty: not shown.
	AgentDownload string
	// SharedMaxAge is how long an answer about a subscription is kept; 0: ten
	// minutes.
	SharedMaxAge time.Duration
}

// Upgrader upgrades classic vaults. Its methods are safe for concurrent use;
// errors of reads are *fleet.CallError.
type Upgrader struct {
	o       Options
	tenants azure.Tenants

	subscriptions share.Group[string, subscriptionReport]
	groups        share.Group[string, bool]
}

// New returns an Upgrader. It makes no call, but builds credentials, as azure.SignInsOf
// says.
func New(o Options) (*Upgrader, error) {
	if o.ServiceManagement == nil || o.ResourceManager == nil {
		return nil, errors.New("the classic upgrade needs both sides of a cloud")
	}
	if o.SharedMaxAge <= 0 {
		o.SharedMaxAge = defaultSharedMaxAge
	}
	subscriptions := slices.Clone(o.Subscriptions)
	for i := range subscriptions {
		subscriptions[i].ID = subscriptionID(subscriptions[i].ID)
	}
	tenants, err := azure.SignInsOf(subscriptions, nil, o.ServiceManagement, o.ResourceManager)
	if err != nil {
		return nil, err
	}
	return &Upgrader{o: o, tenants: tenants}, nil
}

// NewOperationID returns an identifier in the form the service knows
// (classic-service.md#endpoints-and-headers): a GUID, the time in UTC and the letter P.
func (u *Upgrader) NewOperationID(now time.Time) string { return newOperationID(now) }

func newOperationID(now time.Time) string {
	return uuid.NewString() + "-" + now.UTC().Format("2006-01-02 15:04:05Z") + "-P"
}

func subscriptionID(s string) string {
	if id, err := fleet.NormalizeGUID(s); err == nil {
		return id
	}
	return s
}

// client returns a side's client for a subscription.
func (u *Upgrader) client(side *azure.APIClients, subscription, op string) (*azure.Client, error) {
	return u.tenants.Client(side, subscriptionID(subscription), op)
}

// do makes a read on a side for a subscription.
func (u *Upgrader) do(ctx context.Context, side *azure.APIClients, subscription string,
	r azure.Request) (*azure.Response, error) {
	c, err := u.client(side, subscription, r.Op)
	if err != nil {
		return nil, err
	}
	r.Subject = subscription
	return c.Do(ctx, r)
}

// Close closes idle connections.
func (u *Upgrader) Close() {
	u.o.ServiceManagement.Close()
	u.o.ResourceManager.Close()
}

// classicHeader returns the headers of every classic call
// (classic-service.md#endpoints-and-headers).
func classicHeader() http.Header {
	h := http.Header{}
	h.Set("x-ms-version", "2013-03-01")
	h.Set("Accept", "application/xml")
	return h
}

// headerOperation carries the operation ID.
const headerOperation = "X-Ms-Client-Request-Id"

// upgradeHeader returns the headers of the three upgrade calls
// (classic-service.md#endpoints-and-headers): the operation ID goes where other services take a
// client request ID.
func upgradeHeader(operationID string) http.Header {
	h := classicHeader()
	h.Set("Agent-Authentication", "")
	h.Set(headerOperation, operationID)
	return h
}

// upgradeInputHeader is upgradeHeader for the calls with a body.
func upgradeInputHeader(operationID string) http.Header {
	h := upgradeHeader(operationID)
	h.Set("Content-Type", "application/xml")
	return h
}

// upgradeRequest is the start of an upgrade (classic-service.md#the-three-calls), for a plan to
// show. The cloud service and the namespace are read from the listing.
var upgradeRequest = fleet.Request{Method: http.MethodPost, Path: addressPattern + upgradeCall,
	Body: fleet.XMLBody(`<ResourceUpgradeInput xmlns="` + nsAzure + `"><NewResourcePath>` + fleet.PlaceholderTarget +
		`</NewResourcePath></ResourceUpgradeInput>`)}

const (
	addressPattern = "/" + fleet.PlaceholderSubscription + "/cloudservices/{cloudService}/resources/{namespace}/~/" +
		fleet.PlaceholderType + "/" + fleet.PlaceholderName
	upgradeCall = "/upgrade"
)

// upgradeInput is the body of the two POSTs (classic-service.md#the-three-calls).
func upgradeInput(v *fleet.Vault) []byte {
	document, _ := upgradeRequest.Of(v).XML()
	return []byte(document)
}

// address is the base path P of classic-service.md#the-three-calls, percent-encoded, from what a
// listing showed. It is empty where a part is missing or would walk the path.
func address(subscription, cloudService, namespace, resourceType, name string) string {
	for _, part := range []string{cloudService, namespace, resourceType, name} {
		if part == "" || part == "." || part == ".." {
			return ""
		}
	}
	return strings.NewReplacer(fleet.PlaceholderSubscription, url.PathEscape(subscription), "{cloudService}",
		url.PathEscape(cloudService),
		"{namespace}", url.PathEscape(namespace), fleet.PlaceholderType, url.PathEscape(resourceType),
		fleet.PlaceholderName, url.PathEscape(name)).Replace(addressPattern)
}
