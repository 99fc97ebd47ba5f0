package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// fixtureValidations is a result of every verdict.
func fixtureValidations(p *plan.Plan) map[fleet.Key]fleet.Validation {
	names := p.Names()
	out := map[fleet.Key]fleet.Validation{}
	for i := range p.Vaults {
		v := fleet.Validation{Verdict: fleet.VerdictReady}
		one := func(verdict fleet.Verdict, code, message, action string) {
			v = fleet.Validation{Verdict: verdict, Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: code, Message: message, Action: action}}}
		}
		switch names[i] {
		case "prod/sql-07":
			v.Findings = []fleet.Finding{{Severity: fleet.SeverityWarning, Category: "billing", Code: "BillingConversion",
				Message: "billing becomes instance-based", Action: "nothing: acceptWarnings consents"}}
		case "prod/files-1/australiaeast":
			v = fleet.Validation{Verdict: fleet.VerdictBlocked, RequestIDs: []string{"req-1"}, Findings: []fleet.Finding{oldAgent,
				{Severity: fleet.SeverityError, Code: fleet.CodeGroupMissing, Message: "resource group rg-prod does not exist", Action: "create it"}}}
		case "prod/files-1/westus":
			v = fleet.Validation{Verdict: fleet.VerdictBlocked, Findings: []fleet.Finding{oldAgent}}
		case "hr/files-2":
			one(fleet.VerdictBusy, fleet.CodeUnreachable, "the check gave no answer (HTTP 503)", "nothing: it is tried again")
		case "hr/pay-1":
			v = fleet.Validation{Verdict: fleet.VerdictAlready, Record: &fleet.Record{OperationID: "op-old", State: fleet.RecordUpgraded, UpgradedResourceID: "/new/pay-1"}}
		case "hr/pay-2":
			v = fleet.Validation{Verdict: fleet.VerdictUpgrading, Record: &fleet.Record{OperationID: "op-theirs", State: fleet.RecordInProgress}}
		case "hr/slow-1":
			v = fleet.Validation{Verdict: fleet.VerdictFailed, Record: &fleet.Record{OperationID: "op-failed", State: fleet.RecordFailed, Message: "it failed in June"}}
		case "hr/slow-2":
			one(fleet.VerdictDenied, fleet.CodeNotSignedIn, "no co-administrator of the subscription", "become one, then validate again")
		case "hr/" + hostileName:
			one(fleet.VerdictBlocked, "=EVIL()", hostileReason, "<b>do</b> | nothing")
		case "dev/old-01", "prod/late-2":
			continue
		}
		out[p.Vaults[i].Key] = v
	}
	return out
}

func TestPlanGolden(t *testing.T) {
	t.Parallel()
	p := fixturePlan()
	checks := fixtureValidations(p)
	carried := map[fleet.Key]fleet.Carried{}
	for i, name := range p.Names() {
		switch name {
		case "prod/sql-08":
			carried[p.Vaults[i].Key] = fleet.Carried{Status: fleet.Failed, OperationID: "op-08", Reason: "the upgrade failed"}
		case "prod/sql-09":
			carried[p.Vaults[i].Key] = fleet.Carried{Status: fleet.Pending, Reason: "re-opened by ops"}
		}
	}
	plans := []struct {
		name string
		opts PlanOptions
	}{
		{"unchecked", PlanOptions{}},
		{"checked", PlanOptions{Validations: checks, Carried: carried, Saved: "contoso.plan", State: "contoso.db",
			Findings: []fleet.Finding{{Severity: fleet.SeverityWarning, Code: "empty-wave", Message: "wave x takes no vault", Action: "remove it"}}}},
		{"details", PlanOptions{Validations: checks, Details: true}},
	}
	for _, x := range plans {
		p50, p90, err := Forecasts(p, t0, x.opts.Validations, x.opts.Carried)
		if err != nil {
			t.Fatal(err)
		}
		for f, ending := range written {
			if x.name == "details" && f != FormatTable {
				continue
			}
			x.opts.Format, x.opts.Zone, x.opts.Now, x.opts.P50, x.opts.P90 = f, sydney, t0, &p50, &p90
			var b bytes.Buffer
			if err := Plan(&b, p, x.opts); err != nil {
				t.Fatal(err)
			}
			golden(t, "plan-"+x.name+"."+ending, b.Bytes())
		}
	}
}

// TestPolicyGolden shows a plan with everything a change board asks about.
func TestPolicyGolden(t *testing.T) {
	t.Parallel()
	p := fixturePlan()
	p.Fingerprint = "7f3a9c21d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f"
	p.Calendar = &plan.Calendar{
		Windows:   []plan.Window{{Days: []time.Weekday{1, 2, 3, 4, 5}, Start: 22 * 60, End: 6 * 60, Zone: "Australia/Sydney"}},
		Blackouts: []plan.Blackout{{From: "2026-12-24T00:00", To: "2026-12-27T00:00", Zone: "Australia/Sydney"}},
	}
	p.Ceiling, p.SameErrorHalt, p.SubscriptionBudget = plan.CeilingSoft, 3, &plan.Budget{Unit: plan.UnitPercent, Percent: 25}
	p.Waves[0].Soak, p.Waves[0].Approval = 30*time.Minute, &plan.Approval{When: plan.ApprovalAfter, Expiry: plan.DefaultApprovalExpiry}
	p.Waves[1].Limits.Upgrades = 1
	p.Calendars = []plan.Calendar{{Windows: []plan.Window{{Days: []time.Weekday{2}, Start: 23 * 60, End: 60, Zone: "Australia/Sydney"}}}}
	for i, name := range p.Names() {
		if name == "dev/old-01" || name == "prod/sql-09" || name == "prod/late-1" {
			p.Vaults[i].Calendar = 1
		}
	}
	p50, p90, err := Forecasts(p, t0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	halted := p50
	halted.Halt, halted.HaltedIn, halted.Upgraded = &fleet.RunHalted{Scope: "run", Failures: 4, Budget: 3}, "pilot", 5
	for f, ending := range written {
		var b bytes.Buffer
		err := Plan(&b, p, PlanOptions{Format: f, Zone: sydney, Now: t0, P50: &p50, P90: &p90, Change: "CHG-4711", Measured: 40,
			WhatIf: &WhatIf{Text: "upgrades=40,failures=5%", P50: halted, P90: p90}})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "plan-policy."+ending, b.Bytes())
	}
}

func TestValidationGolden(t *testing.T) {
	t.Parallel()
	p := fixturePlan()
	for f, ending := range written {
		var b bytes.Buffer
		if err := Validation(&b, p, fixtureValidations(p), ValidationOptions{Format: f, Zone: sydney, Now: t0.Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		golden(t, "validation."+ending, b.Bytes())
	}
}
