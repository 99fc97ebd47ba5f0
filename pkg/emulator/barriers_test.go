package emulator

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"
)

// guarded is a change that brings tokens of other tenants.
func (c *client) guarded(v Resource) answer {
	h := jsonHeader()
	h.Set("x-ms-authorization-auxiliary", "Bearer one, Bearer two")
	return c.do(context.Background(), "PATCH", pathOf(v)+"?api-version="+rsvVersion, alertsBody, h)
}

var barrierCases = map[string][]todaysFaultCase{
	kindLocked: {
		{"for a while", Fault{Vault: "rsv-1", Status: 423, For: "10m"},
			func(t *testing.T, c *Cloud, cl *client, v Resource) {
				wantStatus(t, cl.patch(v, alertsBody), 423, "ScopeLocked")
				time.Sleep(10 * time.Minute)
				wantStatus(t, cl.patch(v, alertsBody), 202)
				if s := c.Summary(); s.Refused != 1 || s.Accepted != 1 {
					t.Errorf("%+v", s)
				}
			}},
		{"against deletion", Fault{Vault: "rsv-1", Level: "CanNotDelete"},
			func(t *testing.T, _ *Cloud, cl *client, v Resource) {
				wantStatus(t, cl.arm(pathOf(v)+"/providers/Microsoft.Authorization/locks", "2020-05-01"), 200,
					"CanNotDelete")
				wantStatus(t, cl.patch(v, alertsBody), 202)
			}},
	},
	kindGuarded: {
		{"", Fault{Vault: "rsv-1"}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 403, "LinkedAuthorizationFailed", "resourceGuards/")
			wantStatus(t, cl.guarded(v), 403)
			wantStatus(t, cl.read(v), 200)
		}},
		{"opened", Fault{Vault: "rsv-1", Auxiliary: true}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.patch(v, alertsBody), 403)
			wantStatus(t, cl.guarded(v), 202)
		}},
		{"immutability", Fault{Vault: "rsv-1", Auxiliary: true}, func(t *testing.T, c *Cloud, cl *client, v Resource) {
			wantStatus(t, cl.read(v), 200, `"multiUserAuthorization":"Enabled"`)
			guards := cl.arm(pathOf(v)+"/backupResourceGuardProxies", "2025-08-01")
			wantStatus(t, guards, 200,
				`"vaultCriticalOperation":"Microsoft.RecoveryServices/vaults/write#reduceImmutabilityState"`)
			m := regexp.MustCompile(`"([^"]+/reduceImmutabilityStateRequests/default)"`).FindStringSubmatch(guards.body)
			if m == nil {
				t.Fatal(guards.body)
			}
			another := strings.Replace(m[1], "/guard/", "/another/", 1)
			h := jsonHeader()
			h.Set("x-ms-authorization-auxiliary", "Bearer one")
			send := func(state, guards string) answer {
				return cl.do(context.Background(), "PATCH", pathOf(v)+"?api-version="+rsvVersion,
					strings.TrimSuffix(immutable(state), "}}")+guards+`}}`, h)
			}
			named := `,"resourceGuardOperationRequests":`
			wantStatus(t, send("Unlocked", ""), 202)
			time.Sleep(3 * time.Hour)
			wantStatus(t, send("Disabled", ""), 403, "LinkedAuthorizationFailed")
			wantStatus(t, send("Disabled", named+`["`+another+`"]`), 403)
			wantStatus(t, send("Disabled", named+`["`+another+`","`+m[1]+`"]`), 202)
			time.Sleep(3 * time.Hour)
			s := c.Summary()
			if r, _ := s.Resource(prod, "rsv-1"); r.Properties["resourceGuardOperationRequests"] != nil ||
				r.Accepted != 2 || r.DoubleAccepted != 0 {
				t.Errorf("%+v", r)
			}
		}},
	},
	kindPolicy: {{"once", Fault{Vault: "rsv-1", Times: 1}, func(t *testing.T, _ *Cloud, cl *client, v Resource) {
		wantStatus(t, cl.patch(v, alertsBody), 403, `"code":"RequestDisallowedByPolicy"`, `"type":"PolicyViolation"`,
			`"policyAssignmentName":"settings-are-fixed"`)
		wantStatus(t, cl.patch(v, alertsBody), 202)
	}}},
	kindRolesLate: {{"", Fault{Vault: "kv-1", For: "5m"}, func(t *testing.T, _ *Cloud, cl *client, _ Resource) {
		v := estate()[1]
		wantStatus(t, cl.assign(v, oneName, roleBody(secretsUser, somebody)), 201)
		wantStatus(t, cl.assign(v, oneName, roleBody(secretsUser, somebody)), 200)
		time.Sleep(5*time.Minute - time.Nanosecond)
		if a := cl.roles(v, "principalId eq '"+somebody+"'"); strings.Contains(a.body, oneName) {
			t.Errorf("early: %s", a.body)
		}
		time.Sleep(time.Nanosecond)
		wantStatus(t, cl.roles(v, "principalId eq '"+somebody+"'"), 200, oneName)
	}}},
	kindRole: {{"", Fault{Vault: "kv-1",
		Properties: map[string]any{"principalId": somebody, "role": "Key Vault Secrets User"}},
		func(t *testing.T, _ *Cloud, cl *client, _ Resource) {
			wantStatus(t, cl.roles(estate()[1], "principalId eq '"+somebody+"'"), 200, secretsUser)
		}}},
	kindUnlicensed: {{"", Fault{Subscription: "contoso-prod"}, func(t *testing.T, _ *Cloud, cl *client, _ Resource) {
		wantStatus(t, cl.arm(pathOf(estate()[1])+"/providers/Microsoft.Authorization/roleAssignmentScheduleInstances",
			"2020-10-01"), 400, "AadPremiumLicenseRequired")
	}}},
	kindPrincipalMissing: {{"", Fault{Vault: "kv-1"}, func(t *testing.T, c *Cloud, cl *client, _ Resource) {
		wantStatus(t, cl.assign(estate()[1], oneName, roleBody(secretsUser, somebody)), 400, "PrincipalNotFound")
		s := c.Summary()
		if r, _ := s.Resource(prod, "kv-1"); len(r.Roles) != 0 {
			t.Errorf("%+v", r)
		}
	}}},
}

func TestLocksAreInherited(t *testing.T) {
	t.Parallel()
	neighbour := estate()[0]
	neighbour.Name = "rsv-9"
	for scope, want := range map[string]struct {
		id         string
		neighbour  int
		otherGroup int
	}{
		"":             {pathOf(estate()[0]), 0, 0},
		"vault":        {pathOf(estate()[0]), 0, 0},
		"group":        {"/subscriptions/" + prod + "/resourceGroups/rg-backup", 1, 0},
		"subscription": {"/subscriptions/" + prod, 1, 1},
	} {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			c, err := New(Config{Resources: append(estate(), neighbour),
				Scenario: Scenario{Faults: []Fault{{Kind: kindLocked, Vault: "rsv-1", Scope: scope}}}})
			if err != nil {
				t.Fatal(err)
			}
			cl := inMemory(t, c)
			count := func(r Resource) int {
				return len(at(t, cl.arm(pathOf(r)+"/providers/Microsoft.Authorization/locks", "2020-05-01"),
					"value").([]any))
			}
			a := cl.arm(pathOf(estate()[0])+"/providers/Microsoft.Authorization/locks", "2020-05-01")
			wantStatus(t, a, 200, `"level":"ReadOnly"`, `"id":"`+want.id+`/providers/Microsoft.Authorization/locks/`)
			if count(neighbour) != want.neighbour || count(estate()[1]) != want.otherGroup || count(estate()[2]) != 0 {
				t.Errorf("neighbour %d, other group %d, other subscription %d", count(neighbour), count(estate()[1]),
					count(estate()[2]))
			}
			wantStatus(t, cl.patch(estate()[0], alertsBody), 409, "ScopeLocked", "'"+want.id+"'")
			wantStatus(t, cl.assign(estate()[0], oneName, roleBody(secretsUser, somebody)), 409, "ScopeLocked")
		})
	}
}

// One lock of a group stays one, however many of its vaults a rate strikes.
func TestRatesLockAScopeOnce(t *testing.T) {
	t.Parallel()
	twin := estate()[0]
	twin.Name = "rsv-9"
	c, err := New(Config{Resources: []Resource{estate()[0], twin},
		Scenario: Scenario{Faults: []Fault{{Kind: kindLocked, Rate: 1, Scope: "subscription"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.locksOn(c.resources[0], now()); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	cl := inMemory(t, todaysCloud(t, Scenario{Faults: []Fault{{Kind: kindNoAlertRule, Subscription: "contoso-lab"}}}))
	rules := func(sub string) answer {
		return cl.arm("/subscriptions/"+sub+"/providers/Microsoft.AlertsManagement/actionRules", "2021-08-08")
	}
	wantStatus(t, rules(prod), 200, `"enabled":true`, `"AddActionGroups"`, `"/subscriptions/`+prod+`"`)
	wantStatus(t, rules(lab), 200, `{"value":[]}`)
}
