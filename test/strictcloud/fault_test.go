package strictcloud_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// A refusal has the shape it was given; its entries may have any name.
func TestRefusals(t *testing.T) {
	t.Parallel()
	reasons := []strictcloud.Reason{
		{Category: "Agent", Code: "OldAgent", Message: "Old agents: ",
			Table: [][]string{{"pc1", "2.0.1"}, {"pc<2>", "2.0.2"}}, Action: "Update."},
		{Type: "Warning", Code: "Billing", Message: "Will be converted."},
	}
	for name, d := range map[string]struct {
		refusal strictcloud.Refusal
		status  int
		ns      string
		has     []string
	}{
		"shape 1": {strictcloud.Refusal{Shape: 1, Code: "Prereqs", Reasons: reasons}, 400,
			"http://schemas.microsoft.com/windowsazure",
			[]string{"Details>", "Old agents: pc1;2.0.1|pc&lt;2&gt;;2.0.2", "Type>Error<", "Type>Warning<", "Billing"}},
		"named entries": {strictcloud.Refusal{Shape: 1, Status: 500, Reasons: reasons, Element: "Odd"}, 500,
			"http://schemas.microsoft.com/windowsazure", []string{"Odd>"}},
		"shape 2": {strictcloud.Refusal{Shape: 2, Code: "No", Message: "Not now", Action: "Wait"}, 400,
			"http://schemas.microsoft.com/windowsazure",
			[]string{"Code>No<", "Not now", "RecommendedAction>Wait<"}},
		"shape 3 code": {strictcloud.Refusal{Shape: 3, Code: "W1"}, 400, "http://schemas.microsoft.com/wars",
			[]string{"ErrorCode>W1<"}},
		"shape 3 message": {strictcloud.Refusal{Shape: 3, Message: "refused"}, 400, "http://schemas.microsoft.com/wars",
			[]string{"Message>refused<"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictcloud.Config{})
			for _, vault := range []string{"v1", "v2", "v3"} { // each spells namespaces its own way
				v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: vault}).Refuses(d.refusal)
				got := c.prereqs(v)
				var root struct{ XMLName xml.Name }
				if err := xml.Unmarshal([]byte(got.body), &root); err != nil || root.XMLName.Space != d.ns ||
					got.status != d.status {
					t.Fatalf("%d %+v %v\n%s", got.status, root, err, got.body)
				}
				for _, h := range d.has {
					if !strings.Contains(got.body, h) {
						t.Errorf("no %q in %s", h, got.body)
					}
				}
				v.Unblock()
				if got := c.prereqs(v); got.status != http.StatusOK {
					t.Errorf("after Unblock: %d", got.status)
				}
			}
			clean(t, cloud)
		})
	}
}

// Warnings alone let a vault start, with consent.
func TestWarningsWithConsent(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1", AcceptWarnings: true}).
		Warnings(strictcloud.Reason{Code: "Billing"})
	if got := c.validate(v); got.status != 400 || !strings.Contains(got.body, "Type>Warning<") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := c.start(v); got.status != 200 {
		t.Fatalf("start %d", got.status)
	}
	clean(t, cloud)
}

func TestPrereqFaults(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).
		Prereqs(strictcloud.Times(2, strictcloud.PrereqBusy)...).
		Prereqs(strictcloud.PrereqUnavailable, strictcloud.PrereqErrorPage, strictcloud.PrereqGarbage,
			strictcloud.PrereqReset,
			strictcloud.PrereqThrottle(0), strictcloud.PrereqRefuse(strictcloud.Refusal{Shape: 2}))
	for i, want := range []int{409, 409, 503, 502, 200, 0, 429, 400, 200} {
		if got := c.prereqs(v); got.status != want {
			t.Errorf("check %d: %d, want %d", i, got.status, want)
		}
	}
	v.BusyFor(30 * time.Millisecond)
	if got := c.prereqs(v); got.status != 409 {
		t.Errorf("busy: %d", got.status)
	}
	c.pause()
	if got := c.prereqs(v); got.status != 200 {
		t.Errorf("no more busy: %d", got.status)
	}
	v.Prereqs(strictcloud.PrereqThrottle(time.Minute))
	c.prereqs(v)
	cloud.ClientDied() // a new process may not have read it
	c.prereqs(v)
	clean(t, cloud)
	v.Prereqs(strictcloud.PrereqThrottle(time.Minute))
	c.prereqs(v)
	c.prereqs(v)
	complains(t, cloud, "Retry-After")
}

// A faulty listing is never a complete reading.
func TestListingFaults(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"})
	faults := []strictcloud.ListingFault{strictcloud.ListingUnavailable, strictcloud.ListingCutXML,
		strictcloud.ListingTruncated,
		strictcloud.ListingLoginPage, strictcloud.ListingEmpty, strictcloud.ListingReset,
		strictcloud.ListingSlow(time.Millisecond)}
	cloud.Subscription(subA).Listing(faults...)
	for i, want := range []int{503, 200, 0, 200, 200, 0, 200, 200} {
		got := c.list(subA)
		if got.status != want {
			t.Errorf("listing %d: %d, want %d", i, got.status, want)
		}
		var l listing
		if err := xml.Unmarshal([]byte(strings.TrimPrefix(got.body, "\ufeff")), &l); (err == nil) != (i >= 6) {
			t.Errorf("listing %d: read with %v", i, err)
		}
	}
	clean(t, cloud)
	cloud.Subscription(subA).Listing(strictcloud.ListingThrottle(time.Minute))
	if got := c.list(subA); got.status != 429 || got.header.Get("Retry-After") != "60" {
		t.Errorf("throttled: %d %v", got.status, got.header)
	}
	c.list(subA)
	complains(t, cloud, "Retry-After")
	if n := len(cloud.Report().Subscriptions[0].Listings); n != 10 {
		t.Errorf("%d listings counted, want 10", n)
	}
}

// What a subscription's script says is what the checks read.
func TestSubscriptionScripts(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).MissingGroup()
	s := cloud.Subscription(subA)
	for _, d := range []struct {
		name, path string
		script     func()
		status     int
		has        string
	}{
		{"healthy", "?api-version=2022-12-01", func() {}, 200, `"state":"Enabled"`},
		{"CSP", "?api-version=2022-12-01", func() { s.CSP() }, 200, `"quotaId":"CSP_`},
		{"disabled", "?api-version=2022-12-01", func() { s.State("Disabled") }, 200, `"state":"Disabled"`},
		{"provider", "/providers/Microsoft.SiteRecovery?api-version=2021-04-01",
			func() { s.Provider("Microsoft.SiteRecovery", "Pending") }, 200, `"registrationState":"Pending"`},
		{"feature",
			"/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade?api-version=2021-07-01",
			func() { s.Feature("NotRegistered") }, 200, `"state":"NotRegistered"`},
		{"group", "/resourcegroups/rg-target?api-version=2021-04-01", func() {}, 404, "ResourceGroupNotFound"},
		{"unavailable", "/resourcegroups/rg-target?api-version=2021-04-01", func() { s.ARMUnavailable(1) }, 503, ""},
		{"missing", "?api-version=2022-12-01", func() { s.Missing() }, 404, "SubscriptionNotFound"},
		{"forbidden", "?api-version=2022-12-01", func() { s.Forbidden(true) }, 403,
			"AuthorizationFailed\",\"message\":\"The client '"},
	} {
		d.script()
		if got := c.do("GET", "/subscriptions/"+subA+d.path, "", ""); got.status != d.status ||
			!strings.Contains(got.body, d.has) {
			t.Errorf("%s: %d %s", d.name, got.status, got.body)
		}
	}
	if got := c.list(subA); got.status != 403 {
		t.Errorf("listing of a forbidden subscription: %d", got.status)
	}
	clean(t, cloud)
	s.Forbidden(false).AllowRegister()
	c.do("POST", "/subscriptions/"+subA+"/providers/Microsoft.SiteRecovery/register?api-version=2021-04-01", "", "")
	clean(t, cloud)
}

// The sign-in expires with the n-th accepted start, which is still answered.
func TestSignInExpiresAfterStarts(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"})
	cloud.ExpireSignInAfter(1)
	c.validate(v)
	if got := c.start(v); got.status != 200 {
		t.Fatalf("start %d", got.status)
	}
	if got := c.target(v); got.status != 401 {
		t.Fatalf("target %d", got.status)
	}
	cloud.SignIn()
	if got := c.target(v); got.status != 200 {
		t.Fatalf("target after SignIn %d", got.status)
	}
	clean(t, cloud)
}

// Upgrades that others started are seen, and are not counted as the client's.
func TestRecordsOfOthers(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictcloud.Config{})
	add := func(name string) *strictcloud.VaultHandle {
		return cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: name})
	}
	for _, d := range []struct {
		v       *strictcloud.VaultHandle
		status  string
		trigger string
	}{
		{add("forced").Already(strictcloud.ForcedUpgrade), "Upgraded", "ForcedUpgrade"},
		{add("already").Already(strictcloud.UserTriggered), "Upgraded", "UserTriggered"},
		{add("failed").FailedBefore(strictcloud.Failure{Message: "boom"}), "Failed", "UserTriggered"},
		{add("foreign").Foreign(time.Minute, nil), "InProgress", "UserTriggered"},
		{add("foreign done").Foreign(0, nil), "Upgraded", "UserTriggered"},
		{add("foreign failed").Foreign(0, &strictcloud.Failure{Message: "boom"}), "Failed", "UserTriggered"},
	} {
		got := c.look(d.v)
		if got == nil || got.details == nil || got.details.Status != d.status || got.details.TriggerType != d.trigger {
			t.Errorf("%s: listed as %+v", d.v, got)
		}
		if (d.status == "Failed") != (got.details.Message == "boom") {
			t.Errorf("%s: message %q", d.v, got.details.Message)
		}
	}
	if c.look(add("absent").Absent()) != nil {
		t.Error("an absent vault is listed")
	}
	if r := cloud.Report(); r.MaxInFlight != 0 {
		t.Errorf("%d in flight", r.MaxInFlight)
	}
	clean(t, cloud)
}
