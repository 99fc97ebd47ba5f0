package kql

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

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
