package state

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// FuzzHolder: a lock file may hold anything. What is read of it names the
// holder in a line that does nothing to a terminal, or names nobody.
func FuzzHolder(f *testing.F) {
	for _, seed := range []string{
		`{"user":"ops","host":"build-7","pid":4242,"since":"2026-03-16T22:00:00Z","socket":"/run/x","command":"fleetup run"}` + "\n",
		`{"pid":1}{"pid":2}`, `{"pid":0}`, `{"pid":-1}`, `{"pid":1e99}`, `null`, ``,
		`{"pid":1,"since":"9999-12-31T23:59:59-14:00"}`,
		`{"pid":1,"user":"\u001b[2J\u202e\n\u2028x","host":"a\u0000b","command":"` + strings.Repeat("x", 1000) + `"}`,
		`{"pid":1,"user":{"user":`, strings.Repeat(`[`, 70_000),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, ok := decodeHolder(bytes.NewReader(data))
		if !ok {
			return
		}
		if h.PID == 0 {
			t.Error("a holder without a process")
		}
		s := (&BusyError{Path: "fleet.db", Holder: h}).Error()
		if !utf8.ValidString(s) || len(s) > 4000 || strings.ContainsFunc(s, func(r rune) bool {
			return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("%q says %q", data, s)
		}
		if !strings.Contains(s, h.Since.UTC().Format(time.RFC3339)) {
			t.Errorf("%q does not say since when: %q", data, s)
		}
	})
}
