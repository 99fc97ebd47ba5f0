package emulator

import (
	"encoding/json"
	"strings"
)

// What a resource is like where nobody says otherwise. The fields and their
// words are those of the published examples of each type's API version.

// usualRecoveryServices is a vault as most are: alerted the classic way, not
// immutable.
func usualRecoveryServices(*resource) object {
	return mustObject(`{
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
}

// usualKeyVault is a key vault that is opened by access policies: an
// administrator, an application that reads secrets, one that wraps keys, and a
// group that looks at everything.
func usualKeyVault(r *resource) object {
	tenant := guid(0, "tenant")
	policy := func(who string, permissions object) object {
		return object{"tenantId": tenant, "objectId": guid(0, who, r.key), "permissions": permissions}
	}
	return merged(mustObject(`{
		"provisioningState": "Succeeded",
		"sku": {"family": "A", "name": "standard"},
		"enabledForDeployment": false,
		"enabledForDiskEncryption": false,
		"enabledForTemplateDeployment": false,
		"enableSoftDelete": true,
		"softDeleteRetentionInDays": 90,
		"enableRbacAuthorization": false,
		"publicNetworkAccess": "Enabled"
	}`), object{
		"tenantId": tenant,
		"vaultUri": "https://" + strings.ToLower(r.Name) + ".vault.azure.net/",
		"accessPolicies": []any{
			policy("administrator", mustObject(`{"keys": ["all"], "secrets": ["all"], "certificates": ["all"]}`)),
			policy("application", mustObject(`{"keys": [], "secrets": ["get", "list"], "certificates": []}`)),
			policy("storage", mustObject(`{"keys": ["get", "wrapKey", "unwrapKey"], "secrets": [], "certificates": []}`)),
			policy("readers", mustObject(`{"keys": ["get", "list"], "secrets": ["list"], "certificates": ["get", "list"]}`)),
		},
	})
}

func usualBackupVault(*resource) object {
	return mustObject(`{
		"provisioningState": "Succeeded",
		"storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
		"monitoringSettings": {"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Disabled"}},
		"securitySettings": {"immutabilitySettings": {"state": "Disabled"}, "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14}}
	}`)
}

// mustObject reads JSON that is part of the program.
func mustObject(text string) object {
	out := object{}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic("the emulator's own JSON is wrong: " + err.Error())
	}
	return out
}
