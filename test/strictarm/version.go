package strictarm

import (
	"encoding/json"
	"net/http"
	"strings"
)

// introduced are the properties that not every version of the API has, by the
// first one whose specification does (azure-rest-api-specs, vaults.json of
// RecoveryServices and keyvault.json, version by version).
var introduced = map[string]map[string]string{
	recoveryServices: {
		"monitoringSettings": "2022-03-01",
		"monitoringSettings.azureMonitorAlertSettings.alertsForAllReplicationIssues": "2024-02-01",
		"monitoringSettings.azureMonitorAlertSettings.alertsForAllFailoverIssues":    "2024-02-01",
		"monitoringSettings.classicAlertSettings.emailNotificationsForSiteRecovery":  "2024-02-01",
		immutabilityPath:                          "2022-08-01",
		immutabilityPath + ".configuration":       configured,
		"securitySettings.multiUserAuthorization": "2023-04-01",
		"resourceGuardOperationRequests":          "2024-04-01",
	},
	keyVault: {"enableRbacAuthorization": "2019-09-01"},
}

const (
	immutabilityPath = "securitySettings.immutabilitySettings"
	// configured is the version that brought the configuration of immutability, and
	// that wants it wherever the state is not Disabled.
	configured = "2026-05-01"
)

// older reports whether a version is before another; a preview is before the
// version that it is a preview of.
func older(version, than string) bool {
	day, preview := strings.CutSuffix(version, "-preview")
	return day < than || day == than && preview
}

// version is that in which vaults of a provider are asked with a call.
func (s *Server) version(call Call, provider string) string {
	if v := s.cfg.APIVersions[call]; v != "" {
		return v
	}
	return providerVersions[provider]
}

// Speak changes the versions that the client is told to use, as Config has them.
func (s *Server) Speak(versions map[Call]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.APIVersions = versions
}

// shown is a vault's document in a version: what that does not know is not in it.
func (v *VaultHandle) shown(doc object, version string) object {
	for path, first := range introduced[v.spec.Kind.provider()] {
		if version != "" && older(version, first) && at(doc["properties"].(object), path) != nil {
			set(doc["properties"].(object), path, nil)
		}
	}
	return doc
}

// unknown names a property of a body that the version does not know.
func (v *VaultHandle) unknown(properties object, version string) (path, first string) {
	for path, first := range introduced[v.spec.Kind.provider()] {
		if older(version, first) && at(properties, path) != nil {
			return path, first
		}
	}
	return "", ""
}

// misconfigured is what the service has against the configuration that stands
// beside a state of immutability, or that does not. The code is in no source.
func misconfigured(properties object, version string) *PatchFault {
	state, kind, days := at(properties, immutabilityPath+".state"),
		at(properties, immutabilityPath+".configuration.type"),
		at(properties, immutabilityPath+".configuration.durationInDays")
	has := at(properties, immutabilityPath+".configuration") != nil
	switch {
	case older(version, configured):
		return nil
	case state == "Disabled" && has,
		state != nil && state != "Disabled" && kind != "AsPerPolicy" && kind != "TimeBased",
		kind == "AsPerPolicy" && days != nil, kind == "TimeBased" && days == nil:
		return refuse(http.StatusBadRequest, "InvalidRestApiParameter", "immutabilitySettings parameter is invalid.")
	}
	return nil
}

// body are the properties that a PATCH of the vault is to have: a lock keeps the
// configuration that the vault has, and where it has none, that of a vault from
// before there were any.
func (v *VaultHandle) body(version string) object {
	if s, ok := settings[v.spec.Kind]; ok {
		return s.kept(v.wants, v.properties())
	}
	if v.spec.Kind != ImmutabilityLock || v.rollback || older(version, configured) {
		return v.wants
	}
	has := at(v.properties(), immutabilityPath+".configuration")
	if has == nil {
		has = object{"type": "AsPerPolicy"}
	}
	var same any // with the numbers of a body
	if data, err := json.Marshal(has); err == nil {
		_ = json.Unmarshal(data, &same) // it was JSON a moment ago
	}
	wants := clone(v.wants).(object)
	set(wants, immutabilityPath+".configuration", same)
	return wants
}

// apply writes a change over what a vault has. A configuration replaces the one
// before, and Disabled has none.
func apply(have, change object) {
	config := at(change, immutabilityPath+".configuration")
	if config != nil || at(change, immutabilityPath+".state") == "Disabled" {
		if at(have, immutabilityPath+".configuration") != nil {
			set(have, immutabilityPath+".configuration", nil)
		}
	}
	merge(have, change)
}
