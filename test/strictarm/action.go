package strictarm

import (
	"net/http"
	"regexp"
	"strings"
)

// actionOf is the action that each call needs, {type} for that of its vault
// (Microsoft's lists of permissions, MicrosoftDocs/azure-docs,
// articles/role-based-access-control/permissions: following an operation is an
// action of its own).
var actionOf = map[Call]string{
	CallSubscription: "Microsoft.Resources/subscriptions/read",
	CallProvider:     "Microsoft.Resources/subscriptions/providers/read",
	CallVault:        "{type}/read",
	CallPatch:        "{type}/write",
	CallStatus:       "{type}/operationStatus/read",
	CallResult:       "{type}/operationResults/read",
	CallLocks:        "Microsoft.Authorization/locks/read",
	CallRules:        "Microsoft.AlertsManagement/actionRules/read",
	CallAssignments:  "Microsoft.Authorization/roleAssignments/read",
	CallInstances:    "Microsoft.Authorization/roleAssignmentScheduleInstances/read",
	CallAssign:       "Microsoft.Authorization/roleAssignments/write",
	CallPermissions:  "Microsoft.Authorization/permissions/read",
	CallGraph:        "Microsoft.ResourceGraph/resources/read",
}

// action is the action that a request needs; empty where the server knows none.
func (in *request) action() string {
	of := ""
	if in.vault != nil {
		of = in.vault.spec.Kind.Type()
	}
	return strings.Replace(actionOf[in.call], "{type}", of, 1)
}

// scope is what a request is about.
func (in *request) scope() string {
	switch {
	case in.vault != nil:
		return in.vault.ID()
	case in.sub != nil:
		return "/subscriptions/" + in.sub.id
	}
	return "/"
}

// permits reports whether a role with these actions, less the others, allows one.
func permits(actions, except []string, action string) bool {
	covered := func(by []string) bool {
		for _, pattern := range by {
			if regexp.MustCompile("(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") +
				"$").MatchString(action) {
				return true
			}
		}
		return false
	}
	return covered(actions) && !covered(except)
}

// may reports whether the client's role in a subscription allows an action; without
// one it allows all.
func (h *SubscriptionHandle) allows(action string) bool {
	return h.may == nil && h.mayNot == nil || permits(orAll(h.may), h.mayNot, action)
}

func orAll(actions []string) []string {
	if actions == nil {
		return []string{"*"}
	}
	return actions
}

// overstepped is the answer to a request that the client's role does not allow,
// false where it does. Resource Graph belongs to no subscription: it is allowed
// where any of them allows it.
func (s *Server) overstepped(in *request) (answer, bool) {
	action := in.action()
	s.needed[action] = true
	allowed := in.sub == nil && len(s.order) == 0
	for _, sub := range s.order {
		allowed = allowed || (in.sub == nil || in.sub == sub) && sub.allows(action)
	}
	if !allowed {
		s.oversteps = append(s.oversteps, action)
		return failure(http.StatusForbidden, "AuthorizationFailed", forbidden(action, in.scope())), true
	}
	// A key vault lets nobody change how access is decided who may not assign roles
	// (Microsoft, "Provide access to Key Vault keys, certificates, and secrets with
	// Azure role-based access control"; the code is of public reports).
	const assign = "Microsoft.Authorization/roleAssignments/write"
	if in.call == CallPatch && in.vault.spec.Kind == KeyVaultRBAC {
		if s.needed[assign] = true; !in.sub.allows(assign) {
			s.oversteps = append(s.oversteps, assign)
			return failure(http.StatusForbidden, "InsufficientPermissions",
				"Caller is not allowed to change permission model"), true
		}
	}
	return answer{}, false
}
