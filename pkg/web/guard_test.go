package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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
				r.Method, r.URL.Path, r.Body = "POST", "/login",
					io.NopCloser(strings.NewReader(url.Values{"token": {s}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
		},
	}
	began := time.Now()
	for n := range wrongAtOnce + more {
		if code := ask(t.Context(), fmt.Sprintf("192.0.2.1:%d", n),
			ways[n%len(ways)](fmt.Sprint("guess", n))); code != http.StatusUnauthorized {
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
		if code := ask(t.Context(), "198.51.100.7:1", way(token)); code != http.StatusNotFound &&
			code != http.StatusSeeOther {
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
	if network("[2001:db8::1]:7") != network("[2001:db8::ffff:2]:8") ||
		network("192.0.2.1:1") != network("[::ffff:192.0.2.1]:2") || network("192.0.2.1:1") == network("192.0.2.2:1") {
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
		{"cross-site", "cors", "empty", "https://evil.example", 403}, {"cross-site", "no-cors", "script", "", 403},
		{"same-site", "cors", "empty", "http://localhost:1", 403},
		{"cross-site", "navigate", "iframe", "", 403}, {"cross-site", "navigate", "document", "", 200},
		{"none", "navigate", "document", "", 200},
		{"same-origin", "cors", "empty", "", 200}, {"", "", "", "", 200}, {"", "", "", "https://evil.example", 403},
		{"", "", "", "null", 403},
	} {
		resp, _ := x.ask("GET", "/api/status", func(r *http.Request) {
			for k, v := range map[string]string{"Sec-Fetch-Site": f.site, "Sec-Fetch-Mode": f.mode,
				"Sec-Fetch-Dest": f.dest, "Origin": f.origin} {
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

// However a path, a host or a header is spelled, nothing is shown to who has not shown
// the token, and to another site's name nothing where there is none. Requests are
// written as they are: a client of net/http would put them right.
func TestNoSpellingGoesAround(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery"
	guarded, open := serve(t, 4, Config{Token: token}), serve(t, 4, Config{})
	raw := func(x *theatre, request string) string {
		u, err := url.Parse(x.server.URL())
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(c) // a connection that is reset has answered before
		return string(answer)
	}
	refused := func(x *theatre, request string) {
		t.Helper()
		answer := raw(x, request)
		_, status, _ := strings.Cut(answer, " ")
		status, _, _ = strings.Cut(status, " ")
		if !slices.Contains([]string{"400", "401", "405", "421", "431"}, status) ||
			strings.Contains(answer, "vault-") || strings.Contains(answer, token) {
			t.Errorf("%.80q is answered %.300s", request, answer)
		}
	}
	const end = " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
	for _, path := range []string{"//", "/healthz/../api/status", "/healthz/%2e%2e/api/status",
		"/healthz/..%2fapi/status", "/%2fhealthz", "/./api/status", "/api//status",
		"/login/../api/status", "/page.js/../api/status", "/api/status%00", "/api/status;/healthz",
		"/?token=a&token=correct+horse+battery", "/%3ftoken=correct+horse+battery",
		"http://127.0.0.1/api/status", "*"} {
		refused(guarded, "GET "+path+end+"\r\n")
	}
	for _, more := range []string{"Authorization : Bearer " + token + "\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
		"X-Original-URL: /healthz\r\n", "Host: localhost\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n",
		"Cookie: " + strings.Repeat("a=b; ", 5_000) + "\r\n", "X-HTTP-Method-Override: GET\r\n"} {
		refused(guarded, "GET /api/status"+end+more+"\r\n")
	}
	for _, host := range []string{"", "evil.example", "127.0.0.1.", "localhost.", "127.1", "2130706433", "0x7f.0.0.1",
		"0.0.0.0", "[::1%25eth0]", "localhost@evil.example", "evil.example:127.0.0.1"} {
		refused(open, "GET /api/status HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	}
	refused(open, "GET http://evil.example/api/status"+end+"\r\n")
	refused(open, "GET /api/status HTTP/1.0\r\n\r\n")
	for _, method := range []string{"get", "TRACE", "CONNECT", "PROPFIND", "OPTIONS"} {
		refused(open, method+" /api/status"+end+"\r\n")
	}
	if answer := raw(open, "GET /api/status"+end+"\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200") ||
		!strings.Contains(answer, "vault-") {
		t.Errorf("spelled well it is answered %.200s", answer)
	}
}

// The lists that the page hands out guard a cell as every other CSV does.
func TestListsGuardCells(t *testing.T) {
	t.Parallel()
	if !strings.Contains(script(), `.replace(/(^|;)([ "]*[=+\-@])/g, "$1'$2")`) {
		t.Error("the page's lists have another pattern than lexicon.CSVCell")
	}
}

// TestFormsOfHeaders: names of schemes and codings are the same in any capitals, and a
// coding with the weight 0 is refused (RFC 9110, 11.1, 8.4.1 and 12.5.3).
func TestFormsOfHeaders(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery"
	x := serve(t, 4, Config{Token: token})
	for given, want := range map[string]int{"Bearer " + token: 200, "bearer " + token: 200, "BEARER   " + token: 200,
		"Bearer": 401, "Bearer ": 401, "Bearer" + token: 401, "Basic " + token: 401,
		"bearer " + strings.ToUpper(token): 401, token: 401} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, body := x.ask(method, "/api/status", func(r *http.Request) { r.Header.Set("authorization", given) })
			if resp.StatusCode != want || method == "HEAD" && body != "" {
				t.Errorf("%s with %q: %s", method, given, resp.Status)
			}
		}
	}
	if resp, body := x.ask("HEAD", "/events",
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }); resp.StatusCode != 200 ||
		body != "" || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD of the stream: %s %q", resp.Status, body)
	}
	for given, want := range map[string]bool{"gzip": true, "GZIP": true, "br, gzip;q=0.5": true, "gzip;q=0": false,
		"gzip; q=0.0": false, "br": false, "gzipped": false, "": false, "gzip;q=x": false} {
		if got := takesGzip(http.Header{"Accept-Encoding": {given}}); got != want {
			t.Errorf("Accept-Encoding: %s: %v", given, got)
		}
	}
	if !takesGzip(http.Header{"Accept-Encoding": {"br", "gzip"}}) {
		t.Error("a coding in a header of its own is not seen")
	}
}
