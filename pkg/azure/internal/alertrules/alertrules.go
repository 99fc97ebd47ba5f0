// Package alertrules answers "is anybody told of a vault's alerts": what Azure
// Monitor sees reaches people by alert processing rules alone (resource-manager.md#alerts).
package alertrules

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Read lists the alert processing rules of a subscription.
var Read = arm.Call{Method: http.MethodGet,
	Path:   "/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/actionRules?api-version=2021-08-08",
	Action: "Microsoft.AlertsManagement/actionRules/read", Why: "whether anybody is told of an alert"}

// rule is an alert processing rule, as far as the check needs it
// (azure-rest-api-specs, AlertProcessingRules 2021-08-08).
type rule struct {
	Properties struct {
		Scopes  []string `json:"scopes"`  // of resources, with whatever is below them
		Enabled *bool    `json:"enabled"` // absent: yes
		Actions []struct {
			Type   string   `json:"actionType"` // AddActionGroups, or RemoveAllActionGroups, which silences
			Groups []string `json:"actionGroupIds"`
		} `json:"actions"`
	} `json:"properties"`
}

// tells reports whether somebody hears of what the rule is about. Its conditions
// and its schedule are not weighed: they say of which alerts, and when.
func (r *rule) tells() bool {
	if r.Properties.Enabled != nil && !*r.Properties.Enabled {
		return false
	}
	for _, a := range r.Properties.Actions {
		if strings.EqualFold(a.Type, "AddActionGroups") && len(a.Groups) > 0 {
			return true
		}
	}
	return false
}

// CodeNone is the warning about a vault of which nobody is told.
const CodeNone = "no-alert-processing-rule"

// codeUnregistered is the Resource Manager's, where a subscription has never used
// a resource provider: it has nothing of its.
const codeUnregistered = "MissingSubscriptionRegistration"

// Check warns where no alert processing rule is about the vault: without one
// nobody gets mail of what Azure Monitor sees.
func Check(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, _ *arm.Resource, r *check.Report) {
	scopes, err := u.Shared(ctx, "rules/"+v.SubscriptionID, func(ctx context.Context) (any, error) {
		path := strings.Replace(Read.Path, "{subscription}", v.SubscriptionID, 1)
		rules, err := arm.List[rule](ctx, u, v.SubscriptionID,
			"list the alert processing rules of subscription "+v.SubscriptionID, path)
		if ce, ok := errors.AsType[*fleet.CallError](err); ok && ce.Code == codeUnregistered {
			err = nil
		}
		var scopes []string
		for i := range rules {
			if rules[i].tells() {
				scopes = append(scopes, rules[i].Properties.Scopes...)
			}
		}
		return scopes, err
	})
	if err != nil {
		u.Failed(r, err)
		return
	}
	told, _ := scopes.([]string)
	for _, scope := range told {
		if within(v.ResourceID(), scope) {
			return
		}
	}
	r.Add(fleet.Finding{Severity: fleet.SeverityWarning, Code: CodeNone,
		Message: "no alert processing rule in subscription " + v.SubscriptionID +
			" is about the vault: nobody gets mail of Azure Monitor's alerts",
		Action: "Make a rule with an action group first, or consent with acceptWarnings."}, "")
}

// within reports whether a resource is what a scope names, or below it.
func within(id, scope string) bool {
	id, scope = strings.ToLower(id)+"/", strings.ToLower(strings.TrimSuffix(scope, "/"))+"/"
	return scope != "/" && strings.HasPrefix(id, scope)
}
