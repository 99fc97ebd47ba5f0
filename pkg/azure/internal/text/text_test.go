package text

import (
	"strings"
	"testing"
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
