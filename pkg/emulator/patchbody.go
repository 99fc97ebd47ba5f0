package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// shape is what a JSON value of a request may be: an object of known fields, an
// object of strings, one of some words, a string of some form, an array or a
// number; with none of these set, true or false.
type shape struct {
	fields map[string]*shape
	named  bool                  // any names, each with a string
	words  []string              // in Azure's own case
	like   func() *regexp.Regexp // a string of this form
	each   *shape                // an array of such
	from   *[2]float64           // a whole number from the one to the other
	// of an object of fields: all are needed, and this is what it is called when one is missing
	whole string
}

// guardRequests is the one property that is said with a request and that no vault
// keeps: the resources of guards on which the access is checked.
const guardRequests = "resourceGuardOperationRequests"

var guardPattern = lazyregexp.New(`(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\.DataProtection/resourceGuards/[^/]+/[^/]+/default$`)

// patchBody is a PATCH's body, read.
type patchBody struct {
	properties object
	guards     []any             // what it names of guards
	tags       map[string]string // nil: not spoken of
}

// readPatch reads and checks the body of a PATCH.
func readPatch(body []byte, want *shape) (patchBody, *problem) {
	var p patchBody
	v, prob := readObject(body)
	if prob != nil {
		return p, prob
	}
	if prob := want.check("", v); prob != nil {
		return p, prob
	}
	p.properties, _ = v["properties"].(object)
	p.guards, _ = p.properties[guardRequests].([]any)
	delete(p.properties, guardRequests)
	if tags, ok := v["tags"].(object); ok {
		p.tags = map[string]string{}
		for name, value := range tags {
			p.tags[name], _ = value.(string) // so says the shape
		}
	}
	p.whole()
	return p, nil
}

// readObject reads a body that is one JSON object, no object in it with a name
// twice, of which encoding/json would take the last.
func readObject(body []byte) (object, *problem) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, badContent("The body is no JSON: %v.", err)
	}
	m, ok := v.(object)
	if !ok {
		return nil, badContent("The body must be a JSON object.")
	}
	if err := unique(json.NewDecoder(bytes.NewReader(body))); err != nil {
		return nil, badContent("The body is not clear: %v.", err)
	}
	return m, nil
}

func badContent(format string, args ...any) *problem {
	return mistake(400, "InvalidRequestContent", format, args...)
}

// check looks for what a value has that it must not have, and lacks.
func (s *shape) check(path string, v any) *problem {
	at := strings.TrimPrefix(path, ".")
	switch {
	case s.named:
		m, ok := v.(object)
		if !ok {
			return badContent("%s must be an object.", at)
		}
		for name, value := range m {
			if _, ok := value.(string); !ok {
				return badContent("%s.%s must be a string.", at, name)
			}
		}
	case s.fields != nil:
		return s.checkFields(path, at, v)
	case s.words != nil:
		if word, ok := v.(string); !ok || !slices.Contains(s.words, word) {
			return badContent("%s must be one of %s, not %s.", at, strings.Join(s.words, ", "), asJSON(v))
		}
	case s.each != nil:
		list, ok := v.([]any)
		if !ok {
			return badContent("%s must be an array.", at)
		}
		for i, inner := range list {
			if prob := s.each.check(fmt.Sprintf("%s[%d]", path, i), inner); prob != nil {
				return prob
			}
		}
	case s.from != nil:
		if n, ok := v.(float64); !ok || n != math.Trunc(n) || n < s.from[0] || n > s.from[1] {
			return badContent("%s must be a whole number from %.0f to %.0f, not %s.", at, s.from[0], s.from[1],
				asJSON(v))
		}
	case s.like != nil:
		if text, ok := v.(string); !ok || !s.like().MatchString(text) {
			return badContent("%s has not the form it must have: %s.", at, asJSON(v))
		}
	default:
		if _, ok := v.(bool); !ok {
			return badContent("%s must be true or false, not %s.", at, asJSON(v))
		}
	}
	return nil
}

func (s *shape) checkFields(path, at string, v any) *problem {
	m, ok := v.(object)
	if !ok {
		return badContent("%s must be an object.", at)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		inner := s.fields[name]
		if inner == nil {
			return badContent("%s is not known here; %s may hold %s.", strings.TrimPrefix(path+"."+name, "."),
				orBody(at), strings.Join(slices.Sorted(maps.Keys(s.fields)), ", "))
		}
		if prob := inner.check(path+"."+name, m[name]); prob != nil {
			return prob
		}
	}
	for name := range s.fields {
		if _, ok := m[name]; !ok && s.whole != "" {
			return mistake(400, "InvalidRestApiParameter", "%[1]s parameter is invalid. Please provide a valid %[1]s",
				s.whole)
		}
	}
	return nil
}

func orBody(at string) string {
	if at == "" {
		return "the body"
	}
	return at
}

// unique reads one value, which is JSON.
func unique(dec *json.Decoder) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			s, _ := name.(string) // names of an object are strings
			if seen[s] {
				return fmt.Errorf("%q is there twice", s)
			}
			seen[s] = true
		}
		if err := unique(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

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
	return is != nil && becomes != nil &&
		(is["type"] != becomes["type"] || is[durationInDays] != becomes[durationInDays])
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
	return merged(doc,
		object{"properties": object{"securitySettings": object{"immutabilitySettings": object{"configuration": nil}}}})
}

const configurationPath = "properties.securitySettings.immutabilitySettings.configuration"

// immutable reads a version-dependent part of a PATCH to a vault.
func (c *Cloud) immutable(q *request) *problem {
	if !strings.EqualFold(q.resource.kind.name, "Microsoft.RecoveryServices/vaults") {
		return nil
	}
	return c.misconfigured(q, configurationPath)
}
