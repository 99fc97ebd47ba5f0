package arm

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// readPermissions lists what the identity may do with a vault
// (Permissions_ListForResource in azure-rest-api-specs, whose PermissionGetResult has a
// nextLink: what stands on another page is allowed as well).
var readPermissions = Call{http.MethodGet,
	"{vault}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01",
	"Microsoft.Authorization/permissions/read", "whether the identity may make the change"}

// permission is what one of the identity's roles allows: what Actions hold and
// NotActions do not.
type permission struct {
	Actions    []string `json:"actions"`
	NotActions []string `json:"notActions"`
}

// allows reports whether an action is allowed.
func (p *permission) allows(action string) bool {
	covers := func(pattern string) bool { return Matches(pattern, action) }
	return slices.ContainsFunc(p.Actions, covers) && !slices.ContainsFunc(p.NotActions, covers)
}

// Matches compares an action with a pattern: a star stands for any text, slashes
// included, and capitals make no difference.
func Matches(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, last)
}

// checkPermissions names the actions of the kind's role that the identity lacks
// on a vault. It may have them on others: roles can be given for a group, or for
// a single vault.
func (u *Upgrader) checkPermissions(ctx context.Context, v *fleet.Vault, r *check.Report) {
	list, resp, err := listWithin[permission](ctx, u, v.SubscriptionID, "read the permissions on vault "+v.Ref(),
		readPermissions.At(v), usualBounds)
	if err != nil {
		u.Failed(r, err)
		return
	}
	if resp == nil {
		return // the vault is not there: another check says so
	}
	var missing []string
	for _, a := range u.change.Spec.Role().Actions {
		// What is read of the subscription itself is told about a vault only where a role
		// says so; both reads have been made by now.
		if a.Apart || strings.HasPrefix(a.Name, "Microsoft.Resources/subscriptions/") {
			continue
		}
		if !slices.ContainsFunc(list, func(p permission) bool { return p.allows(a.Name) }) {
			missing = append(missing, a.Name)
		}
	}
	if len(missing) > 0 {
		r.Error(fleet.CodeNoPermission, "the identity lacks permissions on vault "+v.Ref()+": "+strings.Join(missing,
			", "),
			u.permission(), resp.RequestID)
	}
}

// ofEachGroup returns the first vault of each resource group.
func ofEachGroup(vaults []*fleet.Vault) (firsts []*fleet.Vault) {
	known := map[string]bool{}
	for _, v := range vaults {
		if group := fleet.FoldName(v.ResourceGroup); !known[group] {
			known[group] = true
			firsts = append(firsts, v)
		}
	}
	return firsts
}

// RoleFor is the least that the Resource Manager must allow for a kind: its
// vaults' reading and writing, the following of its operations, what every kind's
// checks ask for, the kind's own calls, and the finding of vaults.
func RoleFor(s *fleet.KindSpec, calls ...Call) fleet.Role {
	r := fleet.Role{
		Name: "fleetup " + string(s.Kind),
		Description: "What fleetup asks of the Resource Manager to carry out the " +
			s.Kind.Direction().Words().Noun + " " + string(s.Kind) + ".",
		Besides: "Where a resource guard protects the vaults, its owner must allow the operation besides.",
		Actions: []fleet.Action{
			{Name: string(s.Type) + "/read", Why: "how a vault is, before and after"},
			{Name: string(s.Type) + "/write", Why: "the change itself, and the operations that it begins"},
		},
	}
	r.Actions = append(r.Actions, s.Following...)
	r.Actions = append(r.Actions, fleet.Action{Name: "Microsoft.ResourceGraph/resources/read",
		Why: "which vaults there are: fleetup inventory discover", Apart: true})
	for _, c := range slices.Concat([]Call{readLocks, readPermissions, readSubscription, readProvider}, calls) {
		r.Actions = append(r.Actions, fleet.Action{Name: c.Action, Why: c.Why})
	}
	slices.SortFunc(r.Actions, func(a, b fleet.Action) int { return strings.Compare(a.Name, b.Name) })
	return r
}
