package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestEmulatedTimesSaySo(t *testing.T) {
	t.Parallel()
	for scale, want := range map[float64]string{1: "the cloud is the emulator; its upgrades take their time", 60: "the cloud is the emulator: 1m of an upgrade take 1s",
		600: "the cloud is the emulator: 10m of an upgrade take 1s", 400: "the cloud is the emulator: 6m40s of an upgrade take 1s", 0.5: "the cloud is the emulator: 500ms of an upgrade take 1s"} {
		if got := (&Emulated{scale}).Words(); got != want {
			t.Errorf("%g: %q, want %q", scale, got, want)
		}
	}
	e := &Emulated{60}
	now := t0.Add(125 * time.Minute)
	v := busyNight(t).view(ViewOptions{Live: true, Now: now})
	for name, f := range map[string]Format{"table": FormatTable, "markdown": FormatMarkdown, "json": FormatJSON} {
		for _, told := range []*Emulated{nil, e} {
			var status, report bytes.Buffer
			if err := Status(&status, v, Options{Format: f, Emulated: told}); err != nil {
				t.Fatal(err)
			}
			if err := Report(&report, v, Options{Format: f, Emulated: told}); err != nil {
				t.Fatal(err)
			}
			want := "1m of an upgrade take 1s"
			if f == FormatJSON {
				want = `"timeScale": 60`
			}
			if strings.Contains(status.String(), want) != (told != nil) || strings.Contains(report.String(), want) != (told != nil) {
				t.Errorf("%s, emulated %v: %s", name, told, status.String())
			}
		}
	}
	p := fixturePlan()
	p50, p90, err := Forecasts(p, t0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for measured, want := range map[int]string{0: "the forecast is the real service's", 12: "the forecast is measured on it"} {
		var b bytes.Buffer
		if err := Plan(&b, p, PlanOptions{Now: t0, P50: &p50, P90: &p90, Emulated: e, Measured: measured}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "1m of an upgrade take 1s; "+want) {
			t.Errorf("%s", b.String())
		}
	}
	tr := NewTracker(busyNight(t).st)
	tr.Emulated = e
	if _, err := tr.Estimate(now, nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tr.Live(now, 100, 40, false), "\n"); !strings.Contains(got, "(estimate; emulated: 1m of an upgrade take 1s)") {
		t.Errorf("%s", got)
	}
}
