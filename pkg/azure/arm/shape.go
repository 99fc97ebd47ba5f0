package arm

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// misshapen says in words what of a vault's properties is of another shape than the
// change knows; "" where nothing is. A property that cannot be understood is not
// one that is not set: what would be sent could mean anything.
func (c *Change) misshapen(o fleet.Options, v *fleet.Vault, res *Resource) string {
	for _, section := range c.Sections {
		keys := strings.Split(section, ".")
		if said := odd("", res.Properties, tree(keys)); said != "" {
			return said
		}
	}
	properties, tags := c.wanted(o, v)
	if said := odd("", res.Properties, properties); said != "" || tags == nil {
		return said
	}
	// Names of tags are compared without regard to case, so that another spelling is none.
	if have := res.Rest[sectionTags]; have != nil {
		if _, ok := have.(map[string]any); !ok {
			return text.Clean("tags is "+leaf(have)+", "+shape(have)+" where an object was expected", maxLeaf)
		}
	}
	return ""
}

// tree is the shape of a section: objects down to its last key, of which anything is
// right.
func tree(keys []string) any {
	if len(keys) == 0 {
		return nil
	}
	return map[string]any{keys[0]: tree(keys[1:])}
}

// odd says what of a value is not of the shape that is wanted. What is null, on either
// side, fits; so does anything where a vault has something of its own.
func odd(path string, have, want any) string {
	if have == nil || want == nil || want == fleet.PlaceholderOwn {
		return ""
	}
	if got, usual := shape(have), shape(want); got != usual {
		return text.Clean(path+" is "+leaf(have)+", "+got+" where "+usual+" was expected", maxLeaf)
	}
	h, _ := have.(map[string]any)
	w, _ := want.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(w)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		if _, ok := h[key]; !ok {
			for _, other := range slices.Sorted(maps.Keys(h)) {
				if strings.EqualFold(other, key) {
					return text.Clean(at+" is spelt "+other, maxLeaf)
				}
			}
		}
		if said := odd(at, h[key], w[key]); said != "" {
			return said
		}
	}
	return ""
}

// shape is the kind of a JSON value, in words.
func shape(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	}
	return "null"
}
