package strictarm

import (
	"slices"
	"strings"
)

// Kind is what is to be changed at a vault.
type Kind string

// The kinds, by their names in the inventory.
const (
	Alerts           Kind = "rsv-alerts"
	Immutability     Kind = "rsv-immutability"
	ImmutabilityLock Kind = "rsv-immutability-lock"
	KeyVaultRBAC     Kind = "kv-rbac"
)

// object is a JSON object.
type object = map[string]any

// oneOf stands in a wanted body for a value that may be any of these.
type oneOf []string

var alertsState = oneOf{"Enabled", "Disabled"}

const (
	recoveryServices = "Microsoft.RecoveryServices"
	keyVault         = "Microsoft.KeyVault"
)

func (k Kind) provider() string {
	if s, ok := settings[k]; ok {
		return s.provider
	}
	if k == KeyVaultRBAC {
		return keyVault
	}
	return recoveryServices
}

// properties are what the kind's PATCH changes in a version of the API, for so
// many days where the client was told any: the body is these, in
// "properties", and nothing else (resource-manager.md#the-request; the shape is that
// of the examples PATCHVault_WithMonitoringSettings, GETVault and, for key
// vaults, the definition VaultPatchProperties).
func (k Kind) properties(version string, days float64) object {
	if s, ok := settings[k]; ok {
		return of(s.path, s.wants)
	}
	switch k {
	case Alerts:
		return monitoring("Enabled", "Enabled", "Enabled", "Disabled", "Disabled")
	case Immutability:
		unlocked := immutability("Unlocked")
		switch {
		case days > 0:
			set(unlocked, immutabilityPath+".configuration", object{"type": "TimeBased", "durationInDays": days})
		case !older(version, configured):
			set(unlocked, immutabilityPath+".configuration", object{"type": "AsPerPolicy"})
		}
		return unlocked
	case ImmutabilityLock:
		return immutability("Locked") // see VaultHandle.body
	}
	return object{"enableRbacAuthorization": true}
}

func monitoring(jobs, replication, failover, critical, mail any) object {
	return object{"monitoringSettings": object{
		"azureMonitorAlertSettings": object{
			"alertsForAllJobFailures": jobs, "alertsForAllReplicationIssues": replication,
			"alertsForAllFailoverIssues": failover,
		},
		"classicAlertSettings": object{"alertsForCriticalOperations": critical,
			"emailNotificationsForSiteRecovery": mail},
	}}
}

func immutability(state any) object {
	return object{"securitySettings": object{"immutabilitySettings": object{"state": state}}}
}

// back are the properties that undo the kind, given those from before. What was
// not set before cannot be written as such: any value is as good.
func (k Kind) back(before object) object {
	was := func(path string, unset any) any {
		if v := at(before, path); v != nil {
			return v
		}
		return unset
	}
	if s, ok := settings[k]; ok {
		return of(s.path, was(s.path, s.unset))
	}
	switch k {
	case Alerts:
		const azure, classic = "monitoringSettings.azureMonitorAlertSettings.",
			"monitoringSettings.classicAlertSettings."
		return monitoring(was(azure+"alertsForAllJobFailures", alertsState),
			was(azure+"alertsForAllReplicationIssues", alertsState),
			was(azure+"alertsForAllFailoverIssues", alertsState),
			was(classic+"alertsForCriticalOperations", alertsState),
			was(classic+"emailNotificationsForSiteRecovery", alertsState))
	case Immutability, ImmutabilityLock:
		return immutability(was("securitySettings.immutabilitySettings.state", "Disabled"))
	}
	return object{"enableRbacAuthorization": was("enableRbacAuthorization", false)}
}

// at returns what stands at a dotted path; nil where nothing does.
func at(o object, path string) any {
	var v any = o
	for _, key := range strings.Split(path, ".") {
		m, ok := v.(object)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// set puts a value at a dotted path; nil takes away what stands there.
func set(o object, path string, value any) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		m, ok := o[key].(object)
		if !ok {
			m = object{}
			o[key] = m
		}
		o = m
	}
	if last := keys[len(keys)-1]; value == nil {
		delete(o, last)
	} else {
		o[last] = value
	}
}

// holds reports whether everything in want stands in have.
func holds(have, want any) bool {
	switch want := want.(type) {
	case object:
		have, ok := have.(object)
		if !ok {
			return false
		}
		for key, w := range want {
			if !holds(have[key], w) {
				return false
			}
		}
		return true
	case oneOf:
		s, ok := have.(string)
		return ok && slices.Contains(want, s)
	}
	return have == want
}

// merge writes a change over what is there, object by object.
func merge(have, change object) {
	for key, c := range change {
		if inner, ok := c.(object); ok {
			if old, ok := have[key].(object); ok {
				merge(old, inner)
				continue
			}
		}
		have[key] = clone(c)
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for key, inner := range v {
			out[key] = clone(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = clone(inner)
		}
		return out
	}
	return v
}
