package test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// strictServer is a cloud that judges its client.
type strictServer interface {
	http.Handler
	Close()
	ClientDied()
	JudgeProofs(decided func(operationID string) (time.Time, bool))
	ExpireSignIn()
	SignIn()
}

// site is a cloud on loopback and a folder in which the program works on it.
type site struct {
	t       *testing.T
	server  strictServer
	gate    *gate
	web     *httptest.Server
	url     string
	dir     string
	inv, db string
	clients []*client
	env     []string // more of it for the processes
}

// newSite returns a site whose cloud answers behind a server that is started
// in a way of one's own.
func newSite(t *testing.T, cloud strictServer, serve func(*httptest.Server)) *site {
	t.Helper()
	g := &gate{cloud: cloud, tokens: map[string]bool{}, open: map[net.Conn]bool{}}
	web := httptest.NewUnstartedServer(g)
	web.Config.ConnState = g.connection
	serve(web)
	g.url, g.asks = web.URL, web.Client()
	t.Cleanup(web.Close)
	t.Cleanup(cloud.Close)
	dir := t.TempDir()
	return &site{t: t, server: cloud, gate: g, web: web, url: web.URL, dir: dir,
		inv: filepath.Join(dir, "fleet.yaml"), db: filepath.Join(dir, "fleet.db")}
}

// gate stands before the cloud: it knows what the cloud must not tell (tokens),
// how many requests are being answered, and can act when a request comes.
type gate struct {
	cloud http.Handler

	mu      sync.Mutex
	tokens  map[string]bool
	leaked  bool // a header held the environment's secret
	active  int
	open    map[net.Conn]bool // connections that are not closed
	url     string
	asks    *http.Client
	echo    func(http.ResponseWriter, *http.Request) bool // answers in the cloud's place
	arrived func(*http.Request)                           // before the cloud sees it
	answers func(*http.Request)                           // when the cloud has decided, before the client knows
}

// probe asks the gate itself, not the cloud.
const probe = "/is-anybody-waiting"

// connection follows a connection's life.
func (g *gate) connection(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch state {
	case http.StateNew:
		g.open[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(g.open, c)
	}
}

func (g *gate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == probe {
		return
	}
	g.mu.Lock()
	for _, v := range r.Header.Values("Authorization") {
		if _, token, ok := strings.Cut(v, "Bearer "); ok {
			g.tokens[token] = true
		}
	}
	for _, values := range r.Header {
		g.leaked = g.leaked || strings.Contains(strings.Join(values, "\n"), clientSecret)
	}
	g.active++
	echo, arrived, answers := g.echo, g.arrived, g.answers
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.active--
		g.mu.Unlock()
	}()
	if arrived != nil {
		arrived(r)
	}
	if echo != nil && echo(rw, r) {
		return
	}
	if answers != nil {
		rw = &hookedWriter{ResponseWriter: rw, before: sync.OnceFunc(func() { answers(r) })}
	}
	g.cloud.ServeHTTP(rw, r)
}

// hookedWriter calls before when an answer is about to leave.
type hookedWriter struct {
	http.ResponseWriter
	before func()
}

func (h *hookedWriter) WriteHeader(status int) {
	h.before()
	h.ResponseWriter.WriteHeader(status)
}

// on sets what is done when requests come; nil for nothing.
func (g *gate) on(arrived, answers func(*http.Request)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arrived, g.answers = arrived, answers
}

// quiet waits until all that the clients have sent, which are dead by now, has
// been dealt with. Connections are accepted in the order in which they were
// made: once a new one is answered, nobody's is waiting unseen.
func (g *gate) quiet(t *testing.T) {
	t.Helper()
	resp, err := g.asks.Get(g.url + probe)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	g.asks.CloseIdleConnections()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		g.mu.Lock()
		left := g.active + len(g.open)
		g.mu.Unlock()
		if left == 0 {
			return
		}
	}
	t.Fatal("requests are still being answered long after their client died")
}

// isStart reports whether a request starts something at a vault, of whatever kind.
func isStart(r *http.Request) bool {
	return r.Method == http.MethodPatch || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/upgrade")
}

// until waits for something to become true of the cloud.
func (w *site) until(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("still not so after %v: %s", patience, what)
}

// judgeSecrets: no token and no secret of the environment in anything that was
// written, nor that secret on the wire (design.md#rule-13).
func (w *site) judgeSecrets() {
	w.t.Helper()
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if len(w.gate.tokens) == 0 {
		w.t.Error("no request carried a token: there is nothing to look for")
	}
	if w.gate.leaked {
		w.t.Error("the environment's secret was sent")
	}
	for where, text := range w.written() {
		for token := range w.gate.tokens {
			if strings.Contains(text, token) {
				w.t.Errorf("a token is in %s", where)
			}
		}
		if strings.Contains(text, clientSecret) {
			w.t.Errorf("the environment's secret is in %s", where)
		}
	}
}
