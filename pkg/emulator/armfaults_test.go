package emulator

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

type todaysFaultCase struct {
	name  string
	fault Fault
	check func(t *testing.T, c *Cloud, cl *client, v Resource)
}

// todaysFaultCases shows what each kind of fault does to a vault of today's.
var todaysFaultCases = together(changeCases, barrierCases, graphCases)

func together(parts ...map[string][]todaysFaultCase) map[string][]todaysFaultCase {
	out := map[string][]todaysFaultCase{}
	for _, part := range parts {
		for kind, cases := range part {
			out[kind] = append(out[kind], cases...)
		}
	}
	return out
}

var changeCases = together(map[string][]todaysFaultCase{
	kindThrottled: {{"in the text", Fault{Vault: "rsv-1", Calls: []string{"patch"}, RetryAfter: 372, InText: true},
		func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			a := cl.patch(v, alertsBody)
			wantStatus(t, a, 429, "Please try again after '372' seconds.")
			if got := a.header.Get("Retry-After"); got != "" {
				t.Errorf("Retry-After %q", got)
			}
		}}},
	kindStartBusy: {{"a key vault", Fault{Vault: "kv-1"}, func(t *testing.T, _ *Cloud, cl *client, _ Resource) {
		wantStatus(t, cl.patch(estate()[1], rbacBody), 409, `"code":"ConflictError"`,
			"the Key Vault 'kv-1' changed from the point the operation began")
	}}},
	kindStartRefused: {
		{"bare", Fault{Vault: "rsv-1", Status: 406, Answer: "bare"},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				if a := cl.patch(v, alertsBody); a.status != 406 || a.body != "" {
					t.Errorf("%d %q", a.status, a.body)
				}
			}},
		{"wrapped", Fault{Vault: "rsv-1", Answer: "wrapped", Code: "No", Message: "Never."},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				wantStatus(t, cl.patch(v, alertsBody), 400,
					`{"ErrorCode":"No","Message":{"Language":"en-us","Value":"Never."},"Values":{}}`)
			}},
		{"inner", Fault{Vault: "rsv-1", Answer: "inner", Code: "No", Message: "Never."},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				a := cl.patch(v, alertsBody)
				wantStatus(t, a, 400)
				if at(t, a, "error", "innererror", "message") != "Never." || at(t, a, "error", "code") == "No" {
					t.Errorf("%s", a.body)
				}
			}},
	},
	kindServerError: {{"a gateway", Fault{Vault: "rsv-1", Status: 502, Answer: "page"},
		func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			a := cl.patch(v, alertsBody)
			wantStatus(t, a, 502, "<h1>502 Bad Gateway</h1>")
			if got := a.header.Get("Content-Type"); got != "text/html" {
				t.Errorf("Content-Type %q", got)
			}
		}}},
	kindBadStatus: {
		misleads("denied", 403, "vaults/operationStatus/read' over scope"),
		misleads("gone", 404, "ResourceNotFound"),
		misleads("no-content", 204, ""),
		misleads("empty", 200, ""),
		misleads("vault", 200, `"provisioningState":"Provisioning"`),
		misleads("page", 502, "<html>"),
		misleads("wrapped", 400, `"ErrorCode"`),
		{"after a while", Fault{Vault: "rsv-1", Answer: "gone", For: "5m"},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				a := cl.patch(v, alertsBody)
				time.Sleep(5*time.Minute - time.Nanosecond)
				wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), 200, "InProgress")
				time.Sleep(time.Nanosecond)
				wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), 404)
				wantStatus(t, cl.follow(a, "Location"), 404)
			}},
	},
	kindCreated: {{"", Fault{Vault: "rsv-1"}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
		a := cl.patch(v, alertsBody)
		wantStatus(t, a, 201, `"provisioningState":"Provisioning"`, `"alertsForCriticalOperations":"Enabled"`)
		if a.header.Get("Location") != "" {
			t.Error("it has a Location")
		}
		wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), 200, "InProgress")
		time.Sleep(20 * time.Minute)
		wantStatus(t, cl.read(v), 200, `"alertsForCriticalOperations":"Disabled"`)
	}}},
	kindBeingMade: {
		{"", Fault{Vault: "rsv-1", For: "5m"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.read(v), 200, `"provisioningState":"Provisioning"`, `"multiUserAuthorization":"Invalid"`)
			wantStatus(t, cl.patch(v, alertsBody), 409)
			time.Sleep(5 * time.Minute)
			wantStatus(t, cl.read(v), 200, `"provisioningState":"Succeeded"`, `"multiUserAuthorization":"Disabled"`)
			wantStatus(t, cl.patch(v, alertsBody), 202)
		}},
		{"a key vault", Fault{Vault: "kv-1", For: "5m"}, func(t *testing.T, _ *Cloud, cl *client, _ Resource) {
			wantStatus(t, cl.read(estate()[1]), 200, `"provisioningState":"RegisteringDns"`)
			wantStatus(t, cl.patch(estate()[1], rbacBody), 409, "ConflictError")
			time.Sleep(5 * time.Minute)
			wantStatus(t, cl.patch(estate()[1], rbacBody), 200)
		}},
	},
	kindDenyAssignment: {{"", Fault{Vault: "rsv-1"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.patch(v, alertsBody), 403, `"code":"DenyAssignmentAuthorizationFailed"`,
			"has permission to perform action 'Microsoft.RecoveryServices/vaults/write'",
			"however, the access is denied because of the deny assignment with name '")
		wantStatus(t, cl.read(v), 200)
	}}},
	kindIneffective: {{"at once", Fault{Vault: "kv-1"}, func(t *testing.T, c *Cloud, cl *client, _ Resource) {
		before := c.Summary()
		wantStatus(t, cl.patch(estate()[1], rbacBody), 200)
		if after := c.Summary(); after.Estate() != before.Estate() || after.Accepted != 1 {
			t.Errorf("%+v", after)
		}
	}}},
}, usualChangeCases)

// misleads is a change whose addresses say nothing of it, and which takes effect.
func misleads(answer string, status int, words string) todaysFaultCase {
	return todaysFaultCase{answer, Fault{Vault: "rsv-1", Answer: answer},
		func(t *testing.T, c *Cloud, cl *client, v Resource) {
			a := cl.patch(v, alertsBody)
			wantStatus(t, a, 202)
			s := cl.follow(a, "Azure-AsyncOperation")
			wantStatus(t, s, status, words)
			if (answer == "empty" || answer == "no-content") && s.body != "" {
				t.Errorf("body %q", s.body)
			}
			wantStatus(t, cl.follow(a, "Location"), status)
			time.Sleep(20 * time.Minute)
			wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), status)
			wantStatus(t, cl.read(v), 200, `"alertsForCriticalOperations":"Disabled"`,
				`"provisioningState":"Succeeded"`)
		}}
}

var usualChangeCases = map[string][]todaysFaultCase{
	kindBusy: {{"", Fault{Vault: "rsv-1", For: "10m"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.patch(v, alertsBody), 409, "AnotherOperationInProgress")
		wantStatus(t, cl.read(v), 200, `"Succeeded"`)
		time.Sleep(10 * time.Minute)
		wantStatus(t, cl.patch(v, alertsBody), 202)
	}}},
	kindStartBusy: {
		{"", Fault{Vault: "rsv-1"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 409, "AnotherOperationInProgress")
			wantStatus(t, cl.patch(v, alertsBody), 202)
		}},
		{"429", Fault{Vault: "rsv-1", Status: 429, Code: "ConcurrentOperation", Message: "Wait."},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				a := cl.patch(v, alertsBody)
				wantStatus(t, a, 429, `"code":"ConcurrentOperation","message":"Wait."`)
				if a.header.Get("Retry-After") != "" {
					t.Errorf("headers %v", a.header)
				}
			}},
	},
	kindStartRefused: {{"", Fault{Vault: "rsv-1", Status: 422, Code: "No", Message: "Never."},
		func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 422, `{"error":{"code":"No","message":"Never."}}`)
		}}},
	kindFails: {
		{"", Fault{Vault: "rsv-1", Code: "Boom", Message: "It broke."},
			func(t *testing.T, c *Cloud, cl *client, v Resource) {
				before, etag := c.Summary(), at(t, cl.read(v), "etag")
				a := cl.patch(v, alertsBody)
				wantStatus(t, a, 202)
				if at(t, cl.read(v), "etag") != etag {
					t.Error("it was written to before its end")
				}
				time.Sleep(20 * time.Minute)
				if at(t, cl.read(v), "etag") == etag {
					t.Error("the etag is what it was")
				}
				s := cl.follow(a, "Azure-AsyncOperation")
				if at(t, s, "status") != "Failed" || at(t, s, "error", "code") != "Boom" ||
					at(t, s, "error", "message") != "It broke." {
					t.Errorf("status %s", s.body)
				}
				wantStatus(t, cl.follow(a, "Location"), 400, "Boom")
				after := c.Summary()
				if after.Estate() != before.Estate() {
					t.Errorf("before %s\nafter %s", before.Estate(), after.Estate())
				}
			}},
		{"once", Fault{Vault: "rsv-1", Times: 1, For: "1m"}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 202)
			time.Sleep(time.Minute)
			wantStatus(t, cl.patch(v, alertsBody), 202)
			time.Sleep(20 * time.Minute)
			wantStatus(t, cl.read(v), 200, `"alertsForCriticalOperations":"Disabled"`)
			if s := c.Summary(); s.Accepted != 2 || s.DoubleAccepted != 0 || s.SentAgain != 0 {
				t.Errorf("%+v", s)
			}
		}},
		{"at once", Fault{Vault: "kv-1"}, func(t *testing.T, c *Cloud, cl *client, _ Resource) {
			wantStatus(t, cl.patch(estate()[1], rbacBody), 400, "EmulatedUpdateFailure")
			if s := c.Summary(); s.Accepted != 0 || s.Refused != 1 {
				t.Errorf("%+v", s)
			}
		}},
	},
	kindTakes: {{"", Fault{Vault: "rsv-1", For: "3h"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.patch(v, alertsBody), 202)
		time.Sleep(3*time.Hour - time.Nanosecond)
		wantStatus(t, cl.read(v), 200, "Provisioning")
		time.Sleep(time.Nanosecond)
		wantStatus(t, cl.read(v), 200, "Succeeded")
	}}},
	kindForeign: {{"", Fault{Vault: "rsv-1", For: "30m"}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.read(v), 200, "Provisioning")
		wantStatus(t, cl.patch(v, alertsBody), 409)
		time.Sleep(30 * time.Minute)
		wantStatus(t, cl.patch(v, alertsBody), 202)
		if s, _ := func() (ResourceSummary,
			bool) {
			s := c.Summary()
			return s.Resource(prod, "rsv-1")
		}(); s.Accepted != 1 || s.SentAgain != 0 {
			t.Errorf("%+v", s)
		}
	}}},
	kindVanished: {
		{"", Fault{Vault: "rsv-1"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.read(v), 404, "ResourceNotFound")
			wantStatus(t, cl.patch(v, alertsBody), 404)
		}},
		{"after its start", Fault{Vault: "rsv-1", After: "start", For: "1m"},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				a := cl.patch(v, alertsBody)
				wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), 404)
				time.Sleep(time.Minute)
				wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), 200)
			}},
	},
	kindThrottled: {{"", Fault{Vault: "rsv-1", Calls: []string{"vault"}, RetryAfter: 7},
		func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			a := cl.read(v)
			wantStatus(t, a, 429, `"code":"ResourceRequestsThrottled"`,
				"action 'Microsoft.RecoveryServices/vaults/read'", "try again after '7' seconds")
			if a.header.Get("Retry-After") != "7" ||
				a.header.Get("x-ms-ratelimit-remaining-subscription-reads") != "0" {
				t.Errorf("headers %v", a.header)
			}
			wantStatus(t, cl.read(v), 200)
		}}},
	kindServerError: {
		{"", Fault{Vault: "rsv-1", ErrorBody: true, Status: 503}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 503, `"code":"CloudInternalError"`)
			wantStatus(t, cl.read(v), 503)
			wantStatus(t, cl.patch(v, alertsBody), 202)
		}},
		{"accepted", Fault{Vault: "rsv-1", Calls: []string{"patch"}, Accepted: true}, acceptedUnanswered(500)},
	},
	kindDenied: {{"", Fault{Vault: "rsv-1", Calls: []string{"patch"}},
		func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 403, `"code":"AuthorizationFailed"`, "The client '",
				"' with object id '",
				"does not have authorization to perform action 'Microsoft.RecoveryServices/vaults/write' over scope '"+
					pathOf(v)+"' or the scope is invalid.")
		}}},
	kindSlow: {{"", Fault{Vault: "rsv-1", Calls: []string{"upgrade"}, Delay: "5s"},
		func(t *testing.T, c *Cloud, cl *client, v Resource) {
			began := time.Now()
			wantStatus(t, cl.patch(v, alertsBody), 202)
			if d := time.Since(began); d != 5*time.Second {
				t.Errorf("after %v", d)
			}
		}}},
	kindHang: {{"accepted", Fault{Vault: "rsv-1", Accepted: true, Delay: "2s"},
		func(t *testing.T, c *Cloud, cl *client, v Resource) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if a := cl.do(ctx, "PATCH", pathOf(v)+"?api-version="+rsvVersion, alertsBody,
				jsonHeader()); !errors.Is(a.err, context.DeadlineExceeded) {
				t.Errorf("answer %+v", a)
			}
			if s := c.Summary(); s.Accepted != 1 {
				t.Errorf("%+v", s)
			}
		}}},
	kindGarbage: {{"accepted", Fault{Vault: "rsv-1", Accepted: true}, acceptedUnanswered(200)}},
	kindResetBefore: {{"", Fault{Vault: "rsv-1", Calls: []string{"patch", "operation"}},
		func(t *testing.T, c *Cloud, cl *client, v Resource) {
			if a := cl.patch(v, alertsBody); !errors.Is(a.err, syscall.ECONNRESET) {
				t.Errorf("answer %+v", a)
			}
			a := cl.patch(v, alertsBody)
			wantStatus(t, a, 202)
			if s := cl.follow(a, "Azure-AsyncOperation"); !errors.Is(s.err, syscall.ECONNRESET) {
				t.Errorf("answer %+v", s)
			}
			wantStatus(t, cl.follow(a, "Azure-AsyncOperation"), 200)
		}}},
	kindResetAfter: {{"late", Fault{Vault: "rsv-1", Delay: "1m"}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
		if a := cl.patch(v, alertsBody); !errors.Is(a.err, syscall.ECONNRESET) {
			t.Errorf("answer %+v", a)
		}
		wantStatus(t, cl.read(v), 200, "Succeeded")
		wantStatus(t, cl.patch(v, alertsBody), 409)
		time.Sleep(time.Minute)
		wantStatus(t, cl.read(v), 200, "Provisioning")
		time.Sleep(20 * time.Minute)
		wantStatus(t, cl.read(v), 200, "Succeeded", `"alertsForCriticalOperations":"Disabled"`)
		if s := c.Summary(); s.Accepted != 1 {
			t.Errorf("%+v", s)
		}
	}}},
	kindState: {{"", Fault{Vault: "rsv-1",
		Properties: map[string]any{"monitoringSettings": nil, "bcdrSecurityLevel": "Fair"}},
		func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			a := cl.read(v)
			if p := at(t, a, "properties").(object); p["monitoringSettings"] != nil ||
				p["bcdrSecurityLevel"] != "Fair" || p["publicNetworkAccess"] != "Enabled" {
				t.Errorf("%s", a.body)
			}
		}}},
	kindSynchronous: {{"", Fault{Vault: "rsv-1"}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.patch(v, alertsBody), 200, `"alertsForCriticalOperations":"Disabled"`, `"Succeeded"`)
		wantStatus(t, cl.read(v), 200, `"alertsForCriticalOperations":"Disabled"`)
		if s := c.Summary(); s.Accepted != 1 {
			t.Errorf("%+v", s)
		}
	}}},
	kindIneffective: {{"", Fault{Vault: "rsv-1"}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
		before := c.Summary()
		a := cl.patch(v, alertsBody)
		time.Sleep(20 * time.Minute)
		if s := cl.follow(a, "Azure-AsyncOperation"); at(t, s, "status") != "Succeeded" {
			t.Errorf("status %s", s.body)
		}
		after := c.Summary()
		if after.Estate() != before.Estate() || after.Accepted != 1 {
			t.Errorf("%+v", after)
		}
	}}},
}

// acceptedUnanswered is a change that was accepted although its answer says
// nothing of it.
func acceptedUnanswered(status int) func(*testing.T, *Cloud, *client, Resource) {
	return func(t *testing.T, c *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.patch(v, alertsBody), status)
		wantStatus(t, cl.read(v), 200, "Provisioning")
		time.Sleep(20 * time.Minute)
		wantStatus(t, cl.read(v), 200, `"alertsForCriticalOperations":"Disabled"`)
		if s := c.Summary(); s.Accepted != 1 || s.Refused != 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestTodaysFaults(t *testing.T) {
	t.Parallel()
	for kind, cases := range todaysFaultCases {
		for _, tt := range cases {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := tt.fault
					f.Kind = kind
					c := todaysCloud(t, Scenario{Changes: Changes{Duration: Duration{Constant: "20m"}},
						Faults: []Fault{f}})
					tt.check(t, c, inMemory(t, c), estate()[0])
					if s := c.Summary(); s.Mistakes != 0 {
						t.Errorf("mistakes: %v", s.MistakeList)
					}
				})
			})
		}
	}
}

// A change that failed has written to the vault all the same, in every shape: it shows
// another version once that has ended, and not before.
func TestVersionAfterAFailure(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{shapeSpecification, shapeRecorded2026} {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := todaysCloud(t, Scenario{Shape: shape, Changes: Changes{Duration: Duration{Constant: "2m"}},
					Faults: []Fault{{Kind: kindFails, Vault: "rsv-1"}}})
				cl, v := inMemory(t, c), estate()[0]
				etag := at(t, cl.read(v), "etag")
				wantStatus(t, cl.patch(v, alertsBody), 202)
				if got := at(t, cl.read(v), "etag"); got != etag {
					t.Errorf("while it is under way: %v, want %v", got, etag)
				}
				time.Sleep(20 * time.Minute)
				if got := at(t, cl.read(v), "etag"); got == etag {
					t.Errorf("after its failure: still %v", got)
				}
			})
		})
	}
}
