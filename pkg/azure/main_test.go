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
func newTestClient(t *testing.T, base string, change func(*ClientOptions)) *Client {
	t.Helper()
	e, err := ParseEndpoint(base)
	if err != nil {
		t.Fatal(err)
	}
	reads := NewReadTransport()
	t.Cleanup(reads.CloseIdleConnections)
	o := ClientOptions{Endpoint: e, Scope: base + "/.default", Credential: fixedCredential("secret-token"), Kind: fleet.CredentialCLI,
		Version: "1.2.3", Reads: reads, Starts: NewStartTransport(), OwnStarts: true}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
