package web

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// So many requests are answered at once and no more; each gives its place back.
func TestPlacesComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		h := newGuard("", 1).wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-let }))
		ask := func(path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost"+path, nil))
			return w
		}
		for round := range 2 {
			for range maxRequests {
				go ask("/")
			}
			synctest.Wait()
			if w := ask("/"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" {
				t.Errorf("round %d: one too many gets %d, %v", round, w.Code, w.Header())
			}
			for range maxRequests {
				let <- struct{}{}
			}
			synctest.Wait()
		}
		close(let)
		if w := ask("/"); w.Code != http.StatusOK {
			t.Errorf("with all places free: %d", w.Code)
		}
	})
}

// A connection has its place among the known once, however much it asks, and gives up
// the place that it has; where there is none it stays a stranger.
func TestAPlaceAmongTheKnown(t *testing.T) {
	t.Parallel()
	r := &room{}
	come := func() *visitor {
		here, there := net.Pipe()
		t.Cleanup(func() { _ = there.Close() })
		v := &visitor{Conn: here, room: r}
		r.strangers = append(r.strangers, v)
		return v
	}
	places := func(what string, strangers, known int) {
		t.Helper()
		if len(r.strangers) != strangers || r.known != known {
			t.Errorf("%s: %d strangers and %d known, want %d and %d", what, len(r.strangers), r.known, strangers, known)
		}
	}
	one, two := come(), come()
	for range 3 {
		r.welcome(one)
	}
	places("after three requests of one of two", 1, 1)
	for range 2 {
		_ = two.Close()
	}
	places("after a stranger has gone", 0, 1)
	r.welcome(two)
	places("after one that has gone is known", 0, 1)
	for range 2 {
		_ = one.Close()
	}
	places("after the known one has gone", 0, 0)
	for range maxKnown + 1 {
		r.welcome(come())
	}
	places("with one more than there are places", 1, maxKnown)
}

// Whoever shows the token is known by that, on the connection that shows it.
func TestTheTokenMakesKnown(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery"
	x := serve(t, 4, Config{Token: token})
	c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer c.CloseIdleConnections()
	for n, shown := range []string{"wrong", token, token} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", x.server.URL()+"api/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+shown)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		x.server.room.mu.Lock()
		strangers, known := len(x.server.room.strangers), x.server.room.known
		x.server.room.mu.Unlock()
		if want := min(n, 1); known != want || strangers != 1-want {
			t.Errorf("request %d: %d strangers and %d known, want %d and %d", n+1, strangers, known, 1-want, want)
		}
	}
}

// Only the page's own form signs in. The form itself is a page like others.
func TestWhoMaySignIn(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery"
	x := serve(t, 4, Config{Token: token})
	host := strings.TrimSuffix(strings.TrimPrefix(x.server.URL(), "http://"), "/")
	for _, f := range []struct {
		site, origin string
		want         int
	}{
		{"same-origin", "http://" + host, 303}, {"none", "", 303}, {"same-origin", "null", 303}, {"", "", 303},
		{"", "http://" + host, 303}, {"", "https://" + host, 303},
		{"cross-site", "", 403}, {"same-site", "http://" + host, 403}, {"cross-site", "http://" + host, 403},
		{"", "https://evil.example", 403}, {"", "null", 403},
	} {
		resp, _ := x.ask("POST", "/login", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range map[string]string{"Sec-Fetch-Site": f.site, "Origin": f.origin} {
				if v != "" {
					r.Header.Set(k, v)
				}
			}
			r.Body = io.NopCloser(strings.NewReader(url.Values{"token": {token}}.Encode()))
		})
		if signedIn := len(resp.Cookies()) > 0; resp.StatusCode != f.want || signedIn != (f.want == 303) {
			t.Errorf("%+v: %s, signed in: %v", f, resp.Status, signedIn)
		}
	}
	for path, want := range map[string]int{"/login": 200, "/": 401} {
		if resp, body := x.ask("GET", path, nil); resp.StatusCode != want ||
			resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, "<form") {
			t.Errorf("the form at %s is %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
	}
}

// Where too many addresses have guessed, those that are forgotten make place, and
// among the others the one that will be first; nobody's guesses are forgotten early.
func TestWhoseGuessesAreForgotten(t *testing.T) {
	t.Parallel()
	at := func(n int) string { return fmt.Sprintf("[2001:db8:%x::1]:1", n) }
	full := func(spent func(n int) time.Time) *tries {
		g := newTries()
		for n := range maxAddresses {
			g.of[network(at(n))] = &guesser{turn: make(chan struct{}, 1), spent: spent(n)}
		}
		return g
	}
	soon := time.Now().Add(time.Hour)
	g := full(func(n int) time.Time { return soon.Add(time.Duration((n+7)%maxAddresses) * time.Second) })
	first := network(at(maxAddresses - 7))
	if g.guesser("192.0.2.1:1"); g.of[first] != nil || len(g.of) != maxAddresses ||
		g.of[network("192.0.2.1:1")] == nil {
		t.Errorf("%d addresses, the first to be forgotten is there: %v", len(g.of), g.of[first] != nil)
	}
	g = full(func(n int) time.Time {
		if n%2 == 0 {
			return time.Now().Add(-time.Second)
		}
		return soon
	})
	g.guesser("192.0.2.1:1")
	old := func(a netip.Prefix) bool { return a != network("192.0.2.1:1") && g.of[a].spent.Before(soon) }
	if n := slices.ContainsFunc(keysOf(g.of), old); n || len(g.of) != maxAddresses/2+1 {
		t.Errorf("%d addresses, forgotten ones among them: %v", len(g.of), n)
	}
}

func keysOf(m map[netip.Prefix]*guesser) (out []netip.Prefix) {
	for a := range m {
		out = append(out, a)
	}
	return out
}

// What is kept for who comes back has a bound, and a large step makes a snapshot cheaper.
func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	d := &liveHub{boot: "b"}
	step := func(size int) {
		d.version++
		d.keep(message{id: d.stamp(d.version), data: make([]byte, size)})
	}
	for range keptDiffs + 5 {
		step(1)
	}
	if len(d.kept) != keptDiffs || d.kept[0].id != d.stamp(6) {
		t.Errorf("%d are kept, from %s", len(d.kept), d.kept[0].id)
	}
	for seen, want := range map[int64]int{d.version: 0, d.version - 1: 1, 5: keptDiffs, 4: -1, d.version + 1: -1} {
		out, ok := d.missed(d.stamp(seen))
		if ok != (want >= 0) || ok && len(out) != want {
			t.Errorf("who has seen %d of %d is told %d, %v", seen, d.version, len(out), ok)
		}
	}
	if step(keptSize); len(d.kept) != keptDiffs {
		t.Errorf("one that is as large as may be leaves %d", len(d.kept))
	}
	if step(keptSize + 1); len(d.kept) != 0 {
		t.Errorf("one that is too large leaves %d", len(d.kept))
	}
}

// The end of a run is foreseen anew for those who watch, though nobody asks for the page.
func TestTheEndIsForeseenForWhoWatches(t *testing.T) {
	t.Parallel()
	x := serve(t, 4, Config{})
	s := x.follow("")
	x.start(0)
	for _, f := range []fleet.Fact{fleet.Paused{}, fleet.Paused{Off: true}} {
		x.tell(f)
	}
	s.until("Expected end")
}
