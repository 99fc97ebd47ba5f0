package rsv

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The kinds that make a vault's recovery points immutable. Unlocked can be taken
// back; Locked never can (the reference).
const (
	KindImmutability     fleet.Kind = "rsv-immutability"
	KindImmutabilityLock fleet.Kind = "rsv-immutability-lock"
)

// The states of immutability. A vault without one has never been immutable.
const (
	immutabilityDisabled = "Disabled"
	immutabilityUnlocked = "Unlocked"
	immutabilityLocked   = "Locked"
)

// sectionImmutability holds the state, and from API version 2026-05-01 on for how
// long it keeps what: a vault whose duration has changed since it was checked is
// checked again before it is locked for ever.
const sectionImmutability = "securitySettings.immutabilitySettings"

// codeImmutability is the finding about a vault whose immutability is in a state
// that the kind does not start from.
const codeImmutability = "immutability-state"

// Immutability is the change of [KindImmutability].
func Immutability() arm.Change {
	body := immutabilityBody(immutabilityUnlocked)
	return arm.Change{
		Spec: spec(fleet.KindSpec{Kind: KindImmutability, Title: "immutable recovery points, not locked",
			After: []string{"Unlocked can be taken back; " + string(KindImmutabilityLock) + ", which never can, is a step of its own."}}, body),
		Sections: []string{sectionImmutability}, Body: body, Complete: guarded(""),
		// More than what is wanted is there, for ever: no run could do anything about
		// it, and none has to.
		Enough: func(s arm.State) string {
			if strings.EqualFold(immutability(s), immutabilityLocked) {
				return "immutability is Locked, which is more than Unlocked and can never be taken back"
			}
			return ""
		},
		Judge: func(s arm.State) []fleet.Finding {
			if disabled(s) {
				return nil
			}
			return unsuitable(s, "only Disabled becomes Unlocked", "Look at the vault in the portal, or hold it.")
		},
	}
}

// ImmutabilityBack takes back what [Immutability] has changed.
func ImmutabilityBack() arm.Change {
	back := arm.Rollback(Immutability(), func(was arm.State) (json.RawMessage, error) {
		if !disabled(was) {
			return nil, fmt.Errorf("its immutability was %s before, which is not what was changed", immutability(was))
		}
		return immutabilityBody(immutabilityDisabled), nil
	}, func(s arm.State) []fleet.Finding {
		if strings.EqualFold(immutability(s), immutabilityUnlocked) {
			return nil
		}
		return unsuitable(s, "only Unlocked can be taken back", "Hold the vault: what is Locked stays so for ever.")
	}, readGuards)
	back.Check, back.Complete = checkGuard, guarded(reduceImmutability)
	back.Enough = func(s arm.State) string {
		if disabled(s) {
			return "immutability is not set, which is as good as Disabled"
		}
		return ""
	}
	return back
}

// ImmutabilityLock is the change of [KindImmutabilityLock]. Nothing undoes it.
func ImmutabilityLock() arm.Change {
	body := immutabilityBody(immutabilityLocked)
	return arm.Change{
		Spec:     spec(fleet.KindSpec{Kind: KindImmutabilityLock, Title: "immutable recovery points, locked for ever", Permanent: true, Confirm: true}, body),
		Sections: []string{sectionImmutability}, Body: body, Complete: guarded(""),
		Judge: func(s arm.State) []fleet.Finding {
			if immutability(s) == immutabilityUnlocked { // to the letter: there is no way back
				return nil
			}
			return unsuitable(s, "only Unlocked is ever locked",
				"Make it Unlocked with the kind "+string(KindImmutability)+" first, and see that nobody is in need of what it forbids.")
		},
	}
}

func immutabilityBody(state string) json.RawMessage {
	return json.RawMessage(`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"` + state + `"}}}}`)
}

// immutability is the state that a vault's immutability is in; "" where it has
// none.
func immutability(s arm.State) string {
	if !s.Has(sectionImmutability) {
		return ""
	}
	var settings struct {
		State *string `json:"state"`
	}
	switch err := json.Unmarshal(s[sectionImmutability], &settings); {
	case err != nil:
		return "unreadable"
	case settings.State == nil:
		return ""
	}
	return *settings.State
}

func disabled(s arm.State) bool {
	state := immutability(s)
	return state == "" || strings.EqualFold(state, immutabilityDisabled)
}

// unsuitable is the finding about a vault in a state that the kind does not start
// from.
func unsuitable(s arm.State, rule, action string) []fleet.Finding {
	state := immutability(s)
	if state == "" {
		state = "not set"
	}
	return []fleet.Finding{{Severity: fleet.SeverityError, Code: codeImmutability,
		Message: fmt.Sprintf("immutability is %s, and %s", arm.Word(state), rule), Action: action}}
}
