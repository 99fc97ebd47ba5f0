// Package text answers "how is a text that a cloud sent shown to a person". It
// promises that what it returns is one line, valid UTF-8, free of control
// characters (a service's text must not steer a terminal) and bounded.
package text

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what is kept of a text.
const (
	MaxMessage = 4000 // characters of a message
	MaxID      = 200  // characters of a request ID, a code, a name
	maxExcerpt = 200  // bytes of an unreadable body
)

// tokens matches what looks like a signed token. Error texts of sign-in
// libraries quote answers; a token must not ride along.
var tokens = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`)

// Clean makes s fit for one line of at most limit characters: control
// characters and line ends become spaces, runs of spaces one.
func Clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
	s = tokens.ReplaceAllString(strings.Join(strings.Fields(s), " "), "[token removed]")
	if utf8.RuneCountInString(s) > limit {
		s = strings.TrimSpace(string([]rune(s)[:limit])) + "…"
	}
	return s
}

// Excerpt shows the first bytes of a body that could not be read, quoted, with
// control characters escaped.
func Excerpt(body []byte) string {
	if len(body) == 0 {
		return "an empty body"
	}
	cut := body
	if len(cut) > maxExcerpt {
		cut = cut[:maxExcerpt]
		for i := 0; i < utf8.UTFMax-1 && len(cut) > 0 && !utf8.Valid(cut[len(cut)-1:]) && !utf8.Valid(cut); i++ {
			cut = cut[:len(cut)-1] // do not cut a character in two
		}
	}
	out := strconv.Quote(tokens.ReplaceAllString(string(cut), "[token removed]"))
	if len(cut) < len(body) {
		out += "…"
	}
	return "a body that begins with " + out
}
