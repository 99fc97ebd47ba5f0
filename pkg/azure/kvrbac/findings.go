package kvrbac

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// inTheWay finds an assignment that ours cannot stand beside, or perhaps not: the same
// role of the same principal at the same scope, under a condition or for a time.
func inTheWay(r *role, principal, scope string, there []assignment, why func(*assignment) string) *assignment {
	for i := range there {
		a := &there[i]
		if why(a) != "" && a.role == r && a.here(scope) && strings.EqualFold(a.Properties.PrincipalID, principal) {
			return a
		}
	}
	return nil
}

func condition(a *assignment) string { return a.Properties.Condition }
func end(a *assignment) string       { return a.ends }

// ending names the assignments that give a principal something of its policy, and
// end.
func ending(p *principal, there []assignment, scope string) (items []string) {
	for i := range there {
		a := &there[i]
		if a.ends != "" && a.role != nil && a.role.grants&(p.may|p.storage) != 0 && strings.EqualFold(a.Properties.PrincipalID, p.id) {
			items = append(items, fmt.Sprintf("%s: %s at %s, %s", p.id, a.role.name, placeOf(a, scope), a.ends))
		}
	}
	return items
}

// placeOf is the scope of an assignment in words.
func placeOf(a *assignment, scope string) string {
	if a.here(scope) {
		return "the vault"
	}
	return arm.Word(a.Properties.Scope)
}

// givers are the assignments of others that something needed is counted on by: none
// where ours gives it, which was made without an end. ours is its name.
func givers(need set, principal string, there []assignment, ours string) (counted []*assignment) {
	for i := range there {
		switch r := there[i].gives(principal); {
		case r == nil || r.grants&need == 0:
		case strings.EqualFold(there[i].Name, ours):
			return nil
		default:
			counted = append(counted, &there[i])
		}
	}
	return counted
}

// uncertain says of assignments that are counted on that nobody could say whether
// they end, or that nothing can.
func (a *assessment) uncertain(counted []*assignment) {
	var unread []string
	why, unlicensed := "", false
	for _, by := range counted {
		unlicensed = unlicensed || by.unlicensed
		if item := fmt.Sprintf("%s: %s at %s", arm.Word(by.Properties.PrincipalID), by.role.name, arm.Word(by.Properties.Scope)); by.unread != "" && !slices.Contains(unread, item) {
			unread, why = append(unread, item), by.unread
		}
	}
	a.add(fleet.SeverityWarning, codeUnread, "role assignments are counted on, and whether they end could not be read ("+why+")",
		"Give the identity "+listInstances.Action+", or look at them in Privileged Identity Management and consent with acceptWarnings if none of them ends.", unread)
	if unlicensed {
		a.add(fleet.SeverityInfo, codeNoPIM, "role assignments are counted as permanent: the directory has no licence for Privileged Identity Management ("+codeUnlicensed+"), which ends them elsewhere",
			"", []string{fmt.Sprintf("%s counted on", count(len(counted), "assignment", "assignments"))})
	}
}

// storage warns of what is lost on managed storage accounts. "Managed storage account
// keys" is a legacy feature with no more updates, and which the command line has
// no commands for since 2.54 ("Manage storage account keys with Key Vault and the
// Azure CLI (legacy)"); its az keyvault create still gives all of it. Whether a
// vault manages any is told by the vault alone, to whom it gives these permissions.
func (a *assessment) storage(all, some []string) {
	const look = "The Resource Manager does not tell whether the vault manages any: Get-AzKeyVaultManagedStorageAccount -VaultName NAME does. "
	a.add(fleet.SeverityWarning, codeStorageAll, "access policies allow everything on managed storage accounts, as az keyvault create gives it; no role is given for this legacy feature, and it is lost with the change",
		look+"If it manages none, consent with acceptWarnings; if it does, hold the vault.", all)
	a.add(fleet.SeverityWarning, codeStorage, "access policies allow some operations on managed storage accounts, which somebody chose; no role is given for this legacy feature, and they are lost with the change",
		look+"If it manages none, consent with acceptWarnings; if it does, hold the vault.", some)
}

// absent says of principals that the directory does not know any more. Who consents
// must do so by the code: this shows only when the roles are to be made, so that no
// plan can have shown it before.
func (a *assessment) absent(v *fleet.Vault, nobody []string) {
	for _, c := range v.Consents {
		if strings.EqualFold(c.Code, codeGone) && c.Covers(fleet.Finding{Severity: fleet.SeverityWarning, Category: category, Code: codeGone}) {
			a.add(fleet.SeverityInfo, codeGone, "the directory does not know principals of access policies any more: nothing is made for them, as acceptWarnings allows ("+c.Reason+")", "", nobody)
			return
		}
	}
	a.add(fleet.SeverityError, codeGone, "the directory does not know principals of access policies any more, so that nobody can use these",
		"Take their access policies off the vault, or consent with acceptWarnings: [{code: PrincipalNotFound, reason: …}]; then run again.", nobody)
}

// groups are the groups that have a role on the vault's data, and no access policy.
func groups(ps []principal, there []assignment) []string {
	return strangers(ps, slices.DeleteFunc(slices.Clone(there), func(a assignment) bool {
		return !strings.HasSuffix(strings.ToLower(a.Properties.PrincipalType), "group")
	}))
}
