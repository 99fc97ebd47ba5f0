package kvrbac

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Codes of what going back to access policies means.
const (
	codeLeft  = "role-assignments-left"
	codeLoses = "role-without-access-policy"
)

// AccessPolicies puts back what [Roles] has changed. The access policies were
// never touched ("Migrate from vault access policy…"), and count again.
func AccessPolicies() arm.Change {
	c := arm.Rollback(Roles(), restore, nil, listAssignments, makeAssignment)
	c.Check, c.Spec.Role = checkBack, unconditional(c.Spec.Role)
	return c
}

// restore is the body that puts a recorded state back. A vault without the word
// is one that access policies decide for: the default became true in 2026-02-01
// for new vaults alone.
func restore(was arm.State) (json.RawMessage, error) {
	if string(was[sectionRoles]) == "true" {
		return nil, errors.New("roles decided before the run as well")
	}
	return bodyBack, nil
}

// checkBack shows what stays behind, and who loses access.
func checkBack(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, res *arm.Resource, r *check.Report) {
	ps, _ := principals(res.State())
	there, err := list(ctx, u, v, nil)
	if err != nil {
		u.Failed(r, err)
		return
	}
	var left, loses []string
	for i := range there {
		a := &there[i]
		role := a.role
		if role == nil {
			continue
		}
		id, err := fleet.NormalizeGUID(a.Properties.PrincipalID)
		if err != nil {
			continue
		}
		if !a.here(v.ResourceID()) {
			continue // given for more than this vault
		}
		if a.Name == nameOf(v.ResourceID(), role, id) {
			left = append(left, fmt.Sprintf("%s: %s, assignment %s", id, role.name, a.Name))
		}
		if !slices.ContainsFunc(ps, func(p principal) bool { return p.id == id }) {
			loses = append(loses, fmt.Sprintf("%s: %s, assignment %s", id, role.name, arm.Word(a.Name)))
		}
	}
	if len(left) > 0 {
		r.Add(fleet.Finding{Severity: fleet.SeverityInfo, Category: category, Code: codeLeft, Items: left,
			Message: "role assignments that fleetup made are left in place: they open no data while access policies decide",
			Action:  "Remove them with az role assignment delete if they are not to count again one day."}, "")
	}
	if len(loses) > 0 {
		r.Add(fleet.Finding{Severity: fleet.SeverityWarning, Category: category, Code: codeLoses, Items: loses,
			Message: "principals have access by a role at the vault and no access policy: they lose it",
			Action:  "Give them an access policy first if they need the vault, or consent with acceptWarnings."}, "")
	}
}
