package inventory

import (
	"encoding/json"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// JSONSchema returns the JSON Schema (2020-12) of an inventory, for editors.
// It is made of the forms that the decoder reads by. It accepts every inventory
// that Load accepts, and knows nothing of what only the whole can tell, such as
// vaults listed twice. kinds are those that an inventory may name besides the
// classic one.
func JSONSchema(kinds ...fleet.KindSpec) ([]byte, error) {
	root := inventoryForm.told(kinds, "apiVersion", "cloud")
	root["anyOf"] = []object{{"required": []string{"subscriptions"}}, {"required": []string{"include"}}}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "fleetup inventory"
	included := about("a file that an inventory includes", partForm.told(kinds, "subscriptions"))
	root["$defs"] = object{"includedFile": included}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

// object is a JSON object.
type object map[string]any

// about adds what a value is for.
func about(what string, s object) object { s["description"] = what; return s }

func line(what string) object {
	return about(what, object{"type": "string", "minLength": 1, "maxLength": maxLine})
}
func boolean(what string) object                  { return about(what, object{"type": "boolean"}) }
func oneWord(what string, words ...string) object { return about(what, object{"enum": words}) }
func list(what string, of object) object          { return about(what, object{"type": "array", "items": of}) }
func some(what string, of object) object          { l := list(what, of); l["minItems"] = 1; return l }

func either2(what string, a, b object) object { return about(what, object{"anyOf": []object{a, b}}) }

// matching is a text of a form.
func matching(what, pattern string) object {
	return about(what, object{"type": "string", "pattern": pattern})
}

// mapping is one that has no other keys than these.
func mapping(properties object, required []string) object {
	out := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func whole(what string, least, most int) object {
	return about(what, object{"type": "integer", "minimum": least, "maximum": most})
}

func duration(what string) object {
	s := matching(what, `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`)
	s["examples"] = []string{"30s", "1h30m"}
	return s
}

// share is a count or a percentage.
func share(what string, least int) object {
	return either2(what, object{"type": "integer", "minimum": least, "maximum": maxBudget},
		object{"type": "string", "pattern": percentage().String()})
}

func pairs(what string) object {
	return about(what, object{"type": "object", "additionalProperties": object{"type": "string"}})
}

// toldOfUpgrade has a form for each kind, with its options.
func toldOfUpgrade(kinds kinds) object {
	form := func(kind fleet.Kind, what string, options []fleet.Option, more object) object {
		properties, required := object{"kind": object{"const": kind}}, []string{"kind"}
		for _, o := range options {
			properties[o.Key] = optionSchema(&o)
			if o.Required {
				required = append(required, o.Key)
			}
		}
		for k, v := range more {
			properties[k], required = v, append(required, k)
		}
		return about(what, mapping(properties, required))
	}
	forms := []object{form(fleet.KindClassic, "a classic vault becomes a Recovery Services vault", nil, nil)}
	for _, k := range kinds {
		if of, undoes := k.Kind.Undoes(); undoes {
			forms = append(forms, form(fleet.KindRollback, k.Title, k.Options, object{"of": object{"const": of}}))
		} else {
			forms = append(forms, form(k.Kind, k.Title, k.Options, nil))
		}
	}
	return about("the kind of upgrade; absent: classic", object{"anyOf": forms})
}

func optionSchema(o *fleet.Option) object {
	switch o.Type {
	case fleet.OptionDuration:
		return duration(o.Doc)
	case fleet.OptionKind:
		return oneWord(o.Doc, o.Words...)
	case fleet.OptionNumber:
		return whole(o.Doc, o.Min, o.Max)
	}
	return line(o.Doc)
}
