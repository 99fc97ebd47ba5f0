package inventory

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// editor changes a YAML text at places that its nodes name. What no change
// touches stays byte for byte, which re-encoding the nodes would not give.
type editor struct {
	data     []byte
	starts   []int // of the lines, and the end of the text
	eol      string
	edits    []edit
	starting map[int][]*yaml.Node // nodes by their lines
	after    map[*yaml.Node]int   // the line on which the node after a sequence begins
}

type edit struct {
	at, drop int
	put      string
	line     bool // put is whole lines: it begins on a line of its own
}

func newEditor(data []byte, root *yaml.Node) *editor {
	e := &editor{data: data, eol: "\n", starting: make(map[int][]*yaml.Node), after: make(map[*yaml.Node]int)}
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 && bytes.HasPrefix(data[i:], []byte("\r\n")) {
		e.eol = "\r\n"
	}
	begin := len(data) - len(bytes.TrimPrefix(data, []byte("\uFEFF")))
	e.starts = append(e.starts, begin)
	for i := begin; i < len(data); i++ {
		if data[i] == '\n' || data[i] == '\r' && !bytes.HasPrefix(data[i+1:], []byte("\n")) {
			e.starts = append(e.starts, i+1)
		}
	}
	if last := e.starts[len(e.starts)-1]; last < len(data) || len(e.starts) == 1 {
		e.starts = append(e.starts, len(data))
	}
	var open []*yaml.Node // sequences that have ended, until the next node is known
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for _, s := range open {
			e.after[s] = n.Line
		}
		open = open[:0]
		e.starting[n.Line] = append(e.starting[n.Line], n)
		for _, c := range n.Content {
			walk(c)
		}
		if n.Kind == yaml.SequenceNode {
			open = append(open, n)
		}
	}
	walk(root)
	for _, s := range open {
		e.after[s] = e.lines() + 1
	}
	return e
}

func (e *editor) lines() int { return len(e.starts) - 1 }

// text is a line without its end, "" where there is none.
func (e *editor) text(line int) string {
	if line < 1 || line > e.lines() {
		return ""
	}
	return string(bytes.TrimRight(e.data[e.starts[line-1]:e.starts[line]], "\r\n"))
}

// offset is where a place stands in the text, -1 where it does not.
func (e *editor) offset(line, column int) int {
	text := e.text(line)
	i := 0
	for range column - 1 {
		if i >= len(text) {
			return -1
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	return e.starts[line-1] + i
}

// rest is the line from a node on.
func (e *editor) rest(n *yaml.Node) string {
	at := e.offset(n.Line, n.Column)
	if at < 0 {
		return ""
	}
	return e.text(n.Line)[at-e.starts[n.Line-1]:]
}

// closed reports whether a line ends between two values, where a comment may
// stand.
func (e *editor) closed(line int) bool {
	for _, n := range e.starting[line] {
		if n.Kind != yaml.ScalarNode {
			continue
		}
		text := e.rest(n)
		switch {
		case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
			return false
		case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
			if quoted(text) == 0 {
				return false
			}
		case !strings.HasPrefix(text, n.Value):
			return false
		}
	}
	return true
}

// quoted is the length of the quoted text that s begins with, 0 where it does
// not end in s or does not begin.
func quoted(s string) int {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0] && s[0] == '\'' && strings.HasPrefix(s[i+1:], "'"):
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return 0
}

// atEnd puts text at the end of a line.
func (e *editor) atEnd(line int, put string) {
	e.edits = append(e.edits, edit{at: e.starts[line-1] + len(e.text(line)), put: put})
}

// cut takes the end of a line away.
func (e *editor) cut(line, length int) {
	e.edits = append(e.edits, edit{at: e.starts[line-1] + len(e.text(line)) - length, drop: length})
}

// below puts whole lines below a line.
func (e *editor) below(line int, put string) {
	e.edits = append(e.edits, edit{at: e.starts[line], put: put, line: true})
}

// last is the last line of a sequence in block style. Comments and empty lines
// behind it belong to what follows.
func (e *editor) last(seq *yaml.Node) int {
	last, deepest := seq.Line, seq
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Line >= last {
			last, deepest = n.Line, n
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(seq)
	verbatim := deepest.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	for line := last + 1; line < e.after[seq]; line++ {
		text := strings.TrimLeft(e.text(line), " \t")
		if text == "..." && e.text(line) == text {
			break
		}
		inside := verbatim && len(e.text(line))-len(text) >= seq.Column
		if text != "" && (text[0] != '#' || inside) {
			last = line
		}
	}
	return last
}

// closing finds the bracket that ends a sequence in flow style, -1 where it is
// not to be found.
func (e *editor) closing(seq *yaml.Node) int {
	at := e.offset(seq.Line, seq.Column)
	if at < 0 || e.data[at] != '[' {
		return -1
	}
	depth, fresh := 0, true // fresh: a quote here would begin a text
	for i := at; i < len(e.data); i++ {
		switch c := e.data[i]; {
		case (c == '"' || c == '\'') && fresh:
			n := quoted(string(e.data[i:]))
			if n == 0 {
				return -1
			}
			i += n - 1
			fresh = false
			continue
		case c == '#' && i > 0 && strings.IndexByte(" \t\r\n", e.data[i-1]) >= 0:
			for i+1 < len(e.data) && e.data[i+1] != '\n' && e.data[i+1] != '\r' {
				i++
			}
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i
			}
		}
		fresh = strings.IndexByte("[{,: \t\r\n", e.data[i]) >= 0
	}
	return -1
}

// append adds entries to a sequence: block makes them at an indentation, flow
// makes each for one line. key is the sequence's own, in a mapping. It reports
// whether it could.
func (e *editor) append(key, seq, parent *yaml.Node, block func(indent string) string, flow func() []string) bool {
	if seq.Style&yaml.FlowStyle == 0 {
		if seq.Kind != yaml.SequenceNode || !strings.HasPrefix(e.rest(seq), "-") {
			return false
		}
		e.below(e.last(seq), block(strings.Repeat(" ", seq.Column-1)))
		return true
	}
	if tail, empty := strings.CutPrefix(e.rest(seq), "[]"); empty && parent.Style&yaml.FlowStyle == 0 &&
		key.Line == seq.Line {
		if tail = strings.TrimLeft(tail, " \t"); tail == "" || tail[0] == '#' {
			e.edits = append(e.edits, edit{at: e.offset(seq.Line, seq.Column) - 1, drop: len(" []")})
			e.below(seq.Line, block(strings.Repeat(" ", key.Column+1)))
			return true
		}
	}
	end := e.closing(seq)
	if end < 0 {
		return false
	}
	put := strings.Join(flow(), ", ")
	if len(seq.Content) > 0 && !strings.HasSuffix(strings.TrimRight(string(e.data[:end]), " \t\r\n"), ",") {
		put = ", " + put
	}
	e.edits = append(e.edits, edit{at: end, put: put})
	return true
}

// apply returns the changed text.
func (e *editor) apply() []byte {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return a.at - b.at })
	var out []byte
	from := 0
	for _, x := range e.edits {
		out = append(out, e.data[from:x.at]...)
		if n := len(out); x.line && n > 0 && out[n-1] != '\n' && out[n-1] != '\r' {
			out = append(out, e.eol...)
		}
		out = append(out, x.put...)
		from = x.at + x.drop
	}
	return append(out, e.data[from:]...)
}
