package kvrbac

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const (
	sub    = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	app    = "11111111-aaaa-4000-8000-000000000001"
	group  = "22222222-aaaa-4000-8000-000000000002"

	secretsUser    = "4633458b-17de-408a-b874-0445c86b69e6"
	secretsOfficer = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
	reader         = "21090545-7ca7-4776-b22c-e363652d74d2"
	owner          = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
)

func keyVault() *fleet.Vault {
	v := &fleet.Vault{SubscriptionID: sub, SubscriptionName: "contoso-prod", ResourceGroup: "rg-keys",
		ResourceType: fleet.KeyVault,
		Name:         "kv-1", Location: "westeurope"}
	v.Key = fleet.KeyOf(kindRoles, sub, fleet.KeyVault, v.Location, v.QualifiedName())
	return v
}

// policy is an access policy of the vault's tenant. permissions is the object's
// inside.
func policy(principal, permissions string) string {
	return fmt.Sprintf(`{"tenantId":%q,"objectId":%q,"permissions":{%s}}`, tenant, principal, permissions)
}

func stateOf(policies ...string) arm.State {
	return arm.State{sectionTenant: json.RawMessage(`"` + tenant + `"`),
		sectionPolicies: json.RawMessage("[" + strings.Join(policies, ",") + "]")}
}

func assigned(principal, role, scope string) assignment {
	a := assignment{Name: "a0000000-0000-4000-8000-000000000000"}
	a.Properties.Scope, a.Properties.PrincipalID = scope, principal
	a.Properties.RoleDefinitionID = "/subscriptions/" + sub + "/providers/Microsoft.Authorization/roleDefinitions/" +
		role
	a.role = roleOf(role)
	return a
}

func find(fs []fleet.Finding, code string) *fleet.Finding {
	for i := range fs {
		if fs[i].Code == code {
			return &fs[i]
		}
	}
	return nil
}

// What is there already need not be made.
func TestAssignmentsThatAreThere(t *testing.T) {
	t.Parallel()
	v := keyVault()
	scope := v.ResourceID()
	conditional := assigned(app, secretsUser, scope)
	conditional.Properties.Condition = "@Resource[…]"
	conditionalAbove := conditional
	conditionalAbove.Properties.Scope = "/subscriptions/" + sub
	for name, d := range map[string]struct {
		there   []assignment
		missing int
		code    string // of a finding that must be there besides
	}{
		"none":     {nil, 1, ""},
		"the same": {[]assignment{assigned(app, secretsUser, scope)}, 0, ""},
		"in other letters": {[]assignment{assigned(strings.ToUpper(app), strings.ToUpper(secretsUser),
			strings.ToUpper(scope))}, 0, ""},
		"of the group": {[]assignment{assigned(app, secretsUser,
			"/subscriptions/"+sub+"/resourceGroups/rg-keys")}, 0, ""},
		"of the subscription": {[]assignment{assigned(app, secretsUser, "/subscriptions/"+sub)}, 0, ""},
		"of a management group": {[]assignment{assigned(app, secretsUser,
			"/providers/Microsoft.Management/managementGroups/root")}, 0, ""},
		"of the tenant":          {[]assignment{assigned(app, secretsUser, "/")}, 0, ""},
		"a role that gives more": {[]assignment{assigned(app, secretsOfficer, scope)}, 0, codeEffective},
		"of one secret":          {[]assignment{assigned(app, secretsUser, scope+"/secrets/one")}, 1, ""},
		"of a namesake":          {[]assignment{assigned(app, secretsUser, scope+"0")}, 1, ""},
		"of another group's vault": {[]assignment{assigned(app, secretsUser,
			strings.Replace(scope, "rg-keys", "rg-key", 1))}, 1, ""},
		"of a group with a longer name": {[]assignment{assigned(app, secretsUser,
			"/subscriptions/"+sub+"/resourceGroups/rg-key")}, 1, ""},
		"too little":              {[]assignment{assigned(app, reader, scope)}, 1, codeEffective},
		"no data":                 {[]assignment{assigned(app, owner, scope)}, 1, ""},
		"another's":               {[]assignment{assigned(group, secretsUser, scope)}, 1, codeEffective},
		"under a condition":       {[]assignment{conditional}, 0, codeConditional},
		"under a condition above": {[]assignment{conditionalAbove}, 1, ""},
		"with and without one": {[]assignment{conditional, assigned(app, secretsUser, "/subscriptions/"+sub)}, 0,
			""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var there []assignment
			for _, a := range d.there {
				if a.applies(scope) {
					there = append(there, a)
				}
			}
			a := assess(v, stateOf(policy(app, `"secrets":["Get","List"]`)), there)
			if a.missing != d.missing || d.code != "" && find(a.findings, d.code) == nil {
				t.Errorf("%d missing, want %d; findings %+v", a.missing, d.missing, a.findings)
			}
			if d.code == "" && len(a.findings) != 1 {
				t.Errorf("findings %+v", a.findings)
			}
		})
	}
}

// What a principal has by another role is no gain.
func TestNoGainOfWhatIsThere(t *testing.T) {
	t.Parallel()
	v := keyVault()
	state := stateOf(policy(app, `"secrets":["get"]`))
	if a := assess(v, state, nil); find(a.findings, codeReadsMore) == nil {
		t.Errorf("%+v", a.findings)
	}
	// Nor of what the policy gives of managed storage accounts.
	state = stateOf(policy(app, `"certificates":["list"],"keys":["list"],"storage":["get","list","getsas","listsas"]`))
	if f := find(assess(v, state, nil).findings, codeReadsMore); f == nil ||
		!strings.Contains(f.Items[0], "Key Vault Reader") || strings.Contains(f.Items[0], "storage") {
		t.Errorf("%+v", f)
	}
	state = stateOf(policy(app, `"secrets":["get"]`))
	if a := assess(v, state, []assignment{assigned(app, reader, "/")}); find(a.findings, codeReadsMore) != nil ||
		a.missing != 1 {
		t.Errorf("%+v", a)
	}
}

// A name tells scope, role and principal apart, and nothing else.
func TestNames(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, scope := range []string{"/a", "/b"} {
		for i := range roles() {
			for _, principal := range []string{app, group} {
				names[nameOf(scope, &roles()[i], principal)] = true
			}
		}
	}
	if len(names) != 4*len(roles()) {
		t.Errorf("%d names for %d assignments", len(names), 4*len(roles()))
	}
	// It is the same in every version, or assignments would be made twice.
	if got := nameOf(keyVault().ResourceID(), roleOf(secretsUser), app); got != "3dce9983-552e-5532-af72-5633e1638f8e" {
		t.Errorf("the name is %s now", got)
	}
}

// Several assignments may give together what is needed, and the age of all that
// is counted on counts.
func TestYoungest(t *testing.T) {
	t.Parallel()
	v := keyVault()
	at := func(a assignment, minute int) assignment {
		a.Properties.CreatedOn = time.Date(2026, 11, 26, 22, minute, 0, 0, time.UTC).Format(time.RFC3339Nano)
		return a
	}
	const cryptoUser, releaseUser = "12338af0-0e69-4776-bea7-57ae8d297424", "08bbd89e-9f13-488c-ac41-acfcb10c90ab"
	user := assigned(app, secretsUser, v.ResourceID())
	for name, d := range map[string]struct {
		policy string
		there  []assignment
		minute int // -1: unknown
	}{
		"the one": {`"secrets":["get","list"]`, []assignment{at(user, 7)}, 7},
		"unknown": {`"secrets":["get","list"]`, []assignment{user}, -1},
		"the older of two": {`"secrets":["get","list"]`,
			[]assignment{at(user, 7), at(assigned(app, secretsOfficer, "/"), 3)}, 3},
		"nobody else's": {`"secrets":["get","list"]`,
			[]assignment{at(user, 3), at(assigned(group, secretsUser, "/"), 9)}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := assess(v, stateOf(policy(app, d.policy)), d.there)
			if d.minute < 0 {
				if !a.youngest.IsZero() {
					t.Errorf("counts on one of %v", a.youngest)
				}
			} else if a.youngest.Minute() != d.minute {
				t.Errorf("youngest of %v", a.youngest)
			}
		})
	}
	sum := []assignment{at(assigned(app, cryptoUser, "/"), 3), at(assigned(app, releaseUser, "/"), 9)}
	if got := (&assessment{}); got.giver(gives(t, "keys sign, release"), app, sum) == nil ||
		got.youngest.Minute() != 9 {
		t.Errorf("of a sum the youngest is %v", got.youngest)
	}
}

// What the operator reads of a vault.
func TestWords(t *testing.T) {
	t.Parallel()
	v := keyVault()
	state := stateOf(policy(app, `"secrets":["get"]`), policy(group, `"keys":["all"],"certificates":["list"]`),
		policy("33333333-aaaa-4000-8000-000000000003", ``))
	state[sectionDisks] = json.RawMessage("true")
	a := assess(v, state, []assignment{assigned(group, reader, "/subscriptions/"+sub)})
	var got strings.Builder
	for _, f := range a.findings {
		fmt.Fprintf(&got, "%s %s: %s\n", f.Severity, f.Code, f.Message)
		for _, i := range f.Items {
			fmt.Fprintf(&got, "  %s\n", i)
		}
	}
	want := `info access-policies-to-roles: 3 access policies → 3 role assignments; to be made before the change: 2
  11111111-aaaa-4000-8000-000000000001: secrets get → Key Vault Secrets User, assignment NAME: will be made
  22222222-aaaa-4000-8000-000000000002: keys all → Key Vault Crypto Officer, assignment NAME: will be made; besides, it reads the vault and who has roles on it, and keeps alert rules, deployments and support requests there
  22222222-aaaa-4000-8000-000000000002: keys get, list, getrotationpolicy; certificates list → Key Vault Reader, assignment NAME: not needed, a0000000-0000-4000-8000-000000000000 at /subscriptions/53a3c692-5283-4f0a-baf6-49412f5ebefe gives it
warning role-grants-more: the built-in roles allow principals to do more than their access policies did
  22222222-aaaa-4000-8000-000000000002: keys purge, through Key Vault Crypto Officer
warning role-reads-more: the built-in roles show principals names and properties that their access policies did not show; no secret is among them
  11111111-aaaa-4000-8000-000000000001: secrets list, through Key Vault Secrets User
info roles-take-effect: role assignments that somebody made before take effect with the change, and allow more than access policies do
  22222222-aaaa-4000-8000-000000000002: secrets list; certificates get, getissuers, listissuers; storage get, list, listsas, getsas
info azure-services-let-in: the vault lets Azure services in by settings of its own, which the change leaves as they are
  enabledForDiskEncryption
`
	for _, g := range a.given {
		for _, m := range g.roles {
			if m.name != nameOf(strings.ToUpper(v.ResourceID()), m.role, strings.ToUpper(g.id)) {
				t.Errorf("%s: its name depends on letters", m.name)
			}
			want = strings.Replace(want, "NAME", m.name, 1)
		}
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// What no role can replace keeps the vault from being changed.
func TestPoliciesWithoutRole(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct{ policies, code, words string }{
		"unknown": {policy(app, `"keys":["get","teleport"]`), codeNoRole,
			app + ": keys teleport (unknown to this version)"},
		"unknown storage": {policy(app, `"storage":["all","teleport"]`), codeNoRole,
			app + ": storage teleport (unknown to this version)"},
		"compound": {compoundOf(policy(app, `"secrets":["get"]`)), codeCompound, app + " with application " + group},
		"no GUID":  {policy("me", `"secrets":["get"]`), codeUnreadable, ""},
		"no list":  {`{"permissions":{"keys":"get"}}`, codeUnreadable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := judge(stateOf(d.policies))
			if len(fs) != 1 || fs[0].Code != d.code || fs[0].Severity != fleet.SeverityError ||
				strings.Join(fs[0].Items, "|") != d.words || fs[0].Action == "" {
				t.Errorf("%+v", fs)
			}
			if a := assess(keyVault(), stateOf(d.policies), nil); len(a.given) > 0 || a.missing > 0 {
				t.Errorf("roles nevertheless: %+v", a)
			}
		})
	}
	ps, fs := principals(stateOf(policy(app, `"secrets":["get"]`), policy(strings.ToUpper(app), `"secrets":["list"]`)))
	if len(fs) > 0 || len(ps) != 1 || ps[0].may != gives(t, "secrets get, list") {
		t.Errorf("two policies of one principal: %+v %+v", ps, fs)
	}
}

func compoundOf(policy string) string {
	return strings.Replace(policy, `"permissions"`, `"applicationId":"`+group+`","permissions"`, 1)
}

// What nobody can use any more, or what hardly anybody does, is a warning, so that
// a person may consent; what gives nothing is nothing.
func TestPoliciesThatNeedConsent(t *testing.T) {
	t.Parallel()
	const made = `"keys":["all"],"secrets":["all"],"certificates":["all"],"storage":["all"]` // by az keyvault create
	for name, d := range map[string]struct {
		policies, code, words string
		there                 []assignment
		missing               int
	}{
		"as az keyvault create makes it": {policies: policy(app, made), code: codeStorageAll,
			words: app + ": storage all", missing: 3},
		"capitals": {policies: policy(app, `"keys":["All"],"storage":["ALL"]`), code: codeStorageAll,
			words: app + ": storage all", missing: 1},
		"all by name": {policies: policy(app,
			`"storage":["get","list","delete","set","update","regeneratekey","recover","backup","restore","setsas","listsas","getsas","deletesas"]`),
			code: codeStorageAll, words: app + ": storage all"},
		"all in two policies": {policies: policy(app,
			`"storage":["get","list","delete","set","update","regeneratekey","recover"]`) + "," + policy(app,
			`"storage":["backup","restore","setsas","listsas","getsas","deletesas","purge"]`),
			code: codeStorageAll, words: app + ": storage all, purge"},
		"some": {policies: policy(app, `"secrets":["get","list"],"storage":["get","regeneratekey"]`), code: codeStorage,
			words: app + ": storage get, regeneratekey", missing: 1},
		"some of it is there": {policies: policy(app, `"storage":["get","regeneratekey"]`), code: codeStorage,
			words: app + ": storage regeneratekey",
			there: []assignment{assigned(app, reader, "/")}},
		"an administrator": {policies: policy(app, made),
			there: []assignment{assigned(app, "00482a5a-887f-4fb3-b363-3b7fe8e74483", "/")}},
		"another tenant": {policies: strings.Replace(policy(app, `"secrets":["get"]`), tenant, group, 1),
			code: codeOtherTenant, words: app + " of tenant " + group},
		"compound, elsewhere": {policies: strings.Replace(compoundOf(policy(app, `"secrets":["get"]`)), tenant, group,
			1), code: codeOtherTenant, words: app + " of tenant " + group},
		"a compound of nothing": {policies: compoundOf(policy(app, ``))},
		"no tenant": {policies: strings.Replace(policy(app, `"secrets":["get","list"]`), `"`+tenant+`"`,
			`""`, 1), missing: 1},
		"no application": {policies: strings.Replace(policy(app, `"secrets":["get","list"]`), `"permissions"`,
			`"applicationId":null,"permissions"`, 1), missing: 1},
		"empty permissions": {policies: policy(app, ``)},
		"null permissions":  {policies: strings.Replace(policy(app, ``), `{}`, `null`, 1)},
		"null and empty lists": {policies: policy(app,
			`"keys":null,"secrets":[],"certificates":[null],"storage":[""]`)},
		"the same word twice": {policies: policy(app, `"secrets":["Get","get","List"]`), missing: 1},
		"the same policy twice": {policies: policy(app, `"secrets":["get","list"]`) + "," + policy(app,
			`"secrets":["get","list"]`), missing: 1},
		"no policies": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := stateOf(d.policies)
			if fs := judge(state); len(fs) > 0 {
				t.Fatalf("stands against it: %+v", fs)
			}
			a := assess(keyVault(), state, d.there)
			if a.missing != d.missing {
				t.Errorf("%d missing, want %d", a.missing, d.missing)
			}
			var warned []string
			for _, f := range a.findings {
				if f.Severity != fleet.SeverityInfo && f.Code != codeReadsMore && f.Code != codeGrantsMore {
					warned = append(warned, string(f.Severity)+" "+f.Code+" "+strings.Join(f.Items, "|"))
					if f.Action == "" {
						t.Errorf("%s says nothing to do", f.Code)
					}
				}
			}
			want := ""
			if d.code != "" {
				want = "warning " + d.code + " " + d.words
			}
			if got := strings.Join(warned, "; "); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	for name, state := range map[string]arm.State{"no section": {},
		"null": {sectionPolicies: json.RawMessage("null")}} {
		if a := assess(keyVault(), state, nil); len(a.findings) != 1 || a.missing > 0 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
