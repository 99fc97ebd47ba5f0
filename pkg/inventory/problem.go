package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in an inventory.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1, in characters
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do next
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
	List []Problem
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
	return Problem{r.here(at).file, at.line, at.column, fmt.Sprintf(format, args...), hint}
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
