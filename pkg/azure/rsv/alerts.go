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

// KindAlerts switches a vault from classic alerts to Azure Monitor alerts.
const KindAlerts fleet.Kind = "rsv-alerts"

const sectionAlerts = "monitoringSettings"

// alertsBody has all five fields: from API version 2024-02-01 on a partial body
// is refused (the reference).
var alertsBody = json.RawMessage(`{"properties":{"monitoringSettings":{` +
	`"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Enabled","alertsForAllFailoverIssues":"Enabled"},` +
	`"classicAlertSettings":{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}}`)

// readRules lists the alert processing rules of a subscription.
var readRules = arm.Call{Method: http.MethodGet, Path: "/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/actionRules?api-version=2021-08-08",
	Action: "Microsoft.AlertsManagement/actionRules/read", Why: "whether anybody is told of an alert"}

// Alerts is the change of [KindAlerts].
func Alerts() arm.Change {
	return arm.Change{
		Spec:     spec(KindAlerts, "Azure Monitor alerts in place of classic ones", alertsBody, nil, readRules),
		Sections: []string{sectionAlerts}, Body: alertsBody, Check: checkRules,
	}
}

// AlertsBack puts back what [Alerts] has changed.
func AlertsBack() arm.Change { return arm.Rollback(Alerts(), restoreAlerts, nil) }

// spec describes a kind of this package.
func spec(k fleet.Kind, title string, body json.RawMessage, more []fleet.Option, calls ...arm.Call) fleet.KindSpec {
	s := fleet.KindSpec{Kind: k, Title: title, Type: fleet.RecoveryServicesVault,
		Options: append(fleet.CommonOptions(apiVersion), more...),
		Role:    func() fleet.Role { return arm.RoleFor(k, fleet.RecoveryServicesVault, calls...) }}
	s.Describe = func(o fleet.Options) fleet.Upgrade { return arm.Plain(&s, body, o) }
	return s
}

// codeNoRule is the warning about a subscription in which nobody is told.
const codeNoRule = "no-alert-processing-rule"

// checkRules warns where a subscription has no alert processing rule: without one
// nobody gets mail of what Azure Monitor sees.
func checkRules(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, _ *arm.Resource, r *check.Report) {
	any, err := u.Shared(ctx, "rules/"+v.SubscriptionID, func(ctx context.Context) (any, error) {
		var list struct {
			Value []json.RawMessage `json:"value"`
		}
		path := strings.Replace(readRules.Path, "{subscription}", v.SubscriptionID, 1)
		_, found, err := u.Get(ctx, v.SubscriptionID, "list the alert processing rules of subscription "+v.SubscriptionID, path, &list)
		return found && len(list.Value) > 0, err
	})
	if err != nil {
		u.Failed(r, err)
		return
	}
	if there, _ := any.(bool); !there {
		r.Add(fleet.Finding{Severity: fleet.SeverityWarning, Code: codeNoRule,
			Message: "subscription " + v.SubscriptionID + " has no alert processing rule: nobody gets mail of Azure Monitor's alerts",
			Action:  "Make a rule with an action group first, or consent with acceptWarnings."}, "")
	}
}

// restoreAlerts is the body that puts recorded alert settings back. All five
// fields must have been there: what an absent one means the service does not say,
// and a body without it is refused (the reference).
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
		"azureMonitorAlertSettings": {"alertsForAllJobFailures", "alertsForAllReplicationIssues", "alertsForAllFailoverIssues"},
		"classicAlertSettings":      {"alertsForCriticalOperations", "emailNotificationsForSiteRecovery"},
	} {
		out[section] = map[string]any{}
		for _, f := range fields {
			value, ok := was[section][f].(string)
			if !ok {
				return nil, fmt.Errorf("its setting %s.%s was unset, and the service has no way to unset it again", section, f)
			}
			out[section][f] = value
		}
	}
	return json.Marshal(map[string]any{"properties": map[string]any{sectionAlerts: out}})
}
