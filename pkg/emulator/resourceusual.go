package emulator

import (
	"encoding/json"
	"strings"
)

// What a resource is like where nobody says otherwise. The fields and their
// words are those of the published examples of each type's API version. All
// resources share them: they are never changed, only merged into.

// usualRecoveryServices is a vault as most are: alerted the classic way, not
// immutable.
func usualRecoveryServices(*resource) object { return recoveryServicesVault }

var recoveryServicesVault = mustObject(`{
	"provisioningState": "Succeeded",
	"publicNetworkAccess": "Enabled",
	"privateEndpointStateForBackup": "None",
	"privateEndpointStateForSiteRecovery": "None",
	"monitoringSettings": {
		"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Disabled", "alertsForAllReplicationIssues": "Disabled", "alertsForAllFailoverIssues": "Disabled"},
		"classicAlertSettings": {"alertsForCriticalOperations": "Enabled", "emailNotificationsForSiteRecovery": "Enabled"}
	},
	"redundancySettings": {"standardTierStorageRedundancy": "GeoRedundant", "crossRegionRestore": "Disabled"},
	"securitySettings": {
		"immutabilitySettings": {"state": "Disabled"},
		"softDeleteSettings": {"softDeleteState": "Enabled", "softDeleteRetentionPeriodInDays": 14, "enhancedSecurityState": "Enabled"},
		"multiUserAuthorization": "Disabled"
	}
}`)

// usualKeyVault is a key vault that is opened by access policies.
func usualKeyVault(r *resource) object {
	var policies []any
	for _, p := range usualPolicies {
		policies = append(policies, object{"tenantId": tenantID, "objectId": guid(0, p.who, r.key), "permissions": p.permissions})
	}
	return merged(keyVault, object{"vaultUri": "https://" + strings.ToLower(r.Name) + ".vault.azure.net/", "accessPolicies": policies})
}

var (
	tenantID = guid(0, "tenant")

	keyVault = merged(object{"tenantId": tenantID}, mustObject(`{
		"provisioningState": "Succeeded",
		"sku": {"family": "A", "name": "standard"},
		"enabledForDeployment": false,
		"enabledForDiskEncryption": false,
		"enabledForTemplateDeployment": false,
		"enableSoftDelete": true,
		"softDeleteRetentionInDays": 90,
		"enableRbacAuthorization": false,
		"publicNetworkAccess": "Enabled"
	}`))

	// An administrator, an application that reads secrets, one that wraps keys, and
	// a group that looks at everything.
	usualPolicies = []struct {
		who         string
		permissions object
	}{
		{"administrator", mustObject(`{"keys": ["all"], "secrets": ["all"], "certificates": ["all"]}`)},
		{"application", mustObject(`{"keys": [], "secrets": ["get", "list"], "certificates": []}`)},
		{"storage", mustObject(`{"keys": ["get", "wrapKey", "unwrapKey"], "secrets": [], "certificates": []}`)},
		{"readers", mustObject(`{"keys": ["get", "list"], "secrets": ["list"], "certificates": ["get", "list"]}`)},
	}
)

func usualBackupVault(*resource) object { return backupVault }

var backupVault = mustObject(`{
	"provisioningState": "Succeeded",
	"storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
	"monitoringSettings": {"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Disabled"}},
	"securitySettings": {"immutabilitySettings": {"state": "Disabled"}, "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14}}
}`)

// mustObject reads JSON that is part of the program.
func mustObject(text string) object {
	out := object{}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic("the emulator's own JSON is wrong: " + err.Error())
	}
	return out
}
