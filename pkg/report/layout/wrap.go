package layout

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// NoBreak is the space of what stays on one line, such as a command that somebody
// will paste. No line is broken at it, and every writer makes a space of it.
const NoBreak = "\u00a0"

// KeepTogether keeps a text on one line wherever a page is broken.
func KeepTogether(s string) string { return strings.ReplaceAll(s, " ", NoBreak) }

// AllowBreaks is a text whose bonds are spaces again.
func AllowBreaks(s string) string { return strings.ReplaceAll(s, NoBreak, " ") }

// wrapped breaks a line between words so that it fits the width; what goes on
// below is indented. A width of 0 breaks nothing, and a word that is too long
// for any line stays whole, behind what is no longer than the indent.
func wrapped(s string, width, indent int) string {
	if width <= 0 || text.StringWidth(s) <= width {
		return s
	}
	body := strings.TrimLeft(s, " ")
	var b strings.Builder
	b.WriteString(s[:len(s)-len(body)])
	used, first := len(s)-len(body), true
	for _, word := range strings.SplitAfter(body, " ") {
		n := text.StringWidth(strings.TrimRight(word, " "))
		if !first && used > indent && used+n > width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		}
		b.WriteString(word)
		used, first = used+text.StringWidth(word), false
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Wrap breaks a text between words into lines of a width at most; a word that is
// too long for any line stays whole.
func Wrap(s string, width int) string { return wrapped(s, width, 0) }

// gap parts the columns of a table.
const gap = 2

// leastWrapped is the narrowest that a column is wrapped to.
const leastWrapped = 20

// widths returns the width of each column.
func (g Grid) widths() []int {
	ws := make([]int, len(g.Head))
	for _, row := range append([][]string{g.Head}, g.Rows...) {
		for i, cell := range row {
			ws[i] = max(ws[i], text.StringWidth(lexicon.Clean(cell)))
		}
	}
	return ws
}

// roomForLast is what a terminal of that width leaves the last column; 0 where
// that is no limit.
func (g Grid) roomForLast(width int) int {
	if width <= 0 {
		return 0
	}
	ws := g.widths()
	for _, w := range ws[:len(ws)-1] {
		width -= w + gap
	}
	return max(width, leastWrapped)
}

// fits reports whether the table is no wider than a terminal.
func (g Grid) fits(width int) bool {
	ws := g.widths()
	if g.Wrap {
		ws[len(ws)-1] = min(ws[len(ws)-1], leastWrapped)
	}
	all := -gap
	for _, w := range ws {
		all += w + gap
	}
	return all <= width
}

// within leaves out spare columns until the table fits the width, or none is left;
// where there is no terminal it keeps them all, and so does a table that is stacked
// where it cannot fit.
func (g Grid) within(width int) Grid {
	if width <= 0 {
		return g
	}
	for n := 0; n <= len(g.Spare); n++ {
		if less := g.without(g.Spare[:n]); less.fits(width) {
			return less
		}
	}
	if g.Stack { // it shows all in lines that break
		return g
	}
	return g.without(g.Spare)
}

func (g Grid) without(columns []int) Grid {
	if len(columns) == 0 {
		return g
	}
	pick := func(row []string) []string {
		var out []string
		for i, cell := range row {
			if !slices.Contains(columns, i) {
				out = append(out, cell)
			}
		}
		return out
	}
	less := Grid{Head: pick(g.Head), Right: map[int]bool{}, Wrap: g.Wrap && !slices.Contains(columns, len(g.Head)-1)}
	for i := range g.Head {
		if !slices.Contains(columns, i) && g.Right[i] {
			less.Right[slices.Index(less.Head, g.Head[i])] = true
		}
	}
	for _, r := range g.Rows {
		less.Rows = append(less.Rows, pick(r))
	}
	return less
}
