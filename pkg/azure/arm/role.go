package arm

import (
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// RoleFor is the least that the Resource Manager must allow for a kind: its
// vaults' reading and writing, what every kind's checks ask for, and the kind's
// own calls.
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
	for _, c := range slices.Concat([]Call{readLocks, readPermissions, readSubscription, readProvider}, calls) {
		r.Actions = append(r.Actions, fleet.Action{Name: c.Action, Why: c.Why})
	}
	slices.SortFunc(r.Actions, func(a, b fleet.Action) int { return strings.Compare(a.Name, b.Name) })
	return r
}
