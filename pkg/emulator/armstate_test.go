package emulator

import (
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A change that is under way when the process is killed goes on, with its
// operation at the same address.
func TestReopenGoesOnWithChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, file := withStateFile(t, Scenario{Changes: Changes{Duration: Duration{Constant: "30m"}}, Faults: []Fault{
			{Kind: kindForeign, Vault: "rsv-2", For: "1h"}, {Kind: kindStartBusy, Vault: "rsv-1"}}}, estate()...)
		cl := inMemory(t, c)
		v := estate()[0]
		wantStatus(t, cl.patch(v, alertsBody), 409)
		a := cl.patch(v, alertsBody)
		wantStatus(t, a, 202)
		wantStatus(t, cl.patch(estate()[1], rbacBody), 200)
		time.Sleep(10 * time.Minute)
		before, read := c.Summary(), cl.read(v).body

		c = reopen(t, file)
		cl = inMemory(t, c)
		after := c.Summary()
		before.Concurrent, after.Concurrent = nil, nil
		before.Requests, after.Requests = nil, nil // one more read
		before.Resources[0].Requests, after.Resources[0].Requests = nil, nil
		before.Subscriptions, after.Subscriptions = nil, nil
		if !reflect.DeepEqual(before, after) {
			t.Errorf("before %+v\nafter  %+v", before, after)
		}
		if got := cl.read(v).body; got != read {
			t.Errorf("before %s\nafter  %s", read, got)
		}
		if s := cl.follow(a, "Azure-AsyncOperation"); at(t, s, "status") != "InProgress" {
			t.Errorf("status %s", s.body)
		}
		wantStatus(t, cl.read(estate()[2]), 200, "Provisioning")
		time.Sleep(20 * time.Minute)
		if s := cl.follow(a, "Azure-AsyncOperation"); at(t, s, "status") != "Succeeded" {
			t.Errorf("status %s", s.body)
		}
		wantStatus(t, cl.read(v), 200, `"alertsForAllJobFailures":"Enabled"`)
		wantStatus(t, cl.read(estate()[1]), 200, `"enableRbacAuthorization":true`)
	})
}

func TestChangeIsOnDiskBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	c, file := withStateFile(t, Scenario{}, estate()...)
	f := &counted{File: c.stateFile.f.(*os.File)}
	c.stateFile.f = f
	seen := ""
	w := &watcher{ResponseRecorder: httptest.NewRecorder()}
	w.atAnswer = func() {
		b, _ := os.ReadFile(file)
		seen = string(b)
	}
	req := newRequest(t, "PATCH", "http://emulator"+pathOf(estate()[0])+"?api-version="+rsvVersion, alertsBody)
	req.Header = jsonHeader()
	c.ServeHTTP(w, req)
	u, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != 202 {
		t.Fatalf("status %d, %v", w.Code, err)
	}
	id := u.Path[strings.LastIndex(u.Path, "/")+1:]
	if !strings.Contains(seen, id) || strings.Join(f.did, " ") != "write sync" {
		t.Errorf("did %v", f.did)
	}
}

// A vault whose name has a classic upgrade is read under today's version too.
func TestUpgradedClassicVaultIsReadAsTodays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t, Scenario{})
		cl, v := inMemory(t, c), fleet()[0]
		path := "/subscriptions/" + prod + "/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/alpha"
		wantStatus(t, cl.arm(path, rsvVersion), 404)
		wantStatus(t, cl.upgrade(v, newID()), 200)
		time.Sleep(2 * time.Hour)
		wantStatus(t, cl.arm(path, rsvVersion), 200, `"upgradeDetails"`)
	})
}

// A double start shows, whatever the answer to the second was.
func TestDoubleStartShows(t *testing.T) {
	t.Parallel()
	c := todaysCloud(t, Scenario{Faults: []Fault{{Kind: kindIneffective, Rate: 1}, {Kind: kindSynchronous, Rate: 1}}})
	cl := inMemory(t, c)
	wantStatus(t, cl.patch(estate()[0], alertsBody), 200)
	wantStatus(t, cl.patch(estate()[0], alertsBody), 200)
	if s := c.Summary(); s.Accepted != 2 || s.DoubleAccepted != 1 || s.SentAgain != 1 {
		t.Errorf("%+v", s)
	}
}

func TestResourcesThatCannotBe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Resource)
		want   string
	}{
		"type":         {func(r *Resource) { r.Type = "Microsoft.Compute/disks" }, "is not one of"},
		"name":         {func(r *Resource) { r.Name = "a/b" }, "no name of a resource"},
		"location":     {func(r *Resource) { r.Location = " " }, "no location"},
		"group":        {func(r *Resource) { r.ResourceGroup = "" }, "no name of a resource group"},
		"subscription": {func(r *Resource) { r.SubscriptionID = "prod" }, "is not a GUID"},
		"items":        {func(r *Resource) { r.ProtectedItems = -1 }, "-1 protected items"},
		"properties":   {func(r *Resource) { r.Properties = []byte("[]") }, "no JSON object"},
		"null":         {func(r *Resource) { r.Properties = []byte("null") }, "no JSON object"},
		"twice":        {func(r *Resource) { r.Name = "RSV-1" }, "there twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := estate()[0]
			if name != "twice" {
				r.Name = "rsv-x"
			}
			tt.change(&r)
			if _, err := New(Config{Resources: append(estate(), r)}); err == nil ||
				!strings.Contains(err.Error(), "resources[3]: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestFaultsStrikeTheirSort(t *testing.T) {
	t.Parallel()
	for fault, want := range map[*Fault]string{
		{Kind: kindAlready, Vault: "rsv-1"}:                         "strikes classic vaults only",
		{Kind: kindSynchronous, Vault: "alpha"}:                     "strikes today's vaults only",
		{Kind: kindSynchronous, Vault: "contoso-prod/rsv-1/rg-x"}:   "no vault is",
		{Kind: kindState, Vault: "rsv-1"}:                           "needs properties",
		{Kind: kindSynchronous, Vault: "rsv-1/rg-backup/rg-backup"}: "no vault is",
	} {
		_, err := New(Config{Vaults: fleet(), Resources: estate(), Scenario: Scenario{Faults: []Fault{*fault}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c, err := New(Config{Vaults: fleet(), Resources: estate(), Scenario: Scenario{Faults: []Fault{
		{Kind: kindSynchronous, Vault: "contoso-prod/rsv-1/RG-backup/West Europe/Microsoft.RecoveryServices"},
		{Kind: kindAlready, Rate: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.resources {
		if got, want := len(r.faults), map[string]int{"rsv-1": 1}[r.Name]; got != want {
			t.Errorf("%s: %d faults", r.Name, got)
		}
	}
}
