package rsv

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The kinds that make a vault's recovery points immutable. Unlocked can be taken
// back; Locked never can (resource-manager.md#immutability).
const (
	kindImmutability     fleet.Kind = "rsv-immutability"
	kindImmutabilityLock fleet.Kind = "rsv-immutability-lock"
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

// Codes of the findings about a vault's immutability: its state is none that the
// kind starts from; it does not say for how long it keeps recovery points.
const (
	codeImmutability  = "immutability-state"
	codeConfiguration = "immutability-configuration"
)

// Immutability is the change of [kindImmutability].
func Immutability() arm.Change {
	body := func(o fleet.Options) json.RawMessage {
		return immutabilityBody(o, immutabilityUnlocked, wantedConfiguration(o))
	}
	return arm.Change{
		Spec: vaults.Spec(fleet.KindSpec{Kind: kindImmutability, Title: "immutable recovery points, not locked",
			Known: fleet.Provenance{Basis: fleet.ProvenanceRecorded,
				Says: "the recordings of Azure/azure-cli, module backup: the request before it had a " +
					"configuration, and its 202; of the configuration Azure/azure-sdk-for-java, pull " +
					"request 50128"},
			Properties: []fleet.Property{immutabilityState, immutabilityConfiguration}, Options: []fleet.Option{days},
			After: []string{"Unlocked can be taken back; " + string(kindImmutabilityLock) +
				", which never can, is a step of its own."}}, body),
		Sections: []string{sectionImmutability}, Body: body, Complete: guard.Complete(""),
		// What is there already is left alone, unless the inventory asks for days and
		// it keeps fewer: another configuration may keep recovery points for a shorter
		// time. Locked is more than what is wanted, for ever.
		Enough: func(o fleet.Options, s arm.State) string {
			state, c := immutability(s), configurationOf(s)
			switch {
			case !c.covers(o):
			case strings.EqualFold(state, immutabilityLocked):
				return "immutability is Locked, which is more than Unlocked and can never be taken back"
			case strings.EqualFold(state, immutabilityUnlocked) && c.kind == "":
				return "immutability is Unlocked already"
			case strings.EqualFold(state, immutabilityUnlocked):
				return "immutability is Unlocked already, and its configuration (" + c.words() + ") is left alone"
			}
			return ""
		},
		Judge: func(_ fleet.Options, s arm.State) []fleet.Finding {
			if disabled(s) {
				return nil
			}
			action := "Look at the vault in the portal, or hold it."
			if state := immutability(s); strings.EqualFold(state, immutabilityUnlocked) ||
				strings.EqualFold(state, immutabilityLocked) {
				action = "Change for how long it keeps recovery points by hand, leave " + optionDays +
					" out of the inventory, or hold the vault."
			}
			return unsuitable(s, "only Disabled becomes Unlocked", action)
		},
	}
}

// ImmutabilityBack takes back what [Immutability] has changed. Disabled has no
// configuration in any version of the API, so what is sent is the same in all,
// whichever the recorded state was read in.
func ImmutabilityBack() arm.Change {
	back := arm.Rollback(Immutability(), func(was arm.State) (json.RawMessage, error) {
		if !disabled(was) {
			return nil, fmt.Errorf("its immutability was %s before, which is not what was changed", immutability(was))
		}
		return immutabilityBody(nil, immutabilityDisabled, configuration{}), nil
	}, func(_ fleet.Options, s arm.State) []fleet.Finding {
		if strings.EqualFold(immutability(s), immutabilityUnlocked) {
			return nil
		}
		return unsuitable(s, "only Unlocked can be taken back", "Hold the vault: what is Locked stays so for ever.")
	}, guard.List)
	// An older version shows no guard, and has no way to name one; and there is
	// nothing to choose the days of.
	back.Spec.Properties = []fleet.Property{immutabilityState, guard.Named()}
	back.Spec.Options = withoutDays(back.Spec.Options)
	back.Check, back.Complete = guard.Check(reduceImmutability), guard.Complete(reduceImmutability)
	back.Enough = func(_ fleet.Options, s arm.State) string {
		if disabled(s) {
			return "immutability is not set, which is as good as Disabled"
		}
		return ""
	}
	return back
}

// ImmutabilityLock is the change of [kindImmutabilityLock]. Nothing undoes it.
func ImmutabilityLock() arm.Change {
	body := func(o fleet.Options) json.RawMessage {
		return immutabilityBody(o, immutabilityLocked, configuration{kind: fleet.PlaceholderOwn})
	}
	complete := guard.Complete("")
	return arm.Change{
		Spec: vaults.Spec(fleet.KindSpec{Kind: kindImmutabilityLock,
			Title: "immutable recovery points, locked for ever",
			Known: fleet.Provenance{Basis: fleet.ProvenanceSpecified,
				Says: "Azure/azure-rest-api-specs; recorded is the same request that " +
					"does not lock"},
			Permanent: true, Confirm: true,
			Properties: []fleet.Property{immutabilityState}}, body),
		Sections: []string{sectionImmutability}, Body: body,
		Enough: func(_ fleet.Options, s arm.State) string {
			if strings.EqualFold(immutability(s), immutabilityLocked) {
				return "immutability is Locked"
			}
			return ""
		},
		Judge: func(o fleet.Options, s arm.State) []fleet.Finding {
			if immutability(s) != immutabilityUnlocked { // to the letter: there is no way back
				return unsuitable(s, "only Unlocked is ever locked",
					"Make it Unlocked with the kind "+string(kindImmutability)+
						" first, and see that nobody is in need of what it forbids.")
			}
			return judgeConfiguration(o, s)
		},
		Complete: func(ctx context.Context, u *arm.Upgrader, v *fleet.Vault, res *arm.Resource, s *arm.Sending) error {
			c := configurationOf(res.State())
			if c.kind == "" {
				c.kind = asPerPolicy // somebody has consented, see judgeConfiguration
			}
			s.Body = immutabilityBody(u.Kind, immutabilityLocked, c)
			return complete(ctx, u, v, res, s)
		},
	}
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
	state := arm.Word(immutability(s))
	switch c := configurationOf(s); {
	case state == "":
		state = "not set"
	case c.kind != "":
		state += " (" + c.words() + ")"
	}
	return []fleet.Finding{{Severity: fleet.SeverityError, Code: codeImmutability,
		Message: fmt.Sprintf("immutability is %s, and %s", state, rule), Action: action}}
}

// For how long an immutable vault keeps recovery points. API version 2026-05-01
// brought the choice, and made it required: the service refuses a state other
// than Disabled that comes without (azure-sdk-for-java, pull request 50128;
// microsoft/mcp, AzureBackupImmutabilityType). Before, and for Disabled, there is
// none to send (azure-rest-api-specs, ImmutabilityConfiguration).
const (
	asPerPolicy = "AsPerPolicy" // for as long as the backup policy of each says
	timeBased   = "TimeBased"   // for a number of days, whatever the policies say
)

// optionDays asks for [timeBased].
const optionDays = "durationInDays"

// days has the bounds of ImmutabilityConfiguration.durationInDays.
var days = fleet.Option{Key: optionDays, Type: fleet.OptionNumber, Min: 30, Max: 36135,
	Doc: "how many days recovery points cannot be deleted, whatever the backup policies say (TimeBased); absent: as " +
		"long as those say (AsPerPolicy)"}

func withoutDays(options []fleet.Option) []fleet.Option {
	return slices.DeleteFunc(slices.Clone(options), func(o fleet.Option) bool { return o.Key == optionDays })
}

// configuration is for how long a vault keeps recovery points.
type configuration struct {
	kind string // as sent; empty: none
	days int    // of timeBased
	odd  bool   // the vault has one that is none of these
}

// wantedConfiguration is what the inventory asks for.
func wantedConfiguration(o fleet.Options) configuration {
	if n := o.Number(optionDays); n > 0 {
		return configuration{kind: timeBased, days: n}
	}
	return configuration{kind: asPerPolicy}
}

// configurationOf reads what a vault has. One that is odd has its own words.
func configurationOf(s arm.State) configuration {
	var settings struct {
		Configuration *struct {
			Type *string      `json:"type"`
			Days *json.Number `json:"durationInDays"`
		} `json:"configuration"`
	}
	if !s.Has(sectionImmutability) {
		return configuration{}
	}
	if err := json.Unmarshal(s[sectionImmutability], &settings); err != nil {
		return configuration{kind: "unreadable", odd: true}
	}
	c := settings.Configuration
	if c == nil || c.Type == nil && c.Days == nil {
		return configuration{}
	}
	if c.Type == nil {
		return configuration{kind: "without a type", odd: true}
	}
	switch {
	case strings.EqualFold(*c.Type, asPerPolicy):
		return configuration{kind: asPerPolicy}
	case strings.EqualFold(*c.Type, timeBased) && c.Days != nil:
		if n, err := strconv.Atoi(c.Days.String()); err == nil && n > 0 {
			return configuration{kind: timeBased, days: n}
		}
	}
	return configuration{kind: arm.Word(*c.Type), odd: true}
}

// covers reports whether it keeps recovery points for as long as the inventory
// asks for. Where that asks for nothing, whatever a vault has does.
func (c configuration) covers(o fleet.Options) bool {
	n := o.Number(optionDays)
	return n == 0 || c.kind == timeBased && !c.odd && c.days >= n
}

func (c configuration) words() string {
	switch {
	case c.odd:
		return c.kind
	case c.kind == timeBased:
		return timeBased + ", " + strconv.Itoa(c.days) + " days"
	}
	return c.kind
}

// judgeConfiguration says what stands against locking a vault with what it has:
// once it is locked, nobody can correct it (azure-rest-api-specs, pull request
// 42428).
func judgeConfiguration(o fleet.Options, s arm.State) []fleet.Finding {
	c := configurationOf(s)
	switch {
	case !hasConfiguration(o):
		return nil // the version shows none, and takes none
	case c.odd:
		return []fleet.Finding{{Severity: fleet.SeverityError, Code: codeConfiguration,
			Message: "the vault's immutability has a configuration that fleetup does not know, and locks nothing " +
				"with: " + c.words(),
			Action: "Look at the vault in the portal, or hold it."}}
	case c.kind == "":
		return []fleet.Finding{{Severity: fleet.SeverityWarning, Code: codeConfiguration,
			Message: "the vault does not show for how long its immutability keeps recovery points, and API version " +
				o[fleet.OptionAPIVersion] +
				" locks nothing without: it would be locked with AsPerPolicy, as long as its backup policies say, " +
				"for ever",
			Action: "Choose its configuration in the portal first, or consent with acceptWarnings."}}
	}
	return nil
}

// hasConfiguration reports whether the API that is asked knows of configurations.
func hasConfiguration(o fleet.Options) bool {
	return !fleet.APIVersionBefore(o[fleet.OptionAPIVersion], immutabilityConfiguration.Since)
}

// immutabilityBody is a body that sets a state, with a configuration where the
// state and the version of the API have one.
func immutabilityBody(o fleet.Options, state string, c configuration) json.RawMessage {
	configured := ""
	switch {
	case state == immutabilityDisabled || !hasConfiguration(o):
	case c.kind == fleet.PlaceholderOwn:
		configured = `,"configuration":"` + c.kind + `"`
	case c.kind == timeBased:
		configured = `,"configuration":{"type":"` + timeBased + `","durationInDays":` + strconv.Itoa(c.days) + `}`
	default:
		configured = `,"configuration":{"type":"` + asPerPolicy + `"}`
	}
	return json.RawMessage(`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"` + state + `"` +
		configured + `}}}}`)
}
