package classic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/azuretest"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

var operationIDPattern = regexp.MustCompile(
	`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ-P$`)

func wantUpgradeHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for k, want := range map[string]string{"X-Ms-Version": "2013-03-01", "Accept": "application/xml",
		"Content-Type": "application/xml",
		"User-Agent":   "fleetup/1.2.3", "Agent-Authentication": "", "Authorization": "Bearer fleetup-emulator"} {
		if vs, ok := h[k]; !ok || len(vs) != 1 || vs[0] != want {
			t.Errorf("header %s is %q", k, vs)
		}
	}
	if id := h.Get("x-ms-client-request-id"); !operationIDPattern.MatchString(id) {
		t.Errorf("client request id %q", id)
	}
}

func TestNewOperationID(t *testing.T) {
	t.Parallel()
	u := &Upgrader{}
	at := time.Date(2017, 3, 28, 21, 3, 15, 99, time.FixedZone("AEDT", 11*3600))
	a, b := u.NewOperationID(at), u.NewOperationID(at)
	if !operationIDPattern.MatchString(a) || !strings.HasSuffix(a, "-2017-03-28 10:03:15Z-P") || a == b {
		t.Errorf("got %q and %q", a, b)
	}
}

// onNetwork is an Upgrader that speaks to a real server, with the real
// transports.
func onNetwork(t *testing.T, base string, change func(*azure.Options)) *Upgrader {
	t.Helper()
	ao := azure.Options{Version: "1.2.3",
		Cloud: fleet.Cloud{ServiceManagement: base + "/sm", ResourceManager: base + "/rm"}}
	if change != nil {
		change(&ao)
	}
	sm, rm, err := azure.NewAPIClients(ao)
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(Options{ServiceManagement: sm, ResourceManager: rm})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// The table of design.md#rule-3: every answer, over a real connection, and
// one POST for each.
func TestRule3StartAnswers(t *testing.T) {
	t.Parallel()
	say := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	hang := func(do func(net.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				do(conn)
				_ = conn.Close()
			}
		}
	}
	ours, prereq := details(opOur, "InProgress"), errorXML("Top", "no", reason("Error", "A", "a", "do it"))
	tests := []struct {
		name    string
		answer  http.HandlerFunc
		verdict fleet.StartVerdict
		status  int
		code    string
		body    bool // ErrorBody
	}{
		{"200, ours", say(200, ours), fleet.StartAccepted, 200, "", false},
		{"200, ours in capitals", say(200, details(strings.ToUpper(opOur), "InProgress")), fleet.StartAccepted, 200, "",
			false},
		{"202, ours", say(202, ours), fleet.StartAccepted, 202, "", false},
		{"203, ours", say(203, ours), fleet.StartAccepted, 203, "", false},
		{"200, ours in another document", say(200, strings.ReplaceAll(ours, "ResourceUpgradeDetails", "Resource")),
			fleet.StartAccepted, 200, "", false},
		{"200, ours, failed at once", say(200, details(opOur, "Failed")), fleet.StartAccepted, 200, "", false},
		{"200, another's", say(200, details(opOld, "InProgress")), fleet.StartAccepted, 200, "", false},
		{"200, nobody's", say(200, details("", "InProgress")), fleet.StartAccepted, 200, "", false},
		{"200, empty", say(200, ""), fleet.StartAccepted, 200, "", false},
		{"200, cut", say(200, ours[:200]), fleet.StartAccepted, 200, "", false},
		{"200, broken off", say(200, ours, "Content-Length", "9999"), fleet.StartAccepted, 200, "", false},
		{"200, too large", say(200, ours+strings.Repeat(" ", azure.MaxBody)), fleet.StartAccepted, 200, "", false},
		{"200, a web page", say(200, "<html>hello</html>"), fleet.StartUnknown, 200, fleet.CodeGarbled, false},
		{"200, an error", say(200, prereq), fleet.StartUnknown, 200, "Top", true},
		{"202, empty", say(202, ""), fleet.StartAccepted, 202, "", false},
		{"204", say(204, ""), fleet.StartAccepted, 204, "", false},
		{"307", say(307, "", "Location", "/elsewhere"), fleet.StartUnknown, 307, fleet.CodeGarbled, false},
		{"308", say(308, "", "Location", "/elsewhere"), fleet.StartUnknown, 308, fleet.CodeGarbled, false},
		{"400, shape 1", say(400, prereq), fleet.StartFailed, 400, "Top", true},
		{"400, shape 2", say(400, errorXML("Two", "no", "")), fleet.StartFailed, 400, "Two", true},
		{"400, shape 3", say(400, `<E xmlns="http://schemas.microsoft.com/wars"><ErrorCode>W</ErrorCode></E>`),
			fleet.StartFailed, 400, "W", true},
		{"400, a web page", say(400, "<html>"), fleet.StartFailed, 400, fleet.CodeGarbled, false},
		{"400, broken off", say(400, prereq, "Content-Length", "9999"), fleet.StartFailed, 400, fleet.CodeGarbled,
			false},
		{"502 of a gateway, broken off",
			say(502, `{"error":{"code":"BadGateway","message":"no"}}`, "Content-Length", "9999"), fleet.StartUnknown,
			502, fleet.CodeGarbled, false},
		{"404", say(404, ""), fleet.StartFailed, 404, fleet.CodeGarbled, false},
		{"401 with a challenge", say(401, "", "WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`),
			fleet.StartDenied, 401, fleet.CodeGarbled, false},
		{"403", say(403, errorXML("Forbidden", "no", "")), fleet.StartDenied, 403, "Forbidden", true},
		{"408", say(408, ""), fleet.StartUnknown, 408, fleet.CodeGarbled, false},
		{"409", say(409, errorXML("Conflict", "a job", "")), fleet.StartBusy, 409, "Conflict", true},
		{"429", say(429, "", "Retry-After", "77"), fleet.StartThrottled, 429, fleet.CodeGarbled, false},
		{"500, shape 2", say(500, errorXML("Oops", "no", "")), fleet.StartUnknown, 500, "Oops", true},
		{"503", say(503, "", "Retry-After", "0"), fleet.StartUnknown, 503, fleet.CodeGarbled, false},
		{"999", say(999, ""), fleet.StartUnknown, 999, fleet.CodeGarbled, false},
		{"reset", hang(func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }), fleet.StartUnknown, 0,
			fleet.CodeAnswerLost, false},
		{"closed", hang(func(net.Conn) {}), fleet.StartUnknown, 0, fleet.CodeAnswerLost, false},
		{"garbage", hang(func(c net.Conn) { _, _ = io.WriteString(c, "hello\r\n\r\n") }), fleet.StartUnknown, 0,
			fleet.CodeAnswerLost, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var posts atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				posts.Add(1)
				if got := r.Method + " " + r.RequestURI; got != startURL {
					t.Errorf("sent %s", got)
				}
				wantUpgradeHeaders(t, r.Header)
				if id := r.Header.Get("x-ms-client-request-id"); id != opOur {
					t.Errorf("operation id %q", id)
				}
				body, _ := io.ReadAll(r.Body)
				if string(body) != string(upgradeInput(testVault())) || r.ContentLength != int64(len(body)) {
					t.Errorf("body %q of length %d", body, r.ContentLength)
				}
				w.Header().Set("x-ms-request-id", "req-1")
				tt.answer(w, r)
			}))
			defer srv.Close()
			start, err := azuretest.Prepare(t.Context(), onNetwork(t, srv.URL, nil), testVault(), seen(nil))
			if err != nil {
				t.Fatal(err)
			}
			if posts.Load() != 0 {
				t.Error("Prepare sent something")
			}
			a := start(t.Context(), opOur)
			if a.Verdict != tt.verdict || a.HTTPStatus != tt.status || a.Code != tt.code || a.ErrorBody != tt.body {
				t.Errorf("got %+v", a)
			}
			named := strings.Contains(tt.name, "ours") && !strings.Contains(tt.name, "another document")
			if a.Verdict == fleet.StartAccepted && (a.Operation.WhyUnfollowed() == "") != named {
				t.Errorf("accepted, and its operation is %+v", a.Operation)
			}
			if n := posts.Load(); n != 1 {
				t.Errorf("%d POSTs", n)
			}
			if a.Verdict != fleet.StartAccepted && a.Message == "" || tt.status != 0 && a.RequestID != "req-1" {
				t.Errorf("got %+v", a)
			}
			if a.Verdict != fleet.StartAccepted && !a.ErrorBody &&
				(!strings.HasSuffix(a.Message, "(client request "+opOur+")") ||
					tt.status != 0 && !strings.Contains(a.Message, "(request req-1)")) {
				t.Errorf("no request IDs on %q", a.Message)
			}
			if tt.status == 429 && a.RetryAfter != 77*time.Second {
				t.Errorf("RetryAfter %v", a.RetryAfter)
			}
			if tt.status == 403 && !strings.Contains(a.Action, "co-administrator") {
				t.Errorf("action %q", a.Action)
			}
			if tt.body && len(a.Findings) == 0 {
				t.Error("no findings")
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-release }))
	defer srv.Close()
	defer close(release)
	start, err := azuretest.Prepare(t.Context(), onNetwork(t, srv.URL, nil), testVault(), seen(nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if a := start(ctx, opOur); a.Verdict != fleet.StartUnknown || a.Code != fleet.CodeAnswerLost {
		t.Errorf("got %+v", a)
	}
}

func TestStartNotSent(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	start, err := azuretest.Prepare(t.Context(), onNetwork(t, "http://"+closed.Addr().String(), nil), testVault(),
		seen(nil))
	if err != nil {
		t.Fatal(err)
	}
	if a := start(t.Context(), opOur); a.Verdict != fleet.StartNotSent || a.HTTPStatus != 0 ||
		!strings.Contains(a.Message, "no connection") {
		t.Errorf("got %+v", a)
	}

	for name, tt := range map[string]struct {
		err  error
		want fleet.StartVerdict
	}{
		"injected dial error": {&net.OpError{Op: "dial", Err: errors.New("refused")}, fleet.StartNotSent},
		"injected loss":       {io.EOF, fleet.StartUnknown},
	} {
		f := newFakeCloud(t)
		f.routes[startURL] = reply{err: fmt.Errorf("transport: %w", tt.err)}
		start, err := azuretest.Prepare(t.Context(), f.upgrader(nil), testVault(), seen(nil))
		if err != nil {
			t.Fatal(err)
		}
		if a := start(t.Context(), opOur); a.Verdict != tt.want {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

// A start that is used twice must not send twice, nor say that it sent nothing.
func TestStartIsUsedOnce(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	f.set(startURL, 200, details(opOur, "InProgress"))
	start, err := azuretest.Prepare(t.Context(), f.upgrader(nil), testVault(), seen(nil))
	if err != nil {
		t.Fatal(err)
	}
	if a := start(t.Context(), opOur); a.Verdict != fleet.StartAccepted {
		t.Errorf("got %+v", a)
	}
	if a := start(t.Context(), opOur); a.Verdict != fleet.StartUnknown {
		t.Errorf("got %+v", a)
	}
	if n := f.count(startURL); n != 1 {
		t.Errorf("%d POSTs", n)
	}
}

// What a plan shows of a start is what is sent.
func TestShownRequestIsSent(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	f.set(startURL, 200, details(opOur, "InProgress"))
	start, err := azuretest.Prepare(t.Context(), f.upgrader(nil), testVault(), seen(nil))
	if err != nil {
		t.Fatal(err)
	}
	start(t.Context(), opOur)
	shown := Spec().Describe(nil).Request.Of(testVault())
	document, ok := shown.XML()
	path := strings.NewReplacer("{cloudService}", "RecoveryServices-HASH-West%20US", "{namespace}",
		"Example%2FNamespace").Replace(shown.Path)
	if line := shown.Method + " /sm" + path; !ok || len(f.sent) != 1 || f.sent[0].line != line ||
		f.sent[0].body != document {
		t.Errorf("it shows %s %s, and sends %+v", line, document, f.sent)
	}
}

// Everything that a start may wait for comes before it: the token, the turn.
func TestPrepareWaitsForAll(t *testing.T) {
	t.Parallel()
	f, l := newFakeCloud(t), &turns{}
	f.routes["POST "+strings.TrimPrefix(pathP, "/sm")+"/upgrade"] = reply{status: 200,
		body: details(opOur, "InProgress")}
	tokens := 0
	sm, rm, err := azure.NewAPIClients(azure.Options{Transport: f, Version: "1.2.3", Pacer: l,
		Cloud: fleet.Cloud{ServiceManagement: "https://sm.example", ResourceManager: "https://rm.example"},
		NewCredential: func(_ fleet.CredentialKind, tenant string) (azcore.TokenCredential, error) {
			if tenant != "contoso" {
				return nil, errors.New("wrong tenant " + tenant)
			}
			return tokenFunc(func() (string, error) { tokens++; return "secret", nil }), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(Options{ServiceManagement: sm, ResourceManager: rm,
		Subscriptions: []fleet.Subscription{{ID: sub, Tenant: "contoso"}}})
	if err != nil {
		t.Fatal(err)
	}
	start, err := azuretest.Prepare(t.Context(), u, testVault(), seen(nil))
	if err != nil || tokens != 1 || l.n != 1 || l.sub != sub || len(f.sent) != 0 {
		t.Fatalf("%d tokens, %d turns, %d requests, %v", tokens, l.n, len(f.sent), err)
	}
	a := start(t.Context(), opOur)
	if a.Verdict != fleet.StartAccepted || tokens != 1 || l.n != 1 {
		t.Errorf("got %+v, %d tokens, %d turns", a, tokens, l.n)
	}
	if got := f.sent[0].header.Get("Authorization"); got != "Bearer secret" {
		t.Errorf("Authorization %q", got)
	}

	l.err = context.Canceled
	if _, err := u.Prepare(t.Context(), testVault(), seen(nil)); !errors.Is(err, context.Canceled) ||
		fleet.ClassOf(err) != fleet.CallUnreachable {
		t.Errorf("no turn: %v", err)
	}
	if _, err := u.Prepare(t.Context(), testVault(), fleet.Sighting{}); fleet.ClassOf(err) != fleet.CallGarbled {
		t.Errorf("no address: %v", err)
	}
}

func TestPrepareWithoutToken(t *testing.T) {
	t.Parallel()
	f := newFakeCloud(t)
	sm, rm, err := azure.NewAPIClients(azure.Options{Transport: f,
		Cloud: fleet.Cloud{ServiceManagement: "https://sm.example", ResourceManager: "https://rm.example"},
		NewCredential: func(fleet.CredentialKind, string) (azcore.TokenCredential, error) {
			return tokenFunc(func() (string, error) { return "", errors.New("expired") }), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(Options{ServiceManagement: sm, ResourceManager: rm})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Prepare(t.Context(), testVault(), seen(nil)); fleet.ClassOf(err) != fleet.CallDenied ||
		!strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
	if got := u.Validate(t.Context(), testVault(), seen(nil), true, nil); got.Verdict != fleet.VerdictDenied ||
		codes(got.Findings) != "error:not-signed-in" {
		t.Errorf("got %s: %s", got.Verdict, codes(got.Findings))
	}
	if _, err := u.Read(t.Context(), sub, nil); fleet.ClassOf(err) != fleet.CallDenied {
		t.Errorf("got %v", err)
	}
	if len(f.sent) != 0 {
		t.Errorf("%d requests without a token", len(f.sent))
	}
}

type tokenFunc func() (string, error)

func (f tokenFunc) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	tok, err := f()
	return azcore.AccessToken{Token: tok, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// New says at once what the environment lacks, for every tenant and side.
func TestNewBuildsEveryCredential(t *testing.T) {
	t.Parallel()
	var asked []string
	sm, rm, err := azure.NewAPIClients(azure.Options{
		Cloud: fleet.Cloud{ServiceManagement: "https://sm.example", ResourceManager: "https://rm.example"},
		NewCredential: func(_ fleet.CredentialKind, tenant string) (azcore.TokenCredential, error) {
			asked = append(asked, tenant)
			return nil, &azure.SignInError{Kind: fleet.CredentialPipelines, Tenant: tenant,
				Missing: []string{"SYSTEM_ACCESSTOKEN"}}
		}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Options{ServiceManagement: sm, ResourceManager: rm,
		Subscriptions: []fleet.Subscription{{ID: "a", Tenant: "t1"}, {ID: "b", Tenant: "t1"}, {ID: "c", Tenant: "t2"}}})
	if _, ok := errors.AsType[*azure.SignInError](err); !ok || strings.Count(err.Error(), "SYSTEM_ACCESSTOKEN") != 4 {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(asked, " "); got != "t1 t1 t2 t2" {
		t.Errorf("asked for %s", got)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no error without sides")
	}
}

// The target's path is data of the inventory: it must not become XML.
func TestUpgradeInputEscapes(t *testing.T) {
	t.Parallel()
	v := testVault()
	v.Name = `a<b>&"c`
	if got := string(upgradeInput(v)); !strings.Contains(got, `Vaults/a&lt;b&gt;&amp;&#34;c</NewResourcePath>`) {
		t.Errorf("got %s", got)
	}
	n, err := parse(upgradeInput(v))
	if err != nil || n.value("NewResourcePath") != v.TargetPath() || n.space != nsAzure {
		t.Errorf("got %+v, %v", n, err)
	}
}
