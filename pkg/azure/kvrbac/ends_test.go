package kvrbac

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// instanceOf is an instance of an assignment as the service lists it. more is put
// over its properties.
func instanceOf(a assignment, more string) string {
	p := map[string]any{"originRoleAssignmentId": a.ID, "assignmentType": "Assigned", "scope": a.Properties.Scope,
		"principalId":      a.Properties.PrincipalID,
		"roleDefinitionId": a.Properties.RoleDefinitionID, "status": "Provisioned", "memberType": "Direct",
		"startDateTime": "2026-11-30T00:00:00Z", "endDateTime": nil}
	if err := json.Unmarshal([]byte(more), &p); err != nil {
		panic(err)
	}
	doc, _ := json.Marshal(map[string]any{"properties": p})
	return string(doc)
}

const activated = `{"assignmentType":"Activated","endDateTime":"2026-12-01T05:00:00Z"}`

// Only what has no end takes the place of an access policy, which has none.
func TestWhatEnds(t *testing.T) {
	t.Parallel()
	sub := "/subscriptions/" + sub
	other := func(s *service) assignment { a := s.given[0].assignment; a.ID += "x"; return a }
	for name, d := range map[string]struct {
		instance func(*service) string
		answer   string
		ends     string // of the finding; empty: it has no end
		warned   bool
		said     bool // that the directory has no licence
	}{
		"nothing is known of it": {},
		"permanent": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment,
				`{}`)
		}},
		"activated": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment,
				activated)
		}, ends: "activated until 2026-12-01 05:00 UTC"},
		"activated without a time": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment,
				`{"assignmentType":"activated"}`)
		}, ends: "activated"},
		"given for a time": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment, `{"endDateTime":"2027-11-30T00:00:00.123Z"}`)
		}, ends: "given until 2027-11-30 00:00 UTC"},
		"given for some time": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment,
				`{"endDateTime":"soon"}`)
		}, ends: "given until soon"},
		"of a kind not known": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment,
				`{"assignmentType":"Lent"}`)
		}, ends: "Lent"},
		"in other letters": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment,
				`{"assignmentType":"ACTIVATED","originRoleAssignmentId":"`+strings.ToUpper(s.given[0].ID)+`"}`)
		}, ends: "activated"},
		"which names no assignment": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment, `{"assignmentType":"Activated","originRoleAssignmentId":null}`)
		}, ends: "activated"},
		"twice, and once for good": {instance: func(s *service) string {
			return instanceOf(s.given[0].assignment, activated) + "," + instanceOf(s.given[0].assignment, `{}`)
		}, ends: "activated until 2026-12-01 05:00 UTC"},
		"of another assignment": {instance: func(s *service) string { return instanceOf(other(s), activated) }},
		"of another principal": {instance: func(s *service) string {
			return instanceOf(other(s), `{"assignmentType":"Activated","originRoleAssignmentId":"","principalId":"`+
				group+`"}`)
		}},
		"may not be read": {answer: `403 {"error":{"code":"AuthorizationFailed","message":"x"}}`, warned: true},
		"is not there":    {answer: `404 {"error":{"code":"ResourceNotFound","message":"x"}}`, warned: true},
		"is refused":      {answer: `400 {"error":{"code":"InvalidFilter","message":"x"}}`, warned: true},
		"no licence": {
			answer: `400 {"error":{"code":"AadPremiumLicenseRequired","message":"The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."}}`, said: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, v := newService(t, application), keyVault()
				s.give(app, secretsUser, sub, time.Hour)
				if d.instance != nil {
					s.ends = []string{d.instance(s)}
				}
				if d.answer != "" {
					s.answers["ends"] = []string{d.answer, d.answer, d.answer, d.answer}
				}
				u := s.upgrader(Roles(), nil)
				val := s.validate(u, v)
				if w := find(val.Findings, codeUnread); (w != nil) != d.warned ||
					(find(val.Findings, codeNoPIM) != nil) != d.said {
					t.Fatalf("%+v", val)
				} else if d.warned {
					if val.Verdict != fleet.VerdictBlocked || w.Severity != fleet.SeverityWarning ||
						len(w.Items) != 1 || !strings.Contains(w.Items[0], app+": Key Vault Secrets User at "+sub) ||
						!strings.Contains(w.Action, "roleAssignmentScheduleInstances/read") {
						t.Fatalf("%+v", val)
					}
					v.Consents = []fleet.Consent{{Code: codeUnread, Reason: "nobody uses it here"}}
				}
				f := find(val.Findings, codeEnds)
				if (f != nil) != (d.ends != "") || f != nil &&
					(f.Severity != fleet.SeverityInfo || len(f.Items) != 1 ||
						f.Items[0] != app+": Key Vault Secrets User at "+sub+", "+d.ends) {
					t.Fatalf("%+v", val)
				}
				puts := 0
				if d.ends != "" {
					puts = 1
				}
				s.out(u, v)
				if got := strings.Count(s.asked(), "PUT"); got != puts || len(s.given) != 1+puts {
					t.Errorf("%d assignments were made, want %d", got, puts)
				}
			})
		})
	}
}

// Beside an assignment that was made here, which has no end, what others gave is not
// counted on: it matters nothing whether that ends.
func TestOursHasNoEnd(t *testing.T) {
	t.Parallel()
	v := keyVault()
	ours, theirs := assigned(app, secretsUser, v.ResourceID()), assigned(app, secretsOfficer, "/")
	ours.Name, ours.unread, theirs.unread = nameOf(v.ResourceID(), roleOf(secretsUser), app), "HTTP 403", "HTTP 403"
	for _, there := range [][]assignment{{ours}, {ours, theirs}, {theirs, ours}} {
		if a := assess(v, stateOf(application), there); find(a.findings, codeUnread) != nil || a.missing > 0 {
			t.Errorf("%+v", a.findings)
		}
	}
	if a := assess(v, stateOf(application), []assignment{theirs}); find(a.findings, codeUnread) == nil {
		t.Errorf("%+v", a.findings)
	}
}

// What is not counted on is not asked about.
func TestEndsAreAskedForWhereTheyMatter(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		principal, role string
		asked           bool
	}{
		"another's": {group, secretsUser, false}, "no data": {app, owner, false},
		"something else": {app, "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", false},
		"a part":         {app, reader, true}, "all": {app, secretsOfficer, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, v := newService(t, application), keyVault()
			s.custom = map[string]string{owner: `[{"actions":["*"]}]`}
			s.give(d.principal, d.role, "/", time.Hour)
			s.validate(s.upgrader(Roles(), nil), v)
			if got := strings.Contains(s.asked(), "ends"); got != d.asked {
				t.Errorf("%s: asked for ends: %v", name, got)
			}
		})
	}
	// What it takes of managed storage accounts matters as well.
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, policy(app, `"storage":["get"]`)), keyVault()
		s.give(app, reader, "/", time.Hour)
		s.validate(s.upgrader(Roles(), nil), v)
		if got := s.asked(); !strings.Contains(got, "ends") {
			t.Errorf("asked %s", got)
		}
	})
	// What passes by itself is waited for.
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, application), keyVault()
		s.give(app, secretsUser, "/", time.Hour)
		s.answers["ends"] = []string{"500 a", "500 b", "500 c", "500 d"}
		if val := s.validate(s.upgrader(Roles(), nil), v); val.Verdict != fleet.VerdictBusy {
			t.Errorf("%+v", val)
		}
	})
}

// Where the service lets no permanent assignment stand beside one that ends, the
// vault is blocked with words, and no PATCH follows.
func TestBesideWhatEnds(t *testing.T) {
	t.Parallel()
	for _, ours := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, v := newService(t, application), keyVault()
			s.give(app, secretsUser, v.ResourceID(), time.Hour)
			if ours {
				s.given[0].Name = nameOf(v.ResourceID(), roleOf(secretsUser), app)
			}
			s.given[0].ID = v.ResourceID() + "/providers/Microsoft.Authorization/roleAssignments/" + s.given[0].Name
			s.ends = []string{instanceOf(s.given[0].assignment, activated)}
			u := s.upgrader(Roles(), nil)
			val := s.validate(u, v)
			if m := find(val.Findings, codeMapped); val.Verdict != fleet.VerdictReady ||
				!strings.Contains(m.Items[0],
					"will be made, if the service lets one be made beside the one that is activated until") {
				t.Fatalf("%+v", val)
			}
			_, err := s.prepare(u, v)
			ce, _ := err.(*fleet.CallError)
			if ce == nil || ce.Class != fleet.CallRefused || ce.Code != "RoleAssignmentExists" ||
				!strings.Contains(ce.Message,
					app+": it is there at the vault already, activated until 2026-12-01 05:00 UTC") ||
				!strings.Contains(ce.Action, "Privileged Identity Management") {
				t.Errorf("%#v", err)
			}
			// It has ended: the same run makes a permanent one.
			s.ends, s.given = nil, nil
			time.Sleep(15 * time.Minute)
			s.out(u, v)
		})
	}
}

// An assignment that the service says exists and does not list is named.
func TestExistsAndIsNotListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, v := newService(t, application), keyVault()
		s.answers["PUT"] =
			[]string{`409 {"error":{"code":"RoleAssignmentExists","message":"The role assignment already exists."}}`,
				`409 {"error":{"code":"RoleAssignmentExists","message":"x"}}`}
		u := s.upgrader(Roles(), nil)
		for range 25 { // beyond what is remembered of a PUT
			_, err := s.prepare(u, v)
			if fleet.ClassOf(err) != fleet.CallNotYet ||
				!strings.Contains(err.Error(),
					"Key Vault Secrets User for "+app+", which exists by the service's word") {
				t.Fatalf("%v", err)
			}
			time.Sleep(poll)
		}
		if got := strings.Count(s.asked(), "PUT"); got != 2 {
			t.Errorf("%d PUTs", got)
		}
	})
}

// A principal that the directory does not know is tried a few times, for a new one
// takes minutes to be known; then it is a finding, which consent covers by its
// code alone. Each try is made by another process, and one that asks for several roles
// of a principal is one.
func TestPrincipalNotFound(t *testing.T) {
	t.Parallel()
	const unknown = `400 {"error":{"code":"PrincipalNotFound","message":"Principal does not exist in the directory."}}`
	for name, d := range map[string]struct {
		times    int
		all      bool // acceptWarnings: true
		consents []fleet.Consent
		blocked  bool
		puts     int // for the principal that is not known
		two      bool
	}{
		"for a moment":   {times: triesUnknown - 1, puts: triesUnknown},
		"for good":       {times: 99, blocked: true, puts: triesUnknown},
		"of two roles":   {times: 99, blocked: true, puts: 2 * triesUnknown, two: true},
		"consent to all": {times: 99, all: true, blocked: true, puts: triesUnknown},
		"consent to others": {times: 99, consents: []fleet.Consent{{Category: category, Reason: "x"}}, blocked: true,
			puts: triesUnknown},
		"consent by its code": {times: 99, consents: []fleet.Consent{{Code: "principalnotfound", Reason: "they left"}},
			puts: triesUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				policies := application
				if d.two {
					policies = policy(app, `"secrets":["get","list"],"keys":["get","list","wrapKey","unwrapKey"]`)
				}
				puts := 0
				s, v := newService(t, policies, policy(group, `"keys":["get","list","wrapKey","unwrapKey"]`)),
					keyVault()
				s.refuses = func(principal string) string {
					if principal != app {
						return ""
					}
					puts++
					if puts > d.times {
						return ""
					}
					return unknown
				}
				v.Consents, v.AcceptWarnings = d.consents, d.all
				var val fleet.Validation
				conflicts := 0
				for range 40 {
					u := s.upgrader(Roles(), nil)
					if val = s.validate(u, v); val.Verdict != fleet.VerdictReady {
						break
					}
					a, err := s.prepare(u, v)
					if err == nil {
						if a.Verdict != fleet.StartAccepted {
							t.Fatalf("%+v", a)
						}
						break
					}
					switch fleet.ClassOf(err) {
					case fleet.CallNotYet:
					case fleet.CallConflict:
						conflicts++
					default:
						t.Fatal(err)
					}
					time.Sleep(poll)
				}
				f := find(val.Findings, codeGone)
				changed := s.vault["enableRbacAuthorization"] == true
				if changed == d.blocked || (conflicts == 1) != (d.times > 9) || puts != d.puts {
					t.Fatalf("changed %v, %d conflicts, %d PUTs: %+v", changed, conflicts, puts, val)
				}
				switch {
				case d.blocked:
					if f == nil || f.Severity != fleet.SeverityError || len(f.Items) != 1 ||
						!strings.HasPrefix(f.Items[0], app+": ") ||
						!strings.HasSuffix(f.Items[0], "secrets get, list") ||
						!strings.Contains(f.Action, "Take their access policies off the vault") {
						t.Errorf("%+v", val)
					}
				case d.consents != nil:
					if f == nil || f.Severity != fleet.SeverityInfo || !strings.Contains(f.Message, "they left") ||
						len(s.given) != 1 {
						t.Errorf("%+v; %d assignments", val, len(s.given))
					}
				case f != nil || len(s.given) != 2:
					t.Errorf("%+v; %d assignments", val, len(s.given))
				}
			})
		})
	}
}

// What groups have is named where something is made besides: who is a member
// cannot be seen.
func TestGroupsAreNamed(t *testing.T) {
	t.Parallel()
	of := func(kind string) assignment {
		a := assigned(group, secretsUser, "/")
		a.Properties.PrincipalType = kind
		return a
	}
	for name, d := range map[string]struct {
		there []assignment
		named bool
	}{
		"a group": {[]assignment{of("Group")}, true}, "a foreign one": {[]assignment{of("ForeignGroup")}, true},
		"a user":          {[]assignment{of("User")}, false},
		"nothing is made": {[]assignment{of("Group"), assigned(app, secretsUser, "/")}, false},
	} {
		f := find(assess(keyVault(), stateOf(application), d.there).findings, codeGroups)
		if (f != nil) != d.named || f != nil &&
			(f.Severity != fleet.SeverityInfo || len(f.Items) != 1 ||
				f.Items[0] != group+": Key Vault Secrets User, at /") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// An instance that names an assignment is about one without an ID by what it is.
func TestInstanceOfAnAssignmentWithoutAnID(t *testing.T) {
	t.Parallel()
	a := assigned(app, secretsUser, "/")
	var i, other instance
	i.Properties.Origin, i.Properties.Scope, i.Properties.PrincipalID, i.Properties.RoleDefinitionID = "/x", "/", app,
		a.Properties.RoleDefinitionID
	if other = i; !i.is(&a) {
		t.Error("it is not found")
	}
	if other.Properties.PrincipalID = group; other.is(&a) {
		t.Error("another's is taken for it")
	}
}
