package emulator

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

const (
	secretsUser = "4633458b-17de-408a-b874-0445c86b69e6"
	somebody    = "ce2ce14e-85d7-4629-bdbc-454d0519d987"
	oneName     = "05c5a614-a7d6-4502-b150-c2fb455033ff"
	otherName   = "96786e4b-dede-4c2e-8736-8ab911987f08"
)

func roleBody(role, principal string) string {
	return `{"properties":{"roleDefinitionId":"/subscriptions/` + prod + `/providers/Microsoft.Authorization/roleDefinitions/` + role + `","principalId":"` + principal + `","principalType":"ServicePrincipal"}}`
}

const rolesPath = "/providers/Microsoft.Authorization/roleAssignments"

func (c *client) assign(r Resource, name, body string) answer {
	return c.do(context.Background(), "PUT", pathOf(r)+rolesPath+"/"+name+"?api-version=2022-04-01", body, jsonHeader())
}

func (c *client) roles(r Resource, filter string) answer {
	path := pathOf(r) + rolesPath + "?api-version=2022-04-01"
	if filter != "" {
		path += "&$filter=" + url.QueryEscape(filter)
	}
	return c.do(context.Background(), "GET", path, "", jsonHeader())
}

func TestRoleAssignments(t *testing.T) {
	t.Parallel()
	c, file := withTruth(t, Scenario{Shape: shapeSpecification}, estate()...)
	cl, v := overLoopback(t, c), estate()[1]
	inherited := at(t, cl.roles(v, ""), "value").([]any)
	if len(inherited) != 2 || inherited[0].(object)["properties"].(object)["scope"] != "/subscriptions/"+prod {
		t.Fatalf("%v", inherited)
	}
	made := cl.assign(v, oneName, roleBody(secretsUser, somebody))
	wantStatus(t, made, 201, `"id":"`+pathOf(v)+rolesPath+"/"+oneName+`"`, `"principalType":"ServicePrincipal"`, `"scope":"`+pathOf(v)+`"`, `"createdOn":"2`)
	if strings.Contains(cl.roles(estate()[0], "").body, "createdOn") {
		t.Error("what was always there says since when")
	}
	if again := cl.assign(v, strings.ToUpper(oneName), roleBody(secretsUser, somebody)); again.status != 200 || again.body != made.body {
		t.Errorf("again: %d %s", again.status, again.body)
	}
	wantStatus(t, cl.assign(v, otherName, roleBody(secretsUser, somebody)), 409, `"code":"RoleAssignmentExists"`)
	wantStatus(t, cl.assign(v, oneName, roleBody(secretsUser, otherName)), 400, "RoleAssignmentUpdateNotPermitted")

	for filter, want := range map[string]int{"": 3, "atScope()": 3, "principalId eq '" + somebody + "'": 1,
		"assignedTo('" + somebody + "')": 1, "atScope() and assignedTo('" + otherName + "')": 0} {
		if got := at(t, cl.roles(v, filter), "value").([]any); len(got) != want {
			t.Errorf("%q: %v", filter, got)
		}
	}
	if got := at(t, cl.roles(estate()[0], ""), "value").([]any); len(got) != 2 {
		t.Errorf("another vault's: %v", got)
	}
	s := reopen(t, file).Summary()
	if r, _ := s.Resource(prod, "kv-1"); len(r.Roles) != 1 || r.Roles[0].Role != secretsUser || r.Roles[0].PrincipalID != somebody || r.Requests["assign"] != 4 {
		t.Errorf("%+v", r)
	}
	if s.Mistakes != 0 {
		t.Errorf("%v", s.MistakeList)
	}
}

// Each case is right but for one thing.
func TestMistakesOfRoles(t *testing.T) {
	t.Parallel()
	cl, v := inMemory(t, todaysCloud(t, Scenario{})), estate()[1]
	right := roleBody(secretsUser, somebody)
	tests := map[string]struct {
		got    answer
		status int
		words  string
	}{
		"the name":             {cl.assign(v, "mine", right), 400, "must be a GUID"},
		"an unknown role":      {cl.assign(v, oneName, roleBody(somebody, somebody)), 404, "RoleDefinitionDoesNotExist"},
		"the role's ID":        {cl.assign(v, oneName, strings.Replace(right, "roleDefinitions/", "roles/", 1)), 400, "properties.roleDefinitionId has not the form"},
		"another subscription": {cl.assign(v, oneName, strings.Replace(right, prod, lab, 1)), 400, "another subscription"},
		"the principal":        {cl.assign(v, oneName, roleBody(secretsUser, "me")), 400, "properties.principalId has not the form"},
		"its type":             {cl.assign(v, oneName, strings.Replace(right, `"ServicePrincipal"`, `"Robot"`, 1)), 400, "ForeignGroup"},
		"half of it":           {cl.assign(v, oneName, `{"properties":{"principalId":"`+somebody+`"}}`), 400, "needs roleDefinitionId"},
		"a condition":          {cl.assign(v, oneName, strings.Replace(right, `"principalType"`, `"condition"`, 1)), 400, "properties.condition is not known"},
		"a filter":             {cl.roles(v, "principalName eq 'me'"), 400, "is not known here"},
		"a version":            {cl.arm(pathOf(v)+rolesPath, "2015-07-01"), 400, "must be 2022-04-01"},
		"a method":             {cl.do(t.Context(), "DELETE", pathOf(v)+rolesPath+"/"+oneName+"?api-version=2022-04-01", "", jsonHeader()), 405, "PUT, not DELETE"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantStatus(t, tt.got, tt.status, tt.words)
		})
	}
}

// What was given is on disk before the answer says so.
func TestRolesAreSynced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := withTruth(t, Scenario{Faults: []Fault{{Kind: kindRolesLate, Vault: "kv-1", For: "5m"}}}, estate()...)
		f := &counted{File: c.truth.f.(*os.File)}
		c.truth.f = f
		cl := inMemory(t, c)
		cl.assign(estate()[1], oneName, roleBody(secretsUser, somebody))
		cl.assign(estate()[1], oneName, roleBody(secretsUser, somebody))
		if got := strings.Join(f.did, " "); got != "write sync write" {
			t.Errorf("did %s", got)
		}
	})
}
