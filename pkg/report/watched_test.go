package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestWatchedPagesDoNotAdviseToWatch: a page that is shown again by itself does not
// tell to give the command that shows it, and what else is to do stays.
func TestWatchedPagesDoNotAdviseToWatch(t *testing.T) {
	t.Parallel()
	now := reporttest.T0.Add(9 * time.Hour)
	for name, c := range map[string]struct {
		night *reporttest.Night
		then  string
	}{
		"running": {reporttest.BusyNight(t), ""},
		"halting": {reporttest.HaltedNight(t), "when the run has left"},
	} {
		for _, f := range []layout.Format{layout.FormatTable, layout.FormatJSON} {
			for _, watched := range []bool{false, true} {
				var b bytes.Buffer
				o := report.Options{Format: f, State: "fleet.db", Watched: watched}
				if err := report.Status(&b, viewOf(c.night, report.ViewOptions{Live: true, Now: now}), o); err != nil {
					t.Fatal(err)
				}
				if got := strings.Contains(b.String(), "status --watch"); got == watched {
					t.Errorf("%s as %s, watched %t: to watch it is advised: %t", name, f, watched, got)
				}
				if !strings.Contains(b.String(), c.then) {
					t.Errorf("%s as %s, watched %t: what is to do then is missing", name, f, watched)
				}
			}
		}
	}
}
