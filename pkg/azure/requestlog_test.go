package azure

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// lines is a log that a test reads.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: level}))
}

func (l *lines) read(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(l.b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, m)
	}
	return all
}

// One line for each try, with what support asks for; never a header, a body or
// a query that could hold a secret.
func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-of-the-night"
	var log lines
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("x-ms-request-id", "req-1")
		w.Header().Set("Set-Cookie", secret)
		if n == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "body "+secret)
	}))
	defer srv.Close()
	c := newTestClient(t, srv.URL, func(o *clientOptions) { o.Log = LogRequests(log.logger(slog.LevelDebug)) })
	h := http.Header{"X-Secret": {secret}, "X-Ms-Client-Request-Id": {"our-1"}}
	r := Request{Op: "read it", Method: http.MethodGet, Path: "/a%20b?api-version=2023-04-01&sig=" + secret, Header: h,
		Body: []byte(secret), Subject: "sub"}
	if _, err := c.Do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	once := c.Once(nil)
	err := once.Prepare(t.Context(), "start it", "")
	if err != nil {
		t.Fatal(err)
	}
	r.Method, r.Path = http.MethodPost, "/upgrade?"+secret+"#x"
	if _, err := once.Send(t.Context(), r, atLeisure); err != nil {
		t.Fatal(err)
	}
	got := log.read(t)
	if len(got) != 3 {
		t.Fatalf("%d lines, want one for each of 3 exchanges: %v", len(got), got)
	}
	host := strings.TrimPrefix(srv.URL, "http://")
	for i, want := range []map[string]any{
		{"level": "DEBUG", "msg": "request", "method": "GET", "host": host, "path": "/a%20b?api-version=2023-04-01",
			"status": 503., "attempt": 1., "bytes": 24.,
			"clientRequestId": "our-1", "requestId": "req-1", "subscription": "sub"},
		{"method": "GET", "status": 200., "attempt": 2., "clientRequestId": "our-1", "requestId": "req-1"},
		{"method": "POST", "path": "/upgrade", "status": 200., "attempt": 1., "bytes": 24., "start": true},
	} {
		for k, v := range want {
			if got[i][k] != v {
				t.Errorf("line %d: %s is %v, want %v", i+1, k, got[i][k], v)
			}
		}
		if d, _ := got[i]["duration"].(float64); d <= 0 {
			t.Errorf("line %d: duration %v", i+1, got[i]["duration"])
		}
	}
	for _, what := range []string{secret, emulatorToken, "Bearer", "sig="} {
		if strings.Contains(log.b.String(), what) {
			t.Errorf("%q is in the log", what)
		}
	}
}

// Nothing is put together for a log that nobody keeps.
func TestNoLogBelowDebug(t *testing.T) {
	t.Parallel()
	var log lines
	if LogRequests(nil) != nil || LogRequests(log.logger(slog.LevelInfo)) != nil {
		t.Error("requests are logged above debug")
	}
}

// A failing exchange is logged too, without what its error quotes.
func TestFailuresAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.Log = LogRequests(log.logger(slog.LevelDebug))
			o.Reads = roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, errors.New("got\n\x1b[31meyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln")
			})
		})
		if _, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x"}); err == nil {
			t.Fatal("no error")
		}
		got := log.read(t)
		if len(got) != 1+readRetries {
			t.Fatalf("%d lines, want %d", len(got), 1+readRetries)
		}
		if last := got[readRetries]; last["error"] != "got [31m[token removed]" || last["status"] != 0. ||
			last["attempt"] != 3. {
			t.Errorf("logged %v", last)
		}
	})
}

// An answer that broke off had a name: support can find it.
func TestBrokenAnswersKeepTheirRequestID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, body := range map[string]io.Reader{
			"cut":       io.MultiReader(strings.NewReader("o"), errReader{}),
			"too large": strings.NewReader(strings.Repeat("x", 101)),
		} {
			c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
				o.Pacer = &pacer{turns: 1} // one try is enough
				o.Reads = roundTrip(func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Header: http.Header{"X-Ms-Request-Id": {"req-7"}},
						Body: io.NopCloser(body)}, nil
				})
			})
			_, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x", MaxBody: 100,
				Subject: "sub"})
			ce, ok := errors.AsType[*fleet.CallError](err)
			if !ok || ce.RequestID != "req-7" || ce.ClientRequestID == "" {
				t.Errorf("%s: got %+v", name, err)
			}
			if s := err.Error(); !strings.Contains(s, "(request req-7)") || !strings.Contains(s, "(client request ") {
				t.Errorf("%s: %q names no request", name, s)
			}
		}
	})
}

// The cloud's name for a try is not that of the next one, which it never answered.
func TestRequestIDIsOfTheLastTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &answers{list: []func() (*http.Response, error){answer(503, "", "x-ms-request-id", "req-7"),
			broken(io.ErrUnexpectedEOF)}}
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) { o.Reads = a })
		_, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x"})
		if ce, ok := errors.AsType[*fleet.CallError](err); !ok || ce.RequestID != "" || len(a.times) != 3 {
			t.Errorf("%d tries: %+v", len(a.times), err)
		}
	})
}

// The requests of a sign-in are logged without what they carry.
func TestSignInsAreLogged(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-of-the-app"
	env := map[string]string{"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": secret}
	var log lines
	sent := 0
	cred, err := newCredential(fleet.CredentialServicePrincipal, "", credentialOptions{Cloud: fleet.AzurePublic,
		Getenv: func(k string) string { return env[k] }, Log: LogRequests(log.logger(slog.LevelDebug)),
		Transport: transporter(func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(secret)) {
					sent++
				}
			}
			return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{"X-Ms-Request-Id": {"aad-1"}},
				Request: r,
				Body:    io.NopCloser(strings.NewReader(`{"error":"invalid_client","error_description":"no"}`))}, nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cred.GetToken(t.Context(),
		policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com//.default"}}); err == nil {
		t.Fatal("it signed in")
	}
	got := log.read(t)
	if len(got) == 0 {
		t.Fatal("nothing was logged")
	}
	last := got[len(got)-1]
	if last["host"] != "login.microsoftonline.com" || last["signIn"] != true || last["requestId"] != "aad-1" ||
		last["status"] != 400. {
		t.Errorf("logged %v", last)
	}
	if strings.Contains(log.b.String(), secret) {
		t.Error("the secret is in the log")
	}
	t.Logf("%d requests, %d with the secret in their body", len(got), sent)
}

type transporter func(*http.Request) (*http.Response, error)

func (f transporter) Do(r *http.Request) (*http.Response, error) { return f(r) }
