package report_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestTodayPlanGolden(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]fleet.Kind{"today": reporttest.KindAlerts,
		"rollback": fleet.RollbackOf(reporttest.KindAlerts)} {
		p := reporttest.TodayPlan(k)
		p50, p90, err := dryrun.Forecasts(p, dryrun.PlanOptions{Now: reporttest.T0})
		if err != nil {
			t.Fatal(err)
		}
		for f, ending := range written {
			var b bytes.Buffer
			if err := dryrun.Plan(&b, p,
				dryrun.PlanOptions{Format: f, Zone: reporttest.Sydney, Now: reporttest.T0, P50: &p50, P90: &p90,
					Upgrade: p.Upgrade, Ledger: "alerts.db",
					Details: name == "rollback", Width: 100}); err != nil {
				t.Fatal(err)
			}
			reporttest.Golden(t, "plan-"+name+"."+ending, b.Bytes())
		}
	}
}

func TestTodayRunGolden(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]fleet.Kind{"today": reporttest.KindAlerts,
		"rollback": fleet.RollbackOf(reporttest.KindAlerts)} {
		n := reporttest.ChangedNight(t, k)
		n.St.Plan.Upgrade.After = []string{"See that somebody hears of alerts."}
		view := viewOf(n, report.ViewOptions{Now: reporttest.T0.Add(time.Hour)})
		o := report.Options{Zone: reporttest.Sydney, State: "alerts.db", Width: 120}
		for ending, f := range map[string]layout.Format{"txt": layout.FormatTable, "json": layout.FormatJSON,
			"csv": layout.FormatCSV, "xml": layout.FormatJUnit} {
			var b bytes.Buffer
			o.Format = f
			if err := report.Report(&b, view, o); err != nil {
				t.Fatal(err)
			}
			reporttest.Golden(t, "report-"+name+"."+ending, b.Bytes())
		}
		var b bytes.Buffer
		o.Format = layout.FormatTable
		if err := report.Status(&b, view, o); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, "status-"+name+".txt", b.Bytes())
		told := report.Changing(json.RawMessage(`{"monitoringSettings":{"azureMonitorAlertSettings":null}}`),
			n.St.Plan.Upgrade.Request.Of(&n.St.Plan.Vaults[1].Vault))
		story := view.HistoryOf("prod/sql-07", nil, told, o)
		keysOf(t, "a story", decode(t, story.WriteJSON), "schemaVersion", "vault", "supportMessage", "story", "before",
			"request", "runId", "laterRun", "next")
		b.Reset()
		if err := story.Write(&b, o); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, "story-"+name+".txt", b.Bytes())
	}
}
