package emulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The resource providers of the vaults (classic-service.md#the-resource-manager-side for the
// classic ones).
const (
	providerRecoveryServices = "Microsoft.RecoveryServices"
	providerSiteRecovery     = "Microsoft.SiteRecovery"
)

// providers are those that a subscription can be asked for: that of each type that the
// Resource Manager serves, and the one whose items a classic vault may hold.
var providers = providersOf(resourceTypes)

func providersOf(types []*resourceType) []string {
	names := []string{providerSiteRecovery}
	for _, t := range types {
		if len(t.versions) > 0 {
			names = append(names, t.namespace())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// parseARM checks a Resource Manager request (classic-service.md#the-resource-manager-side). As on
// the real side, the case of a path's words does not matter.
func (c *Cloud) parseARM(q *request, r *http.Request, segments []string, body []byte) *problem {
	low := words(strings.ToLower(strings.Join(segments, "/")))
	if slices.Equal(low, words("providers/microsoft.resourcegraph/resources")) {
		return c.parseGraph(q, r, body)
	}
	if len(low) < 2 || low[0] != "subscriptions" {
		return nowhere(r)
	}
	a, methods := findCall(subscriptionCalls, low[2:], r.Method, false)
	if a == nil {
		return c.parseResource(q, r, segments, low, body)
	}
	switch q.route, q.call = a, a.call; a.call {
	case callProvider, callRegister:
		q.provider = segments[3]
	case callGroup:
		q.group = segments[3]
	}
	if p := q.asked(r, c.bySub[low[1]], methods, a.versions); p != nil {
		return p
	}
	if q.provider != "" && !slices.ContainsFunc(providers,
		func(p string) bool { return strings.EqualFold(p, q.provider) }) {
		return mistake(http.StatusNotFound, "InvalidResourceNamespace", "The resource namespace %q is invalid.",
			q.provider)
	}
	if q.sub == nil {
		return subscriptionNotFound(segments[1])
	}
	return nil
}

// asked checks the method and the query of a call about a subscription, nil where it
// is about none or one that is not there.
func (q *request) asked(r *http.Request, sub *subscription, methods, versions []string) *problem {
	if !slices.Contains(methods, r.Method) {
		return mistake(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s is asked with %s, not %s.",
			q.call, strings.Join(methods, " or "), r.Method)
	}
	q.sub = sub
	return onlyQuery(r, q.route.also, versions...)
}

type object = map[string]any

func (c *Cloud) readSubscription(q *request, _ *line) reply {
	return ok(q.sub.describe("/subscriptions/" + q.sub.id))
}

func (c *Cloud) readProvider(q *request, _ *line) reply {
	state := "Registered"
	if q.sub.unregistered[strings.ToLower(q.provider)] {
		state = "NotRegistered"
	}
	return ok(q.sub.provider(q.provider, state))
}

// register takes a moment: the answer says Registering, the next read the rest.
func (c *Cloud) register(q *request, l *line) reply {
	l.Register = strings.ToLower(q.provider)
	return ok(q.sub.provider(q.provider, "Registering"))
}

func (s *subscription) provider(name, state string) object {
	return object{"id": "/subscriptions/" + s.id + "/providers/" + name, "namespace": name, "registrationState": state}
}

func (c *Cloud) readFeature(q *request, _ *line) reply {
	state := "Registered"
	if q.sub.noFeature {
		state = "NotRegistered"
	}
	return ok(object{
		"id": "/subscriptions/" + q.sub.id +
			"/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade",
		"name":       "Microsoft.RecoveryServices/VaultUpgrade",
		"type":       "Microsoft.Features/providers/features",
		"properties": object{"state": state},
	})
}

func (c *Cloud) readGroup(q *request, l *line) reply {
	g := q.sub.groups[strings.ToLower(q.group)]
	if g == nil || !g.exists(l.At) {
		return groupNotFound(q.group)
	}
	return ok(object{
		"id":         "/subscriptions/" + q.sub.id + "/resourceGroups/" + g.name,
		"name":       g.name,
		"type":       "Microsoft.Resources/resourceGroups",
		"location":   normalize(g.location),
		"properties": object{"provisioningState": "Succeeded"},
	})
}

func (s *subscription) describe(base string) object {
	state, quota := "Enabled", "EnterpriseAgreement_2014-09-01"
	if s.disabled {
		state = "Disabled"
	}
	if s.csp {
		quota = "CSP_2015-05-01"
	}
	return object{
		"id":             base,
		"subscriptionId": s.id,
		"displayName":    s.name,
		"state":          state,
		"subscriptionPolicies": object{"locationPlacementId": "Public_2014-09-01", "quotaId": quota,
			"spendingLimit": "Off"},
		"authorizationSource": "RoleBased",
	}
}

func groupNotFound(name string) reply {
	return armError(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '"+name+"' could not be found.")
}

// readTarget answers the read of a Recovery Services vault.
func (c *Cloud) readTarget(q *request, l *line) reply {
	s, v := q.sub, q.vault
	if g := s.groups[strings.ToLower(q.group)]; g == nil || !g.exists(l.At) {
		return groupNotFound(q.group)
	}
	state, op := targetNone, (*operation)(nil)
	if v != nil {
		state, op = c.target(v, q.group, l.At)
	}
	if state == targetNone {
		return armError(http.StatusNotFound, "ResourceNotFound",
			"The Resource 'Microsoft.RecoveryServices/vaults/"+q.name+"' under resource group '"+q.group+
				"' was not found."+c.more())
	}
	properties := object{"provisioningState": "Succeeded"}
	if state == targetProvisioning {
		properties["provisioningState"] = "Provisioning"
	}
	group := q.group
	if op != nil {
		group = op.Group
		properties["upgradeDetails"] = v.upgradeDetails(op, l.At)
	}
	return ok(object{
		"id": "/subscriptions/" + s.id + "/resourceGroups/" + group +
			"/providers/Microsoft.RecoveryServices/vaults/" + v.Name,
		"name":       v.Name,
		"type":       "Microsoft.RecoveryServices/vaults",
		"location":   normalize(v.Location),
		"etag":       guid(0, "arm etag", v.key),
		"sku":        object{"name": "Standard"},
		"properties": properties,
	})
}

// upgradeDetails is the new vault's record of its upgrade: the listing's
// details under their JSON names.
func (v *vault) upgradeDetails(op *operation, now time.Time) object {
	status := op.status(now)
	d := object{
		"operationId":        op.ID,
		"startTimeUtc":       stamp(op.AcceptedAt, true),
		"lastUpdatedTimeUtc": stamp(op.AcceptedAt, true),
		"endTimeUtc":         never,
		"status":             status,
		"message":            op.message(now),
		"triggerType":        op.triggerType(),
		"upgradedResourceId": v.upgradedID(op.Group),
		"previousResourceId": "/" + v.sub.id + "/cloudservices/" + v.region.service + "/resources/" +
			resourceProviderNamespace + "/~/" + v.ResourceType + "/" + v.Name,
	}
	if status != statusInProgress {
		d["lastUpdatedTimeUtc"], d["endTimeUtc"] = stamp(op.EndsAt, true), stamp(op.EndsAt, true)
	}
	return d
}

func ok(v any) reply { return reply{status: http.StatusOK, body: asJSON(v)} }

func armError(status int, code, message string) reply {
	return reply{status: status, body: asJSON(object{"error": object{"code": code, "message": message}})}
}

// asJSON encodes data made of strings, numbers and maps of them, which cannot
// fail.
func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}

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
		versions: []string{"2021-07-01"}, action: "Microsoft.Features/providers/features/read",
		answer: (*Cloud).readFeature},
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
	{call: callGuards, path: words("backupresourceguardproxies"), long: true,
		action: "{type}/backupResourceGuardProxies/read", answer: (*Cloud).guards},
	{call: callLocks, path: words("providers/microsoft.authorization/locks"), versions: []string{"2020-05-01"},
		action: "Microsoft.Authorization/locks/read", answer: (*Cloud).listLocks},
	{call: callPermissions, path: words("providers/microsoft.authorization/permissions"),
		versions: []string{"2022-04-01"},
		action:   "Microsoft.Authorization/permissions/read", answer: (*Cloud).permissions},
	{call: callRoles, path: words("providers/microsoft.authorization/roleassignments"),
		versions: []string{"2022-04-01"}, also: paging,
		action: "Microsoft.Authorization/roleAssignments/read", answer: (*Cloud).roles},
	{call: callAssign, method: http.MethodPut, path: words("providers/microsoft.authorization/roleassignments/*"),
		versions: []string{"2022-04-01"}, action: "Microsoft.Authorization/roleAssignments/write",
		answer: (*Cloud).assign},
	{call: callInstances, path: words("providers/microsoft.authorization/roleassignmentscheduleinstances"),
		versions: []string{"2020-10-01"}, also: paging,
		action: "Microsoft.Authorization/roleAssignmentScheduleInstances/read", answer: (*Cloud).instances},
}

var (
	paging = []string{"$filter", "$skipToken"}

	// targetCall is the read of a Recovery Services vault that was not one of today's
	// from the beginning; versionTarget is what asks for it.
	targetCall = &armCall{call: callTarget, action: "Microsoft.RecoveryServices/vaults/read",
		below:  "/resourceGroups/{group}/providers/Microsoft.RecoveryServices/vaults/{name}",
		answer: (*Cloud).readTarget}
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
