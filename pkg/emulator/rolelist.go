package emulator

import (
	"strconv"
	"time"
)

// Roles that subscriptions give away and that open no key vault's data, by the IDs
// that Microsoft's list of built-in roles gives them.
var commonRoles = []string{
	"b24988ac-6180-42a0-ab88-20f7382dd24c", // Contributor
	roleReader,
	"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", // User Access Administrator
	"92aaf0da-9dab-42b6-94a9-d43ce8d16293", // Log Analytics Contributor
	"43d0d8ad-25c7-4714-9337-8ba259a9fe05", // Monitoring Reader
	"39bc4728-0917-49c7-9d2c-d95423bc2eb4", // Security Reader
	"00c29273-979b-4161-815c-10b084fb9324", // Backup Operator
	"5e467623-bb1f-42f4-a55d-6e525e11384b", // Backup Contributor
	"4d97b98b-1d4f-4787-a291-c67834d212e7", // Network Contributor
	"7f951dda-4ed3-4680-a7ca-43fe172d538d", // AcrPull
	"2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", // Storage Blob Data Reader
}

// standingRoles are the role assignments that apply to a vault from the beginning.
// As recorded there are about 200, given at the root, at management groups, at the
// subscription, at the resource group and at the vault (Azure/azure-cli,
// src/azure-cli/azure/cli/command_modules/role/tests/latest/recordings,
// test_role_assignment_*.yaml).
func (c *Cloud) standingRoles(r *resource) []RoleAssignment {
	out := usualRoles(r.sub.id)
	if !c.recorded() {
		return out
	}
	sub := "/subscriptions/" + r.sub.id
	kinds := []string{"ServicePrincipal", "ServicePrincipal", "User", "Group"}
	for _, at := range []struct {
		scope string
		many  int
	}{
		{"/", 4},
		{"/providers/Microsoft.Management/managementGroups/" + tenantID, 9},
		{"/providers/Microsoft.Management/managementGroups/platform", 14},
		{sub, 160},
		{sub + "/resourceGroups/" + r.ResourceGroup, 9},
		{r.id(), 2},
	} {
		for i := range at.many {
			n := strconv.Itoa(i)
			out = append(out, RoleAssignment{Name: guid(0, "standing", at.scope, n), Scope: at.scope, Role: commonRoles[i%len(commonRoles)],
				PrincipalID: guid(0, "holder", at.scope, n), PrincipalType: kinds[i%len(kinds)]})
		}
	}
	return out
}

// inFull adds to an assignment what a recorded list has besides.
func (c *Cloud) inFull(doc object, a *assignment) object {
	if !c.recorded() {
		return doc
	}
	properties, _ := doc["properties"].(object)
	made := a.At
	if made.IsZero() {
		made = madeAt
	}
	also := object{"condition": nil, "conditionVersion": nil, "createdOn": made.UTC().Format(time.RFC3339Nano), "updatedOn": made.UTC().Format(time.RFC3339Nano),
		"createdBy": c.caller(), "updatedBy": c.caller(), "delegatedManagedIdentityResourceId": nil, "description": nil}
	for name, value := range also {
		if _, said := properties[name]; !said {
			properties[name] = value
		}
	}
	return doc
}
