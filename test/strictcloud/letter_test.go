package strictcloud_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// A client that keeps to the protocol is never complained about, whatever
// spelling the listing has and however odd the names are.
func TestWholeLifeToTheLetter(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	var vaults []*strictcloud.VaultHandle
	for _, region := range []string{"West US", "Australia East"} {
		for _, name := range []string{"plain", "with space & <angle>", "100%25+ü"} {
			for _, sub := range []string{subA, subB} {
				vaults = append(vaults, cloud.AddVault(strictcloud.Vault{
					Subscription: sub, Name: name, Region: region, Group: "rg-(" + region[:1] + ")",
				}).Duration(time.Millisecond))
			}
		}
	}
	for _, v := range vaults {
		if got := c.validate(v); got.status != 200 || !strings.Contains(got.body, `:nil="true"`) {
			t.Fatalf("%s: prereqs %d %s", v, got.status, got.body)
		}
		if got := c.start(v); got.status != 200 || !strings.Contains(got.body, "InProgress") ||
			got.header.Get("x-ms-request-id") == "" || got.header.Get("x-ms-client-request-id") == "" {
			t.Fatalf("%s: start %d %s %v", v, got.status, got.body, got.header)
		}
	}
	for _, v := range vaults {
		waitState(t, v, "Upgraded")
		for range 4 { // every spelling
			if s := c.look(v); s == nil || s.details == nil || s.details.Status != "Upgraded" ||
				s.details.OperationId != v.Report().Accepted[0].OperationID {
				t.Fatalf("%s: listed as %+v", v, s)
			}
		}
		if got := c.result(v); !strings.Contains(got.body, "Succeeded<") {
			t.Fatalf("%s: result %s", v, got.body)
		}
		if got := c.target(v); got.status != 200 || !strings.Contains(got.body, `"provisioningState":"Succeeded"`) {
			t.Fatalf("%s: target %d %s", v, got.status, got.body)
		}
	}
	clean(t, cloud)
}

func waitState(t *testing.T, v *strictcloud.VaultHandle, want string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if v.Report().State == want {
			return
		}
	}
	t.Fatalf("%s is %q, want %q", v, v.Report().State, want)
}

func setHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func dropHeader(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = nil }
}

func setQuery(q string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = q }
}

func setBody(body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
}

// inPath replaces a part of the path as it goes over the wire.
func inPath(old, new string) func(*http.Request) {
	return func(r *http.Request) {
		r.URL.Opaque = strings.ReplaceAll(r.URL.EscapedPath(), old, new)
	}
}

func only(call string, edit func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, call) {
			edit(r)
		}
	}
}

// Every deviation from the protocol's letter is a violation.
func TestDeviations(t *testing.T) {
	t.Parallel()
	const ns = `xmlns="http://schemas.microsoft.com/windowsazure"`
	const right = `<NewResourcePath>/subscriptions/` + subA +
		`/resourceGroups/rg-target/providers/Microsoft.RecoveryServices/Vaults/v 1</NewResourcePath>`
	list := func(c *client, v *strictcloud.VaultHandle) { c.list(subA) }
	prereqs := func(c *client, v *strictcloud.VaultHandle) { c.prereqs(v) }
	result := func(c *client, v *strictcloud.VaultHandle) { c.result(v) }
	arm := func(c *client, v *strictcloud.VaultHandle) { c.armChecks(v) }
	now := time.Now().UTC()
	guid := "4cc27b8b-1111-4000-8000-000000000001"
	for _, d := range []struct {
		name string
		call func(*client, *strictcloud.VaultHandle)
		edit func(*http.Request)
		want string
	}{
		{"no version header", list, dropHeader("x-ms-version"), "x-ms-version"},
		{"other version header", list, setHeader("x-ms-version", "2014-01-01"), "x-ms-version"},
		{"accepts JSON", list, setHeader("Accept", "application/json"), "Accept"},
		{"listing version", list, setQuery("api-version=2015-02-11"), "query"},
		{"listing without version", list, setQuery(""), "query"},
		{"listing with more", list, setQuery("api-version=2015-02-10&detail=full"), "query"},
		{"listing by POST", list, func(r *http.Request) { r.Method = "POST" }, "method"},
		{"listing with a body", list, setBody("x"), "with a body"},
		{"listing path in capitals", list, inPath("cloudservices", "CloudServices"), `want "cloudservices"`},
		{"braces", list, inPath(subA, "%7B"+subA+"%7D"), "GUID"},
		{"unknown subscription", list, inPath(subA, subB), "nobody named"},
		{"absolute target", list, func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + r.URL.EscapedPath() },
			"is not a path"},
		{"trailing slash", list, inPath("cloudservices", "cloudservices/"), "slash"},
		{"no user agent", list, setHeader("User-Agent", "curl/8"), "User-Agent"},
		{"no token", list, dropHeader("Authorization"), "bearer"},
		{"basic sign-in", list, setHeader("Authorization", "Basic abc"), "bearer"},
		{"idempotency key", list, setHeader("Idempotency-Key", "1"), "repeatable"},
		{"repeatability", list, setHeader("Repeatability-Request-ID", "1"), "repeatable"},

		{"no agent header", prereqs, only("ForUpgrade", dropHeader("Agent-Authentication")), "Agent-Authentication"},
		{"full agent header", prereqs, only("ForUpgrade", setHeader("Agent-Authentication", "x")),
			"Agent-Authentication"},
		{"no request ID", prereqs, only("ForUpgrade", dropHeader("x-ms-client-request-id")), "x-ms-client-request-id"},
		{"bare GUID", prereqs, only("ForUpgrade", setHeader("x-ms-client-request-id", guid)), "is not <guid>"},
		{"impossible time", prereqs, only("ForUpgrade",
			setHeader("x-ms-client-request-id", guid+"-2017-02-30 10:00:00Z-P")), "out of range"},
		{"local time", prereqs, only("ForUpgrade", setHeader("x-ms-client-request-id",
			guid+"-"+now.Add(10*time.Hour).Format("2006-01-02 15:04:05Z")+"-P")), "UTC and now"},
		{"query on an upgrade call", prereqs, only("ForUpgrade", setQuery("api-version=2015-02-10")), "query"},
		{"content type", prereqs, only("ForUpgrade", setHeader("Content-Type", "text/xml")), "Content-Type"},
		{"charset", prereqs, only("ForUpgrade", setHeader("Content-Type", "application/xml; charset=utf-16")),
			"charset"},
		{"no body", prereqs, only("ForUpgrade", setBody("")), "0 ResourceUpgradeInput"},
		{"no XML", prereqs, only("ForUpgrade", setBody(`{"a":1}`)), "does not belong there"},
		{"no UTF-8", prereqs, only("ForUpgrade", setBody("<a>\xff</a>")), "not UTF-8"},
		{"no namespace", prereqs, only("ForUpgrade", setBody(`<ResourceUpgradeInput>`+right+`</ResourceUpgradeInput>`)),
			"namespace"},
		{"other root", prereqs, only("ForUpgrade", setBody(`<UpgradeInput `+ns+`>`+right+`</UpgradeInput>`)),
			"UpgradeInput does not"},
		{"path twice", prereqs, only("ForUpgrade",
			setBody(`<ResourceUpgradeInput `+ns+`>`+right+right+`</ResourceUpgradeInput>`)), "2 NewResourcePath"},
		{"another element", prereqs, only("ForUpgrade",
			setBody(`<ResourceUpgradeInput `+ns+`>`+right+`<X/></ResourceUpgradeInput>`)), "X does not"},
		{"attribute", prereqs, only("ForUpgrade",
			setBody(`<ResourceUpgradeInput a="b" `+ns+`>`+right+`</ResourceUpgradeInput>`)), "attribute a"},
		{"another group", prereqs, only("ForUpgrade", setBody(`<ResourceUpgradeInput `+ns+`>`+
			strings.Replace(right, "rg-target", "rg-other", 1)+`</ResourceUpgradeInput>`)), "NewResourcePath is"},
		{"lower-case vaults", prereqs, only("ForUpgrade", setBody(`<ResourceUpgradeInput `+ns+`>`+
			strings.Replace(right, "/Vaults/", "/vaults/", 1)+`</ResourceUpgradeInput>`)), "NewResourcePath is"},
		{"escaped path in the body", prereqs, only("ForUpgrade", setBody(`<ResourceUpgradeInput `+ns+`>`+
			strings.Replace(right, "v 1", "v%201", 1)+`</ResourceUpgradeInput>`)), "NewResourcePath is"},
		{"result by POST", result, only("Result", func(r *http.Request) { r.Method = "POST" }), "method"},
		{"result with a body", result, only("Result", setBody("x")), "with a body"},

		{"encoded twice", prereqs, only("ForUpgrade", inPath("v%201", "v%25201")), "percent-encoded twice"},
		{"plus for space", prereqs, only("ForUpgrade", inPath("v%201", "v+1")), "there is no vault"},
		{"raw bytes", prereqs, only("ForUpgrade", inPath("%C3%BC", "\xc3\xbc")), "must be percent-encoded"},
		{"built service name", prereqs, only("ForUpgrade", inPath("RecoveryServices-", "recoveryservices-")),
			"the listing gave"},
		{"other case of the call", prereqs, only("ForUpgrade", inPath("checkPrereqs", "CheckPrereqs")),
			`want "checkPrereqsForUpgrade"`},
		{"other case of the type", prereqs, only("ForUpgrade", inPath("BackupVault", "backupvault")), "resource type"},
		{"unknown call", prereqs, only("ForUpgrade", inPath("checkPrereqsForUpgrade", "check")), "no such path"},

		{"ARM version", arm, only("/v 1", setQuery("api-version=2023-04-02")), "query"},
		{"ARM accepts XML", arm, only("/v 1", setHeader("Accept", "application/xml")), "answers JSON"},
		{"ARM by POST", arm, only("/v 1", func(r *http.Request) { r.Method = "POST" }), "method"},
		{"ARM PUT", arm, only("/rg-target", func(r *http.Request) { r.Method = "PUT" }), "method"},
		{"another group asked for", arm, inPath("resourcegroups/rg-target", "resourcegroups/rg-other"),
			"no vault's target is"},
		{"another target asked for", arm, inPath("vaults/v%201", "vaults/v2"), "no vault's target is"},
		{"another provider", arm, inPath("Microsoft.SiteRecovery", "Microsoft.Compute"), "nothing depends on"},
		{"register", arm, func(r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/Microsoft.SiteRecovery") {
				r.Method, r.URL.Path = "POST", r.URL.Path+"/register"
			}
		}, "without consent"},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictcloud.Config{})
			v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v 1"})
			c.edit = d.edit
			d.call(c, v)
			complains(t, cloud, d.want)
			for _, violation := range cloud.Violations() {
				if strings.Contains(violation, "abc.def-ghi") {
					t.Fatalf("a token in a violation: %s", violation)
				}
			}
		})
	}
}

// What RFC 3986 holds equal, and what the protocol leaves open, is tolerated.
func TestTolerated(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v 1"})
	for _, edit := range []func(*http.Request){
		only("ForUpgrade", setHeader("Content-Type", "application/xml")),
		only("ForUpgrade", inPath("BackupVault", "%42ackupVault")),
		only("ForUpgrade",
			setBody("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a:ResourceUpgradeInput "+
				"xmlns:a=\"http://schemas.microsoft.com/windowsazure\">\n <a:NewResourcePath>"+
				"/subscriptions/"+strings.ToUpper(subA)+
				"/resourceGroups/rg-target/providers/Microsoft.RecoveryServices/Vaults/v "+
				"1</a:NewResourcePath>\n</a:ResourceUpgradeInput>")),
		only("/v 1", func(r *http.Request) { // Resource Manager paths have no case
			if strings.HasPrefix(r.URL.Path, "/subscriptions/") {
				u, _ := url.Parse(c.base + strings.ToLower(r.URL.EscapedPath()))
				u.RawQuery = r.URL.RawQuery
				r.URL = u
			}
		}),
	} {
		c.edit = edit
		if got := c.validate(v); got.status != 200 {
			t.Fatalf("prereqs %d %s", got.status, got.body)
		}
	}
	clean(t, cloud)
}
