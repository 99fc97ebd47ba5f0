package lexicon

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// Clean makes a string from outside safe to print on one line of a terminal.
// Control characters (C0, DEL, C1), bytes that are no UTF-8, line separators
// and invisible format characters, those that turn the direction of writing
// among them, become \xNN, \uNNNN or \UNNNNNNNN. Everything else stays.
func Clean(s string) string {
	if !needsCleaning(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !IsSteering(r):
			b.WriteString(s[i : i+n])
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

func needsCleaning(s string) bool {
	if !utf8.ValidString(s) {
		return true
	}
	return strings.ContainsFunc(s, IsSteering)
}

// IsSteering reports whether a character could do something to a terminal other
// than show itself. The two joiners are needed to write some scripts.
func IsSteering(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	if r < 0x7f {
		return r < ' '
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != zeroWidthNonJoiner && r != zeroWidthJoiner
}

// CleanLines cleans a text of several lines of our own making.
func CleanLines(s string) []string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return lines
}

// CSVCell guards a cell against being read as a formula: spreadsheets run what
// begins with one of these characters. An apostrophe makes it text. Where a semicolon
// parts cells, as in the regions that write a comma in their numbers, what stands
// behind one begins a cell, too (OWASP, "CSV Injection": mind the field separator and
// quotes). The cell is cleaned as well, so that a CSV shown on a terminal does no harm
// and a row is a line.
func CSVCell(s string) string {
	if s != "" && strings.ContainsRune("\t\r\n", rune(s[0])) {
		s = "'" + s
	}
	return formula().ReplaceAllString(Clean(s), "${1}'${2}")
}

// formula is where a cell begins as a formula does. The page's lists have the same.
var formula = lazyregexp.New(`(^|;)([ "]*[=+\-@])`)

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `|`, `\|`, `~`, `\~`, `#`, `\#`,
	`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`)

// Markdown makes a string plain text in a Markdown paragraph or cell.
func Markdown(s string) string { return markdownEscapes.Replace(Clean(s)) }

// Fence returns a code fence longer than any row of backticks in the lines.
func Fence(lines []string) string {
	longest := 2
	for _, l := range lines {
		run := 0
		for _, r := range l {
			if r != '`' {
				run = 0
				continue
			}
			run++
			longest = max(longest, run)
		}
	}
	return strings.Repeat("`", longest+1)
}

// CodeSpan shows a string as code in Markdown.
func CodeSpan(s string) string {
	s = Clean(s)
	if !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	return Markdown(s)
}

// Command is a command line of fleetup that can be pasted into a shell.
func Command(args ...string) string {
	var b strings.Builder
	b.WriteString("fleetup")
	for _, a := range args {
		b.WriteByte(' ')
		if strings.HasPrefix(a, "-") && !strings.ContainsFunc(a, special) {
			b.WriteString(a)
		} else {
			b.WriteString(shellQuote(a))
		}
	}
	return b.String()
}

// shellQuote makes an argument of a command that can be pasted into a shell.
func shellQuote(s string) string {
	switch {
	case Clean(s) != s:
		// A line break would end the line that is pasted, and what Clean escapes must
		// arrive as it was: bash, ksh and zsh know its escapes in this form.
		return "$'" + Clean(strings.NewReplacer("\\", "\\\\", "'", `\'`).Replace(s)) + "'"
	case s != "" && !strings.HasPrefix(s, "-") && !strings.ContainsFunc(s, special):
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// special reports whether a shell may read a character as anything but itself.
func special(r rune) bool {
	return !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-:,+@%=", r))
}
