package emulator

import (
	"context"
	"encoding/json"
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
	return `{"properties":{"roleDefinitionId":"/subscriptions/` + prod +
		`/providers/Microsoft.Authorization/roleDefinitions/` + role + `","principalId":"` + principal +
		`","principalType":"ServicePrincipal"}}`
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

// every follows a list to its end, and returns it with the number of its pages.
func (c *client) every(t *testing.T, a answer) (all []object, pages int) {
	t.Helper()
	for {
		pages++
		wantStatus(t, a, 200)
		for _, v := range at(t, a, "value").([]any) {
			all = append(all, v.(object))
		}
		var page struct{ NextLink string }
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		if page.NextLink == "" {
			return all, pages
		}
		_, path, _ := strings.Cut(page.NextLink, "/subscriptions/")
		a = c.do(context.Background(), "GET", "/subscriptions/"+path, "", jsonHeader())
	}
}

func TestRoleAssignments(t *testing.T) {
	t.Parallel()
	c, file := withStateFile(t, Scenario{Shape: shapeSpecification}, estate()...)
	cl, v := overLoopback(t, c), estate()[1]
	inherited := at(t, cl.roles(v, ""), "value").([]any)
	if len(inherited) != 2 || inherited[0].(object)["properties"].(object)["scope"] != "/subscriptions/"+prod {
		t.Fatalf("%v", inherited)
	}
	made := cl.assign(v, oneName, roleBody(secretsUser, somebody))
	wantStatus(t, made, 201, `"id":"`+pathOf(v)+rolesPath+"/"+oneName+`"`, `"principalType":"ServicePrincipal"`,
		`"scope":"`+pathOf(v)+`"`, `"createdOn":"2`)
	if strings.Contains(cl.roles(estate()[0], "").body, "createdOn") {
		t.Error("what was always there says since when")
	}
	if again := cl.assign(v, strings.ToUpper(oneName), roleBody(secretsUser, somebody)); again.status != 200 ||
		again.body != made.body {
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
	if r, _ := s.Resource(prod, "kv-1"); len(r.Roles) != 1 || r.Roles[0].Role != secretsUser ||
		r.Roles[0].PrincipalID != somebody || r.Requests["assign"] != 4 {
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
		"the name": {cl.assign(v, "mine", right), 400, "must be a GUID"},
		"an unknown role": {cl.assign(v, oneName, roleBody(somebody, somebody)), 404,
			"RoleDefinitionDoesNotExist"},
		"the role's ID": {cl.assign(v, oneName, strings.Replace(right, "roleDefinitions/", "roles/", 1)), 400,
			"properties.roleDefinitionId has not the form"},
		"another subscription": {cl.assign(v, oneName, strings.Replace(right, prod, lab, 1)), 400,
			"another subscription"},
		"the principal": {cl.assign(v, oneName, roleBody(secretsUser, "me")), 400,
			"properties.principalId has not the form"},
		"its type": {cl.assign(v, oneName, strings.Replace(right, `"ServicePrincipal"`, `"Robot"`, 1)), 400,
			"ForeignGroup"},
		"half of it": {cl.assign(v, oneName, `{"properties":{"principalId":"`+somebody+`"}}`), 400,
			"needs roleDefinitionId"},
		"a condition": {cl.assign(v, oneName, strings.Replace(right, `"principalType"`, `"condition"`, 1)), 400,
			"properties.condition is not known"},
		"a filter": {cl.roles(v, "principalName eq 'me'"), 400, "is not known here"},
		"a page": {cl.do(t.Context(), "GET", pathOf(v)+rolesPath+"?api-version=2022-04-01&$skipToken=mine", "",
			jsonHeader()), 400, "InvalidSkipToken"},
		"a version": {cl.arm(pathOf(v)+rolesPath, "2015-07-01"), 400, "must be 2022-04-01"},
		"a method": {cl.do(t.Context(), "DELETE", pathOf(v)+rolesPath+"/"+oneName+"?api-version=2022-04-01", "",
			jsonHeader()), 405, "PUT, not DELETE"},
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
		c, _ := withStateFile(t, Scenario{Faults: []Fault{{Kind: kindRolesLate, Vault: "kv-1", For: "5m"}}},
			estate()...)
		f := &counted{File: c.stateFile.f.(*os.File)}
		c.stateFile.f = f
		cl := inMemory(t, c)
		cl.assign(estate()[1], oneName, roleBody(secretsUser, somebody))
		cl.assign(estate()[1], oneName, roleBody(secretsUser, somebody))
		if got := strings.Join(f.did, " "); got != "write sync write" {
			t.Errorf("did %s", got)
		}
	})
}

// The list of instances says which assignments end; the list of assignments does
// not.
func TestWhatEnds(t *testing.T) {
	t.Parallel()
	role := func(properties map[string]any) Fault {
		return Fault{Kind: kindRole, Vault: "kv-1", Scope: scopeGroup, Properties: properties}
	}
	c := todaysCloud(t, Scenario{Faults: []Fault{
		role(map[string]any{"principalId": somebody, "role": "Key Vault Secrets User", "assignmentType": "Activated",
			"endDateTime": "2026-12-01T05:00:00Z"}),
		role(map[string]any{"principalId": otherName, "role": "key vault reader", "condition": "@Resource[x]"}),
	}})
	cl, v := inMemory(t, c), estate()[1]
	v.ResourceGroup = "rg-secrets"
	group := "/subscriptions/" + prod + "/resourceGroups/rg-secrets"
	instances := func(filter string) answer {
		return cl.do(context.Background(), "GET",
			pathOf(v)+
				"/providers/Microsoft.Authorization/roleAssignmentScheduleInstances?api-version=2020-10-01&$filter="+
				url.QueryEscape(filter), "", jsonHeader())
	}
	cl.assign(v, oneName, roleBody(secretsUser, oneName))
	all, _ := cl.every(t, instances("atScope()"))
	roles, pages := cl.every(t, cl.roles(v, "atScope()"))
	if len(all) != len(roles) || len(all) < 200 || pages != 3 {
		t.Fatalf("%d instances of %d assignments in %d pages", len(all), len(roles), pages)
	}
	activated := 0
	for i := range all {
		p := all[i]["properties"].(object)
		if p["originRoleAssignmentId"] != roles[i]["id"] {
			t.Fatalf("%v is of %v", p, roles[i])
		}
		if (p["assignmentType"] == typeActivated) != (p["endDateTime"] != nil) {
			t.Fatalf("%v", p)
		}
		if p["endDateTime"] != nil {
			activated++
		}
	}
	if activated < 20 {
		t.Errorf("%d were activated", activated)
	}
	wantStatus(t, cl.roles(v, "principalId eq '"+somebody+"'"), 200, `"scope":"`+group+`"`, secretsUser)
	if a := cl.roles(v, "principalId eq '"+somebody+"'"); strings.Contains(a.body, "2026-12-01") {
		t.Error("the list of assignments says when one ends")
	}
	wantStatus(t, cl.roles(v, "principalId eq '"+otherName+"'"), 200, `"condition":"@Resource[x]"`)
	one, _ := cl.every(t, instances("assignedTo('"+somebody+"')"))
	if p := one[0]["properties"].(object); len(one) != 1 || p["endDateTime"] != "2026-12-01T05:00:00Z" {
		t.Errorf("%v", one)
	}
}

// A role that is there cannot be given again, under whatever name.
func TestRolesThatAreThere(t *testing.T) {
	t.Parallel()
	cl, v := inMemory(t, todaysCloud(t, Scenario{Faults: []Fault{{Kind: kindRole, Vault: "kv-1",
		Properties: map[string]any{"principalId": somebody, "role": "Key Vault Secrets User",
			"assignmentType": "Activated"}}}})), estate()[1]
	wantStatus(t, cl.assign(v, oneName, roleBody(secretsUser, somebody)), 409, "RoleAssignmentExists")
}

func TestMistakesOfGivenRoles(t *testing.T) {
	t.Parallel()
	for words, p := range map[string]map[string]any{
		"needs principalId":                   {"role": "Owner"},
		"needs role":                          {"principalId": somebody},
		`the role "King" is not known`:        {"principalId": somebody, "role": "King"},
		`principalId "me" is no GUID`:         {"principalId": "me", "role": "Owner"},
		`"Lent" is not one of Assigned, Acti`: {"principalId": somebody, "role": "Owner", "assignmentType": "Lent"},
		`"until" is not known`:                {"principalId": somebody, "role": "Owner", "until": "x"},
		"endDateTime must be text":            {"principalId": somebody, "role": "Owner", "endDateTime": 7},
	} {
		_, err := New(Config{Resources: estate(),
			Scenario: Scenario{Faults: []Fault{{Kind: kindRole, Vault: "kv-1", Properties: p}}}})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
