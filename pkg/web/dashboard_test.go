package web

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// What a query says: metrics with the labels that they are picked by, labels that are
// summed by, and the labels of a legend.
var (
	inQuery  = regexp.MustCompile(`(fleetup_[a-z_]+)(\{[^}]*\})?`)
	picks    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"`)
	groups   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	inLegend = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)
	declared = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", .*variableLabels: \{([^}]*)\}\}$`)
)

// TestGrafanaDashboard: the dashboard that comes along asks for metrics that exist, by labels
// that they have, and for all of them; its panels stand beside each other.
func TestGrafanaDashboard(t *testing.T) {
	t.Parallel()
	descriptions := make(chan *prometheus.Desc, 100)
	(&gauges{}).Describe(descriptions)
	close(descriptions)
	labels, used := map[string][]string{}, map[string]bool{}
	for d := range descriptions {
		m := declared.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("%s cannot be read", d)
		}
		labels[m[1]] = append(strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' }), "instance", "job")
	}
	if len(labels) < 20 {
		t.Fatalf("%d metrics", len(labels))
	}

	type target struct{ RefID, Expr, LegendFormat string }
	var d struct {
		UID    string
		Panels []struct {
			ID         int
			Type       string
			Title      string
			Datasource struct{ UID string }
			GridPos    struct{ X, Y, W, H int }
			Targets    []target
		}
		Templating struct {
			List []struct {
				Name  string
				Query any
			}
		}
	}
	data, err := os.ReadFile("../../examples/grafana/fleetup.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	check := func(where, expr, legend string) {
		metrics := inQuery.FindAllStringSubmatch(expr, -1)
		if len(metrics) == 0 {
			t.Errorf("%s asks for nothing of fleetup: %s", where, expr)
		}
		for _, m := range metrics {
			has, known := labels[m[1]]
			if !known {
				t.Errorf("%s asks for %s, which there is not", where, m[1])
				continue
			}
			used[m[1]] = true
			wants := inLegend.FindAllStringSubmatch(legend, -1)
			wants = append(wants, picks.FindAllStringSubmatch(m[2], -1)...)
			for _, by := range groups.FindAllStringSubmatch(expr, -1) {
				for label := range strings.SplitSeq(by[1], ",") {
					wants = append(wants, []string{"", strings.TrimSpace(label)})
				}
			}
			for _, w := range wants {
				if !slices.Contains(has, w[1]) {
					t.Errorf("%s: %s has no label %s, but %v", where, m[1], w[1], has)
				}
			}
		}
		for _, pair := range []string{"()", "{}", "[]"} {
			if strings.Count(expr, pair[:1]) != strings.Count(expr, pair[1:]) {
				t.Errorf("%s: the brackets %s do not match: %s", where, pair, expr)
			}
		}
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 || p.Title == "" || p.Type == "" || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %d %q of type %q, of %q", p.ID, p.Title, p.Type, p.Datasource.UID)
		}
		ids[p.ID] = true
		for _, x := range p.Targets {
			check(p.Title, x.Expr, x.LegendFormat)
		}
		if len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: %d queries, at %+v", p.Title, len(p.Targets), p.GridPos)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies over %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	for name := range labels {
		if !used[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
	if len(d.Panels) < 15 || d.UID == "" || len(d.Templating.List) != 2 {
		t.Errorf("%d panels, UID %q, %d variables", len(d.Panels), d.UID, len(d.Templating.List))
	}
}
