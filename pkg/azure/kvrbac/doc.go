// Package kvrbac answers "how does a key vault go from access policies to Azure
// roles, and back": which built-in roles allow what each access policy allowed,
// which role assignments are there and which are to be made first, and when they
// can be relied on. The switch itself is the one PATCH of pkg/azure/arm.
//
// Facts are Microsoft's: the pages "Migrate from vault access policy to an Azure
// role-based access control permission model", "Azure built-in roles for
// Security", "Azure permissions for Security", "Azure Key Vault security" and
// "Troubleshoot Azure RBAC" of its documentation, cited by their titles, and the
// specifications of Microsoft.KeyVault 2026-02-01 and Microsoft.Authorization
// 2022-04-01 in azure-rest-api-specs.
package kvrbac
