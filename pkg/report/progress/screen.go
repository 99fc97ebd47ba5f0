package progress

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Screen redraws a block of lines in place on a terminal. It is safe for
// concurrent use.
type Screen struct {
	mu      sync.Mutex
	w       io.Writer
	lines   []string
	columns int // of the terminal as it is now; 0: not known
}

// NewScreen returns a screen that draws where the cursor is.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

const (
	clearLine = "\x1b[2K"
	clearDown = "\x1b[J"
)

// Resize tells the screen how wide the terminal is now: a narrower one has
// broken the lines that are on it.
func (s *Screen) Resize(columns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.columns = columns
}

// Draw replaces the block with these lines, none of which may be wider than
// the terminal. It writes once, so that nothing flickers, and nothing where
// nothing has changed.
func (s *Screen) Draw(lines []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(lines) > 0 && slices.Equal(lines, s.lines) && s.rows() == len(lines) {
		return nil
	}
	return s.redraw("", lines)
}

// Above writes text that stays above the block. The text ends in a line break
// and is clean.
func (s *Screen) Above(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.redraw(text, s.lines)
}

// Clear takes the block away and leaves the cursor where it began.
func (s *Screen) Clear() error { return s.Draw(nil) }

// Cut shortens a line, clean already, to what fits into so many columns.
func Cut(line string, width int) string { return text.Trim(line, width) }

// rows is how many rows of the terminal the block takes.
func (s *Screen) rows() int {
	n := len(s.lines)
	if s.columns <= 0 {
		return n
	}
	for _, l := range s.lines {
		if len(l) > s.columns { // no line has fewer bytes than columns
			n += max(text.StringWidthWithoutEscSequences(l)-1, 0) / s.columns
		}
	}
	return n
}

func (s *Screen) redraw(above string, lines []string) error {
	var b strings.Builder
	rows := s.rows()
	if rows > 0 {
		fmt.Fprintf(&b, "\r\x1b[%dA", rows)
	}
	if above != "" || rows > len(s.lines) { // broken lines are not where they were
		if rows > 0 {
			b.WriteString(clearDown)
		}
		b.WriteString(above)
	}
	for _, l := range lines {
		b.WriteString(clearLine + l + "\n")
	}
	if len(lines) < rows {
		b.WriteString(clearDown)
	}
	s.lines = slices.Clone(lines)
	_, err := io.WriteString(s.w, b.String())
	return err
}
