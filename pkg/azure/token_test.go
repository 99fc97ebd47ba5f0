package azure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// counted signs in with a new token each time.
type counted struct {
	n     int
	lives time.Duration
	fails func(ctx context.Context) error
	empty bool
}

func (c *counted) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.n++
	if c.fails != nil {
		return azcore.AccessToken{}, c.fails(ctx)
	}
	t := azcore.AccessToken{Token: fmt.Sprint("t", c.n), ExpiresOn: time.Now().Add(c.lives)}
	if c.empty {
		t.Token = ""
	}
	return t, nil
}

// TestTokensAtHand: a start goes out with the token that was got for it, and signs in
// again where that was refused or is about to end.
func TestTokensAtHand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		passes time.Duration // since the token was got
		refuse string        // what the cloud answered 401 to
		want   string
	}{
		"at once":                    {0, "", "Bearer t1"},
		"not used for requests":      {56 * time.Minute, "", "Bearer t1"},
		"a moment before it is late": {59*time.Minute - 1, "", "Bearer t1"},
		"a minute before its end":    {59 * time.Minute, "", "Bearer t2"},
		"refused":                    {0, "Bearer t1", "Bearer t2"},
		"another was refused":        {0, "Bearer t0", "Bearer t1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &tokenSource{cred: &counted{lives: time.Hour}}
				if got, err := source.header(t.Context(), "check"); err != nil || got != "Bearer t1" {
					t.Fatalf("first %q, %v", got, err)
				}
				time.Sleep(c.passes)
				if c.refuse != "" {
					source.refused(c.refuse)
				}
				if got, err := source.atHand(t.Context(), "start"); err != nil || got != c.want {
					t.Errorf("it goes out with %q, %v; want %q", got, err, c.want)
				}
			})
		})
	}
}

// TestNoToken: who cannot sign in is denied; who was interrupted meanwhile is not.
func TestNoToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cred  counted
		class fleet.CallClass
		says  string
		takes time.Duration
	}{
		"refused": {counted{fails: func(context.Context) error { return errors.New("AADSTS70008: expired") }},
			fleet.CallDenied, "AADSTS70008", 0},
		"empty": {counted{empty: true}, fleet.CallDenied, "the credential gave an empty token", 0},
		"no answer": {counted{fails: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			fleet.CallDenied, "deadline", tokenTimeout},
		"interrupted": {counted{fails: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
			fleet.CallUnreachable, "interrupted while signing in", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.class == fleet.CallUnreachable {
					time.AfterFunc(c.takes, cancel)
				}
				began := time.Now()
				source := &tokenSource{cred: &c.cred, kind: fleet.CredentialCLI, tenant: "contoso"}
				got, err := source.header(ctx, "read vault v1")
				if got != "" || fleet.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.says) ||
					!strings.HasPrefix(err.Error(), "read vault v1: ") {
					t.Errorf("%q, %v", got, err)
				}
				if took := time.Since(began); took != c.takes {
					t.Errorf("it took %v, want %v", took, c.takes)
				}
			})
		})
	}
}

// TestKeepUntil: a token is used again until five minutes before its end, for half its
// life where that is short, and no longer than its issuer advises.
func TestKeepUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ lives, refresh, want time.Duration }{
		"an hour":             {time.Hour, 0, 55 * time.Minute},
		"eight minutes":       {8 * time.Minute, 0, 4 * time.Minute},
		"advised earlier":     {time.Hour, 20 * time.Minute, 20 * time.Minute},
		"advised, and behind": {time.Hour, 58 * time.Minute, 55 * time.Minute},
	} {
		tok := azcore.AccessToken{ExpiresOn: now.Add(c.lives)}
		if c.refresh > 0 {
			tok.RefreshOn = now.Add(c.refresh)
		}
		if got := keepUntil(now, tok).Sub(now); got != c.want {
			t.Errorf("%s: for %v, want %v", name, got, c.want)
		}
	}
}
