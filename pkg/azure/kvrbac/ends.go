package kvrbac

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// listInstances tells which assignments end. In the list of role assignments one
// that Privileged Identity Management made, because somebody activated a role or
// was given it for a time, looks like any other (azure-rest-api-specs,
// Microsoft.Authorization 2020-10-01, RoleAssignmentScheduleInstances_ListForScope).
// Its page names roleAssignments/read as what it needs ("Use Azure PIM to manage
// active access with the REST API"), and the list of operations has one of its own.
var listInstances = arm.Call{Method: http.MethodGet,
	Path:   "{vault}/providers/Microsoft.Authorization/roleAssignmentScheduleInstances?api-version=2020-10-01&$filter=atScope()",
	Action: "Microsoft.Authorization/roleAssignmentScheduleInstances/read",
	Why:    "which role assignments end: those do not take the place of an access policy, which has no end"}

// codeUnlicensed answers 400 where the directory has no licence for Privileged
// Identity Management (issue 114 of JulianHayward/Azure-MG-Sub-Governance-Reporting
// shows the answer of this very list).
const codeUnlicensed = "AadPremiumLicenseRequired"

// instance is the definition RoleAssignmentScheduleInstance, as far as it is needed.
type instance struct {
	Properties struct {
		Scope            string `json:"scope"`
		RoleDefinitionID string `json:"roleDefinitionId"`
		PrincipalID      string `json:"principalId"`
		Origin           string `json:"originRoleAssignmentId"` // the assignment
		AssignmentType   string `json:"assignmentType"`         // Assigned, or Activated by whoever is eligible
		EndDateTime      string `json:"endDateTime"`            // empty: none
	} `json:"properties"`
}

// ends says in words how the access ends; "" where it does not. An activated role
// always does: with its time, or with the eligibility.
func (i *instance) ends() string {
	until := ""
	if end := i.Properties.EndDateTime; end != "" {
		until = "until " + arm.Word(end)
		if t, err := time.Parse(time.RFC3339Nano, end); err == nil {
			until = "until " + t.UTC().Format("2006-01-02 15:04 UTC")
		}
	}
	switch t := i.Properties.AssignmentType; {
	case strings.EqualFold(t, "Activated"):
		return strings.TrimSpace("activated " + until)
	case t != "" && !strings.EqualFold(t, "Assigned"):
		return strings.TrimSpace(arm.Word(t) + " " + until) // a type that is not known is not counted on
	case until != "":
		return "given " + until
	}
	return ""
}

// is reports whether the instance is about an assignment: by its ID, and where it
// names none, by what the ID stands for.
func (i *instance) is(a *assignment) bool {
	if i.Properties.Origin != "" && a.ID != "" {
		return strings.EqualFold(i.Properties.Origin, a.ID)
	}
	return strings.EqualFold(i.Properties.Scope, a.Properties.Scope) && strings.EqualFold(i.Properties.PrincipalID, a.Properties.PrincipalID) &&
		strings.EqualFold(lastPart(i.Properties.RoleDefinitionID), lastPart(a.Properties.RoleDefinitionID))
}

// lasting is what is known of how long an assignment lasts.
type lasting struct {
	ends       string // in words; empty: it does not, as far as is known
	unread     string // why nobody could say; empty: it was read
	unlicensed bool   // nothing ends, for want of a licence
}

// readEnds notes of each assignment whether it ends. The question is asked only
// where the answer matters: where somebody of these principals has something of
// what its policy gives.
func readEnds(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, of []principal, at []assignment) error {
	matters := slices.ContainsFunc(at, func(a assignment) bool {
		return slices.ContainsFunc(of, func(p principal) bool { r := a.gives(p.id); return r != nil && r.grants&(p.may|p.storage) != 0 })
	})
	if !matters {
		return nil
	}
	instances, found, err := arm.ListIfAny[instance](ctx, u, v.SubscriptionID, "list which role assignments of vault "+v.Ref()+" end", pathOf(listInstances, v, ""))
	var all lasting
	switch ce, refused := errors.AsType[*fleet.CallError](err); {
	case err == nil && !found:
		all.unread = "the Resource Manager knows no such list here"
	case err == nil:
	case refused && strings.EqualFold(ce.Code, codeUnlicensed):
		all.unlicensed = true
	case refused && (ce.Class == fleet.CallForbidden || ce.Class == fleet.CallRefused || ce.Class == fleet.CallNotFound):
		all.unread = strings.TrimSpace(fmt.Sprintf("HTTP %d %s", ce.HTTPStatus, ce.Code))
	default:
		return err
	}
	for i := range at {
		at[i].lasting = all
		for j := range instances {
			if instances[j].is(&at[i]) && at[i].ends == "" {
				at[i].ends = instances[j].ends()
			}
		}
	}
	return nil
}
