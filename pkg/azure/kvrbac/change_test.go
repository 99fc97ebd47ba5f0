package kvrbac

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const poll = 30 * time.Second

var application = policy(app, `"secrets":["get","list"]`)

// out takes a vault through check and start as a run does, and returns how long
// that took. It waits as it is told, and a poll at least.
func (s *service) out(u *arm.Upgrader, v *fleet.Vault) time.Duration {
	s.t.Helper()
	began := time.Now()
	if val := s.validate(u, v); val.Verdict != fleet.VerdictReady {
		s.t.Fatalf("%+v", val)
	}
	for {
		answer, err := s.prepare(u, v)
		if err == nil {
			if answer.Verdict != fleet.StartAccepted || !answer.Done {
				s.t.Fatalf("%+v", answer)
			}
			return time.Since(began)
		}
		if fleet.ClassOf(err) != fleet.CallNotYet {
			s.t.Fatal(err)
		}
		time.Sleep(max(fleet.RetryAfterOf(err), poll))
	}
}

// The missing roles are made and given time before the one PATCH; whatever was
// done already is not done again.
func TestOut(t *testing.T) {
	t.Parallel()
	scope := keyVault().ResourceID()
	const looked, madeTwo = "vault locks list ", "vault locks list vault list PUT PUT "
	const cryptoUser = "12338af0-0e69-4776-bea7-57ae8d297424"
	one := func(role, at string, ago time.Duration) func(*service) {
		return func(s *service) { s.give(app, role, at, ago) }
	}
	both := func(ago time.Duration) func(*service) {
		return func(s *service) { s.give(app, secretsUser, "/", time.Hour); s.give(group, cryptoUser, scope, ago) }
	}
	for name, d := range map[string]struct {
		prepare func(*service)
		options fleet.Options
		asked   string
		took    time.Duration
	}{
		"nothing is there": {nil, nil, madeTwo + "vault list ends vault list ends PATCH", 10 * time.Minute},
		"a shorter time": {nil, fleet.Options{optionPropagation: "20s"}, madeTwo + "vault list ends PATCH",
			poll},
		"one is there": {one(secretsUser, scope, time.Hour), nil,
			looked + "ends vault list ends PUT vault list ends vault list ends PATCH", 10 * time.Minute},
		"one is young": {one(secretsUser, scope, time.Minute), nil,
			looked + "ends vault list ends PUT vault list ends vault list ends PATCH", 10 * time.Minute},
		"both are there": {both(time.Hour), nil, looked + "ends vault list ends PATCH", 0},
		"both are young": {both(4 * time.Minute), nil, looked + "ends vault list ends vault list ends PATCH",
			6 * time.Minute},
		"nobody says since when": {func(s *service) { s.untold = true }, nil, madeTwo + "vault list ends PATCH", poll},
		"lists lag": {func(s *service) { s.lag = 40 * time.Second }, nil,
			madeTwo + "vault list vault list ends vault list ends PATCH", 10 * time.Minute},
		"lists have many pages": {func(s *service) {
			s.pages = 1
			s.give(app, secretsUser, scope+"/secrets/x",
				time.Hour)
		}, fleet.Options{optionPropagation: "1s"},
			madeTwo + "vault list list list ends PATCH", poll},
		"others made the same": {func(s *service) { s.lag = time.Minute; s.give(app, secretsUser, scope, 0) }, nil,
			madeTwo + "vault list vault list ends vault list ends PATCH", 10 * time.Minute},
		"a PUT is tried again": {func(s *service) { s.answers["PUT"] = []string{"500 oops", "503 oops"} }, nil,
			madeTwo + "PUT PUT vault list ends vault list ends PATCH", 10 * time.Minute},
		"a list is tried again": {func(s *service) { s.answers["list"] = []string{"502 oops"} }, nil,
			"vault locks list list vault list PUT PUT vault list ends vault list ends PATCH", 10 * time.Minute},
		"of the future": {func(s *service) { s.lag = -2 * time.Hour; both(-time.Hour)(s) },
			fleet.Options{optionPropagation: "30m"},
			looked + "ends vault list ends vault list ends vault list ends vault list ends PATCH", 90 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, application,
					policy(group,
						`"keys":["get","list","update","backup","encrypt","decrypt","wrapKey","unwrapKey","sign","verify"]`))
				if d.prepare != nil {
					d.prepare(s)
				}
				u, v := s.upgrader(Roles(), d.options), keyVault()
				took := s.out(u, v)
				if got := s.asked(); got != d.asked {
					t.Errorf("asked %s\nwant  %s", got, d.asked)
				}
				if took < d.took || took > d.took+10*time.Second { // with the pauses of what is tried again
					t.Errorf("took %v, want %v", took, d.took)
				}
				if last := s.bodies[len(s.bodies)-1]; last != `{"properties":{"enableRbacAuthorization":true}}` {
					t.Errorf("the PATCH has %s", last)
				}
				ver, err := u.Verify(context.Background(), v, "")
				if err != nil || !ver.OK {
					t.Errorf("%+v %v", ver, err)
				}
				s.asked()
				if val := s.validate(u, v); val.Verdict != fleet.VerdictAlready || s.asked() != "vault" {
					t.Errorf("the second run: %+v", val)
				}
			})
		})
	}
}

// The request is the specification's example RoleAssignments_CreateForResource,
// less the type, which the service looks up.
func TestPut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, application)
		s.out(s.upgrader(Roles(), nil), keyVault())
		want := `{"properties":{"principalId":"` + app + `","roleDefinitionId":"/subscriptions/` + sub +
			`/providers/Microsoft.Authorization/roleDefinitions/` + secretsUser + `"}}`
		if s.bodies[0] != want {
			t.Errorf("PUT %s\nwant %s", s.bodies[0], want)
		}
	})
}

// A process that dies anywhere is followed by one that ends up with the same
// assignments, and one PATCH.
func TestAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, application, policy(group, `"keys":["get","list","wrapKey","unwrapKey"]`)), keyVault()
		// The first process dies after its first PUT, the second while it waits.
		s.answers["PUT"] = []string{"201 {}", "500 a", "500 b", "500 c"}
		first := s.upgrader(Roles(), nil)
		s.validate(first, v)
		if _, err := s.prepare(first, v); fleet.ClassOf(err) != fleet.CallUnreachable {
			t.Fatalf("%v", err)
		}
		if _, err := s.prepare(s.upgrader(Roles(), nil), v); fleet.ClassOf(err) != fleet.CallNotYet {
			t.Fatalf("%v", err)
		}
		s.asked()
		if took := s.out(s.upgrader(Roles(), nil), v); took != 10*time.Minute {
			t.Errorf("took %v", took)
		}
		if got := s.asked(); strings.Contains(got, "PUT") || strings.Count(got, "PATCH") != 1 || len(s.given) != 2 {
			t.Errorf("asked %s; %d assignments", got, len(s.given))
		}
	})
}

// What refuses an assignment for good blocks the vault with words; what passes by
// itself is tried again. A PATCH follows neither.
func TestRefusals(t *testing.T) {
	t.Parallel()
	denied :=
		`403 {"error":{"code":"AuthorizationFailed","message":"The client does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write'."}}`
	conditional :=
		`403 {"error":{"code":"AuthorizationFailed","message":"The client has permission to perform action 'Microsoft.Authorization/roleAssignments/write'; however, it has an ABAC condition that is not fulfilled to perform the action."}}`
	for name, d := range map[string]struct {
		answers []string
		class   fleet.CallClass
		code    string
		words   []string
		puts    int
	}{
		"no permission": {[]string{denied, denied}, fleet.CallRefused, fleet.CodeNoPermission,
			[]string{"of which 2 of 2 were refused",
				"Microsoft.Authorization/roleAssignments/write, without a condition", "fleetup permissions"}, 2},
		"a condition on the right itself": {[]string{conditional, conditional}, fleet.CallRefused,
			fleet.CodeNoPermission, []string{"an ABAC condition", "without a condition"}, 2},
		"the second": {[]string{"201 {}", `404 {"error":{"code":"RoleDefinitionDoesNotExist","message":"x"}}`},
			fleet.CallRefused, "RoleDefinitionDoesNotExist", []string{group}, 2},
		"no such role": {[]string{`404 {"error":{"code":"RoleDefinitionDoesNotExist","message":"x"}}`},
			fleet.CallRefused, "RoleDefinitionDoesNotExist", []string{"no such built-in role"}, 2},
		"too many": {[]string{
			`400 {"error":{"code":"RoleAssignmentLimitExceeded","message":"No more role assignments can be created (4000)."}}`}, fleet.CallRefused, "RoleAssignmentLimitExceeded", []string{"of which 1 of 2 were refused", "remove some that nobody needs"}, 2},
		"not right": {[]string{`400 {"error":{"code":"InvalidCreateRoleAssignmentRequest","message":"x"}}`},
			fleet.CallRefused, "InvalidCreateRoleAssignmentRequest", []string{"Correct this"}, 2},
		"a lock": {[]string{`409 {"error":{"code":"ScopeLocked","message":"x"}}`}, fleet.CallRefused, "ScopeLocked",
			[]string{"Remove the ReadOnly lock"}, 2},
		"a policy": {[]string{`403 {"error":{"code":"RequestDisallowedByPolicy","message":"x"}}`}, fleet.CallRefused,
			"RequestDisallowedByPolicy", []string{"exempt the vault"}, 2},
		"no sign-in": {[]string{`401 {"error":{"code":"ExpiredAuthenticationToken","message":"x"}}`}, fleet.CallDenied,
			"ExpiredAuthenticationToken", nil, 1},
		"too fast": {[]string{`429 {"error":{"code":"TooManyRequests","message":"x"}}`}, fleet.CallThrottled,
			"TooManyRequests", nil, 1},
		"a conflict": {[]string{`409 {"error":{"code":"Conflict","message":"x"}}`}, fleet.CallConflict, "Conflict", nil,
			1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, v := newService(t, application, policy(group, `"keys":["get","list","wrapKey","unwrapKey"]`)),
					keyVault()
				s.answers["PUT"] = d.answers
				if d.class == fleet.CallThrottled {
					s.headers = http.Header{"Retry-After": {"300"}}
				}
				u := s.upgrader(Roles(), nil)
				_, err := s.prepare(u, v)
				ce, ok := err.(*fleet.CallError)
				if !ok || ce.Class != d.class || ce.Code != d.code || ce.RequestID != "req-PUT" {
					t.Fatalf("%#v", err)
				}
				for _, w := range d.words {
					if !strings.Contains(ce.Error()+" "+ce.Action, w) {
						t.Errorf("no %q in %v; %s", w, ce, ce.Action)
					}
				}
				if d.class == fleet.CallThrottled && ce.RetryAfter != 5*time.Minute {
					t.Errorf("asked to wait %v", ce.RetryAfter)
				}
				if got := s.asked(); strings.Count(got, "PUT") != d.puts || strings.Contains(got, "PATCH") {
					t.Errorf("asked %s", got)
				}
			})
		})
	}
}

// What was checked is what is made: nobody is given more than was consented to.
func TestConsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, policy(app, `"secrets":["get"]`)), keyVault()
		u := s.upgrader(Roles(), nil)
		if val := s.validate(u, v); val.Verdict != fleet.VerdictBlocked || find(val.Findings, codeReadsMore) == nil ||
			find(val.Findings, codeMapped) == nil {
			t.Fatalf("%+v", val)
		}
		// The assignment that made the role unnecessary at the check has gone since.
		if _, err := s.prepare(u, v); fleet.ClassOf(err) != fleet.CallConflict {
			t.Fatalf("%v", err)
		}
		if got := s.asked(); strings.Contains(got, "PUT") {
			t.Fatalf("asked %s", got)
		}
		v.Consents = []fleet.Consent{{Code: codeReadsMore, Reason: "names are no secret here"}}
		// Nor is anything made beside what is an error since the check.
		s.give(app, secretsUser, v.ResourceID(), time.Hour)
		s.given[0].Properties.Condition = "only on Mondays"
		if _, err := s.prepare(u, v); fleet.ClassOf(err) != fleet.CallConflict {
			t.Fatalf("%v", err)
		}
		if got := s.asked(); strings.Contains(got, "PUT") {
			t.Fatalf("asked %s", got)
		}
		s.given = nil
		s.out(u, v)
	})
}

// A check without the right to see the role assignments says so.
func TestCheckMayFail(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		list    string
		verdict fleet.Verdict
		code    string
	}{
		"forbidden": {`403 {"error":{"code":"AuthorizationFailed","message":"x"}}`, fleet.VerdictBlocked,
			fleet.CodeNoPermission},
		"garbled":   {`200 {"value":7}`, fleet.VerdictBusy, fleet.CodeGarbled},
		"elsewhere": {`200 {"value":[],"nextLink":"https://evil.example/more"}`, fleet.VerdictBusy, fleet.CodeGarbled},
		"throttled": {`429 {"error":{"code":"TooManyRequests","message":"x"}}`, fleet.VerdictThrottled,
			fleet.CodeThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, application)
				s.answers["list"] = []string{d.list}
				s.headers = http.Header{"Retry-After": {"60"}}
				if val := s.validate(s.upgrader(Roles(), nil), keyVault()); val.Verdict != d.verdict ||
					find(val.Findings, d.code) == nil {
					t.Errorf("%+v", val)
				}
			})
		})
	}
}

// A policy that changes between the check and the start is another state.
func TestStateHasThePolicies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, application), keyVault()
		u := s.upgrader(Roles(), nil)
		before := s.validate(u, v).State
		s.vault["softDeleteRetentionInDays"] = 7
		if same := s.read(u, v).State; !reflect.DeepEqual(before, same) {
			t.Errorf("%s is another state than %s", same, before)
		}
		s.vault["accessPolicies"] = []any{}
		if other := s.read(u, v).State; reflect.DeepEqual(before, other) {
			t.Errorf("%s is the same state", other)
		}
	})
}

// Back: the word alone is put back, and what stays behind is named.
func TestBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, application), keyVault()
		u := s.upgrader(Roles(), nil)
		recorded := s.validate(u, v).State
		s.out(u, v)
		s.give(group, secretsOfficer, v.ResourceID(), time.Hour)
		s.give("33333333-aaaa-4000-8000-000000000003", secretsOfficer, "/", time.Hour)

		back := AccessPolicies()
		body, err := back.Spec.Restore(recorded)
		if err != nil || string(body) != `{"properties":{"enableRbacAuthorization":false}}` {
			t.Fatalf("%s %v", body, err)
		}
		v.Restore, v.AcceptWarnings = body, true
		u = s.upgrader(back, nil)
		val := s.validate(u, v)
		left, loses := find(val.Findings, codeLeft), find(val.Findings, codeLoses)
		if val.Verdict != fleet.VerdictReady || left == nil || loses == nil || len(left.Items) != 1 ||
			len(loses.Items) != 1 ||
			!strings.Contains(left.Items[0], app+": Key Vault Secrets User") ||
			!strings.Contains(loses.Items[0], group+": Key Vault Secrets Officer") {
			t.Fatalf("%+v", val)
		}
		s.asked()
		if a, err := s.prepare(u, v); err != nil || !a.Done || s.vault["enableRbacAuthorization"] != false {
			t.Errorf("%+v %v", a, err)
		}
		if got := s.asked(); got != "vault PATCH" {
			t.Errorf("asked %s", got)
		}
		if val := s.validate(u, v); val.Verdict != fleet.VerdictAlready {
			t.Errorf("%+v", val)
		}
	})
	for recorded, want := range map[string]bool{`{}`: true, `{"enableRbacAuthorization":null}`: true,
		`{"enableRbacAuthorization":false}`: true,
		`{"enableRbacAuthorization":true}`:  false, `nonsense`: false} {
		if _, err := AccessPolicies().Spec.Restore(json.RawMessage(recorded)); (err == nil) != want {
			t.Errorf("%s: %v", recorded, err)
		}
	}
}

// The role has what is asked for, and the plan says what comes first.
func TestSpec(t *testing.T) {
	t.Parallel()
	for _, change := range []arm.Change{Roles(), AccessPolicies()} {
		var actions []string
		role := change.Spec.Role()
		for _, a := range role.Actions {
			actions = append(actions, a.Name)
		}
		for _, want := range []string{"Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/vaults/write",
			"Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleAssignments/write"} {
			if !slices.Contains(actions, want) {
				t.Errorf("%s: the role lacks %s", change.Spec.Kind, want)
			}
		}
		if !strings.Contains(role.Besides, "without a condition") {
			t.Errorf("besides: %s", role.Besides)
		}
	}
	up := Roles().Spec.Describe(fleet.Options{fleet.OptionAPIVersion: "2026-02-01", optionPropagation: "3m0s"})
	if len(up.Before) != 2 || !strings.Contains(up.Before[1], "3m0s old") || up.Permanent ||
		up.Request.Path != "{vault}?api-version=2026-02-01" ||
		string(up.Request.Body) != `{"properties":{"enableRbacAuthorization":true}}` {
		t.Errorf("%+v", up)
	}
}
