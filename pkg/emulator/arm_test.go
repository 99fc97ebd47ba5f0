package emulator

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	rsvVersion = "2026-07-01"
	kvVersion  = "2026-02-01"

	// The bodies of resource-manager.md#alerts and #immutability.
	alertsBody = `{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Enabled","alertsForAllFailoverIssues":"Enabled"},"classicAlertSettings":{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}}`
	rbacBody   = `{"properties":{"enableRbacAuthorization":true}}`
)

func immutable(state string) string {
	configuration := ""
	if state != "Disabled" {
		configuration = `,"configuration":{"type":"AsPerPolicy"}`
	}
	return `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"` + state + `"` + configuration + `}}}}`
}

// estate is three vaults of today's in two subscriptions.
func estate() []Resource {
	return []Resource{
		{SubscriptionID: prod, SubscriptionName: "contoso-prod", ResourceGroup: "rg-backup",
			Type: "Microsoft.RecoveryServices/vaults", Name: "rsv-1", Location: "West Europe",
			Tags: map[string]string{"env": "prod"}, ProtectedItems: 12},
		{SubscriptionID: prod, SubscriptionName: "contoso-prod", ResourceGroup: "rg-secrets",
			Type: "Microsoft.KeyVault/vaults", Name: "kv-1", Location: "westeurope"},
		{SubscriptionID: lab, SubscriptionName: "contoso-lab", ResourceGroup: "rg-backup",
			Type: "microsoft.recoveryservices/vaults", Name: "rsv-2", Location: "westus"},
	}
}

func todaysCloud(t testing.TB, s Scenario) *Cloud {
	t.Helper()
	c, err := New(Config{Scenario: s, Resources: estate()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func pathOf(r Resource) string {
	return "/subscriptions/" + r.SubscriptionID + "/resourceGroups/" + r.ResourceGroup + "/providers/" + r.Type + "/" +
		r.Name
}

func versionOf(r Resource) string {
	if strings.Contains(r.Type, "KeyVault") {
		return kvVersion
	}
	return rsvVersion
}

func (c *client) read(r Resource) answer { return c.arm(pathOf(r), versionOf(r)) }

func jsonHeader() http.Header {
	return http.Header{"Authorization": {"Bearer secret-token"}, "Content-Type": {"application/json"}}
}

func (c *client) patch(r Resource, body string) answer {
	return c.do(context.Background(), "PATCH", pathOf(r)+"?api-version="+versionOf(r), body, jsonHeader())
}

// follow asks at an address that an answer gave.
func (c *client) follow(a answer, header string) answer {
	c.t.Helper()
	u, err := url.Parse(a.header.Get(header))
	if err != nil || u.Scheme+"://"+u.Host != c.base {
		c.t.Fatalf("%s is %q", header, a.header.Get(header))
	}
	return c.do(context.Background(), "GET", u.RequestURI(), "", http.Header{"Authorization": {"Bearer secret-token"}})
}

// at reads a value inside a JSON answer.
func at(t testing.TB, a answer, path ...string) any {
	t.Helper()
	var v any = decodeJSON(t, a)
	for _, p := range path {
		m, ok := v.(object)
		if !ok {
			t.Fatalf("no %v in %s", path, a.body)
		}
		v = m[p]
	}
	return v
}

func TestChangeFromStartToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := todaysCloud(t, Scenario{Shape: shapeSpecification, TimeScale: 2,
			Changes: Changes{Duration: Duration{Constant: "2m"}}})
		cl := inMemory(t, c)
		v := estate()[0]
		before := cl.read(v)
		wantStatus(t, before, 200, `"type":"Microsoft.RecoveryServices/vaults"`, `"location":"westeurope"`,
			`"alertsForCriticalOperations":"Enabled"`, `"tags":{"env":"prod"}`)

		started := time.Now().UTC()
		a := cl.patch(v, alertsBody)
		wantStatus(t, a, 202)
		if a.body != "" || a.header.Get("Retry-After") != "10" {
			t.Errorf("%q, headers %v", a.body, a.header)
		}
		id := strings.TrimPrefix(a.header.Get("Azure-AsyncOperation"), "http://emulator"+pathOf(v)+"/operationStatus/")
		id = strings.TrimSuffix(id, "?api-version=2026-07-01")
		if len(id) < 90 || strings.Contains(id, "/") ||
			a.header.Get("Location") != "http://emulator"+pathOf(v)+"/operationResults/"+id+"?api-version=2026-07-01" {
			t.Fatalf("headers %v", a.header)
		}
		running := func() {
			t.Helper()
			s := cl.follow(a, "Azure-AsyncOperation")
			if got := decodeJSON(t, s); got["status"] != "InProgress" || got["name"] != id ||
				got["id"] != pathOf(v)+"/operationStatus/"+id || got["endTime"] != nil ||
				got["startTime"] != started.Format(time.RFC3339Nano) {
				t.Errorf("status %s", s.body)
			}
			res := cl.follow(a, "Location")
			wantStatus(t, res, 202)
			if res.header.Get("Location") != a.header.Get("Location") || res.header.Get("Retry-After") != "10" {
				t.Errorf("headers %v", res.header)
			}
			wantStatus(t, cl.read(v), 200, `"provisioningState":"Provisioning"`,
				`"alertsForCriticalOperations":"Enabled"`)
			wantStatus(t, cl.patch(v, immutable("Unlocked")), 409, "AnotherOperationInProgress")
		}
		running()
		time.Sleep(time.Minute - time.Nanosecond)
		running()
		time.Sleep(time.Nanosecond)

		s := decodeJSON(t, cl.follow(a, "Azure-AsyncOperation"))
		if s["status"] != "Succeeded" || s["endTime"] != time.Now().UTC().Format(time.RFC3339Nano) ||
			s["error"] != nil {
			t.Errorf("status %v", s)
		}
		after := cl.read(v)
		if res := cl.follow(a, "Location"); res.status != 200 || res.body != after.body {
			t.Errorf("result %d %s", res.status, res.body)
		}
		wantStatus(t, after, 200, `"provisioningState":"Succeeded"`, `"alertsForAllFailoverIssues":"Enabled"`,
			`"emailNotificationsForSiteRecovery":"Disabled"`, `"state":"Disabled"`)
		if at(t, after, "etag") == at(t, before, "etag") {
			t.Error("the etag is what it was")
		}
		wantStatus(t, cl.patch(v, alertsBody), 200, `"alertsForAllFailoverIssues":"Enabled"`) // nothing to change

		sum := c.Summary()
		got, _ := sum.Resource("contoso-prod", "RSV-1")
		if got.Accepted != 1 || got.Unchanged != 1 || got.Refused != 2 || got.SentAgain != 1 ||
			got.DoubleAccepted != 0 || got.Status != "Succeeded" ||
			len(got.OperationIDs) != 1 || got.OperationIDs[0] != id || sum.Accepted != 1 || sum.Mistakes != 0 ||
			sum.MaxUpgrades != 1 {
			t.Errorf("%+v\n%v", got, sum.MistakeList)
		}
	})
}

func TestKeyVaultChangesAtOnce(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{Shape: shapeSpecification})
	cl := overLoopback(t, c)
	v := estate()[1]
	before := cl.read(v)
	policies := at(t, before, "properties", "accessPolicies").([]any)
	if len(policies) < 3 || at(t, before, "properties", "enableRbacAuthorization") != false {
		t.Fatalf("%s", before.body)
	}
	estateBefore := c.Summary()
	on := cl.patch(v, rbacBody)
	wantStatus(t, on, 200, `"enableRbacAuthorization":true`)
	if read := cl.read(v); read.body != on.body {
		t.Errorf("read %s\nwas answered %s", read.body, on.body)
	}
	wantStatus(t, cl.patch(v, strings.Replace(rbacBody, "true", "false", 1)), 200)
	if after := cl.read(v); after.body != before.body {
		t.Errorf("before %s\nafter %s", before.body, after.body)
	}
	s := c.Summary()
	if s.Estate() != estateBefore.Estate() || s.Accepted != 2 || s.DoubleAccepted != 0 {
		t.Errorf("%+v", s)
	}
	wantStatus(t, cl.arm(pathOf(v)+"/operationStatus/x", kvVersion), 404, "NotFound")
}

func TestTagsAreReplaced(t *testing.T) {
	t.Parallel()
	cl := inMemory(t, todaysCloud(t, Scenario{Faults: []Fault{{Kind: kindSynchronous, Vault: "rsv-1"}}}))
	v := estate()[0]
	wantStatus(t, cl.patch(v, alertsBody), 200, `"tags":{"env":"prod"}`)
	wantStatus(t, cl.patch(v, `{"tags":{"owner":"ops"}}`), 200, `"tags":{"owner":"ops"}`)
	wantStatus(t, cl.patch(v, `{"tags":{}}`), 200, `"tags":{}`)
	wantStatus(t, cl.read(v), 200, `"tags":{}`, `"alertsForAllJobFailures":"Enabled"`)
}

func TestImmutability(t *testing.T) {
	t.Parallel()
	states := []string{"Disabled", "Unlocked", "Locked"}
	allowed := map[string]bool{"Disabled Unlocked": true, "Unlocked Disabled": true, "Unlocked Locked": true}
	for _, from := range states {
		for _, to := range states {
			t.Run(from+" "+to, func(t *testing.T) {
				t.Parallel()
				settings := map[string]any{"state": from}
				if from != "Disabled" {
					settings["configuration"] = map[string]any{"type": "AsPerPolicy"}
				}
				c := todaysCloud(t, Scenario{Faults: []Fault{{Kind: kindSynchronous, Rate: 1},
					{Kind: kindState, Vault: "rsv-1",
						Properties: map[string]any{
							"securitySettings": map[string]any{"immutabilitySettings": settings}}}}})
				cl, v := inMemory(t, c), estate()[0]
				a := cl.patch(v, immutable(to))
				want, accepted := to, 1
				switch {
				case from == to:
					wantStatus(t, a, 200)
					accepted = 0
				case allowed[from+" "+to]:
					wantStatus(t, a, 200)
				default:
					wantStatus(t, a, 400, "UserErrorUnsupportedVaultImmutabilityStateChange", from, to)
					want, accepted = from, 0
				}
				if got := at(t, cl.read(v), "properties", "securitySettings", "immutabilitySettings",
					"state"); got != want {
					t.Errorf("it is %v", got)
				}
				if s := c.Summary(); s.Accepted != accepted || s.Mistakes != 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// Each case is right but for one thing.
func TestTodaysMistakesAreNamed(t *testing.T) {
	t.Parallel()
	v, kv := estate()[0], estate()[1]
	path := pathOf(v) + "?api-version=" + rsvVersion
	partial := strings.Replace(alertsBody, `,"emailNotificationsForSiteRecovery":"Disabled"`, "", 1)
	with := func(name, value string) http.Header { h := jsonHeader(); h.Set(name, value); return h }
	tests := map[string]struct {
		method, path, body string
		header             http.Header
		status             int
		words              string
	}{
		"no sign-in": {"GET", path, "", http.Header{}, 401, "AuthenticationFailed"},
		"no version": {"GET", pathOf(v), "", jsonHeader(), 400, "MissingApiVersionParameter"},
		"another's version": {"GET", pathOf(kv) + "?api-version=" + rsvVersion, "", jsonHeader(), 400,
			"must be 2026-02-01 or"},
		"the old one to patch": {"PATCH", pathOf(v) + "?api-version=2016-06-01", alertsBody, jsonHeader(), 400,
			"InvalidApiVersionParameter"},
		"more in the query": {"GET", path + "&$expand=x", "", jsonHeader(), 400, "api-version alone"},
		"method":            {"PUT", path, "{}", jsonHeader(), 405, "GET or PATCH, not PUT"},
		"a body to a read":  {"GET", path, "{}", jsonHeader(), 400, "has no body"},
		"no vault": {"GET", pathOf(v) + "x?api-version=" + rsvVersion, "", jsonHeader(), 404,
			"ResourceNotFound"},
		"no vault to change": {"PATCH", pathOf(v) + "x?api-version=" + rsvVersion, alertsBody, jsonHeader(), 404,
			"ResourceNotFound"},
		"no group": {"GET", strings.Replace(path, "rg-backup", "rg-x", 1), "", jsonHeader(), 404,
			"ResourceGroupNotFound"},
		"no subscription": {"GET", strings.Replace(path, prod, "11111111-1111-1111-1111-111111111111", 1), "",
			jsonHeader(), 404, "SubscriptionNotFound"},
		"no such type": {"GET", strings.Replace(path, "RecoveryServices", "Compute", 1), "", jsonHeader(), 404,
			"NotFound"},
		"no operation": {"GET", pathOf(v) + "/operationStatus/x?api-version=" + rsvVersion, "", jsonHeader(),
			400, "as it was handed out"},
		"no content type": {"PATCH", path, alertsBody, http.Header{"Authorization": {"Bearer x"}}, 400,
			"Content-Type"},
		"not JSON":      {"PATCH", path, "properties: {}", jsonHeader(), 400, "InvalidRequestContent"},
		"more than one": {"PATCH", path, alertsBody + "{}", jsonHeader(), 400, "InvalidRequestContent"},
		"no object":     {"PATCH", path, "[]", jsonHeader(), 400, "must be a JSON object"},
		"null":          {"PATCH", path, "null", jsonHeader(), 400, "must be a JSON object"},
		"a name twice":  {"PATCH", path, `{"tags":{},"tags":{}}`, jsonHeader(), 400, "twice"},
		"an unknown field": {"PATCH", path, `{"properties":{"monitoringsettings":{}}}`, jsonHeader(), 400,
			"properties.monitoringsettings is not known"},
		"no object inside": {"PATCH", path, `{"properties":null}`, jsonHeader(), 400,
			"properties must be an object"},
		"another word":   {"PATCH", path, immutable("locked"), jsonHeader(), 400, "Disabled, Unlocked, Locked"},
		"tags are words": {"PATCH", path, `{"tags":{"n":1}}`, jsonHeader(), 400, "tags.n must be a string"},
		"a partial body": {"PATCH", path, partial, jsonHeader(), 400,
			`"code":"InvalidRestApiParameter","message":"monitoringSettings parameter is invalid. Please provide a valid monitoringSettings"`},
		"half of it": {"PATCH", path,
			`{"properties":{"monitoringSettings":{"classicAlertSettings":{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}}`, jsonHeader(), 400, "InvalidRestApiParameter"},
		"a word for a switch": {"PATCH", pathOf(kv) + "?api-version=" + kvVersion,
			strings.Replace(rbacBody, "true", `"true"`, 1), jsonHeader(), 400, "true or false"},
		"no auxiliary token": {"PATCH", path, alertsBody, with("x-ms-authorization-auxiliary", "secret"), 400,
			"InvalidAuxiliaryTokens"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := todaysCloud(t, Scenario{})
			before := c.Summary()
			a := inMemory(t, c).do(t.Context(), tt.method, tt.path, tt.body, tt.header)
			wantStatus(t, a, tt.status, tt.words)
			if _, ok := at(t, a, "error", "message").(string); !ok || strings.Contains(a.body, "secret") {
				t.Errorf("body %s", a.body)
			}
			s := c.Summary()
			if s.Accepted != 0 || s.Estate() != before.Estate() {
				t.Errorf("%+v", s)
			}
		})
	}
}
