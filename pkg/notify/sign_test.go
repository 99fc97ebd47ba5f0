package notify

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSignatureIsWhatTheDocsSay: a known answer, made by the command that the
// documentation shows.
func TestSignatureIsWhatTheDocsSay(t *testing.T) {
	t.Parallel()
	const want = "sha256=0cc56162925596c84c2d1d860c8e89cc12a13a38a0980505a321049b75703a20"
	if got := Sign([]byte("secret"), "1773658800", []byte("{}")); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	doc := docs(t)
	for _, say := range []string{`printf '%s.%s' 1773658800 '{}' | openssl dgst -sha256 -hmac secret`,
		strings.TrimPrefix(want, "sha256="),
		HeaderSignature, HeaderTimestamp, HeaderID} {
		if !strings.Contains(doc, say) {
			t.Errorf("docs/notifications.md does not say %q", say)
		}
	}
}

// TestDocsNameEveryKind keeps the page current.
func TestDocsNameEveryKind(t *testing.T) {
	t.Parallel()
	doc := docs(t)
	for _, k := range Kinds() {
		if !strings.Contains(doc, "| `"+string(k)+"` |") {
			t.Errorf("docs/notifications.md does not say when people are told that a run is %s", k)
		}
	}
	for _, f := range Formats() {
		if !strings.Contains(doc, "`"+string(f)+"`") {
			t.Errorf("docs/notifications.md does not name the format %s", f)
		}
	}
}

func docs(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	secret, body, now := []byte("secret"), []byte(`{"a":1}`), time.Unix(1773658800, 0)
	for _, c := range []struct {
		name   string
		change func(h http.Header) (body []byte, at time.Time)
		ok     bool
	}{
		{"as sent", func(http.Header) ([]byte, time.Time) { return body, now }, true},
		{"a minute later", func(http.Header) ([]byte, time.Time) { return body, now.Add(time.Minute) }, true},
		{"from a clock that is ahead", func(http.Header) ([]byte, time.Time) { return body, now.Add(-time.Minute) },
			true},
		{"of tomorrow", func(http.Header) ([]byte, time.Time) { return body, now.Add(-24 * time.Hour) }, false},
		{"sent again", func(http.Header) ([]byte, time.Time) { return body, now.Add(time.Hour) }, false},
		{"another body", func(http.Header) ([]byte, time.Time) { return []byte(`{"a":2}`), now }, false},
		{"another time", func(h http.Header) ([]byte, time.Time) {
			h.Set(HeaderTimestamp, "1773662400")
			return body, now.Add(time.Hour)
		}, false},
		{"no signature", func(h http.Header) ([]byte, time.Time) { h.Del(HeaderSignature); return body, now }, false},
	} {
		h := http.Header{}
		sign(h, secret, now, body)
		got, at := c.change(h)
		if err := Verify(secret, h, got, at); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Without a secret nothing is signed: a signature that anybody could make proves
// nothing.
func TestNoSecretNoSignature(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	sign(h, nil, time.Unix(1773658800, 0), []byte("{}"))
	if got, signed := h[HeaderSignature]; signed || h.Get(HeaderTimestamp) == "" {
		t.Errorf("signed %q at %q", got, h.Get(HeaderTimestamp))
	}
}
