package emulator

import (
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
	providerKeyVault         = "Microsoft.KeyVault"
)

// providers are those that a subscription can be asked for.
var providers = []string{providerRecoveryServices, providerSiteRecovery, providerKeyVault}

// The API versions of the Resource Manager side (classic-service.md#the-resource-manager-side).
const (
	versionSubscription = "2022-12-01"
	versionProvider     = "2021-04-01"
	versionFeature      = "2021-07-01"
	versionGroup        = "2021-04-01"
	versionVault        = "2023-04-01"
)

// The API versions of what surrounds today's vaults: those of the published
// examples.
const (
	versionLocks  = "2020-05-01"
	versionRights = "2022-04-01"
	versionRoles  = "2022-04-01"

	versionInstances = "2020-10-01"

	versionRules  = "2021-08-08"
	versionGuards = "2025-08-01"
)

// parseARM checks a Resource Manager request (classic-service.md#the-resource-manager-side). As on
// the real side, the case of a path's words does not matter.
func (c *Cloud) parseARM(q *request, r *http.Request, segments []string, body []byte) *problem {
	low := make([]string, len(segments))
	for i, s := range segments {
		low[i] = strings.ToLower(s)
	}
	is := func(words ...string) bool {
		if len(low) != len(words) {
			return false
		}
		for i, w := range words {
			if w != "" && low[i] != w {
				return false
			}
		}
		return true
	}
	version, method := "", http.MethodGet
	switch {
	case is("subscriptions", ""):
		q.call, version = callSubscription, versionSubscription
	case is("subscriptions", "", "providers", ""):
		q.call, version, q.provider = callProvider, versionProvider, segments[3]
	case is("subscriptions", "", "providers", "", "register"):
		q.call, version, q.provider, method = callRegister, versionProvider, segments[3], http.MethodPost
	case is("subscriptions", "", "providers", "microsoft.alertsmanagement", "actionrules"):
		q.call, version = callRules, versionRules
	case is("subscriptions", "", "providers", "microsoft.features", "providers", "microsoft.recoveryservices", "features", "vaultupgrade"):
		q.call, version = callFeature, versionFeature
	case is("subscriptions", "", "resourcegroups", ""):
		q.call, version, q.group = callGroup, versionGroup, segments[3]
	case is("providers", "microsoft.resourcegraph", "resources"):
		return c.parseGraph(q, r, body)
	default:
		return c.parseResource(q, r, segments, low, body)
	}
	if r.Method != method {
		return mistake(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s is asked with %s, not %s.", q.call, method, r.Method)
	}
	q.sub = c.bySub[low[1]]
	if p := onlyQuery(r, nil, version); p != nil {
		return p
	}
	if q.provider != "" && !slices.ContainsFunc(providers, func(p string) bool { return strings.EqualFold(p, q.provider) }) {
		return mistake(http.StatusNotFound, "InvalidResourceNamespace", "The resource namespace %q is invalid.", q.provider)
	}
	if q.sub == nil {
		return subscriptionNotFound(segments[1])
	}
	return nil
}

type object = map[string]any

// armRead answers a call of the Resource Manager side.
func (c *Cloud) armRead(q *request, l *line) reply {
	s := q.sub
	base := "/subscriptions/" + s.id
	switch q.call {
	case callSubscription:
		return ok(s.describe(base))
	case callProvider:
		return ok(s.provider(base, q.provider, s.unregistered[strings.ToLower(q.provider)], "Registered"))
	case callRegister:
		// It takes a moment: the answer says Registering, the next read the rest.
		l.Register = strings.ToLower(q.provider)
		return ok(s.provider(base, q.provider, false, "Registering"))
	case callFeature:
		state := "Registered"
		if s.noFeature {
			state = "NotRegistered"
		}
		return ok(object{
			"id":         base + "/providers/Microsoft.Features/providers/Microsoft.RecoveryServices/features/VaultUpgrade",
			"name":       "Microsoft.RecoveryServices/VaultUpgrade",
			"type":       "Microsoft.Features/providers/features",
			"properties": object{"state": state},
		})
	case callGroup:
		g := s.groups[strings.ToLower(q.group)]
		if g == nil || !g.exists(l.At) {
			return groupNotFound(q.group)
		}
		return ok(object{
			"id":         base + "/resourceGroups/" + g.name,
			"name":       g.name,
			"type":       "Microsoft.Resources/resourceGroups",
			"location":   normalize(g.location),
			"properties": object{"provisioningState": "Succeeded"},
		})
	}
	return c.armVault(q, l)
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
		"id":                   base,
		"subscriptionId":       s.id,
		"displayName":          s.name,
		"state":                state,
		"subscriptionPolicies": object{"locationPlacementId": "Public_2014-09-01", "quotaId": quota, "spendingLimit": "Off"},
		"authorizationSource":  "RoleBased",
	}
}

func (s *subscription) provider(base, name string, missing bool, state string) object {
	if missing {
		state = "NotRegistered"
	}
	return object{"id": base + "/providers/" + name, "namespace": name, "registrationState": state}
}

func groupNotFound(name string) reply {
	return armError(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '"+name+"' could not be found.")
}

// armVault answers the read of a Recovery Services vault.
func (c *Cloud) armVault(q *request, l *line) reply {
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
			"The Resource 'Microsoft.RecoveryServices/vaults/"+q.name+"' under resource group '"+q.group+"' was not found."+c.more())
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
		"id":         "/subscriptions/" + s.id + "/resourceGroups/" + group + "/providers/Microsoft.RecoveryServices/vaults/" + v.Name,
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
		"previousResourceId": "/" + v.sub.id + "/cloudservices/" + v.region.service + "/resources/" + resourceProviderNamespace + "/~/" + v.ResourceType + "/" + v.Name,
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
