package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// moment writes itself, as report.Time does; wordy as text; byPointer by its pointer alone.
type (
	moment    struct{ at int64 }
	wordy     int
	byPointer struct{ S string }
)

func (m moment) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Unix(m.at, 0).UTC().Format(time.RFC3339) + `"`), nil
}
func (w wordy) MarshalText() ([]byte, error)      { return []byte(strings.Repeat("<x>", int(w))), nil }
func (p *byPointer) MarshalJSON() ([]byte, error) { return json.Marshal([]string{p.S}) }

type inner struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"`
	Near  *inner  `json:"near"`
}

type document struct {
	Text    string `json:"text"`
	Plain   int
	Hidden  int               `json:"-"`
	Empty   string            `json:"empty,omitempty"`
	Zero    inner             `json:"zero,omitzero"`
	Odd     odd               `json:"odd"`
	Map     map[string]string `json:"map"`
	Any     map[string]any    `json:"any"`
	Deep    []map[string][]*inner
	Raw     json.RawMessage `json:"raw"`
	At      *moment         `json:"at"`
	Times   []moment        `json:"times"`
	Words   map[wordy]wordy `json:"words"`
	ByPtr   byPointer       `json:"byPtr"`
	Ptrs    []byPointer     `json:"ptrs"`
	Bytes   []byte          `json:"bytes"`
	Yes     *bool           `json:"yes"`
	Numbers [3]float64      `json:"numbers"`
	inner
}

// odd is what only encoding/json can write.
type odd struct {
	Since  time.Time `json:"since,omitzero"`
	Quoted int       `json:"quoted,string"`
	Name   string    `json:"name"`
	inner
}

type listing struct {
	List List[inner]       `json:"list"`
	Docs List[document]    `json:"docs"`
	None List[inner]       `json:"none"`
	Map  map[string]string `json:"map"`
	Raw  json.RawMessage   `json:"raw"`
	At   *moment           `json:"at"`
	Much float64           `json:"much"`
	Omit []inner           `json:"omit,omitempty"`
	inner
}

// TestWriteJSON: what is written bit by bit is what Encode makes of the whole.
func TestWriteJSON(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z "\\<&/.-]{0,9}`),
		rapid.StringOf(rapid.SampledFrom([]rune("a\"\\\n\t\u0001\u007f\u0085\u200b\u2028\u202e\U000e0001é<\ufffd"))),
		rapid.Just("\xff bad"))
	number := rapid.OneOf(rapid.Float64(),
		rapid.Map(rapid.IntRange(-1000, 1<<60), func(n int) float64 { return float64(n) }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e20, 1e21, -1e15, 0.1, 1e-7, 1 << 53, 1<<53 + 2}))
	var in func(depth int) *rapid.Generator[inner]
	in = func(depth int) *rapid.Generator[inner] {
		return rapid.Custom(func(t *rapid.T) inner {
			v := inner{Name: text.Draw(t, "name"), Share: number.Draw(t, "share")}
			if depth > 0 && rapid.Bool().Draw(t, "near") {
				near := in(depth-1).Draw(t, "near")
				v.Near = &near
			}
			return v
		})
	}
	labels := rapid.OneOf(rapid.Just(map[string]string(nil)), rapid.MapOfN(text, text, 0, 3))
	raw := rapid.Map(rapid.SampledFrom([]string{
		"null", `{"b": [1, {}],"a":"<"}`, `"<a b=\"c\"\/>"`, `"\u00e9\n"`, `"é"`,
		" [ ] ", `""`, "\"\u007f\""}), func(s string) json.RawMessage { return json.RawMessage(s) })
	moments := rapid.Map(rapid.Int64Range(0, 1<<33), func(n int64) moment { return moment{n} })
	docs := rapid.Custom(func(t *rapid.T) document {
		d := document{Text: text.Draw(t, "text"), Plain: rapid.Int().Draw(t, "plain"), Map: labels.Draw(t, "map"),
			Raw: raw.Draw(t, "raw"), Times: rapid.SliceOfN(moments, 0, 2).Draw(t, "times"),
			inner: in(1).Draw(t, "inner"),
			Empty: rapid.SampledFrom([]string{"", "x"}).Draw(t, "empty"), ByPtr: byPointer{text.Draw(t, "s")},
			Ptrs: []byPointer{{"y"}}, Bytes: []byte(text.Draw(t, "bytes")), Words: map[wordy]wordy{1: 2, 2: 0}}
		d.Any = map[string]any{"a": nil, "b": labels.Draw(t, "any"), "c": in(0).Draw(t, "any"), "d": []any{1, "x"},
			"e": moments.Draw(t, "any"), "f": &d.ByPtr, "g": (*moment)(nil)}
		d.Deep = []map[string][]*inner{nil, {text.Draw(t, "key"): {nil, {}}, "none": nil, "empty": {}}}
		if rapid.Bool().Draw(t, "more") {
			at, yes := moments.Draw(t, "at"), true
			d.At, d.Yes, d.Zero, d.Odd.Since = &at, &yes, in(0).Draw(t, "zero"), time.Unix(at.at, 0)
		}
		return d
	})
	rapid.Check(t, func(t *rapid.T) {
		list, some := rapid.SliceOfN(in(2), 0, 3).Draw(t, "list"), rapid.SliceOfN(docs, 0, 2).Draw(t, "docs")
		v := listing{
			List: List[inner]{len(list), func(i int) inner { return list[i] }},
			Docs: List[document]{len(some), func(i int) document { return some[i] }},
			Map:  labels.Draw(t, "map"), Raw: raw.Draw(t, "raw"), Much: number.Draw(t, "much"),
			Omit: rapid.SliceOfN(in(0), 0, 1).Draw(t, "omit"), inner: in(0).Draw(t, "inner"),
		}
		for _, v := range []any{v, &v, some, nil, v.Map} {
			want, err := Encode(v, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := WriteJSON(&b, v); err != nil {
				t.Fatal(err)
			}
			if got := b.String(); got != string(want) {
				t.Fatalf("%s\nwant\n%s", got, want)
			}
		}
	})
}

type refusing struct{ left int }

var errFull = errors.New("full")

func (r *refusing) Write(p []byte) (int, error) {
	if r.left -= len(p); r.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestWriteJSONFails: what cannot be encoded, or written, is an error.
func TestWriteJSONFails(t *testing.T) {
	t.Parallel()
	if err := WriteJSON(&bytes.Buffer{}, []float64{1, math.NaN()}); err == nil {
		t.Error("JSON has no NaN")
	}
	long := List[string]{1 << 16, func(int) string { return "one of many" }}
	if err := WriteJSON(&refusing{left: 2 * full}, long); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}
