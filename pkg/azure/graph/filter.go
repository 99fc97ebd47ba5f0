package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Filter is a part of a query that somebody wrote: what is piped between the
// types that are asked for and the columns that come back. It cannot change
// either: it is made of where, extend and join, and its rows are held against
// the vaults' IDs when they come. The zero value lets everything pass.
type Filter struct {
	parts []string // operators, without the bars between them
}

// Empty reports whether everything passes.
func (f Filter) Empty() bool { return len(f.parts) == 0 }

// maxFilter bounds a filter; Resource Graph has a limit of its own for queries.
const maxFilter = 16 << 10

// allowed are the operators of a filter. Others would leave rows out of pages
// (take, top), or bring others (union, summarize, project).
var allowed = []string{"where", "filter", "extend", "join"}

// operators are those of the query language that may begin a part of a query. A
// filter that begins with none of them is a condition.
var operators = []string{"as", "consume", "count", "datatable", "distinct", "evaluate", "externaldata", "extend",
	"facet", "filter", "find",
	"fork", "getschema", "invoke", "join", "let", "limit", "lookup", "make-series", "mv-apply", "mv-expand", "mvexpand",
	"order", "parse", "parse-kv",
	"parse-where", "partition", "print", "project", "project-away", "project-keep", "project-rename", "project-reorder",
	"range", "reduce",
	"render", "sample", "sample-distinct", "scan", "search", "serialize", "set", "sort", "summarize", "take", "top",
	"top-hitters", "top-nested",
	"union", "where"}

// ParseFilter reads a filter in the query language: a condition such as
// tags.env =~ 'prod', or parts with bars between them, each of them where,
// extend or join.
func ParseFilter(s string) (Filter, error) {
	switch {
	case len(s) > maxFilter:
		return Filter{}, fmt.Errorf("the filter has %d bytes; %d are allowed", len(s), maxFilter)
	case !utf8.ValidString(s):
		return Filter{}, errors.New("the filter is not valid UTF-8")
	}
	if i := strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' &&
			r != '\t'
	}); i >= 0 {
		return Filter{}, fmt.Errorf("the filter has a control character at byte %d", i+1)
	}
	parts, err := split(s)
	if err != nil {
		return Filter{}, err
	}
	if len(parts) > 1 && parts[0] == "" {
		parts = parts[1:] // it begins with a bar
	}
	for i, part := range parts {
		if part == "" {
			return Filter{}, errors.New("the filter is empty, or lacks an operator beside a bar")
		}
		word := strings.ToLower(firstWord(part))
		switch {
		case slices.Contains(allowed, word):
		case i == 0 && !slices.Contains(operators, word):
			parts[i] = "where " + part
		default:
			return Filter{},
				fmt.Errorf("%q is no part of a filter: it may be a condition, or where, extend and join with bars "+
					"between them. "+
					"What other operators leave out or change would be missing in an inventory", clip(part))
		}
	}
	return Filter{parts}, nil
}

// firstWord is the operator that a part begins with: letters and dashes.
func firstWord(part string) string {
	end := strings.IndexFunc(part, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' })
	if end < 0 {
		return part
	}
	return part[:end]
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// split parts a filter at the bars that are in no brackets, strings and
// comments. Comments are taken out: one at the end would hide what follows.
func split(s string) (parts []string, err error) {
	var part strings.Builder
	var open []byte // the brackets that would close what is open
	flush := func() {
		parts = append(parts, strings.TrimSpace(part.String()))
		part.Reset()
	}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "//") {
			if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(s)
			}
			continue
		}
		if n, err := literal(s[i:]); err != nil {
			return nil, err
		} else if n > 0 {
			part.WriteString(s[i : i+n])
			i += n
			continue
		}
		c := s[i]
		switch {
		case c == '(':
			open = append(open, ')')
		case c == '[':
			open = append(open, ']')
		case c == '{':
			open = append(open, '}')
		case c == ')' || c == ']' || c == '}':
			if len(open) == 0 || open[len(open)-1] != c {
				return nil, fmt.Errorf("the filter closes a bracket with %q that is not open", c)
			}
			open = open[:len(open)-1]
		case c == ';':
			return nil, errors.New("the filter has a semicolon: it must be a part of one query, not several statements")
		case c == '|' && len(open) == 0:
			flush()
			i++
			continue
		}
		part.WriteByte(c)
		i++
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("the filter leaves a bracket open: %q is missing", open[len(open)-1])
	}
	flush()
	return parts, nil
}

// literal is the length of the string that s begins with, 0 where it does not
// begin with one: '…' and "…" with backslashes, @'…' and @"…" with doubled
// quotes, and ```…``` over several lines.
func literal(s string) (int, error) {
	for _, fence := range []string{"```", "~~~"} {
		if rest, ok := strings.CutPrefix(s, fence); ok {
			if n := strings.Index(rest, fence); n >= 0 {
				return n + 2*len(fence), nil
			}
			return 0, errors.New("the filter leaves a string open: " + fence + " is missing")
		}
	}
	at, verbatim := 0, s[0] == '@'
	if verbatim {
		at = 1
	}
	if at >= len(s) || s[at] != '\'' && s[at] != '"' {
		return 0, nil
	}
	quote := s[at]
	for i := at + 1; i < len(s); i++ {
		switch {
		case s[i] == '\n' || s[i] == '\r':
			return 0, errors.New("the filter leaves a string open at the end of a line")
		case s[i] == '\\' && !verbatim && i+1 < len(s) && s[i+1] != '\n' && s[i+1] != '\r':
			i++
		case s[i] != quote:
		case verbatim && i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1, nil
		}
	}
	return 0, errors.New("the filter leaves a string open")
}

// Query is a question whose rows have the columns of [Resource].
type Query struct {
	types []string // of the resources, in lower case
	text  string
}

// String is the query as it is sent.
func (q Query) String() string { return q.text }

// columns are those of a Resource. The order by id is what makes pages of a
// query fit together.
const columns = "| project id, name, type, location, subscriptionId, resourceGroup, tags, properties\n| order by id asc"

const subscriptionType = "microsoft.resources/subscriptions"

var subscriptionQuery = Query{types: []string{subscriptionType},
	text: "resourcecontainers\n| where type =~ '" + subscriptionType + "'\n" + columns}

// VaultQuery asks for the vaults of some types, such as
// Microsoft.KeyVault/vaults, that pass a filter.
func VaultQuery(f Filter, types ...string) Query {
	q := Query{}
	for _, t := range types {
		q.types = append(q.types, strings.ToLower(t))
	}
	var b strings.Builder
	b.WriteString("resources\n| where type in~ ('" + strings.Join(q.types, "','") + "')\n")
	for _, part := range f.parts {
		b.WriteString("| " + part + "\n")
	}
	b.WriteString(columns)
	q.text = b.String()
	return q
}

// asksFor reports whether resources of a type, in lower case, may come back.
func (q Query) asksFor(t string) bool { return slices.Contains(q.types, t) }
