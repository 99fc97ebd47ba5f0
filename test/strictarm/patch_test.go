package strictarm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// A PATCH that may have been accepted is followed by another only after a
// proof that it did nothing.
func TestLostPatches(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		fault    strictarm.PatchFault
		status   int
		accepted bool
	}{
		"reset before":  {strictarm.ResetBeforeAcceptance, 0, false},
		"reset after":   {strictarm.ResetAfterAcceptance, 0, true},
		"503":           {strictarm.Unavailable, 503, false},
		"503 after":     {strictarm.UnavailableAfterAcceptance, 503, true},
		"502 page":      {strictarm.BadGateway, 502, false},
		"500":           {strictarm.ServerError, 500, false},
		"500 after":     {strictarm.ErrorBodyAfterAcceptance, 500, true},
		"408":           {strictarm.RequestTimeout, 408, false},
		"302":           {strictarm.Redirect302, 302, false},
		"307":           {strictarm.Redirect307, 307, false},
		"308":           {strictarm.Redirect308, 308, false},
		"garbage":       {strictarm.GarbageNotAccepted, 200, false},
		"garbage after": {strictarm.GarbageAfterAcceptance, 200, true},
		"cut after":     {strictarm.TruncatedAfterAcceptance, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			proved := cloud.AddVault(strictarm.Vault{Subscription: subA,
				Name: "v1"}).Takes(5 * time.Millisecond).Patch(d.fault)
			hasty := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v2"}).Patch(d.fault)
			if got := c.change(proved); got.status != d.status {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			c.prove(proved)
			if r := proved.Report(); r.Wanted != d.accepted || (len(r.Accepted) == 1) != d.accepted ||
				r.Patches[0].Fault != d.fault.Name() || r.Patches[0].Accepted != d.accepted {
				t.Fatalf("%+v", r)
			}
			if !d.accepted {
				if got := c.change(proved); got.status != 202 {
					t.Errorf("after the proof: %d", got.status)
				}
			}
			clean(t, cloud)
			c.change(hasty)
			c.change(hasty)
			complains(t, cloud, "without proof that operation")
			if d.accepted {
				complains(t, cloud, "second PATCH while one is under way")
			}
		})
	}
}

// The reads of a proof lie a grace after the PATCH and a grace apart, and see
// the vault at rest.
func TestProofs(t *testing.T) {
	t.Parallel()
	lost := func(t *testing.T, cfg strictarm.Config) (*strictarm.Server, *client, *strictarm.VaultHandle) {
		cloud, c := newCloud(t, cfg)
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Patch(strictarm.ResetBeforeAcceptance)
		c.change(v)
		return cloud, c, v
	}
	const none = "without proof"
	t.Run("too early", func(t *testing.T) {
		t.Parallel()
		cloud, c, v := lost(t, strictarm.Config{})
		c.read(v)
		time.Sleep(grace)
		c.change(v)
		complains(t, cloud, none)
	})
	t.Run("too close", func(t *testing.T) {
		t.Parallel()
		cloud, c, v := lost(t, strictarm.Config{})
		time.Sleep(grace)
		c.read(v)
		c.change(v)
		complains(t, cloud, none)
	})
	t.Run("reads that failed", func(t *testing.T) {
		t.Parallel()
		cloud, c, v := lost(t, strictarm.Config{})
		v.Reads(strictarm.Times(2, strictarm.ReadMissing)...)
		c.prove(v)
		c.change(v)
		complains(t, cloud, none)
	})
	t.Run("the deadline", func(t *testing.T) {
		t.Parallel()
		cloud, c, v := lost(t, strictarm.Config{Timings: strict.Timings{ReconcileGrace: grace,
			StartTimeout: time.Minute}})
		c.prove(v)
		c.change(v)
		complains(t, cloud, none)
	})
	t.Run("accepted later", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA,
			Name: "v1"}).Takes(30 * time.Millisecond).Patch(strictarm.ResetThenAccepted(grace))
		c.change(v)
		if v.Report().Wanted || strings.Contains(c.read(v).body, "Updating") {
			t.Error("the change is seen before the service has it")
		}
		time.Sleep(2 * grace)
		if r := v.Report(); !r.Wanted || len(r.Accepted) != 1 {
			t.Errorf("%+v", r)
		}
		clean(t, cloud)
	})
	t.Run("permitted", func(t *testing.T) {
		t.Parallel()
		cloud, c, v := lost(t, strictarm.Config{})
		cloud.AllowRestart(v)
		c.change(v)
		clean(t, cloud)
	})
	t.Run("failed unseen", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(5 * time.Millisecond).
			Patch(strictarm.ResetAfterAcceptance).Ends(strictarm.Fails("NoDisk", "full"))
		c.change(v)
		c.prove(v)
		c.change(v)
		clean(t, cloud) // nobody can know that it was accepted
	})
}

// Refusals say what is wrong, and what may follow them.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		fault  strictarm.PatchFault
		status int
		code   string
		again  string // what another PATCH at once is; empty: nothing wrong
	}{
		"conflict":  {strictarm.Conflict, 409, "Conflict", ""},
		"locked":    {strictarm.ScopeLocked("/x"), 409, "ScopeLocked", ""},
		"423":       {strictarm.Locked423, 423, "Locked", ""},
		"policy":    {strictarm.DisallowedByPolicy, 403, "RequestDisallowedByPolicy", ""},
		"guard":     {strictarm.Guarded, 403, "LinkedAuthorizationFailed", ""},
		"400":       {strictarm.BadRequest, 400, "InvalidRestApiParameter", "refused for good"},
		"500 body":  {strictarm.ErrorBody, 500, "InternalServerError", "refused for good"},
		"slow down": {strictarm.SlowDown(time.Minute), 429, "ResourceRequestsThrottled", "before Retry-After was over"},
		"date":      {strictarm.SlowDownDate(time.Minute), 429, "TooManyRequests", "before Retry-After was over"},
		"busy": {strictarm.Busy(time.Minute), 429, "RetryableErrorDueToAnotherOperation",
			"before Retry-After was over"},
		"in text":   {strictarm.SlowDownInText(time.Minute), 429, "ResourceRequestsThrottled", ""},
		"deny":      {strictarm.Denied403, 403, "DenyAssignmentAuthorizationFailed", ""},
		"inner":     {strictarm.RefusedInner, 400, "BadRequest", "refused for good"},
		"500 cloud": {strictarm.CloudInternalError, 500, "CloudInternalError", "refused for good"},
		"claims":    {strictarm.ClaimsChallenge, 401, "ExpiredAuthenticationToken", ""},
		"403":       {strictarm.Forbidden, 403, "AuthorizationFailed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Patch(d.fault)
			got := c.change(v)
			if e, _ := got.json(t)["error"].(map[string]any); got.status != d.status || e["code"] != d.code ||
				e["message"] == "" {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			if r := v.Report(); len(r.Accepted) != 0 || r.Patches[0].Status != d.status {
				t.Errorf("%+v", r)
			}
			clean(t, cloud)
			c.change(v)
			if d.again == "" {
				clean(t, cloud)
			} else {
				complains(t, cloud, d.again)
			}
		})
	}
}

// After a denial a read has to succeed first.
func TestDenials(t *testing.T) {
	t.Parallel()
	for name, deny := range map[string]func(*strictarm.Server, bool){
		"signed out": func(s *strictarm.Server, on bool) {
			if s.SignIn(); on {
				s.ExpireSignIn()
			}
		},
		"forbidden": func(s *strictarm.Server, on bool) { s.Subscription(subA).Forbidden(on) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
			c.check(v)
			deny(cloud, true)
			if got := c.patch(v); got.status != 401 && got.status != 403 {
				t.Fatalf("answered %d", got.status)
			}
			if got := c.read(v); got.status != 401 && got.status != 403 {
				t.Fatalf("answered %d", got.status)
			}
			clean(t, cloud)
			c.patch(v)
			complains(t, cloud, "before any read of the subscription succeeded")
			deny(cloud, false)
			seen := len(cloud.Violations())
			c.change(v)
			if vs := cloud.Violations()[seen:]; len(vs) > 0 {
				t.Errorf("after a read: %v", vs)
			}
		})
	}
}

// The sign-in expires with the n-th accepted PATCH, which is still answered.
func TestSignInExpires(t *testing.T) {
	t.Parallel()
	cloud, c := newCloud(t, strictarm.Config{})
	v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"})
	cloud.ExpireSignInAfter(1)
	if got := c.change(v); got.status != 202 {
		t.Fatalf("answered %d", got.status)
	}
	if got := c.read(v); got.status != 401 {
		t.Fatalf("answered %d", got.status)
	}
	clean(t, cloud)
}

// A PATCH that what was read forbids, or that comes without reading.
func TestPatchesTooSoon(t *testing.T) {
	t.Parallel()
	vault := strictarm.Vault{Subscription: subA, Name: "v1"}
	lock, unlock := vault, vault
	lock.Kind, unlock.Kind = strictarm.ImmutabilityLock, strictarm.Immutability
	held, outside := vault, vault
	held.Hold, outside.NotInInventory = "legal freeze", true
	for name, d := range map[string]struct {
		vault strictarm.Vault
		do    func(*client, *strictarm.VaultHandle)
		says  string
	}{
		"unread":   {vault, func(c *client, v *strictarm.VaultHandle) { c.rules(subA) }, "was not read"},
		"no rules": {vault, func(c *client, v *strictarm.VaultHandle) { c.read(v) }, "alert processing rules"},
		"held":     {held, (*client).check, "on hold: legal freeze"},
		"outside":  {outside, (*client).check, "not in the inventory"},
		"locked long since": {unlock, func(c *client, v *strictarm.VaultHandle) {
			c.check(v.Property("securitySettings.immutabilitySettings.state", "Locked"))
		}, "as it is to be"},
		"gone": {vault, func(c *client, v *strictarm.VaultHandle) { c.check(v.Gone()) }, "was not read"},
		"somebody": {vault, func(c *client, v *strictarm.VaultHandle) { c.check(v.Foreign(time.Minute, true)) },
			"read as Updating"},
		"being made": {vault, func(c *client,
			v *strictarm.VaultHandle) {
			c.check(v.Property("provisioningState", "Pending"))
		}, "read as Pending"},
		"locked": {vault, func(c *client, v *strictarm.VaultHandle) { c.check(v.Lock("keep", "ReadOnly")) },
			"ReadOnly lock"},
		"never unlocked": {lock, func(c *client, v *strictarm.VaultHandle) {
			c.check(v.Property("securitySettings.immutabilitySettings", nil))
		}, "<nil>, not Unlocked"},
		"disabled": {lock, func(c *client, v *strictarm.VaultHandle) {
			c.check(v.Property("securitySettings.immutabilitySettings.state", "Disabled"))
		}, "Disabled, not Unlocked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(d.vault)
			d.do(c, v)
			clean(t, cloud)
			c.patch(v)
			complains(t, cloud, d.says)
		})
	}
}

// A service in good health refuses what it has reason to.
func TestServiceRefuses(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		kind   strictarm.Kind
		do     func(*strictarm.VaultHandle)
		body   string
		status int
		code   string
	}{
		"own lock": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.Lock("keep", "ReadOnly") }, alertsBody,
			409, "ScopeLocked"},
		"group lock": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.LockGroup("keep", "ReadOnly") },
			alertsBody, 409, "ScopeLocked"},
		"other lock": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.Lock("keep", "CanNotDelete") }, alertsBody,
			202, ""},
		"unlocked": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.Lock("keep", "ReadOnly").Unlock() },
			alertsBody, 202, ""},
		"guard": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.Guarded() }, alertsBody, 403,
			"LinkedAuthorizationFailed"},
		"partial": {strictarm.Alerts, nil,
			`{"properties":{"monitoringSettings":{"classicAlertSettings":{"alertsForCriticalOperations":"Disabled"}}}}`,
			400, "InvalidRestApiParameter"},
		"no JSON": {strictarm.Alerts, nil, `{`, 400, "InvalidRequestContent"},
		"for ever": {strictarm.Immutability,
			func(v *strictarm.VaultHandle) { v.Property("securitySettings.immutabilitySettings.state", "Locked") },
			unlockedBody, 400, "InvalidRestApiParameter"},
		"too far": {strictarm.Immutability, nil, lockedBody, 400, "InvalidRestApiParameter"},
		"gone": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.Gone() }, alertsBody, 404,
			"ResourceNotFound"},
		"created": {strictarm.KeyVaultRBAC, func(v *strictarm.VaultHandle) { v.Patch(strictarm.Created) },
			rolesBody, 201, "enableRbacAuthorization"},
		"in progress": {strictarm.Alerts, func(v *strictarm.VaultHandle) { v.Takes(time.Minute) }, alertsBody, 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Kind: d.kind})
			if d.do != nil {
				d.do(v)
			}
			got := c.do("PATCH", v.ID()+version(v), d.body)
			if got.status != d.status || !strings.Contains(got.body, d.code) {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if name == "in progress" {
				if got := c.patch(v); got.status != 409 {
					t.Errorf("the second was answered %d", got.status)
				}
			}
		})
	}
	t.Run("guard's second token", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Guarded()
		c.check(v)
		c.edit = second
		if got := c.patch(v); got.status != 202 {
			t.Errorf("answered %d %s", got.status, got.body)
		}
		clean(t, cloud)
	})
}

// What was changed can be taken back, but for a lock that is for ever.
func TestRollBack(t *testing.T) {
	t.Parallel()
	for kind, back := range map[strictarm.Kind]string{
		strictarm.Alerts:       strings.ReplaceAll(alertsBody, "Disabled", "Enabled"),
		strictarm.Immutability: `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Disabled"}}}}`,
		strictarm.KeyVaultRBAC: strings.Replace(rolesBody, "true", "false", 1),
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictarm.Config{})
			v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Kind: kind}).Takes(0)
			switch kind { // what is unset cannot be unset again
			case strictarm.Immutability:
				v.Property("securitySettings.immutabilitySettings.state", "Disabled")
			case strictarm.KeyVaultRBAC:
				v.Property("enableRbacAuthorization", false)
			}
			before := c.read(v).body
			c.change(v)
			v.RollBack()
			c.read(v)
			if got := c.do("PATCH", v.ID()+version(v), back); got.status != 200 {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			clean(t, cloud)
			if after := c.read(v).body; after != before || !v.Report().Wanted {
				t.Errorf("the vault is\n%s, not\n%s", after, before)
			}
		})
	}
	t.Run("unset before", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1"}).Takes(0).Property("monitoringSettings",
			nil)
		c.change(v)
		v.RollBack()
		c.read(v)
		clean(t, cloud)
		c.do("PATCH", v.ID()+version(v), strings.Replace(alertsBody, `"Disabled"`, `"Off"`, 1))
		complains(t, cloud, `is "Off", want one of`)
	})
	t.Run("for ever", func(t *testing.T) {
		t.Parallel()
		cloud, c := newCloud(t, strictarm.Config{})
		v := cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "v1", Kind: strictarm.ImmutabilityLock}).Takes(0)
		c.change(v)
		v.RollBack()
		c.read(v)
		if got := c.do("PATCH", v.ID()+version(v), unlockedBody); got.status != 400 {
			t.Errorf("answered %d %s", got.status, got.body)
		}
		complains(t, cloud, "for ever")
	})
}
