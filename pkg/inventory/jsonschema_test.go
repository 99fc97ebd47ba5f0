package inventory

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/azure/arm"
	"github.com/fleetup-dev/fleetup/pkg/azure/dataprotection"
	"github.com/fleetup-dev/fleetup/pkg/azure/kv"
	"github.com/fleetup-dev/fleetup/pkg/azure/kvrbac"
	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// compiled is the shipped schema, as a validator of the standard reads it.
func compiled(t *testing.T, at string, kinds ...fleet.KindSpec) *jsonschema.Schema {
	t.Helper()
	text, err := JSONSchema(kinds...)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("fleet.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("fleet.schema.json" + at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value turns YAML into what a validator sees: an editor reads YAML 1.2, in
// which a date is text.
func value(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.AliasNode:
		return value(t, n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, value(t, c))
		}
		return l
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return json.Number(n.Value)
	case "!!bool":
		return n.Value == "true"
	case "!!null":
		return nil
	}
	return n.Value
}

func document(t *testing.T, text []byte) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil || len(n.Content) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	return value(t, n.Content[0])
}

// TestSchemaAcceptsGoodInventories: all that the examples, the documentation
// and the tests hold.
func TestSchemaAcceptsGoodInventories(t *testing.T) {
	t.Parallel()
	// What examples and pages name.
	immutable := dataprotection.Immutability()
	s := compiled(t, "", rsv.Alerts().Spec, rsv.AlertsBack().Spec, kvrbac.Roles().Spec, kvrbac.AccessPolicies().Spec,
		immutable.Change().Spec, immutable.Back().Spec,
		fleet.KindSpec{Kind: fleet.KindPatch, Title: "a patch", Written: arm.Written(rsv.Vaults(), kv.Vaults())})
	texts := map[string][]byte{}
	for _, pattern := range []string{"testdata/good/*.yaml", "../../examples/*/fleet.yaml",
		"../../examples/*/back.yaml", "../../cmd/fleetup/testdata/fleets/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "-scenario.yaml") {
				continue
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			texts[f] = data
		}
	}
	for _, f := range []string{"../../README.md", "../../docs/inventory.md"} {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range regexp.MustCompile("(?s)```yaml\n(apiVersion: .*?)```").FindAllSubmatch(data, -1) {
			texts[f+" block "+strconv.Itoa(i+1)] = b[1]
		}
	}
	if len(texts) < 8 {
		t.Errorf("only %d inventories", len(texts))
	}
	for name, text := range texts {
		if err := s.Validate(document(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := compiled(t, "#/$defs/includedFile").Validate(document(t,
		[]byte("subscriptions: [{id: 53a3c692-5283-4f0a-baf6-49412f5ebefe, vaults: [{name: a}]}]"))); err != nil {
		t.Error(err)
	}
}

// TestSchemaRefusesMistakes: those that a form can tell.
func TestSchemaRefusesMistakes(t *testing.T) {
	t.Parallel()
	s := compiled(t, "")
	good := `apiVersion: fleetup/v1
cloud: AzurePublic
subscriptions:
  - {id: 53a3c692-5283-4f0a-baf6-49412f5ebefe, vaults: [{name: a}]}
`
	if err := s.Validate(document(t, []byte(good))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown key":         good + "wave: []",
		"no cloud":            strings.Replace(good, "cloud: AzurePublic\n", "", 1),
		"another cloud":       strings.Replace(good, "AzurePublic", "Azure", 1),
		"no subscriptions":    "apiVersion: fleetup/v1\ncloud: AzurePublic",
		"a number for a name": strings.Replace(good, "name: a", "name: 7", 1),
		"a vault's typo":      strings.Replace(good, "name: a", "name: a, lable: {}", 1),
		"no GUID":             strings.Replace(good, "53a3c692-", "53a3c69-", 1),
		"a word for a limit":  good + "limits: {upgrades: many}",
		"a limit of 0":        good + "limits: {upgrades: 0}",
		"a broken share":      good + "failureBudget: 3 percent",
		"no unit":             good + "timings: {poll: 30}",
		"a day":               good + `windows: [{days: [Monday], start: "22:00", end: "06:00", timezone: UTC}]`,
		"an hour":             good + `windows: [{days: [Mon], start: "24:00", end: "06:00", timezone: UTC}]`,
		"an empty window":     good + "windows: []",
		"half a blackout":     good + "blackouts: [{from: 2026-01-01}]",
		"an operator":         good + "rules: [{matchExpressions: [{key: a, operator: Is}], set: {}}]",
		"NO for text":         strings.Replace(good, "name: a", "name: a, hold: false", 1),
	} {
		if err := s.Validate(document(t, []byte(text))); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestVaultKeys: whatever may be said of a vault is read, laid over what is below
// it, and shown.
func TestVaultKeys(t *testing.T) {
	t.Parallel()
	for _, name := range vaultForm.names {
		known := slices.ContainsFunc(vaultKeys, func(k vaultKey) bool {
			return k.name == name && k.read != nil && k.lay != nil && k.shown != nil
		})
		if !known && !slices.Contains([]string{"labels", "windows", "blackouts"}, name) {
			t.Errorf("nobody lays %s of a vault over that of the defaults", name)
		}
	}
}

// TestExamplesNameTheSchema: an editor that opens an example finds the schema.
func TestExamplesNameTheSchema(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/*/fleet.yaml")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(data), "\n")
		path, ok := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if _, err := os.Stat(filepath.Join(filepath.Dir(f), path)); !ok || err != nil {
			t.Errorf("%s begins with %q: %v", f, first, err)
		}
	}
}
