package layout

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// NoBreak is the space of what stays on one line, such as a command that somebody
// will paste. No line is broken at it, and every writer makes a space of it. It is a
// noncharacter, which Unicode (23.7) leaves to a program's own use, so that no space of
// another kind in a name or a path is changed.
const NoBreak = "\ufdd0"

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

// Led is a command behind what introduces it. The command is never broken here, so
// that it is copied whole: where it does not fit behind, it has a line of its own, which
// only the terminal breaks.
func Led(lead, command string, width int) string {
	if line := lead + " " + command; width <= 0 || text.StringWidth(line) <= width {
		return line
	}
	return wrapped(lead, width, 2) + "\n  " + command
}

// subCommand is a command in an item's list: like Led, which breaks no command either.
func subCommand(when, command string, width int) string {
	if when == "" {
		return "    " + command
	}
	line := "    " + when + ": " + command
	if width <= 0 || text.StringWidth(line) <= width {
		return line
	}
	return wrapped("    "+when+":", width, 6) + "\n      " + command
}

// commandBehind is a line of what to do next, or of what a run waits for, that ends with
// a command; named is a command within a sentence.
var (
	commandBehind = lazyregexp.New(`^((?:Next|Then|Or)[:,]|(?:Next|Then|Or), .*:|.*; next:) ((?:fleetup|az) .*)$`)
	named         = lazyregexp.New(`\bfleetup [a-z]+`)
)

// EndsWithCommand reports whether a line of a message ends with a command to paste.
func EndsWithCommand(line string) bool { return commandBehind().MatchString(line) }

// Message breaks a line of a message between words so that it fits the width; 0 stands
// for no terminal. A command is not broken: Led, and where one is only named in a
// sentence its two words stay together.
func Message(line string, width int) string {
	if width <= 0 || text.StringWidth(line) <= width {
		return AllowBreaks(line)
	}
	if m := commandBehind().FindStringSubmatch(line); m != nil {
		return Led(m[1], m[2], width)
	}
	return AllowBreaks(wrapped(named().ReplaceAllStringFunc(line, KeepTogether), width, 2))
}

// gap parts the columns of a table.
const gap = 2

// The narrowest that columns are broken to: the last one of a table that may take
// several lines, and any other.
const (
	leastWrapped = 20
	leastFolded  = 8
)

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

// longestWord is the narrowest that a column can be.
func (g Grid) longestWord(column int) int {
	longest := 0
	for _, row := range append([][]string{g.Head}, g.Rows...) {
		for _, word := range strings.Fields(lexicon.Clean(row[column])) {
			longest = max(longest, text.StringWidth(word))
		}
	}
	return longest
}

// fits reports whether the table is no wider than a terminal; a last column that may
// take several lines takes them.
func (g Grid) fits(width int) bool {
	ws := g.widths()
	if g.Wrap {
		ws[len(ws)-1] = min(ws[len(ws)-1], leastWrapped)
	}
	return across(ws) <= width
}

// across is how wide a table of such columns is.
func across(widths []int) int {
	all := -gap
	for _, w := range widths {
		all += w + gap
	}
	return all
}

// folded are the widths of columns whose cells and heads are broken between words, so
// that the table fits the width: the last column gives way first where it may take
// several lines, then whichever is the widest. ok is false where they would have to be
// narrower than can be read.
func (g Grid) folded(width int) (ws []int, ok bool) {
	ws = g.widths()
	least := make([]int, len(ws))
	for i, w := range ws {
		least[i] = max(g.longestWord(i), min(w, leastFolded))
	}
	if last := len(ws) - 1; g.Wrap {
		least[last] = max(least[last], min(ws[last], leastWrapped))
		ws[last] = max(least[last], ws[last]-max(across(ws)-width, 0))
	}
	for across(ws) > width {
		widest := -1
		for i, w := range ws {
			if w > least[i] && (widest < 0 || w > ws[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return nil, false
		}
		ws[widest]--
	}
	return ws, true
}

// within leaves out spare columns until the table fits the width, or none is left, and
// returns the heads of those besides; where there is no terminal it keeps them all, and so
// does a table that is stacked where it cannot fit.
func (g Grid) within(width int) (less Grid, missing []string) {
	if width <= 0 {
		return g, nil
	}
	n := 0
	for less = g; n < len(g.Spare) && !less.fits(width); less = g.without(g.Spare[:n]) {
		n++
	}
	if g.Stack && !less.fits(width) { // it shows all in lines that break
		return g, nil
	}
	for i, head := range g.Head {
		if slices.Contains(g.Spare[:n], i) {
			missing = append(missing, head)
		}
	}
	return less, missing
}

// stacked shows each row as an entry: its first cell, and the others below it with the
// heads of their columns, in lines that break between words. Where a table is to be
// stacked by itself, the last cell is alone on its line.
func (g Grid) stacked(width int) string {
	var b strings.Builder
	last := len(g.Head) - 1
	for _, r := range g.Rows {
		if g.Stack {
			b.WriteString(wrapped(lexicon.Clean(strings.Join(r[:last], "  ")), width, 2) + "\n    " +
				lexicon.Clean(r[last]) + "\n")
			continue
		}
		b.WriteString(wrapped(lexicon.Clean(lexicon.Or(r[0], "-")), width, 2) + "\n")
		var more []string
		for i := 1; i <= last; i++ {
			switch cell := lexicon.Clean(r[i]); {
			case cell == "":
			case last == 1 || g.Head[i] == "":
				more = append(more, cell)
			default:
				part := g.Head[i] + " " + cell
				if text.StringWidth(part) < width/2 {
					part = KeepTogether(part)
				}
				more = append(more, part)
			}
		}
		if len(more) > 0 {
			b.WriteString(wrapped("    "+strings.Join(more, NoBreak+"· "), width, 4) + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
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
