package report_test

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestPagesFitTheTerminal: at 80 columns nothing is wider, but for what is
// copied as a whole.
func TestPagesFitTheTerminal(t *testing.T) {
	t.Parallel()
	view := report.FromState(reporttest.HaltedNight(t).St, report.ViewOptions{Now: reporttest.T0})
	var b bytes.Buffer
	if err := report.Status(&b, view, report.Options{State: "fleet.db", Width: 80}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if w := text.StringWidth(strings.TrimRight(line, "\n")); w > 80 && !strings.Contains(line, ": fleetup ") {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

// signs are what a table says of the columns that it has no room for.
var signs = regexp.MustCompile(`\(not shown at \d+ columns: [^)]*\)`)

// Every page breaks between words at any width: a word of the narrow page is a
// word of the wide one, and what is to be pasted stands on one line.
func TestPagesBreakBetweenWords(t *testing.T) {
	t.Parallel()
	now := reporttest.T0.Add(9 * time.Hour)
	views := map[string]*report.View{
		"busy":   viewOf(reporttest.BusyNight(t), report.ViewOptions{Live: true, Now: now}),
		"halted": viewOf(reporttest.HaltedNight(t), report.ViewOptions{Now: now}),
		"finished": viewOf(reporttest.FinishedNight(t),
			report.ViewOptions{Now: now,
				Evidence: &report.Evidence{Events: 5312, JournalHead: strings.Repeat("ab", 32)}}),
	}
	pages := map[string]func(width int) string{}
	for name, v := range views {
		for what, write := range map[string]func(io.Writer, *report.View, report.Options) error{"status": report.Status,
			"report": report.Report} {
			pages[what+" "+name] = func(width int) string {
				var b bytes.Buffer
				if err := write(&b, v, report.Options{Zone: reporttest.Sydney, State: "contoso.db",
					Width: width}); err != nil {
					t.Fatal(err)
				}
				return b.String()
			}
		}
	}
	p := reporttest.TodayPlan(reporttest.KindAlerts)
	p50, p90, err := dryrun.Forecasts(p, dryrun.PlanOptions{Now: reporttest.T0})
	if err != nil {
		t.Fatal(err)
	}
	pages["plan"] = func(width int) string {
		var b bytes.Buffer
		if err := dryrun.Plan(&b, p, dryrun.PlanOptions{Zone: reporttest.Sydney, Now: reporttest.T0, P50: &p50,
			P90: &p90, Upgrade: p.Upgrade, Width: width}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, page := range pages {
		whole := page(0)
		words := map[string]bool{}
		for _, w := range strings.Fields(whole) {
			words[w] = true
		}
		for _, width := range []int{60, 72, 80, 100, 120} {
			narrow := page(width)
			for _, w := range strings.Fields(signs.ReplaceAllString(narrow, "")) {
				if !words[w] {
					t.Errorf("%s at %d columns has %q, which is a part of a word", name, width, w)
				}
			}
			for _, head := range []string{"VAULTS", "OTHER", "HELD", "BUDGET", "STARTED", "ENDED", "OPERATION"} {
				if words[head] && !strings.Contains(narrow, head) {
					t.Errorf("%s at %d columns does not say that it leaves out %s:\n%s", name, width, head, narrow)
				}
			}
			if strings.Contains(narrow, layout.NoBreak) {
				t.Errorf("%s at %d columns has a space that cannot be pasted", name, width)
			}
			for _, command := range []string{"fleetup audit verify --head", "fleetup permissions alerts.yaml"} {
				if strings.Contains(whole, command) && !strings.Contains(narrow, command) {
					t.Errorf("%s at %d columns breaks %q:\n%s", name, width, command, narrow)
				}
			}
		}
	}
}
