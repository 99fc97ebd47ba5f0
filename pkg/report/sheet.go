package report

import (
	"strings"

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
		t := loose(Clean(p.text))
		w := columns(t)
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

// wrap adds a text behind a label on as many lines as it needs but no more than
// limit; those that follow are indented by the label. What is too much is left
// out by whole words.
func (s *sheet) wrap(label string, p part, limit int) {
	line, prefix := "", label
	for _, word := range s.words(Clean(p.text), columns(label)) {
		next := word
		if line != "" {
			next = line + " " + word
		}
		if line != "" && limit > 1 && s.left > 1 && columns(prefix+next) > s.width {
			s.line(part{text: prefix + line, paint: p.paint})
			next, prefix, limit = word, strings.Repeat(" ", columns(label)), limit-1
		}
		line = next
	}
	if columns(prefix+line) > s.width { // what is too much goes by whole words, too
		mark := " …"
		for at := strings.LastIndexByte(line, ' '); at > 0; at = strings.LastIndexByte(line, ' ') {
			if line = line[:at]; columns(prefix+line+mark) <= s.width {
				line += mark
				break
			}
		}
	}
	s.line(part{text: prefix + line, paint: p.paint})
}

// words are what a text behind a label is broken between. A command that is too
// long for a line of its own is parted as a shell goes on with it, so that it can
// be pasted all the same.
func (s *sheet) words(t string, label int) (out []string) {
	for _, word := range strings.FieldsFunc(t, func(r rune) bool { return r == ' ' }) {
		if !strings.Contains(word, bond) || columns(word) <= s.width-label {
			out = append(out, word)
			continue
		}
		line := ""
		for _, arg := range shellWords(loose(word)) {
			if line != "" && columns(line+" "+arg+goesOn) > s.width-label {
				out = append(out, unbroken(line+goesOn))
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += arg
		}
		out = append(out, unbroken(line))
	}
	return out
}

// goesOn tells a shell that a command goes on in the next line.
const goesOn = ` \`

// shellWords parts a command, quoted as Command quotes, into its arguments.
func shellWords(command string) (out []string) {
	from, quoted := 0, false
	for i := 0; i < len(command); i++ {
		switch {
		case command[i] == '\\' && !quoted:
			i++
		case command[i] == '\'':
			quoted = !quoted
		case command[i] == ' ' && !quoted:
			out, from = append(out, command[from:i]), i+1
		}
	}
	return append(out, command[from:])
}

// list adds the members of a list, on as many lines as they need but no more
// than limit.
func (s *sheet) list(members []part, limit int) {
	var row []part
	width := 0
	for _, m := range members {
		w := columns(m.text)
		if len(row) > 0 && limit > 1 && s.left > 1 && width+columns(dot)+w > s.width {
			s.line(row...)
			row, width, limit = nil, 0, limit-1
		}
		if len(row) > 0 {
			row = append(row, part{text: dot})
			width += columns(dot)
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

// columns is how many columns a text takes. Most of what is shown is plain: the
// library, which knows every script, is asked about the rest.
func columns(s string) int {
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

// pad fills a text up to a width.
func pad(s string, width int) string { return s + strings.Repeat(" ", max(width-columns(s), 0)) }
