package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// Where an end was seen late, what an upgrade took is an upper bound in every format.
func TestEndedLate(t *testing.T) {
	t.Parallel()
	st := reporttest.FinishedNight(t).St
	at := -1
	for i := range st.Vaults {
		if st.Vaults[i].Status == fleet.Upgraded {
			at = i
		}
	}
	st.Vaults[at].StartedAt, st.Vaults[at].EndedAt, st.Vaults[at].EndedLate = reporttest.T0,
		reporttest.T0.Add(83*time.Minute), true
	v := report.FromState(st, report.ViewOptions{Now: reporttest.T0})
	for f, want := range map[layout.Format]string{layout.FormatTable: "at most 1h23m",
		layout.FormatMarkdown: "at most 1h23m",
		layout.FormatJSON:     `"endedLate": true`, layout.FormatJSONL: `"endedLate":true`,
		layout.FormatCSV: ",true,false\r\n"} {
		var b bytes.Buffer
		if err := report.Report(&b, v, report.Options{Format: f}); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), want); n != 1 {
			t.Errorf("%s says %q %d times:\n%s", f, want, n, b.String())
		}
	}
}
