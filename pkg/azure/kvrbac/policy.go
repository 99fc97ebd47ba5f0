package kvrbac

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The sections of a key vault's properties that the change is about. The three
// that let Azure services in are recorded because they matter beside it.
const (
	sectionRoles      = "enableRbacAuthorization"
	sectionPolicies   = "accessPolicies"
	sectionTenant     = "tenantId"
	sectionDeployment = "enabledForDeployment"
	sectionDisks      = "enabledForDiskEncryption"
	sectionTemplates  = "enabledForTemplateDeployment"
)

// Codes of what stands against the change of a vault.
const (
	codeUnreadable  = "access-policies-unreadable"
	codeNoRole      = "no-role-for-permission"
	codeCompound    = "compound-identity"
	codeOtherTenant = "principal-of-another-tenant"
)

// wholeStorage are the permissions on managed storage accounts that "all" gives.
var wholeStorage, _ = allowed(areaStorage, wordAll)

// accessPolicy is the definition AccessPolicyEntry.
type accessPolicy struct {
	TenantID      string `json:"tenantId"`
	ObjectID      string `json:"objectId"`
	ApplicationID string `json:"applicationId"`
	Permissions   struct {
		Keys         []string `json:"keys"`
		Secrets      []string `json:"secrets"`
		Certificates []string `json:"certificates"`
		Storage      []string `json:"storage"`
	} `json:"permissions"`
}

// principal is who an access policy is for, with what it gives.
type principal struct {
	id      string // in lower case
	may     set    // of keys, secrets and certificates: what roles are to give
	storage set    // of managed storage accounts, which no role is given for
}

// principals reads the access policies of a vault. What no role could replace is
// an error among the findings; the principals are whole without one. Policies that
// give nothing to anybody are left out.
func principals(state arm.State) (ps []principal, against []fleet.Finding) {
	var tenant string
	var policies []accessPolicy
	if state.Has(sectionTenant) {
		if err := json.Unmarshal(state[sectionTenant], &tenant); err != nil {
			return nil, []fleet.Finding{unreadable("its tenant ID is no text")}
		}
	}
	if state.Has(sectionPolicies) {
		if err := json.Unmarshal(state[sectionPolicies], &policies); err != nil {
			return nil, []fleet.Finding{unreadable("they have not the form that the service documents")}
		}
	}
	var noRole, compound, elsewhere []string
	index := map[string]int{}
	for _, p := range policies {
		id, err := fleet.NormalizeGUID(p.ObjectID)
		if err != nil {
			return nil, []fleet.Finding{unreadable(fmt.Sprintf("the object ID %q is no GUID", arm.Word(p.ObjectID)))}
		}
		// AccessPolicyEntry: all identities are of the vault's own tenant. What is left
		// of a vault that moved gives no access.
		if tenant != "" && p.TenantID != "" && !strings.EqualFold(p.TenantID, tenant) {
			elsewhere = append(elsewhere, fmt.Sprintf("%s of tenant %s", id, arm.Word(p.TenantID)))
			continue
		}
		may, lacks := p.gives()
		if lacks != "" {
			noRole = append(noRole, id+": "+lacks)
		}
		if p.ApplicationID != "" {
			if may != 0 {
				compound = append(compound, fmt.Sprintf("%s with application %s", id, arm.Word(p.ApplicationID)))
			}
			continue
		}
		storage := where(func(p permission) bool { return p.area == areaStorage }) & may
		if i, ok := index[id]; ok {
			ps[i].may |= may &^ storage
			ps[i].storage |= storage
			continue
		}
		index[id] = len(ps)
		ps = append(ps, principal{id, may &^ storage, storage})
	}
	add := func(severity fleet.Severity, items []string, code, message, action string) {
		if len(items) > 0 {
			against = append(against, fleet.Finding{Severity: severity, Category: category, Code: code,
				Message: message, Action: action, Items: items})
		}
	}
	add(fleet.SeverityError, noRole, codeNoRole,
		"access policies have permissions that this version does not know, and gives no role for",
		"Take these permissions off the policies if nobody needs them any more, or hold the vault.")
	// "Azure Key Vault security", Key Vault authentication options.
	add(fleet.SeverityError, compound, codeCompound,
		"access policies are for a user in one application only, and roles know no such compound identity",
		"Replace these policies by ones for the principal alone, or take them off; or hold the vault.")
	add(fleet.SeverityWarning, elsewhere, codeOtherTenant,
		"access policies are for principals of another tenant than the vault's: they give no access, and no role is "+
			"given for them",
		"Take these policies off the vault, or consent with acceptWarnings: they have been without effect since it "+
			"changed its tenant.")
	return ps, against
}

func unreadable(why string) fleet.Finding {
	return fleet.Finding{Severity: fleet.SeverityError, Category: category, Code: codeUnreadable,
		Message: "the vault's access policies cannot be read: " + why,
		Action:  "Look at them with az keyvault show; hold the vault until it is clear what they allow."}
}

// gives returns the permissions of a policy, and in words those that nothing is
// known of.
func (p *accessPolicy) gives() (may set, lacks string) {
	var none []string
	for _, a := range []struct {
		area  string
		words []string
	}{{areaKeys, p.Permissions.Keys}, {areaSecrets, p.Permissions.Secrets},
		{areaCertificates, p.Permissions.Certificates}, {areaStorage, p.Permissions.Storage}} {
		for _, w := range a.words {
			s, known := allowed(a.area, w)
			if !known && w != "" { // null, or an empty word, is no permission
				none = append(none, a.area+" "+arm.Word(w)+" (unknown to this version)")
			}
			may |= s
		}
	}
	return may, strings.Join(none, ", ")
}
