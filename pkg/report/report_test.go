package report_test

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

var written = map[layout.Format]string{layout.FormatTable: "txt", layout.FormatMarkdown: "md", layout.FormatCSV: "csv",
	layout.FormatJSON: "json", layout.FormatJSONL: "jsonl"}

// runWritten has JUnit too, which only a run's report has.
var runWritten = func() map[layout.Format]string {
	all := maps.Clone(written)
	all[layout.FormatJUnit] = "xml"
	return all
}()

func TestRunGolden(t *testing.T) {
	t.Parallel()
	runs := []struct {
		name string
		view *report.View
	}{
		{"running", viewOf(reporttest.BusyNight(t),
			report.ViewOptions{Live: true, Now: reporttest.T0.Add(125 * time.Minute)})},
		{"interrupted", viewOf(reporttest.BusyNight(t), report.ViewOptions{Now: reporttest.T0.Add(8 * time.Hour)})},
		{"halted", viewOf(reporttest.HaltedNight(t), report.ViewOptions{Now: reporttest.T0.Add(3 * time.Hour)})},
		{"finished", viewOf(reporttest.FinishedNight(t),
			report.ViewOptions{Now: reporttest.T0.Add(9 * time.Hour), Evidence: &report.Evidence{Events: 5312,
				JournalHead: "b81c42d09a5e7f1360c8d4b2a7e5931fb81c42d09a5e7f1360c8d4b2a7e5931f"}})},
	}
	for _, r := range runs {
		for f, ending := range runWritten {
			if r.name != "finished" && r.name != "halted" && f != layout.FormatTable {
				continue
			}
			var b bytes.Buffer
			o := report.Options{Format: f, Zone: reporttest.Sydney, State: "night of the 16th.db"}
			if err := report.Report(&b, r.view, o); err != nil {
				t.Fatal(err)
			}
			reporttest.Golden(t, "report-"+r.name+"."+ending, b.Bytes())
		}
		for _, f := range []layout.Format{layout.FormatTable, layout.FormatMarkdown} {
			var b bytes.Buffer
			if err := report.Status(&b, r.view,
				report.Options{Format: f, Zone: reporttest.Sydney, State: "contoso.db"}); err != nil {
				t.Fatal(err)
			}
			reporttest.Golden(t, "status-"+r.name+"."+written[f], b.Bytes())
		}
	}
}
