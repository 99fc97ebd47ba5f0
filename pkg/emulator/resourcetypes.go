package emulator

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// resourceType is what the cloud knows of a type of resource.
type resourceType struct {
	name     string   // as Azure writes it
	versions []string // API versions, the pinned one first; none: only Resource Graph shows the type
	patch    *shape   // what a PATCH may hold
	// a PATCH is a long-running operation, with what else such services have: guards, errors of the
	// service's own
	long      bool
	tagged    bool // a vault shows a version (etag) and a sku
	secondary bool // its read may mean an upgraded classic vault
	times     bool // how an operation stands is told with times, as recorded too
	guarding  *guarding
	moves     []move
	usual     func(shape string, r *resource) object
	written   func(properties object) object // the properties as the service writes them; nil: as they are
}

// guarding is how vaults of a type are tied to resource guards.
type guarding struct {
	shown      object   // what a protected vault shows
	versions   []string // in which the guards of a vault are listed
	operations []guarded
}

// guarded is an operation that a guard's owner decides about.
type guarded struct {
	name    string // as the guards of a vault are listed
	request string // the guard's resource for it, below the guard
	asks    func(from, to object) bool
}

// move is a setting that does not take every value after every other.
type move struct {
	path    string // of the setting, with dots
	may     func(from, to string) bool
	code    string
	message string // with where it comes from, and where to
}

// See resource-manager.md#the-request. The older versions are
// those a sovereign cloud that lags may still be asked with; all of them want
// the five alert settings.
var resourceTypes = []*resourceType{
	{name: "Microsoft.RecoveryServices/vaults",
		versions: []string{"2026-07-01", "2026-05-01", "2026-02-01", "2025-08-01", "2025-02-01", "2024-10-01",
			"2024-04-01"},
		patch: recoveryServicesPatch, long: true, tagged: true, secondary: true, usual: usualRecoveryServices,
		moves: []move{
			{statePath, mayBecome, "UserErrorUnsupportedVaultImmutabilityStateChange",
				"The immutability of this vault is %s and cannot become %s."},
			// Which code it has here is in no source.
			{"securitySettings.softDeleteSettings.softDeleteState", staysOn, "UserErrorDisableSoftDeleteNotAllowed",
				"Cannot disable soft delete once set to %[1]s"},
		},
		guarding: &guarding{shown: object{"securitySettings": object{"multiUserAuthorization": "Enabled"}},
			versions: []string{"2025-08-01"},
			operations: []guarded{
				{"Microsoft.RecoveryServices/vaults/backupSecurityPIN/action", "/getSecurityPINRequests/default", asksNothing},
				{"Microsoft.RecoveryServices/vaults/write#reduceImmutabilityState", guardReduce, reducesImmutability},
			}}},
	{name: "Microsoft.KeyVault/vaults", versions: []string{"2026-02-01", "2024-11-01", "2023-07-01"},
		patch: keyVaultPatch, usual: usualKeyVault,
		moves: []move{{"enablePurgeProtection", func(_, to string) bool { return to == "true" }, "BadRequest",
			`The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault ` +
				"is an irreversible action."}}},
	// See resource-manager.md#backup-vaults. The code for immutability is that of Recovery Services
	// vaults: no recording has another.
	{name: "Microsoft.DataProtection/backupVaults",
		versions: []string{"2026-06-01", "2026-03-01", "2025-09-01", "2025-07-01", "2024-04-01", "2023-01-01",
			"2022-12-01"},
		patch: backupVaultPatch, long: true, times: true, usual: usualBackupVault, written: writtenBackupVault,
		moves: []move{
			{statePath, mayBecome, "UserErrorUnsupportedVaultImmutabilityStateChange",
				"The immutability of this vault is %s and cannot become %s."},
			{softDeletePath, staysOn, "UserErrorDisableSoftDeleteNotAllowed",
				"Cannot disable soft delete once set to %[1]s"},
		},
		guarding: &guarding{shown: object{"isVaultProtectedByResourceGuard": true},
			versions: []string{"2026-06-01", "2026-03-01"},
			operations: []guarded{
				{"Microsoft.DataProtection/backupVaults/backupInstances/delete", "/deleteBackupInstanceRequests/default",
					asksNothing},
				{"Microsoft.DataProtection/backupVaults/write#reduceImmutabilityState",
					"/dppReduceImmutabilityStateRequests/default", reducesImmutability},
				{"Microsoft.DataProtection/backupVaults/write#reduceSoftDeleteSecurity",
					"/dppReduceSoftDeleteSecurityRequests/default",
					func(from, to object) bool {
						return wordAt(to, softDeletePath) == "Off" &&
							!strings.EqualFold(wordAt(from, softDeletePath), "Off")
					}},
			}}},
}

// Where settings stand that do not take every value after every other, and a word of one.
const (
	statePath      = "securitySettings.immutabilitySettings.state"
	softDeletePath = "securitySettings.softDeleteSettings.state"
	alwaysOn       = "AlwaysOn"
)

// staysOn: what is on for ever stays so.
func staysOn(from, to string) bool {
	return !strings.EqualFold(from, alwaysOn) || strings.EqualFold(to, alwaysOn)
}

func asksNothing(object, object) bool { return false }

func reducesImmutability(from, to object) bool {
	return immutability(from) == immutabilityUnlocked && immutability(to) == immutabilityDisabled
}

// wordAt is the word at a dotted path, or whether it is true; "" where there is neither.
func wordAt(properties object, path string) string {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		properties, _ = properties[key].(object)
	}
	switch value := properties[keys[len(keys)-1]].(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
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

	crossSubscription = []string{"Enabled", "Disabled", "PermanentlyDisabled"}

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
				"softDeleteSettings": {fields: map[string]*shape{
					"softDeleteState":                 {words: []string{"Enabled", "Disabled", "AlwaysON"}},
					"softDeleteRetentionPeriodInDays": {from: &[2]float64{14, 180}},
					"enhancedSecurityState":           {words: []string{"Enabled", "Disabled", "AlwaysON"}},
				}},
			}},
			"publicNetworkAccess": onOff,
			"restoreSettings": {fields: map[string]*shape{
				"crossSubscriptionRestoreSettings": {fields: map[string]*shape{
					"crossSubscriptionRestoreState": {words: crossSubscription}}}}},
			guardRequests: {each: &shape{like: guardPattern}},
		}},
	}}
	backupVaultPatch = &shape{fields: map[string]*shape{
		"tags": tags,
		"properties": {fields: map[string]*shape{
			"monitoringSettings": {fields: map[string]*shape{
				"azureMonitorAlertSettings": {fields: map[string]*shape{"alertsForAllJobFailures": onOff}}}},
			"securitySettings": {fields: map[string]*shape{
				"immutabilitySettings": {fields: map[string]*shape{
					"state": {words: []string{immutabilityDisabled, immutabilityUnlocked, immutabilityLocked}}}},
				"softDeleteSettings": {fields: map[string]*shape{
					"state":                   {words: []string{"Off", "On", alwaysOn}},
					"retentionDurationInDays": {from: &[2]float64{14, 180}},
				}},
			}},
			"featureSettings": {fields: map[string]*shape{
				"crossSubscriptionRestoreSettings": {fields: map[string]*shape{
					"state": {words: crossSubscription}}}}},
			guardRequests: {each: &shape{like: guardPattern}},
		}},
	}}
	keyVaultPatch = &shape{fields: map[string]*shape{
		"tags": tags,
		"properties": {fields: map[string]*shape{
			"enableRbacAuthorization":      truth,
			"enabledForDeployment":         truth,
			"enabledForDiskEncryption":     truth,
			"enabledForTemplateDeployment": truth,
			"enablePurgeProtection":        truth,
			"publicNetworkAccess":          onOff,
			"networkAcls": {fields: map[string]*shape{
				"bypass":              {words: []string{"AzureServices", "None"}},
				"defaultAction":       {words: []string{"Allow", "Deny"}},
				"ipRules":             {each: &shape{fields: map[string]*shape{"value": {like: anyText}}}},
				"virtualNetworkRules": {each: &shape{fields: map[string]*shape{"id": {like: anyText}}}},
			}},
		}},
	}}

	anyText = lazyregexp.New(`.`)
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

// usualBackupVault is one that was made and left as it was: soft delete is on, and
// nothing was ever heard of alerts and immutability.
func usualBackupVault(shape string, _ *resource) object {
	if shape == shapeSpecification {
		return specifiedBackupVault
	}
	return backupVault
}

var (
	// The vault that New-AzDataProtectionBackupVault.Recording.json has after it was made, on
	// 16 September 2026 (Azure/azure-powershell, src/DataProtection).
	backupVault = mustObject(`{
		"provisioningState": "Succeeded",
		"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
		"isVaultProtectedByResourceGuard": false,
		"securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14}},
		"secureScore": "None",
		"bcdrSecurityLevel": "Poor",
		"replicatedRegions": [],
		"regionOfChoiceSettings": {"status": "NotApplicable"},
		"costManagementSettings": {"granularityLevel": "VaultLevel"}
	}`)

	// A vault that says all that the published definitions know of these settings.
	specifiedBackupVault = mustObject(`{
		"provisioningState": "Succeeded",
		"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
		"isVaultProtectedByResourceGuard": false,
		"monitoringSettings": {"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Disabled"}},
		"securitySettings": {"immutabilitySettings": {"state": "Disabled"}, "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14}}
	}`)
)

// writtenBackupVault: whole days are written with their decimal (recorded, all of them).
func writtenBackupVault(properties object) object {
	security, _ := properties["securitySettings"].(object)
	soft, _ := security["softDeleteSettings"].(object)
	days, ok := soft["retentionDurationInDays"].(float64)
	if !ok || days != math.Trunc(days) {
		return properties
	}
	return merged(properties, object{"securitySettings": object{"softDeleteSettings": object{
		"retentionDurationInDays": json.Number(strconv.FormatFloat(days, 'f', 1, 64))}}})
}

// mustObject reads JSON that is part of the program.
func mustObject(text string) object {
	out := object{}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic("the emulator's own JSON is wrong: " + err.Error())
	}
	return out
}
