package kql

import (
	"slices"
	"strconv"
	"strings"
)

// Query is a query, read.
type Query struct {
	Table string // in lower case; resources where the query names none
	steps []step
	names []string // the columns that come out, in their order
}

// Columns are the names of the columns that the query's rows have.
func (q *Query) Columns() []string { return slices.Clone(q.names) }

// step is what one part of a query, between bars, does to rows.
type step struct {
	where  expr     // keep those for which it is true
	extend []column // add columns
	keep   []column // have these columns and no other
	sort   []sorting
	take   int // at most so many; -1: all
}

type column struct {
	name string
	from expr
}

type sorting struct {
	by   expr
	desc bool
}

// The operators that are known.
var known = []string{"where", "filter", "extend", "project", "order", "sort", "take", "limit"}

// maxDepth bounds how deep brackets may be in one another.
const maxDepth = 100

type parser struct {
	text   string
	tokens []token
	names  []string // the columns there are at this place
	depth  int
}

// Parse reads a query over tables with the given columns, by their names in lower
// case. Its error is a *Mistake.
func Parse(text string, tables map[string][]string) (*Query, error) {
	q, mistake := parse(text, tables)
	if mistake != nil {
		return nil, mistake
	}
	return q, nil
}

func parse(text string, tables map[string][]string) (*Query, *Mistake) {
	tokens, mistake := lex(text)
	if mistake != nil {
		return nil, mistake
	}
	p := &parser{text: text, tokens: tokens}
	q := &Query{Table: "resources"}
	if first := p.peek(); first.kind == tokenWord && !slices.Contains(known, first.text) {
		q.Table = strings.ToLower(p.take().text)
		if tables[q.Table] == nil {
			return nil, p.unknown(first, "table", names(tables))
		}
	}
	p.names = slices.Clone(tables[q.Table])
	bar := len(p.tokens) < len(tokens) // before the first step, where there is a table before it
	for p.peek().kind != tokenEnd {
		if bar && !p.skip("|") {
			return nil, p.wrong("a bar, or the end")
		}
		bar = true
		s, mistake := p.step()
		if mistake != nil {
			return nil, mistake
		}
		q.steps = append(q.steps, s)
	}
	q.names = p.names
	return q, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// skip takes the next token if it is this sign or word.
func (p *parser) skip(text string) bool {
	t := p.peek()
	if t.kind == tokenString || t.text != text {
		return false
	}
	p.take()
	return true
}

// wrong says what should stand at the next token.
func (p *parser) wrong(want string) *Mistake {
	t := p.peek()
	got := "the end"
	if t.kind != tokenEnd {
		got = strconv.Quote(t.text)
	}
	return place(p.text, t, "%s is expected, not %s", want, got)
}

func (p *parser) unknown(t token, what string, there []string) *Mistake {
	m := place(p.text, t, "the %s %q is not known here; there are %s", what, t.text, strings.Join(there, ", "))
	m.Unknown = true
	return m
}

func (p *parser) step() (step, *Mistake) {
	s := step{take: -1}
	if p.peek().kind != tokenWord {
		return s, p.wrong("an operator")
	}
	op := p.take()
	var mistake *Mistake
	switch op.text {
	case "where", "filter":
		s.where, mistake = p.or()
	case "extend":
		s.extend, mistake = p.columns(true)
		for _, c := range s.extend {
			if !slices.Contains(p.names, c.name) {
				p.names = append(p.names, c.name)
			}
		}
	case "project":
		s.keep, mistake = p.columns(false)
		p.names = nil
		for _, c := range s.keep {
			p.names = append(p.names, c.name)
		}
	case "order", "sort":
		if !p.skip("by") {
			return s, p.wrong("by")
		}
		s.sort, mistake = several(p, p.sorting)
	case "take", "limit":
		t := p.take()
		n, err := strconv.Atoi(t.text)
		if t.kind != tokenNumber || err != nil {
			return s, place(p.text, t, "a number is expected, not %q", t.text)
		}
		s.take = n
	default:
		return s, p.unknown(op, "operator", known)
	}
	return s, mistake
}

// columns reads "name, name = expression, …"; computed are those that must have
// an expression.
func (p *parser) columns(computed bool) ([]column, *Mistake) {
	known := map[string]bool{}
	return several(p, func() (c column, mistake *Mistake) {
		t := p.peek()
		if t.kind != tokenWord {
			return c, p.wrong("the name of a column")
		}
		named := len(p.tokens) > 1 && p.tokens[1].kind == tokenSign && p.tokens[1].text == "="
		if named {
			p.take()
			p.take()
		} else if computed {
			p.take()
			return c, p.wrong("=")
		}
		c.name = t.text
		if c.from, mistake = p.or(); mistake != nil {
			return c, mistake
		}
		if field, isField := c.from.(path); !named && (!isField || len(field.rest) > 0) {
			return c, place(p.text, t, "a computed column needs a name: name = expression")
		}
		if known[c.name] {
			return c, place(p.text, t, "the column %q is there twice", c.name)
		}
		known[c.name] = true
		return c, nil
	})
}

func (p *parser) sorting() (sorting, *Mistake) {
	by, mistake := p.or()
	ascending := p.skip("asc")
	if !ascending {
		p.skip("desc") // as the language has it where nobody says
	}
	return sorting{by, !ascending}, mistake
}
