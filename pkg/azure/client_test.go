package azure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// answers serves canned answers in order, the last one for ever, in a bubble.
type answers struct {
	list  []func() (*http.Response, error)
	times []time.Time
}

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	i := min(len(a.times), len(a.list)-1)
	a.times = append(a.times, time.Now())
	return a.list[i]()
}

func answer(status int, body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func broken(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

func TestDoRetries(t *testing.T) {
	t.Parallel()
	ok := answer(200, "ok")
	cut := func() (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{},
			Body: io.NopCloser(io.MultiReader(strings.NewReader("o"), errReader{}))}, nil
	}
	tests := []struct {
		name       string
		list       []func() (*http.Response, error)
		tries      int
		status     int // 0: an error of class
		class      fleet.CallClass
		retryAfter time.Duration
	}{
		{"good at once", []func() (*http.Response, error){ok}, 1, 200, "", 0},
		{"503 then good", []func() (*http.Response, error){answer(503, ""), ok}, 2, 200, "", 0},
		{"408 then good", []func() (*http.Response, error){answer(408, ""), ok}, 2, 200, "", 0},
		{"reset then good", []func() (*http.Response, error){broken(io.ErrUnexpectedEOF), ok}, 2, 200, "", 0},
		{"cut body then good", []func() (*http.Response, error){cut, ok}, 2, 200, "", 0},
		{"500 for ever", []func() (*http.Response, error){answer(500, "no")}, 3, 500, "", 0},
		{"reset for ever", []func() (*http.Response, error){broken(io.ErrUnexpectedEOF)}, 3, 0, fleet.CallUnreachable,
			0},
		{"429, short wait, then good", []func() (*http.Response, error){answer(429, "", "Retry-After", "7"), ok}, 2,
			200, "", 0},
		{"429, long wait, is the engine's", []func() (*http.Response, error){answer(429, "", "Retry-After", "120"), ok},
			1, 429, "", 2 * time.Minute},
		{"404 is an answer", []func() (*http.Response, error){answer(404, ""), ok}, 1, 404, "", 0},
		{"a redirect is an answer", []func() (*http.Response,
			error){answer(307, "", "Location", "https://evil.example"), ok}, 1, 307, "", 0},
		{"401 is not challenged", []func() (*http.Response,
			error){answer(401, "", "WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`), ok}, 1,
			401, "", 0},
		{"501 is not tried again", []func() (*http.Response, error){answer(501, ""), ok}, 1, 501, "", 0},
		{"too large is not tried again", []func() (*http.Response, error){answer(200, strings.Repeat("x", 101)), ok}, 1,
			0, fleet.CallGarbled, 0},
		{"a large error is capped too", []func() (*http.Response, error){answer(400, strings.Repeat("x", 101)), ok}, 1,
			0, fleet.CallGarbled, 0},
		{"a 500 that is the answer", []func() (*http.Response, error){answer(500, "final"), ok}, 1, 500, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &answers{list: tt.list}
				p := &pacer{turns: 9}
				c := newTestClient(t, "https://arm.example", func(o *clientOptions) { o.Reads, o.Pacer = a, p })
				resp, err := c.Do(t.Context(),
					Request{Op: "read it", Method: http.MethodGet, Path: "/x", MaxBody: 100, Subject: "sub",
						Complete: func(_ int, b []byte) bool { return string(b) == "final" }})
				if len(a.times) != tt.tries || len(p.asked) != tt.tries {
					t.Errorf("%d tries in %d turns, want %d", len(a.times), len(p.asked), tt.tries)
				}
				if tt.status == 0 {
					ce, ok := errors.AsType[*fleet.CallError](err)
					if !ok || ce.Class != tt.class || ce.Op != "read it" || ce.ClientRequestID == "" {
						t.Fatalf("got %+v, %v", resp, err)
					}
					return
				}
				if err != nil || resp.Status != tt.status || resp.RetryAfter != tt.retryAfter {
					t.Fatalf("got %+v, %v", resp, err)
				}
				if !resp.SentAt.Equal(a.times[len(a.times)-1]) {
					t.Errorf("SentAt is %v, the last try went out %v", resp.SentAt, a.times)
				}
			})
		})
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A server that never answers costs a bounded time, and each try its own.
func TestDoTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.Reads = roundTrip(func(r *http.Request) (*http.Response, error) {
				tries++
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		begin := time.Now()
		_, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x"})
		if fleet.ClassOf(err) != fleet.CallUnreachable || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "no answer") {
			t.Errorf("got %v", err)
		}
		if d := time.Since(begin); d != totalTimeout || tries != 3 {
			t.Errorf("%d tries took %v", tries, d)
		}
		// A request that may take longer has all of its tries' time, too.
		tries, begin = 0, time.Now()
		const long = 3 * time.Minute
		_, err = c.Do(t.Context(), Request{Op: "check it", Method: http.MethodGet, Path: "/x", Timeout: long})
		if d := time.Since(begin); err == nil || d != totalTimeout+long-tryTimeout || tries != 2 {
			t.Errorf("with %v for a try: %d tries took %v: %v", long, tries, d, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, Request{Op: "read it", Method: http.MethodGet, Path: "/x"}); !errors.Is(err,
			context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDoHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	var logged RequestLog
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Set("x-ms-request-id", "req-9")
	}))
	defer srv.Close()
	c := newTestClient(t, srv.URL, func(o *clientOptions) { o.Log = func(l RequestLog) { logged = l } })
	resp, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/a%20b?api-version=1",
		Subject: "sub"})
	if err != nil {
		t.Fatal(err)
	}
	if ua := got.Get("User-Agent"); ua != "fleetup/1.2.3" {
		t.Errorf("User-Agent %q", ua)
	}
	if a := got.Get("Authorization"); a != "Bearer fleetup-emulator" {
		t.Errorf("Authorization %q: over plain HTTP only the fixed token may go", a)
	}
	if id := got.Get("x-ms-client-request-id"); id == "" || id != resp.ClientRequestID || resp.RequestID != "req-9" {
		t.Errorf("request ids: sent %q, response %+v", id, resp)
	}
	if logged.Method != "GET" || logged.Path != "/a%20b?api-version=1" || logged.Status != 200 ||
		logged.RequestID != "req-9" ||
		logged.ClientRequestID != resp.ClientRequestID || logged.Subject != "sub" || logged.Start {
		t.Errorf("logged %+v", logged)
	}
}

// Callers that come at once share one token, a 401 throws it away, and its end
// is foreseen.
func TestTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var scope string
		status := 200
		cred := tokenFunc(func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			asked.Add(1)
			scope = strings.Join(o.Scopes, ",")
			time.Sleep(time.Second) // virtual
			return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.Credential = cred
			o.Reads = roundTrip(func(r *http.Request) (*http.Response, error) { return answer(status, "")() })
		})
		get := func() {
			if _, err := c.Do(t.Context(), Request{Op: "x", Method: http.MethodGet, Path: "/x"}); err != nil {
				t.Error(err)
			}
		}
		want := func(n int32, why string) {
			t.Helper()
			if asked.Load() != n {
				t.Errorf("%s: asked %d times, want %d", why, asked.Load(), n)
			}
		}
		for range 10 {
			go get()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want(1, "ten at once")
		if scope != "https://arm.example/.default" {
			t.Errorf("scope %q", scope)
		}
		time.Sleep(54 * time.Minute)
		get()
		want(1, "still good")
		time.Sleep(2 * time.Minute)
		get()
		want(2, "five minutes before its end")
		status = 401
		get()
		want(2, "the refused one")
		status = 200
		get()
		want(3, "after a 401")
	})
}

func TestTokenFailure(t *testing.T) {
	t.Parallel()
	long := "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"
	sent := 0
	c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
		o.Tenant = "contoso"
		o.Credential = tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{}, errors.New("run\naz login\x1b[31m; got " + long)
		})
		o.Reads = roundTrip(func(*http.Request) (*http.Response, error) { sent++; return nil, io.EOF })
	})
	_, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x"})
	err2 := c.Once(nil).Prepare(t.Context(), "start it", "")
	for _, err := range []error{err, err2} {
		if fleet.ClassOf(err) != fleet.CallDenied {
			t.Errorf("class of %v", err)
		}
		if _, ok := errors.AsType[*SignInError](err); !ok {
			t.Errorf("%v is no SignInError", err)
		}
		if s := err.Error(); strings.Contains(s, "eyJ") || strings.ContainsAny(s, "\n\x1b") ||
			!strings.Contains(s, "az login") || !strings.Contains(s, "contoso") {
			t.Errorf("message %q", s)
		}
	}
	if sent != 0 {
		t.Errorf("sent %d requests without a token", sent)
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	e, _ := parseEndpoint("https://arm.example")
	rt := newStartTransport()
	for name, o := range map[string]clientOptions{
		"no endpoint":   {Credential: fixedCredential("x"), Reads: rt, Starts: rt},
		"no credential": {Endpoint: e, Reads: rt, Starts: rt},
		"no transport":  {Endpoint: e, Credential: fixedCredential("x")},
	} {
		if _, err := newClient(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
