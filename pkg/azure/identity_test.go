package azure

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// unsigned is a token with a payload, as readIdentity sees one.
func unsigned(payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(payload)) + "." + enc([]byte("no signature"))
}

func TestReadIdentity(t *testing.T) {
	t.Parallel()
	const oid, app, tid = "1b9e1f5e-0000-4000-8000-000000000001", "04b07795-0000-4000-8000-000000000002",
		"72f988bf-86f1-41af-91ab-2d7cd011db47"
	for name, tt := range map[string]struct {
		token string
		want  fleet.Identity
	}{
		"user": {unsigned(`{"idtyp":"user","upn":"ops@contoso.example","oid":"` + oid + `","appid":"` + app +
			`","tid":"` + tid + `","scp":"user_impersonation"}`),
			fleet.Identity{Type: fleet.IdentityUser, Name: "ops@contoso.example", ObjectID: oid, ApplicationID: app,
				Tenant: tid}},
		"user of version 2": {unsigned(`{"preferred_username":"ops@contoso.example","azp":"` + app + `"}`),
			fleet.Identity{Type: fleet.IdentityUser, Name: "ops@contoso.example", ApplicationID: app}},
		"guest without idtyp": {unsigned(`{"unique_name":"live.com#ops@x.example"}`),
			fleet.Identity{Type: fleet.IdentityUser, Name: "live.com#ops@x.example"}},
		"for a user, by scope": {unsigned(`{"appid":"` + app + `","scp":"x"}`),
			fleet.Identity{Type: fleet.IdentityUser, ApplicationID: app}},
		"app": {unsigned(`{"idtyp":"app","appid":"` + app + `","oid":"` + oid + `"}`),
			fleet.Identity{Type: fleet.IdentityApp, ApplicationID: app, ObjectID: oid}},
		"app without idtyp": {unsigned(`{"appid":"` + app + `"}`),
			fleet.Identity{Type: fleet.IdentityApp, ApplicationID: app}},
		"a type nobody knows": {unsigned(`{"idtyp":"device","appid":"a"}`), fleet.Identity{ApplicationID: "a"}},
		"numbers for text": {unsigned(`{"upn":7,"oid":["x"],"appid":{"a":1},"tid":"t"}`),
			fleet.Identity{Tenant: "t"}},
		"no claims":          {unsigned(`{}`), fleet.Identity{}},
		"null":               {unsigned(`null`), fleet.Identity{}},
		"a list":             {unsigned(`[1]`), fleet.Identity{}},
		"no JSON":            {unsigned(`upn=ops`), fleet.Identity{}},
		"cut":                {unsigned(`{"upn":"ops"`), fleet.Identity{}},
		"no base64":          {"a.!!!.c", fleet.Identity{}},
		"opaque":             {"0.AVYA~opaque~token", fleet.Identity{}},
		"encrypted, of five": {unsigned(`{"upn":"x"}`) + ".d.e", fleet.Identity{}},
		"empty":              {"", fleet.Identity{}},
		"two dots":           {"..", fleet.Identity{}},
		"too large to be a token": {unsigned(`{"upn":"x","pad":"` + strings.Repeat("x", maxToken) + `"}`),
			fleet.Identity{}},
	} {
		if got := readIdentity(tt.token); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

// A claim is somebody's text: it steers nothing, is bounded, and brings no
// token along.
func TestHostileClaims(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{`\u001b[2J\u001b]0;owned\u0007`, `line\nFAILED prod/other`, `gpj\u202e.exe\u2066`,
		`\u2028x\u2029`, `\ud800`, "\xff\xfe",
		strings.Repeat("x", 5000), `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl`} {
		id := readIdentity(unsigned(`{"upn":"a` + claim + `","oid":"b` + claim + `","appid":"c` + claim + `","tid":"d` +
			claim + `"}`))
		if id.Name == "" || id.Tenant == "" {
			t.Errorf("%.40q: nothing is read", claim)
		}
		for _, s := range []string{id.Name, id.ObjectID, id.ApplicationID, id.Tenant} {
			if strings.ContainsFunc(s, func(r rune) bool {
				return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl,
					unicode.Zp)
			}) ||
				len([]rune(s)) > 201 || strings.Contains(s, "eyJ") || strings.ToValidUTF8(s, "") != s {
				t.Errorf("%.40q is shown as %.300q", claim, s)
			}
		}
	}
}

func FuzzReadIdentity(f *testing.F) {
	f.Add(`{"upn":"ops@contoso.example","idtyp":"user"}`, "a.b.c")
	f.Fuzz(func(t *testing.T, payload, token string) {
		for _, s := range []string{unsigned(payload), token} {
			id := readIdentity(s)
			if strings.ContainsFunc(id.Name+id.ObjectID+id.ApplicationID+id.Tenant, unicode.IsControl) {
				t.Errorf("%q is read as %+v", s, id)
			}
		}
	})
}

func TestSideSignIn(t *testing.T) {
	t.Parallel()
	const tenant, other = "72f988bf-86f1-41af-91ab-2d7cd011db47", "11111111-86f1-41af-91ab-2d7cd011db47"
	ends := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	cloud, _ := fleet.KnownCloud(fleet.AzurePublic)
	side := func(kind fleet.CredentialKind, cloud fleet.Cloud, token string, err error) *APIClients {
		t.Helper()
		sm, _, sideErr := NewAPIClients(Options{Cloud: cloud, Credentials: fleet.Credentials{ServiceManagement: kind},
			NewCredential: func(fleet.CredentialKind, string) (azcore.TokenCredential, error) {
				return tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
					return azcore.AccessToken{Token: token, ExpiresOn: ends}, err
				}), nil
			}})
		if sideErr != nil {
			t.Fatal(sideErr)
		}
		return sm
	}
	in := side(fleet.CredentialCLI, cloud,
		unsigned(`{"upn":"ops@contoso.example","tid":"`+strings.ToUpper(tenant)+`"}`), nil).SignIn(t.Context(), tenant)
	if in.Identity.Name != "ops@contoso.example" || !in.Identity.ValidUntil.Equal(ends) || !in.Identity.Renews ||
		len(in.Findings) > 0 ||
		in.Tenant != tenant || in.Credential != fleet.CredentialCLI || in.Side != "Service Management" {
		t.Errorf("a user: %+v", in)
	}
	in = side(fleet.CredentialPipelines, cloud, "opaque-token", nil).SignIn(t.Context(), "contoso.example")
	if in.Identity.Type != fleet.IdentityApp || in.Identity.Renews || in.Identity.Renewal == "" ||
		len(in.Findings) > 0 {
		t.Errorf("an opaque token of a pipeline: %+v", in)
	}
	in = side(fleet.CredentialDefault, cloud, "opaque-token", nil).SignIn(t.Context(), "")
	if in.Identity.Type != fleet.IdentityUnknown || in.Identity.Renews {
		t.Errorf("an opaque token of the default chain: %+v", in)
	}
	in = side(fleet.CredentialManagedIdentity, cloud, unsigned(`{"tid":"`+other+`"}`), nil).SignIn(t.Context(), tenant)
	if len(in.Findings) != 1 || in.Findings[0].Code != fleet.CodeOtherTenant ||
		in.Findings[0].Severity != fleet.SeverityWarning {
		t.Errorf("a token of another tenant: %+v", in)
	}
	in = side(fleet.CredentialCLI, cloud, "", errors.New("run az login; client_secret=hunter2")).SignIn(t.Context(),
		tenant)
	if len(in.Findings) != 1 || in.Findings[0].Code != fleet.CodeNotSignedIn ||
		!strings.Contains(in.Findings[0].Message, "run az login") ||
		strings.Contains(in.Findings[0].Message, "hunter2") || in.Identity != (fleet.Identity{}) {
		t.Errorf("no sign-in: %+v", in)
	}
	plain := fleet.Cloud{ServiceManagement: "http://127.0.0.1:1", ResourceManager: "http://127.0.0.1:1"}
	in = side(fleet.CredentialCLI, plain, unsigned(`{"upn":"ops"}`), nil).SignIn(t.Context(), tenant)
	if in.Identity != (fleet.Identity{Fixed: true}) || in.Tenant != "" || len(in.Findings) > 0 {
		t.Errorf("plain HTTP: %+v", in)
	}
}
