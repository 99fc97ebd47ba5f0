package kvrbac

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var (
	// The filter leaves out what is given at the vault's single keys, secrets and
	// certificates ("List Azure role assignments using the REST API").
	listAssignments = arm.Call{Method: http.MethodGet,
		Path:   assignmentsPath + "?api-version=2022-04-01&$filter=atScope()",
		Action: "Microsoft.Authorization/roleAssignments/read",
		Why:    "which roles the principals of access policies have"}
	makeAssignment = arm.Call{Method: http.MethodPut, Path: assignmentsPath + "/{name}?api-version=2022-04-01",
		Action: "Microsoft.Authorization/roleAssignments/write",
		Why: "the role assignments that take the place of access policies, and the change itself: a key vault " +
			"wants this right of whoever changes how access is decided"}
)

// readDefinition reads what a custom role allows. Where a definition belongs to
// matters little: it is found by its GUID in every subscription that may use it.
var readDefinition = arm.Call{Method: http.MethodGet,
	Path:   "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}?api-version=2022-04-01",
	Action: "Microsoft.Authorization/roleDefinitions/read",
	Why:    "what the custom roles allow that principals of access policies have"}

const assignmentsPath = "{vault}/providers/Microsoft.Authorization/roleAssignments"

// assignment is the definition RoleAssignment, as far as it is needed.
type assignment struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		Scope            string `json:"scope"`
		RoleDefinitionID string `json:"roleDefinitionId"`
		PrincipalID      string `json:"principalId"`
		Condition        string `json:"condition"`
		PrincipalType    string `json:"principalType"`
		CreatedOn        string `json:"createdOn"`
	} `json:"properties"`

	role *role // nil where it gives nothing of a key vault's data
	lasting
}

// namespace is what the names of our assignments are derived in. It never
// changes: an assignment is found again by its name.
var namespace = uuid.MustParse("7d0f4c1e-5f0b-4b53-9d0b-6a8f6f0f2a44")

// nameOf is the name that we give to an assignment: the same for the same scope,
// role and principal, so that making it again does nothing ("Troubleshoot Azure
// RBAC" advises it).
func nameOf(scope string, r *role, principal string) string {
	return uuid.NewSHA1(namespace, []byte(strings.ToLower(scope+"\n"+r.id+"\n"+principal))).String()
}

// applies reports whether an assignment is given at the scope or above it.
func (a *assignment) applies(scope string) bool {
	at := a.Properties.Scope
	if at == "/" || strings.HasPrefix(strings.ToLower(at), "/providers/microsoft.management/managementgroups/") {
		return true
	}
	at = strings.TrimSuffix(at, "/") + "/"
	return len(at) > 1 && len(scope)+1 >= len(at) && strings.EqualFold((scope + "/")[:len(at)], at)
}

// here reports whether it is given at the scope itself.
func (a *assignment) here(scope string) bool { return strings.EqualFold(a.Properties.Scope, scope) }

// madeAt is when it was made; zero where the service does not say.
func (a *assignment) madeAt() time.Time {
	t, err := time.Parse(time.RFC3339Nano, a.Properties.CreatedOn)
	if err != nil {
		return time.Time{}
	}
	return t
}

// list reads the role assignments that apply to a vault, inherited ones included,
// the custom roles among them that somebody of these principals has, and which end.
func list(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, of []principal) ([]assignment, error) {
	all, err := arm.List[assignment](ctx, u, v.SubscriptionID, "list the role assignments of vault "+v.Ref(),
		pathOf(listAssignments, v, ""))
	if err != nil {
		return nil, err
	}
	var at []assignment
	for _, a := range all {
		if !a.applies(v.ResourceID()) {
			continue
		}
		a.role = roleOf(a.Properties.RoleDefinitionID)
		isOf := func(p principal) bool { return strings.EqualFold(a.Properties.PrincipalID, p.id) }
		if a.role == nil && a.Properties.Condition == "" && slices.ContainsFunc(of, isOf) {
			if a.role, err = custom(ctx, u, v, a.Properties.RoleDefinitionID); err != nil {
				return nil, err
			}
		}
		at = append(at, a)
	}
	return at, readEnds(ctx, u, v, of, at)
}

// custom reads a role that is none of the built-in ones for key vaults; nil where
// it allows nothing of their data.
func custom(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, definition string) (*role, error) {
	id, err := fleet.NormalizeGUID(lastPart(definition))
	if err != nil {
		return nil, nil
	}
	path := pathOf(readDefinition, v, id)
	any, err := u.Shared(ctx, path, func(ctx context.Context) (any, error) {
		var d struct {
			Properties struct {
				RoleName    string `json:"roleName"`
				Permissions []struct {
					DataActions    []string `json:"dataActions"`
					NotDataActions []string `json:"notDataActions"`
				} `json:"permissions"`
			} `json:"properties"`
		}
		_, _, err := u.Get(ctx, v.SubscriptionID, "read the role definition "+id, path, &d)
		r := &role{id: id, name: arm.Word(d.Properties.RoleName)}
		for _, p := range d.Properties.Permissions {
			r.grants |= granted(p.DataActions, p.NotDataActions)
		}
		return r, err
	})
	if err != nil {
		return nil, err
	}
	if r, ok := any.(*role); ok && r.grants != 0 {
		return r, nil
	}
	return nil, nil
}

func pathOf(c arm.Call, v *fleet.Vault, name string) string {
	return strings.NewReplacer("{vault}", fleet.EscapePath(v.ResourceID()), "{subscription}", v.SubscriptionID,
		"{name}", name).Replace(c.Path)
}

// put makes a role assignment. Made already is made: existed says so. One that was
// made is not asked for again soon, however long it takes to be listed.
//
// The principal's type is left to the service, which looks it up: a policy does
// not say it, and the wrong one is refused.
func put(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, principal string, m mapping) (existed bool,
	refusal *fleet.CallError) {
	op := "give principal " + principal + " the role " + m.role.name + " at vault " + v.Ref()
	path := pathOf(makeAssignment, v, m.name)
	was, err := u.Shared(ctx, path, func(ctx context.Context) (any, error) {
		body, err := json.Marshal(map[string]any{"properties": map[string]string{
			"roleDefinitionId": "/subscriptions/" + v.SubscriptionID +
				"/providers/Microsoft.Authorization/roleDefinitions/" + m.role.id,
			"principalId": principal,
		}})
		if err != nil {
			return nil, err
		}
		resp, err := u.Do(ctx, v.SubscriptionID, op, http.MethodPut, path, body)
		if err != nil || resp.Status == http.StatusOK || resp.Status == http.StatusCreated {
			return resp != nil && resp.Status == http.StatusOK, err
		}
		refusal := arm.Error(resp, op)
		if refusal.Code == "RoleAssignmentExists" { // under this name or one that somebody else chose
			return true, nil
		}
		return nil, refusal
	})
	if err == nil {
		existed, _ = was.(bool)
		return existed, nil
	}
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		return false, ce
	}
	return false, &fleet.CallError{Op: op, Class: fleet.ClassOf(err), Err: err}
}

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
	return strings.EqualFold(i.Properties.Scope, a.Properties.Scope) &&
		strings.EqualFold(i.Properties.PrincipalID, a.Properties.PrincipalID) &&
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
		return slices.ContainsFunc(of, func(p principal) bool {
			r := a.gives(p.id)
			return r != nil &&
				r.grants&(p.may|p.storage) != 0
		})
	})
	if !matters {
		return nil
	}
	instances, found, err := arm.ListIfAny[instance](ctx, u, v.SubscriptionID,
		"list which role assignments of vault "+v.Ref()+" end", pathOf(listInstances, v, ""))
	var all lasting
	switch ce, refused := errors.AsType[*fleet.CallError](err); {
	case err == nil && !found:
		all.unread = "the Resource Manager knows no such list here"
	case err == nil:
	case refused && strings.EqualFold(ce.Code, codeUnlicensed):
		all.unlicensed = true
	case refused && (ce.Class == fleet.CallForbidden || ce.Class == fleet.CallRefused ||
		ce.Class == fleet.CallNotFound):
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
