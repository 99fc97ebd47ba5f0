package strictarm

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// assignment is a role that a principal has, at a scope.
type assignment struct {
	name, role, principal, principalType, scope string
	ours                                        bool // made by the client
	made, visible                               time.Time
	seen                                        bool   // the client was shown it
	kind, end                                   string // Activated where it is not Assigned; when it ends
	puts                                        int
}

// Policies sets the key vault's access policies.
func (v *VaultHandle) Policies(policies ...AccessPolicy) *VaultHandle {
	return v.with(func() {
		v.policies = policies
		list := make([]any, len(policies))
		for i, p := range policies {
			list[i] = p.doc()
		}
		v.properties()["accessPolicies"] = list
		v.graphDoc = clone(v.doc).(object)
	})
}

// Assigned gives a principal a built-in role by the role's name, at a scope:
// the vault's own where it is empty, or one above.
func (v *VaultHandle) Assigned(principal, roleName, scope string) *VaultHandle {
	return v.with(func() {
		if scope == "" {
			scope = v.ID()
		}
		for id, r := range builtInRoles {
			if r.name == roleName {
				v.roles = append(v.roles,
					&assignment{name: "a0000000-0000-4000-8000-" + pad(len(v.roles)+v.index*100), role: id,
						principal: principal, principalType: "ServicePrincipal", scope: scope,
						made: time.Now().Add(-30 * 24 * time.Hour)})
				return
			}
		}
		panic("strictarm: no built-in role is called " + roleName)
	})
}

// AssignedUntil is Assigned of a role that ends: one that was activated, or was given
// for a time, as kind says ("Activated", "Assigned"). end may be empty.
func (v *VaultHandle) AssignedUntil(principal, roleName, scope, kind, end string) *VaultHandle {
	v.Assigned(principal, roleName, scope)
	return v.with(func() { a := v.roles[len(v.roles)-1]; a.kind, a.end = kind, end })
}

// Instances appends to what the next lists of when the vault's role assignments end
// meet.
func (v *VaultHandle) Instances(faults ...ReadFault) *VaultHandle {
	return v.with(func() { v.endScript = append(v.endScript, faults...) })
}

func pad(n int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", 12-len(s)) + s
}

// AssignLag keeps a role assignment out of the lists for d after it was made:
// roles take minutes to be known.
func (v *VaultHandle) AssignLag(d time.Duration) *VaultHandle {
	return v.with(func() { v.assignLag = d })
}

// Roles appends to what the next lists of the vault's role assignments meet.
func (v *VaultHandle) Roles(faults ...ReadFault) *VaultHandle {
	return v.with(func() { v.roleScript = append(v.roleScript, faults...) })
}

// Assigns appends to what the next PUTs of a role assignment meet.
func (v *VaultHandle) Assigns(faults ...ReadFault) *VaultHandle {
	return v.with(func() { v.assignScript = append(v.assignScript, faults...) })
}

// RolesPage is how many role assignments a page of the list holds; all where
// not given.
func (v *VaultHandle) RolesPage(n int) *VaultHandle { return v.with(func() { v.rolesPage = n }) }

// Errors of a PUT, for Assigns.
var (
	// PrincipalNotFound answers 400: the directory does not know the principal.
	PrincipalNotFound = misread("PrincipalNotFound", func(answer) answer {
		return failure(http.StatusBadRequest, "PrincipalNotFound", "The principal does not exist in the directory.")
	})
	// InstancesUnlicensed and InstancesForbidden are answers to Instances: the directory
	// has no licence for Privileged Identity Management, and the identity no right.
	InstancesUnlicensed = misread("no licence", func(answer) answer {
		return failure(http.StatusBadRequest, "AadPremiumLicenseRequired",
			"The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.")
	})
	InstancesForbidden = misread("403", func(answer) answer {
		return failure(http.StatusForbidden, "AuthorizationFailed",
			"The client does not have authorization to perform action "+
				"'Microsoft.Authorization/roleAssignmentScheduleInstances/read' over the scope.")
	})
	// AssignForbidden answers 403.
	AssignForbidden = misread("403", func(answer) answer {
		return failure(http.StatusForbidden, "AuthorizationFailed",
			"The client does not have authorization to perform action "+
				"'Microsoft.Authorization/roleAssignments/write' over the scope.")
	})
)

// form is a $filter of the list of role assignments (the parameter
// RoleAssignmentFilterParameter, and Microsoft's page on listing with REST).
type form struct {
	pattern *regexp.Regexp
	keep    func(principal string, a *assignment) bool
}

func ofPrincipal(principal string, a *assignment) bool {
	return strings.EqualFold(a.principal, principal)
}

var filterForms = []form{
	{regexp.MustCompile(`^atScope\(\)()$`), func(string, *assignment) bool { return true }},
	{regexp.MustCompile(`^principalId eq '?([0-9a-fA-F-]{36})'?$`), ofPrincipal},
	{regexp.MustCompile(`^(?:atScope\(\)(?:\+| )and(?:\+| ))?assignedTo\('([0-9a-fA-F-]{36})'\)$`), ofPrincipal},
}

func (a *assignment) id() string {
	return strings.TrimSuffix(a.scope, "/") + "/providers/Microsoft.Authorization/roleAssignments/" + a.name
}

// doc is the example RoleAssignments_CreateForResource.
func (a *assignment) doc() object {
	made := a.made.UTC().Format(time.RFC3339Nano)
	return object{"id": a.id(), "name": a.name, "type": "Microsoft.Authorization/roleAssignments", "properties": object{
		"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/" + a.role,
		"principalId":      a.principal, "principalType": a.principalType, "scope": a.scope, "createdOn": made,
		"updatedOn": made,
		"condition": nil, "conditionVersion": nil, "delegatedManagedIdentityResourceId": nil, "description": nil,
	}}
}

// getAssignments answers the list of the role assignments that apply to a
// vault, those it inherits included.
func (s *Server) getAssignments(in *request) answer {
	v := in.vault
	var known []*assignment
	all := v.roles
	if v.rolesPage == 0 {
		all = append(v.standing(), v.roles...)
	}
	for _, a := range all {
		keep := in.filter == ""
		for _, f := range filterForms {
			if m := f.pattern.FindStringSubmatch(in.filter); m != nil {
				keep = f.keep(m[1], a)
			}
		}
		if keep && !in.Now.Before(a.visible) {
			known = append(known, a)
		}
	}
	size := v.rolesPage
	if size == 0 {
		size = max(len(known), 1)
	}
	list := []any{}
	first := min(in.page*size, len(known))
	shown := known[first:min(first+size, len(known))]
	for _, a := range shown {
		list = append(list, a.doc())
	}
	body := object{"value": list}
	if first+size < len(known) {
		target := v.ID() + "/providers/Microsoft.Authorization/roleAssignments?api-version=" +
			apiVersions[CallAssignments] +
			"&$skipToken=" + strconv.Itoa(len(s.links))
		s.links[target] = link{call: CallAssignments, sub: v.sub, vault: v, page: in.page + 1, filter: in.filter}
		body["nextLink"] = "http://" + in.Host + target
	}
	whole := strict.JSON(http.StatusOK, body)
	v.rolePace.judge(in)
	if len(v.roleScript) > 0 {
		fault := v.roleScript[0]
		v.roleScript = v.roleScript[1:]
		return fault.reply(in, &v.rolePace, whole)
	}
	for _, a := range shown {
		a.seen = true
	}
	return whole.AsGood()
}

// getInstances answers the list of the same assignments with when they end (the
// example GetRoleAssignmentScheduleInstancesByScope).
func (s *Server) getInstances(in *request) answer {
	v := in.vault
	list := []any{}
	for _, a := range v.roles {
		keep := in.filter == ""
		for _, f := range filterForms {
			if m := f.pattern.FindStringSubmatch(in.filter); m != nil {
				keep = f.keep(m[1], a)
			}
		}
		if !keep || in.Now.Before(a.visible) {
			continue
		}
		kind, end := "Assigned", any(nil)
		if a.kind != "" {
			kind = a.kind
		}
		if a.end != "" {
			end = a.end
		}
		list = append(list, object{"id": strings.TrimSuffix(a.scope, "/") +
			"/providers/Microsoft.Authorization/RoleAssignmentScheduleInstances/" + a.name, "name": a.name,
			"type": "Microsoft.Authorization/RoleAssignmentScheduleInstances", "properties": object{
				"originRoleAssignmentId": a.id(), "assignmentType": kind, "endDateTime": end, "scope": a.scope,
				"principalId": a.principal, "principalType": a.principalType,
				"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/" + a.role,
				"status":           "Provisioned", "memberType": "Direct",
			}})
	}
	whole := strict.JSON(http.StatusOK, object{"value": list})
	v.rolePace.judge(in)
	v.endsAsked = true
	if len(v.endScript) > 0 {
		fault := v.endScript[0]
		v.endScript = v.endScript[1:]
		return fault.reply(in, &v.rolePace, whole)
	}
	return whole.AsGood()
}

// assign answers PUT of a role assignment. It may be sent again as it is: the
// name makes it idempotent.
func (s *Server) assign(in *request) answer {
	v := in.vault
	if v.spec.Kind != KeyVaultRBAC {
		in.Problem("a role assignment at a vault of another kind")
	}
	wanted, ok := s.judgeAssign(in)
	if !ok {
		return failure(http.StatusBadRequest, "InvalidCreateRoleAssignmentRequest",
			"The request to create role assignment is not valid.")
	}
	v.rolePace.judge(in)
	if len(v.assignScript) > 0 {
		fault := v.assignScript[0]
		v.assignScript = v.assignScript[1:]
		return fault.reply(in, &v.rolePace, strict.JSON(http.StatusCreated, wanted.doc()))
	}
	if i := slices.IndexFunc(v.policies,
		func(p AccessPolicy) bool { return strings.EqualFold(p.Principal, wanted.principal) }); i >= 0 {
		kind := v.policies[i].PrincipalType
		if kind == "" {
			kind = "ServicePrincipal"
		}
		if wanted.principalType != "" && wanted.principalType != kind {
			return failure(http.StatusBadRequest, "UnmatchedPrincipalType",
				"The principal has a type that is different from the one that was given.")
		}
		wanted.principalType = kind
	}
	for _, a := range v.roles {
		same := a.role == wanted.role && ofPrincipal(wanted.principal, a) && a.scope == wanted.scope
		switch {
		case a.name == wanted.name && same:
			a.puts++
			return strict.JSON(http.StatusOK, a.doc())
		case a.name == wanted.name:
			return failure(http.StatusBadRequest, "RoleAssignmentUpdateNotPermitted",
				"Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
		case same:
			return failure(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists.")
		}
	}
	wanted.made, wanted.visible = in.Now, in.Now.Add(v.assignLag)
	v.roles = append(v.roles, wanted)
	return strict.JSON(http.StatusCreated, wanted.doc())
}

var roleID = regexp.MustCompile(`^(?:/subscriptions/([0-9a-fA-F-]{36}))?/providers/Microsoft\.Authorization/roleDefinitions/([0-9a-fA-F-]{36})$`)

// judgeAssign holds the body against the example, and the role against the
// access policies.
func (s *Server) judgeAssign(in *request) (*assignment, bool) {
	v := in.vault
	if !guid.MatchString(in.name) {
		in.Problem("the assignment's name %q is not a GUID", in.name)
	}
	body := in.readBody()
	properties, _ := body["properties"].(object)
	word := func(key string) string { w, _ := properties[key].(string); return w }
	a := &assignment{name: in.name, principal: word("principalId"), principalType: word("principalType"), scope: v.ID(),
		ours: true, puts: 1}
	want := object{"roleDefinitionId": properties["roleDefinitionId"], "principalId": properties["principalId"]}
	if _, given := properties["principalType"]; given {
		want["principalType"] = oneOf{"User", "Group", "ServicePrincipal", "ForeignGroup"}
	}
	in.equal("the body", body, object{"properties": want})
	m := roleID.FindStringSubmatch(word("roleDefinitionId"))
	if m == nil || m[1] != "" && !strings.EqualFold(m[1], v.sub.id) {
		in.Problem("roleDefinitionId %q is not the ID of a role in the subscription", word("roleDefinitionId"))
		return nil, false
	}
	a.role = strings.ToLower(m[2])
	r, known := builtInRoles[a.role]
	if !known {
		in.Problem("%s is no built-in role for the data of key vaults", a.role)
		return nil, false
	}
	i := slices.IndexFunc(v.policies, func(p AccessPolicy) bool { return strings.EqualFold(p.Principal, a.principal) })
	if i < 0 {
		in.Problem("%s for %s, which no access policy names", r.name, a.principal)
		return a, guid.MatchString(a.principal)
	}
	if extra := v.policies[i].excess(r); extra != "" {
		in.Problem("%s gives %s more than its access policy: %s", r.name, a.principal, extra)
	}
	triple := strings.ToLower(a.scope + " " + a.role + " " + a.principal)
	if name, asked := s.assignNames[triple]; asked && name != a.name {
		in.Problem("the same role of the same principal was asked for as %s before", name)
	} else if other, used := s.assignTriples[a.name]; used && other != triple {
		in.Problem("the name %s was asked for another role before", a.name)
	}
	s.assignNames[triple], s.assignTriples[a.name] = a.name, triple
	return a, true
}

// judgeCover: once the key vault follows roles, its access policies give
// nothing any more. Each must be covered by roles that the client was shown, and
// that do not end as little as the policy does; of those that others gave it
// must have asked. What is lost of managed storage accounts needs consent.
func (v *VaultHandle) judgeCover(in *request) {
	for _, p := range v.policies {
		actions, impossible := p.needs()
		if impossible != "" {
			in.Problem("PATCH though no role can do what %s may do by its access policy: %s", p.Principal, impossible)
		}
		if len(p.Storage) > 0 && !v.spec.AcceptWarnings {
			in.Problem("PATCH though %s loses storage %s, and nobody consented", p.Principal,
				strings.Join(p.Storage, ", "))
		}
		for _, action := range actions {
			if !slices.ContainsFunc(v.roles, func(a *assignment) bool {
				return a.seen && a.kind != "Activated" && a.end == "" && (a.ours || v.endsAsked) &&
					ofPrincipal(p.Principal, a) && builtInRoles[a.role].grants(action)
			}) {
				in.Problem("PATCH before %s was seen to have a role with %s", p.Principal, action)
			}
		}
	}
}
