package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// page is what a person reads, before it is decided where: a list of blocks
// whose texts are raw. Only the writers of this file escape, each for its own
// medium, so that no text can be forgotten.
type page struct{ blocks []block }

type blockKind int

const (
	blockTitle    blockKind = iota // the first line
	blockSection                   // a heading
	blockGroup                     // a heading below a section
	blockLine                      // a line of its own
	blockItem                      // a member of a list
	blockSubItem                   // a member of an item's list
	blockPair                      // a name and its value
	blockCommand                   // a name and a command to paste
	blockVerbatim                  // text to copy as it stands
	blockGrid                      // a table
)

type block struct {
	kind  blockKind
	text  string
	value string
	full  string // a pair's value where there is room for all of it: in Markdown
	grid  grid
}

// grid is a table.
type grid struct {
	head  []string
	right map[int]bool // the columns whose cells are numbers
	spare []int        // the columns that a narrow terminal does without, in this order
	wrap  bool         // the last column may take several lines
	stack bool         // where it does not fit, the last cell goes on a line of its own
	rows  [][]string
}

func (p *page) add(k blockKind, format string, args ...any) {
	p.blocks = append(p.blocks, block{kind: k, text: fmt.Sprintf(format, args...)})
}

func (p *page) title(format string, args ...any)   { p.add(blockTitle, format, args...) }
func (p *page) section(format string, args ...any) { p.add(blockSection, format, args...) }
func (p *page) group(format string, args ...any)   { p.add(blockGroup, format, args...) }
func (p *page) line(format string, args ...any)    { p.add(blockLine, format, args...) }
func (p *page) item(format string, args ...any)    { p.add(blockItem, format, args...) }
func (p *page) sub(format string, args ...any)     { p.add(blockSubItem, format, args...) }

func (p *page) pair(name, format string, args ...any) {
	p.blocks = append(p.blocks, block{kind: blockPair, text: name, value: fmt.Sprintf(format, args...)})
}

func (p *page) command(name, command string) {
	p.blocks = append(p.blocks, block{kind: blockCommand, text: name, value: command})
}

func (p *page) verbatim(text string) {
	p.blocks = append(p.blocks, block{kind: blockVerbatim, text: text})
}

func (p *page) table(g grid) {
	if len(g.rows) > 0 {
		p.blocks = append(p.blocks, block{kind: blockGrid, grid: g})
	}
}

// pairWidth aligns the values of pairs on a terminal.
const pairWidth = 13

// writeTerminal writes lines that a terminal of that width shows well; 0 stands
// for no terminal.
func (p *page) writeTerminal(w io.Writer, width int) error {
	var b strings.Builder
	last := blockTitle
	for i, bl := range p.blocks {
		if i > 0 && apart(last, bl.kind) {
			b.WriteByte('\n')
		}
		last = bl.kind
		switch bl.kind {
		case blockTitle, blockSection, blockGroup, blockLine:
			b.WriteString(wrapped(Clean(bl.text), width, 2) + "\n")
		case blockItem:
			b.WriteString(wrapped("  "+Clean(bl.text), width, 4) + "\n")
		case blockSubItem:
			b.WriteString(wrapped("    "+Clean(bl.text), width, 6) + "\n")
		case blockPair:
			name := text.Pad(Clean(bl.text), pairWidth, ' ')
			b.WriteString(strings.TrimRight(wrapped(name+" "+Clean(bl.value), width, pairWidth+1), " ") + "\n")
		case blockCommand: // on one line, to be copied whole
			b.WriteString(Clean(bl.text) + ": " + Clean(bl.value) + "\n")
		case blockVerbatim:
			for _, l := range cleanLines(bl.text) {
				b.WriteString(l + "\n")
			}
		case blockGrid:
			b.WriteString(bl.grid.within(width).terminal(width) + "\n")
		}
	}
	_, err := io.WriteString(w, loose(b.String()))
	return err
}

// apart reports whether an empty line stands between two blocks.
func apart(before, next blockKind) bool {
	switch next {
	case blockSection, blockVerbatim:
		return true
	case blockGroup:
		return before != blockSection
	case blockCommand:
		return before != blockCommand
	case blockGrid:
		return before == blockTitle || before == blockLine || before == blockPair || before == blockGrid
	case blockPair:
		return before == blockGrid || before == blockTitle || before == blockItem
	}
	return before == blockVerbatim || before == blockGrid
}

func (g grid) terminal(width int) string {
	if g.stack && width > 0 && !g.fits(width) {
		last := len(g.head) - 1
		var b strings.Builder
		for _, r := range g.rows {
			b.WriteString(wrapped(Clean(strings.Join(r[:last], "  ")), width, 2) + "\n    " + Clean(r[last]) + "\n")
		}
		return strings.TrimRight(b.String(), "\n")
	}
	t := table.NewWriter()
	style := table.StyleDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	row := func(cells []string) table.Row {
		r := make(table.Row, len(cells))
		for i, c := range cells {
			r[i] = Clean(c)
		}
		return r
	}
	t.AppendHeader(row(g.head))
	for _, r := range g.rows {
		t.AppendRow(row(r))
	}
	var columns []table.ColumnConfig
	for i := range g.head {
		align := text.AlignLeft
		if g.right[i] {
			align = text.AlignRight
		}
		cc := table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align}
		if room := g.roomForLast(width); g.wrap && i == len(g.head)-1 && room > 0 {
			cc.WidthMax, cc.WidthMaxEnforcer = room, Wrap
		}
		columns = append(columns, cc)
	}
	t.SetColumnConfigs(columns)
	return t.Render()
}

func (p *page) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	list := func(k blockKind) bool { return k == blockItem || k == blockSubItem || k == blockPair }
	last := blockTitle
	for i, bl := range p.blocks {
		if i > 0 && !(list(last) && list(bl.kind)) {
			b.WriteByte('\n')
		}
		last = bl.kind
		switch bl.kind {
		case blockTitle:
			b.WriteString("# " + markdown(bl.text) + "\n")
		case blockSection:
			b.WriteString("## " + markdown(bl.text) + "\n")
		case blockGroup:
			b.WriteString("### " + markdown(bl.text) + "\n")
		case blockLine:
			b.WriteString(markdownLine(bl.text) + "\n")
		case blockItem:
			b.WriteString("- " + markdownLine(bl.text) + "\n")
		case blockSubItem:
			b.WriteString("  - " + markdownLine(bl.text) + "\n")
		case blockPair:
			b.WriteString("- **" + markdown(bl.text) + ":** " + markdown(or(bl.full, bl.value)) + "\n")
		case blockCommand:
			b.WriteString("**" + markdown(bl.text) + ":** " + codeSpan(bl.value) + "\n")
		case blockVerbatim:
			lines := cleanLines(bl.text)
			f := fence(lines)
			b.WriteString(f + "text\n" + strings.Join(lines, "\n") + "\n" + f + "\n")
		case blockGrid:
			bl.grid.markdown(&b)
		}
	}
	_, err := io.WriteString(w, loose(b.String()))
	return err
}

// markdownLine is a text at the start of a line, where a dash, a plus or a
// number with a full stop would begin a list.
func markdownLine(s string) string {
	s = markdown(s)
	digits := strings.TrimLeft(s, "0123456789")
	switch {
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "+"), strings.HasPrefix(s, "="):
		return `\` + s
	case len(digits) < len(s) && (strings.HasPrefix(digits, ".") || strings.HasPrefix(digits, ")")):
		return s[:len(s)-len(digits)] + `\` + digits
	}
	return s
}

func (g grid) markdown(b *strings.Builder) {
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + markdown(c) + " ")
		}
		b.WriteString("|\n")
	}
	row(g.head)
	for i := range g.head {
		if g.right[i] {
			b.WriteString("| ---: ")
		} else {
			b.WriteString("| --- ")
		}
	}
	b.WriteString("|\n")
	for _, r := range g.rows {
		row(r)
	}
}
