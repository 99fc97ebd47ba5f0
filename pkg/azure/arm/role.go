package arm

import (
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// following are the actions of the addresses at which a change is followed, by the
// type of the vault. They are of their own: who may write may not therefore read
// how the operation stands (MicrosoftDocs/azure-docs,
// articles/role-based-access-control/permissions/management-and-governance.md; the
// built-in backup roles list them beside Vaults/write). A key vault is changed at
// once, and has none.
var following = map[fleet.ResourceType][]fleet.Action{
	fleet.RecoveryServicesVault: {
		{Name: string(fleet.RecoveryServicesVault) + "/operationStatus/read", Why: "how a change stands that has begun (Azure-AsyncOperation)"},
		{Name: string(fleet.RecoveryServicesVault) + "/operationResults/read", Why: "what a change that has begun has led to (Location)"},
	},
}

// RoleFor is the least that the Resource Manager must allow for a kind: its
// vaults' reading and writing, the following of its operations, what every kind's
// checks ask for, the kind's own calls, and the finding of vaults.
func RoleFor(k fleet.Kind, t fleet.ResourceType, calls ...Call) fleet.Role {
	r := fleet.Role{
		Name:        "fleetup " + string(k),
		Description: "What fleetup asks of the Resource Manager to carry out the upgrade " + string(k) + ".",
		Besides:     "Where a resource guard protects the vaults, its owner must allow the operation besides.",
		Actions: []fleet.Action{
			{Name: string(t) + "/read", Why: "how a vault is, before and after"},
			{Name: string(t) + "/write", Why: "the change itself, and the operations that it begins"},
		},
	}
	r.Actions = append(r.Actions, following[t]...)
	r.Actions = append(r.Actions, fleet.Action{Name: "Microsoft.ResourceGraph/resources/read", Why: "which vaults there are: fleetup inventory discover", Apart: true})
	for _, c := range slices.Concat([]Call{readLocks, readPermissions, readSubscription, readProvider}, calls) {
		r.Actions = append(r.Actions, fleet.Action{Name: c.Action, Why: c.Why})
	}
	slices.SortFunc(r.Actions, func(a, b fleet.Action) int { return strings.Compare(a.Name, b.Name) })
	return r
}
