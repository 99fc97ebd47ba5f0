package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/html"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleetPlan is a plan of n vaults in two waves.
func fleetPlan(n int) *plan.Plan {
	p := &plan.Plan{SchemaVersion: plan.SchemaVersion, Fingerprint: "7f3a9c21d4e5f607", Inventory: "contoso.yaml",
		Cloud: fleet.Cloud{Name: fleet.Emulator},
		Kind:  fleet.KindClassic, Limits: plan.DefaultLimits(), Timings: plan.DefaultTimings(),
		FailureBudget: plan.Budget{Unit: plan.UnitCount, Count: 3},
		Subscriptions: []fleet.Subscription{{ID: "53a3c692-5283-4f0a-baf6-49412f5ebefe", Name: "prod"}},
		Waves:         []plan.Wave{{Name: "canary"}, {Name: "rest"}}}
	for i := range n {
		v := plan.Vault{Wave: min(i/2, 1), Predicted: plan.Prediction{P50: 20 * time.Minute, P90: 40 * time.Minute}}
		v.Kind, v.SubscriptionID, v.SubscriptionName, v.Name = p.Kind, p.Subscriptions[0].ID, "prod",
			fmt.Sprintf("vault-%05d", i)
		v.Location, v.ResourceType, v.TargetResourceGroup = "Australia East", fleet.BackupVault, "rg"
		v.Key = fleet.KeyOf(v.Kind, v.SubscriptionID, v.ResourceType, v.Location, v.Name)
		p.Waves[v.Wave].Vaults = append(p.Waves[v.Wave].Vaults, i)
		p.Vaults = append(p.Vaults, v)
	}
	return p
}

// theatre is a served run whose facts a test writes.
type theatre struct {
	t      testing.TB
	server *Server
	plan   *plan.Plan
	at     time.Time
}

func serve(t testing.TB, n int, c Config) *theatre {
	t.Helper()
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	s, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	x := &theatre{t: t, server: s, plan: fleetPlan(n), at: time.Now().UTC().Add(-time.Minute)}
	x.begin("20260316-110000-7f3a9c")
	x.tell(fleet.WaveOpened{Wave: "canary"})
	return x
}

// begin shows a run that has just been opened.
func (x *theatre) begin(id string) {
	st := rollout.NewState(x.plan)
	if err := st.Apply(fleet.Event{At: x.at,
		Fact: fleet.RunOpened{RunID: id, PlanFingerprint: x.plan.Fingerprint}}); err != nil {
		x.t.Fatal(err)
	}
	x.server.Begin(Run{State: st, Options: report.Options{State: "contoso.db"}, Version: "v1",
		Rates: func(visit func(string, fleet.RateLimitClass, float64)) {
			visit("53a3c692-5283-4f0a-baf6-49412f5ebefe", fleet.ClassReads, 2.5)
			visit("53a3c692-5283-4f0a-baf6-49412f5ebefe", fleet.ClassWrites, 10)
		}})
}

func (x *theatre) tell(facts ...fleet.Fact) {
	events := make([]fleet.Event, len(facts))
	for i, f := range facts {
		events[i] = fleet.Event{At: x.at, Fact: f}
	}
	x.server.Update(events)
}

// start tells that a vault's upgrade was accepted.
func (x *theatre) start(i int) {
	k := x.plan.Vaults[i].Key
	x.tell(fleet.Validated{Vault: k, Verdict: fleet.VerdictReady},
		fleet.StartIntended{Vault: k, OperationID: fmt.Sprint("op-", i), Attempt: 1},
		fleet.StartAnswered{Vault: k, OperationID: fmt.Sprint("op-", i),
			Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
}

func (x *theatre) fail(i int) {
	x.tell(fleet.Observed{Vault: x.plan.Vaults[i].Key, OperationID: fmt.Sprint("op-", i),
		Record: &fleet.Record{OperationID: fmt.Sprint("op-", i),
			State: fleet.RecordFailed, Message: hostileReason, EndedAt: x.at}})
}

// client keeps no connection: what is open at the end is a leak.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask makes a request; change may alter it.
func (x *theatre) ask(method, path string, change func(*http.Request)) (*http.Response, string) {
	x.t.Helper()
	r, err := http.NewRequest(method, strings.TrimSuffix(x.server.URL(), "/")+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := client().Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return resp, string(body)
}

// stream reads server-sent events.
type stream struct {
	t    testing.TB
	in   *bufio.Reader
	stop context.CancelFunc
	body io.Closer
}

func (x *theatre) follow(after string) *stream {
	x.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, x.server.URL()+"events", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	resp, err := client().Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		x.t.Fatalf("the stream is %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	x.t.Cleanup(func() { stop(); resp.Body.Close() })
	return &stream{x.t, bufio.NewReaderSize(resp.Body, 1<<20), stop, resp.Body}
}

// next is the next event: its kind, its ID and its data.
func (s *stream) next() (event, id, data string) {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return "closed", "", err.Error()
		}
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
		case "id":
			id = value
		case "event":
			event = value
		case "data":
			data = value
		case "":
			return event, id, data
		}
	}
}

// until reads events until one has a text in it.
func (s *stream) until(text string) (id, data string) {
	s.t.Helper()
	for {
		event, id, data := s.next()
		if strings.Contains(data, text) {
			return id, data
		}
		if event == "closed" {
			s.t.Fatalf("the stream ended before it said %q: %s", text, data)
		}
	}
}

func TestServerShowsARun(t *testing.T) {
	t.Parallel()
	x := serve(t, 6, Config{})
	x.start(0)
	x.start(1)
	x.fail(1)
	resp, page := x.ask("GET", "/", nil)
	if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	root := parsed(t, []byte(page))
	if got := textOf(byID(t, root, "verdict")); !strings.Contains(got, "RUNNING: 0 OF 6 UPGRADED, 1 NEEDS YOU") {
		t.Errorf("the verdict is %q", got)
	}
	balanced(t, []byte(page))

	_, raw := x.ask("GET", "/api/status", nil)
	var status struct {
		SchemaVersion int
		Run           struct{ ID, Status string }
		Totals        map[string]int
		Vaults        []struct{ Vault, Status string }
	}
	if err := json.Unmarshal([]byte(raw), &status); err != nil {
		t.Fatal(err)
	}
	if status.SchemaVersion != 1 || status.Run.Status != "running" || status.Totals["failed"] != 1 ||
		len(status.Vaults) != 6 || status.Vaults[0].Status != "upgrading" {
		t.Errorf("the status is %+v", status)
	}

	resp, metrics := x.ask("GET", "/metrics", nil)
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=") {
		t.Errorf("metrics are %s", resp.Header.Get("Content-Type"))
	}
	for _, want := range []string{`fleetup_vaults{status="failed"} 1`, `fleetup_vaults{status="blocked"} 0`,
		`fleetup_wave_vaults{status="upgrading",wave="canary"} 1`,
		`fleetup_wave_status{status="running",wave="canary"} 1`, "fleetup_starts_total 2", "fleetup_in_flight 1",
		"fleetup_budget_used 1", "fleetup_budget_limit 3",
		`fleetup_requests_per_second{lane="resource-manager-reads",subscription="53a3c692-5283-4f0a-baf6-49412f5ebefe"} 2.5`,
		`fleetup_requests_per_second{lane="resource-manager-writes",subscription="53a3c692-5283-4f0a-baf6-49412f5ebefe"} 10`,
		"fleetup_throttled_subscriptions 0",
		`fleetup_run_info{inventory="contoso.yaml",plan="7f3a9c21d4e5f607",run="20260316-110000-7f3a9c",version="v1"} 1`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if resp, body := x.ask("GET", "/healthz", nil); resp.StatusCode != 200 || body != "ok\n" {
		t.Errorf("healthz: %s %q", resp.Status, body)
	}
	if resp, _ := x.ask("GET", "/nothing", nil); resp.StatusCode != 404 {
		t.Errorf("what there is not is %s", resp.Status)
	}
}

// TestStreamTellsChanges: a snapshot, then what changed and nothing else; who
// comes back gets what it missed; the end is told.
func TestStreamTellsChanges(t *testing.T) {
	t.Parallel()
	x := serve(t, 40, Config{})
	s := x.follow("")
	event, first, data := s.next()
	var snap document
	if err := json.Unmarshal([]byte(data), &snap); err != nil || event != "snapshot" || len(snap.Vaults) != 40 ||
		snap.Parts["needs"] == "" {
		t.Fatalf("the first event is a %s of %d vaults: %v", event, len(snap.Vaults), err)
	}
	x.start(0)
	id, data := s.until(`"status":"upgrading"`)
	var d change
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Rows) != 1 || d.Rows[0] == nil || !d.Live {
		t.Errorf("the start of one vault tells %d rows", len(d.Rows))
	}
	if _, ok := d.Parts["needs"]; ok {
		t.Error("what needs a person is told again though nothing needs one")
	}
	x.start(1)
	x.fail(1)
	later, data := s.until(`"status":"failed"`)
	if !inert([]byte(data)) || strings.Contains(data, "\u202e") {
		t.Error("a hostile message came through")
	}

	// Back after a moment: only what was missed.
	back := x.follow(id)
	if event, _, data := back.next(); event != "diff" || !strings.Contains(data, "vault-00001") ||
		strings.Contains(data, "vault-00002") {
		t.Errorf("who comes back is told a %s: %.200s", event, data)
	}
	if got, _ := x.follow(first).until(`"status":"failed"`); got != later {
		t.Errorf("who comes back is taken to %s, not %s", got, later)
	}
	// With what another process said: everything.
	if event, _, _ := x.follow("other-1").next(); event != "snapshot" {
		t.Errorf("a stranger is told a %s", event)
	}

	x.tell(fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted})
	go x.server.Update(nil) // whoever reports facts may do so to the last
	done := make(chan struct{})
	go func() { x.server.Close(); close(done) }()
	if _, data := s.until(`"live":false`); !strings.Contains(data, "INTERRUPTED") {
		t.Errorf("the last word is %.300s", data)
	}
	if event, _, _ := s.next(); event != "end" {
		t.Errorf("after the last word comes %q", event)
	}
	if event, _, _ := s.next(); event != "closed" {
		t.Errorf("after the end comes %q", event)
	}
	<-done
}

// TestSlowClientsAreDropped: one that does not read neither holds up whoever
// reports facts nor those who read, nor the end.
func TestSlowClientsAreDropped(t *testing.T) {
	t.Parallel()
	x := serve(t, 2000, Config{})
	conn, err := net.Dial("tcp", x.server.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	good := x.follow("")
	good.next()
	watchers := func() int {
		x.server.hub.Load().mu.Lock()
		defer x.server.hub.Load().mu.Unlock()
		return len(x.server.hub.Load().watchers)
	}
	for watchers() < 2 {
		time.Sleep(time.Millisecond)
	}
	go func() {
		for event := ""; event != "closed"; {
			event, _, _ = good.next()
		}
	}()
	// Tell until the queue of the one who does not read is full: its socket's
	// buffers take some megabytes first.
	for n := 0; watchers() == 2; n++ {
		if n > 20000 {
			t.Fatal("the one who does not read is never dropped")
		}
		x.server.hub.Load().mu.Lock()
		x.server.hub.Load().all, x.server.hub.Load().changed = true, true
		clear(x.server.hub.Load().rows)
		_, err := x.server.hub.Load().advance(true)
		x.server.hub.Load().mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	x.server.Close()
}

func TestCrowdsAreTurnedAway(t *testing.T) {
	t.Parallel()
	x := serve(t, 4, Config{})
	for range maxWatchers {
		if _, err := x.server.hub.Load().watch(""); err != nil {
			t.Fatal(err)
		}
	}
	if resp, _ := x.ask("GET", "/events", nil); resp.StatusCode != http.StatusServiceUnavailable ||
		resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many gets %s", resp.Status)
	}
	if resp, _ := x.ask("GET", "/api/status", nil); resp.StatusCode != 200 {
		t.Errorf("the status is %s in a crowd", resp.Status)
	}
}

// TestOnlyThisMachinesNames: a page of another site that has pointed its name
// at this machine learns nothing.
func TestOnlyThisMachinesNames(t *testing.T) {
	t.Parallel()
	x := serve(t, 4, Config{})
	for host, want := range map[string]int{"localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200,
		"127.9.9.9:1": 200, "[::1]:8080": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421,
		"10.0.0.1": 421, "0.0.0.0:8080": 421} {
		for _, path := range []string{"/", "/events", "/api/status", "/metrics", "/healthz"} {
			if path == "/events" && want == 200 {
				continue
			}
			resp, body := x.ask("GET", path, func(r *http.Request) { r.Host = host })
			if resp.StatusCode != want {
				t.Errorf("%s for the host %q is %s", path, host, resp.Status)
			}
			if want != 200 && strings.Contains(body, "vault-") {
				t.Errorf("%s tells %q about vaults", path, host)
			}
		}
	}
}

func TestAnswersAreGuarded(t *testing.T) {
	t.Parallel()
	x := serve(t, 4, Config{})
	for _, path := range []string{"/", "/page.js", "/page.css", "/api/status", "/metrics", "/healthz", "/nothing"} {
		resp, _ := x.ask("GET", path, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Security-Policy": livePolicy, "Access-Control-Allow-Origin": "",
			"Cross-Origin-Resource-Policy": "same-origin"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		for _, path := range []string{"/", "/login", "/events", "/api/status"} {
			if resp, _ := x.ask(method, path, nil); resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s is %s", method, path, resp.Status)
			}
		}
	}
	if resp, body := x.ask("HEAD", "/", nil); resp.StatusCode != 200 || body != "" {
		t.Errorf("HEAD is %s with %d bytes", resp.Status, len(body))
	}
	if strings.Contains(livePolicy, "unsafe") || strings.Contains(livePolicy, "*") {
		t.Error("the policy is lax")
	}
	_, page := x.ask("GET", "/", nil)
	each(parsed(t, []byte(page)), func(n *html.Node) {
		if kind, _ := attr(n, "type"); n.Data == "script" && kind == "" {
			if src, _ := attr(n, "src"); src != "page.js" || n.FirstChild != nil {
				t.Errorf("a script of %q that the policy does not let run", src)
			}
		}
	})
	long := func(r *http.Request) { r.Header.Set("X-Long", strings.Repeat("x", 32<<10)) }
	if resp, _ := x.ask("GET", "/", long); resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("32 KiB of headers are %s", resp.Status)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery"
	x := serve(t, 4, Config{Token: token})
	bearer := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+s); r.Host = "runs.example" }
	}
	for _, path := range []string{"/", "/page.js", "/events", "/api/status", "/metrics"} {
		for name, change := range map[string]func(*http.Request){"nothing": nil, "a wrong token": bearer(token + "x"),
			"an empty one": bearer(""),
			"a wrong cookie": func(r *http.Request) {
				r.AddCookie(&http.Cookie{Name: x.server.guard.cookie,
					Value: token})
			}} {
			resp, body := x.ask("GET", path, change)
			if resp.StatusCode != http.StatusUnauthorized || strings.Contains(body, "vault-") ||
				strings.Contains(body, token) {
				t.Errorf("%s with %s is %s", path, name, resp.Status)
			}
		}
	}
	if resp, _ := x.ask("GET", "/api/status", bearer(token)); resp.StatusCode != 200 {
		t.Errorf("with the token: %s", resp.Status)
	}
	if resp, _ := x.ask("GET", "/healthz", nil); resp.StatusCode != 200 {
		t.Errorf("healthz: %s", resp.Status)
	}
	resp, body := x.ask("GET", "/", nil)
	if !strings.Contains(body, `<input type="password" name="token"`) || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a browser is not asked for the token: %s", body)
	}
	balanced(t, []byte(body))

	// Through a proxy it is packed.
	resp, body = x.ask("GET", "/", func(r *http.Request) { bearer(token)(r); r.Header.Set("Accept-Encoding", "gzip") })
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("the page is not packed: %v", err)
	}
	if page, err := io.ReadAll(z); err != nil || !bytes.Contains(page, []byte("vault-00001")) {
		t.Errorf("the packed page has %d bytes, %v", len(page), err)
	}

	// By the address, once.
	resp, _ = x.ask("GET", "/?token="+url.QueryEscape(token), nil)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" || len(resp.Cookies()) != 1 {
		t.Fatalf("by the address: %s to %q with %d cookies", resp.Status, resp.Header.Get("Location"),
			len(resp.Cookies()))
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, token) {
		t.Errorf("the cookie is %s", c)
	}
	if resp, _ := x.ask("GET", "/", func(r *http.Request) { r.AddCookie(c) }); resp.StatusCode != 200 {
		t.Errorf("with the cookie: %s", resp.Status)
	}
	if resp, _ := x.ask("GET", "/?token=wrong", nil); resp.StatusCode != http.StatusUnauthorized ||
		len(resp.Cookies()) != 0 {
		t.Errorf("by the address with a wrong token: %s", resp.Status)
	}

	// By the form.
	post := func(token, site string) *http.Response {
		resp, _ := x.ask("POST", "/login", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", site)
			r.Body = io.NopCloser(strings.NewReader(url.Values{"token": {token}}.Encode()))
		})
		return resp
	}
	for _, f := range []struct {
		token, site string
		want        int
	}{{token, "same-origin", 303}, {"wrong", "same-origin", 401}, {token, "cross-site", 403}} {
		if resp := post(f.token, f.site); resp.StatusCode != f.want || (len(resp.Cookies()) == 1) != (f.want == 303) {
			t.Errorf("the form with %q from %s: %s, %d cookies", f.token, f.site, resp.Status, len(resp.Cookies()))
		}
	}
	if resp, _ := x.ask("POST", "/", bearer(token)); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST / is %s", resp.Status)
	}
}

// Who has no token keeps nobody out who has it: not at the sign-in, not by being
// silent, and not with as many connections as there are.
func TestStrangersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	const token = "correct horse battery"
	x := serve(t, 4, Config{Token: token})
	at := x.server.listener.Addr().String()
	for n := range 300 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if n%2 == 0 { // the others say nothing at all
			fmt.Fprintf(c,
				"POST /login HTTP/1.1\r\nHost: %s\r\nContent-Type: "+
					"application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken=", at)
		}
		if n%50 != 49 {
			continue
		}
		if resp, body := x.ask("GET", "/healthz", nil); resp.StatusCode != 200 {
			t.Fatalf("after %d: healthz: %s %s", n+1, resp.Status, body)
		}
		if resp, _ := x.ask("GET", "/api/status",
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }); resp.StatusCode != 200 {
			t.Fatalf("after %d: with the token: %s", n+1, resp.Status)
		}
		if resp, _ := x.ask("POST", "/login", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader(url.Values{"token": {token}}.Encode()))
		}); resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("after %d: the sign-in: %s", n+1, resp.Status)
		}
	}
	x.server.room.mu.Lock()
	defer x.server.room.mu.Unlock()
	if n := len(x.server.room.strangers); n > maxStrangers+1 {
		t.Errorf("%d strangers have a place", n)
	}
}

func TestWhereToListen(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	for _, c := range []struct {
		address, token string
		want           error
	}{
		{"127.0.0.1:0", "", nil}, {"localhost:0", "", nil}, {"127.0.0.1:0", token, nil}, {"0.0.0.0:0", token, nil},
		{":0", "", ErrNeedsToken}, {"0.0.0.0:0", "", ErrNeedsToken}, {"[::]:0", "", ErrNeedsToken},
		{"example.com:80", "", ErrNeedsToken}, {"10.1.2.3:80", "", ErrNeedsToken},
		{"8080", "", ErrAddress}, {"127.0.0.1:", "", ErrAddress}, {"", "", ErrAddress},
		{"127.0.0.1:0", "short", ErrWeakToken},
	} {
		s, err := Listen(Config{Address: c.address, Token: c.token})
		if !errors.Is(err, c.want) {
			t.Errorf("%q with token %q: %v, want %v", c.address, c.token, err, c.want)
		}
		s.Close()
	}
	taken := serve(t, 2, Config{})
	if s, err := Listen(Config{Address: taken.server.listener.Addr().String()}); err == nil ||
		!strings.Contains(err.Error(), "cannot be served at") {
		s.Close()
		t.Errorf("a taken address: %v", err)
	}
}

// TestNobodyIsServed: without --listen every call does nothing.
func TestNobodyIsServed(t *testing.T) {
	t.Parallel()
	var s *Server
	s.Begin(Run{})
	s.Update([]fleet.Event{{}})
	s.Close()
	if s.URL() != "" {
		t.Error("nothing has an address")
	}
}

// TestARunThatDoesNotBegin lets those who wait for it go.
func TestARunThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	s, err := Listen(Config{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	x := &theatre{t: t, server: s}
	answered := make(chan int)
	go func() {
		resp, err := client().Get(s.URL())
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	if resp, _ := x.ask("GET", "/healthz", nil); resp.StatusCode != 200 {
		t.Errorf("healthz before the run: %s", resp.Status)
	}
	s.Close()
	if code := <-answered; code != http.StatusServiceUnavailable && code != 0 {
		t.Errorf("who waited was told %d", code)
	}
}

// BenchmarkChange is what one change costs a live page of 10,000 vaults.
func BenchmarkChange(b *testing.B) {
	x := serve(b, 10000, Config{})
	d := x.server.hub.Load()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watchers[&watcher{queue: make(chan message, 1<<20)}] = true
	for b.Loop() {
		d.dirty[7], d.changed = true, true
		if _, err := d.advance(false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is what the page of 10,000 vaults costs who asks for it first.
func BenchmarkOpen(b *testing.B) {
	st := rollout.NewState(fleetPlan(10000))
	for b.Loop() {
		if err := newLiveHub(Run{State: st}, "boot", time.Now).page(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTheNextRun: it is shown in place of the one before, whose watchers are told; a cookie
// of before opens it.
func TestTheNextRun(t *testing.T) {
	t.Parallel()
	const token = "a token that is long enough"
	x := serve(t, 4, Config{Token: token})
	resp, _ := x.ask("POST", "/login", func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(url.Values{"token": {token}}.Encode()))
	})
	cookies := resp.Cookies()
	if len(cookies) == 0 {
		t.Fatalf("the sign-in gives no cookie: %s", resp.Status)
	}
	hub := x.server.hub.Load()
	w, err := hub.watch("")
	if err != nil {
		t.Fatal(err)
	}
	x.begin("20260317-next")
	last := message{}
	for m := range w.queue {
		last = m
	}
	if last.event != "next" {
		t.Errorf("who watched the run before is told %q at last", last.event)
	}
	resp, body := x.ask("GET", "/api/status", func(r *http.Request) { r.AddCookie(cookies[0]) })
	if resp.StatusCode != 200 || !strings.Contains(body, "20260317-next") {
		t.Errorf("a cookie of before: %s %.200s", resp.Status, body)
	}
}
