package inventory

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"gopkg.in/yaml.v3"
)

// FuzzPlain: what the plain reader takes, the YAML library takes too, and both make the
// same nodes of it, comments aside.
func FuzzPlain(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.yaml", "testdata/*.yaml", "../../examples/*/*.yaml",
		"../../cmd/fleetup/testdata/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, text := range plainTexts {
		f.Add([]byte(text))
	}
	for _, text := range notPlainTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { comparePlain(t, data) })
}

// plainTexts are all that the plain reader knows.
var plainTexts = []string{
	"a: b\n",
	"a: b", // no end of the line
	"# c\n\na: b # c\n  # c\n# c\n",
	"a:\n  b: c\n  d: e\nf: g\n",
	"a: # c\n  b: c\n",
	"subscriptions:\n- a: b\n  c: d\n- a: e\n",
	"subscriptions:\n  - a: b\n    c:\n      - d: e\n        f: g\n\n      - d: h\n  # c\n  - a: e\nz: y\n",
	"a:\n- b\n- 1\nc: d\n",
	"a:\n  - b\n  - 'c'\n  - {d: e}\n",
	"a: {b: c, d: 1, e: [f, 'g', \"h\", {i: j}], k: {}, l: []} # c\n",
	"a: {\"b: c\": d, 'e': f, \"\": g}\n", "a: 'b: c # d'\nb: \"b: c # d\"\nc: ''\nd: \"\"\n",
	"a: ä ö\nb: {c: ü, d: é}\n",
	"a: true\nb: False\nc: null\nd: 1\ne: 01\nf: 1.5\ng: 2026-12-24\nh: .5\ni: 1e3\nj: 0x10\nk: yes\nl: +1\nm: .inf\n",
	"a: NULL\nb: nil\nc: 10:20\nd: 1_000\ne: 123456789012\nf: 99999999999999999999\n",
	"a: b:c\nb: http://x/y#z\nc: a  b\n",
	"a: b   \r\nc: d\r\n",
	"a:  b\nb:\n    c:   d\n",
	"true: a\n1: b\n",
}

// notPlainTexts are for the YAML library: it is right about them, or refuses them.
var notPlainTexts = []string{
	"", "a", "- a\n", "a:\n", "a: \nb: c\n", "a:\n- \n", "a: b\n c\n", "a: b\n  c: d\n", "a: &x b\nc: *x\n",
	"a: |\n  b\n",
	"a: 'b\n  c'\n", "a: \"b\\n\"\n", "a: 'b''c'\n", "a: {b: c,}\n", "a: {b: c,\n  d: e}\n", "a: {b}\n",
	"a: [b: c]\n",
	"a: b: c\n", "a: b:\n", "? a\n", "a\t: b\n", "a:\tb\n", "\ta: b\n", "---\na: b\n", "a: b\n---\nc: d\n",
	"a: b\n...\n",
	"%YAML 1.1\n---\na: b\n", "<<: a\n", "a: !x b\n", "a: @b\n", "a: 'b' c\n", "a: 'b'#c\n", "a: -1\n", "a: [b] c\n",
	"a:\n  - b\n c: d\n", "a:\n    b: c\n  d: e\n", "a:\n  - - b\n", "subscriptions:\n  - a: b\n   c: d\n",
	"subscriptions:\n  - a: b\n    c\n", "subscriptions:\n  - a: |\n      - b\n", "a: {b: {c: d}\n", "a: b\n- c\n",
}

// TestPlain: what is known as plain is taken as such, what discover writes among it, and
// nothing else.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, text := range plainTexts {
		if !comparePlain(t, []byte(text)) {
			t.Errorf("not plain: %q", text)
		}
	}
	for _, file := range []string{"testdata/found.yaml", "testdata/found-today.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !comparePlain(t, data) {
			t.Errorf("not plain: %s", file)
		}
	}
	for _, text := range notPlainTexts {
		if comparePlain(t, []byte(text)) {
			t.Errorf("plain: %q", text)
		}
	}
}

// comparePlain reads a text by both and reports whether it is plain.
func comparePlain(t *testing.T, data []byte) bool {
	r := newReader("f.yaml")
	if !r.cleanText(data) {
		return false
	}
	got, err := plainDocument(r, data, "subscriptions")
	if err != nil {
		return false
	}
	for i := 1; i < len(got.Content); i += 2 {
		for j, n := range got.Content[i].Content {
			if len(r.later) > 0 {
				got.Content[i].Content[j] = r.unskimmed(n)
			}
		}
	}
	if r.notPlain || len(r.later) > 0 {
		return false
	}
	docs, err := readDocuments(data)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%q is no YAML, or %d documents: %v", data, len(docs), err)
	}
	want := docs[0].Content[0]
	bare(want)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is\n%s, not\n%s", data, shown(got), shown(want))
	}
	return true
}

// bare takes the comments away.
func bare(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		bare(c)
	}
}

func shown(n *yaml.Node) string {
	s := n.Tag + " " + n.Value
	for _, c := range n.Content {
		s += "(" + shown(c) + ")"
	}
	return s
}
