package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// armCall is a call of the Resource Manager side: where it is found, what it needs
// the right for, and how it is answered.
type armCall struct {
	call     call
	method   string
	path     []string // below the subscription, or the vault; * is any name
	versions []string // of the API; none: those of the vault's type
	also     []string // what its query may hold besides
	long     bool     // only vaults have it whose changes take time
	action   string   // {type} is the vault's, {provider} the one that is asked for
	below    string   // where the right is needed, below the subscription or the vault
	answer   func(*Cloud, *request, *line) reply
}

// subscriptionCalls are about a subscription
// (classic-service.md#the-resource-manager-side).
var subscriptionCalls = []*armCall{
	{call: callSubscription, versions: []string{"2022-12-01"},
		action: "Microsoft.Resources/subscriptions/read", answer: (*Cloud).readSubscription},
	{call: callProvider, path: words("providers/*"), versions: []string{"2021-04-01"},
		action: "Microsoft.Resources/subscriptions/providers/read", answer: (*Cloud).readProvider},
	{call: callRegister, method: http.MethodPost, path: words("providers/*/register"), versions: []string{"2021-04-01"},
		action: "{provider}/register/action", answer: (*Cloud).register},
	{call: callRules, path: words("providers/microsoft.alertsmanagement/actionrules"), versions: []string{"2021-08-08"},
		action: "Microsoft.AlertsManagement/actionRules/read", answer: (*Cloud).alertRules},
	{call: callFeature,
		path:     words("providers/microsoft.features/providers/microsoft.recoveryservices/features/vaultupgrade"),
		versions: []string{"2021-07-01"}, action: "Microsoft.Features/providers/features/read", answer: (*Cloud).readFeature},
	{call: callGroup, path: words("resourcegroups/*"), versions: []string{"2021-04-01"},
		action: "Microsoft.Resources/subscriptions/resourceGroups/read", below: "/resourceGroups/{group}",
		answer: (*Cloud).readGroup},
}

// vaultCalls are about a vault. The API versions of what surrounds vaults are those
// of the published examples.
var vaultCalls = []*armCall{
	{call: callVault, action: "{type}/read", answer: (*Cloud).readVault},
	{call: callPatch, method: http.MethodPatch, action: "{type}/write", answer: (*Cloud).patch},
	{call: callOperation, path: words("operationstatus/*"), long: true,
		action: "{type}/operationStatus/read", answer: (*Cloud).operation},
	{call: callOperation, path: words("operationresults/*"), long: true,
		action: "{type}/operationResults/read", answer: (*Cloud).operation},
	{call: callGuards, path: words("backupresourceguardproxies"), long: true, versions: []string{"2025-08-01"},
		action: "{type}/backupResourceGuardProxies/read", answer: (*Cloud).guards},
	{call: callLocks, path: words("providers/microsoft.authorization/locks"), versions: []string{"2020-05-01"},
		action: "Microsoft.Authorization/locks/read", answer: (*Cloud).listLocks},
	{call: callPermissions, path: words("providers/microsoft.authorization/permissions"), versions: []string{"2022-04-01"},
		action: "Microsoft.Authorization/permissions/read", answer: (*Cloud).permissions},
	{call: callRoles, path: words("providers/microsoft.authorization/roleassignments"),
		versions: []string{"2022-04-01"}, also: paging,
		action: "Microsoft.Authorization/roleAssignments/read", answer: (*Cloud).roles},
	{call: callAssign, method: http.MethodPut, path: words("providers/microsoft.authorization/roleassignments/*"),
		versions: []string{"2022-04-01"}, action: "Microsoft.Authorization/roleAssignments/write", answer: (*Cloud).assign},
	{call: callInstances, path: words("providers/microsoft.authorization/roleassignmentscheduleinstances"),
		versions: []string{"2020-10-01"}, also: paging,
		action: "Microsoft.Authorization/roleAssignmentScheduleInstances/read", answer: (*Cloud).instances},
}

var (
	paging = []string{"$filter", "$skipToken"}

	// targetCall is the read of a Recovery Services vault that was not one of today's
	// from the beginning; versionTarget is what asks for it.
	targetCall = &armCall{call: callTarget, action: "Microsoft.RecoveryServices/vaults/read",
		below: "/resourceGroups/{group}/providers/Microsoft.RecoveryServices/vaults/{name}", answer: (*Cloud).readTarget}
	graphCall = &armCall{call: callGraph, method: http.MethodPost, versions: []string{"2024-04-01"},
		action: "Microsoft.ResourceGraph/resources/read", answer: (*Cloud).ask}
)

const versionTarget = "2023-04-01"

func words(path string) []string { return strings.Split(path, "/") }

// verb is the method that the call is made with.
func (a *armCall) verb() string { return cmp.Or(a.method, http.MethodGet) }

// findCall returns the call of a method at a path in lower case, or the first there;
// methods are all that there are.
func findCall(calls []*armCall, path []string, method string, long bool) (found *armCall, methods []string) {
	for _, a := range calls {
		fits := func(want, got string) bool { return want == "*" || want == got }
		if a.long && !long || !slices.EqualFunc(a.path, path, fits) {
			continue
		}
		if methods = append(methods, a.verb()); found == nil || a.verb() == method {
			found = a
		}
	}
	return found, methods
}

// action is what a call of the Resource Manager side needs the right for, and where.
func (q *request) action() (action, scope string) {
	scope, kind := "/", "Microsoft.RecoveryServices/vaults"
	if q.sub != nil {
		scope = "/subscriptions/" + q.sub.id
	}
	if q.resource != nil {
		scope, kind = q.resource.id(), q.resource.kind.name
	}
	if q.route == nil {
		return "Microsoft.Resources/subscriptions/read", scope
	}
	fill := strings.NewReplacer("{type}", kind, "{provider}", q.provider, "{group}", q.group, "{name}", q.name)
	return fill.Replace(q.route.action), scope + fill.Replace(q.route.below)
}
