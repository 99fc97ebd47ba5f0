package rsv

import (
	"encoding/json"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/privatelink"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Settings are the kinds that are data.
func Settings() []arm.Setting { return []arm.Setting{SoftDelete(), PublicAccess()} }

const lookAtIt = "Look at the vault in the portal, or hold it."

// SoftDelete keeps what is deleted for some days. A PATCH of this setting was reported
// to be answered 200 and to change nothing (azure-rest-api-specs, issue 34218): what was read
// afterwards decides, as ever.
func SoftDelete() arm.Setting {
	const section = "securitySettings.softDeleteSettings"
	return arm.Setting{Of: &vaults, Name: "soft delete",
		Spec: fleet.KindSpec{Kind: "rsv-soft-delete", Title: "soft delete of backups, which can be turned off",
			Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
				Says: "Azure/azure-rest-api-specs; its issue 34218 reports such a " +
					"request that was answered 200 and changed nothing"},
			Properties: []fleet.Property{{Name: section + ".softDeleteState", Since: "2023-04-01"}},
			After: []string{"From now on soft delete of the vaults is set here alone: what sets it by their " +
				"backupconfig is refused (BMSUserErrorSoftDeleteUseVaultApi)."}},
		Section: section, State: "softDeleteState", Own: json.RawMessage("14"),
		Body: `{"properties":{"securitySettings":{"softDeleteSettings":{"softDeleteState":"Enabled","softDeleteRetentionPeriodInDays":"{its own}"}}}}`,
		From: []string{"Disabled", ""}, More: []string{"AlwaysON"},
		Code: "soft-delete-state", Rule: "only Disabled becomes Enabled", First: lookAtIt,
	}
}

// PublicAccess shuts the public network out.
func PublicAccess() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "public network access",
		Spec: fleet.KindSpec{Kind: "rsv-public-access", Title: "no access from the public network",
			Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
				Says: "Azure/azure-rest-api-specs, and its examples"},
			Properties: []fleet.Property{{Name: "publicNetworkAccess", Since: "2023-01-01"}}},
		Section: "publicNetworkAccess", Body: `{"properties":{"publicNetworkAccess":"Disabled"}}`,
		Beside: []string{privatelink.Section}, From: []string{"Enabled", ""},
		Code: "public-access-state", Rule: "only Enabled becomes Disabled", First: lookAtIt, Judge: judgePublic,
	}
}

// judgePublic warns of what the vault may be used for over the public network: what no
// private endpoint serves. Whether it is used for that the vault does not say.
func judgePublic(_ fleet.Options, now arm.State) []fleet.Finding {
	var open []string
	for _, use := range []struct{ group, words string }{
		{"AzureBackup", "its backups"}, {"AzureSiteRecovery", "its replication (Site Recovery)"}} {
		if !privatelink.Serves(now, use.group) {
			open = append(open, use.words)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return []fleet.Finding{privatelink.Missing(strings.Join(open, " and "))}
}
