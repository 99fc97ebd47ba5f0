package azure

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fleetup-dev/fleetup/internal/proxy"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Options are what the two sides of a cloud are made of.
type Options struct {
	Cloud       fleet.Cloud // with its endpoints
	Credentials fleet.Credentials
	Version     string // of fleetup, for the User-Agent
	// Transport carries everything instead of the network, in tests and for an
	// emulator in the same process. With it, only errors of dialling count as
	// "not sent".
	Transport http.RoundTripper
	// NewCredential replaces the package's own newCredential.
	NewCredential func(kind fleet.CredentialKind, tenant string) (azcore.TokenCredential, error)
	Log           func(RequestLog) // optional; called from many goroutines
	Pacer         Pacer            // optional
}

// APIClients are the clients of one side of a cloud, Service Management or Resource
// Manager: one a tenant, made when it is asked for. They are safe for concurrent use.
type APIClients struct {
	name     string
	classes  classes
	endpoint endpoint
	scope    string
	kind     fleet.CredentialKind
	o        Options
	reads    http.RoundTripper
	starts   http.RoundTripper

	mu      sync.Mutex
	clients map[string]*Client
}

// NewAPIClients returns the clients of both sides of a cloud. It makes no call and signs in
// nowhere; an error means an endpoint that may not be used, or a proxy that cannot be.
//
// The scopes are those of classic-service.md#endpoints-and-headers: the resource of the classic
// side ends in a slash, which gives its scope two.
func NewAPIClients(o Options) (serviceManagement, resourceManager *APIClients, err error) {
	sm, err1 := newAPIClients("Service Management", classes{fleet.ClassServiceManagement, fleet.ClassServiceManagement},
		o.Cloud.ServiceManagement, "//.default", o.Credentials.ServiceManagement, o)
	rm, err2 := NewResourceManager(o)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	return sm, rm, nil
}

// NewResourceManager returns those of the one side that today's vaults need, as
// [NewAPIClients] does.
func NewResourceManager(o Options) (*APIClients, error) {
	return newAPIClients("Resource Manager", classes{fleet.ClassReads, fleet.ClassWrites}, o.Cloud.ResourceManager,
		"/.default", o.Credentials.ResourceManager, o)
}

func newAPIClients(name string, l classes, base, scope string, kind fleet.CredentialKind, o Options) (*APIClients,
	error) {
	e, err := parseEndpoint(base)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	kind = cmp.Or(kind, fleet.CredentialDefault)
	s := &APIClients{name: name, classes: l, endpoint: e, scope: e.String() + scope, kind: kind, o: o,
		reads: o.Transport, starts: o.Transport, clients: map[string]*Client{}}
	if o.Transport == nil {
		if err := proxy.Usable(); err != nil && !e.Plain() {
			return nil, &fleet.Refusal{Code: fleet.ExitUsage, Err: err,
				Next: []fleet.Advice{{Text: "correct the variable, or unset it to go without a proxy"}}}
		}
		s.reads, s.starts = newReadTransport(), newStartTransport()
	}
	return s, nil
}

// Name is the side's name for people.
func (s *APIClients) Name() string { return s.name }

// Client returns the client for a tenant; an empty tenant is the credential's
// own. It makes no call. What the environment lacks for signing in is a
// *SignInError.
func (s *APIClients) Client(tenant string) (*Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoint.Plain() {
		tenant = "" // no sign-in: one client serves all
	}
	if c, ok := s.clients[tenant]; ok {
		return c, nil
	}
	var cred azcore.TokenCredential
	if !s.endpoint.Plain() {
		var err error
		if s.o.NewCredential != nil {
			cred, err = s.o.NewCredential(s.kind, tenant)
		} else {
			cred, err = newCredential(s.kind, tenant, credentialOptions{Cloud: s.o.Cloud.Name, Log: s.o.Log})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	c, err := newClient(clientOptions{Endpoint: s.endpoint, Scope: s.scope, Credential: cred, Kind: s.kind,
		Tenant:  tenant,
		Version: s.o.Version, Reads: s.reads, Starts: s.starts, OwnStarts: s.o.Transport == nil, Log: s.o.Log,
		Pacer: s.o.Pacer, ReadLane: s.classes.reads, WriteLane: s.classes.writes})
	if err != nil {
		return nil, err
	}
	s.clients[tenant] = c
	return c, nil
}

// PathOf is the percent-encoded path, with its query, of a URL that this side's
// cloud handed out: the part of it below the endpoint. A URL of another scheme or
// host is an error: no token goes there.
func (s *APIClients) PathOf(given string) (string, error) {
	u, err := url.Parse(given)
	base, _ := url.Parse(s.endpoint.base) // it was parsed before
	switch {
	case err != nil:
		return "", errors.New("it is no URL")
	case u.User != nil:
		return "", errors.New("it holds a user name")
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		u = base.ResolveReference(u)
	}
	if !strings.EqualFold(u.Scheme, base.Scheme) || !strings.EqualFold(u.Hostname(), base.Hostname()) ||
		portOf(u) != portOf(base) {
		return "", fmt.Errorf("it is on another host, %s", text.Clean(u.Host, text.MaxID))
	}
	u.Fragment = ""
	path, ok := strings.CutPrefix(u.RequestURI(), strings.TrimSuffix(base.EscapedPath(), "/"))
	if !ok || !strings.HasPrefix(path, "/") {
		return "", errors.New("it is not below the endpoint")
	}
	return path, nil
}

// portOf is the port that a URL means. The Resource Manager writes the usual one
// into the links that it hands out (azure-rest-api-specs, AlertProcessingRules
// 2021-08-08, the example of a list).
func portOf(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case strings.EqualFold(u.Scheme, "http"):
		return "80"
	}
	return "443"
}

// Close closes idle connections. The side can still be used.
func (s *APIClients) Close() {
	if t, ok := s.reads.(*http.Transport); ok && s.o.Transport == nil {
		t.CloseIdleConnections()
	}
}

// Tenants are the tenants to sign in to, by subscription. A subscription that is not
// there is asked in the credential's own tenant.
type Tenants map[string]string

// SignInsOf returns the tenants of subscriptions. It makes no call, but builds each
// tenant's credentials on some sides, and those of others besides: what the environment
// lacks is an error now (*SignInError inside), not in the night.
func SignInsOf(subscriptions []fleet.Subscription, others []string, sides ...*APIClients) (Tenants, error) {
	t := Tenants{}
	tried := map[string]bool{}
	var errs []error
	try := func(tenant string) {
		for _, side := range sides {
			if !tried[tenant] {
				_, err := side.Client(tenant)
				errs = append(errs, err)
			}
		}
		tried[tenant] = true
	}
	for _, s := range subscriptions {
		t[s.ID] = s.Tenant
		try(s.Tenant)
	}
	for _, tenant := range others {
		try(tenant)
	}
	return t, errors.Join(errs...)
}

// Client is a side's client for a subscription. Its error is a *fleet.CallError.
func (t Tenants) Client(side *APIClients, subscription, op string) (*Client, error) {
	c, err := side.Client(t[subscription])
	if err != nil {
		return nil, &fleet.CallError{Op: op, Class: fleet.CallDenied, Err: err}
	}
	return c, nil
}
