package arm

import (
	"encoding/json"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Rollback is the change that puts back what another has changed, from what was
// recorded before. restore makes the body that does so from a recorded state, or
// says why there is none. judge is as in [Change]; calls are those of the
// rollback's own.
func Rollback(of Change, restore func(State) (json.RawMessage, error), judge func(fleet.Options, State) []fleet.Finding, calls ...Call) Change {
	kind := fleet.RollbackOf(of.Spec.Kind)
	s := of.Spec
	s.Kind, s.Title, s.After = kind, "back to what was before "+string(of.Spec.Kind), nil
	s.Options = append(s.Options[:len(s.Options):len(s.Options)], fleet.Option{Key: fleet.OptionLedger, Type: fleet.OptionPath, Required: true,
		Doc: "the ledger of the runs that are undone, relative to the inventory"})
	s.Role = func() fleet.Role { return RoleFor(kind, s.Type, calls...) }
	s.Describe = func(o fleet.Options) fleet.Upgrade { return Plain(&s, nil, o) }
	s.Restore = func(recorded json.RawMessage) (json.RawMessage, error) {
		was, err := ParseState(recorded)
		if err != nil {
			return nil, err
		}
		return restore(was)
	}
	return Change{Spec: s, Sections: of.Sections, Judge: judge, Complete: of.Complete}
}
