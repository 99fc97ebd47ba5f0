package strictarm_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// polled polls a URL until something else than "goes on" comes.
func (c *client) polled(target string) reply {
	c.t.Helper()
	for range 200 {
		got := c.do("GET", target, "")
		if got.status != http.StatusAccepted && !strings.Contains(got.body, "InProgress") {
			return got
		}
		time.Sleep(10 * time.Millisecond) // no Retry-After is given
	}
	c.t.Fatal("the operation does not end")
	return reply{}
}

// A chain of 202s with every way to write its URLs, polled as it is to be.
func TestChains(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		urls            strictarm.URLs
		async, location string // how the headers begin; empty: there are none
	}{
		"both":          {strictarm.Both, "http://127.", "http://127."},
		"async only":    {strictarm.AsyncOnly, "http://127.", ""},
		"location only": {strictarm.LocationOnly, "", "http://127."},
		"relative":      {strictarm.Relative, "/subscriptions/", "/subscriptions/"},
		"elsewhere":     {strictarm.Elsewhere, "http://localhost:", "http://localhost:"},
		"none":          {strictarm.NoURLs, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			for _, vault := range []string{"v1", "v2"} { // the second's URLs hold what only the service understands
				v := cloud.AddVault(strictarm.Vault{Subscription: subA,
					Name: vault}).Takes(60 * time.Millisecond).URLs(d.urls).RetryAfter(0)
				got := c.change(v)
				if got.status != http.StatusAccepted || got.body != "" {
					t.Fatalf("answered %d %s", got.status, got.body)
				}
				async, location := got.header.Get("Azure-AsyncOperation"), got.header.Get("Location")
				for _, h := range [][2]string{{async, d.async}, {location, d.location}} {
					if !strings.HasPrefix(h[0], h[1]) || h[1] == "" && h[0] != "" {
						t.Fatalf("headers %v", got.header)
					}
				}
				if !strings.Contains(c.read(v).body, `"provisioningState":"Updating"`) {
					t.Error("nothing shows that the vault is being changed")
				}
				if d.urls == strictarm.Elsewhere {
					c.do("GET", async, "")
					complains(t, cloud, "polling URL at another host was followed")
					complains(t, cloud, "the token was sent to another host")
					return
				}
				if async != "" {
					status := c.polled(async).json(t)
					if word, _ := status["status"].(string); !strings.EqualFold(word, "Succeeded") ||
						len(status) != 3 || !strings.HasSuffix(status["id"].(string), status["name"].(string)) {
						t.Errorf("ended as %v", status)
					}
				}
				if location != "" {
					if vault := c.polled(location).json(t); vault["id"] != v.ID() {
						t.Errorf("the result is %v", vault)
					}
				}
				for !v.Report().Wanted {
					time.Sleep(10 * time.Millisecond)
				}
				if !strings.Contains(c.read(v).body, `"provisioningState":"Succeeded"`) {
					t.Error("the vault does not come to rest")
				}
				if r := v.Report(); len(r.Accepted) != 1 ||
					(r.Accepted[0].Polls == 0) != (d.urls == strictarm.NoURLs) ||
					(r.Accepted[0].FinalReads == 1) != (location != "") {
					t.Errorf("%+v", r.Accepted)
				}
			}
			clean(t, cloud)
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		outcome strictarm.Outcome
		status  int
		says    string
		result  int
		wanted  bool
		state   string
	}{
		"succeeds":       {strictarm.Succeeds, 200, `"Succeeded"`, 200, true, "Succeeded"},
		"succeeds, 204":  {strictarm.SucceedsWithout, 200, `"Succeeded"`, 204, true, "Succeeded"},
		"success":        {strictarm.SucceedsAsSuccess, 200, `"Success"`, 200, true, "Succeeded"},
		"fails":          {strictarm.Fails("NoDisk", "full"), 200, `"code": "NoDisk"`, 400, false, "Succeeded"},
		"fails for good": {strictarm.FailsBroken("NoDisk", "full"), 200, `"Failed"`, 400, false, "Failed"},
		"canceled":       {strictarm.Canceled, 200, `"Canceled"`, 400, false, "Succeeded"},
		"cancelled":      {strictarm.Cancelled, 200, `"Cancelled"`, 400, false, "Succeeded"},
		"expires, made":  {strictarm.Expires(0, strictarm.Succeeds), 404, "ResourceNotFound", 404, true, "Succeeded"},
		"expires, unmade": {strictarm.Expires(0, strictarm.Fails("NoDisk", "full")), 404, "ResourceNotFound", 404,
			false, "Succeeded"},
		"expires at last": {strictarm.Expires(time.Hour, strictarm.Succeeds), 200, `"Succeeded"`, 200, true,
			"Succeeded"},
		"expires, at rest": {strictarm.Expires(time.Nanosecond, strictarm.Canceled), 404, "", 404, false, "Succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA,
				Name: "v1"}).Takes(30 * time.Millisecond).RetryAfter(0).Ends(d.outcome)
			other := cloud.AddVault(strictarm.Vault{Subscription: subA,
				Name: "v2"}).Takes(30 * time.Millisecond).RetryAfter(0).
				URLs(strictarm.LocationOnly).Ends(d.outcome)
			got := c.change(v)
			if got := c.polled(got.header.Get("Azure-AsyncOperation")); got.status != d.status ||
				!strings.Contains(got.body, d.says) {
				t.Errorf("status %d %s", got.status, got.body)
			}
			if got := c.polled(c.change(other).header.Get("Location")); got.status != d.result {
				t.Errorf("result %d %s", got.status, got.body)
			}
			time.Sleep(40 * time.Millisecond) // those that expire go on for as long as they take
			if r := v.Report(); r.Wanted != d.wanted || r.Accepted[0].Applied != d.wanted ||
				r.Properties["provisioningState"] != d.state {
				t.Errorf("%+v", r)
			}
			clean(t, cloud)
			if d.wanted {
				return
			}
			c.change(v)
			complains(t, cloud, "without permission")
		})
	}
}

// A person may permit another PATCH of a vault that failed.
func TestAllowRestart(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA,
		Name: "v1"}).Takes(time.Nanosecond).Ends(strictarm.Fails("NoDisk", "full")).Patch(strictarm.BadRequest)
	for range 2 { // once refused, once failed
		c.change(v)
		cloud.AllowRestart(v)
	}
	c.change(v)
	clean(t, cloud)
	if r := v.Report(); len(r.Accepted) != 2 || !r.Wanted || len(r.Patches) != 3 {
		t.Errorf("%+v", r)
	}
}

// Retry-After is held against every poll.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(*strictarm.VaultHandle){
		"202":       func(v *strictarm.VaultHandle) { v.RetryAfter(time.Minute) },
		"date":      func(v *strictarm.VaultHandle) { v.RetryAfterDate(time.Minute) },
		"published": func(v *strictarm.VaultHandle) { v.Published() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(time.Minute)
			script(v)
			got := c.change(v)
			if got.header.Get("Retry-After") == "" {
				t.Fatalf("headers %v", got.header)
			}
			async := got.header.Get("Azure-AsyncOperation")
			cloud.ClientDied() // what it was to wait for is forgotten
			c.do("GET", async, "")
			clean(t, cloud)
			c.do("GET", async, "")
			complains(t, cloud, "before Retry-After was over")
		})
	}
}

// What is not to be asked for.
func TestPollingRules(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		method string
		target func(async, location string) string
		says   string
	}{
		"location first": {"GET", func(_, location string) string { return location }, "Location read before"},
		"query left out": {"GET", func(async, _ string) string { a, _, _ := strings.Cut(async, "&t="); return a },
			"never handed out"},
		"query added to": {"GET", func(async, _ string) string { return async + "&x=1" }, "never handed out"},
		"query re-sorted": {"GET", func(async, _ string) string { return strings.Replace(async, "%2b", "%2B", 1) },
			"never handed out"},
		"made up": {"GET", func(async, _ string) string {
			return strings.Replace(async, "operationStatus", "operationResults", 1) + "&"
		}, "never handed out"},
		"posted": {"POST", func(async, _ string) string { return async }, "method POST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v0"})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).RetryAfter(0)
			got := c.change(v)
			clean(t, cloud)
			c.do(d.method, d.target(got.header.Get("Azure-AsyncOperation"), got.header.Get("Location")), "")
			complains(t, cloud, d.says)
		})
	}
}

func TestPollFaults(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(time.Nanosecond).RetryAfter(0)
	v.Polls(strictarm.PollAs(strictarm.ReadUnavailable), strictarm.PollAs(strictarm.ReadReset),
		strictarm.PollAs(strictarm.ReadCut),
		strictarm.PollStatus("Provisioning"), strictarm.PollStatus(""), strictarm.PollAs(strictarm.ReadThrottle(0)),
		strictarm.PollAs(strictarm.ReadMissing))
	async := c.change(v).header.Get("Azure-AsyncOperation")
	for i, d := range []struct {
		status int
		body   string
	}{{503, ""}, {0, ""}, {200, "{"}, {200, "Provisioning"}, {200, `"status":""`}, {429, "TooManyRequests"}, {404, ""},
		{200, "Succeeded"}} {
		if got := c.do("GET", async, ""); got.status != d.status || !strings.Contains(got.body, d.body) {
			t.Errorf("poll %d: %d %s", i, got.status, got.body)
		}
	}
	clean(t, cloud)
	v.Polls(strictarm.PollAs(strictarm.ReadThrottle(time.Minute)))
	c.do("GET", async, "")
	c.do("GET", async, "")
	complains(t, cloud, "before Retry-After was over")
}
