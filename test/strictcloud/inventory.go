package strictcloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Inventory is what the client's inventory says besides the vaults
// (design §4). Zero fields are left out, so the client's defaults hold.
type Inventory struct {
	URL           string // where the server answers, for both sides
	Limits        Limits
	Waves         []Wave
	FailureBudget string // a count such as 3, or a share such as 2%
	Extra         string // further top-level YAML, as it is
}

// Limits bound what happens at once.
type Limits struct {
	Validations, Upgrades, PerSubscription, PerLocation int
	RequestsPerSecond                                   float64
}

// Wave is a wave of the rollout; one without Match takes what is left.
type Wave struct {
	Name        string
	Match       map[string]string
	MaxFailures string // as FailureBudget
}

// WriteInventory writes the inventory of all vaults to a file.
func (s *Server) WriteInventory(path string, inv Inventory) error {
	return os.WriteFile(path, []byte(s.Inventory(inv)), 0o600)
}

// Inventory returns the inventory of all vaults, in the order they were added,
// with the server's timings.
func (s *Server) Inventory(inv Inventory) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	y := &yamlWriter{}
	y.line(0, "apiVersion: fleetup/v1")
	y.line(0, "cloud: {serviceManagement: %s, resourceManager: %s}", quoted(inv.URL), quoted(inv.URL))
	y.line(0, "upgrade: {kind: classic}")
	y.line(0, "subscriptions:")
	for _, sub := range s.order {
		if slices.ContainsFunc(sub.vaults, func(v *VaultHandle) bool { return !v.spec.NotInInventory }) {
			sub.writeYAML(y)
		}
	}
	inv.Limits.writeYAML(y)
	if len(inv.Waves) > 0 {
		y.line(0, "waves:")
	}
	for _, w := range inv.Waves {
		y.line(1, "- name: %s", quoted(w.Name))
		y.labels(2, "match", w.Match)
		if w.MaxFailures != "" {
			y.line(2, "maxFailures: %s", w.MaxFailures)
		}
	}
	if inv.FailureBudget != "" {
		y.line(0, "failureBudget: %s", inv.FailureBudget)
	}
	s.cfg.Timings.writeYAML(y)
	return y.b.String() + inv.Extra
}

func (h *SubscriptionHandle) writeYAML(y *yamlWriter) {
	y.line(1, "- id: %s", h.id)
	if h.name != "" {
		y.line(2, "name: %s", quoted(h.name))
	}
	y.labels(2, "labels", h.labels)
	y.line(2, "vaults:")
	for _, v := range h.vaults {
		if !v.spec.NotInInventory {
			v.spec.writeYAML(y)
		}
	}
}

func (v Vault) writeYAML(y *yamlWriter) {
	location := v.Location
	if location == "" {
		location = v.Region
	}
	y.line(3, "- name: %s", quoted(v.Name))
	y.line(4, "location: %s", quoted(location))
	y.line(4, "resourceType: %s", v.Type)
	y.line(4, "targetResourceGroup: %s", quoted(v.Group))
	if v.CreateGroup {
		y.line(4, "createResourceGroup: true")
	}
	if v.AcceptWarnings {
		y.line(4, "acceptWarnings: true")
	}
	if v.ProtectedItems > 0 {
		y.line(4, "protectedItems: %d", v.ProtectedItems)
	}
	y.labels(4, "labels", v.Labels)
	if v.Hold != "" {
		y.line(4, "hold: %s", quoted(v.Hold))
	}
}

func (l Limits) writeYAML(y *yamlWriter) {
	if l == (Limits{}) {
		return
	}
	y.line(0, "limits:")
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
			y.line(1, "%s: %d", f.key, f.value)
		}
	}
	if l.RequestsPerSecond > 0 {
		y.line(1, "requestsPerSecond: %g", l.RequestsPerSecond)
	}
}

func (t Timings) writeYAML(y *yamlWriter) {
	y.line(0, "timings:")
	y.line(1, "poll: %s", t.Poll)
	y.line(1, "validationMaxAge: %s", t.ValidationMaxAge)
	y.line(1, "busyRetry: %s", t.BusyRetry)
	y.line(1, "busyDeadline: %s", t.BusyDeadline)
	y.line(1, "startTimeout: %s", t.StartTimeout)
	y.line(1, "reconcileGrace: %s", t.ReconcileGrace)
	y.line(1, "reconcileDeadline: %s", t.ReconcileDeadline)
	y.line(1, "overdue: %s", t.Overdue)
}

// yamlWriter writes block YAML with two spaces a level.
type yamlWriter struct{ b strings.Builder }

func (y *yamlWriter) line(level int, format string, args ...any) {
	y.b.WriteString(strings.Repeat("  ", level))
	fmt.Fprintf(&y.b, format, args...)
	y.b.WriteByte('\n')
}

func (y *yamlWriter) labels(level int, key string, labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	parts := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, quoted(k)+": "+quoted(labels[k]))
	}
	y.line(level, "%s: {%s}", key, strings.Join(parts, ", "))
}

// quoted writes a string as JSON, which is YAML too.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("strictcloud: %v", err)) // a string always has a JSON form
	}
	return string(b)
}
