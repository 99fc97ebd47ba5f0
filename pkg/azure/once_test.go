package azure

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// reset closes a connection so that the peer sees a reset.
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// atLeisure lets a start leave whenever it can.
func atLeisure() (time.Duration, string) { return time.Hour, "" }

func sendOnce(t *testing.T, ctx context.Context, c *Client) (*Response, error) {
	t.Helper()
	once := c.Once(nil)
	if err := once.Prepare(t.Context(), "start", ""); err != nil {
		t.Fatal(err)
	}
	n := 1 // a start has an ID of its own
	c.starts.Range(func(any, any) bool { n++; return true })
	h := http.Header{}
	h.Set("x-ms-client-request-id", fmt.Sprintf("op-%d", n))
	return once.Send(ctx, Request{Op: "start", Method: http.MethodPost, Path: "/up", Header: h,
		Body: []byte("<body/>")}, atLeisure)
}

// design.md#rule-3: a start goes out once, whatever comes back.
func TestRule3SendIsOneExchange(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  int // 0: no answer
	}{
		{"500", status(500), 500},
		{"503 with Retry-After", status(503, "Retry-After", "0"), 503},
		{"429", status(429, "Retry-After", "1"), 429},
		{"408", status(408), 408},
		{"redirect 307", status(307, "Location", "/elsewhere"), 307},
		{"redirect 308", status(308, "Location", "/elsewhere"), 308},
		{"redirect 302", status(302, "Location", "/elsewhere"), 302},
		{"401 with a claims challenge", status(401, "WWW-Authenticate",
			`Bearer authorization_uri="https://login.example/", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`), 401},
		{"interim answers first", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusProcessing)
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
		}, 200},
		{"reset", func(w http.ResponseWriter, _ *http.Request) { reset(w) }, 0},
		{"closed without an answer", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}, 0},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "garbage\r\n\r\n")
				_ = conn.Close()
			}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sends atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sends.Add(1)
				body, _ := io.ReadAll(r.Body)
				if got := fmt.Sprint(r.Method, " ", r.URL, " ", string(body), " ", r.ContentLength, " ",
					r.TransferEncoding, " ",
					r.Header.Get("X-Ms-Client-Request-Id")); got != "POST /up <body/> 7 [] op-1" {
					t.Errorf("sent %q", got)
				}
				for _, h := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
					if _, ok := r.Header[h]; ok {
						t.Errorf("header %s lets a transport send it twice", h)
					}
				}
				tt.handler(w, r)
			}))
			defer srv.Close()
			begin := time.Now()
			resp, err := sendOnce(t, t.Context(), newTestClient(t, srv.URL, nil))
			if n := sends.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if tt.status == 0 {
				se, ok := errors.AsType[*sendError](err)
				if !ok || se.NotSent {
					t.Fatalf("got %v, %v; want a sendError that was sent", resp, err)
				}
				return
			}
			if err != nil || resp.Status != tt.status {
				t.Fatalf("got %+v, %v; want status %d", resp, err, tt.status)
			}
			if resp.SentAt.Before(begin) || resp.SentAt.After(time.Now()) {
				t.Errorf("SentAt is %v, and it was sent after %v", resp.SentAt, begin)
			}
		})
	}
}

func TestSendTimesOut(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	var sends atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		sends.Add(1)
		close(arrived)
		<-release
	}))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := sendOnce(t, ctx, newTestClient(t, srv.URL, nil))
	se, ok := errors.AsType[*sendError](err)
	if !ok || se.NotSent || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v; want a sent one that was cancelled", err)
	}
	if sends.Load() != 1 {
		t.Errorf("sent %d times", sends.Load())
	}
}

func TestSendBodyBrokenOff(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "only this")
	}))
	defer srv.Close()
	resp, err := sendOnce(t, t.Context(), newTestClient(t, srv.URL, nil))
	if err != nil || resp.Status != 200 || resp.BodyErr == nil || string(resp.Body) != "only this" {
		t.Fatalf("got %+v, %v", resp, err)
	}
}

// Each start has a connection of its own: net/http re-sends only on reused ones.
func TestSendReusesNoConnection(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := newTestClient(t, srv.URL, nil)
	for range 3 {
		if _, err := sendOnce(t, t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if conns.Load() != 3 {
		t.Errorf("3 starts used %d connections", conns.Load())
	}
}

func TestStartTransportSpeaksHTTP1(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_,
			_ = io.WriteString(w, r.Proto)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	start := newStartTransport()
	start.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	start.TLSClientConfig.NextProtos = nil
	resp, err := sendOnce(t, t.Context(), newTestClient(t, srv.URL, func(o *clientOptions) { o.Starts = start }))
	if err != nil || string(resp.Body) != "HTTP/1.1" {
		t.Fatalf("got %+v, %v", resp, err)
	}
}

func TestSendNotSent(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	self := httptest.NewTLSServer(http.NotFoundHandler())
	self.Config.ErrorLog = nil
	defer self.Close()
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}
	injected := func(err error) func(*clientOptions) {
		return func(o *clientOptions) {
			o.OwnStarts = false
			o.Starts = roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })
		}
	}
	tests := []struct {
		name    string
		base    string
		change  func(*clientOptions)
		ctx     func() context.Context
		notSent bool
	}{
		{"nobody listens", "http://" + closed.Addr().String(), nil, nil, true},
		{"TLS with one who speaks plain", strings.Replace(plain.URL, "http:", "https:", 1), nil, nil, true},
		{"a certificate that nobody vouches for", self.URL, func(o *clientOptions) {
			s := newStartTransport()
			s.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS13}
			o.Starts = s
		}, nil, true},
		{"the context has ended", plain.URL, nil, func() context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx
		}, true},
		{"injected transport, dial error", plain.URL, injected(fmt.Errorf("wrapped: %w", dial)), nil, true},
		{"injected transport, other error", plain.URL, injected(io.ErrUnexpectedEOF), nil, false},
		{"injected transport, read error", plain.URL, injected(&net.OpError{Op: "read", Err: errors.New("reset")}), nil,
			false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.ctx != nil {
				ctx = tt.ctx()
			}
			_, err := sendOnce(t, ctx, newTestClient(t, tt.base, tt.change))
			se, ok := errors.AsType[*sendError](err)
			if !ok || se.NotSent != tt.notSent {
				t.Fatalf("got %v; want notSent=%v", err, tt.notSent)
			}
		})
	}
}

// What is sent cannot be sent again by a transport: it has no GetBody.
func TestSendIsNotReplayable(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	c := newTestClient(t, "http://127.0.0.1:1", func(o *clientOptions) {
		o.OwnStarts = false
		o.Starts = roundTrip(func(r *http.Request) (*http.Response, error) {
			seen = r
			return nil, io.EOF
		})
	})
	_, _ = sendOnce(t, t.Context(), c)
	if seen == nil || seen.GetBody != nil || seen.ContentLength != 7 {
		t.Fatalf("got %+v", seen)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A start that was refused for its token makes the next call sign in again.
func TestSendRefusedToken(t *testing.T) {
	t.Parallel()
	asked := 0
	c := newTestClient(t, "https://sm.example", func(o *clientOptions) {
		o.OwnStarts = false
		o.Starts = roundTrip(func(*http.Request) (*http.Response, error) { return answer(401, "")() })
		o.Credential = tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			asked++
			return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
		})
	})
	for range 2 {
		if resp, err := sendOnce(t, t.Context(), c); err != nil || resp.Status != 401 {
			t.Fatalf("got %+v, %v", resp, err)
		}
	}
	if asked != 2 {
		t.Errorf("signed in %d times", asked)
	}
}

func TestSendErrorWords(t *testing.T) {
	t.Parallel()
	if s := (&sendError{NotSent: true, Err: io.EOF}).Error(); !strings.HasPrefix(s, "not sent") {
		t.Error(s)
	}
	if s := (&sendError{Err: io.EOF}).Error(); !strings.HasPrefix(s, "sent, and no answer came") {
		t.Error(s)
	}
}

// Why a start has no answer is said in words, with the library's own behind them.
func TestNoAnswerIsSaidInWords(t *testing.T) {
	t.Parallel()
	for want, lost := range map[string]error{
		"sent, and no answer came: the other side closed the connection without an answer (EOF)": io.EOF,
		"sent, and no answer came: the other side broke the connection off (read tcp: connection reset by peer)": &net.
			OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
	} {
		c := newTestClient(t, "http://127.0.0.1:1", func(o *clientOptions) {
			o.OwnStarts = false
			o.Starts = roundTrip(func(*http.Request) (*http.Response, error) { return nil, lost })
		})
		if _, err := sendOnce(t, t.Context(), c); err == nil || err.Error() != want {
			t.Errorf("%v reads %q, want %q", lost, err, want)
		}
	}
	ctx, end := context.WithCancelCause(t.Context())
	c := newTestClient(t, "http://127.0.0.1:1", func(o *clientOptions) {
		o.OwnStarts = false
		o.Starts = roundTrip(func(r *http.Request) (*http.Response, error) {
			end(context.DeadlineExceeded)
			return nil, r.Context().Err()
		})
	})
	_, err := sendOnce(t, ctx, c)
	said := regexp.MustCompile(`^sent, and no answer came: none within \d+m?s \(context deadline exceeded\)$`)
	if err == nil || !said.MatchString(err.Error()) {
		t.Errorf("out of time, it reads %q", err)
	}
}

// A token is there before the start: Send asks for none.
func TestSendAsksForNoToken(t *testing.T) {
	t.Parallel()
	var got string
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		got = r.Header.Get("Authorization")
	}))
	defer srv.Close()
	start := newStartTransport()
	start.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig
	c := newTestClient(t, srv.URL, func(o *clientOptions) { o.Starts = start })
	once := c.Once(nil)
	if err := once.Prepare(t.Context(), "start", ""); err != nil {
		t.Fatal(err)
	}
	c.tokens.cred = nil // asking would panic
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := once.Send(ctx, Request{Method: http.MethodPost, Path: "/up"}, atLeisure); err != nil ||
		got != "Bearer secret-token" {
		t.Fatalf("got %q, %v", got, err)
	}
}

// A start that refers to another tenant carries that one's token beside its own:
// neither comes back in what the server says, and a 401 drops both, for nobody can
// say which of them was refused.
func TestSendInTwoTenants(t *testing.T) {
	t.Parallel()
	var asked [2]int
	client := func(tenant int, token string) *Client {
		return newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.OwnStarts = false
			o.Starts = roundTrip(func(r *http.Request) (*http.Response, error) {
				own, second := r.Header.Get("Authorization"), r.Header.Get("X-Ms-Authorization-Auxiliary")
				if own != "Bearer own-tenants-token" || second != "Bearer second-tenants-token" {
					t.Errorf("sent as %q, and as %q", own, second)
				}
				return answer(401, "you were "+own+" and "+second, "x-ms-request-id", second)()
			})
			o.Credential = tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
				asked[tenant]++
				return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, nil
			})
		})
	}
	own, second := client(0, "own-tenants-token"), client(1, "second-tenants-token")
	for n := range 2 {
		once := own.Once(second)
		if err := once.Prepare(t.Context(), "start", ""); err != nil {
			t.Fatal(err)
		}
		resp, err := once.Send(t.Context(), Request{Op: "start", Method: http.MethodPatch, Path: "/up"}, atLeisure)
		if err != nil || resp.Status != 401 {
			t.Fatalf("got %+v, %v", resp, err)
		}
		if all := fmt.Sprintf("%s %v", resp.Body, resp.Header); strings.Contains(all, "tenants-token") {
			t.Errorf("a token came back: %s", all)
		}
		if asked != [2]int{n + 1, n + 1} {
			t.Errorf("after %d refusals signed in %v times", n, asked)
		}
	}
}

// The wait that a 429 names in its text alone holds for starts and reads.
func TestAWaitInTheTextIsHeard(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
		o.OwnStarts = false
		o.Starts = roundTrip(func(*http.Request) (*http.Response, error) {
			return answer(429,
				`{"error":{"code":"ResourceRequestsThrottled","message":"Please try again after '372' seconds."}}`)()
		})
		o.Reads = o.Starts
	})
	if resp, err := sendOnce(t, t.Context(), c); err != nil || resp.RetryAfter != 372*time.Second {
		t.Errorf("a start: got %+v, %v", resp, err)
	}
	if resp, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x"}); err != nil ||
		resp.RetryAfter != 372*time.Second {
		t.Errorf("a read: got %+v, %v", resp, err)
	}
}

// Another process than the one that made a start ready takes a token of its own,
// and sends nothing where it gets none.
func TestSendTakesAToken(t *testing.T) {
	t.Parallel()
	sent, asked := 0, 0
	refuse := false
	newClient := func() *Client {
		return newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.Credential = tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
				if asked++; refuse {
					return azcore.AccessToken{}, errors.New("signed out")
				}
				return azcore.AccessToken{Token: "own", ExpiresOn: time.Now().Add(time.Hour)}, nil
			})
			o.Starts = roundTrip(func(r *http.Request) (*http.Response, error) {
				if sent++; r.Header.Get("Authorization") != "Bearer own" {
					t.Errorf("sent as %q", r.Header.Get("Authorization"))
				}
				return answer(200, "")()
			})
		})
	}
	if _, err := sendOnce(t, t.Context(), newClient()); err != nil || asked != 1 {
		t.Fatalf("asked for %d tokens, %v", asked, err)
	}
	r := Request{Op: "start", Method: http.MethodPost, Path: "/up"}
	if _, err := newClient().Once(nil).Send(t.Context(), r, atLeisure); err != nil || asked != 2 || sent != 2 {
		t.Errorf("of another process: asked for %d tokens, sent %d times, %v", asked, sent, err)
	}
	refuse = true
	_, err := newClient().Once(nil).Send(t.Context(), r, atLeisure)
	if se, ok := errors.AsType[*sendError](err); !ok || !se.NotSent ||
		!strings.HasPrefix(err.Error(), "not sent, there is no token") || sent != 2 {
		t.Errorf("without a token: %v, and %d were sent", err, sent)
	}
}

// The token that a start was made ready with serves it, though it is due to be
// renewed meanwhile; one that is about to end does not.
func TestSendTakesTheTokenAtHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.Credential = tokenFunc(func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
				asked++
				return azcore.AccessToken{Token: "own", ExpiresOn: time.Now().Add(10 * time.Minute)}, nil
			})
			o.Starts = roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "")() })
		})
		once := c.Once(nil)
		if err := once.Prepare(t.Context(), "start", ""); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{1, 1, 2} {
			if _, err := once.Send(t.Context(), Request{Op: "start", Method: http.MethodPost, Path: "/up"},
				atLeisure); err != nil || asked != want {
				t.Errorf("asked for %d tokens, want %d; %v", asked, want, err)
			}
			time.Sleep(8*time.Minute + time.Duration(want)*time.Minute/2)
		}
	})
}

// Whoever hands one start in twice sends it once.
func TestSendSendsNothingTwice(t *testing.T) {
	t.Parallel()
	sent := 0
	c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
		o.Starts = roundTrip(func(*http.Request) (*http.Response, error) { sent++; return answer(200, "")() })
	})
	r := Request{Op: "start", Method: http.MethodPost, Path: "/up",
		Header: http.Header{"X-Ms-Client-Request-Id": {"op-1"}}}
	if _, err := c.Once(nil).Send(t.Context(), r, atLeisure); err != nil {
		t.Fatal(err)
	}
	_, err := c.Once(nil).Send(t.Context(), r, atLeisure)
	if se, ok := errors.AsType[*sendError](err); !ok || se.NotSent || sent != 1 ||
		!strings.Contains(err.Error(), "sends nothing twice") {
		t.Errorf("sent %d times; %v", sent, err)
	}
}

// What a start still waits for, a token and then a connection, may take longer than it may
// leave at all: it does not leave later.
func TestSendLeavesInTimeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signsIn, connects time.Duration
		sent, heldBack    bool
	}{
		"at once":                       {0, 0, true, false},
		"a token comes in time":         {4 * time.Second, 0, true, false},
		"a token comes too late":        {8 * time.Second, 0, false, true},
		"a connection is made in time":  {0, 4 * time.Second, true, false},
		"a connection is made too late": {0, 8 * time.Second, false, false},
		"either in time, both too late": {4 * time.Second, 2 * time.Second, false, false},
		"a token never comes in time":   {time.Minute, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				until, left := time.Now().Add(5*time.Second), time.Time{}
				start := newStartTransport()
				start.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
					select {
					case <-time.After(c.connects):
					case <-ctx.Done():
						return nil, ctx.Err()
					}
					ours, theirs := net.Pipe()
					go func() {
						defer func() { _ = theirs.Close() }()
						if r, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
							_, _ = io.Copy(io.Discard, r.Body)
							left = time.Now()
							_, _ = io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
						}
					}()
					return ours, nil
				}
				cl := newTestClient(t, "https://arm.example", func(o *clientOptions) {
					o.Starts, o.OwnStarts = start, true
					o.Credential = tokenFunc(func(ctx context.Context,
						_ policy.TokenRequestOptions) (azcore.AccessToken, error) {
						select {
						case <-time.After(c.signsIn):
						case <-ctx.Done():
							return azcore.AccessToken{}, ctx.Err()
						}
						return azcore.AccessToken{Token: "own", ExpiresOn: time.Now().Add(time.Hour)}, nil
					})
				})
				_, err := cl.Once(nil).Send(t.Context(),
					Request{Op: "start", Method: http.MethodPost, Path: "/up", Body: []byte("{}")},
					func() (time.Duration, string) {
						if within := time.Until(until); within >= 0 {
							return within, ""
						}
						return 0, "it is too late"
					})
				time.Sleep(time.Minute) // what goes on behind its back has ended
				synctest.Wait()
				if c.sent != !left.IsZero() || left.After(until) {
					t.Errorf("it left at %v, and may until %v", left, until)
				}
				se, failed := errors.AsType[*sendError](err)
				if failed == c.sent || failed && (!se.NotSent || se.HeldBack != c.heldBack) {
					t.Errorf("it says %+v", err)
				}
				if a := NoStartAnswer(cmp.Or(err, io.EOF), "op"); failed &&
					(a.Verdict != fleet.StartNotSent || (a.Code == "") != c.heldBack) {
					t.Errorf("its answer is %+v", a)
				}
			})
		})
	}
}

// A process that is stopped between a start's head and its body sends the body only if
// that may still leave. A run that was told to leave meanwhile lets it end: broken off, it
// would be in doubt.
func TestTheBodyLeavesInTimeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stopped time.Duration
		told    bool
		leaves  bool
	}{
		"at once":               {0, false, true},
		"told to leave":         {0, true, true},
		"stopped, and in time":  {5 * time.Second, true, true},
		"stopped for too long":  {5*time.Second + bodySlack + 1, false, false},
		"stopped for ten hours": {10 * time.Hour, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				told, left := false, false
				cl := newTestClient(t, "https://arm.example", func(o *clientOptions) {
					o.Starts, o.OwnStarts = roundTrip(func(r *http.Request) (*http.Response, error) {
						httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
						told = c.told
						time.Sleep(c.stopped)
						if _, err := io.ReadAll(r.Body); err != nil {
							return nil, err
						}
						left = true
						return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
					}), true
				})
				_, err := cl.Once(nil).Send(t.Context(),
					Request{Op: "start", Method: http.MethodPost, Path: "/up", Body: []byte("{}")},
					func() (time.Duration, string) {
						if told {
							return 0, "the run was told to stop"
						}
						return 5 * time.Second, ""
					})
				if left != c.leaves || (err == nil) != c.leaves {
					t.Fatalf("left: %v; %v", left, err)
				}
				// What has left of it leaves it in doubt.
				if se, failed := errors.AsType[*sendError](err); failed &&
					(se.NotSent || !strings.Contains(se.Error(), "before its body left")) {
					t.Errorf("it says %v", err)
				}
			})
		})
	}
}
