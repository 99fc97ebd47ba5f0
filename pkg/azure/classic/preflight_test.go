package classic

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// ends are the states of checks, the first letter each: of the subscription, two
// providers, the feature, one resource group and the listing.
func ends(cs []fleet.Check) string {
	var b strings.Builder
	for _, c := range cs {
		b.WriteByte(string(c.State)[0])
	}
	return b.String()
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	forbidden := `{"error":{"code":"AuthorizationFailed","message":"no"}}`
	for name, tt := range map[string]struct {
		url    string
		status int
		body   string
		vault  func(*fleet.Vault)
		want   string // as ends
		codes  string // of all findings
	}{
		"all good": {want: "gggggg"},
		"disabled": {url: subURL, status: 200, body: `{"state":"Disabled"}`, want: "mggggg",
			codes: "error:subscription-not-usable"},
		"CSP": {url: subURL, status: 200,
			body: `{"state":"Enabled","subscriptionPolicies":{"quotaId":"CSP_2015"}}`, want: "mggggg",
			codes: "error:csp-subscription"},
		"invisible": {url: subURL, status: 404, body: `{"error":{"code":"SubscriptionNotFound"}}`,
			want: "dssssg", codes: "error:subscription-not-usable"},
		"not for us": {url: subURL, status: 403, body: forbidden, want: "dggggg",
			codes: "error:no-permission"},
		"signed out": {url: subURL, status: 401, body: forbidden, want: "dssssg",
			codes: "error:not-signed-in"},
		"throttled half-way": {url: srURL, status: 429, body: `{}`, want: "ggwssg", codes: "error:throttled"},
		"not registered": {url: rsURL, status: 200, body: `{"registrationState":"NotRegistered"}`,
			want: "gmgggg", codes: "error:provider-not-registered"},
		"registering": {url: srURL, status: 200, body: `{"registrationState":"Registering"}`, want: "ggwggg",
			codes: "error:provider-not-registered"},
		"not enabled": {url: featureURL, status: 404, body: `{"error":{"code":"x"}}`, want: "gggmgg",
			codes: "error:upgrade-not-enabled"},
		"no group": {url: groupURL, status: 404, body: `{"error":{"code":"x"}}`, want: "ggggmg",
			codes: "error:resource-group-missing"},
		"group will be created": {url: groupURL, status: 404, body: `{"error":{"code":"x"}}`,
			vault: func(v *fleet.Vault) { v.CreateResourceGroup = true }, want: "gggggg",
			codes: "info:resource-group-will-be-created"},
		"no co-administrator": {url: listURL, status: 403, body: errorXML("ForbiddenError", "no", ""),
			want: "gggggd", codes: "error:no-permission"},
		"listing cannot be read": {url: listURL, status: 200, body: "<CloudServices", want: "gggggw",
			codes: "error:unreadable-answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeCloud(t)
			if tt.url != "" {
				f.set(tt.url, tt.status, tt.body)
				if tt.status == 404 || tt.status == 429 {
					f.routes[tt.url] = reply{tt.status, tt.body,
						map[string]string{"Content-Type": "application/json", "Retry-After": "60"}, nil}
				}
			}
			v := testVault()
			if tt.vault != nil {
				tt.vault(v)
			}
			cs := f.upgrader(nil).Preflight(t.Context(), strings.ToUpper(sub), []*fleet.Vault{v, v})
			var fs []fleet.Finding
			for _, c := range cs {
				fs = append(fs, c.Findings...)
			}
			if got := ends(cs); got != tt.want || codes(fs) != tt.codes {
				t.Errorf("got %s %q, want %s %q\n%+v", got, codes(fs), tt.want, tt.codes, cs)
			}
			for _, s := range f.sent {
				if !strings.HasPrefix(s.line, "GET ") {
					t.Errorf("sent %s", s.line)
				}
			}
			if name == "all good" && cs[5].Detail != "1 listed" {
				t.Errorf("the listing's check says %q", cs[5].Detail)
			}
			if name == "no co-administrator" && !strings.Contains(cs[5].Findings[0].Action, "co-administrator") {
				t.Errorf("a refused listing says %+v", cs[5].Findings)
			}
		})
	}
}

// A group that one vault lets be created and another does not has to be there.
func TestPreflightGroups(t *testing.T) {
	t.Parallel()
	vault := func(group string, create bool) *fleet.Vault {
		v := testVault()
		v.TargetResourceGroup, v.CreateResourceGroup = group, create
		return v
	}
	var got []string
	for _, v := range targetGroups([]*fleet.Vault{vault("b", true), vault("A", false), vault("B", false),
		vault("b", true), vault("c", true)}) {
		got = append(got, fmt.Sprint(v.TargetResourceGroup, v.CreateResourceGroup))
	}
	if s := strings.Join(got, " "); s != "Afalse Bfalse ctrue" {
		t.Errorf("got %s", s)
	}
}

// tokenOf is a credential that gives one token.
type tokenOf string

func (c tokenOf) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(c)}, nil
}

// An application on the classic side is warned of; on the other side it is as
// good as anybody.
func TestSignInsWarnOfApplications(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"x.eyJpZHR5cCI6ImFwcCJ9.x":     "warning:not-a-user", // {"idtyp":"app"}
		"x.eyJpZHR5cCI6InVzZXIifQ==.x": "",                   // {"idtyp":"user"}
		"opaque-token":                 "",
	} {
		cloud, _ := fleet.KnownCloud(fleet.AzurePublic)
		f := newFakeCloud(t)
		sm, rm, err := azure.NewAPIClients(azure.Options{Cloud: cloud, Transport: f,
			NewCredential: func(fleet.CredentialKind, string) (azcore.TokenCredential, error) {
				return tokenOf(token),
					nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		u, err := New(Options{ServiceManagement: sm, ResourceManager: rm})
		if err != nil {
			t.Fatal(err)
		}
		in := u.SignIns(t.Context(), "")
		if len(in) != 2 || codes(in[0].Findings) != want || len(in[1].Findings) > 0 {
			t.Errorf("%s: got %+v, want %q", token, in, want)
		}
		if len(f.sent) > 0 {
			t.Errorf("signing in asked the cloud: %v", f.sent)
		}
	}
}
