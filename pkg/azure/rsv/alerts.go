package rsv

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/alertrules"
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
		Spec: vaults.Spec(fleet.KindSpec{Kind: kindAlerts, Title: "Azure Monitor alerts in place of classic ones",
			Known: fleet.Provenance{Basis: fleet.ProvenanceRecorded,
				Says: "the recordings of Azure/azure-cli, module backup: the request, its 202 and how " +
					"it is followed"},
			Properties: []fleet.Property{alertsOfReplication},
			After: []string{"See that an alert processing rule with an action group is about every vault: " +
				"without one nobody gets mail of an alert."}}, body, alertrules.Read),
		Sections: []string{sectionAlerts}, Body: body, Check: alertrules.Check, Complete: guard.Complete(""),
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
