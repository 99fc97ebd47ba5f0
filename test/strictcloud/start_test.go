package strictcloud_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// Each start fault answers as it says, and the truth knows what became of it.
func TestStartFaults(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		name     string
		fault    strictcloud.StartFault
		status   int
		body     string
		accepted int
	}{
		{"accept", strictcloud.Accept, 200, "InProgress", 1},
		{"busy", strictcloud.Busy, 409, "Code", 0},
		{"throttled", strictcloud.Throttle(2 * time.Second), 429, "", 0},
		{"throttled by date", strictcloud.ThrottleDate(2 * time.Second), 429, "", 0},
		{"503", strictcloud.Unavailable, 503, "", 0},
		{"500", strictcloud.ServerError, 500, "", 0},
		{"408", strictcloud.RequestTimeout, 408, "", 0},
		{"503 accepted", strictcloud.UnavailableAfterAcceptance, 503, "", 1},
		{"error body", strictcloud.ErrorBody, 500, "InternalError", 0},
		{"error body accepted", strictcloud.ErrorBodyAfterAcceptance, 500, "InternalError", 1},
		{"reset before", strictcloud.ResetBeforeAcceptance, 0, "", 0},
		{"reset after", strictcloud.ResetAfterAcceptance, 0, "", 1},
		{"garbage accepted", strictcloud.GarbageAfterAcceptance, 200, "<html>", 1},
		{"garbage", strictcloud.GarbageNotAccepted, 200, "<html>", 0},
		{"empty accepted", strictcloud.EmptyAfterAcceptance, 202, "", 1},
		{"truncated accepted", strictcloud.TruncatedAfterAcceptance, 0, "", 1},
		{"other ID", strictcloud.OtherIDAfterAcceptance, 200, "-0f0e-", 1},
		{"foreign wins", strictcloud.ForeignWins(time.Minute), 200, "-0f0e-", 0},
		{"302", strictcloud.Redirect302, 302, "", 0},
		{"307", strictcloud.Redirect307, 307, "", 0},
		{"308", strictcloud.Redirect308, 308, "", 0},
		{"claims", strictcloud.ClaimsChallenge, 401, "", 0},
		{"403", strictcloud.Forbidden, 403, "", 0},
		{"slow", strictcloud.SlowAnswer(20 * time.Millisecond), 200, "InProgress", 1},
		{"refused", strictcloud.RefuseStart(strictcloud.Refusal{Shape: 3, Code: "E1"}), 400,
			"schemas.microsoft.com/wars", 0},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictcloud.Config{})
			v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).Duration(time.Minute).Start(f.fault)
			c.validate(v)
			got := c.start(v)
			if got.status != f.status || !strings.Contains(got.body, f.body) {
				t.Errorf("answered %d %q", got.status, got.body)
			}
			r := v.Report()
			if len(r.Accepted) != f.accepted || len(r.Refused) != 1-f.accepted || len(r.Starts) != 1 {
				t.Errorf("truth: %+v", r)
			}
			if (r.State == "InProgress" && !strings.Contains(r.OperationID, "-0f0e-")) != (f.accepted == 1) {
				t.Errorf("record %s %s", r.State, r.OperationID)
			}
			if r.Starts[0].ListingAge <= 0 || r.Starts[0].ValidationAge <= 0 {
				t.Errorf("ages unknown: %+v", r.Starts[0])
			}
			if f.status == 429 && got.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if f.status == 401 && !strings.Contains(got.header.Get("WWW-Authenticate"), "insufficient_claims") {
				t.Errorf("challenge %q", got.header.Get("WWW-Authenticate"))
			}
			clean(t, cloud)
		})
	}
}

// A start without an answer ends when the client leaves, or when the server
// is closed.
func TestHang(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]strictcloud.StartFault{"accepted": strictcloud.HangAccepted,
		"not accepted": strictcloud.HangNotAccepted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictcloud.Config{})
			v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).Start(f)
			c.validate(v)
			c.http.Timeout = 30 * time.Millisecond
			if got := c.start(v); got.status != 0 {
				t.Fatalf("answered %d", got.status)
			}
			if got, want := len(v.Report().Accepted), map[string]int{"accepted": 1}[name]; got != want {
				t.Fatalf("accepted %d, want %d", got, want)
			}
			clean(t, cloud)
		})
	}
}

func restart(c *client, v *strictcloud.VaultHandle) { c.start(v); c.start(v) }

// Starts that break a rule of the rollout are violations.
func TestForbiddenStarts(t *testing.T) {
	t.Parallel()
	boom := strictcloud.Failure{Code: "E7", Message: "boom"}
	for _, d := range []struct {
		name string
		spec strictcloud.Vault
		with func(*strictcloud.Server, *strictcloud.VaultHandle)
		do   func(*client, *strictcloud.VaultHandle)
		want string
	}{
		{name: "not validated", do: func(c *client, v *strictcloud.VaultHandle) { c.armChecks(v); c.start(v) },
			want: "not found to be met"},
		{name: "no ARM checks", do: func(c *client, v *strictcloud.VaultHandle) { c.prereqs(v); c.start(v) },
			want: "provider Microsoft.SiteRecovery was checked"},
		{name: "group not checked", do: func(c *client, v *strictcloud.VaultHandle) { c.prereqs(v); c.start(v) },
			want: "before the target group was checked"},
		{name: "target not checked", do: func(c *client, v *strictcloud.VaultHandle) { c.prereqs(v); c.start(v) },
			want: "before the target was checked"},
		{name: "blocked", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) {
			v.Blocked(strictcloud.Reason{Code: "Old", Table: [][]string{{"pc1", "1.0"}, {"pc2", "1.1"}}})
		}, want: "not found to be met"},
		{name: "blocked after it was ready", do: func(c *client, v *strictcloud.VaultHandle) {
			c.validate(v)
			v.Refuses(strictcloud.Refusal{Shape: 2, Code: "No"})
			c.prereqs(v)
			c.start(v)
		}, want: "not found to be met"},
		{name: "garbage for prereqs", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) {
			v.Prereqs(strictcloud.PrereqGarbage)
		}, want: "not found to be met"},
		{name: "warnings", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) {
			v.Warnings(strictcloud.Reason{Code: "Billing"})
		}, want: "without consent"},
		{name: "hold", spec: strictcloud.Vault{Hold: "legal"}, want: "on hold"},
		{name: "not in the inventory", spec: strictcloud.Vault{NotInInventory: true}, want: "not in the inventory"},
		{name: "group missing", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) { v.MissingGroup() },
			want: "does not exist"},
		{name: "target exists", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) { v.TargetExists() },
			want: "the target exists"},
		{name: "CSP", with: func(s *strictcloud.Server, _ *strictcloud.VaultHandle) { s.Subscription(subA).CSP() },
			want: "cannot be upgraded"},
		{name: "disabled", with: func(s *strictcloud.Server,
			_ *strictcloud.VaultHandle) {
			s.Subscription(subA).State("Disabled")
		}, want: "cannot be upgraded"},
		{name: "registering", with: func(s *strictcloud.Server, _ *strictcloud.VaultHandle) {
			s.Subscription(subA).Provider("Microsoft.SiteRecovery", "Registering")
		}, want: "is Registering"},
		{name: "feature", with: func(s *strictcloud.Server,
			_ *strictcloud.VaultHandle) {
			s.Subscription(subA).Feature("NotRegistered")
		}, want: "feature"},
		{name: "in progress", do: restart, want: "while an upgrade is in progress"},
		{name: "foreign in progress", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Foreign(time.Minute, nil)
		}, want: "while an upgrade is in progress"},
		{name: "upgraded", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Already(strictcloud.ForcedUpgrade)
		}, want: "is upgraded"},
		{name: "failed before", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) { v.FailedBefore(boom) },
			want: "without permission"},
		{name: "failed", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.FailUpgrade(boom).Duration(0)
		}, do: restart, want: "without permission"},
		{name: "refused", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.RefuseStart(strictcloud.Refusal{Shape: 2}))
		}, do: restart, want: "refused for good"},
		{name: "500 with error body", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.ErrorBody)
		}, do: restart, want: "refused for good"},
		{name: "lost", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Unavailable)
		}, do: restart, want: "without proof"},
		{name: "late", with: func(_ *strictcloud.Server, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.ResetThenAccepted(time.Minute))
		}, do: restart, want: "second start"},
		{name: "throttled", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Throttle(time.Minute))
		}, do: restart, want: "Retry-After"},
		{name: "denied", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Forbidden)
		}, do: func(c *client, v *strictcloud.VaultHandle) {
			at := c.look(v).base + "/upgrade"
			c.do("POST", at, newID(), input(v))
			c.do("POST", at, newID(), input(v))
		}, want: "after a 401 or 403"},
		{name: "same operation ID", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Busy)
		}, do: func(c *client, v *strictcloud.VaultHandle) {
			id, at := newID(), c.look(v).base+"/upgrade"
			c.do("POST", at, id, input(v))
			c.do("POST", at, id, input(v))
		}, want: "was used before"},
		{name: "operation ID of a check", do: func(c *client, v *strictcloud.VaultHandle) {
			id, at := newID(), c.look(v).base
			c.do("POST", at+"/checkPrereqsForUpgrade", id, input(v))
			c.do("POST", at+"/upgrade", id, input(v))
		}, want: "was used before by the prereqs"},
		{name: "followed redirect", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Redirect307)
		}, do: func(c *client, v *strictcloud.VaultHandle) {
			c.http.CheckRedirect = nil
			c.start(v)
		}, want: "was used before by the start"},
		{name: "followed 302", with: func(_ *strictcloud.Server,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Redirect302)
		}, do: func(c *client, v *strictcloud.VaultHandle) {
			c.http.CheckRedirect = nil
			c.start(v)
		}, want: "method GET"},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictcloud.Config{})
			d.spec.Subscription, d.spec.Name = subA, "v1"
			v := cloud.AddVault(d.spec).Duration(time.Minute)
			if d.with != nil {
				d.with(cloud, v)
			}
			if d.want != "not found to be met" && !strings.Contains(d.want, "checked") {
				c.validate(v)
				if d.want == "while an upgrade is in progress" || d.want == "is upgraded" ||
					d.want == "without permission" {
					clean(t, cloud)
				}
			} else if d.do == nil {
				c.validate(v)
			}
			if d.do == nil {
				d.do = func(c *client, v *strictcloud.VaultHandle) { c.start(v) }
			}
			d.do(c, v)
			complains(t, cloud, d.want)
		})
	}
}

// Starts that the rules permit are no violations.
func TestPermittedStarts(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*strictcloud.Server, *client, *strictcloud.VaultHandle){
		"busy, then again": func(_ *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Times(2, strictcloud.Busy)...)
			c.start(v)
			c.start(v)
			c.start(v)
		},
		"403, a read, then again": func(_ *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Forbidden, strictcloud.ClaimsChallenge)
			c.start(v)
			c.start(v)
			c.start(v)
		},
		"Retry-After over": func(_ *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Throttle(time.Nanosecond))
			c.start(v)
			time.Sleep(time.Second)
			c.start(v)
		},
		"reopened after a failure": func(s *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Duration(0).FailUpgrade(strictcloud.Failure{Code: "E7"})
			c.start(v)
			if got := c.target(v); !strings.Contains(got.body, "Provisioning") {
				c.t.Errorf("target of a failed upgrade: %d %s", got.status, got.body)
			}
			s.AllowRestart(v)
			if got := c.target(v); got.status != http.StatusNotFound {
				c.t.Errorf("target after support: %d %s", got.status, got.body)
			}
			c.start(v)
		},
		"reopened after a refusal": func(s *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.RefuseStart(strictcloud.Refusal{Shape: 2}))
			c.start(v)
			s.AllowRestart(v)
			c.start(v)
		},
		"killed before a refusal was read, and proved absent": func(s *strictcloud.Server, c *client,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.RefuseStart(strictcloud.Refusal{Shape: 2}))
			c.start(v)
			s.ClientDied()
			c.proveAbsent(v)
			c.start(v)
		},
		"killed after it read that it was throttled": func(s *strictcloud.Server, c *client,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Throttle(time.Nanosecond))
			c.start(v)
			s.ClientDied()
			time.Sleep(time.Second)
			c.start(v)
		},
		"killed before it read that it was throttled": func(s *strictcloud.Server, c *client,
			v *strictcloud.VaultHandle) {
			v.Start(strictcloud.Throttle(time.Hour))
			c.start(v)
			s.ClientDied()
			c.proveAbsent(v)
			c.start(v)
		},
		"lost and proved absent": func(_ *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.ResetBeforeAcceptance)
			c.start(v)
			c.proveAbsent(v)
			c.start(v)
		},
		"proved absent by slow listings": func(s *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			v.Start(strictcloud.ResetBeforeAcceptance)
			at := c.look(v).base + "/upgrade"
			c.do("POST", at, newID(), input(v))
			s.Subscription(subA).Listing(strictcloud.Times(2, strictcloud.ListingSlow(time.Millisecond))...)
			c.proveAbsent(v)
			c.do("POST", at, newID(), input(v))
		},
		"sign-in expired and renewed": func(s *strictcloud.Server, c *client, v *strictcloud.VaultHandle) {
			at := c.look(v).base + "/upgrade"
			s.ExpireSignIn()
			if got := c.do("POST", at, newID(), input(v)); got.status != 401 {
				c.t.Errorf("start without a sign-in: %d", got.status)
			}
			if got := c.list(subA); got.status != 401 {
				c.t.Errorf("listing without a sign-in: %d", got.status)
			}
			s.SignIn()
			c.start(v)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, c := newCloud(t, strictcloud.Config{Timings: strict.Timings{ReconcileGrace: 40 * time.Millisecond}})
			v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).Duration(time.Minute)
			c.validate(v)
			do(cloud, c, v)
			clean(t, cloud)
			if r := v.Report(); r.State == "" || len(r.Accepted) == 0 {
				t.Fatalf("the last start was not accepted: %+v", r)
			}
		})
	}
}

// proveAbsent reads listing and target twice, a grace apart.
func (c *client) proveAbsent(v *strictcloud.VaultHandle) {
	for range 2 {
		time.Sleep(50 * time.Millisecond)
		c.look(v)
		c.target(v)
	}
}

// A proof needs both reads, twice, far enough apart; a vault that is missing
// from the listing proves nothing.
func TestProofOfAbsence(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		cfg strictcloud.Config
		do  func(*client, *strictcloud.VaultHandle)
	}{
		"too soon": {do: func(c *client,
			v *strictcloud.VaultHandle) {
			c.look(v)
			c.target(v)
			c.look(v)
			c.target(v)
		}},
		"one pair": {do: func(c *client,
			v *strictcloud.VaultHandle) {
			time.Sleep(50 * time.Millisecond)
			c.look(v)
			c.target(v)
		}},
		"no target read": {do: func(c *client,
			v *strictcloud.VaultHandle) {
			c.pause()
			c.look(v)
			c.pause()
			c.look(v)
		}},
		"before the POST's deadline": {
			cfg: strictcloud.Config{Timings: strict.Timings{StartTimeout: time.Minute}},
			do:  func(c *client, v *strictcloud.VaultHandle) { c.proveAbsent(v) },
		},
		"vanished": {do: func(c *client, v *strictcloud.VaultHandle) {
			for range 2 {
				c.pause()
				c.list(subA)
				c.target(v)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.cfg.Timings.ReconcileGrace = 40 * time.Millisecond
			cloud, c := newCloud(t, d.cfg)
			v := cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "v1"}).Start(strictcloud.ServerError)
			if name == "vanished" {
				v.Vanish(time.Minute)
			}
			c.validate(v)
			at := c.look(v).base + "/upgrade"
			c.do("POST", at, newID(), input(v))
			d.do(c, v)
			clean(t, cloud)
			c.do("POST", at, newID(), input(v))
			complains(t, cloud, "without proof")
		})
	}
}

func (c *client) pause() { time.Sleep(50 * time.Millisecond) }

// A vault's address is what a listing gave in this server's life, and a vault
// that is not in it is not started.
func TestAddressFromElsewhere(t *testing.T) {
	t.Parallel()
	spec := strictcloud.Vault{Subscription: subA, Name: "v1"}
	twin, reader := newCloud(t, strictcloud.Config{})
	at := reader.look(twin.AddVault(spec)).base + "/upgrade"

	cloud, c := newCloud(t, strictcloud.Config{})
	v := cloud.AddVault(spec).Absent()
	c.do("POST", at, newID(), input(v))
	complains(t, cloud, "never read from a listing")
	complains(t, cloud, "not in the listing")
}
