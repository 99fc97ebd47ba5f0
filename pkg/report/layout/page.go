package layout

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Page is what a person reads, before it is decided where: a list of blocks
// whose texts are raw. Only the writers of this file escape, each for its own
// medium, so that no text can be forgotten.
type Page struct{ Blocks []block }

type blockKind int

const (
	blockTitle      blockKind = iota // the first line
	blockSection                     // a heading
	blockGroup                       // a heading below a section
	blockLine                        // a line of its own
	blockItem                        // a member of a list
	blockSubItem                     // a member of an item's list
	blockSubHeading                  // what the members of an item's list have in common
	blockSubCommand                  // a command to paste in an item's list, and what must be so first
	blockPair                        // a name and its value
	blockCommand                     // a name and a command to paste
	blockVerbatim                    // text to copy as it stands
	blockGrid                        // a table
)

type block struct {
	kind  blockKind
	text  string
	value string
	Full  string // a pair's value where there is room for all of it: in Markdown
	grid  Grid
}

// Grid is a table. Where a terminal is narrower, spare columns are left out, then heads
// and cells are broken between words, and where that would leave less than can be read
// each row becomes an entry of a list.
type Grid struct {
	Head  []string
	Right map[int]bool // the columns whose cells are numbers
	Spare []int        // the columns that a narrow terminal does without, in this order
	Wrap  bool         // the last column takes several lines before a spare one goes
	Stack bool         // where it does not fit, the last cell goes on a line of its own
	Rows  [][]string
}

func (p *Page) add(k blockKind, format string, args ...any) {
	p.Blocks = append(p.Blocks, block{kind: k, text: fmt.Sprintf(format, args...)})
}

func (p *Page) Title(format string, args ...any)   { p.add(blockTitle, format, args...) }
func (p *Page) Section(format string, args ...any) { p.add(blockSection, format, args...) }
func (p *Page) Group(format string, args ...any)   { p.add(blockGroup, format, args...) }
func (p *Page) Line(format string, args ...any)    { p.add(blockLine, format, args...) }
func (p *Page) Item(format string, args ...any)    { p.add(blockItem, format, args...) }
func (p *Page) Sub(format string, args ...any)     { p.add(blockSubItem, format, args...) }

func (p *Page) Pair(name, format string, args ...any) {
	p.Blocks = append(p.Blocks, block{kind: blockPair, text: name, value: fmt.Sprintf(format, args...)})
}

func (p *Page) Command(name, command string) {
	if command == "" {
		return
	}
	p.Blocks = append(p.Blocks, block{kind: blockCommand, text: name, value: command})
}

// SubList is an item's list below its heading, empty for none.
func (p *Page) SubList(heading string, rows []string) {
	if heading != "" {
		p.add(blockSubHeading, "%s:", heading)
	}
	for _, s := range rows {
		p.Sub("%s", s)
	}
}

// SubCommand is a command to paste in an item's list, behind what must be so first, if
// anything must.
func (p *Page) SubCommand(when, command string) {
	p.Blocks = append(p.Blocks, block{kind: blockSubCommand, text: when, value: command})
}

func (p *Page) Verbatim(text string) {
	p.Blocks = append(p.Blocks, block{kind: blockVerbatim, text: text})
}

func (p *Page) Table(g Grid) {
	if len(g.Rows) > 0 {
		p.Blocks = append(p.Blocks, block{kind: blockGrid, grid: g})
	}
}

// pairWidth aligns the values of pairs on a terminal.
const pairWidth = 13

// WriteTerminal writes lines that a terminal of that width shows well; 0 stands
// for no terminal.
func (p *Page) WriteTerminal(w io.Writer, width int) error {
	var b strings.Builder
	last := blockTitle
	for i, bl := range p.Blocks {
		if i > 0 && apart(last, bl.kind) {
			b.WriteByte('\n')
		}
		last = bl.kind
		switch bl.kind {
		case blockTitle, blockSection, blockGroup, blockLine:
			b.WriteString(wrapped(lexicon.Clean(bl.text), width, 2) + "\n")
		case blockItem:
			b.WriteString(wrapped("  "+lexicon.Clean(bl.text), width, 4) + "\n")
		case blockSubItem, blockSubHeading:
			b.WriteString(wrapped("    "+lexicon.Clean(bl.text), width, 6) + "\n")
		case blockSubCommand:
			b.WriteString(subCommand(lexicon.Clean(bl.text), lexicon.Clean(bl.value), width) + "\n")
		case blockPair:
			name := text.Pad(lexicon.Clean(bl.text), pairWidth, ' ')
			b.WriteString(strings.TrimRight(wrapped(name+" "+lexicon.Clean(bl.value), width, pairWidth+1), " ") + "\n")
		case blockCommand:
			b.WriteString(Led(lexicon.Clean(bl.text)+":", lexicon.Clean(bl.value), width) + "\n")
		case blockVerbatim:
			for _, l := range lexicon.CleanLines(bl.text) {
				b.WriteString(l + "\n")
			}
		case blockGrid:
			less, missing := bl.grid.within(width)
			b.WriteString(less.terminal(width) + "\n")
			if len(missing) > 0 { // the numbers of a row may add up no more
				sign := fmt.Sprintf("  (not shown at %d columns: %s)", width, strings.Join(missing, ", "))
				b.WriteString(wrapped(sign, width, 3) + "\n")
			}
		}
	}
	_, err := io.WriteString(w, AllowBreaks(b.String()))
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

func (g Grid) terminal(width int) string {
	var room []int // of each column, where one of them is broken
	if width > 0 && across(g.widths()) > width {
		var ok bool
		if room, ok = g.folded(width); !ok || g.Stack && !g.fits(width) {
			return g.stacked(width)
		}
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
			r[i] = lexicon.Clean(c)
		}
		return r
	}
	t.AppendHeader(row(g.Head))
	for _, r := range g.Rows {
		t.AppendRow(row(r))
	}
	var columns []table.ColumnConfig
	for i := range g.Head {
		align := text.AlignLeft
		if g.Right[i] {
			align = text.AlignRight
		}
		cc := table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align}
		if room != nil {
			cc.WidthMax, cc.WidthMaxEnforcer = room[i], Wrap
		}
		columns = append(columns, cc)
	}
	t.SetColumnConfigs(columns)
	return t.Render()
}

func (p *Page) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	items := func(k blockKind) bool {
		return k == blockItem || k == blockSubItem || k == blockSubHeading || k == blockSubCommand
	}
	same := func(k, next blockKind) bool { return items(k) && items(next) || k == blockPair && next == blockPair }
	last := blockTitle
	for i, bl := range p.Blocks {
		if i > 0 && !same(last, bl.kind) {
			b.WriteByte('\n')
		}
		last = bl.kind
		switch bl.kind {
		case blockTitle:
			b.WriteString("# " + lexicon.Markdown(bl.text) + "\n")
		case blockSection:
			b.WriteString("## " + lexicon.Markdown(bl.text) + "\n")
		case blockGroup:
			b.WriteString("### " + lexicon.Markdown(bl.text) + "\n")
		case blockLine:
			b.WriteString(markdownLine(bl.text) + "\n")
		case blockItem:
			b.WriteString("- " + markdownLine(bl.text) + "\n")
		case blockSubItem:
			b.WriteString("  - " + markdownLine(bl.text) + "\n")
		case blockSubHeading: // a paragraph of the item, which has empty lines around it
			b.WriteString("\n  **" + lexicon.Markdown(bl.text) + "**\n\n")
		case blockSubCommand:
			when := ""
			if bl.text != "" {
				when = lexicon.Markdown(bl.text) + ": "
			}
			b.WriteString("  - " + when + lexicon.CodeSpan(bl.value) + "\n")
		case blockPair:
			// Another mark begins another list: pairs are no members of a list before them.
			b.WriteString("* **" + lexicon.Markdown(strings.TrimSpace(bl.text)) + ":** " +
				lexicon.Markdown(lexicon.Or(bl.Full, bl.value)) + "\n")
		case blockCommand:
			b.WriteString("**" + lexicon.Markdown(bl.text) + ":** " + lexicon.CodeSpan(bl.value) + "\n")
		case blockVerbatim:
			lines := lexicon.CleanLines(bl.text)
			f := lexicon.Fence(lines)
			b.WriteString(f + "text\n" + strings.Join(lines, "\n") + "\n" + f + "\n")
		case blockGrid:
			bl.grid.markdown(&b)
		}
	}
	_, err := io.WriteString(w, AllowBreaks(b.String()))
	return err
}

// markdownLine is a text at the start of a line, where a dash, a plus or a
// number with a full stop would begin a list.
func markdownLine(s string) string {
	// Four spaces would begin code, and an item without a text makes a heading of what
	// is above it.
	if s = strings.TrimLeft(lexicon.Markdown(s), " "); s == "" {
		s = "&#32;"
	}
	digits := strings.TrimLeft(s, "0123456789")
	switch {
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "+"), strings.HasPrefix(s, "="):
		return `\` + s
	case len(digits) < len(s) && (strings.HasPrefix(digits, ".") || strings.HasPrefix(digits, ")")):
		return s[:len(s)-len(digits)] + `\` + digits
	}
	return s
}

func (g Grid) markdown(b *strings.Builder) {
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + lexicon.Markdown(c) + " ")
		}
		b.WriteString("|\n")
	}
	row(g.Head)
	for i := range g.Head {
		if g.Right[i] {
			b.WriteString("| ---: ")
		} else {
			b.WriteString("| --- ")
		}
	}
	b.WriteString("|\n")
	for _, r := range g.Rows {
		row(r)
	}
}
