package inventory

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func editorOf(t *testing.T, text string) (*editor, *yaml.Node) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return newEditor([]byte(text), &root), &root
}

// TestEditorLines: lines end as any system ends them, and a place is counted in characters.
func TestEditorLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1\nb: 2":          "a: 1|b: 2",
		"a: 1\nb: 2\n":        "a: 1|b: 2",
		"a: 1\r\nb: 2\r\n":    "a: 1|b: 2",
		"a: 1\rb: 2\r":        "a: 1|b: 2",
		"\uFEFFa: 1\n\nb: 2":  "a: 1||b: 2",
		"":                    "",
		"# only a remark\r\n": "# only a remark",
	} {
		e := newEditor([]byte(text), &yaml.Node{})
		var lines []string
		for n := 1; n <= e.lines(); n++ {
			lines = append(lines, e.text(n))
		}
		if got := strings.Join(lines, "|"); got != want || e.text(0) != "" || e.text(e.lines()+1) != "" {
			t.Errorf("%q has the lines %q, want %q", text, got, want)
		}
		if eol := strings.Contains(text, "\r\n"); (e.eol == "\r\n") != eol {
			t.Errorf("%q: its lines end with %q", text, e.eol)
		}
	}
	e := newEditor([]byte("x\näß: b\n"), &yaml.Node{})
	for column, want := range map[int]int{1: 2, 2: 4, 3: 6, 6: 9, 7: -1, 8: -1} {
		if got := e.offset(2, column); got != want {
			t.Errorf("column %d is at %d, want %d", column, got, want)
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`"a" b`: 3, `"a\"b"`: 6, `"a\\" "`: 5, `"it's"`: 6, `"open`: 0, `"open\"`: 0, `""`: 2,
		`'a' b`: 3, `'it''s'x`: 7, `'a\'x`: 4, `'a"b'`: 5, `'open`: 0, `'open''`: 0, `''`: 2,
		``: 0, `a"b"`: 0, ` "a"`: 0,
	} {
		if got := quoted(text); got != want {
			t.Errorf("%s is quoted for %d bytes, want %d", text, got, want)
		}
	}
}

// TestClosing: the bracket that ends a list is not one in a text, in a remark or of a list
// within.
func TestClosing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"v: [a, b]^",
		"v: []^ # ]",
		"v: [[a], {b: [c]}, [d]]^\nw: [x]\n",
		"v: ['x]', \"]\\\"]\", 'it''s]']^",
		"v: [a, # ]\n  b, # it's ]\n  c]^\n",
		"v: [a#b, it's]^",
		"v: [a,\r\n  b, # ]\r\n  c]^\r\n",
		"v: [a,\r  b, # ]\r  c]^\r",
		"v: [{\"]\": ']'}]^",
	} {
		want := strings.IndexByte(text, '^') - 1
		text = strings.Replace(text, "^", "", 1)
		e, root := editorOf(t, text)
		if got := e.closing(root.Content[0].Content[1]); got != want {
			t.Errorf("%q ends at %d, want %d", text, got, want)
		}
	}
	e, root := editorOf(t, "v:\n  - a\n")
	if got := e.closing(root.Content[0].Content[1]); got != -1 {
		t.Errorf("a list in block style ends at %d", got)
	}
}

// TestClosed: a remark may stand at the end of a line on which no text is still open.
func TestClosed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: 1\nb: two words":           "yy",
		"a: \"one\n  two\"\nb: 'x'":    "nyy",
		"a: |\n  text\nb: c":           "nyy",
		"a: plain\n  goes on\nb: c":    "nyy",
		"a: [x, 'y z']\nb: {c: \"d\"}": "yy",
	} {
		e, _ := editorOf(t, text)
		got := ""
		for n := 1; n <= e.lines(); n++ {
			got += map[bool]string{true: "y", false: "n"}[e.closed(n)]
		}
		if got != want {
			t.Errorf("%q: the lines are closed %s, want %s", text, got, want)
		}
	}
}

// TestLast: the end of a list in block style is that of its last value, without the remarks
// that belong to what follows.
func TestLast(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"v:\n  - a\n  - b\n":                               3,
		"v:\n  - a\n\n  # of what follows\nw: 1\n":         2,
		"v:\n  - a: 1\n    b: |\n      x\n      # y\nw: 1": 5,
		"v:\n  - |\n    x\n\nw: 1\n":                       3,
		"v:\n  - |\n   x\n   # y\nw: 1\n":                  4, // no deeper than the dash is text of it, too
		"v:\n  - plain\n    goes on\nw: 1\n":               3,
		"v:\n  - a\n...\n":                                 2,
	} {
		e, root := editorOf(t, text)
		if got := e.last(root.Content[0].Content[1]); got != want {
			t.Errorf("%q: its list ends in line %d, want %d", text, got, want)
		}
	}
}
