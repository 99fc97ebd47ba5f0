package emulator

import (
	"encoding/json"
	"strings"
)

// resourceType is what the cloud knows of a type of resource.
type resourceType struct {
	name     string   // as Azure writes it
	versions []string // API versions, the pinned one first; none: only Resource Graph shows the type
	patch    *shape   // what a PATCH may hold
	// a PATCH is a long-running operation, with what else such services have: guards, a version
	// of the vault (etag), errors of the service's own
	long      bool
	secondary bool // its read may mean an upgraded classic vault
	usual     func(shape string, r *resource) object
}

// See resource-manager.md#the-request. The older versions are
// those a sovereign cloud that lags may still be asked with; all of them want
// the five alert settings.
var resourceTypes = []*resourceType{
	{name: "Microsoft.RecoveryServices/vaults",
		versions: []string{"2026-07-01", "2026-05-01", "2026-02-01", "2025-08-01", "2025-02-01", "2024-10-01",
			"2024-04-01"},
		patch: recoveryServicesPatch, long: true, secondary: true, usual: usualRecoveryServices},
	{name: "Microsoft.KeyVault/vaults", versions: []string{"2026-02-01", "2024-11-01", "2023-07-01"},
		patch: keyVaultPatch, usual: usualKeyVault},
	{name: "Microsoft.DataProtection/backupVaults", usual: usualBackupVault},
}

func resourceTypeOf(name string) *resourceType {
	for _, t := range resourceTypes {
		if strings.EqualFold(t.name, name) {
			return t
		}
	}
	return nil
}

func (t *resourceType) namespace() string {
	ns, _, _ := strings.Cut(t.name, "/")
	return ns
}

// The parts of a PATCH that the emulator knows; the names and words are those of
// the published API versions. It says so where it is sent others.
var (
	onOff = &shape{words: []string{"Enabled", "Disabled"}}
	truth = &shape{}
	tags  = &shape{named: true}

	recoveryServicesPatch = &shape{fields: map[string]*shape{
		"tags": tags,
		"properties": {fields: map[string]*shape{
			// From 2024-02-01 on all five or none (resource-manager.md#alerts).
			"monitoringSettings": {whole: "monitoringSettings", fields: map[string]*shape{
				"azureMonitorAlertSettings": {whole: "monitoringSettings", fields: map[string]*shape{
					"alertsForAllJobFailures": onOff, "alertsForAllReplicationIssues": onOff,
					"alertsForAllFailoverIssues": onOff}},
				"classicAlertSettings": {whole: "monitoringSettings", fields: map[string]*shape{
					"alertsForCriticalOperations": onOff, "emailNotificationsForSiteRecovery": onOff}},
			}},
			"securitySettings": {fields: map[string]*shape{
				"immutabilitySettings": {fields: map[string]*shape{
					"state": {words: []string{immutabilityDisabled, immutabilityUnlocked, immutabilityLocked}},
					"configuration": {fields: map[string]*shape{
						"type":         {words: []string{asPerPolicy, timeBased}},
						durationInDays: {from: &[2]float64{30, 36135}},
					}}}},
			}},
			"publicNetworkAccess": onOff,
			guardRequests:         {each: &shape{like: guardPattern}},
		}},
	}}
	keyVaultPatch = &shape{fields: map[string]*shape{
		"tags": tags,
		"properties": {fields: map[string]*shape{
			"enableRbacAuthorization":      truth,
			"enabledForDeployment":         truth,
			"enabledForDiskEncryption":     truth,
			"enabledForTemplateDeployment": truth,
		}},
	}}
)

// What a resource is like where nobody says otherwise, by the cloud's shape: the
// fields and words that were recorded (the files are named at the shapes), or those
// of the published examples of each type's API version. All resources share them:
// they are never changed, only merged into.

// usualRecoveryServices is a vault that was made and left as it was. As recorded it
// has every alert there is, classic and not; it never heard of immutability; and
// some fields are in no specification.
func usualRecoveryServices(shape string, _ *resource) object {
	switch shape {
	case shapeSpecification:
		return specifiedVault
	case shapeRecorded2024:
		return vaultOf2024
	}
	return vaultOf2026
}

var (
	// The vault that test_backup_vault_source_scan_configuration.yaml reads after it
	// was made, on 9 September 2026.
	vaultOf2026 = mustObject(`{
		"provisioningState": "Succeeded",
		"privateEndpointStateForBackup": "None",
		"privateEndpointStateForSiteRecovery": "None",
		"monitoringSettings": {
			"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled", "alertsForAllReplicationIssues": "Enabled", "alertsForAllFailoverIssues": "Enabled"},
			"classicAlertSettings": {"alertsForCriticalOperations": "Enabled", "emailNotificationsForSiteRecovery": "Enabled"}
		},
		"costManagementSettings": {"granularityLevel": "VaultLevel"},
		"backupStorageVersion": "Unassigned",
		"securitySettings": {
			"softDeleteSettings": {"softDeleteRetentionPeriodInDays": 14, "softDeleteState": "AlwaysON", "enhancedSecurityState": "AlwaysON"},
			"multiUserAuthorization": "Disabled",
			"sourceScanConfiguration": {"state": "Disabled"}
		},
		"redundancySettings": {"standardTierStorageRedundancy": "GeoRedundant", "crossRegionRestore": "Disabled"},
		"regionOfChoiceSettings": {"status": "Disabled"},
		"secureScore": "Adequate",
		"bcdrSecurityLevel": "Good",
		"publicNetworkAccess": "Enabled",
		"restoreSettings": {"crossSubscriptionRestoreSettings": {"crossSubscriptionRestoreState": "Enabled"}}
	}`)

	// The same two years before: less was known of a vault, and its immutability was
	// null.
	vaultOf2024 = mustObject(`{
		"provisioningState": "Succeeded",
		"privateEndpointStateForBackup": "None",
		"privateEndpointStateForSiteRecovery": "None",
		"monitoringSettings": {
			"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled", "alertsForAllReplicationIssues": "Enabled", "alertsForAllFailoverIssues": "Enabled"},
			"classicAlertSettings": {"alertsForCriticalOperations": "Enabled", "emailNotificationsForSiteRecovery": "Enabled"}
		},
		"backupStorageVersion": "Unassigned",
		"securitySettings": {
			"immutabilitySettings": null,
			"softDeleteSettings": {"softDeleteRetentionPeriodInDays": 14, "softDeleteState": "Enabled", "enhancedSecurityState": "Enabled"},
			"multiUserAuthorization": "Disabled"
		},
		"redundancySettings": {"standardTierStorageRedundancy": "GeoRedundant", "crossRegionRestore": "Disabled"},
		"secureScore": "Minimum",
		"bcdrSecurityLevel": "Fair",
		"publicNetworkAccess": "Enabled",
		"restoreSettings": {"crossSubscriptionRestoreSettings": {"crossSubscriptionRestoreState": "Enabled"}}
	}`)

	// A vault as the published examples have it: alerted the classic way, not
	// immutable.
	specifiedVault = mustObject(`{
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
)

// usualKeyVault is a key vault that is opened by access policies. As recorded, four
// in ten do not say that roles do not decide, and who made it with the command line
// may manage storage accounts besides (keyvault/tests/latest/recordings).
func usualKeyVault(shape string, r *resource) object {
	var policies []any
	for _, p := range usualPolicies {
		permissions := p.permissions
		if p.who == "administrator" && shape != shapeSpecification {
			permissions = merged(permissions, object{"storage": []any{"all"}})
		}
		policies = append(policies, object{"tenantId": tenantID, "objectId": guid(0, p.who, r.key),
			"permissions": permissions})
	}
	out := merged(keyVault, object{"vaultUri": "https://" + strings.ToLower(r.Name) + ".vault.azure.net/",
		"accessPolicies": policies})
	if shape != shapeSpecification && share(0, "unsaid", r.key) < 32.0/77 {
		delete(out, "enableRbacAuthorization")
	}
	return out
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

func usualBackupVault(string, *resource) object { return backupVault }

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
