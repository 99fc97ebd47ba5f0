package report

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/jedib0t/go-pretty/v6/text"
)

// part is a piece of a line in one colour; 0 is none. Its text is clean.
type part struct {
	text  string
	paint text.Color
}

// sheet collects lines within the size of a terminal.
type sheet struct {
	width, left int
	colour      bool
	lines       []string
}

// reserve keeps n lines for later; a negative n gives them back.
func (s *sheet) reserve(n int) { s.left -= n }

// line adds a line, cut to the width; none when no line is left.
func (s *sheet) line(parts ...part) {
	if s.left <= 0 {
		return
	}
	s.left--
	var b strings.Builder
	room := s.width
	for _, p := range parts {
		t := Clean(p.text)
		w := text.StringWidth(t)
		if w > room {
			t, w = fit(t, room), room // nothing fits after a cut
		}
		room -= w
		if s.colour && p.paint != 0 && t != "" {
			t = text.Escape(t, text.Colors{p.paint}.EscapeSeq())
		}
		b.WriteString(t)
	}
	s.lines = append(s.lines, b.String())
}

// list adds the members of a list, on as many lines as they need but no more
// than limit.
func (s *sheet) list(members []part, limit int) {
	var row []part
	width := 0
	for _, m := range members {
		w := text.StringWidth(m.text)
		if len(row) > 0 && limit > 1 && s.left > 1 && width+text.StringWidth(dot)+w > s.width {
			s.line(row...)
			row, width, limit = nil, 0, limit-1
		}
		if len(row) > 0 {
			row = append(row, part{text: dot})
			width += text.StringWidth(dot)
		}
		row, width = append(row, m), width+w
	}
	s.line(row...)
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

// Screen redraws a block of lines in place on a terminal. It is safe for
// concurrent use.
type Screen struct {
	mu    sync.Mutex
	w     io.Writer
	lines []string
}

// NewScreen returns a screen that draws where the cursor is.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

const (
	clearLine = "\x1b[2K"
	clearDown = "\x1b[J"
)

// Draw replaces the block with these lines, none of which may be wider than
// the terminal. It writes once, so that nothing flickers.
func (s *Screen) Draw(lines []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redraw("", lines)
}

// Above writes text that stays above the block. The text ends in a line break
// and is clean.
func (s *Screen) Above(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redraw(text, s.lines)
}

// Cut shortens a line, clean already, to what fits into so many columns.
func Cut(line string, width int) string { return text.Trim(line, width) }

// Clear takes the block away and leaves the cursor where it began.
func (s *Screen) Clear() error { return s.Draw(nil) }

func (s *Screen) redraw(above string, lines []string) error {
	var b strings.Builder
	if n := len(s.lines); n > 0 {
		fmt.Fprintf(&b, "\r\x1b[%dA", n)
	}
	if above != "" {
		if len(s.lines) > 0 {
			b.WriteString(clearDown)
		}
		b.WriteString(above)
	}
	for _, l := range lines {
		b.WriteString(clearLine + l + "\n")
	}
	if len(lines) < len(s.lines) {
		b.WriteString(clearDown)
	}
	s.lines = append([]string(nil), lines...)
	_, err := io.WriteString(s.w, b.String())
	return err
}
