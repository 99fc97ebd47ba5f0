// Package text answers "how is a text that a cloud sent shown to a person". It
// promises that what it returns is one line, valid UTF-8, free of control
// characters (a service's text must not steer a terminal), free of what looks
// like a secret, and bounded.
package text

import (
	"bytes"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// Limits of what is kept of a text.
const (
	MaxMessage = 4000     // characters of a message
	MaxID      = 200      // characters of a request ID, a code, a name
	maxExcerpt = 200      // bytes of an unreadable body that are shown
	maxLooked  = 16 << 10 // bytes of it that are looked at
)

// Clean makes s fit for one line of at most limit characters: control
// characters and line ends become spaces, runs of spaces one, and what looks
// like a secret is taken out. Of a text far over the limit the rest is not
// looked at.
func Clean(s string, limit int) string {
	cut := false
	if most := 8*limit + 8<<10; len(s) > most { // room for a token that straddles the limit
		s, cut = s[:most], true
	}
	if !isPlain(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
		s = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				return ' '
			}
			return r
		}, s)
		s = strings.Join(strings.Fields(s), " ")
	}
	s = hideSecrets(s)
	if cut || utf8.RuneCountInString(s) > limit {
		r := []rune(s)
		s = strings.TrimSpace(string(r[:min(limit, len(r))])) + "…"
	}
	return s
}

// isPlain reports whether s is of printable ASCII, with single spaces between
// its words: nearly all that a listing holds is.
func isPlain(s string) bool {
	last := byte(' ')
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && last == ' ' {
			return false
		}
		last = s[i]
	}
	return s == "" || last != ' '
}

// title is that of a web page.
var title = lazyregexp.New(`(?is)<title[^>]*>(.*?)</title>`)

// maxTitle is how many characters of a web page's title are shown.
const maxTitle = 80

// Excerpt shows the first bytes of a body that could not be read, quoted, with
// control characters escaped; of a web page its title.
func Excerpt(body []byte) string {
	if len(body) == 0 {
		return "an empty body"
	}
	if page := body[:min(len(body), maxLooked)]; bytes.Contains(page, []byte("<")) {
		if m := title().FindSubmatch(page); m != nil {
			if s := Clean(html.UnescapeString(string(m[1])), maxTitle); s != "" {
				return "a web page titled " + strconv.Quote(s)
			}
		}
	}
	// Hidden before it is cut: a piece of a secret looks like none.
	body = []byte(hideSecrets(string(body[:min(len(body), maxLooked)])))
	cut := body
	if len(cut) > maxExcerpt {
		cut = cut[:maxExcerpt]
		for i := 0; i < utf8.UTFMax-1 && len(cut) > 0 && !utf8.Valid(cut[len(cut)-1:]) && !utf8.Valid(cut); i++ {
			cut = cut[:len(cut)-1] // do not cut a character in two
		}
	}
	out := strconv.Quote(string(cut))
	if len(cut) < len(body) {
		out += "…"
	}
	return "a body that begins with " + out
}
