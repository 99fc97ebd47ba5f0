package kv

import (
	"encoding/json"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/privatelink"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// vaults are what the kinds have in common. A change is answered when it is made
// (resource-manager.md#key-vaults), so that it takes no longer than the reading around it.
var vaults = arm.VaultType{Name: fleet.KeyVault, APIVersion: "2026-02-01", Expected: "15s",
	// azure-rest-api-specs, keyvault, models.tsp: VaultProperties, and what its description says of
	// enableSoftDelete and enablePurgeProtection; VaultPatchProperties has no vaultUri.
	ReadOnly: []string{"provisioningState", "hsmPoolResourceId", "privateEndpointConnections", "vaultUri"},
	Unread:   []string{"createMode"},
	Forever:  map[string][]string{sectionPurge: {"true"}, sectionSoftDelete: {"true"}}}

// Vaults are what kinds of these vaults have in common.
func Vaults() *arm.VaultType { return &vaults }

// Settings are the kinds.
func Settings() []arm.Setting { return []arm.Setting{PurgeProtection(), PublicAccess()} }

// Codes of what stands against a change.
const (
	codePurgeState   = "purge-protection-state"
	codeNoSoftDelete = "soft-delete-off"
	codeForbids      = "purge-forbidden"
	codePublicState  = "public-access-state"
	codeRules        = "network-rules-overridden"
	codeTrusted      = "trusted-services-cut-off"
)

// PurgeProtection forbids for ever that what was deleted is purged before its time.
// The property does not accept false (azure-rest-api-specs, keyvault, VaultProperties).
func PurgeProtection() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "purge protection",
		Spec: fleet.KindSpec{Kind: "kv-purge-protection", Title: "no purge of what is deleted, for ever",
			Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
				Says: "Azure/azure-rest-api-specs, and its examples"},
			Permanent: true, Confirm: true,
			Properties: []fleet.Property{{Name: sectionPurge, Since: "2019-09-01"}},
			After: []string{"From now on nobody can purge a deleted vault, key, secret or certificate before its " +
				"days are over, nor use a deleted vault's name again until then; the days themselves cannot be " +
				"changed any more."}},
		Section: sectionPurge, Body: `{"properties":{"enablePurgeProtection":true}}`,
		Beside: []string{sectionSoftDelete, sectionDays},
		From:   []string{"false", ""}, Code: codePurgeState, Rule: "only a vault without it gets it",
		First: lookAtIt, Judge: judgePurge,
	}
}

const (
	sectionPurge      = "enablePurgeProtection"
	sectionSoftDelete = "enableSoftDelete"
	sectionDays       = "softDeleteRetentionInDays"

	lookAtIt = "Look at the vault in the portal, or hold it."
)

// judgePurge says what the protection forbids from then on, and that it is not
// effective without soft delete (VaultProperties).
func judgePurge(_ fleet.Options, now arm.State) []fleet.Finding {
	if string(now[sectionSoftDelete]) == "false" {
		return []fleet.Finding{{Severity: fleet.SeverityError, Code: codeNoSoftDelete,
			Message: "soft delete is off, and purge protection is effective only with it",
			Action:  "Turn soft delete on first, which can never be turned off again, or hold the vault."}}
	}
	days := "90" // the published default
	if now.Has(sectionDays) {
		days = arm.Word(string(now[sectionDays]))
	}
	return []fleet.Finding{{Severity: fleet.SeverityInfo, Code: codeForbids,
		Message: "from then on what is deleted in the vault, and the vault itself with its name, stays for " + days +
			" days whoever asks"}}
}

// PublicAccess shuts the public network out.
func PublicAccess() arm.Setting {
	return arm.Setting{Of: &vaults, Name: "public network access",
		Spec: fleet.KindSpec{Kind: "kv-public-access", Title: "no access from the public network",
			Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
				Says: "Azure/azure-rest-api-specs, and its examples"},
			Properties: []fleet.Property{{Name: sectionPublic, Since: "2021-10-01"}}},
		Section: sectionPublic, Body: `{"properties":{"publicNetworkAccess":"Disabled"}}`,
		Beside: []string{privatelink.Section, sectionRules},
		From:   []string{"Enabled", ""}, Unset: "Enabled",
		Code: codePublicState, Rule: "only Enabled becomes Disabled", First: lookAtIt, Judge: judgePublic,
	}
}

const (
	sectionPublic = "publicNetworkAccess"
	sectionRules  = "networkAcls"
)

// rules are a vault's network rules (NetworkRuleSet). Where public access is disabled
// they count no more, and only private endpoints and trusted services get in (VaultProperties,
// publicNetworkAccess).
type rules struct {
	Bypass  string `json:"bypass"`        // AzureServices where nothing is said, or None
	Default string `json:"defaultAction"` // Allow, or Deny
	IPs     []struct {
		Value string `json:"value"`
	} `json:"ipRules"`
	Networks []struct {
		ID string `json:"id"`
	} `json:"virtualNetworkRules"`
}

// judgePublic says who is cut off, as far as the vault shows it.
func judgePublic(_ fleet.Options, now arm.State) (found []fleet.Finding) {
	warn := func(code, action, message string) *fleet.Finding {
		found = append(found, fleet.Finding{Severity: fleet.SeverityWarning, Code: code, Action: action,
			Message: message})
		return &found[len(found)-1]
	}
	if !privatelink.Serves(now, "") {
		found = append(found, privatelink.Missing("the vault"))
	}
	var r rules
	if now.Has(sectionRules) && json.Unmarshal(now[sectionRules], &r) != nil {
		warn(codeRules, "Look at them in the portal first, or consent with acceptWarnings.",
			"its network rules cannot be read, and count no more")
		return found
	}
	var items []string
	for _, ip := range r.IPs {
		items = append(items, arm.Word(ip.Value))
	}
	for _, n := range r.Networks {
		items = append(items, arm.Word(n.ID))
	}
	if len(items) > 0 {
		warn(codeRules, "Give whoever comes from there a private endpoint first, or consent with acceptWarnings.",
			"its network rules count no more: who comes from there is cut off").Items = items
	}
	if strings.EqualFold(r.Bypass, "None") && !strings.EqualFold(r.Default, "Deny") {
		warn(codeTrusted, "Let them pass first (bypass: AzureServices), or consent with acceptWarnings.",
			"trusted services of Azure may not pass beside the rules (bypass is None), and come over the public "+
				"network: they are cut off")
	}
	return found
}
