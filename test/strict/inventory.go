package strict

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file writes the parts of an inventory (inventory.md#keys) that are the same for
// every kind of upgrade.

// Limits bound what happens at once.
type Limits struct {
	Validations, Upgrades, PerSubscription, PerLocation int
	RequestsPerSecond                                   float64
}

// Wave is a wave of the rollout; one without Match takes what is left.
type Wave struct {
	Name        string
	Match       map[string]string
	MaxFailures string // a count such as 3, or a share such as 2%
}

// WriteWaves writes the waves, if there are any.
func WriteWaves(y *YAML, waves []Wave) {
	if len(waves) > 0 {
		y.Line(0, "waves:")
	}
	for _, w := range waves {
		y.Line(1, "- name: %s", Quoted(w.Name))
		y.Labels(2, "match", w.Match)
		if w.MaxFailures != "" {
			y.Line(2, "maxFailures: %s", w.MaxFailures)
		}
	}
}

// WriteYAML writes the limits that are set.
func (l Limits) WriteYAML(y *YAML) {
	if l == (Limits{}) {
		return
	}
	y.Line(0, "limits:")
	for _, f := range []struct {
		key   string
		value int
	}{
		{"validations", l.Validations},
		{"upgrades", l.Upgrades},
		{"perSubscription", l.PerSubscription},
		{"perLocation", l.PerLocation},
	} {
		if f.value > 0 {
			y.Line(1, "%s: %d", f.key, f.value)
		}
	}
	if l.RequestsPerSecond > 0 {
		y.Line(1, "requestsPerSecond: %g", l.RequestsPerSecond)
	}
}

// WriteYAML writes all timings.
func (t Timings) WriteYAML(y *YAML) {
	y.Line(0, "timings:")
	y.Line(1, "poll: %s", t.Poll)
	y.Line(1, "validationMaxAge: %s", t.ValidationMaxAge)
	y.Line(1, "busyRetry: %s", t.BusyRetry)
	y.Line(1, "busyDeadline: %s", t.BusyDeadline)
	y.Line(1, "startTimeout: %s", t.StartTimeout)
	y.Line(1, "reconcileGrace: %s", t.ReconcileGrace)
	y.Line(1, "reconcileDeadline: %s", t.ReconcileDeadline)
	y.Line(1, "overdue: %s", t.Overdue)
}

// YAML writes block YAML with two spaces a level.
type YAML struct{ b strings.Builder }

// String returns what was written.
func (y *YAML) String() string { return y.b.String() }

// Line writes a line at a level.
func (y *YAML) Line(level int, format string, args ...any) {
	y.b.WriteString(strings.Repeat("  ", level))
	fmt.Fprintf(&y.b, format, args...)
	y.b.WriteByte('\n')
}

// Labels writes labels in one line, by key; nothing where there are none.
func (y *YAML) Labels(level int, key string, labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, Quoted(k)+": "+Quoted(labels[k]))
	}
	y.Line(level, "%s: {%s}", key, strings.Join(parts, ", "))
}

// Quoted writes a string as JSON, which is YAML too.
func Quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("strict: %v", err)) // a string always has a JSON form
	}
	return string(b)
}
