package strictcloud

import (
	"os"
	"slices"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// Inventory is what the client's inventory says besides the vaults
// (inventory.md#keys). Zero fields are left out, so the client's defaults hold.
type Inventory struct {
	URL           string // where the server answers, for both sides
	Limits        strict.Limits
	Waves         []strict.Wave
	FailureBudget string // a count such as 3, or a share such as 2%
	Extra         string // further top-level YAML, as it is
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
	y := &strict.YAML{}
	y.Line(0, "apiVersion: fleetup/v1")
	y.Line(0, "cloud: {serviceManagement: %s, resourceManager: %s}", strict.Quoted(inv.URL), strict.Quoted(inv.URL))
	y.Line(0, "upgrade: {kind: classic}")
	y.Line(0, "subscriptions:")
	for _, sub := range s.order {
		if slices.ContainsFunc(sub.vaults, func(v *VaultHandle) bool { return !v.spec.NotInInventory }) {
			sub.writeYAML(y)
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

func (h *SubscriptionHandle) writeYAML(y *strict.YAML) {
	y.Line(1, "- id: %s", h.id)
	if h.name != "" {
		y.Line(2, "name: %s", strict.Quoted(h.name))
	}
	y.Labels(2, "labels", h.labels)
	y.Line(2, "vaults:")
	for _, v := range h.vaults {
		if !v.spec.NotInInventory {
			v.spec.writeYAML(y)
		}
	}
}

func (v Vault) writeYAML(y *strict.YAML) {
	location := v.Location
	if location == "" {
		location = v.Region
	}
	y.Line(3, "- name: %s", strict.Quoted(v.Name))
	y.Line(4, "location: %s", strict.Quoted(location))
	y.Line(4, "resourceType: %s", v.Type)
	y.Line(4, "targetResourceGroup: %s", strict.Quoted(v.Group))
	if v.CreateGroup {
		y.Line(4, "createResourceGroup: true")
	}
	if v.AcceptWarnings {
		y.Line(4, "acceptWarnings: true")
	}
	if v.ProtectedItems > 0 {
		y.Line(4, "protectedItems: %d", v.ProtectedItems)
	}
	y.Labels(4, "labels", v.Labels)
	if v.Hold != "" {
		y.Line(4, "hold: %s", strict.Quoted(v.Hold))
	}
}
