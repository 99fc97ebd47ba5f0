package strictcloud

import (
	"net/http"
	"strings"

	"github.com/fleetup-dev/fleetup/test/strict"
)

func (h *SubscriptionHandle) isCSP() bool { return strings.HasPrefix(h.quota, "CSP_") }

// arm answers the Resource Manager side (classic-service.md#the-resource-manager-side).
func (s *Server) arm(in *request) answer {
	sub := in.sub
	if in.call == CallRegister {
		return sub.register(in)
	}
	if in.Method != http.MethodGet {
		return strict.Plain(http.StatusMethodNotAllowed)
	}
	if sub.armFaults > 0 {
		sub.armFaults--
		return strict.Plain(http.StatusServiceUnavailable)
	}
	if sub.missing {
		return errorAnswer(in, http.StatusNotFound, "SubscriptionNotFound",
			"The subscription '"+sub.id+"' could not be found.").AsGood()
	}
	base := "/subscriptions/" + sub.id
	switch in.call {
	case CallSubscription:
		sub.checked[string(CallSubscription)] = true
		return strict.JSON(http.StatusOK, map[string]any{
			"id": base, "subscriptionId": sub.id, "displayName": sub.name, "state": sub.state,
			"managedByTenants": []any{},
			"subscriptionPolicies": map[string]any{"locationPlacementId": "Public_2014-09-01", "quotaId": sub.quota,
				"spendingLimit": "Off"},
		}).AsGood()
	case CallProvider:
		state, ok := sub.providers[in.provider]
		if !ok {
			state = "NotRegistered"
		}
		sub.checked[in.provider] = true
		return strict.JSON(http.StatusOK, map[string]any{
			"id": base + "/providers/" + in.provider, "namespace": in.provider,
			"registrationState": state, "resourceTypes": []any{},
		}).AsGood()
	case CallFeature:
		sub.checked[string(CallFeature)] = true
		return strict.JSON(http.StatusOK, map[string]any{
			"name": "Microsoft.RecoveryServices/VaultUpgrade", "properties": map[string]any{"state": sub.feature},
		}).AsGood()
	case CallGroup:
		sub.checked["group "+in.group] = true
		if sub.missingGroups[in.group] || !sub.namesGroup(in.group) {
			return errorAnswer(in, http.StatusNotFound, "ResourceGroupNotFound",
				"Resource group '"+in.group+"' could not be found.").AsGood()
		}
		return strict.JSON(http.StatusOK, map[string]any{
			"id": base + "/resourceGroups/" + in.group, "name": in.group, "location": "westus",
			"properties": map[string]any{"provisioningState": "Succeeded"},
		}).AsGood()
	}
	return s.target(in)
}

func (h *SubscriptionHandle) register(in *request) answer {
	if !h.mayRegister {
		in.Problem("a provider was registered without consent")
	}
	if in.Method != http.MethodPost {
		return strict.Plain(http.StatusMethodNotAllowed)
	}
	h.providers[in.provider] = "Registered"
	return strict.JSON(http.StatusOK, map[string]any{"namespace": in.provider, "registrationState": "Registering"})
}

// target answers the read of the new vault: absent before an upgrade,
// Provisioning while one runs or after it broke off, then there for good.
func (s *Server) target(in *request) answer {
	v := in.vault
	none := errorAnswer(in, http.StatusNotFound, "ResourceNotFound",
		"The Resource '"+in.resource()+
			"' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix").AsGood()
	if v == nil {
		return none
	}
	if v.targetFaults > 0 {
		v.targetFaults--
		return strict.Plain(http.StatusServiceUnavailable)
	}
	v.targetChecked = true
	r := v.record(in.Now)
	switch {
	case v.targetExists && r == nil:
		return strict.JSON(http.StatusOK, v.targetBody("Succeeded", nil)).AsGood()
	case r == nil || v.targetCleared:
		if v.next == afterLost {
			v.absentTarget = append(v.absentTarget, in.Now)
		}
		return none
	}
	details := map[string]any{
		"operationId": v.spelled(r.id), "startTimeUtc": stamp(r.start, true),
		"lastUpdatedTimeUtc": stamp(r.start, true),
		"endTimeUtc":         nil, "status": r.state(in.Now), "message": "", "triggerType": r.trigger,
		"upgradedResourceId": v.targetPath(), "previousResourceId": nil,
	}
	if !r.running(in.Now) {
		details["endTimeUtc"], details["lastUpdatedTimeUtc"] = stamp(r.end, v.index%2 == 0), stamp(r.end, true)
	}
	if v.absurd {
		details["startTimeUtc"], details["lastUpdatedTimeUtc"], details["endTimeUtc"] = v.times("", "", "")
	}
	if r.state(in.Now) == "Upgraded" && !in.Now.Before(r.end.Add(v.verifyLag)) {
		return strict.JSON(http.StatusOK, v.targetBody("Succeeded", details)).AsGood()
	}
	return strict.JSON(http.StatusOK, v.targetBody("Provisioning", details)).AsGood()
}

func (v *VaultHandle) targetBody(state string, details map[string]any) map[string]any {
	properties := map[string]any{"provisioningState": state}
	if details != nil {
		properties["upgradeDetails"] = details
	}
	return map[string]any{
		"id": v.targetPath(), "name": v.spec.Name, "type": "Microsoft.RecoveryServices/vaults",
		"location": normalLocation(v.spec.Region), "properties": properties,
	}
}

// resource is the resource that a path names, below its subscription.
func (in *request) resource() string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(in.Path, "/subscriptions/"), "/")
	return rest
}

// unauthorized are the Resource Manager's words for an identity that lacks the
// right; those of a co-administrator are the classic side's.
func (in *request) unauthorized() string {
	action := map[Call]string{CallSubscription: "Microsoft.Resources/subscriptions/read",
		CallProvider: "Microsoft.Resources/subscriptions/providers/read",
		CallRegister: in.provider + "/register/action", CallFeature: "Microsoft.Features/providers/features/read",
		CallGroup: "Microsoft.Resources/subscriptions/resourceGroups/read"}[in.call]
	if action == "" {
		action = "Microsoft.RecoveryServices/vaults/read"
	}
	const who = "5a1d7c3e-90b2-4f68-8e1c-27d4b6f3a905"
	return "The client '" + who + "' with object id '" + who + "' does not have authorization to perform action '" +
		action + "' over scope '" + in.Path +
		"' or the scope is invalid. If access was recently granted, please refresh your credentials."
}
