package rsv

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/alertrules"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const (
	classicAlerts = `{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllFailoverIssues":"Disabled","alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Disabled"},"classicAlertSettings":{"alertsForCriticalOperations":"Enabled","emailNotificationsForSiteRecovery":"Enabled"}},"provisioningState":"Succeeded"}`
	// everybody is a rule about the whole subscription.
	everybody = `{"properties":{"scopes":["/subscriptions/` + sub +
		`"],"enabled":true,"actions":[{"actionType":"AddActionGroups","actionGroupIds":["/a"]}]}}`
)

func rules(list ...string) string { return `{"value":[` + strings.Join(list, ",") + `]}` }

// TestAlertsOutAndBack: the request of resource-manager.md#alerts with all five fields, and the
// vault's own settings back with all five.
func TestAlertsOutAndBack(t *testing.T) {
	t.Parallel()
	f := newFake(t, classicAlerts)
	out, back := Alerts(), AlertsBack()
	v := testVault(out)
	before := changed(t, f.upgrader(out), v)
	if val, _ := checked(t, f.upgrader(out), v); val.Verdict != fleet.VerdictAlready {
		t.Errorf("once changed: %+v", val)
	}
	restore, err := back.Spec.Restore(before)
	if err != nil {
		t.Fatal(err)
	}
	w := testVault(back)
	w.Restore = restore
	changed(t, f.upgrader(back), w)
	if f.properties != classicAlerts {
		t.Errorf("now it has %s", f.properties)
	}
	want := []string{`{"properties":{"monitoringSettings":{` +
		`"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Enabled","alertsForAllFailoverIssues":"Enabled"},` +
		`"classicAlertSettings":{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}}`,
		`{"properties":{"monitoringSettings":{` +
			`"azureMonitorAlertSettings":{"alertsForAllFailoverIssues":"Disabled","alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Disabled"},` +
			`"classicAlertSettings":{"alertsForCriticalOperations":"Enabled","emailNotificationsForSiteRecovery":"Enabled"}}}}`}
	if got := f.bodies(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s", strings.Join(got, "\n"))
	}
}

// TestAlertsAreAllFive: a vault that lacks one, or all, is not yet as wanted.
func TestAlertsAreAllFive(t *testing.T) {
	t.Parallel()
	const all = `{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled","alertsForAllReplicationIssues":"Enabled","alertsForAllFailoverIssues":"Enabled"},"classicAlertSettings":{"alertsForCriticalOperations":"Disabled","emailNotificationsForSiteRecovery":"Disabled"}}}`
	for properties, want := range map[string]fleet.Verdict{
		all: fleet.VerdictAlready,
		strings.ReplaceAll(all, `"Enabled"`,
			`"enabled"`): fleet.VerdictAlready,
		strings.Replace(all, `,"alertsForAllFailoverIssues":"Enabled"`, ``,
			1): fleet.VerdictReady,
		strings.Replace(all, `"alertsForCriticalOperations":"Disabled",`, ``,
			1): fleet.VerdictReady,
		`{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled"}}}`: fleet.VerdictReady,
		`{"monitoringSettings":null}`:       fleet.VerdictReady,
		`{"provisioningState":"Succeeded"}`: fleet.VerdictReady, // unset, and not classic
	} {
		f := newFake(t, properties)
		if val, _ := checked(t, f.upgrader(Alerts()), testVault(Alerts())); val.Verdict != want {
			t.Errorf("%s: %+v", properties, val)
		}
		if len(f.came("PATCH")) > 0 {
			t.Errorf("%s: something was sent", properties)
		}
	}
}

// TestUnsetAlertsStay: what was unset cannot be put back; nothing else is sent in
// its place.
func TestUnsetAlertsStay(t *testing.T) {
	t.Parallel()
	var whole struct {
		Monitoring json.RawMessage `json:"monitoringSettings"`
	}
	if err := json.Unmarshal([]byte(classicAlerts), &whole); err != nil {
		t.Fatal(err)
	}
	for recorded, problem := range map[string]string{
		`{"monitoringSettings":` + string(whole.Monitoring) + `}`: "",
		`{"monitoringSettings":null}`:                             "its alert settings were unset",
		`{}`:                                                      "its alert settings were unset",
		`{"monitoringSettings":{"azureMonitorAlertSettings":{}}}`: "was unset",
		`{"monitoringSettings":` + strings.Replace(string(whole.Monitoring), `"Enabled"`, `null`, 1) +
			`}`: "alertsForAllJobFailures was unset",
		`{"monitoringSettings":5}`: "cannot be read",
		`5`:                        "cannot be read",
	} {
		body, err := AlertsBack().Spec.Restore([]byte(recorded))
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("%s: %s, %v", recorded, body, err)
		}
	}
}

// TestSomebodyMustBeTold: only an enabled rule that adds an action group, and whose
// scope the vault is in, tells anybody.
func TestSomebodyMustBeTold(t *testing.T) {
	t.Parallel()
	rule := func(scope, enabled, action string) string {
		return `{"properties":{"scopes":["/other","` + scope + `"],` + enabled + `"actions":[` + action + `]}}`
	}
	const add, remove = `{"actionType":"AddActionGroups","actionGroupIds":["/a"]}`,
		`{"actionType":"RemoveAllActionGroups"}`
	group := strings.TrimSuffix(vaultID, "/providers/Microsoft.RecoveryServices/vaults/Vault1")
	second := "/subscriptions/" + sub + "/page2"
	type answers map[string]string
	for name, tt := range map[string]struct {
		answers answers
		told    bool
		code    string
	}{
		"the subscription's": {answers{rulesURL: rules(everybody)}, true, ""},
		"enabled by default": {answers{rulesURL: rules(rule("/subscriptions/"+sub, "", add))}, true, ""},
		"the group's":        {answers{rulesURL: rules(rule(strings.ToUpper(group)+"/", "", add))}, true, ""},
		"the vault's":        {answers{rulesURL: rules(rule(vaultID, "", remove+","+add))}, true, ""},
		"none":               {answers{rulesURL: rules()}, false, ""},
		"disabled": {answers{rulesURL: rules(rule("/subscriptions/"+sub, `"enabled":false,`, add))},
			false, ""},
		"one that silences": {answers{rulesURL: rules(rule("/subscriptions/"+sub, "", remove))}, false, ""},
		"without a group to tell": {answers{rulesURL: rules(rule("/subscriptions/"+sub, "",
			`{"actionType":"AddActionGroups","actionGroupIds":[]}`))}, false, ""},
		"another vault's":      {answers{rulesURL: rules(rule(vaultID+"0", "", add))}, false, ""},
		"a scope that is none": {answers{rulesURL: rules(rule("", "", add), rule("/", "", add))}, false, ""},
		"an empty page, then one": {answers{rulesURL: `{"value":[],"nextLink":"BASE` + second + `"}`,
			second: rules(everybody)}, true, ""},
		"an empty page, then none": {answers{rulesURL: `{"value":[],"nextLink":"BASE` + second + `"}`,
			second: rules()}, false, ""},
		"another host's next page": {answers{rulesURL: `{"value":[],"nextLink":"https://evil.example/x"}`}, false,
			fleet.CodeGarbled},
		"a provider never used": {answers{
			rulesURL: `{"error":{"code":"MissingSubscriptionRegistration","message":"m"}}`}, false, ""},
		"rules that may not be read": {answers{rulesURL: `{"error":{"code":"AuthorizationFailed","message":"m"}}`},
			false, fleet.CodeNoPermission},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, classicAlerts)
			for uri, body := range tt.answers {
				f.lists[uri] = body
			}
			v := testVault(Alerts())
			val, _ := checked(t, f.upgrader(Alerts()), v)
			switch {
			case tt.told:
				if val.Verdict != fleet.VerdictReady || len(val.Findings) != 0 {
					t.Errorf("got %+v", val)
				}
			case tt.code != "":
				if len(val.Findings) != 1 || val.Findings[0].Code != tt.code {
					t.Errorf("got %+v", val)
				}
			default:
				if val.Verdict != fleet.VerdictBlocked || val.Findings[0].Code != alertrules.CodeNone ||
					val.Findings[0].Severity != fleet.SeverityWarning {
					t.Errorf("got %+v", val)
				}
				v.AcceptWarnings = true
				if val, _ := checked(t, f.upgrader(Alerts()), v); val.Verdict != fleet.VerdictReady {
					t.Errorf("with consent: %+v", val)
				}
			}
		})
	}
}

// TestRulesAreReadOnce for all vaults of a subscription.
func TestRulesAreReadOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, classicAlerts)
	u, v := f.upgrader(Alerts()), testVault(Alerts())
	for range 3 {
		checked(t, u, v)
	}
	n := 0
	for _, r := range f.came("GET") {
		if r.uri == rulesURL {
			n++
		}
	}
	if n != 1 {
		t.Errorf("read %d times", n)
	}
}
