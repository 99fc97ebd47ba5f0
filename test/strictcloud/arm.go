package strictcloud

import (
	"net/http"
	"strings"
)

func (h *SubscriptionHandle) isCSP() bool { return strings.HasPrefix(h.quota, "CSP_") }

// arm answers the Resource Manager side (reference §6).
func (s *Server) arm(in *request) answer {
	sub := in.sub
	if in.call == CallRegister {
		return sub.register(in)
	}
	if in.method != http.MethodGet {
		return plainStatus(http.StatusMethodNotAllowed)
	}
	if sub.armFaults > 0 {
		sub.armFaults--
		return plainStatus(http.StatusServiceUnavailable)
	}
	if sub.missing {
		return errorAnswer(in, http.StatusNotFound, "SubscriptionNotFound", "The subscription was not found.").asGood()
	}
	base := "/subscriptions/" + sub.id
	switch in.call {
	case CallSubscription:
		sub.checked[string(CallSubscription)] = true
		return jsonAnswer(http.StatusOK, map[string]any{
			"id": base, "subscriptionId": sub.id, "displayName": sub.name, "state": sub.state, "managedByTenants": []any{},
			"subscriptionPolicies": map[string]any{"locationPlacementId": "Public_2014-09-01", "quotaId": sub.quota, "spendingLimit": "Off"},
		}).asGood()
	case CallProvider:
		state, ok := sub.providers[in.provider]
		if !ok {
			state = "NotRegistered"
		}
		sub.checked[in.provider] = true
		return jsonAnswer(http.StatusOK, map[string]any{
			"id": base + "/providers/" + in.provider, "namespace": in.provider,
			"registrationState": state, "resourceTypes": []any{},
		}).asGood()
	case CallFeature:
		sub.checked[string(CallFeature)] = true
		return jsonAnswer(http.StatusOK, map[string]any{
			"name": "Microsoft.RecoveryServices/VaultUpgrade", "properties": map[string]any{"state": sub.feature},
		}).asGood()
	case CallGroup:
		sub.checked["group "+in.group] = true
		if sub.missingGroups[in.group] || !sub.namesGroup(in.group) {
			return errorAnswer(in, http.StatusNotFound, "ResourceGroupNotFound", "The resource group could not be found.").asGood()
		}
		return jsonAnswer(http.StatusOK, map[string]any{
			"id": base + "/resourceGroups/" + in.group, "name": in.group, "location": "westus",
			"properties": map[string]any{"provisioningState": "Succeeded"},
		}).asGood()
	}
	return s.target(in)
}

func (h *SubscriptionHandle) register(in *request) answer {
	if !h.mayRegister {
		in.problem("a provider was registered without consent")
	}
	if in.method != http.MethodPost {
		return plainStatus(http.StatusMethodNotAllowed)
	}
	h.providers[in.provider] = "Registered"
	return jsonAnswer(http.StatusOK, map[string]any{"namespace": in.provider, "registrationState": "Registering"})
}

// target answers the read of the new vault: absent before an upgrade,
// Provisioning while one runs or after it broke off, then there for good.
func (s *Server) target(in *request) answer {
	v := in.vault
	none := errorAnswer(in, http.StatusNotFound, "ResourceNotFound", "The vault was not found.").asGood()
	if v == nil {
		return none
	}
	if v.targetFaults > 0 {
		v.targetFaults--
		return plainStatus(http.StatusServiceUnavailable)
	}
	v.targetChecked = true
	r := v.record(in.now)
	switch {
	case v.targetExists && r == nil:
		return jsonAnswer(http.StatusOK, v.targetBody("Succeeded", nil)).asGood()
	case r == nil || v.targetCleared:
		if v.next == afterLost {
			v.absentTarget = append(v.absentTarget, in.now)
		}
		return none
	}
	details := map[string]any{
		"operationId": v.spelled(r.id), "startTimeUtc": stamp(r.start, true), "lastUpdatedTimeUtc": stamp(r.start, true),
		"endTimeUtc": nil, "status": r.state(in.now), "message": "", "triggerType": r.trigger,
		"upgradedResourceId": v.targetPath(), "previousResourceId": nil,
	}
	if !r.running(in.now) {
		details["endTimeUtc"], details["lastUpdatedTimeUtc"] = stamp(r.end, v.index%2 == 0), stamp(r.end, true)
	}
	if v.absurd {
		details["startTimeUtc"], details["lastUpdatedTimeUtc"], details["endTimeUtc"] = v.times("", "", "")
	}
	if r.state(in.now) == "Upgraded" && !in.now.Before(r.end.Add(v.verifyLag)) {
		return jsonAnswer(http.StatusOK, v.targetBody("Succeeded", details)).asGood()
	}
	return jsonAnswer(http.StatusOK, v.targetBody("Provisioning", details)).asGood()
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
