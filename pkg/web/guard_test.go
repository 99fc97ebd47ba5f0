package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Guesses at the token are looked at one after the other once an address made many of
// them, however they come. The right one is heard among them, and at once from
// another address.
func TestGuessesTakeTime(t *testing.T) {
	t.Parallel()
	const token, more = "correct horse battery", 6
	g := newGuard(token, 1)
	g.tries.every = 50 * time.Millisecond
	h := g.wrap(http.NotFoundHandler())
	ask := func(ctx context.Context, from string, change func(*http.Request)) int {
		r := httptest.NewRequestWithContext(ctx, "GET", "http://runs.example/api/status", nil)
		r.RemoteAddr = from
		change(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	ways := []func(string) func(*http.Request){
		func(s string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s) }
		},
		func(s string) func(*http.Request) {
			return func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/", url.Values{"token": {s}}.Encode() }
		},
		func(s string) func(*http.Request) {
			return func(r *http.Request) {
				r.Method, r.URL.Path, r.Body = "POST", "/login", io.NopCloser(strings.NewReader(url.Values{"token": {s}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
		},
	}
	began := time.Now()
	for n := range wrongAtOnce + more {
		if code := ask(t.Context(), fmt.Sprintf("192.0.2.1:%d", n), ways[n%len(ways)](fmt.Sprint("guess", n))); code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", n, code)
		}
	}
	if took := time.Since(began); took < more*g.tries.every-g.tries.every {
		t.Errorf("%d guesses took %v", wrongAtOnce+more, took)
	}
	// One that went away was not looked at.
	g.tries.every = time.Hour
	for range wrongAtOnce {
		g.tries.look(t.Context(), "192.0.2.2:1", func() bool { return false })
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if g.tries.look(gone, "192.0.2.2:2", func() bool { t.Error("it was looked at"); return true }) {
		t.Error("a guess was right that nobody looked at")
	}
	for n, way := range ways {
		if code := ask(t.Context(), "198.51.100.7:1", way(token)); code != http.StatusNotFound && code != http.StatusSeeOther {
			t.Errorf("the right token from another address, way %d: %d", n, code)
		}
	}
	// What is remembered of addresses has a bound.
	for n := range 3 * maxAddresses {
		g.tries.look(t.Context(), fmt.Sprintf("[2001:db8:%x::1]:1", n), func() bool { return false })
	}
	if n := len(g.tries.of); n > maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
	if network("[2001:db8::1]:7") != network("[2001:db8::ffff:2]:8") || network("192.0.2.1:1") != network("[::ffff:192.0.2.1]:2") || network("192.0.2.1:1") == network("192.0.2.2:1") {
		t.Error("addresses are not told apart as they should")
	}
}

// The oldest connection of the address with most of them goes first.
func TestTheCrowdGoesFirst(t *testing.T) {
	t.Parallel()
	r := &room{}
	add := func(from string) *visitor {
		v := &visitor{room: r, from: network(from)}
		r.strangers = append(r.strangers, v)
		return v
	}
	alone, first := add("192.0.2.1:1"), add("192.0.2.9:1")
	add("192.0.2.9:2")
	add("192.0.2.3:2")
	if got := r.crowd(); got != first || got == alone {
		t.Errorf("%v goes", got.from)
	}
}

// Pages of other sites may lead here and ask for nothing.
func TestOtherSitesAskNothing(t *testing.T) {
	t.Parallel()
	x := serve(t, 4, Config{})
	for _, f := range []struct {
		site, mode, dest, origin string
		want                     int
	}{
		{"cross-site", "cors", "empty", "https://evil.example", 403}, {"cross-site", "no-cors", "script", "", 403}, {"same-site", "cors", "empty", "http://localhost:1", 403},
		{"cross-site", "navigate", "iframe", "", 403}, {"cross-site", "navigate", "document", "", 200}, {"none", "navigate", "document", "", 200},
		{"same-origin", "cors", "empty", "", 200}, {"", "", "", "", 200}, {"", "", "", "https://evil.example", 403}, {"", "", "", "null", 403},
	} {
		resp, _ := x.ask("GET", "/api/status", func(r *http.Request) {
			for k, v := range map[string]string{"Sec-Fetch-Site": f.site, "Sec-Fetch-Mode": f.mode, "Sec-Fetch-Dest": f.dest, "Origin": f.origin} {
				if v != "" {
					r.Header.Set(k, v)
				}
			}
		})
		if resp.StatusCode != f.want {
			t.Errorf("%+v: %s", f, resp.Status)
		}
	}
}
