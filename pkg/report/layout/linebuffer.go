package layout

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Part is a piece of a line in one colour; 0 is none. Its text is clean.
type Part struct {
	Text  string
	Paint text.Color
}

// LineBuffer collects lines within the size of a terminal.
type LineBuffer struct {
	Width, Left int
	Colour      bool
	Lines       []string
}

// Reserve keeps n lines for later; a negative n gives them back.
func (s *LineBuffer) Reserve(n int) { s.Left -= n }

// Line adds a line, cut to the width; none when no line is left.
func (s *LineBuffer) Line(parts ...Part) {
	if s.Left <= 0 {
		return
	}
	s.Left--
	var b strings.Builder
	room := s.Width
	for _, p := range parts {
		t := AllowBreaks(lexicon.Clean(p.Text))
		w := Columns(t)
		if w > room {
			t, w = fit(t, room), room // nothing fits after a cut
		}
		room -= w
		if s.Colour && p.Paint != 0 && t != "" {
			t = text.Escape(t, text.Colors{p.Paint}.EscapeSeq())
		}
		b.WriteString(t)
	}
	s.Lines = append(s.Lines, b.String())
}

// Wrap adds a text behind a label on as many lines as it needs but no more than
// limit; those that follow are indented by the label. What is too much is left
// out by whole words.
func (s *LineBuffer) Wrap(label string, p Part, limit int) {
	line, prefix := "", label
	for _, word := range s.words(lexicon.Clean(p.Text), Columns(label)) {
		next := word
		if line != "" {
			next = line + " " + word
		}
		if line != "" && limit > 1 && s.Left > 1 && Columns(prefix+next) > s.Width {
			s.Line(Part{Text: prefix + line, Paint: p.Paint})
			next, prefix, limit = word, strings.Repeat(" ", Columns(label)), limit-1
		}
		line = next
	}
	if Columns(prefix+line) > s.Width { // what is too much goes by whole words, too
		mark := " …"
		for at := strings.LastIndexByte(line, ' '); at > 0; at = strings.LastIndexByte(line, ' ') {
			if line = line[:at]; Columns(prefix+line+mark) <= s.Width {
				line += mark
				break
			}
		}
	}
	s.Line(Part{Text: prefix + line, Paint: p.Paint})
}

// words are what a text behind a label is broken between. A command that is too
// long for a line of its own is parted as a shell goes on with it, so that it can
// be pasted all the same.
func (s *LineBuffer) words(t string, label int) (out []string) {
	for _, word := range strings.FieldsFunc(t, func(r rune) bool { return r == ' ' }) {
		if !strings.Contains(word, NoBreak) || Columns(word) <= s.Width-label {
			out = append(out, word)
			continue
		}
		line := ""
		for _, arg := range lexicon.CommandWords(AllowBreaks(word)) {
			if line != "" && Columns(line+" "+arg+goesOn) > s.Width-label {
				out = append(out, KeepTogether(line+goesOn))
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += arg
		}
		out = append(out, KeepTogether(line))
	}
	return out
}

// goesOn tells a shell that a command goes on in the next line.
const goesOn = ` \`

// List adds the members of a list, on as many lines as they need but no more
// than limit.
func (s *LineBuffer) List(members []Part, limit int) {
	var row []Part
	width := 0
	for _, m := range members {
		w := Columns(m.Text)
		if len(row) > 0 && limit > 1 && s.Left > 1 && width+Columns(lexicon.Dot)+w > s.Width {
			s.Line(row...)
			row, width, limit = nil, 0, limit-1
		}
		if len(row) > 0 {
			row = append(row, Part{Text: lexicon.Dot})
			width += Columns(lexicon.Dot)
		}
		row, width = append(row, m), width+w
	}
	s.Line(row...)
}

// fit cuts a string to a width and marks the cut.
func fit(s string, width int) string {
	if width <= 0 {
		return ""
	}
	mark := text.RuneWidth('…')
	var b strings.Builder
	w := 0
	for _, r := range s {
		n := text.RuneWidth(r)
		if w+n+mark > width {
			break
		}
		b.WriteRune(r)
		w += n
	}
	if w+mark <= width {
		b.WriteRune('…')
	}
	return b.String()
}

// Columns is how many columns a text takes. Most of what is shown is plain: the
// library, which knows every script, is asked about the rest.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case ' ' <= r && r < 0x7f:
			n++
		case r == '█' || r == '░' || r == '·' || r == '–' || r == '…':
			n += text.RuneWidth(r)
		default:
			return text.StringWidth(s)
		}
	}
	return n
}

// Pad fills a text up to a width.
func Pad(s string, width int) string { return s + strings.Repeat(" ", max(width-Columns(s), 0)) }
