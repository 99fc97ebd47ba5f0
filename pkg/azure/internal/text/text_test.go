package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" a\r\n\tb  c ":                       "a b c",
		"red \x1b[31m alert\a":                "red [31m alert",
		"bad \xff utf":                        "bad \uFFFD utf",
		"flip \u202e text":                    "flip text",
		"Bearer eyJhbGciOiJSUzI1.eyJhIjo.abc": "Bearer [token removed]",
		"0123456789x":                         "0123456789…",
		"sent Bearer abcdefghijklmnopqrstu==": "sent Bearer [token removed]",
		"the bearer of this letter":           "the bearer of this letter",
		"client_secret=a%7Eb&grant_type=c":    "client_secret=[token removed]&grant_type=c",
		`{"access_token": "opaque","x":1}`:    `{"access_token": "[token removed]","x":1}`,
		`{\"client_secret\":\"opaque\",`:      `{\"client_secret\":\"[token removed]\",`,
		"https://b.example/c?sv=1&sig=a%2Fb=": "https://b.example/c?sv=1&sig=[token removed]",
		"see https://u:p:w@h.example/x":       "see https://[token removed]@h.example/x",
		"the signature is wrong":              "the signature is wrong",
		"":                                    "",
	} {
		limit := 100
		if strings.HasPrefix(in, "0") {
			limit = 10
		}
		if got := Clean(in, limit); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestHideSecretsAsksCheaply: what the cheap questions let pass, no pattern would
// have found.
func TestHideSecretsAsksCheaply(t *testing.T) {
	t.Parallel()
	pieces := []string{"", " ", "x", "https://u:p", "@h/", "Bearer ", "BEARER\t", "abcdefghijklmnopqrstuvw==",
		"eyJhbGciOiJSUzI1.eyJh", "sig", "xſig=", "SIG", "design", "=", ":", "\"",
		"client_secret", "CLIENT_ASSERTION", "Access_Token", "refresh_to\u212aen", "id_token", "client_aſſertion",
		"value"}
	all := func(s string) string {
		s = signed().ReplaceAllString(s, Removed)
		s = bearer().ReplaceAllString(s, "${1}"+Removed)
		s = field().ReplaceAllString(s, "${1}"+Removed)
		return userinfo().ReplaceAllString(s, "${1}"+Removed+"@")
	}
	hidden := 0
	for _, a := range pieces {
		for _, b := range pieces {
			for _, c := range pieces {
				s := a + b + c
				want := all(s)
				if hidden += strings.Count(want, Removed); hideSecrets(s) != want {
					t.Fatalf("%q: got %q, want %q", s, hideSecrets(s), want)
				}
			}
		}
	}
	if hidden < 100 {
		t.Errorf("only %d secrets were hidden: the test shows nothing", hidden)
	}
}

// TestPlainTextsStayAsTheyAre: Clean changes nothing of what needs nothing, and
// nothing is left as it is that needs something.
func TestPlainTextsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": true, "a": true, "a b ~!": true, " ": false, " a": false, "a ": false,
		"a  b": false, "a\tb": false,
		"a\x7f": false, "é": false, "a\xff": false, "a\u202e": false} {
		if got := isPlain(s); got != want {
			t.Errorf("%q: %t", s, got)
		}
		if got := Clean(s, 100); want != (got == s) && s != "é" {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	if got := Excerpt(nil); got != "an empty body" {
		t.Errorf("got %q", got)
	}
	if got := Excerpt([]byte("<html>\x1b\n")); got != `a body that begins with "<html>\x1b\n"` {
		t.Errorf("got %q", got)
	}
	got := Excerpt([]byte(strings.Repeat("x", 199) + "ééé"))
	if want := `a body that begins with "` + strings.Repeat("x", 199) + `"…`; got != want {
		t.Errorf("got %q", got)
	}
	if got := Excerpt([]byte(strings.Repeat("\xff", 300))); !utf8.ValidString(got) || len(got) > 1000 {
		t.Errorf("got %q", got)
	}
}

// A text of any length costs little and is cut, and so is what follows a token
// at the limit.
func TestCleanIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\u202e<a>&\xff ", 1<<20)
	if got := Clean(long, 100); utf8.RuneCountInString(got) > 101 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d characters: %q", utf8.RuneCountInString(got), got)
	}
	if got := Clean(strings.Repeat(" ", 1<<20)+"end", 10); got != "…" {
		t.Errorf("got %q", got)
	}
	token := "eyJ" + strings.Repeat("a", 1500) + ".eyJ" + strings.Repeat("b", 1500) + ".sig"
	for _, pad := range []int{0, 90, 99, 150, 199, 200} {
		for name, got := range map[string]string{"Clean": Clean(strings.Repeat("x", pad)+" "+token, 200),
			"Excerpt": Excerpt([]byte(strings.Repeat("x", pad) + " " + token))} {
			if strings.Contains(got, "eyJ") {
				t.Errorf("%s, token at %d: %q", name, pad, got)
			}
		}
	}
}

func TestHide(t *testing.T) {
	t.Parallel()
	const secret = `p"K 8~ü/+=`
	for in, want := range map[string]string{
		`it was ` + secret + `.`:                              "it was [token removed].",
		`client_secret_is=p%22K+8~%C3%BC%2F%2B%3D&x`:          "client_secret_is=[token removed]&x",
		`{"s":"p\"K 8~ü/+="}`:                                 `{"s":"[token removed]"}`,
		`nothing of it`:                                       `nothing of it`,
		`a short one is left: it is part of every other word`: `a short one is left: it is part of every other word`,
		strings.Repeat(secret, 2) + "\x00" + secret +
			" at once": "[token removed][token removed]\x00[token removed] at once",
	} {
		if got := Hide(in, "", "ot", secret); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 10)
	f.Add("Bearer eyJhbGciOiJSUzI1.eyJhIjo.abc \x1b[31m\u202e\r\n", 30)
	f.Add("https://u:p@h?sig=x&client_secret=y", 200)
	f.Add(strings.Repeat("\xff\u2028", 50), 7)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 1 + int(uint(limit)%MaxMessage)
		for name, got := range map[string]string{"Clean": Clean(s, limit), "Excerpt": Excerpt([]byte(s))} {
			if !utf8.ValidString(got) ||
				strings.ContainsFunc(got,
					func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' }) {
				t.Errorf("%s of %q is %q", name, s, got)
			}
			if signed().MatchString(got) {
				t.Errorf("%s of %q keeps a token: %q", name, s, got)
			}
		}
		if got := Clean(s, limit); utf8.RuneCountInString(got) > limit+1 {
			t.Errorf("%d characters of %d: %q", utf8.RuneCountInString(got), limit, got)
		}
		if got := Excerpt([]byte(s)); len(got) > 24+10*maxExcerpt+8 {
			t.Errorf("an excerpt of %d bytes", len(got))
		}
	})
}
