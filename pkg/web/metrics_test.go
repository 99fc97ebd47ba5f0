package web

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/fleetup-dev/fleetup/pkg/report"
)

// families are metrics as Prometheus' own parser reads them.
func families(t *testing.T, in io.Reader) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	fs, err := parser.TextToMetricFamilies(in)
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// TestMetrics: what a run looks like to Prometheus.
func TestMetrics(t *testing.T) {
	t.Parallel()
	x := serve(t, 6, Config{})
	x.start(0)
	x.start(1)
	x.fail(1)
	resp, text := x.ask("GET", "/metrics", nil)
	if format := expfmt.ResponseFormat(resp.Header); format.FormatType() != expfmt.TypeTextPlain {
		t.Errorf("metrics are %s, format %v", resp.Header.Get("Content-Type"), format.FormatType())
	}
	for _, want := range []string{`fleetup_vaults{status="failed"} 1`, `fleetup_vaults{status="blocked"} 0`, `fleetup_wave_vaults{wave="canary",status="upgrading"} 1`,
		`fleetup_wave_status{wave="canary",status="running"} 1`, "fleetup_starts_total 2", "fleetup_in_flight 1", "fleetup_budget_used 1", "fleetup_budget_limit 3",
		`fleetup_requests_per_second{subscription="53a3c692-5283-4f0a-baf6-49412f5ebefe",lane="resource-manager-reads"} 2.5`,
		`fleetup_requests_per_second{subscription="53a3c692-5283-4f0a-baf6-49412f5ebefe",lane="resource-manager-writes"} 10`,
		"fleetup_throttled_subscriptions 0", `fleetup_run_info{run="20260316-110000-7f3a9c",plan="7f3a9c21d4e5f607",inventory="contoso.yaml",version="v1"} 1`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	fs := families(t, strings.NewReader(text))
	for _, m := range metrics {
		f := fs[m.name]
		if f == nil {
			if m != waveEnded { // no wave has
				t.Errorf("%s is missing", m.name)
			}
			continue
		}
		if kind := strings.ToLower(f.GetType().String()); kind != m.kind || f.GetHelp() != m.help {
			t.Errorf("%s is a %s: %s", m.name, kind, f.GetHelp())
		}
		seen := map[string]bool{}
		for _, one := range f.Metric {
			labels := fmt.Sprint(one.Label)
			if seen[labels] || len(one.Label) != len(m.labels) {
				t.Errorf("%s has %s twice, or not %q", m.name, labels, m.labels)
			}
			seen[labels] = true
		}
		delete(fs, m.name)
	}
	if len(fs) > 0 {
		t.Errorf("nobody knows %v", fs)
	}
	if at := families(t, strings.NewReader(text))[runStarted.name].Metric[0].GetGauge().GetValue(); int64(at) != x.at.Unix() {
		t.Errorf("the run began at %f, expected %d", at, x.at.Unix())
	}
}

// TestHostileLabels: whatever a wave is called, its metrics say so and nothing else.
func TestHostileLabels(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "canary", `"} 1`, `back\slash`, `\n`, "two\nlines", hostileName, hostileReason} {
		s := samples{}
		s.add(waveVaults, 3, name, "upgraded")
		s.add(waveVaults, 4, "rest", "upgraded")
		var b bytes.Buffer
		if err := s.write(&b); err != nil {
			t.Fatal(err)
		}
		f := families(t, &b)[waveVaults.name]
		if f == nil || len(f.Metric) != 2 {
			t.Errorf("%q: %v", name, f)
			continue
		}
		if got := f.Metric[0].Label[0].GetValue(); got != report.Clean(name) {
			t.Errorf("%q is read as %q", name, got)
		}
	}
}
