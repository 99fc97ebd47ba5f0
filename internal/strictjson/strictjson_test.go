package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

type inner struct {
	N    int            `json:"n"`
	Free map[string]int `json:"free,omitempty"`
}

type part struct {
	Low int `json:"low"`
}

// itself reads itself.
type itself struct{ s string }

func (i *itself) UnmarshalJSON(b []byte) error { i.s = string(b); return nil }

type outer struct {
	inner
	part                   // its fields are those of the outer one
	A      *inner          `json:"a"`
	List   []inner         `json:"list"`
	Raw    json.RawMessage `json:"raw"`
	Self   *itself         `json:"self"`
	Hidden int             `json:"-"`
	Plain  string
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, ` {"a": null, "list": null} `, `{"low": 1, "n": 2, "Plain": "x"}`,
		`{"a": {"n": 1, "free": {"n": 1, "N": 2}}, "list": [{"n": 1}, {"n": 2}]}`,
		`{"raw": {"anything": [{"x": 1}, {"x": 2}], "X": {"x": 1}}, "self": {"whatever": 1}}`,
	} {
		var got, want outer
		if err := Decode([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s is read as %s, want %s", text, a, b)
		}
	}
}

// What encoding/json would take for something, and a reader for something else.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\"n\": 1,\n  \"n\": 2}":                `line 2, column 3: it has "n" twice`,
		`{"n": 1, "N": 2}`:                       `line 1, column 10: unknown field "N"`,
		`{"Low": 1}`:                             `line 1, column 2: unknown field "Low"`,
		`{"plain": "x"}`:                         `line 1, column 2: unknown field "plain"`,
		`{"a": {"n": 1, "\u006e": 2}}`:           `line 1, column 16: it has "n" twice`,
		`{"list": [{"n": 1}, {"n": 2, "n": 3}]}`: `line 1, column 30: it has "n" twice`,
		`{"raw": [{"ä": {"x": 1, "x": 2}}]}`:     `line 1, column 25: it has "x" twice`,
		`{"self": {"x": 1, "x": 2}}`:             `line 1, column 19: it has "x" twice`,
		`{"a": {"free": {"k": 1, "k": 2}}}`:      `line 1, column 25: it has "k" twice`,
		`{"Hidden": 1}`:                          `line 1, column 2: unknown field "Hidden"`,
		`{"part": {"low": 1}}`:                   `line 1, column 2: unknown field "part"`,
		"{}\n{}":                                 "line 2, column 1: something comes after it",
		`{"n": }`:                                "line 1, column 7: invalid character '}' looking for beginning of value",
		"{\"Plain\": \"\xff\", \"n\": 1}":        "line 1, column 12: it is not UTF-8",
		`{"n": 1`:                                "line 1, column 8: it ends in the middle: it was cut short",
		``:                                       "line 1, column 1: it ends in the middle: it was cut short",
		`{"n": "x"}`:                             "cannot unmarshal string",
		`{"raw": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`: "exceeded max depth",
	} {
		var v outer
		if err := Decode([]byte(text), &v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
	var e *Error
	if err := Decode([]byte("\n {\"n\":1,\"n\":1}"), &outer{}); !errors.As(err, &e) || e.Line != 2 || e.Column != 9 {
		t.Errorf("%v", err)
	}
}
