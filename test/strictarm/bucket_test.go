package strictarm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// A subscription's bucket empties and fills, and tells how full it is.
func TestBuckets(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(0)
	cloud.Subscription(subA).Buckets(3, 20, 1, 20)
	for i, want := range []string{"2", "1", "0"} {
		if got := c.read(v); got.status != 200 ||
			got.header.Get("x-ms-ratelimit-remaining-subscription-reads") != want {
			t.Fatalf("read %d: %d %v", i, got.status, got.header)
		}
	}
	if got := c.read(v); got.status != 429 || got.header.Get("Retry-After") != "1" ||
		!strings.Contains(got.body, "SubscriptionRequestsThrottled") {
		t.Fatalf("answered %d %v %s", got.status, got.header, got.body)
	}
	time.Sleep(200 * time.Millisecond) // the bucket fills
	if got := c.change(v); got.status != 200 || got.header.Get("x-ms-ratelimit-remaining-subscription-writes") != "0" {
		t.Fatalf("answered %d %v", got.status, got.header)
	}
	clean(t, cloud)
	if r := cloud.Report().Subscriptions[0]; r.Throttled != 1 || r.Early != 0 || r.Requests[strictarm.CallVault] == 0 {
		t.Errorf("%+v", r)
	}
	other := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v2"})
	time.Sleep(200 * time.Millisecond)
	c.check(other)
	cloud.Subscription(subA).Buckets(100, 1, 1, 0.01)
	c.read(other)
	c.do("PATCH", v.ID()+version(v), alertsBody) // takes the one that is left
	before := len(cloud.Violations())
	if got := c.patch(other); got.status != 429 || len(other.Report().Patches) != 1 ||
		len(cloud.Violations()) != before {
		t.Fatalf("answered %d, %v", got.status, cloud.Violations())
	}
	c.patch(other)
	complains(t, cloud, "before Retry-After was over")
}

// The inventory names the vaults of one kind.
func TestInventory(t *testing.T) {
	t.Parallel()
	cloud, _ := newCloud(t, strictarm.Config{Timings: strict.Timings{Poll: 40 * time.Millisecond}})
	cloud.Subscription(subA).Named("contoso", map[string]string{"env": "prod"})
	cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Hold: "freeze", AcceptWarnings: true,
		Labels: map[string]string{"ring": "canary"}})
	cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "hidden", NotInInventory: true})
	cloud.AddVault(strictarm.Vault{Subscription: subB, Name: "kv1", Kind: strictarm.KeyVaultRBAC})
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	err := cloud.WriteInventory(path, strictarm.Inventory{URL: "http://127.0.0.1:1",
		Options: ", apiVersion: 2025-02-01", FailureBudget: "3",
		Limits: strict.Limits{Upgrades: 2}, Waves: []strict.Wave{{Name: "all"}}, Extra: "blackouts: []\n"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"upgrade: {kind: rsv-alerts, apiVersion: 2025-02-01}", `name: "contoso"`,
		`{"env": "prod"}`, `- name: "v1"`,
		`resourceGroup: "rg-vaults"`, `location: "westus"`, `hold: "freeze"`, "acceptWarnings: true", "poll: 40ms",
		"upgrades: 2", "failureBudget: 3", "blackouts: []"} {
		if !strings.Contains(string(data), s) {
			t.Errorf("no %s in\n%s", s, data)
		}
	}
	if strings.Contains(string(data), "hidden") || strings.Contains(string(data), "kv1") {
		t.Errorf("too much in\n%s", data)
	}
	if got := cloud.Inventory(strictarm.Inventory{Kind: strictarm.KeyVaultRBAC, Rollback: true}); !strings.Contains(got,
		"upgrade: {kind: rollback, of: kv-rbac}") ||
		!strings.Contains(got, "kv1") || strings.Contains(got, subA) {
		t.Errorf("of key vaults:\n%s", got)
	}
}
