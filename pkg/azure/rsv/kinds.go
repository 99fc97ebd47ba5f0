package rsv

import (
	"net/http"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// apiVersion is the newest stable one (azure-rest-api-specs, recoveryservices,
// openapi.json 2026-07-01); sovereign clouds lag.
const apiVersion = "2026-07-01"

// What the kinds rely on, each with the first version of the published
// specification that has it (azure-rest-api-specs, recoveryservices, vaults.json;
// the same in Azure/bicep-types-az, generated/recoveryservices).
var (
	alertsOfReplication = fleet.Property{
		Name: "monitoringSettings.azureMonitorAlertSettings.alertsForAllReplicationIssues", Since: "2024-02-01"}
	immutabilityState = fleet.Property{Name: "securitySettings.immutabilitySettings.state", Since: "2022-08-01"}
	// How long recovery points are kept: required from this version on wherever the
	// state is not Disabled, and not there before.
	immutabilityConfiguration = fleet.Property{Name: "securitySettings.immutabilitySettings.configuration",
		Since: "2026-05-01", With: optionDays}
)

// following are the actions of the two addresses at which a change is followed. They
// are of their own: who may write may not therefore read how the operation stands
// (MicrosoftDocs/azure-docs,
// articles/role-based-access-control/permissions/management-and-governance.md; the
// built-in backup roles list them beside Vaults/write).
var following = []fleet.Action{
	{Name: string(fleet.RecoveryServicesVault) + "/operationStatus/read",
		Why: "how a change stands that has begun (Azure-AsyncOperation)"},
	{Name: string(fleet.RecoveryServicesVault) + "/operationResults/read",
		Why: "what a change that has begun has led to (Location)"},
}

// vaults are what the kinds have in common.
var vaults = arm.VaultType{Name: fleet.RecoveryServicesVault, APIVersion: apiVersion, Following: following,
	Guard: &guard,
	// azure-rest-api-specs, recoveryservices, models.tsp: VaultProperties, SecuritySettings.
	ReadOnly: []string{"provisioningState", "upgradeDetails", "privateEndpointConnections",
		"privateEndpointStateForBackup", "privateEndpointStateForSiteRecovery", "moveDetails", "moveState",
		"backupStorageVersion", "secureScore", "bcdrSecurityLevel", "securitySettings.multiUserAuthorization"},
	Unread: []string{"resourceGuardOperationRequests"},
	Forever: map[string][]string{
		"securitySettings.immutabilitySettings.state":                                    {"Locked"},
		"securitySettings.softDeleteSettings.softDeleteState":                            {"AlwaysON"},
		"securitySettings.softDeleteSettings.enhancedSecurityState":                      {"AlwaysON"},
		"restoreSettings.crossSubscriptionRestoreSettings.crossSubscriptionRestoreState": {"PermanentlyDisabled"},
	}}

// Vaults are what kinds of these vaults have in common.
func Vaults() *arm.VaultType { return &vaults }

// guard: azure-rest-api-specs, RecoveryServicesBackup, ResourceGuardProxies_Get.
var guard = arm.Guard{
	Shown: fleet.Property{Name: "securitySettings.multiUserAuthorization", Since: "2023-04-01"}, As: "Enabled",
	NamedSince: "2024-04-01",
	List: arm.Call{Method: http.MethodGet, Path: "{vault}/backupResourceGuardProxies?api-version=2025-08-01",
		Action: "Microsoft.RecoveryServices/vaults/backupResourceGuardProxies/read",
		Why:    "whether a resource guard protects the change, and what to ask it for"},
}

// reduceImmutability is the one operation of these kinds that is known to be
// guarded, as guards name it (Azure CLI and Azure PowerShell, their tables of
// critical operations).
const reduceImmutability = "Microsoft.RecoveryServices/vaults/write#reduceImmutabilityState"
