package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// Nothing from outside reaches a terminal or a Markdown page as it came.
func TestPagesAreClean(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	checks := reporttest.FixtureValidations(p)
	v := report.FromState(reporttest.FinishedNight(t).St, report.ViewOptions{Now: reporttest.T0})
	for _, f := range []layout.Format{layout.FormatTable, layout.FormatMarkdown} {
		var b bytes.Buffer
		for _, err := range []error{
			report.Report(&b, v, report.Options{Format: f, State: reporttest.HostileReason,
				SupportAddress: reporttest.HostileName}),
			report.Status(&b, v, report.Options{Format: f, State: reporttest.HostileReason}),
			dryrun.Plan(&b, p, dryrun.PlanOptions{Format: f, Validations: checks, Details: true,
				Saved: reporttest.HostileReason, Next: reporttest.HostileReason}),
			dryrun.Validation(&b, p, checks, dryrun.ValidationOptions{Format: f}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && lexicon.IsSteering(r) }); i >= 0 {
			t.Errorf("%s holds a control character: %q", f, b.String()[max(0, i-40):i+20])
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	if err := report.Report(&bytes.Buffer{}, &report.View{}, report.Options{Format: "xml"}); err == nil {
		t.Error("an unknown format was written")
	}
}

// A fleet of ten thousand vaults is written whole in every format.
func TestBigFleet(t *testing.T) {
	t.Parallel()
	const n = 10_000
	v := report.FromState(reporttest.BigState(n, 100), report.ViewOptions{Live: true, Now: reporttest.T0})
	for f, rows := range map[layout.Format]int{layout.FormatTable: 0, layout.FormatMarkdown: 0, layout.FormatJSON: 0,
		layout.FormatCSV: n + 1, layout.FormatJSONL: n} {
		var b bytes.Buffer
		if err := report.Report(&b, v, report.Options{Format: f}); err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(b.Bytes(), []byte("\n")); got == 0 || rows > 0 && got != rows {
			t.Errorf("%s has %d lines, want %d", f, got, rows)
		}
	}
	if v.Totals[fleet.Upgrading] != 100 || v.Totals[fleet.Pending] != n-100 {
		t.Errorf("the totals are %v", v.Totals)
	}
}
