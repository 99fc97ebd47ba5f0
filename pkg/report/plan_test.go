package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestPlanGolden(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	checks := reporttest.FixtureValidations(p)
	carried := map[fleet.Key]fleet.Carried{}
	for i, name := range p.Names() {
		switch name {
		case "prod/sql-08":
			carried[p.Vaults[i].Key] = fleet.Carried{Status: fleet.Failed, OperationID: "op-08",
				Reason: "the upgrade failed"}
		case "prod/sql-09":
			carried[p.Vaults[i].Key] = fleet.Carried{Status: fleet.Pending, Reason: "re-opened by ops"}
		}
	}
	plans := []struct {
		name string
		opts dryrun.PlanOptions
	}{
		{"unchecked", dryrun.PlanOptions{}},
		{"checked", dryrun.PlanOptions{Validations: checks, Memory: rollout.Memory{Carried: carried},
			Saved: "contoso.plan", State: "contoso.db",
			Findings: []fleet.Finding{{Severity: fleet.SeverityWarning, Code: "empty-wave",
				Message: "wave x takes no vault", Action: "remove it"}}}},
		{"details", dryrun.PlanOptions{Validations: checks, Details: true}},
	}
	for _, x := range plans {
		x.opts.Now = reporttest.T0
		p50, p90, err := dryrun.Forecasts(p, x.opts)
		if err != nil {
			t.Fatal(err)
		}
		for f, ending := range written {
			if x.name == "details" && f != layout.FormatTable {
				continue
			}
			x.opts.Format, x.opts.Zone, x.opts.Now, x.opts.P50, x.opts.P90 = f, reporttest.Sydney, reporttest.T0, &p50,
				&p90
			var b bytes.Buffer
			if err := dryrun.Plan(&b, p, x.opts); err != nil {
				t.Fatal(err)
			}
			reporttest.Golden(t, "plan-"+x.name+"."+ending, b.Bytes())
		}
	}
}

// TestPolicyGolden shows a plan with everything a change board asks about.
func TestPolicyGolden(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	p.Fingerprint = "7f3a9c21d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f"
	p.Calendar = &plan.Calendar{
		Windows: []plan.Window{{Days: []time.Weekday{1, 2, 3, 4, 5}, Start: 22 * 60, End: 6 * 60,
			Zone: "Australia/Sydney"}},
		Blackouts: []plan.Blackout{{From: "2026-12-24T00:00", To: "2026-12-27T00:00", Zone: "Australia/Sydney"}},
	}
	p.Ceiling, p.SameErrorHalt, p.SubscriptionBudget = plan.CeilingSoft, 3,
		&plan.Budget{Unit: plan.UnitPercent, Percent: 25}
	p.Waves[0].Soak, p.Waves[0].Approval = 30*time.Minute,
		&plan.Approval{When: plan.ApprovalAfter, Expiry: plan.DefaultApprovalExpiry}
	p.Waves[1].Limits.Upgrades = 1
	p.Calendars = []plan.Calendar{{Windows: []plan.Window{{Days: []time.Weekday{2}, Start: 23 * 60, End: 60,
		Zone: "Australia/Sydney"}}}}
	for i, name := range p.Names() {
		if name == "dev/old-01" || name == "prod/sql-09" || name == "prod/late-1" {
			p.Vaults[i].Calendar = 1
		}
	}
	p50, p90, err := dryrun.Forecasts(p, dryrun.PlanOptions{Now: reporttest.T0})
	if err != nil {
		t.Fatal(err)
	}
	halted := p50
	halted.Halt, halted.HaltedIn, halted.Upgraded = &fleet.RunHalted{Scope: "run", Failures: 4, Budget: 3}, "pilot", 5
	for f, ending := range written {
		var b bytes.Buffer
		err := dryrun.Plan(&b, p, dryrun.PlanOptions{Format: f, Zone: reporttest.Sydney, Now: reporttest.T0, P50: &p50,
			P90: &p90, Change: "CHG-4711", Measured: 40,
			WhatIf: &dryrun.WhatIf{Text: "upgrades=40,failures=5%", P50: halted, P90: p90}})
		if err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, "plan-policy."+ending, b.Bytes())
	}
}

// What falls away between two waves is not read of what stays.
func TestSparedThen(t *testing.T) {
	t.Parallel()
	for gate, want := range map[plan.ApprovalWhen]string{
		plan.ApprovalBefore: "approval (no soak: nothing to start)\n",
		plan.ApprovalAfter:  "no soak, no approval: nothing to start\n",
	} {
		p := reporttest.FixturePlan()
		p.Waves[0].Soak = 30 * time.Minute
		p.Waves[map[plan.ApprovalWhen]int{plan.ApprovalBefore: 1}[gate]].Approval = &plan.Approval{When: gate,
			Expiry: plan.DefaultApprovalExpiry}
		checks := reporttest.FixtureValidations(p)
		for _, i := range p.Waves[0].Vaults {
			checks[p.Vaults[i].Key] = fleet.Validation{Verdict: fleet.VerdictAlready}
		}
		o := dryrun.PlanOptions{Format: layout.FormatTable, Now: reporttest.T0, Validations: checks}
		p50, p90, err := dryrun.Forecasts(p, o)
		if err != nil {
			t.Fatal(err)
		}
		o.P50, o.P90 = &p50, &p90
		var b bytes.Buffer
		if err := dryrun.Plan(&b, p, o); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "  "+want) {
			t.Errorf("with an approval %s: want %q in\n%s", gate, want, b.String())
		}
	}
}

func TestValidationGolden(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	for f, ending := range written {
		var b bytes.Buffer
		if err := dryrun.Validation(&b, p, reporttest.FixtureValidations(p),
			dryrun.ValidationOptions{Format: f, Zone: reporttest.Sydney,
				Now: reporttest.T0.Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, "validation."+ending, b.Bytes())
	}
}
