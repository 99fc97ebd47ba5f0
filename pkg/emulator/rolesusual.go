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
)

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
		all = append(all, given{RoleAssignment: RoleAssignment{Name: guid(0, "assignment", "administrator", r.key), Scope: r.scope(scopeGroup),
			Role: roleVaultAdministrator, PrincipalID: guid(0, "administrator", r.key), PrincipalType: "User"}, kind: typeActivated, end: endOfActivation(at)})
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
		g := given{kind: word("assignmentType", typeAssigned), end: word("endDateTime", ""), condition: word("condition", ""),
			RoleAssignment: RoleAssignment{Name: guid(0, "assignment", strconv.Itoa(i), r.key), Scope: r.scope(f.Scope), PrincipalID: word("principalId", ""),
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
			if of := all[i].PrincipalID; (q.principal == "" || strings.EqualFold(q.principal, of)) && !yield(&all[i], made[i]) {
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
		"scope": a.Scope, "roleDefinitionId": "/subscriptions/" + sub + "/providers/Microsoft.Authorization/roleDefinitions/" + a.Role,
		"principalId": a.PrincipalID, "principalType": a.PrincipalType, "originRoleAssignmentId": a.id(),
		"status": "Provisioned", "assignmentType": kind, "memberType": "Direct", "startDateTime": nil, "endDateTime": nil,
	}
	if end != "" {
		properties["endDateTime"] = end
	}
	return object{"id": strings.TrimSuffix(a.Scope, "/") + "/providers/Microsoft.Authorization/RoleAssignmentScheduleInstances/" + a.Name, "name": a.Name,
		"type": "Microsoft.Authorization/RoleAssignmentScheduleInstances", "properties": properties}
}

// instances lists the role assignments at a resource with when they end. A directory
// without the licence for Privileged Identity Management answers 400.
func (c *Cloud) instances(q *request, l *line) reply {
	if q.sub.unlicensed {
		return armError(http.StatusBadRequest, "AadPremiumLicenseRequired", "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.")
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
		body["nextLink"] = fmt.Sprintf("%s%s/providers/Microsoft.Authorization/%s?api-version=%s%s&$skipToken=%d", q.origin, (&url.URL{Path: q.resource.id()}).EscapedPath(), name, q.version, filter, to)
	}
	return ok(body)
}
