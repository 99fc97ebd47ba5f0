package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"
)

// on aims a fault at contoso-prod/alpha.
func on(f Fault) Fault {
	f.Vault = "contoso-prod/alpha"
	return f
}

// faultCases shows each kind at work, in virtual time. TestEveryKindIsShown
// keeps it complete.
var faultCases = map[string][]struct {
	name  string
	fault Fault
	check func(t *testing.T, cl *client, v Vault)
}{
	kindBlocked: {
		{"standard table", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.prereqs(v), 400, "<Details>", "<Type>Error</Type>",
				"srv-01.alpha.example;2.0.8719.0|srv-02")
			wantStatus(t, cl.upgrade(v, newID()), 400, "<Type>Error</Type>")
		}},
		{"given reasons", on(Fault{Status: 412,
			Reasons: []Reason{{Code: "A<1>", Type: "Error", Message: "m1", Category: "c", RecommendedAction: "r"},
				{Code: "B", Type: "Warning", Message: "m2"}}}),
			func(t *testing.T, cl *client, v Vault) {
				wantStatus(t, cl.prereqs(v), 412, "<Category>c</Category><Code>A&lt;1&gt;</Code><Message>m1</Message>",
					"<RecommendedAction>r</RecommendedAction>", "<Type>Warning</Type>")
			}},
	},
	kindWarnings: {{"", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
		a := cl.prereqs(v)
		wantStatus(t, a, 400, "<Type>Warning</Type>", "<Details>")
		if strings.Contains(a.body, "<Type>Error</Type>") {
			t.Errorf("an error among warnings: %s", a.body)
		}
		wantStatus(t, cl.upgrade(v, newID()), 200)
	}}},
	kindBusy: {{"", on(Fault{For: "10m"}), func(t *testing.T, cl *client, v Vault) {
		time.Sleep(time.Hour) // counts from the first time asked
		wantStatus(t, cl.prereqs(v), 409)
		time.Sleep(10*time.Minute - 1)
		wantStatus(t, cl.upgrade(v, newID()), 409)
		time.Sleep(time.Nanosecond)
		wantStatus(t, cl.prereqs(v), 200)
		wantStatus(t, cl.upgrade(v, newID()), 200)
	}}},
	kindStartBusy: {{"twice", on(Fault{Times: 2}), func(t *testing.T, cl *client, v Vault) {
		wantStatus(t, cl.prereqs(v), 200)
		wantStatus(t, cl.upgrade(v, newID()), 409)
		wantStatus(t, cl.upgrade(v, newID()), 409)
		wantStatus(t, cl.upgrade(v, newID()), 200)
	}}},
	kindStartRefused: {
		{"wars", on(Fault{Code: "X"}), func(t *testing.T, cl *client, v Vault) {
			a := cl.upgrade(v, newID())
			wantStatus(t, a, 400, nsWars, "<ErrorCode>X</ErrorCode>")
			if strings.Contains(a.body, "<Message") {
				t.Errorf("a message nobody gave: %s", a.body)
			}
			wantStatus(t, cl.upgrade(v, newID()), 400)
		}},
		{"plain, once", on(Fault{Shape: 2, Status: 422, Message: "no", Times: 1}),
			func(t *testing.T, cl *client, v Vault) {
				a := cl.upgrade(v, newID())
				wantStatus(t, a, 422, nsAzure, "<Message>no</Message>", "<RecommendedAction />")
				if strings.Contains(a.body, "Details") {
					t.Errorf("details in shape 2: %s", a.body)
				}
				wantStatus(t, cl.upgrade(v, newID()), 200)
			}},
		{"details", on(Fault{Shape: 1}), func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.upgrade(v, newID()), 400, nsAzure, "<Details><ErrorDetail>")
		}},
	},
	kindFails: {
		{"", on(Fault{For: "3m", Code: "E1", Message: "it broke"}), func(t *testing.T, cl *client, v Vault) {
			id := newID()
			wantStatus(t, cl.upgrade(v, id), 200)
			time.Sleep(3 * time.Minute)
			if r := cl.record(v); r.Status != "Failed" || r.Message != "it broke" || r.OperationId != id {
				t.Errorf("record %+v", r)
			}
			i := decodeXML[opInfo](t, cl.result(v))
			if i.OperationStatus != "Completed" || i.OperationResult != "Failed" || i.ErrorCode != "E1" ||
				i.Message != "it broke" || len(i.Steps) != 2 || i.Steps[1].Detail != "it broke" {
				t.Errorf("result %+v", i)
			}
			wantStatus(t, cl.target(v), 404)
			wantStatus(t, cl.upgrade(v, newID()), 200) // accepted again, and counted
		}},
		{"once", on(Fault{Times: 1}), func(t *testing.T, cl *client, v Vault) {
			for _, want := range []string{"Failed", "Upgraded"} {
				id := newID()
				wantStatus(t, cl.upgrade(v, id), 200)
				time.Sleep(20 * time.Minute)
				if r := cl.record(v); r.Status != want || r.OperationId != id {
					t.Errorf("record %+v, want %s", r, want)
				}
			}
		}},
	},
	// TestRepaired has one that does
	kindRepaired: {{"one that does not fail", on(Fault{For: "1h"}), func(t *testing.T, cl *client, v Vault) {
		wantStatus(t, cl.upgrade(v, newID()), 200)
		time.Sleep(20 * time.Minute)
		wantStatus(t, cl.result(v), 200)
		if r := cl.record(v); r.Status != "Upgraded" {
			t.Errorf("record %+v", r)
		}
	}}},
	kindTakes: {{"", on(Fault{For: "2h"}), func(t *testing.T, cl *client, v Vault) {
		wantStatus(t, cl.upgrade(v, newID()), 200)
		time.Sleep(2*time.Hour - 1)
		if r := cl.record(v); r.Status != "InProgress" {
			t.Errorf("record %+v", r)
		}
		time.Sleep(time.Nanosecond)
		if r := cl.record(v); r.Status != "Upgraded" {
			t.Errorf("record %+v", r)
		}
	}}},
	kindAlready: {{"forced", on(Fault{Trigger: "Forced"}), func(t *testing.T, cl *client, v Vault) {
		if r := cl.record(v); r.Status != "Upgraded" || r.TriggerType != "ForcedUpgrade" ||
			!clientIDPattern().MatchString(r.OperationId) {
			t.Errorf("record %+v", r)
		}
		wantStatus(t, cl.target(v), 200, `"status":"Upgraded"`, `"triggerType":"ForcedUpgrade"`)
		wantStatus(t, cl.upgrade(v, newID()), 400, nsWars)
	}}},
	kindFailedBefore: {{"", on(Fault{Message: "old"}), func(t *testing.T, cl *client, v Vault) {
		if r := cl.record(v); r.Status != "Failed" || r.Message != "old" || r.EndTimeUtc == never {
			t.Errorf("record %+v", r)
		}
		wantStatus(t, cl.target(v), 404)
		wantStatus(t, cl.prereqs(v), 200)
		wantStatus(t, cl.upgrade(v, newID()), 200)
	}}},
	kindForeign: {
		{"", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
			if r := cl.record(v); r.Status != "InProgress" || r.OperationId == "" {
				t.Errorf("record %+v", r)
			}
			wantStatus(t, cl.target(v), 200, "Provisioning")
			wantStatus(t, cl.upgrade(v, newID()), 409)
			time.Sleep(20 * time.Minute)
			if r := cl.record(v); r.Status != "Upgraded" {
				t.Errorf("record %+v", r)
			}
		}},
		{"fails", on(Fault{For: "1h", Ends: "Failed"}), func(t *testing.T, cl *client, v Vault) {
			time.Sleep(time.Hour)
			if r := cl.record(v); r.Status != "Failed" || !strings.Contains(r.Message, r.OperationId) {
				t.Errorf("record %+v", r)
			}
		}},
	},
	kindVanished: {
		{"for a while", on(Fault{For: "5m"}), func(t *testing.T, cl *client, v Vault) {
			if decodeXML[listing](t, cl.list(prod)).find(v) != nil {
				t.Error("it is listed")
			}
			wantStatus(t, cl.prereqs(v), 404)
			time.Sleep(5 * time.Minute)
			cl.record(v)
		}},
		{"after its start", on(Fault{After: "start"}), func(t *testing.T, cl *client, v Vault) {
			cl.record(v)
			wantStatus(t, cl.upgrade(v, newID()), 200)
			if decodeXML[listing](t, cl.list(prod)).find(v) != nil {
				t.Error("it is listed")
			}
			wantStatus(t, cl.result(v), 404)
			wantStatus(t, cl.target(v), 200)
		}},
		{"after its end", on(Fault{After: "end"}), func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.upgrade(v, newID()), 200)
			time.Sleep(20*time.Minute - 1)
			cl.record(v)
			time.Sleep(time.Nanosecond)
			if decodeXML[listing](t, cl.list(prod)).find(v) != nil {
				t.Error("it is listed")
			}
		}},
	},
	kindTargetExists: {{"", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
		a := cl.target(v)
		wantStatus(t, a, 200, `"provisioningState":"Succeeded"`)
		if strings.Contains(a.body, "upgradeDetails") {
			t.Errorf("upgrade details: %s", a.body)
		}
		wantStatus(t, cl.upgrade(v, newID()), 400, "TargetVaultExists")
	}}},
	kindTargetLate: {{"", on(Fault{For: "4m"}), func(t *testing.T, cl *client, v Vault) {
		wantStatus(t, cl.upgrade(v, newID()), 200)
		time.Sleep(24*time.Minute - 1)
		if r := cl.record(v); r.Status != "Upgraded" {
			t.Errorf("record %+v", r)
		}
		wantStatus(t, cl.target(v), 200, "Provisioning")
		time.Sleep(time.Nanosecond)
		wantStatus(t, cl.target(v), 200, "Succeeded")
	}}},
	kindGroupMissing: {{"", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
		group := "/subscriptions/" + prod + "/resourcegroups/" + v.TargetResourceGroup
		wantStatus(t, cl.arm(group, "2021-04-01"), 404)
		wantStatus(t, cl.upgrade(v, newID()), 200) // the service makes it
		wantStatus(t, cl.arm(group, "2021-04-01"), 200)
	}}},
	kindThrottled: {
		{"every call once", on(Fault{RetryAfter: 7}), func(t *testing.T, cl *client, v Vault) {
			for _, call := range []func(Vault) answer{cl.prereqs, cl.result, cl.target,
				func(v Vault) answer { return cl.upgrade(v, newID()) }} {
				a := call(v)
				wantStatus(t, a, 429)
				if a.header.Get("Retry-After") != "7" {
					t.Errorf("headers %v", a.header)
				}
				if a = call(v); a.status == 429 {
					t.Error("throttled twice")
				}
			}
			wantStatus(t, cl.list(prod), 200) // about the subscription
		}},
		{"its listing, named", on(Fault{Calls: []string{"list"}, Times: 2}), func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.list(prod), 429)
			wantStatus(t, cl.list(lab), 200)
			wantStatus(t, cl.list(prod), 429)
			wantStatus(t, cl.list(prod), 200)
		}},
		{"its group, named", on(Fault{Calls: []string{"arm"}}), func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.arm("/subscriptions/"+prod+"/resourcegroups/rg-new", "2021-04-01"), 404)
			wantStatus(t, cl.arm("/subscriptions/"+prod+"/resourcegroups/rg-vaults", "2021-04-01"), 429)
			wantStatus(t, cl.target(v), 429)
			wantStatus(t, cl.prereqs(v), 200)
		}},
		{"all vaults of a subscription", Fault{Subscription: prod, Rate: 1}, func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.list(prod), 200)
			wantStatus(t, cl.prereqs(v), 429)
			wantStatus(t, cl.prereqs(fleet()[3]), 200)
		}},
	},
	kindServerError: {
		{"bare", on(Fault{Status: 503, RetryAfter: 3}), func(t *testing.T, cl *client, v Vault) {
			a := cl.upgrade(v, newID())
			wantStatus(t, a, 503)
			if a.body != "" || a.header.Get("Retry-After") != "3" {
				t.Errorf("%q %v", a.body, a.header)
			}
			if r := cl.record(v); r.OperationId != "" {
				t.Errorf("accepted: %+v", r)
			}
		}},
		{"with a body, accepted", on(Fault{Calls: []string{"upgrade"}, ErrorBody: true, Accepted: true}),
			func(t *testing.T, cl *client, v Vault) {
				id := newID()
				wantStatus(t, cl.upgrade(v, id), 500, "<Code>InternalError</Code>")
				if r := cl.record(v); r.OperationId != id {
					t.Errorf("not accepted: %+v", r)
				}
			}},
		{"arm body", on(Fault{Calls: []string{"target"}, ErrorBody: true}), func(t *testing.T, cl *client, v Vault) {
			wantStatus(t, cl.target(v), 500, `"code":"InternalServerError"`)
			wantStatus(t, cl.target(v), 404)
		}},
	},
	kindDenied: {
		{"a subscription", Fault{Subscription: prod}, func(t *testing.T, cl *client, v Vault) {
			for range 2 {
				wantStatus(t, cl.list(prod), 403, "co-administrator")
				wantStatus(t, cl.upgrade(v, newID()), 403)
				wantStatus(t, cl.arm("/subscriptions/"+prod, "2022-12-01"), 403, `"code":"AuthorizationFailed"`,
					"action 'Microsoft.Resources/subscriptions/read' over scope '/subscriptions/"+prod+"'")
			}
			wantStatus(t, cl.list(lab), 200)
		}},
		{"401 once", on(Fault{Status: 401, Times: 1, Calls: []string{"upgrade"}}),
			func(t *testing.T, cl *client, v Vault) {
				a := cl.upgrade(v, newID())
				wantStatus(t, a, 401)
				if !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_claims") {
					t.Errorf("headers %v", a.header)
				}
				wantStatus(t, cl.upgrade(v, newID()), 200)
			}},
	},
	kindSlow: {{"", on(Fault{Delay: "3m", Calls: []string{"upgrade", "target"}}),
		func(t *testing.T, cl *client, v Vault) {
			began := time.Now()
			wantStatus(t, cl.target(v), 404)
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
			defer cancel()
			id := newID()
			if a := cl.upgradeCtx(ctx, v, id); !errors.Is(a.err, context.DeadlineExceeded) {
				t.Errorf("answer %+v", a)
			}
			if d := time.Since(began); d != 280*time.Second {
				t.Errorf("took %v", d)
			}
			if r := cl.record(v); r.OperationId != id {
				t.Errorf("not accepted: %+v", r)
			}
		}}},
	kindHang: {
		{"not accepted", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
			defer cancel()
			if a := cl.upgradeCtx(ctx, v, newID()); !errors.Is(a.err, context.DeadlineExceeded) {
				t.Errorf("answer %+v", a)
			}
			if r := cl.record(v); r.OperationId != "" {
				t.Errorf("accepted: %+v", r)
			}
		}},
		{"accepted late", on(Fault{Accepted: true, Delay: "3m"}), func(t *testing.T, cl *client, v Vault) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
			defer cancel()
			id := newID()
			cl.upgradeCtx(ctx, v, id)
			if r := cl.record(v); r.OperationId != "" {
				t.Errorf("accepted already: %+v", r)
			}
			wantStatus(t, cl.target(v), 404)
			wantStatus(t, cl.upgrade(v, newID()), 409)
			time.Sleep(80 * time.Second)
			if r := cl.record(v); r.OperationId != id {
				t.Errorf("not accepted: %+v", r)
			}
		}},
	},
	kindGarbage: {
		{"accepted", on(Fault{Accepted: true}), func(t *testing.T, cl *client, v Vault) {
			id := newID()
			wantStatus(t, cl.upgrade(v, id), 200, "<html>")
			if r := cl.record(v); r.OperationId != id {
				t.Errorf("not accepted: %+v", r)
			}
		}},
		{"a listing", Fault{Subscription: "contoso-prod", Calls: []string{"list"}},
			func(t *testing.T, cl *client, v Vault) {
				wantStatus(t, cl.list(prod), 200, "<html>")
				cl.record(v)
			}},
	},
	kindResetBefore: {{"", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
		if a := cl.upgrade(v, newID()); !errors.Is(a.err, syscall.ECONNRESET) {
			t.Errorf("answer %+v", a)
		}
		if r := cl.record(v); r.OperationId != "" {
			t.Errorf("accepted: %+v", r)
		}
		wantStatus(t, cl.upgrade(v, newID()), 200)
	}}},
	kindResetAfter: {{"", on(Fault{}), func(t *testing.T, cl *client, v Vault) {
		id := newID()
		if a := cl.upgrade(v, id); !errors.Is(a.err, syscall.ECONNRESET) {
			t.Errorf("answer %+v", a)
		}
		if r := cl.record(v); r.OperationId != id {
			t.Errorf("not accepted: %+v", r)
		}
		var s Summary
		if err := json.Unmarshal([]byte(cl.do(context.Background(), "GET", summaryPath, "", nil).body),
			&s); err != nil || s.Accepted != 1 || s.Refused != 0 {
			t.Errorf("%d accepted, %d refused, %v", s.Accepted, s.Refused, err)
		}
	}}},
	kindCSP: {{"", Fault{Subscription: "CONTOSO-prod"}, func(t *testing.T, cl *client, v Vault) {
		wantStatus(t, cl.arm("/subscriptions/"+prod, "2022-12-01"), 200, `"quotaId":"CSP_`)
		wantStatus(t, cl.upgrade(v, newID()), 400, nsWars, "Csp")
		wantStatus(t, cl.arm("/subscriptions/"+lab, "2022-12-01"), 200, `"quotaId":"Enterprise`)
	}}},
	kindDisabledSubscription: {{"", Fault{Subscription: "{" + prod + "}"}, func(t *testing.T, cl *client, v Vault) {
		wantStatus(t, cl.arm("/subscriptions/"+prod, "2022-12-01"), 200, `"state":"Disabled"`)
		wantStatus(t, cl.upgrade(v, newID()), 400, nsWars)
	}}},
	kindProviderUnregistered: {{"", Fault{Subscription: prod}, func(t *testing.T, cl *client, v Vault) {
		p := "/subscriptions/" + prod + "/providers/Microsoft.RecoveryServices"
		wantStatus(t, cl.arm(p, "2021-04-01"), 200, `"NotRegistered"`)
		wantStatus(t, cl.arm("/subscriptions/"+prod+"/providers/Microsoft.SiteRecovery", "2021-04-01"), 200,
			`"Registered"`)
		wantStatus(t, cl.upgrade(v, newID()), 400, nsWars)
		h := postHeader("")
		wantStatus(t, cl.do(context.Background(), "POST", p+"/register?api-version=2021-04-01", "", h), 200,
			`"Registering"`)
		wantStatus(t, cl.arm(p, "2021-04-01"), 200, `"Registered"`)
		wantStatus(t, cl.upgrade(v, newID()), 200)
	}}},
	kindFeatureMissing: {{"", Fault{Subscription: prod}, func(t *testing.T, cl *client, v Vault) {
		f := "/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade"
		wantStatus(t, cl.arm("/subscriptions/"+prod+f, "2021-07-01"), 200, `"NotRegistered"`)
		wantStatus(t, cl.upgrade(v, newID()), 400, nsWars)
	}}},
}
