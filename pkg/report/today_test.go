package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

const kindAlerts fleet.Kind = "rsv-alerts"

// todayPlan is of vaults that stay where they are and are changed by a kind: two
// have one name, in groups of their own.
func todayPlan(k fleet.Kind) *plan.Plan {
	p := &plan.Plan{
		SchemaVersion: plan.SchemaVersion, Fingerprint: "c0ffee11d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
		Inventory: "alerts.yaml", Cloud: fleet.Cloud{Name: fleet.AzurePublic}, Kind: k,
		Upgrade: &fleet.Upgrade{Title: "Azure Monitor alerts in place of classic ones", Options: fleet.Options{"apiVersion": "2026-07-01", "expected": "2m0s"},
			Type: string(fleet.RecoveryServicesVault), Actions: []string{"Microsoft.RecoveryServices/vaults/read", "Microsoft.RecoveryServices/vaults/write"},
			Request: fleet.Request{Method: "PATCH", Path: "{vault}?api-version=2026-07-01",
				Body: json.RawMessage(`{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Enabled"}}}}`)}},
		Subscriptions: []fleet.Subscription{{ID: devID, Name: "dev"}, {ID: prodID, Name: "prod"}},
		Limits:        plan.DefaultLimits(), Timings: plan.DefaultTimings(), FailureBudget: plan.Budget{Unit: plan.UnitCount, Count: 1},
		Waves: []plan.Wave{{Name: "canary"}, {Name: "rest"}},
	}
	add := func(wave int, subID, sub, group, name string, more ...func(*plan.Vault)) {
		v := plan.Vault{Wave: wave, Predicted: plan.Prediction{P50: 2 * time.Minute, P90: 4 * time.Minute}}
		v.Kind, v.SubscriptionID, v.SubscriptionName, v.Name, v.ResourceGroup = k, subID, sub, name, group
		v.Location, v.ResourceType = "Australia East", fleet.RecoveryServicesVault
		for _, m := range more {
			m(&v)
		}
		v.Key = fleet.KeyOf(k, subID, v.ResourceType, v.Location, v.QualifiedName())
		p.Waves[wave].Vaults = append(p.Waves[wave].Vaults, len(p.Vaults))
		p.Vaults = append(p.Vaults, v)
	}
	add(0, devID, "dev", "rg-dev", "web-01")
	add(1, prodID, "prod", "rg-sql", "sql-07", func(v *plan.Vault) { v.AcceptWarnings = true })
	add(1, prodID, "prod", "rg-files", "files-1")
	add(1, prodID, "prod", "rg-old", "files-1")
	add(1, prodID, "prod", "rg-old", "pay-1", func(v *plan.Vault) { v.Hold = &fleet.Hold{Reason: "nothing to put back"} })
	if _, undoes := k.Undoes(); undoes {
		p.Upgrade.Title, p.Upgrade.Request.Body = "back to what was before rsv-alerts", json.RawMessage(fleet.PlaceholderRestore)
		for i := range p.Vaults[:4] {
			p.Vaults[i].Restore = json.RawMessage(`{"properties":{"monitoringSettings":{"azureMonitorAlertSettings":{"alertsForAllJobFailures":"Disabled"}}}}`)
		}
	}
	return p
}

func TestTodayPlanGolden(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]fleet.Kind{"today": kindAlerts, "rollback": fleet.RollbackOf(kindAlerts)} {
		p := todayPlan(k)
		p50, p90, err := Forecasts(p, t0, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for f, ending := range written {
			var b bytes.Buffer
			if err := Plan(&b, p, PlanOptions{Format: f, Zone: sydney, Now: t0, P50: &p50, P90: &p90, Upgrade: p.Upgrade, Ledger: "alerts.db",
				Details: name == "rollback", Width: 100}); err != nil {
				t.Fatal(err)
			}
			golden(t, "plan-"+name+"."+ending, b.Bytes())
		}
	}
}

// changedNight is a run of a today's kind to its end: two vaults changed, one that
// needed nothing, one failed, one held.
func changedNight(t *testing.T, k fleet.Kind) *night {
	n := nightOn(t, todayPlan(k))
	n.fact(0, fleet.RunOpened{RunID: "20260316-220000-c0ffee", PlanFingerprint: n.st.Plan.Fingerprint, By: fleet.Actor{User: "ops"}})
	n.fact(0, fleet.WaveOpened{Wave: "canary"})
	n.started(0, "dev/web-01")
	n.upgraded(2, "dev/web-01")
	n.fact(2, fleet.WaveDone{Wave: "canary"})
	n.fact(2, fleet.WaveOpened{Wave: "rest"})
	n.validated(2, "prod/files-1/rg-files", fleet.VerdictAlready, fleet.Finding{Severity: fleet.SeverityInfo, Code: fleet.CodeAlready,
		Message: "the vault is as the upgrade would make it: nothing is sent"})
	n.started(2, "prod/files-1/rg-old")
	n.started(3, "prod/sql-07")
	n.upgraded(5, "prod/files-1/rg-old")
	n.failed(6, "prod/sql-07", "UserErrorLocked: the vault could not be updated")
	n.fact(6, fleet.Observed{Vault: n.key("prod/sql-07"), OperationID: op("prod/sql-07"), Explained: true, Findings: []fleet.Finding{{Severity: fleet.SeverityError,
		Category: "upgrade", Code: "UserErrorLocked", Message: "the vault could not be updated", Action: "Mend what it names; fleetup reopen permits another try."}}})
	n.fact(6, fleet.WaveDone{Wave: "rest"})
	n.fact(6, fleet.RunClosed{Code: fleet.ExitFailures})
	return n
}

func TestTodayRunGolden(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]fleet.Kind{"today": kindAlerts, "rollback": fleet.RollbackOf(kindAlerts)} {
		n := changedNight(t, k)
		n.st.Plan.Upgrade.After = []string{"See that somebody hears of alerts."}
		view := n.view(ViewOptions{Now: t0.Add(time.Hour)})
		o := Options{Zone: sydney, State: "alerts.db", Width: 120}
		for ending, f := range map[string]Format{"txt": FormatTable, "json": FormatJSON, "csv": FormatCSV, "xml": FormatJUnit} {
			var b bytes.Buffer
			o.Format = f
			if err := Report(&b, view, o); err != nil {
				t.Fatal(err)
			}
			golden(t, "report-"+name+"."+ending, b.Bytes())
		}
		var b bytes.Buffer
		o.Format = FormatTable
		if err := Status(&b, view, o); err != nil {
			t.Fatal(err)
		}
		golden(t, "status-"+name+".txt", b.Bytes())
		told := Changing(json.RawMessage(`{"monitoringSettings":{"azureMonitorAlertSettings":null}}`), n.st.Plan.Upgrade.Request.Of(&n.st.Plan.Vaults[1].Vault))
		story := view.StoryOf("prod/sql-07", nil, told, o)
		keysOf(t, "a story", decode(t, story.WriteJSON), "schemaVersion", "vault", "supportMessage", "story", "before", "request")
		b.Reset()
		if err := story.Write(&b, o); err != nil {
			t.Fatal(err)
		}
		golden(t, "story-"+name+".txt", b.Bytes())
		st := rollout.NewState(n.st.Plan)
		tracker, lines := NewTracker(st), ""
		for i, e := range n.events {
			if err := st.Apply(e); err != nil {
				t.Fatal(err)
			}
			lines += strings.Join(Lines(tracker, st, n.events[i:i+1], sydney), "")
		}
		golden(t, "plain-"+name+".txt", []byte(lines+tracker.heartbeat(t0.Add(time.Hour))+"\n"))
	}
}

// TestPermanence: the second line says what is at stake.
func TestPermanence(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		kind               fleet.Kind
		permanent, confirm bool
		ledger, want       string
	}{
		{kindAlerts, false, false, "fleet.db", "REVERSIBLE: an inventory with upgrade: {kind: rollback, of: rsv-alerts, ledger: fleet.db} puts back what was recorded."},
		{kindAlerts, false, false, "", "REVERSIBLE: an inventory with upgrade: {kind: rollback, of: rsv-alerts, ledger: FILE} puts back what was recorded."},
		{fleet.RollbackOf(kindAlerts), false, false, "fleet.db", "REVERSIBLE: upgrade: {kind: rsv-alerts} does it again."},
		{"lock", true, true, "fleet.db", "PERMANENT: nothing can undo it, so a run of it wants --confirm-irreversible lock."},
		{"other", true, false, "fleet.db", "PERMANENT: nothing can undo it."},
		{fleet.KindClassic, true, false, "fleet.db", "PERMANENT: no rollback exists."},
	} {
		p := todayPlan(x.kind)
		p.Upgrade.Permanent, p.Upgrade.Confirm = x.permanent, x.confirm
		if got := newDryRun(p, PlanOptions{Upgrade: p.Upgrade, Ledger: x.ledger}).permanence(); got != x.want {
			t.Errorf("%s: %q, want %q", x.kind, got, x.want)
		}
	}
}

// TestNamesOfGroups: vaults of one name are told apart by what the Resource
// Manager tells them apart by.
func TestNamesOfGroups(t *testing.T) {
	t.Parallel()
	got := strings.Join(todayPlan(kindAlerts).Names(), " ")
	if want := "dev/web-01 prod/sql-07 prod/files-1/rg-files prod/files-1/rg-old prod/pay-1"; got != want {
		t.Errorf("they are called %s, want %s", got, want)
	}
}

func TestPermissionWords(t *testing.T) {
	t.Parallel()
	for want, actions := range map[string][]string{
		"1 action that reads":                      {"a/read"},
		"a/write and 2 actions that read":          {"b/read", "a/write", "c/read"},
		"a/write, b/write and 1 action that reads": {"b/write", "c/read", "a/write"},
		"": nil,
	} {
		if got := permissionWords(actions); got != want {
			t.Errorf("%v is %q, want %q", actions, got, want)
		}
	}
}
