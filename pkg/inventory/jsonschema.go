package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// JSONSchema returns the JSON Schema (2020-12) of an inventory, for editors.
// Its keys are those of the decoder's own tables. It accepts every inventory
// that Load accepts, and knows nothing of what only the whole can tell, such as
// vaults listed twice. kinds are those that an inventory may name besides the
// classic one.
func JSONSchema(kinds ...fleet.KindSpec) ([]byte, error) {
	b := &schemaBuilder{kinds: kinds}
	root := b.inventory()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "fleetup inventory"
	included := b.form(partSchema, []string{"subscriptions"}, keys{
		"apiVersion":    oneWord("the format's version", apiVersion),
		"subscriptions": b.subscriptions(),
	})
	root["$defs"] = keys{"includedFile": about("a file that an inventory includes", included)}
	if len(b.wrong) > 0 {
		return nil, errors.Join(b.wrong...)
	}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

// keys is a JSON object.
type keys map[string]any

// schemaBuilder gathers where the schema and the decoder disagree.
type schemaBuilder struct {
	kinds []fleet.KindSpec
	used  []*schema
	wrong []error
}

// form is the schema of a mapping: the keys that the decoder's table has, all
// of them and no other.
func (b *schemaBuilder) form(s *schema, required []string, properties keys) keys {
	b.used = append(b.used, s)
	for _, k := range s.keys {
		if _, ok := properties[k]; !ok {
			b.wrong = append(b.wrong, fmt.Errorf("the schema of %s lacks the key %s", s.what, k))
		}
	}
	for k := range properties {
		if !slices.Contains(s.keys, k) {
			b.wrong = append(b.wrong, fmt.Errorf("the decoder knows no key %s in %s", k, s.what))
		}
	}
	f := keys{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		f["required"] = required
	}
	return f
}

// about adds what a value is for.
func about(what string, s keys) keys { s["description"] = what; return s }

func line(what string) keys {
	return about(what, keys{"type": "string", "minLength": 1, "maxLength": maxLine})
}
func boolean(what string) keys                  { return about(what, keys{"type": "boolean"}) }
func oneWord(what string, words ...string) keys { return about(what, keys{"enum": words}) }
func list(what string, of keys) keys            { return about(what, keys{"type": "array", "items": of}) }
func some(what string, of keys) keys            { l := list(what, of); l["minItems"] = 1; return l }

func either2(what string, a, b keys) keys { return about(what, keys{"anyOf": []keys{a, b}}) }

func whole(what string, least, most int) keys {
	return about(what, keys{"type": "integer", "minimum": least, "maximum": most})
}

func duration(what string) keys {
	return about(what, keys{"type": "string", "pattern": `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`, "examples": []string{"30s", "1h30m"}})
}

// share is a count or a percentage.
func share(what string, least int) keys {
	return either2(what, keys{"type": "integer", "minimum": least, "maximum": maxBudget}, keys{"type": "string", "pattern": percentage().String()})
}

func pairs(what string) keys {
	return about(what, keys{"type": "object", "additionalProperties": keys{"type": "string"}})
}

func (b *schemaBuilder) inventory() keys {
	root := b.form(inventorySchema, []string{"apiVersion", "cloud"}, keys{
		"apiVersion": oneWord("the format's version", apiVersion),
		"cloud": either2("which cloud; there is no default", keys{"enum": cloudNames},
			b.form(cloudSchema, []string{"resourceManager"}, keys{
				"serviceManagement": line("the base URL of the classic side, which only the classic kind needs; plain http only to loopback"),
				"resourceManager":   line("the base URL of the Resource Manager side"),
			})),
		"emulator":      about("what only cloud: Emulator takes", b.form(emulatorSchema, nil, keys{"scenario": line("a scenario file, relative to the inventory")})),
		"upgrade":       b.upgrade(),
		"credential":    b.credential(),
		"defaults":      about("values of every vault that says nothing else", b.form(defaultsSchema, nil, b.shared(nil))),
		"subscriptions": b.subscriptions(),
		"limits":        b.limits(),
		"waves":         some("in which order; absent: a canary of 5, then the rest", b.wave()),
		"failureBudget": b.failureBudget(),
		"sameErrorHalt": whole("halt after so many failures in a row with one code; 0: never", 0, maxBudget),
		"timings":       b.timings(),
		"windows":       some("when upgrades may run; absent: always", b.window()),
		"blackouts":     list("when nothing may start", b.blackout()),
		"rules":         list("values of the vaults that a selector picks, in order", b.rule()),
		"include":       some("patterns of files with more subscriptions (YAML) or vaults (CSV), relative to the inventory", line("a pattern")),
	})
	root["anyOf"] = []keys{{"required": []string{"subscriptions"}}, {"required": []string{"include"}}}
	return root
}

// upgrade is a form for each kind, with its options.
func (b *schemaBuilder) upgrade() keys {
	form := func(kind, what string, options []fleet.Option, more keys) keys {
		properties, required := keys{"kind": keys{"const": kind}}, []string{"kind"}
		for _, o := range options {
			properties[o.Key] = optionSchema(&o)
			if o.Required {
				required = append(required, o.Key)
			}
		}
		for k, v := range more {
			properties[k], required = v, append(required, k)
		}
		return about(what, keys{"type": "object", "additionalProperties": false, "properties": properties, "required": required})
	}
	forms := []keys{form(string(fleet.KindClassic), "a classic vault becomes a Recovery Services vault", nil, nil)}
	for _, k := range b.kinds {
		if of, undoes := k.Kind.Undoes(); undoes {
			forms = append(forms, form(string(fleet.KindRollback), k.Title, k.Options, keys{"of": keys{"const": string(of)}}))
		} else {
			forms = append(forms, form(string(k.Kind), k.Title, k.Options, nil))
		}
	}
	return about("the kind of upgrade; absent: classic", keys{"anyOf": forms})
}

func optionSchema(o *fleet.Option) keys {
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

func (b *schemaBuilder) credential() keys {
	kinds := asStrings(fleet.CredentialKinds())
	return either2("how to sign in: one word for both sides, or one for each", keys{"enum": kinds},
		b.form(credentialSchema, nil, keys{
			"serviceManagement": oneWord("the sign-in of the classic side", kinds...),
			"resourceManager":   oneWord("the sign-in of the Resource Manager side", kinds...),
		}))
}

// shared are the keys that vaults and defaults have in common, with more.
func (b *schemaBuilder) shared(more keys) keys {
	all := keys{
		"location":            line("the Azure location, such as Australia East"),
		"resourceType":        oneWord("the type of vault; of all kinds but classic there is but one", b.types()...),
		"resourceGroup":       line("the resource group that the vault is in; not of a classic one"),
		"targetResourceGroup": line("of a classic vault: the resource group of the new one; may be a template with {location}, {name}, {subscription}, {labels.NAME}"),
		"createResourceGroup": boolean("let the upgrade make the target group where it does not exist"),
		"acceptWarnings":      b.acceptWarnings(),
	}
	for k, v := range more {
		all[k] = v
	}
	return all
}

func (b *schemaBuilder) types() []string {
	types := asStrings(fleet.ResourceTypes())
	for _, k := range b.kinds {
		if t := string(k.Type); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

func (b *schemaBuilder) acceptWarnings() keys {
	return either2("consent to prerequisite warnings: to all, or to some with a reason", keys{"type": "boolean"},
		list("the consents", b.form(consentSchema, []string{"reason"}, keys{
			"code": line("the warning's code"), "category": line("the warning's category"),
			"contains": line("a part of the warning's message"), "reason": line("why it is accepted"),
		})))
}

func (b *schemaBuilder) hold() keys {
	return either2("excluded from the rollout, with this reason", line("the reason"), b.form(holdSchema, []string{"reason"}, keys{
		"reason": line("why"), "until": line("a date or a time with its zone"), "by": line("who wants it"),
	}))
}

func (b *schemaBuilder) subscriptions() keys {
	return list("the subscriptions with their vaults", b.form(subscriptionSchema, []string{"id", "vaults"}, keys{
		"id":     about("the subscription's GUID", keys{"type": "string", "pattern": `^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$`}),
		"name":   line("what people call it; no slash"),
		"tenant": line("a GUID or a domain, where it is not the credential's own"),
		"labels": pairs("labels of all its vaults"),
		"vaults": list("its vaults", b.form(vaultSchema, []string{"name"}, b.shared(keys{
			"name":           about("the vault's name", keys{"type": "string", "minLength": 1, "maxLength": maxVaultName}),
			"protectedItems": whole("how many items it protects: a size hint for the forecast", 0, maxItems),
			"labels":         pairs("labels that waves and rules match by"),
			"hold":           b.hold(),
			"windows":        list("windows of its own, in place of the wave's", b.window()),
			"blackouts":      list("blackouts of its own", b.blackout()),
		}))),
	}))
}

func (b *schemaBuilder) rule() keys {
	return b.form(ruleSchema, []string{"set"}, b.selector(keys{"set": about("what it sets", b.form(setSchema, nil, keys{
		"targetResourceGroup": line("the resource group of the new vault, or a template"),
		"createResourceGroup": boolean("let the upgrade make the target group"),
		"acceptWarnings":      b.acceptWarnings(),
		"hold":                b.hold(),
		"labels":              pairs("labels, which count in the rules after it"),
		"windows":             list("windows in place of the wave's", b.window()),
		"blackouts":           list("blackouts in place of the wave's", b.blackout()),
	}))}))
}

// selector adds the keys that pick vaults.
func (b *schemaBuilder) selector(more keys) keys {
	more["match"] = pairs("labels that a vault must have; subscription, location and resourceType are the vault's own")
	more["matchExpressions"] = some("all of them must hold", b.form(requirementSchema, []string{"key", "operator"}, keys{
		"key": line("a label, or subscription, location, resourceType"), "operator": oneWord("how", asStrings(plan.Operators())...),
		"values": some("with In and NotIn", keys{"type": "string"}),
	}))
	return more
}
