package emulator

import (
	"cmp"
	"net/http"
	"strings"
)

// For how long an immutable Recovery Services vault keeps recovery points, which
// API version 2026-05-01 brought (the published definition
// ImmutabilityConfiguration) and at once required wherever the state is not
// Disabled (azure-sdk-for-java, pull request 50128).
const (
	configurationSince = "2026-05-01"
	asPerPolicy        = "AsPerPolicy"
	timeBased          = "TimeBased"
	durationInDays     = "durationInDays"
)

var configurationPatch = &shape{fields: map[string]*shape{
	"type":         {words: []string{asPerPolicy, timeBased}},
	durationInDays: {from: &[2]float64{30, 36135}},
}}

// hasConfigurations reports whether a version of the API knows of configurations.
// Versions are dates, and the emulator has no previews.
func hasConfigurations(version string) bool { return version >= configurationSince }

// configuration reads the configuration of immutability; nil where there is none.
func configuration(properties object) object {
	security, _ := properties["securitySettings"].(object)
	settings, _ := security["immutabilitySettings"].(object)
	c, _ := settings["configuration"].(object)
	return c
}

// misconfigured answers a PATCH whose configuration of immutability the version
// that it is sent in does not take, nil if it does.
func (c *Cloud) misconfigured(q *request, at string) *problem {
	state, config := immutability(q.patch.properties), configuration(q.patch.properties)
	days := config[durationInDays] != nil
	why := ""
	switch {
	case config != nil && !hasConfigurations(q.version):
		return badContent("%s is not known in %s; %s brought it.", at, q.version, configurationSince)
	case !hasConfigurations(q.version):
	case state == immutabilityDisabled && config != nil:
		why = at + " has no place beside Disabled."
	case state != "" && state != immutabilityDisabled && config["type"] == nil:
		why = at + ".type is required where the state is " + state + "."
	case config["type"] == timeBased && !days:
		why = at + "." + durationInDays + " is required where the type is TimeBased."
	case config["type"] == asPerPolicy && days:
		why = at + "." + durationInDays + " has no place beside AsPerPolicy."
	}
	if why == "" {
		return nil
	}
	// Which code the service gives is in no source; this is the one that it gives to
	// other settings which are not whole.
	return mistake(http.StatusBadRequest, cmp.Or(c.changing.configurationCode, "InvalidRestApiParameter"),
		"immutabilitySettings parameter is invalid. Please provide a valid immutabilitySettings: %s", why)
}

// reconfigures reports whether a PATCH changes the configuration that a vault has,
// which a locked one keeps for ever (azure-rest-api-specs, pull request 42428).
func reconfigures(properties, patch object) bool {
	is, becomes := configuration(properties), configuration(patch)
	return is != nil && becomes != nil && (is["type"] != becomes["type"] || is[durationInDays] != becomes[durationInDays])
}

// whole makes a PATCH's configuration replace the vault's: the days of one that
// was time-based go with it, and Disabled has none.
func (p *patchBody) whole() {
	security, _ := p.properties["securitySettings"].(object)
	settings, _ := security["immutabilitySettings"].(object)
	switch config := configuration(p.properties); {
	case settings == nil:
	case immutability(p.properties) == immutabilityDisabled && config == nil:
		settings["configuration"] = nil
	case config["type"] == asPerPolicy && config[durationInDays] == nil:
		config[durationInDays] = nil
	}
}

// visible is a document about a vault without what the version that it is asked
// in does not know.
func (q *request) visible(doc object) object {
	properties, _ := doc["properties"].(object)
	if q.resource == nil || !q.resource.kind.long || hasConfigurations(q.version) || configuration(properties) == nil {
		return doc
	}
	return merged(doc, object{"properties": object{"securitySettings": object{"immutabilitySettings": object{"configuration": nil}}}})
}

const configurationPath = "properties.securitySettings.immutabilitySettings.configuration"

// immutable reads a version-dependent part of a PATCH to a vault.
func (c *Cloud) immutable(q *request) *problem {
	if !strings.EqualFold(q.resource.kind.name, "Microsoft.RecoveryServices/vaults") {
		return nil
	}
	return c.misconfigured(q, configurationPath)
}
