package text

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// Removed stands where a secret was.
const Removed = "[token removed]"

// What looks like a secret, whoever wrote it: error texts of sign-in libraries
// quote answers, and a server may quote what it was sent.
var (
	// signed is a signed token, or enough of it to matter.
	signed = lazyregexp.New(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`)
	// bearer is a token of any make, behind the word.
	bearer = lazyregexp.New(`(?i)\b(bearer\s+)[A-Za-z0-9._~+/-]{20,}=*`)
	// field is a secret's field of a form, a query, a connection string or a JSON
	// document, quotes and signs escaped or not; sig is the signature in a shared
	// access URL.
	field = lazyregexp.New(`(?i)((?:\b|%(?:25)*(?:26|3F|3B)|\\u0026)(?:client_secret|client_assertion|access_token|refresh_token|id_token|sig)\\?"?\s*(?:[=:]|%(?:25)*3[AD]|\\u003[AD])\s*\\?"?)[^\s&"'\\,;}<\[][^\s&"'\\,;}<]*`)
	// key is one that only stands behind an equals sign.
	key = lazyregexp.New(`(?i)(\b(?:accountkey|sharedaccesskey|password)(?:=|%(?:25)*3D))[^\s&"'\\,;}<\[][^\s&"'\\,;}<]*`)
	// basic is a user and a password as a header has them.
	basic = lazyregexp.New(`(?i)(authorization\\?"?\s*[:=]\s*\\?"?basic\s+)[A-Za-z0-9+/_-]+=*`)
	// userinfo is the user and the password in a URL.
	userinfo = lazyregexp.New(`(?i)(:(?:\\?/){2}|%(?:25)*3A(?:%(?:25)*2F){2})[^\s/?#@"'\\]+?(@|%(?:25)*40)`)
)

// hideSecrets takes out of s what looks like a secret. Most texts hold nothing
// of the kind, and thousands of them come in a listing: the cheap questions are
// asked first.
func hideSecrets(s string) string {
	if strings.Contains(s, "eyJ") {
		s = signed().ReplaceAllString(s, Removed)
	}
	lower := strings.ToLower(s)
	if strings.Contains(lower, "bearer") {
		s = bearer().ReplaceAllString(s, "${1}"+Removed)
	}
	// Every name of a field has one of these; ſ is an s to the pattern, and not to
	// ToLower.
	named := func(part string) bool { return strings.Contains(lower, part) }
	if strings.ContainsAny(s, "=:%\\") && slices.ContainsFunc([]string{"client_", "_token", "sig", "ſ"}, named) {
		s = field().ReplaceAllString(s, "${1}"+Removed)
	}
	if named("accountkey") || named("sharedaccesskey") || named("password") {
		s = key().ReplaceAllString(s, "${1}"+Removed)
	}
	if named("basic") && named("authorization") {
		s = basic().ReplaceAllString(s, "${1}"+Removed)
	}
	if strings.Contains(s, "@") || strings.Contains(s, "40") {
		s = userinfo().ReplaceAllString(s, "${1}"+Removed+"${2}")
	}
	return s
}

// minSecret is the length below which a known secret is not looked for: it
// would be found in ordinary words.
const minSecret = 4

// Hide takes known secrets out of s, however they are written ([Remove]).
func Hide(s string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		quoted, _ := json.Marshal(secret) // a string always can be
		spellings := []string{url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`)}
		// The longest first: none may leave a piece of another behind.
		slices.SortFunc(spellings, func(a, b string) int { return len(b) - len(a) })
		for _, spelling := range spellings {
			s = strings.ReplaceAll(s, spelling, Removed)
		}
		s = string(Remove([]byte(s), secret))
	}
	return s
}
