package azure

import (
	"context"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokenFunc is a credential made of a function.
type tokenFunc func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

func (f tokenFunc) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx, o)
}

func fixedCredential(token string) azcore.TokenCredential {
	return tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, nil
	})
}

// newTestClient returns the client of a server's base URL.
func newTestClient(t *testing.T, base string, change func(*clientOptions)) *Client {
	t.Helper()
	e, err := parseEndpoint(base)
	if err != nil {
		t.Fatal(err)
	}
	reads := newReadTransport()
	t.Cleanup(reads.CloseIdleConnections)
	o := clientOptions{Endpoint: e, Scope: base + "/.default", Credential: fixedCredential("secret-token"),
		Kind:    fleet.CredentialCLI,
		Version: "1.2.3", Reads: reads, Starts: newStartTransport(), OwnStarts: true}
	if change != nil {
		change(&o)
	}
	c, err := newClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
