package lexicon

import (
	"fmt"
	"slices"
	"strconv"
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
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != zeroWidthNonJoiner &&
		r != zeroWidthJoiner
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

// unlinked parts what a renderer would make a link or a mention of: addresses without
// any markup, with or without a scheme, and of mail (GitHub Flavored Markdown Spec, 6.9
// Autolinks), and people, teams, issues and merge requests behind @, # and !. Those are
// looked for in the text that is rendered, where a backslash or an entity is gone
// (https://gitlab.com/gitlab-org/gitlab/-/issues/16827); a comment, which nobody sees
// (https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax,
// "Hiding content with comments"), makes two texts of it. In bytes that are escaped already.
var unlinked = lazyregexp.New(`(?i)www\.|://|(?:mailto|xmpp):|@[\pL\pN\\"]|#[\pN]|![\pN]|GH-[\pN]`)

// apart parts two characters.
const apart = "<!-- -->"

// Markdown makes a string plain text in a Markdown paragraph, heading, list or cell: what
// is shown is the string, and nothing of it is a link or mentions anybody.
func Markdown(s string) string {
	return unlinked().ReplaceAllStringFunc(markdownEscapes.Replace(Clean(s)), func(m string) string {
		at := 1
		if n := len(m) - 1; strings.HasSuffix(m, ".") || strings.HasSuffix(m, ":") {
			at = n
		} else if m[0] == 'g' || m[0] == 'G' {
			at = 2
		}
		return m[:at] + apart + m[at:]
	})
}

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
	fence, longest, run := "`", 0, 0
	for _, r := range s {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 0 { // longer than any row within, which may begin or end the code
		fence = strings.Repeat("`", longest+1)
		s = " " + s + " "
	}
	return fence + s + fence
}

// Command is a command line of fleetup that can be pasted into sh, dash, bash, zsh or fish.
// Where an argument can be written in none of them alike, it says so in its place.
func Command(args ...string) string {
	if i := slices.IndexFunc(args, func(a string) bool { return strings.HasSuffix(a, "\n") }); i >= 0 {
		return `(type it yourself: no line that is pasted gives fleetup what ends with a line break, "` +
			Clean(args[i]) + `")`
	}
	var b strings.Builder
	b.WriteString("fleetup")
	for _, a := range args {
		b.WriteByte(' ')
		if strings.HasPrefix(a, "-") && plain(a) {
			b.WriteString(a)
		} else {
			b.WriteString(shellQuote(a))
		}
	}
	return b.String()
}

// CommandWords parts a command line that Command wrote into its arguments, quoted as they
// stand.
func CommandWords(line string) (words []string) {
	from, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && !quoted:
			i++
		case c == '"' && !quoted && strings.HasPrefix(line[i:], printed): // it has no other in it
			i += len(printed) + max(0, strings.Index(line[i+len(printed):], printedEnd)) + len(printedEnd) - 1
		case c == '\'':
			quoted = !quoted
		case c == ' ' && !quoted:
			words, from = append(words, line[from:i]), i+1
		}
	}
	return append(words, line[from:])
}

// Unquoted is an argument of such a line without its quotes. What only an escape can
// write (a line break above all) stays escaped: it is for reading names, not for a shell.
func Unquoted(word string) string {
	if text, ok := strings.CutPrefix(word, printed); ok {
		return Clean(unprinted(strings.TrimSuffix(text, printedEnd)))
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c == '\'':
			quoted = !quoted
		case c == '\\' && !quoted && i+1 < len(word):
			i++
			b.WriteByte(word[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shellQuote makes an argument of a command that can be pasted into a shell.
func shellQuote(s string) string {
	switch {
	case Clean(s) != s:
		return printedQuote(s)
	case s != "" && !strings.ContainsAny(s[:1], "-=%") && plain(s):
		return s // zsh looks for a command after = at the beginning, old fishes for a job after %
	}
	// Backslashes stand outside of the quotes: fish reads them inside, too.
	return "'" + strings.NewReplacer("'", `'\''`, `\`, `'\\'`).Replace(s) + "'"
}

// What has a character that is not to be shown, a line break or an escape, is written by
// printf: every shell has that, and few know $'...'.
const (
	printed    = `"$(printf '`
	printedEnd = `')"`
)

// printedQuote has all that shells, their quotes or printf might read otherwise in octal.
func printedQuote(s string) string {
	var b strings.Builder
	b.WriteString(printed)
	for i, size := 0, 0; i < len(s); i += size {
		_, size = utf8.DecodeRuneInString(s[i:])
		switch part := s[i : i+size]; {
		case part == "%":
			b.WriteString("%%")
		case Clean(part) != part, strings.ContainsAny(part, "'\"\\$`!"), i == 0 && part == "-":
			for k := range size {
				fmt.Fprintf(&b, `\%03o`, part[k])
			}
		default:
			b.WriteString(part)
		}
	}
	return b.String() + printedEnd
}

// unprinted is what printedQuote was given.
func unprinted(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+3 < len(s):
			n, _ := strconv.ParseUint(s[i+1:i+4], 8, 8)
			b.WriteByte(byte(n))
			i += 3
		case strings.HasPrefix(s[i:], "%%"):
			b.WriteByte('%')
			i++
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// plain reports whether no shell reads an argument, behind how it begins, as anything but
// itself. A zsh that has magicequalsubst looks for a command in a value, too: behind a = at
// its beginning, and behind each : of it.
func plain(s string) bool {
	_, value, _ := strings.Cut(s, "=")
	return !strings.ContainsFunc(s, special) && !strings.HasPrefix(value, "=") && !strings.Contains(value, ":=")
}

// special reports whether a shell may read a character as anything but itself.
func special(r rune) bool {
	return !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-:,+@%=", r))
}
