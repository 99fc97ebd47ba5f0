// Package privatelink answers "what would reach a vault without the public network",
// as far as the vault itself shows it: its private endpoints
// (azure-rest-api-specs, the definitions PrivateEndpointConnection of Recovery Services
// and PrivateEndpointConnectionItem of Key Vault).
package privatelink

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Section is the property that holds a vault's private endpoints.
const Section = "privateEndpointConnections"

// CodeNone is the warning about a vault, or a use of it, that no private endpoint serves.
const CodeNone = "no-private-endpoint"

// endpoint is a private endpoint of a vault.
type endpoint struct {
	Properties struct {
		State struct {
			Status string `json:"status"`
		} `json:"privateLinkServiceConnectionState"`
		Groups []string `json:"groupIds"` // what of the vault it serves; key vaults do not say
	} `json:"properties"`
}

// Serves reports whether an approved private endpoint serves a use of a vault; empty:
// any use. What cannot be read serves nothing.
func Serves(now arm.State, use string) bool {
	var all []endpoint
	if !now.Has(Section) || json.Unmarshal(now[Section], &all) != nil {
		return false
	}
	return slices.ContainsFunc(all, func(e endpoint) bool {
		return strings.EqualFold(e.Properties.State.Status, "Approved") &&
			(use == "" || slices.ContainsFunc(e.Properties.Groups,
				func(g string) bool { return strings.EqualFold(g, use) }))
	})
}

// Missing is the warning that no approved private endpoint serves some uses of a vault.
func Missing(uses string) fleet.Finding {
	return fleet.Finding{Severity: fleet.SeverityWarning, Code: CodeNone,
		Message: "no approved private endpoint serves " + uses +
			": what reaches it over the public network is cut off",
		Action: "Make private endpoints first and see that they are used, or consent with acceptWarnings."}
}
