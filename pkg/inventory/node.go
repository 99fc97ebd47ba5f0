package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// maxAliased is how many nodes aliases may stand for in all. Nested aliases
// can turn a few lines into billions of vaults.
const maxAliased = 1 << 20

// reader walks YAML nodes and collects problems.
type reader struct {
	main     string // the inventory itself
	file     string // the one that is being read: the inventory or a file it includes
	included bool   // it is one that the inventory includes
	problems []Problem
	files    []string // that a spot is in
	lastFile int
	pool     map[string]string // one copy of each text that many vaults share
	consumes bool              // nobody wants the nodes of what was read
	readOnce bool              // so they go, where no alias of the file may lead back to them
	aliased  int
	sizes    map[*yaml.Node]int // of anchored nodes
}

func newReader(name string) *reader {
	return &reader{main: name, file: name, pool: make(map[string]string)}
}

// spot is a place of which many are kept: files are numbered, from 1. The zero spot is
// nowhere.
type spot struct{ file, line, column int32 }

func (r *reader) spot(p place) spot {
	p = r.here(p)
	if n := len(r.files); n == 0 || r.files[r.lastFile] != p.file {
		if r.lastFile = slices.Index(r.files, p.file); r.lastFile < 0 {
			r.files, r.lastFile = append(r.files, p.file), n
		}
	}
	return spot{int32(r.lastFile + 1), int32(p.line), int32(p.column)}
}

func (r *reader) placeAt(s spot) place {
	if s.file == 0 {
		return place{}
	}
	return place{int(s.line), int(s.column), r.files[s.file-1]}
}

func at(n *yaml.Node) place { return place{line: n.Line, column: n.Column} }

// textNode is a text as a node, so that it is read and judged as if it were YAML.
func textNode(s string, at place) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s,
		Line: at.line, Column: at.column}
}

// resolve follows an alias. The place is where the value stands: at the alias.
// Past maxAliased an alias stands for nothing.
func (r *reader) resolve(n *yaml.Node) (*yaml.Node, place) {
	if n.Kind != yaml.AliasNode {
		return n, at(n)
	}
	before := r.aliased
	r.aliased += r.size(n.Alias)
	if r.aliased <= maxAliased {
		return n.Alias, at(n)
	}
	if before <= maxAliased {
		r.problem(at(n), "write the values out", "the aliases of this file stand for more than %d values", maxAliased)
	}
	r.aliased = maxAliased + 1
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}, at(n)
}

// size counts the nodes of a value; an alias inside counts as one, because it
// is counted when it is resolved.
func (r *reader) size(n *yaml.Node) int {
	if s, ok := r.sizes[n]; ok {
		return s
	}
	s := 1
	for _, c := range n.Content {
		s += countNodes(c)
	}
	if r.sizes == nil {
		r.sizes = make(map[*yaml.Node]int)
	}
	r.sizes[n] = s
	return s
}

func countNodes(n *yaml.Node) int {
	s := 1
	for _, c := range n.Content {
		s += countNodes(c)
	}
	return s
}

// entry is a key of a mapping with its value, aliases resolved.
type entry struct {
	name  string
	key   place
	value *yaml.Node
	at    place  // of the value
	what  string // its value, for messages
}

// fields are the entries of a mapping, each name once.
type fields struct {
	entries []entry
	what    string // the mapping, for messages
	at      place  // of the mapping
	// meant are the keys that refused ones were probably meant to be. A
	// mapping does not lack them: one mistake is reported once.
	meant   []string
	unclear bool // anything may have been meant
}

// lacks reports whether the mapping has no entry of that name, nor anything
// that was meant to be one.
func (f *fields) lacks(name string) bool { return f.get(name) == nil && !f.doubtful(name) }

// doubtful reports whether an entry of that name, or a second one, was refused.
func (f *fields) doubtful(name string) bool { return f.unclear || slices.Contains(f.meant, name) }

// get returns the entry of that name, nil when the mapping lacks it.
func (f *fields) get(name string) *entry {
	for i := range f.entries {
		if f.entries[i].name == name {
			return &f.entries[i]
		}
	}
	return nil
}

// of returns where the value of a key stands, or the mapping begins.
func (f *fields) of(name string) place {
	if e := f.get(name); e != nil {
		return e.at
	}
	return f.at
}

// schema says which keys a mapping may have.
type schema struct {
	what   string   // the mapping, for messages: "a vault"
	prefix string   // stands before its keys, for messages: "limits."
	names  []string // of the keys that it may have; nil: any
}

// mapping reads a mapping by its schema. Problems with keys are reported; the
// other entries are returned, in room where that has some for them. ok is false when
// the node is no mapping at all.
func (r *reader) mapping(n *yaml.Node, where place, s *schema, room []entry) (f fields, ok bool) {
	f.at, f.what = where, s.what
	if n.Kind != yaml.MappingNode || n.Tag != "!!map" {
		r.problem(where, "", "%s must be a mapping of keys to values, not %s", s.what, describe(n))
		f.unclear = true
		return f, false
	}
	f.entries = slices.Grow(room[:0], len(n.Content)/2)
	var seen map[string]place // only for mappings too long to search
	if len(n.Content) > 64 {
		seen = make(map[string]place, len(n.Content)/2)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, keyAt := r.resolve(n.Content[i])
		name, ok := r.key(key, keyAt, s)
		if !ok {
			f.unclear = f.unclear || name == ""
			f.meant = append(f.meant, name)
			continue
		}
		first, dup := seen[name]
		if seen == nil {
			if e := f.get(name); e != nil {
				first, dup = e.key, true
			}
		}
		if dup {
			r.problem(keyAt, "remove one of the two", "key %s is given twice in %s; first at %s",
				quote(name), s.what, r.ref(first))
			f.meant = append(f.meant, name)
			continue
		}
		if seen != nil {
			seen[name] = keyAt
		}
		value, valueAt := r.resolve(n.Content[i+1])
		f.entries = append(f.entries, entry{name, keyAt, value, valueAt, s.prefix + name})
	}
	return f, true
}

// key reads the key of a mapping. After a problem ok is false and the name is
// the key that was probably meant, "" when that could be any.
func (r *reader) key(n *yaml.Node, where place, s *schema) (name string, ok bool) {
	if n.ShortTag() == "!!merge" {
		r.problem(where, "use defaults, or give each value its own alias", "merge keys (<<) are not supported")
		return "", false
	}
	name, ok = r.text(n, where, "a key of "+s.what)
	if !ok || s.names == nil {
		return name, ok
	}
	if i := slices.Index(s.names, name); i >= 0 {
		return s.names[i], true
	}
	hint := didYouMean(name, s.names, "known here: "+strings.Join(s.names, ", "))
	r.problem(where, hint, "unknown key %s in %s", quote(name), s.what)
	return cmp.Or(words.Nearest(name, s.names), name), false
}

// items reads a list. ok is false when the node is none.
func (r *reader) items(e *entry, what string) (list []*yaml.Node, ok bool) {
	if e.value.Kind != yaml.SequenceNode || e.value.Tag != "!!seq" {
		r.problem(e.at, "", "%s must be a list, not %s", what, describe(e.value))
		return nil, false
	}
	return e.value.Content, true
}

// ref names a place for people.
func (r *reader) ref(p place) string {
	return fmt.Sprintf("%s:%d:%d", r.here(p).file, p.line, p.column)
}

// didYouMean is the hint about a name that is not known: the nearest of those that
// are, or what to say otherwise.
func didYouMean(name string, known []string, otherwise string) string {
	if near := words.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

// Problem is one mistake in an inventory.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do next

	overHolds *[]fleet.Key // see OverHolds; nil: it is about something else
}

// OverHolds are the vaults that a warning is about because their hold is over: whether
// one of them starts, a ledger may know better. None of a problem about something else.
func (p Problem) OverHolds() []fleet.Key {
	if p.overHolds == nil {
		return nil
	}
	return *p.overHolds
}

func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		s += "; " + p.Hint
	}
	return s
}

// Problems is everything that is wrong with an inventory, in the order of the
// file; what is wrong with included files follows. It holds at least one.
type Problems struct {
	List     []Problem
	Warnings []Problem // beside them, where they were asked for: see Check
}

// Error returns one line for each problem.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// place is a position in a file, both parts from 1.
type place struct {
	line, column int
	file         string // "": the one that is being read
}

// here completes a place that is kept until another file is read.
func (r *reader) here(p place) place {
	p.file = cmp.Or(p.file, r.file)
	return p
}

func (r *reader) problem(at place, hint, format string, args ...any) {
	r.problems = append(r.problems, r.problemAt(at, hint, format, args))
}

func (r *reader) problemAt(at place, hint, format string, args []any) Problem {
	return Problem{File: r.here(at).file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...),
		Hint: hint}
}

// failed returns the problems found so far in the order of the file, nil when
// there are none.
func (r *reader) failed() error {
	if len(r.problems) == 0 {
		return nil
	}
	return &Problems{List: r.sorted(r.problems)}
}

// sorted brings problems into the order of the file, those of included files last.
func (r *reader) sorted(list []Problem) []Problem {
	slices.SortStableFunc(list, func(a, b Problem) int {
		if a.File != b.File && (a.File == r.main || b.File == r.main) {
			return map[bool]int{true: -1, false: 1}[a.File == r.main]
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	// An alias leads to the same text twice; one report of it is enough.
	return slices.Compact(list)
}
