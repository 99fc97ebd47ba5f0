package report

import (
	"bytes"
	"maps"
	"testing"
	"time"
)

var written = map[Format]string{FormatTable: "txt", FormatMarkdown: "md", FormatCSV: "csv", FormatJSON: "json", FormatJSONL: "jsonl"}

// runWritten has JUnit too, which only a run's report has.
var runWritten = func() map[Format]string {
	all := maps.Clone(written)
	all[FormatJUnit] = "xml"
	return all
}()

func TestRunGolden(t *testing.T) {
	t.Parallel()
	runs := []struct {
		name string
		view *View
	}{
		{"running", busyNight(t).view(ViewOptions{Live: true, Now: t0.Add(125 * time.Minute)})},
		{"interrupted", busyNight(t).view(ViewOptions{Now: t0.Add(8 * time.Hour)})},
		{"halted", haltedNight(t).view(ViewOptions{Now: t0.Add(3 * time.Hour)})},
		{"finished", finishedNight(t).view(ViewOptions{Now: t0.Add(9 * time.Hour), Evidence: &Evidence{Events: 5312,
			JournalHead: "b81c42d09a5e7f1360c8d4b2a7e5931fb81c42d09a5e7f1360c8d4b2a7e5931f"}})},
	}
	for _, r := range runs {
		for f, ending := range runWritten {
			if r.name != "finished" && r.name != "halted" && f != FormatTable {
				continue
			}
			var b bytes.Buffer
			o := Options{Format: f, Zone: sydney, State: "night of the 16th.db"}
			if err := Report(&b, r.view, o); err != nil {
				t.Fatal(err)
			}
			golden(t, "report-"+r.name+"."+ending, b.Bytes())
		}
		for _, f := range []Format{FormatTable, FormatMarkdown} {
			var b bytes.Buffer
			if err := Status(&b, r.view, Options{Format: f, Zone: sydney, State: "contoso.db"}); err != nil {
				t.Fatal(err)
			}
			golden(t, "status-"+r.name+"."+written[f], b.Bytes())
		}
	}
}
