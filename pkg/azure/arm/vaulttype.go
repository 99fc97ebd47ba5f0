package arm

import (
	"encoding/json"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// VaultType is what the kinds of one type of vault have in common.
type VaultType struct {
	Name       fleet.ResourceType
	APIVersion string         // the kinds' own, where the inventory asks for no other
	Expected   string         // how long a change takes where nothing was measured; empty: as of every kind
	Following  []fleet.Action // [fleet.KindSpec]'s
	Guard      *Guard         // nil: no resource guard has a word to say

	// What inventories may not set of the type, or not take back: see fleet.WrittenType.
	ReadOnly, Unread []string
	Forever          map[string][]string
}

// Spec completes the description of a kind of the type. body is that of the change,
// calls are those of the kind's own.
func (t *VaultType) Spec(s fleet.KindSpec, body func(fleet.Options) json.RawMessage, calls ...Call) fleet.KindSpec {
	options, properties := fleet.CommonOptions(t.APIVersion), slices.Clone(s.Properties)
	if i := slices.IndexFunc(options,
		func(o fleet.Option) bool { return o.Key == fleet.OptionExpected }); i >= 0 && t.Expected != "" {
		options[i].Default = t.Expected
	}
	if t.Guard != nil {
		shown := t.Guard.Shown
		shown.With = fleet.OptionGuardTenant // whose token goes along where it is shown
		options, properties = append(options, GuardTenant), append(properties, shown)
	}
	s.Type, s.Following, s.Properties = t.Name, t.Following, properties
	s.Options = append(options, s.Options...)
	s.Role = func() fleet.Role { return RoleFor(&s, calls...) }
	s.Describe = func(o fleet.Options) fleet.Upgrade { return Plain(&s, body(o), o) }
	return s
}
