package strictcloud_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// direct hands requests to the handler without a wire, so that virtual time
// passes.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w.Result(), nil
}

func inVirtualTime(t *testing.T, do func(*strictcloud.Server, *client)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := strictcloud.New(strictcloud.Config{})
		do(cloud, &client{t: t, base: "http://cloud.example", http: &http.Client{Transport: direct{cloud}}})
		clean(t, cloud)
	})
}

// The most at once is counted from acceptance to end, whatever the client was
// told; one that ends as another begins does not overlap it.
func TestMostAtOnce(t *testing.T) {
	inVirtualTime(t, func(cloud *strictcloud.Server, c *client) {
		add := func(sub, name, region string) *strictcloud.VaultHandle {
			v := cloud.AddVault(strictcloud.Vault{Subscription: sub, Name: name, Region: region}).Duration(time.Minute)
			c.validate(v)
			return v
		}
		a1, a2, a3 := add(subA, "a1", "West US"), add(subA, "a2", "Australia East"), add(subA, "a3", "West US")
		b1 := add(subB, "b1", "westus")
		a1.Start(strictcloud.UnavailableAfterAcceptance)
		c.start(a1)
		time.Sleep(30 * time.Second)
		c.start(b1)
		c.start(a2)
		time.Sleep(30 * time.Second)
		c.start(a3) // a1 ended at this instant
		time.Sleep(time.Hour)

		r := cloud.Report()
		if r.MaxInFlight != 3 {
			t.Errorf("overall %d, want 3", r.MaxInFlight)
		}
		if r.MaxInFlightPerSubscription[subA] != 2 || r.MaxInFlightPerSubscription[subB] != 1 {
			t.Errorf("per subscription %v", r.MaxInFlightPerSubscription)
		}
		if r.MaxInFlightPerLocation["westus"] != 2 || r.MaxInFlightPerLocation["australiaeast"] != 1 {
			t.Errorf("per location %v", r.MaxInFlightPerLocation)
		}
		one, ok := r.Find("A1")
		if !ok || len(one.Accepted) != 1 || one.State != "Upgraded" || one.Requests[strictcloud.CallStart] != 1 ||
			one.Accepted[0].EndsAt.Sub(one.Accepted[0].At) != time.Minute {
			t.Errorf("a1: %+v", one)
		}
		if r.Requests[strictcloud.CallStart] != 4 || r.NotListings() != 4*(6+1+1) {
			t.Errorf("requests %v", r.Requests)
		}
	})
}

// The record of an upgrade passes through its states as time does.
func TestLifeOfAnUpgrade(t *testing.T) {
	inVirtualTime(t, func(cloud *strictcloud.Server, c *client) {
		v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1", Group: "rg-new", CreateGroup: true}).
			MissingGroup().Duration(10 * time.Minute).UnknownFirst(time.Minute).Vanish(30 * time.Second).
			VerifyLag(2 * time.Minute).FailUpgrade(strictcloud.Failure{Code: "E7", Message: "boom",
			Steps: []string{"copy"}})
		c.validate(v)
		c.start(v)
		if c.look(v) != nil {
			t.Error("it has not vanished")
		}
		for _, step := range []struct {
			after  time.Duration
			status string
		}{{30 * time.Second, "Unknown"}, {time.Minute, "InProgress"}, {10 * time.Minute, "Failed"}} {
			time.Sleep(step.after)
			got := c.look(v)
			if got == nil || got.details.Status != step.status {
				t.Fatalf("listed as %+v, want %s", got, step.status)
			}
			running := got.details.EndTimeUtc == "9999-12-31T23:59:59.9999999"
			if running != (step.status != "Failed") {
				t.Errorf("%s ends %s", step.status, got.details.EndTimeUtc)
			}
			result := c.result(v).body
			if failed := strings.Contains(result, "E7") && strings.Contains(result, "boom") &&
				strings.Contains(result, "copy") &&
				strings.Contains(result, "Completed"); failed != (step.status == "Failed") {
				t.Errorf("%s: result %s", step.status, result)
			}
			if running := strings.Contains(result, ">Invalid<"); running == (step.status == "Failed") {
				t.Errorf("%s: result %s", step.status, result)
			}
		}
		cloud.AllowRestart(v)
		c.start(v)
		time.Sleep(11 * time.Minute)
		if got := c.target(v); !strings.Contains(got.body, "Provisioning") {
			t.Errorf("the new vault does not lag: %s", got.body)
		}
		time.Sleep(time.Minute)
		if got := c.target(v); !strings.Contains(got.body, `"provisioningState":"Succeeded"`) ||
			!strings.Contains(got.body, v.Report().Accepted[1].OperationID) {
			t.Errorf("the new vault: %s", got.body)
		}
		if got := c.do("GET", "/subscriptions/"+subA+"/resourcegroups/rg-new?api-version=2021-04-01", "",
			""); got.status != 200 {
			t.Errorf("the service did not create the group: %d", got.status)
		}
	})
}

// A start that the service takes late is invisible until then.
func TestLateAcceptance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := strictcloud.New(strictcloud.Config{})
		c := &client{t: t, base: "http://cloud.example", http: &http.Client{Transport: aborting{cloud}}}
		v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).Duration(time.Minute).
			Start(strictcloud.ResetThenAccepted(time.Minute))
		c.validate(v)
		if got := c.start(v); got.status != 0 {
			t.Errorf("answered %d", got.status)
		}
		if c.look(v).details != nil || c.target(v).status != 404 || len(v.Report().Accepted) != 0 {
			t.Error("it is visible before it was taken")
		}
		time.Sleep(time.Minute)
		if got := c.look(v); got.details == nil || got.details.Status != "InProgress" || len(v.Report().Accepted) != 1 {
			t.Errorf("listed as %+v", got)
		}
		clean(t, cloud)
	})
}

// aborting turns a handler's abort into a lost answer.
type aborting struct{ h http.Handler }

func (a aborting) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, http.ErrAbortHandler
		}
	}()
	return direct(a).RoundTrip(r)
}
