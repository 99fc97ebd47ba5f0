package azure

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/internal/neterr"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/share"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// tokenTimeout bounds one request for a token: a command-line sign-in takes
// seconds, a metadata service that is not there must not take a night.
const tokenTimeout = 60 * time.Second

// tokenSource hands out the Authorization header of one client. Callers that
// come at once share one request for a token; some credentials (the CLI) run a
// process for each.
type tokenSource struct {
	fixed  string // plain HTTP on loopback: no sign-in
	cred   azcore.TokenCredential
	scope  string
	kind   fleet.CredentialKind
	tenant string
	group  share.Group[struct{}, azcore.AccessToken]

	mu   sync.Mutex
	held azcore.AccessToken // the newest that was handed out and not refused
}

// A start takes the token that was got for it as long as that lives for tokenLives
// more, and waits for another one for tokenWait at most: the reading that it goes
// out on gets older meanwhile.
const (
	tokenLives = time.Minute
	tokenWait  = 10 * time.Second
)

// atHand is header for a start that is about to leave.
func (t *tokenSource) atHand(ctx context.Context, op string) (string, error) {
	t.mu.Lock()
	held := t.held
	t.mu.Unlock()
	if held.Token != "" && time.Until(held.ExpiresOn) > tokenLives {
		return "Bearer " + held.Token, nil
	}
	return t.header(ctx, op)
}

// header returns the value of the Authorization header. An error is a
// *fleet.CallError: denied when there is no token, unreachable when the
// context ended first.
func (t *tokenSource) header(ctx context.Context, op string) (string, error) {
	tok, err := t.token(ctx, op)
	if err != nil {
		return "", err
	}
	return "Bearer " + tok.Token, nil
}

// token is header's token, with its end where it has one.
func (t *tokenSource) token(ctx context.Context, op string) (azcore.AccessToken, error) {
	if t.fixed != "" {
		return azcore.AccessToken{Token: t.fixed}, nil
	}
	tok, err := t.group.Do(ctx, struct{}{}, t.fetch)
	if err == nil {
		return tok, nil
	}
	if ctx.Err() != nil {
		return azcore.AccessToken{}, &fleet.CallError{Op: op, Class: fleet.CallUnreachable,
			Err: neterr.Interrupted("signing in", ctx.Err())}
	}
	return azcore.AccessToken{}, &fleet.CallError{Op: op, Class: fleet.CallDenied, Err: err}
}

func (t *tokenSource) fetch(ctx context.Context) (azcore.AccessToken, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	tok, err := t.cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{t.scope}})
	if err == nil && tok.Token == "" {
		err = errors.New("the credential gave an empty token")
	}
	if err != nil {
		// The library's error is not wrapped: it carries the sign-in's raw answer.
		return azcore.AccessToken{}, time.Time{},
			&SignInError{Kind: t.kind, Tenant: t.tenant, Detail: text.Clean(hideSignIn(err.Error(), nil), 900)}
	}
	t.mu.Lock()
	t.held = tok
	t.mu.Unlock()
	return tok, keepUntil(time.Now(), tok), nil
}

// keepUntil says until when a token is used again: five minutes before its end,
// half its life when that is short, and no longer than its issuer advises.
func keepUntil(now time.Time, tok azcore.AccessToken) time.Time {
	left := tok.ExpiresOn.Sub(now)
	until := now.Add(max(left-5*time.Minute, left/2))
	if r := tok.RefreshOn; !r.IsZero() && r.Before(until) {
		until = r
	}
	return until
}

// refused drops a token that the cloud answered 401 to, so that the next call
// signs in again.
func (t *tokenSource) refused(header string) {
	t.mu.Lock()
	if "Bearer "+t.held.Token == header {
		t.held = azcore.AccessToken{}
	}
	t.mu.Unlock()
	t.group.ForgetIf(struct{}{}, func(tok azcore.AccessToken) bool { return "Bearer "+tok.Token == header })
}

// authorize is the pipeline's policy that sets the header. It answers no
// challenge: a 401 goes back to the caller as it came.
type authorize struct{ tokens *tokenSource }

func (a authorize) Do(req *policy.Request) (*http.Response, error) {
	op := ""
	if c := callOf(req.Raw().Context()); c != nil {
		op = c.op
	}
	h, err := a.tokens.header(req.Raw().Context(), op)
	if err != nil {
		return nil, final{err}
	}
	req.Raw().Header.Set("Authorization", h)
	resp, err := req.Next()
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		a.tokens.refused(h)
	}
	return resp, err
}

// final marks an error that trying again does not mend. azcore's retry policy
// knows it by its method.
type final struct{ error }

func (final) NonRetriable()   {}
func (f final) Unwrap() error { return f.error }
