package dryrun

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// validated are validations of all of a plan's vaults with one verdict.
func validated(p *plan.Plan, v fleet.Verdict) map[fleet.Key]fleet.Validation {
	checks := map[fleet.Key]fleet.Validation{}
	for i := range p.Vaults {
		checks[p.Vaults[i].Key] = fleet.Validation{Verdict: v}
	}
	return checks
}

// shownPair is a pair of the page of a plan.
func shownPair(t *testing.T, p *plan.Plan, o PlanOptions, name string) string {
	t.Helper()
	o.Now = reporttest.T0
	p50, p90, err := Forecasts(p, o)
	if err != nil {
		t.Fatal(err)
	}
	o.P50, o.P90 = &p50, &p90
	var b strings.Builder
	if err := Plan(&b, p, o); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestBudgetOfAPartIsOfWhatTheRunCounts: a budget in percent is of the vaults that are
// neither held nor failed before, also of those that do not start.
func TestBudgetOfAPartIsOfWhatTheRunCounts(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	p.SubscriptionBudget = &plan.Budget{Unit: plan.UnitPercent, Percent: 50}
	counts, most := map[string]int{}, 0
	for i := range p.Vaults {
		if v := &p.Vaults[i]; !v.Excluded() {
			counts[v.SubscriptionID]++
			most = max(most, p.SubscriptionBudget.Resolve(counts[v.SubscriptionID]))
		}
	}
	want := fmt.Sprintf("more than 50 %% (at most %d) in one subscription", most)
	for _, verdict := range []fleet.Verdict{fleet.VerdictReady, fleet.VerdictAlready} {
		o := PlanOptions{Validations: validated(p, verdict)}
		if got := shownPair(t, p, o, "Halts also at"); most < 2 || got != want {
			t.Errorf("all %s: %q, want %q", verdict, got, want)
		}
	}
}

// TestNightsAreOfVaultsWithWindows: what may start besides counts among a night's vaults
// only where it has windows.
func TestNightsAreOfVaultsWithWindows(t *testing.T) {
	t.Parallel()
	days := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	for want, c := range map[string]struct{ windowed, busy int }{
		"1 vault":                    {1, 0},
		"1 vault busy":               {1, 1},
		"3 vaults 2 busy among them": {3, 2},
	} {
		p := reporttest.FixturePlan()
		p.Calendar, p.Calendars = nil, []plan.Calendar{{Windows: []plan.Window{{Days: days, End: 360, Zone: "UTC"}}}}
		o := PlanOptions{Validations: validated(p, fleet.VerdictBusy)}
		own := 0
		for i := range p.Vaults {
			v := &p.Vaults[i]
			p.Waves[v.Wave].Calendar, v.Calendar = nil, 0
			if v.Excluded() || own == c.windowed {
				continue
			}
			if v.Calendar, own = 1, own+1; own > c.busy {
				o.Validations[v.Key] = fleet.Validation{Verdict: fleet.VerdictReady}
			}
		}
		parts := strings.Split(shownPair(t, p, o, "Nights"), lexicon.Dot)
		parts[0], _, _ = strings.Cut(parts[0], " until ")
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("%d with windows, %d of them busy: %q, want %q", c.windowed, c.busy, got, want)
		}
	}
}

// TestPlanIsWrittenInPieces: the JSON of a plan, whose vaults are made one at a time, is that
// of the whole.
func TestPlanIsWrittenInPieces(t *testing.T) {
	t.Parallel()
	classic, today := reporttest.FixturePlan(), reporttest.TodayPlan(reporttest.KindAlerts)
	for name, c := range map[string]struct {
		p *plan.Plan
		o PlanOptions
	}{
		"classic":          {classic, PlanOptions{}},
		"checked":          {classic, PlanOptions{Validations: reporttest.FixtureValidations(classic)}},
		"today":            {today, PlanOptions{Upgrade: today.Upgrade}},
		"nothing to start": {classic, PlanOptions{Validations: validated(classic, fleet.VerdictAlready)}},
		"without vaults":   {&plan.Plan{}, PlanOptions{}},
	} {
		c.o.Now, c.o.Format = reporttest.T0, layout.FormatJSON
		d := newDryRun(c.p, c.o)
		whole, err := layout.JSON(d.document())
		if err != nil {
			t.Fatal(err)
		}
		var pieces strings.Builder
		if err := Plan(&pieces, c.p, c.o); err != nil {
			t.Fatal(err)
		}
		if pieces.String() != string(whole) {
			t.Errorf("%s: in pieces\n%s\nin one\n%s", name, &pieces, whole)
		}
	}
}

// TestFindingsAreOfVaults: a line of codes says how many vaults count under more than one,
// and counts each once under a code, however often that was found.
func TestFindingsAreOfVaults(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	for name, c := range map[string]struct {
		verdict  fleet.Verdict
		severity fleet.Severity
	}{"Blocked": {fleet.VerdictBlocked, fleet.SeverityError}, "Noted": {fleet.VerdictReady, fleet.SeverityWarning}} {
		found := func(codes ...string) (v fleet.Validation) {
			v.Verdict = c.verdict
			for _, code := range codes {
				v.Findings = append(v.Findings, fleet.Finding{Severity: c.severity, Code: code})
			}
			return v
		}
		o := PlanOptions{Validations: validated(p, fleet.VerdictAlready)}
		o.Validations[p.Vaults[0].Key] = found("locked", "locked")
		o.Validations[p.Vaults[1].Key] = found("locked")
		const details = " · details: --details or -o csv"
		if got, want := shownPair(t, p, o, name), "2 locked"+details; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		o.Validations[p.Vaults[1].Key] = found("locked", "no-rule")
		want := "2 locked · 1 no-rule · 1 vault counts under more than one" + details
		if got := shownPair(t, p, o, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
