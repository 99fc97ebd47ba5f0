package kvrbac

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// kindRoles lets Azure roles decide who may use a key vault, instead of its access
// policies.
const kindRoles fleet.Kind = "kv-rbac"

// apiVersion is the one that all others retire in favour of (resource-manager.md#the-request).
const apiVersion = "2026-02-01"

var (
	body = json.RawMessage(`{"properties":{"enableRbacAuthorization":true}}`)
	// A body without the word leaves it as it is (VaultPatchProperties).
	bodyBack = json.RawMessage(`{"properties":{"enableRbacAuthorization":false}}`)
)

// optionPropagation is how long a role assignment is given to be in force.
const optionPropagation = "propagation"

// Roles is the change of [kindRoles].
func Roles() arm.Change {
	return arm.Change{Spec: spec(), Sections: sections, Body: arm.Same(body),
		Judge: func(_ fleet.Options, s arm.State) []fleet.Finding { return judge(s) }, Check: checkRoles, Ready: ready}
}

var sections = []string{sectionRoles, sectionPolicies, sectionTenant, sectionDeployment, sectionDisks, sectionTemplates}

func spec() fleet.KindSpec {
	s := fleet.KindSpec{Kind: kindRoles, Title: "Azure roles in place of access policies", Type: fleet.KeyVault,
		Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
			Says: "Azure/azure-rest-api-specs; recorded by Azure/azure-cli is how " +
				"key vaults and role assignments look and answer"},
		// azure-rest-api-specs, keyvault.json, version by version.
		Properties: []fleet.Property{{Name: "enableRbacAuthorization", Since: "2019-09-01"}},
		After: []string{"The access policies are still on the vaults and decide nothing; while they are, a " +
			"rollback lets them decide again."},
		Options: append(fleet.CommonOptions(apiVersion),
			fleet.Option{Key: optionPropagation, Type: fleet.OptionDuration, Default: "10m0s",
				Doc: "how long a new role assignment is given to be in force before a vault relies on it; Microsoft " +
					"names up to 10 minutes"})}
	s.Role = unconditional(func() fleet.Role {
		return arm.RoleFor(&s, listAssignments, listInstances, readDefinition, makeAssignment)
	})
	s.Describe = func(o fleet.Options) fleet.Upgrade {
		return arm.Plain(&s, body, o,
			"The role assignments that the vault's access policies call for and that are missing are made; the check "+
				"names each.",
			fmt.Sprintf("Nothing is changed until the service lists all of them and the newest is %s old.",
				o.Duration(optionPropagation)))
	}
	return s
}

// unconditional says of a role what Key Vault wants of whoever changes how access
// is decided ("Provide access to Key Vault keys, certificates, and secrets with
// Azure role-based access control", Enable Azure RBAC permissions on Key Vault).
func unconditional(role func() fleet.Role) func() fleet.Role {
	return func() fleet.Role {
		r := role()
		r.Besides = "The role must be assigned without a condition: a key vault lets nobody change how access is " +
			"decided whose right to assign roles is restricted."
		return r
	}
}

// judge says what stands against the change that no call is needed for. Warnings
// come with what the access policies become.
func judge(state arm.State) []fleet.Finding {
	_, against := principals(state)
	return slices.DeleteFunc(against, func(f fleet.Finding) bool { return f.Severity != fleet.SeverityError })
}

// checkRoles shows what the access policies become.
func checkRoles(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, res *arm.Resource, r *check.Report) {
	ps, _ := principals(res.State())
	there, err := list(ctx, u, v, ps)
	if err != nil {
		u.Failed(r, err)
		return
	}
	for _, f := range assess(v, res.State(), there, learnedOf(res).gone(ps)...).findings {
		r.Add(f, "")
	}
}

// ready makes the role assignments that are missing. It returns nil when all are
// listed and old enough to be in force; until then its error is of class
// fleet.CallNotYet, and nothing waits here meanwhile. What the check would not let
// through now is not made.
func ready(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, res *arm.Resource) error {
	op := "prepare the roles of vault " + v.Ref()
	ps, _ := principals(res.State())
	there, err := list(ctx, u, v, ps)
	if err != nil {
		return err
	}
	learned := learnedOf(res)
	a := assess(v, res.State(), there, learned.gone(ps)...)
	switch {
	case fleet.HasSeverity(a.findings, fleet.SeverityError), len(v.Refuses(a.findings)) > 0:
		return &fleet.CallError{Op: op, Class: fleet.CallConflict,
			Message: "its roles are not as they were when it was checked: it is checked again"}
	case a.missing > 0:
		return makeMissing(ctx, u, v, a, learned)
	}
	// Of an assignment whose age the service does not tell, that it is listed is all
	// that can be known. Its age is by this machine's clock, which may be slow or,
	// at the worst, fast by what a sign-in bears.
	propagation := u.Kind.Duration(optionPropagation)
	if left := min(propagation-time.Since(a.youngest), propagation); left > 0 {
		return &fleet.CallError{Op: op, Class: fleet.CallNotYet, RetryAfter: left,
			Message: "its newest role assignment is not in force yet"}
	}
	return nil
}

// maxNamed is how many refusals, or assignments that are waited for, are named; the
// rest is counted.
const maxNamed = 5

// makeMissing makes what is missing. One that is refused does not keep the others
// from being made: they are needed all the same, and their refusals are told
// together. It returns an error in any case: of class fleet.CallNotYet where all
// are made, for the next list shows them, and since when.
func makeMissing(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, a assessment, was learned) error {
	var first *fleet.CallError
	var each, awaited []string
	learns, unknown := learned{Unknown: map[string]int{}}, false
	for _, g := range a.given {
		for _, m := range g.roles {
			if m.by != nil {
				continue
			}
			existed, err := put(ctx, u, v, g.id, m)
			switch {
			case err == nil && existed && m.ends != nil:
				err = &fleet.CallError{Op: "give principal " + g.id + " the role " + m.role.name,
					Class: fleet.CallRefused, Code: "RoleAssignmentExists",
					Message: "it is there at the vault already, " + m.ends.ends +
						", and no permanent one can be made beside it"}
			case err == nil && existed:
				awaited = append(awaited,
					fmt.Sprintf("%s for %s, which exists by the service's word", m.role.name, g.id))
				continue
			case err == nil:
				awaited = append(awaited, fmt.Sprintf("%s for %s", m.role.name, g.id))
				continue
			case err.Code == codeGone && was.Unknown[g.id]+1 < triesUnknown:
				learns.Unknown[g.id] = was.Unknown[g.id] + 1
				awaited = append(awaited,
					fmt.Sprintf("%s for %s, whom the directory does not know (%s); a new principal takes minutes",
						m.role.name, g.id, codeGone))
				continue
			case err.Code == codeGone:
				learns.Unknown[g.id], unknown = was.Unknown[g.id]+1, true
				continue
			case !final(err):
				return err
			}
			if first == nil {
				first = err
			}
			each = append(each, fmt.Sprintf("%s for %s: %s", m.role.name, g.id,
				strings.TrimPrefix(err.Code+": "+err.Message, first.Code+": ")))
		}
	}
	switch {
	case first == nil && unknown:
		return &fleet.CallError{Op: "prepare the roles of vault " + v.Ref(), Class: fleet.CallConflict, Code: codeGone,
			Learned: was.and(learns),
			Message: "the directory does not know a principal of its access policies: it is checked again"}
	case first == nil:
		return &fleet.CallError{Op: "prepare the roles of vault " + v.Ref(), Class: fleet.CallNotYet,
			Learned: was.and(learns),
			Message: "its role assignments are not there yet: " + named(awaited),
			Action: "Look whether az role assignment list shows them for the vault with --include-inherited; make " +
				"them by hand, or remove what hides them."}
	}
	out := *first
	out.Class, out.Action = fleet.CallRefused, actionFor(first)
	out.Op = fmt.Sprintf("make the role assignments of vault %s, of which %d of %d were refused", v.Ref(), len(each),
		a.missing)
	if _, known := arm.Refusal(out.Code); !known && first.Class == fleet.CallForbidden {
		out.Code = fleet.CodeNoPermission
	}
	out.Message = named(each)
	return &out
}

// named names the first of some, and counts the rest.
func named(each []string) string {
	s := strings.Join(each[:min(maxNamed, len(each))], "; ")
	if more := len(each) - maxNamed; more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	return s
}

// triesUnknown is how often the directory must say that it does not know a
// principal before that is believed: one that was made a moment ago is not known
// everywhere yet ("Troubleshoot Azure RBAC"). The tries are a poll apart.
const triesUnknown = 3

// learned is what is known from one try to the next, in whatever process that is: in how
// many tries the directory did not know a principal.
type learned struct {
	Unknown map[string]int `json:"unknown"`
}

// learnedOf is what the tries before have learned of a vault.
func learnedOf(res *arm.Resource) (l learned) {
	if json.Unmarshal(res.Learned, &l) != nil {
		return learned{} // of a version that wrote something else: it is learned anew
	}
	return l
}

// and is what is known after one more try; nil where that is what was known before. A
// principal that no role was asked for this time keeps its count.
func (l learned) and(newer learned) json.RawMessage {
	if len(newer.Unknown) == 0 {
		return nil
	}
	all := map[string]int{}
	maps.Copy(all, l.Unknown)
	maps.Copy(all, newer.Unknown)
	data, err := json.Marshal(learned{all})
	if err != nil {
		return nil
	}
	return data
}

// gone are the principals that the directory was found not to know.
func (l learned) gone(ps []principal) (ids []string) {
	for _, p := range ps {
		if l.Unknown[p.id] >= triesUnknown {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// final reports whether a refusal stays until a person has mended something.
func final(refusal *fleet.CallError) bool {
	if _, known := arm.Refusal(refusal.Code); known {
		return true
	}
	switch refusal.Class {
	case fleet.CallForbidden, fleet.CallNotFound, fleet.CallRefused:
		return true
	}
	return false
}

// actions are the advice for what refuses a role assignment ("Troubleshoot Azure
// RBAC" names the codes).
var actions = map[string]string{
	"RoleAssignmentExists": "Wait until it has ended, or have it made permanent or removed in Privileged " +
		"Identity Management; then run again.",
	"RoleAssignmentLimitExceeded": "A subscription holds a limited number of role assignments: remove some that " +
		"nobody needs, or give groups what their members have one by one; then run again.",
	"RoleDefinitionDoesNotExist": "This cloud has no such built-in role: give the principal one that allows the " +
		"same, a custom one perhaps, then run again.",
}

func actionFor(refusal *fleet.CallError) string {
	action, known := arm.Refusal(refusal.Code)
	switch {
	case known:
		return action
	case actions[refusal.Code] != "":
		return actions[refusal.Code]
	case refusal.Class == fleet.CallForbidden:
		return "Grant the identity " + makeAssignment.Action +
			", without a condition, at the vault or above it: fleetup permissions prints the role. Then run again."
	}
	return "Correct this, then run again. The assignments that were made stay, and open no data while access " +
		"policies decide."
}

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
			Message: "role assignments that fleetup made are left in place: they open no data while access policies " +
				"decide",
			Action: "Remove them with az role assignment delete if they are not to count again one day."}, "")
	}
	if len(loses) > 0 {
		r.Add(fleet.Finding{Severity: fleet.SeverityWarning, Category: category, Code: codeLoses, Items: loses,
			Message: "principals have access by a role at the vault and no access policy: they lose it",
			Action:  "Give them an access policy first if they need the vault, or consent with acceptWarnings."}, "")
	}
}
