package rsv

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

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
	Doc: "how many days recovery points cannot be deleted, whatever the backup policies say (TimeBased); absent: as long as those say (AsPerPolicy)"}

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
			Message: "the vault's immutability has a configuration that fleetup does not know, and locks nothing with: " + c.words(),
			Action:  "Look at the vault in the portal, or hold it."}}
	case c.kind == "":
		return []fleet.Finding{{Severity: fleet.SeverityWarning, Code: codeConfiguration,
			Message: "the vault does not show for how long its immutability keeps recovery points, and API version " + o[fleet.OptionAPIVersion] +
				" locks nothing without: it would be locked with AsPerPolicy, as long as its backup policies say, for ever",
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
	return json.RawMessage(`{"properties":{"securitySettings":{"immutabilitySettings":{"state":"` + state + `"` + configured + `}}}}`)
}
