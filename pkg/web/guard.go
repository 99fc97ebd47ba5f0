package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// guard stands before every request: who may ask, and for what.
type guard struct {
	token   string // empty: whoever is on this machine
	session string // what a browser gets for the token
	cookie  string // its name: browsers do not tell ports apart
	busy    chan struct{}
	tries   *tries
}

// maxRequests is how many requests are answered at once, those that watch
// included.
const maxRequests = maxWatchers + 16

func newGuard(token string, port int) *guard {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return &guard{token: token, session: hex.EncodeToString(b), cookie: fmt.Sprintf("fleetup-%d", port),
		busy: make(chan struct{}, maxRequests), tries: newTries()}
}

// livePolicy lets the page run its own script and nothing else. Nothing may
// frame it.
const livePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (g *guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", livePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		// Streams renew theirs with every message.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		// A page of another site that has pointed its own name at this machine
		// comes with that name.
		if g.token == "" && !loopbackHost(hostOf(r.Host)) {
			http.Error(w, "this page answers to the names of this machine only, such as localhost",
				http.StatusMisdirectedRequest)
			return
		}
		if g.token == "" && fromElsewhere(r) {
			http.Error(w, "another site may not ask this page", http.StatusForbidden)
			return
		}
		login := g.token != "" && r.URL.Path == "/login"
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !(login && r.Method == http.MethodPost) {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "a run is only looked at here; it is controlled with fleetup on its machine",
				http.StatusMethodNotAllowed)
			return
		}
		switch {
		case login:
			g.login(w, r)
		case r.URL.Path == "/healthz":
			next.ServeHTTP(w, r)
		case g.knows(r):
			mayLook(r.Context())
			// Only who may look takes a place: whoever is slow at the sign-in has none.
			select {
			case g.busy <- struct{}{}:
				defer func() { <-g.busy }()
			default:
				h.Set("Retry-After", "5")
				http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		default:
			g.refuse(w, r)
		}
	})
}

// knows reports whether a request shows the token, or the session it was
// exchanged for.
func (g *guard) knows(r *http.Request) bool {
	if g.token == "" {
		return true
	}
	// The scheme is written in any capitals, with spaces behind it (RFC 9110, 11.1 and 11.4).
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return g.right(r, strings.TrimLeft(token, " "))
	}
	c, err := r.Cookie(g.cookie)
	return err == nil && same(c.Value, g.session)
}

// right reports whether a token is the right one. Guesses take their time.
func (g *guard) right(r *http.Request, token string) bool {
	return g.tries.look(r.Context(), r.RemoteAddr, func() bool { return same(token, g.token) })
}

// fromElsewhere reports whether a page of another site, or of another port of this
// machine, makes the browser ask. It may lead a person here, and no more: it cannot
// read the answers, and would take the places of those who look.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" { // a browser that does not say: this it says where it matters
		origin := r.Header.Get("Origin")
		return origin != "" && !strings.EqualFold(origin, "http://"+r.Host)
	}
	leads := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return site != "same-origin" && site != "none" && !leads
}

// same compares in a time that tells nothing of where two texts differ, nor of
// how long the secret is.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// refuse asks a browser for the token, or says what is missing.
func (g *guard) refuse(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && r.URL.Query().Has("token") {
		g.exchange(w, r, r.URL.Query().Get("token"))
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="fleetup"`)
	if r.URL.Path != "/" {
		http.Error(w, "send the token: Authorization: Bearer TOKEN", http.StatusUnauthorized)
		return
	}
	g.form(w, http.StatusUnauthorized, "")
}

// login takes the token from the form.
func (g *guard) login(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		g.form(w, http.StatusOK, "")
		return
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		http.Error(w, "another site may not sign in here", http.StatusForbidden)
		return
	}
	if origin := r.Header.Get("Origin"); r.Header.Get("Sec-Fetch-Site") == "" && origin != "" &&
		!strings.EqualFold(hostOf(strings.TrimPrefix(strings.TrimPrefix(origin, "https://"), "http://")),
			hostOf(r.Host)) {
		http.Error(w, "another site may not sign in here", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	g.exchange(w, r, r.PostFormValue("token"))
}

// exchange gives a session for the token, and takes the token out of the
// address.
func (g *guard) exchange(w http.ResponseWriter, r *http.Request, token string) {
	if !g.right(r, token) {
		g.form(w, http.StatusUnauthorized, "That is not the token.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: g.cookie, Value: g.session, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "./", http.StatusSeeOther)
}

func (g *guard) form(w http.ResponseWriter, status int, wrong string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = templates().ExecuteTemplate(w, "login.html", wrong) // a client that went away
}

// loopbackHost reports whether a name or an address can only be this machine.
func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// hostOf is the host of a Host header, without its port and brackets.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.Trim(header, "[]")
}
