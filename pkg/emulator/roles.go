package emulator

import (
	"net/http"
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
	return strings.EqualFold(a.Scope, b.Scope) && strings.EqualFold(a.Role, b.Role) && strings.EqualFold(a.PrincipalID, b.PrincipalID)
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
				return mistake(http.StatusBadRequest, "InvalidSkipToken", "The $skipToken %q was never given out.", token)
			}
		}
		q.filter = r.URL.Query().Get("$filter")
		if filter := r.URL.Query().Get("$filter"); filter != "" {
			m := filterPattern().FindStringSubmatch(filter)
			if m == nil {
				return mistake(http.StatusBadRequest, "UnsupportedFilter", "The filter %q is not known here; there are atScope(), principalId eq '{id}' and assignedTo('{id}').", filter)
			}
			q.principal = m[1] + m[2]
		}
		return emptyBody(body)
	}
	if p := jsonContent(r); p != nil {
		return p
	}
	if !guidPattern().MatchString(rest[3]) {
		return mistake(http.StatusBadRequest, "InvalidRoleAssignmentId", "The role assignment's name %q must be a GUID.", rest[3])
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
	q.assignment = RoleAssignment{Name: strings.ToLower(rest[3]), Scope: q.resource.id(), Role: strings.ToLower(role[2]),
		PrincipalID: strings.ToLower(text("principalId")), PrincipalType: text("principalType")}
	if knownRoles[q.assignment.Role] == "" {
		return mistake(http.StatusNotFound, "RoleDefinitionDoesNotExist", "The specified role definition with ID '%s' does not exist.", q.assignment.Role)
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
		return armError(http.StatusBadRequest, "PrincipalNotFound", "Principal "+want.PrincipalID+" does not exist in the directory.")
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
			return armError(http.StatusBadRequest, "RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
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
