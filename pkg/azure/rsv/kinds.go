package rsv

import (
	"encoding/json"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// apiVersion is the newest stable one; sovereign clouds lag (the reference).
const apiVersion = "2026-07-01"

// spec completes the description of a kind of this package.
func spec(s fleet.KindSpec, body json.RawMessage, calls ...arm.Call) fleet.KindSpec {
	s.Type, s.Options = fleet.RecoveryServicesVault, append(fleet.CommonOptions(apiVersion), guardTenant)
	s.Role = func() fleet.Role { return arm.RoleFor(s.Kind, s.Type, calls...) }
	s.Describe = func(o fleet.Options) fleet.Upgrade { return arm.Plain(&s, body, o) }
	return s
}
