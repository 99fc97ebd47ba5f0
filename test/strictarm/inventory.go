package strictarm

import (
	"os"
	"slices"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Inventory is what the client's inventory says besides the vaults
// (inventory.md#keys). Zero fields are left out, so the client's defaults hold.
type Inventory struct {
	URL           string // where the server answers, for both sides
	Kind          Kind   // whose vaults; Alerts where empty
	Rollback      bool   // the kind is to be undone
	Upgrade       string // all of "upgrade", in flow YAML, where it names the kind otherwise
	Options       string // further keys of "upgrade", in flow YAML: ", apiVersion: 2026-07-01"
	Limits        strict.Limits
	Waves         []strict.Wave
	FailureBudget string // a count such as 3, or a share such as 2%
	Extra         string // further top-level YAML, as it is
}

// WriteInventory writes the inventory of a kind's vaults to a file.
func (s *Server) WriteInventory(path string, inv Inventory) error {
	return os.WriteFile(path, []byte(s.Inventory(inv)), 0o600)
}

// Inventory returns the inventory of a kind's vaults, in the order they were
// added, with the server's timings.
func (s *Server) Inventory(inv Inventory) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inv.Kind == "" {
		inv.Kind = Alerts
	}
	y := &strict.YAML{}
	y.Line(0, "apiVersion: fleetup/v1")
	y.Line(0, "cloud: {serviceManagement: %s, resourceManager: %s}", strict.Quoted(inv.URL), strict.Quoted(inv.URL))
	if inv.Upgrade != "" {
		y.Line(0, "upgrade: %s", inv.Upgrade)
	} else if inv.Rollback {
		y.Line(0, "upgrade: {kind: rollback, of: %s%s}", inv.Kind, inv.Options)
	} else {
		y.Line(0, "upgrade: {kind: %s%s}", inv.Kind, inv.Options)
	}
	y.Line(0, "subscriptions:")
	for _, sub := range s.order {
		of := func(v *VaultHandle) bool { return v.spec.Kind == inv.Kind && !v.spec.NotInInventory }
		if !slices.ContainsFunc(sub.vaults, of) {
			continue
		}
		y.Line(1, "- id: %s", sub.id)
		if sub.name != "" {
			y.Line(2, "name: %s", strict.Quoted(sub.name))
		}
		y.Labels(2, "labels", sub.labels)
		y.Line(2, "vaults:")
		for _, v := range sub.vaults {
			if of(v) {
				v.spec.writeYAML(y)
			}
		}
	}
	inv.Limits.WriteYAML(y)
	strict.WriteWaves(y, inv.Waves)
	if inv.FailureBudget != "" {
		y.Line(0, "failureBudget: %s", inv.FailureBudget)
	}
	s.cfg.Timings.WriteYAML(y)
	return y.String() + inv.Extra
}

func (v Vault) writeYAML(y *strict.YAML) {
	y.Line(3, "- name: %s", strict.Quoted(v.Name))
	y.Line(4, "location: %s", strict.Quoted(v.Location))
	y.Line(4, "resourceGroup: %s", strict.Quoted(v.Group))
	if v.AcceptWarnings {
		y.Line(4, "acceptWarnings: true")
	}
	y.Labels(4, "labels", v.Labels)
	if v.Hold != "" {
		y.Line(4, "hold: %s", strict.Quoted(v.Hold))
	}
}
