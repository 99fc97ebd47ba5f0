package strict

import (
	"cmp"
	"slices"
	"time"
)

// Span is the time that something took.
type Span struct{ Begin, End time.Time }

// MostAtOnce returns how many spans overlapped at the most; one that ends when
// another begins does not overlap it.
func MostAtOnce(spans []Span) int {
	type edge struct {
		at   time.Time
		step int
	}
	edges := make([]edge, 0, 2*len(spans))
	for _, s := range spans {
		edges = append(edges, edge{s.Begin, 1}, edge{s.End, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.step, b.step))
	})
	most, running := 0, 0
	for _, e := range edges {
		running += e.step
		most = max(most, running)
	}
	return most
}
