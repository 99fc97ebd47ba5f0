package emulator

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// Roles that the cloud knows: Owner, Contributor and Reader, which people have of old, and the
// built-in ones of Key Vault, by the IDs that Microsoft's list of built-in roles
// gives them. Others cannot be assigned, so that a mistyped ID shows.
const (
	roleOwner  = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	roleReader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

	roleContributor        = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	roleVaultAdministrator = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
)

var knownRoles = map[string]string{
	roleOwner:                              "Owner",
	roleReader:                             "Reader",
	roleContributor:                        "Contributor",
	roleVaultAdministrator:                 "Key Vault Administrator",
	"21090545-7ca7-4776-b22c-e363652d74d2": "Key Vault Reader",
	"a4417e6f-fecd-4de8-b567-7b0420556985": "Key Vault Certificates Officer",
	"db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": "Key Vault Certificate User",
	"14b46e9e-c2b7-41b4-b07b-48a6ebf60603": "Key Vault Crypto Officer",
	"12338af0-0e69-4776-bea7-57ae8d297424": "Key Vault Crypto User",
	"e147488a-f6f5-4113-8e2d-b22465e65bf6": "Key Vault Crypto Service Encryption User",
	"08bbd89e-9f13-488c-ac41-acfcb10c90ab": "Key Vault Crypto Service Release User",
	"b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
	"4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
	"a68e7c17-0ab2-4c09-9a58-125dae29748c": "Key Vault Purge Operator",
}

var (
	rolePattern = lazyregexp.New(`(?i)^(?:/subscriptions/([0-9a-f-]{36}))?/providers/Microsoft\.Authorization/roleDefinitions/([0-9a-f-]{36})$`)

	assignmentBody = &shape{fields: map[string]*shape{"properties": {fields: map[string]*shape{
		"roleDefinitionId": {like: rolePattern},
		"principalId":      {like: guidPattern},
		"principalType":    {words: []string{"User", "Group", "ServicePrincipal", "ForeignGroup", "Device"}},
	}}}}
)

// RoleAssignment is who has which role where.
type RoleAssignment struct {
	Name          string `json:"name"`  // a GUID
	Scope         string `json:"scope"` // an ID: of a resource, or of the subscription for one that it inherits
	Role          string `json:"role"`  // the GUID of its definition
	PrincipalID   string `json:"principalId"`
	PrincipalType string `json:"principalType,omitempty"`
}

// same reports whether both give the same role to the same principal at the same
// scope.
func (a *RoleAssignment) same(b *RoleAssignment) bool {
	return strings.EqualFold(a.Scope, b.Scope) && strings.EqualFold(a.Role, b.Role) &&
		strings.EqualFold(a.PrincipalID, b.PrincipalID)
}

// assignment is one that was made through this handler.
type assignment struct {
	RoleAssignment
	At        time.Time `json:"at"`
	VisibleAt time.Time `json:"visibleAt"` // since when lists have it
}

// describe is the assignment as a list shows it. Of one that was there from the
// beginning it does not say since when.
func (a *assignment) describe(sub string) object {
	properties := object{
		"roleDefinitionId": "/subscriptions/" + sub + "/providers/Microsoft.Authorization/roleDefinitions/" + a.Role,
		"principalId":      a.PrincipalID,
		"principalType":    a.PrincipalType,
		"scope":            a.Scope,
	}
	if !a.At.IsZero() {
		properties["createdOn"] = a.At.UTC().Format(time.RFC3339Nano)
	}
	return object{
		"id":         a.id(),
		"name":       a.Name,
		"type":       "Microsoft.Authorization/roleAssignments",
		"properties": properties,
	}
}

// usualRoles are what a subscription has given away from the beginning.
func usualRoles(sub string) []RoleAssignment {
	give := func(role, kind string) RoleAssignment {
		return RoleAssignment{Name: guid(0, "assignment", role, sub), Scope: "/subscriptions/" + sub, Role: role,
			PrincipalID: guid(0, "principal", role, sub), PrincipalType: kind}
	}
	return []RoleAssignment{give(roleOwner, "Group"), give(roleReader, "ServicePrincipal")}
}

// id is its ID as Azure writes it; that of one at the root has no other scope.
func (a *RoleAssignment) id() string {
	return strings.TrimSuffix(a.Scope, "/") + "/providers/Microsoft.Authorization/roleAssignments/" + a.Name
}

// filterPattern is what $filter may be: the scope itself, one principal, or both.
var filterPattern = lazyregexp.New(`^(?:atScope\(\)|(?:atScope\(\) and )?(?:principalId eq '([0-9a-fA-F-]{36})'|assignedTo\('([0-9a-fA-F-]{36})'\)))$`)

// parseRoles checks a call about the role assignments at a resource.
func parseRoles(q *request, r *http.Request, rest []string, body []byte) *problem {
	if q.call != callAssign {
		if token := r.URL.Query().Get("$skipToken"); token != "" {
			var err error
			if q.skip, err = strconv.Atoi(token); err != nil || q.skip < 1 {
				return mistake(http.StatusBadRequest, "InvalidSkipToken", "The $skipToken %q was never given out.",
					token)
			}
		}
		q.filter = r.URL.Query().Get("$filter")
		if filter := r.URL.Query().Get("$filter"); filter != "" {
			m := filterPattern().FindStringSubmatch(filter)
			if m == nil {
				return mistake(http.StatusBadRequest, "UnsupportedFilter",
					"The filter %q is not known here; there are atScope(), principalId eq '{id}' and "+
						"assignedTo('{id}').", filter)
			}
			q.principal = m[1] + m[2]
		}
		return emptyBody(body)
	}
	if p := jsonContent(r); p != nil {
		return p
	}
	if !guidPattern().MatchString(rest[3]) {
		return mistake(http.StatusBadRequest, "InvalidRoleAssignmentId",
			"The role assignment's name %q must be a GUID.", rest[3])
	}
	v, p := readObject(body)
	if p != nil {
		return p
	}
	if p := assignmentBody.check("", v); p != nil {
		return p
	}
	properties, _ := v["properties"].(object)
	text := func(name string) string { s, _ := properties[name].(string); return s }
	if text("roleDefinitionId") == "" || text("principalId") == "" {
		return badContent("properties needs roleDefinitionId and principalId.")
	}
	role := rolePattern().FindStringSubmatch(text("roleDefinitionId"))
	if role[1] != "" && !strings.EqualFold(role[1], q.resource.sub.id) {
		return badContent("properties.roleDefinitionId names another subscription than the scope.")
	}
	q.assignment = RoleAssignment{Name: strings.ToLower(rest[3]), Scope: q.resource.id(),
		Role:        strings.ToLower(role[2]),
		PrincipalID: strings.ToLower(text("principalId")), PrincipalType: text("principalType")}
	if knownRoles[q.assignment.Role] == "" {
		return mistake(http.StatusNotFound, "RoleDefinitionDoesNotExist",
			"The specified role definition with ID '%s' does not exist.", q.assignment.Role)
	}
	return nil
}

// roles lists the role assignments at a resource, the inherited ones included.
func (c *Cloud) roles(q *request, l *line) reply {
	list := []any{}
	for g, a := range c.listed(q, l.At) {
		list = append(list, c.inFull(g.describe(q.sub.id, a), a))
	}
	return c.paged(q, list, "roleAssignments")
}

// assign answers the PUT that gives a role. The same once more is no mistake; the
// triple of role, principal and scope under another name is.
func (c *Cloud) assign(q *request, l *line) reply {
	r, want := q.resource, &q.assignment
	if rep := c.locked(r, l.At); rep != nil {
		return *rep
	}
	if f := c.strikeOf(q, l, kindPrincipalMissing); f != nil {
		return armError(http.StatusBadRequest, "PrincipalNotFound",
			"Principal "+want.PrincipalID+" does not exist in the directory.")
	}
	exists := armError(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists.")
	for _, g := range c.given(r, l.At) {
		if g.same(want) {
			return exists
		}
	}
	for _, a := range r.roles {
		switch {
		case a.Name == want.Name && a.same(want):
			return ok(a.describe(q.sub.id))
		case a.Name == want.Name:
			return armError(http.StatusBadRequest, "RoleAssignmentUpdateNotPermitted",
				"Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
		case a.same(want):
			return exists
		}
	}
	l.Assign = &assignment{RoleAssignment: *want, At: l.At, VisibleAt: l.At}
	if f := r.fault(c, kindRolesLate); f != nil {
		l.Assign.VisibleAt = l.At.Add(f.lasts)
	}
	rep := ok(l.Assign.describe(q.sub.id))
	rep.status = http.StatusCreated
	return rep
}

// rolesPerPage is how many role assignments a page has, in the recorded shapes.
const rolesPerPage = 100

// The kinds of a role assignment's instance (Microsoft.Authorization 2020-10-01,
// RoleAssignmentScheduleInstance).
const (
	typeAssigned  = "Assigned"
	typeActivated = "Activated"
)

// given is a role assignment that was there from the beginning.
type given struct {
	RoleAssignment
	kind      string // Assigned or Activated
	end       string // empty: none
	condition string
}

// endOfActivation is when a role that is active now will be so no more.
func endOfActivation(at time.Time) string {
	return at.UTC().Truncate(time.Hour).Add(8 * time.Hour).Format(time.RFC3339)
}

// given are the roles that apply to a vault from the beginning: the standing ones, of
// which in a recorded shape every tenth was activated, for hours; then, for every
// fourth key vault, Key Vault Administrator at its group, activated by whoever
// administers it; and those of the scenario.
func (c *Cloud) given(r *resource, at time.Time) (all []given) {
	pim := c.recorded() && !r.sub.unlicensed
	for i, a := range c.standingRoles(r) {
		g := given{RoleAssignment: a, kind: typeAssigned}
		if pim && i%10 == 9 {
			g.kind, g.end = typeActivated, endOfActivation(at)
		}
		all = append(all, g)
	}
	if r.kind.name == "Microsoft.KeyVault/vaults" && pim && share(0, "activated", r.key) < 0.25 {
		all = append(all, given{RoleAssignment: RoleAssignment{Name: guid(0, "assignment", "administrator", r.key),
			Scope: r.scope(scopeGroup),
			Role:  roleVaultAdministrator, PrincipalID: guid(0, "administrator", r.key), PrincipalType: "User"},
			kind: typeActivated, end: endOfActivation(at)})
	}
	for _, i := range r.faults {
		f := &c.faults[i]
		if f.Kind != kindRole {
			continue
		}
		word := func(name, or string) string {
			if s, _ := f.state[name].(string); s != "" {
				return s
			}
			return or
		}
		g := given{kind: word("assignmentType", typeAssigned), end: word("endDateTime", ""),
			condition: word("condition", ""),
			RoleAssignment: RoleAssignment{Name: guid(0, "assignment", strconv.Itoa(i), r.key), Scope: r.scope(f.Scope),
				PrincipalID:   word("principalId", ""),
				PrincipalType: word("principalType", "ServicePrincipal")}}
		for id, name := range knownRoles {
			if strings.EqualFold(name, word("role", "")) {
				g.Role = id
			}
		}
		all = append(all, g)
	}
	return all
}

// roleProperties are the properties that a fault of kind role may have.
var roleProperties = []string{"principalId", "principalType", "role", "assignmentType", "endDateTime", "condition"}

// role checks a fault of kind role.
func (c *checker) role(path string, f *Fault) {
	for name, v := range f.Properties {
		s, text := v.(string)
		switch {
		case !slices.Contains(roleProperties, name):
			c.add(path+".properties", "%q is not known; there are %s", name, strings.Join(roleProperties, ", "))
		case !text:
			c.add(path+".properties", "%s must be text; quote it", name)
		case name == "principalId" && !guidPattern().MatchString(s):
			c.add(path+".properties", "principalId %q is no GUID", s)
		case name == "assignmentType":
			c.oneOf(path+".properties", s, typeAssigned, typeActivated)
		case name == "role":
			known := func(name string) bool { return strings.EqualFold(name, s) }
			if !slices.ContainsFunc(slices.Collect(maps.Values(knownRoles)), known) {
				c.add(path+".properties", "the role %q is not known here", s)
			}
		}
	}
	for _, name := range []string{"principalId", "role"} {
		if f.Properties[name] == nil {
			c.add(path+".properties", "needs %s", name)
		}
	}
}

// listed are the role assignments at a resource that a call asks for: those from the
// beginning and those that were made since, as such.
func (c *Cloud) listed(q *request, at time.Time) iter.Seq2[*given, *assignment] {
	return func(yield func(*given, *assignment) bool) {
		all := c.given(q.resource, at)
		made := make([]*assignment, len(all), len(all)+len(q.resource.roles))
		for i := range all {
			made[i] = &assignment{RoleAssignment: all[i].RoleAssignment}
		}
		for _, a := range q.resource.roles {
			if !at.Before(a.VisibleAt) {
				all, made = append(all, given{RoleAssignment: a.RoleAssignment, kind: typeAssigned}), append(made, a)
			}
		}
		for i := range all {
			if of := all[i].PrincipalID; (q.principal == "" || strings.EqualFold(q.principal, of)) &&
				!yield(&all[i], made[i]) {
				return
			}
		}
	}
}

// describe is the assignment as a list shows it.
func (g *given) describe(sub string, a *assignment) object {
	doc := a.describe(sub)
	if g.condition != "" {
		merge := doc["properties"].(object)
		merge["condition"], merge["conditionVersion"] = g.condition, "2.0"
	}
	return doc
}

// instance is the example GetRoleAssignmentScheduleInstancesByScope.
func instance(a *RoleAssignment, sub, kind, end string) object {
	properties := object{
		"scope": a.Scope, "roleDefinitionId": "/subscriptions/" + sub +
			"/providers/Microsoft.Authorization/roleDefinitions/" + a.Role,
		"principalId": a.PrincipalID, "principalType": a.PrincipalType, "originRoleAssignmentId": a.id(),
		"status": "Provisioned", "assignmentType": kind, "memberType": "Direct", "startDateTime": nil,
		"endDateTime": nil,
	}
	if end != "" {
		properties["endDateTime"] = end
	}
	return object{"id": strings.TrimSuffix(a.Scope, "/") +
		"/providers/Microsoft.Authorization/RoleAssignmentScheduleInstances/" + a.Name, "name": a.Name,
		"type": "Microsoft.Authorization/RoleAssignmentScheduleInstances", "properties": properties}
}

// instances lists the role assignments at a resource with when they end. A directory
// without the licence for Privileged Identity Management answers 400.
func (c *Cloud) instances(q *request, l *line) reply {
	if q.sub.unlicensed {
		return armError(http.StatusBadRequest, "AadPremiumLicenseRequired",
			"The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.")
	}
	list := []any{}
	for g := range c.listed(q, l.At) {
		list = append(list, instance(&g.RoleAssignment, q.sub.id, g.kind, g.end))
	}
	return c.paged(q, list, "roleAssignmentScheduleInstances")
}

// paged is a page of a list, with where the next one is; in the specification's shape
// the list is whole.
func (c *Cloud) paged(q *request, list []any, name string) reply {
	if !c.recorded() {
		return ok(object{"value": list})
	}
	from := min(q.skip, len(list))
	to := min(from+rolesPerPage, len(list))
	body := object{"value": list[from:to]}
	if to < len(list) {
		filter := ""
		if q.filter != "" {
			filter = "&$filter=" + strings.ReplaceAll(q.filter, " ", "%20")
		}
		body["nextLink"] = fmt.Sprintf("%s%s/providers/Microsoft.Authorization/%s?api-version=%s%s&$skipToken=%d",
			q.origin, (&url.URL{Path: q.resource.id()}).EscapedPath(), name, q.version, filter, to)
	}
	return ok(body)
}

// Roles that subscriptions give away and that open no key vault's data, by the IDs
// that Microsoft's list of built-in roles gives them.
var commonRoles = []string{
	"b24988ac-6180-42a0-ab88-20f7382dd24c", // Contributor
	roleReader,
	"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", // User Access Administrator
	"92aaf0da-9dab-42b6-94a9-d43ce8d16293", // Log Analytics Contributor
	"43d0d8ad-25c7-4714-9337-8ba259a9fe05", // Monitoring Reader
	"39bc4728-0917-49c7-9d2c-d95423bc2eb4", // Security Reader
	"00c29273-979b-4161-815c-10b084fb9324", // Backup Operator
	"5e467623-bb1f-42f4-a55d-6e525e11384b", // Backup Contributor
	"4d97b98b-1d4f-4787-a291-c67834d212e7", // Network Contributor
	"7f951dda-4ed3-4680-a7ca-43fe172d538d", // AcrPull
	"2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", // Storage Blob Data Reader
}

// standingRoles are the role assignments that apply to a vault from the beginning.
// As recorded there are about 200, given at the root, at management groups, at the
// subscription, at the resource group and at the vault (Azure/azure-cli,
// src/azure-cli/azure/cli/command_modules/role/tests/latest/recordings,
// test_role_assignment_*.yaml).
func (c *Cloud) standingRoles(r *resource) []RoleAssignment {
	out := usualRoles(r.sub.id)
	if !c.recorded() {
		return out
	}
	sub := "/subscriptions/" + r.sub.id
	kinds := []string{"ServicePrincipal", "ServicePrincipal", "User", "Group"}
	for _, at := range []struct {
		scope string
		many  int
	}{
		{"/", 4},
		{"/providers/Microsoft.Management/managementGroups/" + tenantID, 9},
		{"/providers/Microsoft.Management/managementGroups/platform", 14},
		{sub, 160},
		{sub + "/resourceGroups/" + r.ResourceGroup, 9},
		{r.id(), 2},
	} {
		for i := range at.many {
			n := strconv.Itoa(i)
			out = append(out, RoleAssignment{Name: guid(0, "standing", at.scope, n), Scope: at.scope,
				Role:        commonRoles[i%len(commonRoles)],
				PrincipalID: guid(0, "holder", at.scope, n), PrincipalType: kinds[i%len(kinds)]})
		}
	}
	return out
}

// inFull adds to an assignment what a recorded list has besides.
func (c *Cloud) inFull(doc object, a *assignment) object {
	if !c.recorded() {
		return doc
	}
	properties, _ := doc["properties"].(object)
	made := a.At
	if made.IsZero() {
		made = madeAt
	}
	also := object{"condition": nil, "conditionVersion": nil, "createdOn": made.UTC().Format(time.RFC3339Nano),
		"updatedOn": made.UTC().Format(time.RFC3339Nano),
		"createdBy": c.caller(), "updatedBy": c.caller(), "delegatedManagedIdentityResourceId": nil, "description": nil}
	for name, value := range also {
		if _, said := properties[name]; !said {
			properties[name] = value
		}
	}
	return doc
}
