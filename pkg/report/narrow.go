package report

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// bond is the space of what stays on one line, such as a command that somebody
// will paste. No line is broken at it, and every writer makes a space of it.
const bond = "\u00a0"

// unbroken keeps a text on one line wherever a page is broken.
func unbroken(s string) string { return strings.ReplaceAll(s, " ", bond) }

// loose is a text whose bonds are spaces again.
func loose(s string) string { return strings.ReplaceAll(s, bond, " ") }

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
func (g grid) widths() []int {
	ws := make([]int, len(g.head))
	for _, row := range append([][]string{g.head}, g.rows...) {
		for i, cell := range row {
			ws[i] = max(ws[i], text.StringWidth(Clean(cell)))
		}
	}
	return ws
}

// roomForLast is what a terminal of that width leaves the last column; 0 where
// that is no limit.
func (g grid) roomForLast(width int) int {
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
func (g grid) fits(width int) bool {
	ws := g.widths()
	if g.wrap {
		ws[len(ws)-1] = min(ws[len(ws)-1], leastWrapped)
	}
	all := -gap
	for _, w := range ws {
		all += w + gap
	}
	return all <= width
}

// within leaves out spare columns until the table fits the width; where it
// cannot fit, and where there is no terminal, it keeps them all.
func (g grid) within(width int) grid {
	if width <= 0 {
		return g
	}
	for n := 0; n <= len(g.spare); n++ {
		if less := g.without(g.spare[:n]); less.fits(width) {
			return less
		}
	}
	return g
}

func (g grid) without(columns []int) grid {
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
	less := grid{head: pick(g.head), right: map[int]bool{}, wrap: g.wrap && !slices.Contains(columns, len(g.head)-1)}
	for i := range g.head {
		if !slices.Contains(columns, i) && g.right[i] {
			less.right[slices.Index(less.head, g.head[i])] = true
		}
	}
	for _, r := range g.rows {
		less.rows = append(less.rows, pick(r))
	}
	return less
}
