package azure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// echoAuthority is a token endpoint that repeats in its error what it was sent,
// as a form, decoded and in JSON.
type echoAuthority struct{ asked []string }

func (e *echoAuthority) Do(r *http.Request) (*http.Response, error) {
	status, body := 200, ""
	switch {
	case strings.Contains(r.URL.Path, "discovery/instance"):
		body = `{"tenant_discovery_endpoint":"https://` + r.URL.Host + `/` + testTenant +
			`/v2.0/.well-known/openid-configuration","metadata":[]}`
	case strings.Contains(r.URL.Path, "openid-configuration"):
		body = `{"token_endpoint":"https://` + r.URL.Host + `/` + testTenant +
			`/oauth2/v2.0/token","issuer":"https://` + r.URL.Host + `/` + testTenant + `/v2.0",` +
			`"authorization_endpoint":"https://` + r.URL.Host + `/` + testTenant + `/oauth2/v2.0/authorize"}`
	default:
		sent, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(sent))
		e.asked = append(e.asked, string(sent)+r.Header.Get("Authorization"))
		status = 400
		body = `{"error":"invalid_client","error_description":"AADSTS7000215: I was sent ` + string(sent) +
			` that is ` +
			form.Get("client_secret") + ` and ` + form.Get("client_assertion") + r.Header.Get("Authorization") + `"}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body))}, nil
}

// What a sign-in says shows no secret of the environment, even where the token
// endpoint repeats it.
func TestSignInErrorsHoldNoSecret(t *testing.T) {
	// Not parallel: the environment is the process's.
	const secret, assertion = `pK8~not/to be+seen=Q3`, "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(assertion), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": "client",
		"AZURE_CLIENT_SECRET":        secret,
		"AZURE_FEDERATED_TOKEN_FILE": file, "AZURE_AUTHORITY_HOST": "",
		"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "conn",
		"AZURESUBSCRIPTION_CLIENT_ID":             "client", "AZURESUBSCRIPTION_TENANT_ID": testTenant,
		"SYSTEM_ACCESSTOKEN":    secret,
		"SYSTEM_OIDCREQUESTURI": "https://pipelines.example/oidc"} {
		t.Setenv(k, v)
	}
	for _, kind := range []fleet.CredentialKind{fleet.CredentialServicePrincipal, fleet.CredentialWorkloadIdentity} {
		authority := &echoAuthority{}
		cred, err := newCredential(kind, "", credentialOptions{Cloud: fleet.AzurePublic, Transport: authority})
		if err != nil {
			t.Fatal(err)
		}
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) { o.Credential, o.Kind = cred, kind })
		err = c.Once(nil).Prepare(t.Context(), "start it", "")
		if _, ok := errors.AsType[*SignInError](err); !ok {
			t.Fatalf("%s: got %v", kind, err)
		}
		if len(authority.asked) == 0 || !strings.Contains(err.Error(), "AADSTS7000215") {
			t.Fatalf("%s: the token endpoint was not asked, or its answer is not told: %v", kind, err)
		}
		for _, s := range []string{secret, url.QueryEscape(secret), assertion, assertion[:30]} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q is in the error: %v", kind, s, err)
			}
		}
	}
}

// A tenant with variables of its own is signed in to with those, in the name of its own
// application alone, and what it says of them is hidden as well.
func TestATenantsOwnSecret(t *testing.T) {
	// Not parallel: the environment is the process's.
	const everybodys, theirs = "everybody's~secret=1", "theirs~and/nobody+else's=2"
	for k, v := range map[string]string{"AZURE_TENANT_ID": "contoso.example", "AZURE_CLIENT_ID": "app",
		"AZURE_CLIENT_SECRET": everybodys, "AZURE_AUTHORITY_HOST": "",
		"AZURE_CLIENT_ID" + ofTestTenant: "their-app", "AZURE_CLIENT_SECRET" + ofTestTenant: theirs} {
		t.Setenv(k, v)
	}
	authority := &echoAuthority{}
	cred, err := newCredential(fleet.CredentialServicePrincipal, testTenant,
		credentialOptions{Cloud: fleet.AzurePublic, Transport: authority})
	if err != nil {
		t.Fatal(err)
	}
	c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
		o.Credential, o.Kind, o.Tenant = cred, fleet.CredentialServicePrincipal, testTenant
	})
	err = c.Once(nil).Prepare(t.Context(), "start it", "")
	sent := strings.Join(authority.asked, "\n")
	if !strings.Contains(sent, "client_id=their-app") || !strings.Contains(sent, url.QueryEscape(theirs)) ||
		strings.Contains(sent, url.QueryEscape(everybodys)) {
		t.Errorf("the tenant was sent %q", sent)
	}
	if err == nil || !strings.Contains(err.Error(), "AADSTS7000215") || strings.Contains(err.Error(), theirs) ||
		strings.Contains(err.Error(), url.QueryEscape(theirs)) {
		t.Errorf("it says %v", err)
	}
}

// Every secret of the environment is taken out of what a credential says,
// however it got there.
func TestSecretsOfTheEnvironmentAreHidden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD",
		"SYSTEM_ACCESSTOKEN",
		"IDENTITY_HEADER", "MSI_SECRET", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		getenv := func(n string) string {
			if n == name {
				return "hunter2/&"
			}
			return ""
		}
		for _, said := range []string{"it was hunter2/&", "p=hunter2%2F%26"} {
			if got := hideSignIn(said, getenv); strings.Contains(got, "hunter2") {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// The fixed token of loopback is no secret: hiding it would change data.
func TestFixedTokenIsNotHidden(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, "http://127.0.0.1:1", func(o *clientOptions) {
		o.Reads = roundTrip(func(*http.Request) (*http.Response,
			error) {
			return answer(200, "a vault named fleetup-emulator")()
		})
	})
	resp, err := c.Do(t.Context(), Request{Op: "x", Method: http.MethodGet, Path: "/x"})
	if err != nil || string(resp.Body) != "a vault named fleetup-emulator" {
		t.Errorf("got %+v, %v", resp, err)
	}
}

// An error keeps what it is when its text is changed.
func TestHiddenErrorIsStillItself(t *testing.T) {
	t.Parallel()
	inner := errors.Join(errors.New("got Bearer 0123456789abcdefghijklmnop\nand\x1b more "+strings.Repeat("x", 5000)),
		context.DeadlineExceeded)
	err := sentToken("0123456789abcdefghijklmnop").error(inner)
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "0123") ||
		strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600 {
		t.Errorf("got %q", err)
	}
	if plain := errors.New("plain"); sentToken("0123456789").error(plain) != plain {
		t.Error("an error with nothing to hide was changed")
	}
}
