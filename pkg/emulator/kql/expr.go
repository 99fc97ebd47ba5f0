package kql

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// expr is worked out for a row. Values are those that JSON has.
type expr interface{ of(r Row) any }

type literal struct{ value any }

func (l literal) of(Row) any { return l.value }

// path is a column, and what is inside it: tags.env, tags['env'].
type path struct {
	column string
	rest   []string
}

func (p path) of(r Row) any {
	v := r[p.column]
	for _, name := range p.rest {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

type logic struct {
	and  bool
	a, b expr
}

func (l logic) of(r Row) any {
	if l.and {
		return isTrue(l.a.of(r)) && isTrue(l.b.of(r))
	}
	return isTrue(l.a.of(r)) || isTrue(l.b.of(r))
}

type comparison struct {
	compare func(a, b any) bool
	not     bool
	a       expr
	b       []expr // one, or those of a list, any of which will do
}

func (c comparison) of(r Row) any {
	a := c.a.of(r)
	return slices.ContainsFunc(c.b, func(b expr) bool { return c.compare(a, b.of(r)) }) != c.not
}

type call struct {
	function func(any) any
	of1      expr
}

func (c call) of(r Row) any { return c.function(c.of1.of(r)) }

// comparisons are the operators between two values. One with an exclamation mark
// before it is its opposite, but for those that are written otherwise.
var comparisons = map[string]func(a, b any) bool{
	"==":            func(a, b any) bool { return equal(a, b) },
	"=~":            func(a, b any) bool { return strings.EqualFold(asText(a), asText(b)) },
	"<":             func(a, b any) bool { return order(a, b) < 0 },
	"<=":            func(a, b any) bool { return order(a, b) <= 0 },
	">":             func(a, b any) bool { return order(a, b) > 0 },
	">=":            func(a, b any) bool { return order(a, b) >= 0 },
	"contains":      func(a, b any) bool { return strings.Contains(lower(a), lower(b)) },
	"contains_cs":   func(a, b any) bool { return strings.Contains(asText(a), asText(b)) },
	"startswith":    func(a, b any) bool { return strings.HasPrefix(lower(a), lower(b)) },
	"startswith_cs": func(a, b any) bool { return strings.HasPrefix(asText(a), asText(b)) },
	"endswith":      func(a, b any) bool { return strings.HasSuffix(lower(a), lower(b)) },
	"endswith_cs":   func(a, b any) bool { return strings.HasSuffix(asText(a), asText(b)) },
}

// functions are those of one value.
var functions = map[string]func(any) any{
	"not":        func(v any) any { return !isTrue(v) },
	"tolower":    func(v any) any { return lower(v) },
	"toupper":    func(v any) any { return strings.ToUpper(asText(v)) },
	"tostring":   func(v any) any { return asText(v) },
	"tobool":     func(v any) any { return isTrue(v) },
	"isempty":    func(v any) any { return asText(v) == "" },
	"isnotempty": func(v any) any { return asText(v) != "" },
	"isnull":     func(v any) any { return v == nil },
	"isnotnull":  func(v any) any { return v != nil },
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (p *parser) or() (expr, *Mistake) {
	if p.depth++; p.depth > maxDepth {
		return nil, place(p.text, p.peek(), "there are too many brackets in one another")
	}
	defer func() { p.depth-- }()
	return p.joined("or", func() (expr, *Mistake) { return p.joined("and", p.compared) })
}

// joined reads what one reads, once or more, with a word between.
func (p *parser) joined(word string, one func() (expr, *Mistake)) (expr, *Mistake) {
	a, mistake := one()
	for mistake == nil && p.skip(word) {
		var b expr
		b, mistake = one()
		a = logic{word == "and", a, b}
	}
	return a, mistake
}

// compared reads "value", "value operator value" or "value in (value, …)".
func (p *parser) compared() (expr, *Mistake) {
	a, mistake := p.value()
	if mistake != nil {
		return nil, mistake
	}
	t := p.peek()
	c := comparison{a: a}
	op := t.text
	switch {
	case t.kind != tokenSign && t.kind != tokenWord ||
		slices.Contains([]string{")", "]", ",", "|", "=", "and", "or", "asc", "desc"}, op):
		return a, nil
	case op == "!":
		p.take()
		t = p.peek()
		c.not, op = true, t.text
	case op == "!=" || op == "<>":
		c.not, op = true, "=="
	case op == "!~":
		c.not, op = true, "=~"
	case op == "!in~":
		c.not, op = true, "in~"
	}
	if op == "in" || op == "in~" {
		p.take()
		c.compare = comparisons["=="]
		if op == "in~" {
			c.compare = comparisons["=~"]
		}
		c.b, mistake = p.list()
		return c, mistake
	}
	if c.compare = comparisons[op]; c.compare == nil {
		return nil, p.unknown(t, "operator", append(names(comparisons), "in", "in~", "and", "or"))
	}
	p.take()
	b, mistake := p.value()
	c.b = []expr{b}
	return c, mistake
}

func (p *parser) list() ([]expr, *Mistake) {
	if !p.skip("(") {
		return nil, p.wrong("a list in brackets")
	}
	out, mistake := several(p, p.value)
	if mistake == nil && !p.skip(")") {
		mistake = p.wrong("a comma or a closing bracket")
	}
	return out, mistake
}

// several reads what one reads, once or more, with commas between.
func several[T any](p *parser, one func() (T, *Mistake)) (out []T, mistake *Mistake) {
	for {
		v, mistake := one()
		if mistake != nil {
			return nil, mistake
		}
		if out = append(out, v); !p.skip(",") {
			return out, nil
		}
	}
}

func (p *parser) value() (expr, *Mistake) {
	t := p.take()
	switch {
	case t.kind == tokenString:
		return literal{t.text}, nil
	case t.kind == tokenNumber:
		n, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, place(p.text, t, "%q is no number", t.text)
		}
		return literal{n}, nil
	case t.kind == tokenSign && t.text == "(":
		return p.closed()
	case t.kind != tokenWord:
		p.tokens = append([]token{t}, p.tokens...)
		return nil, p.wrong("a value")
	case t.text == "true" || t.text == "false":
		return literal{t.text == "true"}, nil
	case p.peek().kind == tokenSign && p.peek().text == "(":
		return p.called(t)
	}
	return p.field(t)
}

// called reads a function's brackets.
func (p *parser) called(t token) (expr, *Mistake) {
	f := functions[t.text]
	if f == nil {
		return nil, p.unknown(t, "function", names(functions))
	}
	p.take()
	inner, mistake := p.closed()
	return call{f, inner}, mistake
}

// closed reads what is in brackets, of which the first is read.
func (p *parser) closed() (expr, *Mistake) {
	inner, mistake := p.or()
	if mistake == nil && !p.skip(")") {
		mistake = p.wrong("a closing bracket")
	}
	return inner, mistake
}

// field reads a column and what is asked for inside it.
func (p *parser) field(t token) (expr, *Mistake) {
	if !slices.Contains(p.names, t.text) {
		return nil, p.unknown(t, "column", p.names)
	}
	f := path{column: t.text}
	for {
		switch {
		case p.skip("."):
			name := p.take()
			if name.kind != tokenWord {
				return nil, place(p.text, name, "a name is expected after the dot, not %q", name.text)
			}
			f.rest = append(f.rest, name.text)
		case p.skip("["):
			name := p.take()
			if name.kind != tokenString || !p.skip("]") {
				return nil, place(p.text, name, "a name in quotes and a closing bracket are expected, not %q",
					name.text)
			}
			f.rest = append(f.rest, name.text)
		default:
			return f, nil
		}
	}
}

// Row is a row of a table, by the names of its columns. A column that is missing
// is null.
type Row map[string]any

// Run returns the rows that the query makes of a table's. The table's are not
// changed.
func (q *Query) Run(rows []Row) []Row {
	for _, s := range q.steps {
		switch {
		case s.where != nil:
			var kept []Row
			for _, r := range rows {
				if isTrue(s.where.of(r)) {
					kept = append(kept, r)
				}
			}
			rows = kept
		case s.extend != nil:
			rows = mapped(rows, s.extend, true)
		case s.keep != nil:
			rows = mapped(rows, s.keep, false)
		case s.sort != nil:
			rows = ordered(rows, s.sort)
		case s.take >= 0:
			rows = rows[:min(s.take, len(rows))]
		}
	}
	return rows
}

func mapped(rows []Row, columns []column, all bool) []Row {
	out := make([]Row, len(rows))
	for i, r := range rows {
		to := make(Row, len(columns))
		if all {
			for name, v := range r {
				to[name] = v
			}
		}
		for _, c := range columns {
			to[c.name] = c.from.of(r)
		}
		out[i] = to
	}
	return out
}

// ordered sorts rows, those that are alike as they were.
func ordered(rows []Row, by []sorting) []Row {
	type keyed struct {
		row  Row
		keys []any
	}
	all := make([]keyed, len(rows))
	for i, r := range rows {
		all[i].row = r
		for _, s := range by {
			all[i].keys = append(all[i].keys, s.by.of(r))
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		for i, s := range by {
			if c := order(a.keys[i], b.keys[i]); c != 0 {
				if s.desc {
					return -c
				}
				return c
			}
		}
		return 0
	})
	out := make([]Row, len(all))
	for i, k := range all {
		out[i] = k.row
	}
	return out
}

func isTrue(v any) bool { b, _ := v.(bool); return b }

// asText is a value as text; nothing is the empty text.
func asText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func lower(v any) string { return strings.ToLower(asText(v)) }

// equal compares numbers with numbers, everything else as text.
func equal(a, b any) bool {
	x, isX := a.(float64)
	y, isY := b.(float64)
	if isX && isY {
		return x == y
	}
	return asText(a) == asText(b)
}

// order compares likewise.
func order(a, b any) int {
	x, isX := a.(float64)
	y, isY := b.(float64)
	if isX && isY {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(asText(a), asText(b))
}
