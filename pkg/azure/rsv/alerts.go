package rsv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/check"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// kindAlerts switches a vault from classic alerts to Azure Monitor alerts.
const kindAlerts fleet.Kind = "rsv-alerts"

const sectionAlerts = "monitoringSettings"

// alertsBody has all five fields: from API version 2024-02-01 on, which brought
// three of them, a partial body is refused (resource-manager.md#alerts). Older versions know
// only alertsForAllJobFailures and alertsForCriticalOperations, so that nothing
// could be verified of the rest: they are not to be chosen.
var alertsBody = json.RawMessage(`{"properties":{"monitoringSettings":{` +
	`"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Enabled","alertsForAllFailoverIssues":"Enabled"},` +
	`"classicAlertSettings":{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}}`)

// Alerts is the change of [kindAlerts].
func Alerts() arm.Change {
	body := arm.Same(alertsBody)
	return arm.Change{
		Spec: spec(fleet.KindSpec{Kind: kindAlerts, Title: "Azure Monitor alerts in place of classic ones",
			Properties: []fleet.Property{alertsOfReplication},
			After: []string{"See that an alert processing rule with an action group is about every vault: " +
				"without one nobody gets mail of an alert."}}, body, readRules),
		Sections: []string{sectionAlerts}, Body: body, Check: checkRules, Complete: guarded(""),
	}
}

// AlertsBack puts back what [Alerts] has changed.
func AlertsBack() arm.Change { return arm.Rollback(Alerts(), restoreAlerts, nil) }

// restoreAlerts is the body that puts recorded alert settings back. All five
// fields must have been there: what an absent one means the service does not say,
// and a body without it is refused (resource-manager.md#alerts).
func restoreAlerts(state arm.State) (json.RawMessage, error) {
	if !state.Has(sectionAlerts) {
		return nil, errors.New("its alert settings were unset, and the service has no way to unset them again")
	}
	var was map[string]map[string]any
	if err := json.Unmarshal(state[sectionAlerts], &was); err != nil {
		return nil, errors.New("its recorded alert settings cannot be read")
	}
	out := map[string]map[string]any{}
	for section, fields := range map[string][]string{
		"azureMonitorAlertSettings": {"alertsForAllJobFailures", "alertsForAllReplicationIssues",
			"alertsForAllFailoverIssues"},
		"classicAlertSettings": {"alertsForCriticalOperations", "emailNotificationsForSiteRecovery"},
	} {
		out[section] = map[string]any{}
		for _, f := range fields {
			value, ok := was[section][f].(string)
			if !ok {
				return nil, fmt.Errorf("its setting %s.%s was unset, and the service has no way to unset it again",
					section, f)
			}
			out[section][f] = value
		}
	}
	return json.Marshal(map[string]any{"properties": map[string]any{sectionAlerts: out}})
}

// readRules lists the alert processing rules of a subscription.
var readRules = arm.Call{Method: http.MethodGet,
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

// codeNoRule is the warning about a vault of which nobody is told.
const codeNoRule = "no-alert-processing-rule"

// codeUnregistered is the Resource Manager's, where a subscription has never used
// a resource provider: it has nothing of its.
const codeUnregistered = "MissingSubscriptionRegistration"

// checkRules warns where no alert processing rule is about the vault: without one
// nobody gets mail of what Azure Monitor sees.
func checkRules(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, _ *arm.Resource, r *check.Report) {
	scopes, err := u.Shared(ctx, "rules/"+v.SubscriptionID, func(ctx context.Context) (any, error) {
		path := strings.Replace(readRules.Path, "{subscription}", v.SubscriptionID, 1)
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
	r.Add(fleet.Finding{Severity: fleet.SeverityWarning, Code: codeNoRule,
		Message: "no alert processing rule in subscription " + v.SubscriptionID +
			" is about the vault: nobody gets mail of Azure Monitor's alerts",
		Action: "Make a rule with an action group first, or consent with acceptWarnings."}, "")
}

// within reports whether a resource is what a scope names, or below it.
func within(id, scope string) bool {
	id, scope = strings.ToLower(id)+"/", strings.ToLower(strings.TrimSuffix(scope, "/"))+"/"
	return scope != "/" && strings.HasPrefix(id, scope)
}
