package inventory

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// plainReader reads the YAML that large inventories are written in: block mappings and
// lists of values that stand on one line each, with flow values within a line. It makes
// the same nodes as the YAML library, but for comments, much faster; the vaults
// of a subscription only when they are asked for, so that no more than those of one are in
// memory. Of whatever else YAML can say, or might, it says errNotPlain, and never
// guesses: the library reads it then. See FuzzPlain, which compares the two.
type plainReader struct {
	reader *reader
	data   []byte
	next   int // where the line after this one begins
	line   int // its number, from 1; 0: before the first
	start  int // where it begins
	at     int // its first character that counts, behind the dashes that were read
	end    int // behind its last
	done   bool
	ascii  bool // all of it is
	depth  int

	nodes    []yaml.Node  // to be handed out
	pointers []*yaml.Node // to be handed out
}

// errNotPlain says that a text is for the YAML library to read.
var errNotPlain = errors.New("not plain YAML")

// span is where an item of a list stands that is not read yet.
type span struct {
	plainReader
	column int
}

// maxPlainDepth is deeper than any inventory.
const maxPlainDepth = 32

// maxPlainKey is longer than any key. YAML lets a key be of 1024 characters.
const maxPlainKey = 200

// plainDocument reads a text that was found clean. Of the items of later, a list of the
// mapping itself, it makes empty nodes, which reader.unskimmed reads.
func plainDocument(r *reader, data []byte, later string) (n *yaml.Node, err error) {
	p := &plainReader{reader: r, data: data}
	defer p.caught(&err)
	p.advance()
	if p.done || p.column() != 1 || p.dash() {
		p.refuse()
	}
	n = p.mapping(1, later)
	if !p.done {
		p.refuse()
	}
	return n, nil
}

// unskimmed reads an item that plainDocument has left for later.
func (r *reader) unskimmed(n *yaml.Node) *yaml.Node {
	s, ok := r.later[n]
	if !ok {
		return n
	}
	delete(r.later, n)
	item, err := s.item()
	if err != nil {
		r.notPlain = true
		return n
	}
	return item
}

func (s *span) item() (n *yaml.Node, err error) {
	p := &s.plainReader
	defer p.caught(&err)
	n = p.entry(s.column)
	if !p.done && p.column() > s.column {
		p.refuse()
	}
	return n, nil
}

func (p *plainReader) refuse() { panic(errNotPlain) }

// caught makes an error of what refuse has thrown.
func (p *plainReader) caught(err *error) {
	switch v := recover(); v {
	case nil:
	case errNotPlain:
		*err = errNotPlain
	default:
		panic(v)
	}
}

// advance goes to the next line that says something.
func (p *plainReader) advance() {
	for {
		if p.next >= len(p.data) {
			p.done = true
			return
		}
		p.start = p.next
		p.line++
		if i := bytes.IndexByte(p.data[p.start:], '\n'); i >= 0 {
			p.end, p.next = p.start+i, p.start+i+1
		} else {
			p.end, p.next = len(p.data), len(p.data)
		}
		if p.end > p.start && p.data[p.end-1] == '\r' && p.next > p.end {
			p.end--
		}
		for p.end > p.start && p.data[p.end-1] == ' ' {
			p.end--
		}
		p.at = p.start
		for p.at < p.end && p.data[p.at] == ' ' {
			p.at++
		}
		if p.at < p.end && p.data[p.at] != '#' {
			break
		}
	}
	p.ascii = true
	for _, c := range p.data[p.start:p.end] {
		if c == '\t' || c == '\r' {
			p.refuse()
		}
		p.ascii = p.ascii && c < utf8.RuneSelf
	}
}

// column is where the line's content begins, in characters from 1.
func (p *plainReader) column() int { return p.columnOf(p.at) }

func (p *plainReader) columnOf(at int) int {
	if p.ascii {
		return at - p.start + 1
	}
	return utf8.RuneCount(p.data[p.start:at]) + 1
}

// dash reports whether an item of a list begins here.
func (p *plainReader) dash() bool {
	return p.data[p.at] == '-' && (p.at+1 == p.end || p.data[p.at+1] == ' ')
}

func (p *plainReader) node(kind yaml.Kind, tag string, at int) *yaml.Node {
	if len(p.nodes) == 0 {
		p.nodes = make([]yaml.Node, 128)
	}
	n := &p.nodes[0]
	p.nodes = p.nodes[1:]
	n.Kind, n.Tag, n.Line, n.Column = kind, tag, p.line, p.columnOf(at)
	return n
}

// content keeps the children of a node.
func (p *plainReader) content(children []*yaml.Node) []*yaml.Node {
	if len(children) == 0 {
		return nil
	}
	if len(p.pointers) < len(children) {
		p.pointers = make([]*yaml.Node, max(256, len(children)))
	}
	kept := p.pointers[:len(children):len(children)]
	p.pointers = p.pointers[len(children):]
	copy(kept, children)
	return kept
}

func (p *plainReader) deeper() {
	if p.depth++; p.depth > maxPlainDepth {
		p.refuse()
	}
}

// mapping reads a mapping whose keys begin at a column; later names the key of a list
// that is left for later, empty for none.
func (p *plainReader) mapping(column int, later string) *yaml.Node {
	p.deeper()
	n := p.node(yaml.MappingNode, "!!map", p.at)
	var buffer [32]*yaml.Node
	children := buffer[:0]
	for !p.done && p.column() == column && !p.dash() {
		key := p.key()
		children = append(children, key)
		if p.at < p.end {
			children = append(children, p.value())
			p.advance()
			continue
		}
		p.advance()
		switch {
		case p.done || p.column() < column || p.column() == column && !p.dash():
			p.refuse() // nothing
		case p.dash() && later != "" && key.Value == later:
			children = append(children, p.skimmed())
		case p.dash():
			children = append(children, p.list())
		default:
			children = append(children, p.mapping(p.column(), ""))
		}
	}
	if !p.done && p.column() > column {
		p.refuse()
	}
	n.Content = p.content(children)
	p.depth--
	return n
}

// list reads a list whose dashes begin here.
func (p *plainReader) list() *yaml.Node {
	p.deeper()
	n := p.node(yaml.SequenceNode, "!!seq", p.at)
	column := p.column()
	var buffer [32]*yaml.Node
	children := buffer[:0]
	for !p.done && p.column() == column && p.dash() {
		children = append(children, p.entry(column))
	}
	if !p.done && p.column() > column {
		p.refuse()
	}
	n.Content = p.content(children)
	p.depth--
	return n
}

// entry reads an item of a list, with its dash at a column.
func (p *plainReader) entry(column int) *yaml.Node {
	for p.at++; p.at < p.end && p.data[p.at] == ' '; p.at++ {
	}
	if p.at == p.end || p.data[p.at] == '#' || p.dash() {
		p.refuse()
	}
	if p.isKey() {
		return p.mapping(p.column(), "")
	}
	n := p.value()
	if p.advance(); !p.done && p.column() > column {
		p.refuse()
	}
	return n
}

// skimmed reads a list of mappings, each of which is left for later.
func (p *plainReader) skimmed() *yaml.Node {
	n := p.node(yaml.SequenceNode, "!!seq", p.at)
	column := p.column()
	var items []*yaml.Node
	for !p.done && p.column() == column && p.dash() {
		item := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: p.line, Column: column}
		if p.reader.later == nil {
			p.reader.later = map[*yaml.Node]*span{}
		}
		s := &span{*p, column}
		s.nodes, s.pointers = nil, nil
		p.reader.later[item] = s
		items = append(items, item)
		for p.advance(); !p.done && p.column() > column; p.advance() {
		}
	}
	n.Content = items
	return n
}

// plainKey are the characters of a key without quotes.
func plainKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// keyEnd is where the key ends that begins here; -1 where none does.
func (p *plainReader) keyEnd() int {
	i := p.at
	for i < p.end && plainKey(p.data[i]) {
		i++
	}
	if i == p.at || i-p.at > maxPlainKey || p.data[p.at] == '-' || p.data[p.at] == '.' || i == p.end ||
		p.data[i] != ':' || i+1 < p.end && p.data[i+1] != ' ' {
		return -1
	}
	return i
}

func (p *plainReader) isKey() bool { return p.keyEnd() >= 0 }

// key reads a key and goes to its value, or to the end of the line where there is none.
func (p *plainReader) key() *yaml.Node {
	i := p.keyEnd()
	if i < 0 {
		p.refuse()
	}
	n := p.scalar(p.at, i)
	for p.at = i + 1; p.at < p.end && p.data[p.at] == ' '; p.at++ {
	}
	if p.at < p.end && p.data[p.at] == '#' {
		p.at = p.end
	}
	return n
}

// value reads a value that ends with its line.
func (p *plainReader) value() *yaml.Node {
	var n *yaml.Node
	switch p.data[p.at] {
	case '"', '\'':
		n = p.quoted()
	case '{', '[':
		n = p.flow()
	default:
		i := p.at
		for ; i < p.end; i++ {
			if c := p.data[i]; c == '#' && p.data[i-1] == ' ' {
				break
			} else if c == ':' && (i+1 == p.end || p.data[i+1] == ' ') {
				p.refuse()
			}
		}
		for i > p.at && p.data[i-1] == ' ' {
			i--
		}
		if !plainStart(p.data[p.at]) {
			p.refuse()
		}
		n = p.scalar(p.at, i)
		p.at = p.end
		return n
	}
	// A comment may follow, behind a space.
	i := p.at
	for i < p.end && p.data[i] == ' ' {
		i++
	}
	if i < p.end && (i == p.at || p.data[i] != '#') {
		p.refuse()
	}
	p.at = p.end
	return n
}

// plainStart are the characters that surely begin a text without quotes.
func plainStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '/' || c == '(' ||
		c == '.' || c == '+' || c >= utf8.RuneSelf
}

func (p *plainReader) quoted() *yaml.Node {
	quote, begin := p.data[p.at], p.at+1
	length := bytes.IndexByte(p.data[begin:p.end], quote)
	if length < 0 || bytes.IndexByte(p.data[begin:begin+length], '\\') >= 0 && quote == '"' {
		p.refuse()
	}
	n := p.node(yaml.ScalarNode, "!!str", p.at)
	n.Value, n.Style = p.text(p.data[begin:begin+length]), yaml.DoubleQuotedStyle
	p.at = begin + length + 1
	if quote == '\'' {
		n.Style = yaml.SingleQuotedStyle
		if p.at < p.end && p.data[p.at] == '\'' { // a quote within
			p.refuse()
		}
	}
	return n
}

// flow reads a mapping or a list in brackets.
func (p *plainReader) flow() *yaml.Node {
	p.deeper()
	isMap := p.data[p.at] == '{'
	n, last := p.node(yaml.SequenceNode, "!!seq", p.at), byte(']')
	if isMap {
		n.Kind, n.Tag, last = yaml.MappingNode, "!!map", '}'
	}
	n.Style = yaml.FlowStyle
	var buffer [16]*yaml.Node
	children := buffer[:0]
	for p.at++; ; p.at++ {
		p.spaces()
		if p.data[p.at] == last && len(children) == 0 {
			break
		}
		if isMap {
			children = append(children, p.flowKey())
			p.spaces()
		}
		children = append(children, p.inFlow())
		p.spaces()
		if c := p.data[p.at]; c == last {
			break
		} else if c != ',' {
			p.refuse()
		}
	}
	p.at++
	n.Content = p.content(children)
	p.depth--
	return n
}

// flowKey reads a key within brackets, and its colon.
func (p *plainReader) flowKey() *yaml.Node {
	if c := p.data[p.at]; c == '"' || c == '\'' {
		n := p.quoted()
		if p.at+1 >= p.end || p.data[p.at] != ':' || p.data[p.at+1] != ' ' {
			p.refuse()
		}
		p.at++
		return n
	}
	i := p.keyEnd()
	if i < 0 || i+1 == p.end {
		p.refuse()
	}
	n := p.scalar(p.at, i)
	p.at = i + 1
	return n
}

// spaces goes on to what follows within the line.
func (p *plainReader) spaces() {
	for p.at < p.end && p.data[p.at] == ' ' {
		p.at++
	}
	if p.at == p.end {
		p.refuse()
	}
}

// inFlow reads a value within brackets.
func (p *plainReader) inFlow() *yaml.Node {
	switch p.data[p.at] {
	case '"', '\'':
		return p.quoted()
	case '{', '[':
		return p.flow()
	}
	if !plainStart(p.data[p.at]) {
		p.refuse()
	}
	i := p.at
	for ; i < p.end; i++ {
		c := p.data[i]
		if c == ',' || c == '}' || c == ']' {
			break
		}
		if c == ':' || c == '#' || c == '{' || c == '[' || c == '?' || c == '"' || c == '\'' {
			p.refuse()
		}
	}
	begin := p.at
	p.at = i
	for i > begin && p.data[i-1] == ' ' {
		i--
	}
	return p.scalar(begin, i)
}

// scalar is a text without quotes.
func (p *plainReader) scalar(from, to int) *yaml.Node {
	text := p.data[from:to]
	n := p.node(yaml.ScalarNode, "!!str", from)
	n.Value = p.text(text)
	switch c := text[0]; {
	case c >= '0' && c <= '9' || c == '+' || c == '.', len(text) <= len("false") && (c|0x20 == 't' || c|0x20 == 'f' ||
		c|0x20 == 'n'):
		if n.Tag = ""; smallNumber(text) {
			n.Tag = "!!int"
		} else {
			n.Tag = n.ShortTag()
		}
	}
	return n
}

// smallNumber reports whether a text is a number whose tag needs no thought.
func smallNumber(text []byte) bool {
	if len(text) > 9 || text[0] == '0' && len(text) > 1 {
		return false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// text is one copy of what many nodes say.
func (p *plainReader) text(b []byte) string {
	if kept, ok := p.reader.pool[string(b)]; ok {
		return kept
	}
	s := string(b)
	p.reader.pool[s] = s
	return s
}
