package emulator

import (
	"net/http"
	"regexp"
	"strings"
)

// permissions answers what the identity may do with a resource
// (Permissions_ListForResource of the published specification): what the scenario's
// role says, or everything, but
// for the writes, and the one read that few have, which a scripted `denied` refuses for good.
func (c *Cloud) permissions(q *request, _ *line) reply {
	r := q.resource
	not := []any{}
	for _, i := range r.faults {
		f := &c.faults[i]
		if f.Kind != kindDenied || f.Status == http.StatusUnauthorized || f.times >= 0 || f.until > 0 || f.Chance > 0 {
			continue
		}
		if callPatch.in(f.calls) {
			not = append(not, r.kind.name+"/write")
		}
		if callAssign.in(f.calls) {
			not = append(not, "Microsoft.Authorization/roleAssignments/write")
		}
		if callInstances.in(f.calls) {
			not = append(not, "Microsoft.Authorization/roleAssignmentScheduleInstances/read")
		}
	}
	role := []any{"*"}
	if c.role != nil {
		role = role[:0]
		for _, action := range c.role {
			role = append(role, action)
		}
	}
	return ok(object{"value": []any{object{"actions": role, "notActions": not, "dataActions": []any{},
		"notDataActions": []any{}}}})
}

// may reports whether the scenario's role allows an action. A star stands for any
// text, and capitals make no difference.
func (c *Cloud) may(action string) bool {
	for _, pattern := range c.role {
		form := "(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$"
		if matched, err := regexp.MatchString(form, action); err == nil && matched {
			return true
		}
	}
	return c.role == nil
}

// overstepped answers a call of the Resource Manager side that the scenario's role
// does not allow, nil if it does. Who changes how access to a key vault is decided
// must be allowed to assign roles besides (Microsoft, "Provide access to Key Vault
// keys, certificates, and secrets with Azure role-based access control").
func (c *Cloud) overstepped(q *request) *reply {
	if !q.arm || c.role == nil {
		return nil
	}
	if action, _ := q.action(); !c.may(action) {
		return new(c.unauthorized(q))
	}
	if q.call == callPatch && q.patch.properties["enableRbacAuthorization"] != nil &&
		!c.may("Microsoft.Authorization/roleAssignments/write") {
		return new(armError(http.StatusForbidden, "InsufficientPermissions",
			"Caller is not allowed to change permission model"))
	}
	return nil
}
