package layout_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// TestYAMLIsTheJSON: whatever stands in a document, a reader of YAML gets from YAML what
// a reader of JSON gets from the JSON, and a terminal gets no orders.
func TestYAMLIsTheJSON(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"yes", "No", "null", "~", "1", "1e3", "0x1f",
		"", " a", "a ", "a: b", "- a", "a #b", "2026-11-30", "12:30",
		"line\nline", "\ttab", "\x1b[2J", "\u202egnp", "\u0085",
		"'", `"`, "%d", "@a", "&a", "*a", "!a", "|", ">", "<<", "=", "0o7", ".inf", "Ω", "生命"}))
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			most := 5
			if depth == 0 {
				most = 3
			}
			switch rapid.IntRange(0, most).Draw(t, "kind") {
			case 0:
				return text.Draw(t, "text")
			case 1:
				return rapid.Bool().Draw(t, "bool")
			case 2:
				return float64(rapid.IntRange(-1<<40, 1<<40).Draw(t, "number")) / 4
			case 3:
				return nil
			case 4:
				return rapid.SliceOfN(value(depth-1), 0, 3).Draw(t, "list")
			}
			return rapid.MapOfN(text, value(depth-1), 0, 3).Draw(t, "object")
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		want := value(3).Draw(t, "document")
		document, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := layout.YAML(&out, document); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && lexicon.IsSteering(r) }) {
			t.Fatalf("it steers a terminal: %q", out.String())
		}
		var got any
		if err := yaml.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatalf("%v in\n%s", err, out.String())
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		_ = json.Unmarshal(again, &a)
		_ = json.Unmarshal(document, &b)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%s became %s by\n%s", document, again, out.String())
		}
	})
}

func TestYAMLKeepsTheOrder(t *testing.T) {
	t.Parallel()
	const document = `{"z":[],"a":{"on":"off","n":1.50,"big":12345678901234567890},"l":[{"b":"x y","a":null}]}`
	const want = "z: []\na:\n  \"on\": \"off\"\n  \"n\": 1.50\n  big: 12345678901234567890\n" +
		"l:\n  - b: x y\n    a: null\n"
	var out strings.Builder
	if err := layout.YAML(&out, []byte(document)); err != nil || out.String() != want {
		t.Errorf("got %v\n%swant\n%s", err, out.String(), want)
	}
}

func TestTSV(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`[]`:                        "",
		`null`:                      "\n",
		`"a"`:                       "a\n",
		`["a","b"]`:                 "a\nb\n",
		`{"z":1,"a":true,"n":null}`: "1\ttrue\t\n",
		`[["a",[1,2],{"x":1},1.50],{"b":"t\tn\n\u001b"}]`: "a\t2\t\t1.50\nt\\x09n\\x0a\\x1b\n",
	} {
		var out strings.Builder
		if err := layout.TSV(&out, []byte(document)); err != nil || out.String() != want {
			t.Errorf("%s gives %q, %v; want %q", document, out.String(), err, want)
		}
	}
}
