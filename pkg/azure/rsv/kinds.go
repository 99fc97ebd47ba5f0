package rsv

import (
	"encoding/json"

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
	// Whether a resource guard protects the vault, which decides whether its tenant's
	// token goes along.
	guardShown = fleet.Property{Name: "securitySettings.multiUserAuthorization", Since: "2023-04-01",
		With: fleet.OptionGuardTenant}
	// What a guarded operation names the guard by.
	guardNamed = fleet.Property{Name: "resourceGuardOperationRequests", Since: "2024-04-01"}
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

// spec completes the description of a kind of this package. body is that of the
// change.
func spec(s fleet.KindSpec, body func(fleet.Options) json.RawMessage, calls ...arm.Call) fleet.KindSpec {
	s.Type, s.Options = fleet.RecoveryServicesVault,
		append(append(fleet.CommonOptions(apiVersion), guardTenant), s.Options...)
	s.Properties, s.Following = append(s.Properties, guardShown), following
	s.Role = func() fleet.Role { return arm.RoleFor(&s, calls...) }
	s.Describe = func(o fleet.Options) fleet.Upgrade { return arm.Plain(&s, body(o), o) }
	return s
}
