package arm

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

type tokenOf string

func (t tokenOf) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if strings.Contains(string(t), "closed") {
		return azcore.AccessToken{}, errors.New("no sign-in for " + string(t))
	}
	return azcore.AccessToken{Token: "token-of-" + string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// wire carries the requests of a real cloud's client.
type wire struct {
	mu    sync.Mutex
	log   []sent
	patch func(r *http.Request) (*http.Response, error)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.log = append(w.log, sent{method: r.Method, uri: r.URL.RequestURI(), header: r.Header.Clone()})
	w.mu.Unlock()
	if r.Method == http.MethodPatch && w.patch != nil {
		return w.patch(r)
	}
	return answered(200, vaultJSON(asWas)), nil
}

func answered(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body))}
}

// on returns an Upgrader of a cloud over https, whose credentials are named after
// their tenants.
func (w *wire) upgrader(t *testing.T, c Change, guard string, log func(azure.RequestLog)) (*Upgrader, error) {
	t.Helper()
	_, rm, err := azure.NewAPIClients(azure.Options{Transport: w, Version: "1.2.3", Log: log,
		Cloud: fleet.Cloud{Name: fleet.AzurePublic, ServiceManagement: "https://sm.example",
			ResourceManager: "https://arm.example"},
		NewCredential: func(_ fleet.CredentialKind, tenant string) (azcore.TokenCredential, error) {
			if tenant == "unknown" {
				return nil, errors.New("no credential for tenant unknown")
			}
			return tokenOf(tenant), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return New(c, Options{ResourceManager: rm,
		Subscriptions: []fleet.Subscription{{ID: sub, Tenant: "contoso"}, {ID: "other", Tenant: "contoso"}},
		Kind:          fleet.Options{fleet.OptionAPIVersion: "2026-07-01", fleet.OptionGuardTenant: guard}})
}

// toGuard is the test's change with a second token.
func toGuard(tenant string) Change {
	c := testChange()
	c.Complete = func(_ context.Context, _ *Upgrader, _ *fleet.Vault, _ *Resource, s *Sending) error {
		s.Tenant = tenant
		return nil
	}
	return c
}

// TestSecondTenantsToken goes along with the change and with nothing else, and is
// in no answer, no error and no log.
func TestSecondTenantsToken(t *testing.T) {
	t.Parallel()
	const own, second = "token-of-contoso", "token-of-guardians"
	for name, patch := range map[string]func(r *http.Request) (*http.Response, error){
		"said back": func(r *http.Request) (*http.Response, error) {
			resp := answered(403, errorJSON("LinkedAuthorizationFailed",
				"I was sent "+r.Header.Get("X-Ms-Authorization-Auxiliary")+" and "+r.Header.Get("Authorization")))
			resp.Header.Set("x-ms-request-id", r.Header.Get("X-Ms-Authorization-Auxiliary"))
			return resp, nil
		},
		"in an error": func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("malformed HTTP response " + r.Header.Get("X-Ms-Authorization-Auxiliary") +
				r.Header.Get("Authorization"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{patch: patch}
			var logged strings.Builder
			var mu sync.Mutex
			u, err := w.upgrader(t, toGuard("guardians"), "guardians", func(l azure.RequestLog) {
				mu.Lock()
				defer mu.Unlock()
				logged.WriteString(l.Path + l.RequestID + l.ClientRequestID)
				if l.Err != nil {
					logged.WriteString(l.Err.Error())
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
			if err != nil {
				t.Fatal(err)
			}
			got := start(t.Context(), op)
			said := got.Code + got.Message + got.Action + got.RequestID + logged.String()
			if strings.Contains(said, own) || strings.Contains(said, second) {
				t.Errorf("a token is in %s", said)
			}
			for _, s := range w.log {
				aux := s.header.Get("X-Ms-Authorization-Auxiliary")
				if s.header.Get("Authorization") != "Bearer "+own || s.method == "PATCH" && aux != "Bearer "+second ||
					s.method != "PATCH" && aux != "" {
					t.Errorf("%s with %q and %q", s.method, s.header.Get("Authorization"), aux)
				}
			}
		})
	}
}

// TestSecondTenantMustSignIn: without its token nothing is sent; over plain HTTP it
// is the fixed one.
func TestSecondTenantMustSignIn(t *testing.T) {
	t.Parallel()
	w := &wire{}
	u, err := w.upgrader(t, toGuard("closed"), "closed", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Prepare(t.Context(), testVault(), u.seen(t)); fleet.ClassOf(err) != fleet.CallDenied {
		t.Errorf("got %v", err)
	}
	if _, err := w.upgrader(t, toGuard("unknown"), "unknown", nil); err == nil ||
		!strings.Contains(err.Error(), "unknown") {
		t.Errorf("a tenant without a credential: %v", err)
	}
	f := newFake(t)
	f.on("PATCH", vaultURL, ok(vaultJSON(asIs)))
	u = f.upgrader(toGuard("guardians"))
	start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
	if err != nil {
		t.Fatal(err)
	}
	start(t.Context(), op)
	if got := f.came("PATCH")[0].header.Get("X-Ms-Authorization-Auxiliary"); got != "Bearer fleetup-emulator" {
		t.Errorf("sent %q", got)
	}
}

// TestRefusedTokensAreDropped: the next start signs in again in both tenants.
func TestRefusedTokensAreDropped(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	var mu sync.Mutex
	w := &wire{patch: func(*http.Request) (*http.Response, error) {
		return answered(401, errorJSON("ExpiredAuthenticationToken", "one of them")), nil
	}}
	_, rm, err := azure.NewAPIClients(azure.Options{Transport: w,
		Cloud: fleet.Cloud{ServiceManagement: "https://sm.example", ResourceManager: "https://arm.example"},
		NewCredential: func(_ fleet.CredentialKind, tenant string) (azcore.TokenCredential, error) {
			return counted{tokenOf(tenant), func() { mu.Lock(); asked[tenant]++; mu.Unlock() }}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(toGuard("guardians"), Options{ResourceManager: rm,
		Subscriptions: []fleet.Subscription{{ID: sub, Tenant: "contoso"}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		start, err := azuretest.Prepare(t.Context(), u, testVault(), u.seen(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := start(t.Context(), u.NewOperationID(time.Now())); got.Verdict != fleet.StartDenied {
			t.Errorf("got %+v", got)
		}
	}
	if asked["contoso"] != 2 || asked["guardians"] != 2 {
		t.Errorf("signed in %v times", asked)
	}
}

type counted struct {
	tokenOf
	count func()
}

func (c counted) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.count()
	return c.tokenOf.GetToken(ctx, o)
}

// TestNew: what the environment lacks is known before the night.
func TestNew(t *testing.T) {
	t.Parallel()
	if _, err := New(testChange(), Options{}); err == nil {
		t.Error("without a cloud")
	}
	u, err := (&wire{}).upgrader(t, testChange(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	one, two := u.NewOperationID(time.Time{}), u.NewOperationID(time.Time{})
	if _, err := uuid.Parse(one); err != nil || one == two {
		t.Errorf("operation IDs %q and %q", one, two)
	}
}
