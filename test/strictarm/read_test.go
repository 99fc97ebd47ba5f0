package strictarm_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// A faulty read never is the vault.
func TestReadFaults(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	for name, d := range map[string]struct {
		fault  strictarm.ReadFault
		status int
	}{
		"503": {strictarm.ReadUnavailable, 503}, "500": {strictarm.ReadErrorBody, 500},
		"502":   {strictarm.ReadErrorPage, 502},
		"login": {strictarm.ReadLoginPage, 200}, "empty": {strictarm.ReadEmpty, 200}, "null": {strictarm.ReadNull, 200},
		"reset": {strictarm.ReadReset, 0}, "cut": {strictarm.ReadCut, 200}, "truncated": {strictarm.ReadTruncated, 0},
		"other": {strictarm.ReadOther, 200}, "404": {strictarm.ReadMissing, 404}, "403": {strictarm.ReadForbidden, 403},
		"429": {strictarm.ReadThrottle(0), 429},
	} {
		got := c.read(v.Reads(d.fault))
		var doc struct{ ID string }
		if err := json.Unmarshal([]byte(got.body), &doc); got.status != d.status || err == nil && doc.ID == v.ID() {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := c.read(v).json(t); got["id"] != v.ID() || got["type"] != "Microsoft.RecoveryServices/vaults" {
		t.Errorf("the vault is %v", got)
	}
	clean(t, cloud)
	v.Reads(strictarm.ReadThrottle(time.Minute))
	c.read(v)
	cloud.ClientDied() // a new process may not have read it
	c.read(v)
	clean(t, cloud)
	v.Reads(strictarm.ReadThrottle(time.Minute))
	c.read(v)
	c.read(v)
	complains(t, cloud, "before Retry-After was over")
}

// Locks come with their level, those of the group too.
func TestLocks(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Lock("mine", "CanNotDelete").LockGroup("ours",
		"ReadOnly")
	got := c.locks(v).body
	for _, s := range []string{`"level":"CanNotDelete"`, `"level":"ReadOnly"`,
		"/resourceGroups/rg-vaults/providers/Microsoft.Authorization/locks/ours"} {
		if !strings.Contains(got, s) {
			t.Errorf("no %s in %s", s, got)
		}
	}
	clean(t, cloud)
}

// Alert processing rules come in pages; a link to another host is a trap.
func TestRules(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	s := cloud.Subscription(subA)
	for rules, pages := range map[int]int{0: 1, 1: 1, 2: 1, 3: 2, 5: 3} {
		s.Rules(rules)
		got, seen, n := c.rules(subA).json(t), 0, 0
		for {
			n++
			seen += len(got["value"].([]any))
			next, ok := got["nextLink"].(string)
			if !ok {
				break
			}
			got = c.do("GET", next, "").json(t)
		}
		if n != pages || seen != rules {
			t.Errorf("%d rules in %d pages, want %d in %d", seen, n, rules, pages)
		}
	}
	clean(t, cloud)
	s.Rules(3).NextElsewhere()
	c.do("GET", c.rules(subA).json(t)["nextLink"].(string), "")
	complains(t, cloud, "the token was sent to another host")
}

// A provider is registered, or is not.
func TestProvider(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	for _, want := range []string{"Registered", "NotRegistered"} {
		got := c.do("GET", "/subscriptions/"+subA+"/providers/Microsoft.RecoveryServices?api-version=2021-04-01",
			"").json(t)
		if got["registrationState"] != want || got["namespace"] != "Microsoft.RecoveryServices" {
			t.Errorf("%v, want %s", got, want)
		}
		cloud.Subscription(subA).Unregistered()
	}
	clean(t, cloud)
	c.do("GET", "/subscriptions/"+subA+"/providers/Microsoft.KeyVault?api-version=2021-04-01", "")
	complains(t, cloud, "no vault depends on the provider")
}

// What the client may do, in a group and at a vault.
func TestPermissions(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	paths := []string{"/subscriptions/" + subA + "/resourcegroups/rg-vaults", v.ID()}
	for _, want := range []string{`"actions":["*"],"dataActions":[],"notActions":[]`,
		`"actions":["*/read"],"dataActions":[],"notActions":["x/read"]`} {
		for _, path := range paths {
			if got := c.do("GET", path+"/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
				"").body; !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		cloud.Subscription(subA).May([]string{"*/read"}, []string{"x/read"})
	}
	clean(t, cloud)
	c.do("GET",
		"/subscriptions/"+subA+
			"/resourceGroups/other/providers/Microsoft.Authorization/permissions?api-version=2022-04-01", "")
	complains(t, cloud, "no vault is in the group other")
}

// Headers that every answer carries.
func TestHeaders(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	cloud.Subscription(subA).Remaining("12", "3").Named("contoso", nil)
	h := c.read(v).header
	if h.Get("x-ms-ratelimit-remaining-subscription-reads") != "12" || h.Get("x-ms-request-id") == "" ||
		h.Get("x-ms-correlation-request-id") == "" {
		t.Errorf("headers %v", h)
	}
	if h := c.patch(v).header; h.Get("x-ms-ratelimit-remaining-subscription-writes") != "3" {
		t.Errorf("headers %v", h)
	}
	if got := c.do("GET", "/subscriptions/"+subA+"?api-version=2022-12-01",
		"").json(t); got["displayName"] != "contoso" {
		t.Errorf("the subscription is %v", got)
	}
}

// The most operations at once, by subscription and location.
func TestInFlight(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	for _, spec := range []strictarm.Vault{
		{Subscription: subA, Name: "v1"}, {Subscription: subA, Name: "v2", Location: "eastus"},
		{Subscription: subB, Name: "v3"},
	} {
		c.change(cloud.AddVault(spec).Takes(time.Minute))
	}
	r := cloud.Report()
	if r.MaxInFlight != 3 || r.MaxInFlightPerSubscription[subA] != 2 || r.MaxInFlightPerLocation["westus"] != 2 ||
		r.Requests[strictarm.CallPatch] != 3 {
		t.Errorf("%+v", r)
	}
	if v, ok := r.Find("V3"); !ok || v.Vault.Subscription != subB {
		t.Errorf("found %+v", v)
	}
	clean(t, cloud)
}
