package test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// TestTodayKeyVaults has key vaults follow roles, with access policies and role
// assignments of every sort there before.
func TestTodayKeyVaults(t *testing.T) {
	t.Parallel()
	const app, people = "11111111-aaaa-4000-8000-000000000001", "22222222-aaaa-4000-8000-000000000002"
	policies := func(ps ...strictarm.AccessPolicy) func(*strictarm.VaultHandle) {
		return func(v *strictarm.VaultHandle) { v.Policies(ps...) }
	}
	secrets := strictarm.AccessPolicy{Principal: app, Secrets: []string{"get", "list"}}
	keep(t, strictarm.Inventory{Kind: strictarm.KeyVaultRBAC, Options: ", propagation: 300ms"}, nil, []kept{
		{"empty", "upgraded", func(*strictarm.VaultHandle) {}},
		{"already", "already", func(v *strictarm.VaultHandle) { v.Already() }},
		{"secrets", "upgraded", policies(secrets)},
		{"many", "upgraded", policies(secrets, strictarm.AccessPolicy{Principal: people,
			Keys: []string{"get", "list", "wrapKey", "unwrapKey"}, Certificates: []string{"get", "list", "import"}})},
		{"has-roles", "upgraded",
			func(v *strictarm.VaultHandle) { v.Policies(secrets).Assigned(app, "Key Vault Secrets User", "") }},
		{"inherits", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Assigned(app, "Key Vault Secrets User", "/subscriptions/"+subA)
		}},
		{"lag", "upgraded", func(v *strictarm.VaultHandle) { v.Policies(secrets).AssignLag(400 * time.Millisecond) }},
		{"paged", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Assigned(people, "Key Vault Reader", "").Assigned(people, "Key Vault Crypto User",
				"").RolesPage(1)
		}},
		{"troubled", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Roles(strictarm.ReadUnavailable, strictarm.ReadReset).Assigns(strictarm.ReadReset,
				strictarm.ReadThrottle(time.Second))
		}},
		{"created", "upgraded", func(v *strictarm.VaultHandle) { v.Patch(strictarm.Created) }},
		{"lost", "upgraded",
			func(v *strictarm.VaultHandle) { v.Policies(secrets).Patch(strictarm.ResetAfterAcceptance) }},
		{"unsent", "upgraded", func(v *strictarm.VaultHandle) { v.Policies(secrets).Patch(strictarm.Unavailable) }},
		{"storage", "blocked", policies(strictarm.AccessPolicy{Principal: app, Storage: []string{"get"}})},
		{"many-as-made", "upgraded", policies(strictarm.AccessPolicy{Principal: app, PrincipalType: "User",
			Keys: []string{"all"}, Secrets: []string{"all"}, Certificates: []string{"all"}, Storage: []string{"all"}})},
		{"storage-as-made", "blocked", policies(strictarm.AccessPolicy{Principal: app, Secrets: []string{"Get", "List"},
			Storage: []string{"All"}})},
		{"many-unasked", "upgraded", policies(strictarm.AccessPolicy{Principal: app, Secrets: []string{"get", "list"},
			Storage: []string{"get", "list"}})},
		{"activated", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).AssignedUntil(app, "Key Vault Secrets User", "/subscriptions/"+subA, "Activated",
				"2026-12-01T05:00:00Z")
		}},
		{"for-a-time", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).AssignedUntil(app, "Key Vault Secrets Officer", "/", "Assigned", "2027-12-01T05:00:00Z")
		}},
		{"activated-here", "blocked", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).AssignedUntil(app, "Key Vault Secrets User", "", "Activated", "2026-12-01T05:00:00Z")
		}},
		{"unlicensed", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Assigned(app, "Key Vault Secrets User",
				"/").Instances(strictarm.Times(9, strictarm.InstancesUnlicensed)...)
		}},
		{"ends-unread", "blocked", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Assigned(app, "Key Vault Secrets User",
				"/").Instances(strictarm.Times(9, strictarm.InstancesForbidden)...)
		}},
		{"many-unread", "upgraded", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Assigned(app, "Key Vault Secrets User",
				"/").Instances(strictarm.Times(9, strictarm.InstancesForbidden)...)
		}},
		{"unsaid", "upgraded",
			func(v *strictarm.VaultHandle) { v.Property("enableRbacAuthorization", nil).Policies(secrets) }},
		{"compound", "blocked", policies(strictarm.AccessPolicy{Principal: app, Application: people,
			Secrets: []string{"get"}})},
		{"stranger", "blocked", func(v *strictarm.VaultHandle) {
			v.Policies(secrets).Assigns(strictarm.Times(50, strictarm.PrincipalNotFound)...)
		}},
	})
}

// TestTodayKeyVaultsThereAndBack: access policies come back as they were.
func TestTodayKeyVaultsThereAndBack(t *testing.T) {
	t.Parallel()
	thereAndBack(t, strictarm.KeyVaultRBAC, ", propagation: 200ms", func(i int, v *strictarm.VaultHandle) {
		if i%2 == 0 {
			v.Policies(strictarm.AccessPolicy{Principal: fmt.Sprintf("33333333-aaaa-4000-8000-%012d", i),
				Secrets: []string{"get", "list"}})
		}
	})
}

// TestTodayKeyVaultKills kills the client while it makes role assignments: the
// next process asks for them by the same names, and changes each vault once.
func TestTodayKeyVaultKills(t *testing.T) {
	t.Parallel()
	w := newToday(t, strictarm.Config{Timings: quick()})
	for i := range 6 {
		w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: fmt.Sprintf("kv%d", i),
			Kind: strictarm.KeyVaultRBAC}).AssignLag(time.Second).
			Policies(strictarm.AccessPolicy{Principal: "33333333-aaaa-4000-8000-000000000001",
				Secrets: []string{"get", "list"}},
				strictarm.AccessPolicy{Principal: "33333333-aaaa-4000-8000-000000000002",
					Keys: []string{"get", "list", "wrapKey", "unwrapKey"}})
	}
	w.write(strictarm.Inventory{Kind: strictarm.KeyVaultRBAC, Options: ", propagation: 200ms",
		Waves: []strict.Wave{{Name: "all"}}})
	args := []string{"run", w.inv, "--yes"}
	// the PUT at which the process dies: before it is seen, or before it is answered
	for life, nth := range []int64{2, 3, 1} {
		var c atomic.Pointer[client]
		var puts atomic.Int64
		die := func(r *http.Request) {
			if r.Method == http.MethodPut && puts.Add(1) == nth {
				for c.Load() == nil {
					time.Sleep(time.Millisecond)
				}
				c.Load().kill()
			}
		}
		if life%2 == 0 {
			w.gate.on(die, nil)
		} else {
			w.gate.on(nil, die)
		}
		p := w.start(args...)
		c.Store(p)
		p.wait()
		if !p.killed() {
			t.Fatalf("life %d ended before its PUT %d\n%s", life, nth, tail(p.stderr.String(), 30))
		}
		w.gate.on(nil, nil)
		w.gate.quiet(t)
		w.cloud.ClientDied()
		args = []string{"resume", "--state", w.db, "--yes"}
	}
	w.start(args...).ends(0)
	again := 0
	for _, v := range w.judge().Vaults {
		if !v.Wanted || len(v.Patches) != 1 || len(v.Assignments) != 2 {
			t.Errorf("%s: %+v", v.Vault.Name, v)
		}
		for _, a := range v.Assignments {
			again += a.Puts - 1
		}
	}
	t.Logf("%d role assignments were asked for again", again)
}
