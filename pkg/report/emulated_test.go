package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestEmulatedTimesSaySo(t *testing.T) {
	t.Parallel()
	for scale, want := range map[float64]string{
		1:   "the cloud is the emulator; its upgrades take as long as its scenario says",
		60:  "the cloud is the emulator: 1s stands for 1m of an upgrade",
		600: "the cloud is the emulator: 1s stands for 10m of an upgrade",
		400: "the cloud is the emulator: 1s stands for 6m40s of an upgrade",
		0.5: "the cloud is the emulator: 1s stands for 500ms of an upgrade"} {
		if got := (&report.Emulated{TimeScale: scale}).Words(lexicon.WordingOf(fleet.KindClassic)); got != want {
			t.Errorf("%g: %q, want %q", scale, got, want)
		}
	}
	e := &report.Emulated{TimeScale: 60}
	now := reporttest.T0.Add(125 * time.Minute)
	v := viewOf(reporttest.BusyNight(t), report.ViewOptions{Live: true, Now: now})
	for name, f := range map[string]layout.Format{"table": layout.FormatTable, "markdown": layout.FormatMarkdown,
		"json": layout.FormatJSON} {
		for _, told := range []*report.Emulated{nil, e} {
			var status, whole bytes.Buffer
			if err := report.Status(&status, v, report.Options{Format: f, Emulated: told}); err != nil {
				t.Fatal(err)
			}
			if err := report.Report(&whole, v, report.Options{Format: f, Emulated: told}); err != nil {
				t.Fatal(err)
			}
			want := "1s stands for 1m of an upgrade"
			if f == layout.FormatJSON {
				want = `"timeScale": 60`
			}
			if strings.Contains(status.String(), want) != (told != nil) ||
				strings.Contains(whole.String(), want) != (told != nil) {
				t.Errorf("%s, emulated %v: %s", name, told, status.String())
			}
		}
	}
	p := reporttest.FixturePlan()
	p50, p90, err := dryrun.Forecasts(p, dryrun.PlanOptions{Now: reporttest.T0})
	if err != nil {
		t.Fatal(err)
	}
	for measured, want := range map[int]string{0: "the forecast is the real service's",
		12: "the forecast is measured on it, in its own time"} {
		var b bytes.Buffer
		if err := dryrun.Plan(&b, p, dryrun.PlanOptions{Now: reporttest.T0, P50: &p50, P90: &p90, Emulated: e,
			Measured: measured}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "1s stands for 1m of an upgrade; "+want) {
			t.Errorf("%s", b.String())
		}
	}
	tr := progress.NewTracker(reporttest.BusyNight(t).St)
	tr.Emulated = e
	tr.Forecast().Guess(now, nil)
	if got := strings.Join(tr.Live(now, 100, 40, false), "\n"); !strings.Contains(got,
		"(estimate; emulated: 1s stands for 1m of an upgrade)") {
		t.Errorf("%s", got)
	}
}
