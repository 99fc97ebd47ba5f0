package dataprotection

import (
	"encoding/json"
	"net/http"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/alertrules"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// vaults are what the kinds have in common. The version is the newest one in which
// the service was recorded (resource-manager.md#backup-vaults). Following an operation takes actions
// of their own (MicrosoftDocs/azure-docs,
// articles/role-based-access-control/permissions/security.md).
var vaults = arm.VaultType{Name: fleet.DataProtectionVault, APIVersion: "2026-06-01",
	// Each of six recorded changes had ended within two seconds; the first look comes after ten.
	Expected: "15s",
	Following: []fleet.Action{
		{Name: string(fleet.DataProtectionVault) + "/operationStatus/read",
			Why: "how a change stands that has begun (Azure-AsyncOperation)"},
		{Name: string(fleet.DataProtectionVault) + "/operationResults/read",
			Why: "what a change that has begun has led to (Location)"},
	},
	Guard: &arm.Guard{
		Shown: fleet.Property{Name: "isVaultProtectedByResourceGuard", Since: oldest}, As: true,
		NamedSince: "2024-04-01",
		List: arm.Call{Method: http.MethodGet, Path: "{vault}/backupResourceGuardProxies?api-version=2026-03-01",
			Action: string(fleet.DataProtectionVault) + "/backupResourceGuardProxies/read",
			Why:    "whether a resource guard protects the change, and what to ask it for"},
	},
	// azure-rest-api-specs, dataprotection, models.tsp: BackupVault.
	ReadOnly: []string{"provisioningState", "resourceMoveState", "resourceMoveDetails",
		"isVaultProtectedByResourceGuard", "secureScore", "bcdrSecurityLevel"},
	Unread: []string{"resourceGuardOperationRequests"},
	Forever: map[string][]string{
		sectionImmutability + ".state":                           {"Locked"},
		sectionSoftDelete + ".state":                             {"AlwaysOn"},
		"featureSettings.crossSubscriptionRestoreSettings.state": {"PermanentlyDisabled"},
	},
}

// Vaults are what kinds of these vaults have in common.
func Vaults() *arm.VaultType { return &vaults }

// What guards call the way back of these kinds (Azure PowerShell, its table of
// critical operations).
const (
	reduceImmutability = "Microsoft.DataProtection/backupVaults/write#reduceImmutabilityState"
	reduceSoftDelete   = "Microsoft.DataProtection/backupVaults/write#reduceSoftDeleteSecurity"
)

// Settings are the kinds.
func Settings() []arm.Setting {
	return []arm.Setting{Alerts(), Immutability(), ImmutabilityLock(), SoftDelete(), SoftDeleteAlwaysOn()}
}

// known is what is known of each kind's request.
var known = fleet.Provenance{Basis: fleet.ProvenanceSpecified,
	Says: "Azure/azure-rest-api-specs, and its example; Azure/azure-cli-extensions and " +
		"Azure/azure-powershell have recordings of the whole vault, written by PUT"}

// oldest is the oldest version in which what the kinds rely on was recorded.
const oldest = "2022-12-01"

// Alerts has Azure Monitor tell of each backup or restore that fails.
func Alerts() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "the alert of failed jobs",
		Spec: fleet.KindSpec{Kind: "dp-alerts", Title: "Azure Monitor alerts of every job that fails",
			Known: known,
			Properties: []fleet.Property{
				{Name: "monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures", Since: oldest}},
			After: []string{"See that an alert processing rule with an action group is about every vault: " +
				"without one nobody gets mail of an alert."}},
		Section: "monitoringSettings", State: "azureMonitorAlertSettings.alertsForAllJobFailures",
		Body: `{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled"}}}}`,
		From: []string{"Disabled", ""}, Code: "alert-state",
		Rule: "only Disabled becomes Enabled", First: lookAtIt,
		Calls: []arm.Call{alertrules.Read}, Check: alertrules.Check,
	}
}

const lookAtIt = "Look at the vault in the portal, or hold it."

// The settings of immutability: Unlocked can be taken back; Locked never can.
const (
	sectionImmutability = "securitySettings.immutabilitySettings"
	codeImmutability    = "immutability-state"
)

// immutabilityState: from version 2026-07-01 on there is a configuration beside the state, of which these
// kinds know nothing (azure-rest-api-specs, dataprotection.json 2026-07-01).
var immutabilityState = fleet.Property{Name: sectionImmutability + ".state", Since: oldest, Until: "2026-07-01"}

// Immutability keeps recovery points from being deleted before their time.
func Immutability() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "immutability",
		Spec: fleet.KindSpec{Kind: "dp-immutability", Title: "immutable recovery points, not locked",
			Known:      known,
			Properties: []fleet.Property{immutabilityState},
			After: []string{"Unlocked can be taken back; dp-immutability-lock, which never can, is a step of " +
				"its own."}},
		Section: sectionImmutability, State: "state",
		Body: `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Unlocked"}}}}`,
		From: []string{"Disabled", ""}, More: []string{"Locked"}, Unset: "Disabled",
		Code: codeImmutability, Rule: "only Disabled becomes Unlocked", First: lookAtIt,
		Operation: reduceImmutability,
	}
}

// ImmutabilityLock locks what [Immutability] has set. Nothing undoes it.
func ImmutabilityLock() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "immutability",
		Spec: fleet.KindSpec{Kind: "dp-immutability-lock", Title: "immutable recovery points, locked for ever",
			Known:     known,
			Permanent: true, Confirm: true, Properties: []fleet.Property{immutabilityState}},
		Section: sectionImmutability, State: "state",
		Body: `{"properties":{"securitySettings":{"immutabilitySettings":{"state":"Locked"}}}}`,
		From: []string{"Unlocked"},
		Code: codeImmutability, Rule: "only Unlocked is ever locked",
		First: "Make it Unlocked with the kind dp-immutability first, and see that nobody is in need of what it " +
			"forbids.",
	}
}

// The settings of soft delete: On can be turned off again; AlwaysOn never can.
const (
	sectionSoftDelete = "securitySettings.softDeleteSettings"
	codeSoftDelete    = "soft-delete-state"
)

var softDeleteState = fleet.Property{Name: sectionSoftDelete + ".state", Since: oldest}

// usualRetention is for how many days a vault keeps what was deleted where nobody says
// otherwise (recorded). It is sent along: no recorded change is without.
var usualRetention = json.RawMessage("14")

// SoftDelete keeps what is deleted for some days.
func SoftDelete() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "soft delete",
		Spec: fleet.KindSpec{Kind: "dp-soft-delete", Title: "soft delete of backups, which can be turned off",
			Known:      known,
			Properties: []fleet.Property{softDeleteState},
			After: []string{"On can be turned off; dp-soft-delete-always-on, which never can, is a step of its " +
				"own."}},
		Section: sectionSoftDelete, State: "state", Own: usualRetention,
		Body: `{"properties":{"securitySettings":{"softDeleteSettings":{"state":"On","retentionDurationInDays":"{its own}"}}}}`,
		From: []string{"Off", ""}, More: []string{"AlwaysOn"},
		Code: codeSoftDelete, Rule: "only Off becomes On", First: lookAtIt,
		Operation: reduceSoftDelete,
	}
}

// SoftDeleteAlwaysOn makes what [SoftDelete] has set permanent. Nothing undoes it.
func SoftDeleteAlwaysOn() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "soft delete",
		Spec: fleet.KindSpec{Kind: "dp-soft-delete-always-on", Title: "soft delete of backups, on for ever",
			Known:     known,
			Permanent: true, Confirm: true, Properties: []fleet.Property{softDeleteState}},
		Section: sectionSoftDelete, State: "state", Own: usualRetention,
		Body: `{"properties":{"securitySettings":{"softDeleteSettings":{"state":"AlwaysOn","retentionDurationInDays":"{its own}"}}}}`,
		// "ON" was recorded of a vault that nobody had changed (resource-manager.md#backup-vaults).
		From: []string{"On", "ON"},
		Code: codeSoftDelete, Rule: "only On is ever made permanent",
		First: "Turn it On with the kind dp-soft-delete first, and see that nobody is in need of turning it off.",
	}
}
