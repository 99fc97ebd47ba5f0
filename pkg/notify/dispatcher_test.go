package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func event(k Kind, n int) Event {
	return Event{ID: fmt.Sprintf("run/%d", n), Kind: k, At: t0, Subject: "run",
		Data: Data{RunID: "run", Title: titles[k]}}
}

// receiver is a webhook on loopback.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []*http.Request
	raw [][]byte
	ids chan string
}

func receive(t *testing.T, answer func(n int, w http.ResponseWriter)) *receiver {
	r := &receiver{ids: make(chan string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got, r.raw = append(r.got, req), append(r.raw, body)
		n := len(r.got)
		r.mu.Unlock()
		answer(n, w)
		r.ids <- req.Header.Get(HeaderID)
	}))
	t.Cleanup(r.Close)
	return r
}

func target(t *testing.T, f Format, url string) Target {
	t.Helper()
	x, err := ParseTarget(string(f) + "=" + url)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// Every notification comes once, in order, signed, in the form of its target.
func TestDelivers(t *testing.T) {
	t.Parallel()
	r := receive(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) })
	secret := []byte("not in any log")
	c := NewDispatcher(Options{Targets: []Target{target(t, CloudEvents, r.URL+"/hook?sig=x")}, Secret: secret,
		UserAgent: "fleetup/test"})
	for i, k := range Kinds() {
		c.Tell(event(k, i))
	}
	if losses, more := c.Close(within(t, time.Minute)); len(losses)+more > 0 {
		t.Fatalf("lost %v", losses)
	}
	if len(r.got) != len(Kinds()) {
		t.Fatalf("%d came, want %d", len(r.got), len(Kinds()))
	}
	for i, req := range r.got {
		if id := req.Header.Get(HeaderID); id != fmt.Sprintf("run/%d", i) {
			t.Errorf("number %d is %s", i, id)
		}
		if ct := req.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/cloudevents+json") {
			t.Errorf("Content-Type %s", ct)
		}
		if req.URL.RawQuery != "sig=x" || req.Method != http.MethodPost {
			t.Errorf("%s %s", req.Method, req.URL)
		}
		if got, want := req.Header.Get(HeaderSignature),
			Sign(secret, req.Header.Get(HeaderTimestamp), r.raw[i]); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
	}
}

// What cannot come better is tried once; what can is tried again.
func TestAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := receive(t, func(int, http.ResponseWriter) {})
	for _, c := range []struct {
		name     string
		answer   func(n int, w http.ResponseWriter)
		attempts int
		why      string // empty: delivered
	}{
		{"500, then 200", func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}, 2, ""},
		{"429 with Retry-After, then 204", func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}, 2, ""},
		{"404", func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, 1, "HTTP 404"},
		{"a redirect", func(_ int, w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, 1, "HTTP 307: it redirects"},
		{"a redirect that others follow with a GET", func(_ int, w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusFound)
		}, 1, "HTTP 302: it redirects"},
		{"a body without an end", func(_ int, w http.ResponseWriter) {
			w.WriteHeader(http.StatusOK)
			for range 200 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, c.answer)
			lost := make(chan Loss, 1)
			dispatcher := NewDispatcher(Options{Targets: []Target{target(t, Slack, r.URL+"/T0/s3cr3t")},
				Lost: func(l Loss) { lost <- l }})
			dispatcher.Tell(event(Halted, 1))
			for range c.attempts {
				<-r.ids
			}
			losses, _ := dispatcher.Close(within(t, time.Minute))
			if len(r.got) != c.attempts {
				t.Errorf("%d attempts, want %d", len(r.got), c.attempts)
			}
			switch {
			case c.why == "" && len(losses) > 0:
				t.Errorf("lost: %v", losses)
			case c.why != "" && (len(losses) != 1 || !strings.Contains(losses[0].Why, c.why) ||
				strings.Contains(losses[0].String(), "s3cr3t")):
				t.Errorf("losses %v, want one for %q", losses, c.why)
			case c.why != "" && (<-lost).Event.ID != "run/1":
				t.Error("another loss was told")
			}
		})
	}
	if len(elsewhere.got) > 0 {
		t.Error("a redirect was followed")
	}
}

// A target that refuses, one that never answers and one that answers nonsense
// hold up neither a call of Tell nor the end, nor the target beside them.
func TestDeadTargetsHoldUpNothing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(release) }) // first
	refuses := httptest.NewServer(nil)
	refuses.Close()
	babbles, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talk sync.WaitGroup
	talk.Go(func() {
		for {
			conn, err := babbles.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := conn.Read(b)
			first, _, _ := strings.Cut(string(b[:n]), "\r\n")
			fmt.Fprintf(conn, "%s\r\n\r\n", first) // its own request line, the URL in it
			conn.Close()
		}
	})
	t.Cleanup(func() { babbles.Close(); talk.Wait() })
	good := receive(t, func(int, http.ResponseWriter) {})
	const secret = "/services/s3cr3t"
	c := NewDispatcher(Options{Targets: []Target{target(t, Teams, hangs.URL+secret),
		target(t, Teams, refuses.URL+secret),
		target(t, Teams, "http://"+babbles.Addr().String()+secret), target(t, Teams, good.URL+secret)}})
	for i := range 3 {
		c.Tell(event(WaveFinished, i))
	}
	for range 3 {
		<-good.ids
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	losses, more := c.Close(ctx)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the end took %s", took)
	}
	if len(losses)+more != 9 {
		t.Errorf("%d losses, want 9: %v", len(losses)+more, losses)
	}
	for _, l := range losses {
		if strings.Contains(l.String(), "s3cr3t") || l.Why == "" {
			t.Errorf("%q names the secret, or no reason", l)
		}
	}
}

// script is a transport that answers from a list, in virtual time.
type script struct {
	mu      sync.Mutex
	at      []time.Time
	ids     []string
	answers func(n int) (status int, header http.Header, err error)
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.ids = append(s.at, time.Now()), append(s.ids, r.Header.Get(HeaderID))
	status, h, err := s.answers(len(s.at))
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: r}, nil
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// Retries come slower and slower, and end after a quarter of an hour.
func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: func(int) (int, http.Header, error) { return 0, nil, errRefused }}
		c := NewDispatcher(Options{Targets: []Target{target(t, Slack, "https://hooks.example/x")}, Transport: s})
		c.Tell(event(Started, 1))
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(s.at); n < 15 || n > 40 {
			t.Errorf("%d attempts in a quarter of an hour", n)
		}
		for i := 1; i < len(s.at); i++ {
			full := min(firstWait<<(i-1), longestWait)
			if gap := s.at[i].Sub(s.at[i-1]); gap < full/2 || gap > full {
				t.Errorf("attempt %d came after %s, want %s to %s", i+1, gap, full/2, full)
			}
		}
		if whole := s.at[len(s.at)-1].Sub(s.at[0]); whole > giveUp {
			t.Errorf("tried for %s", whole)
		}
		losses, _ := c.Close(context.Background())
		if len(losses) != 1 || !strings.Contains(losses[0].Why, "connection refused, for 15m") {
			t.Errorf("losses %v", losses)
		}
	})
}

// A Retry-After is obeyed, but not for ever.
func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		after := []string{"90", time.Now().Add(90*time.Second + 200*time.Second).UTC().Format(http.TimeFormat),
			"86400", "-5"}
		s := &script{answers: func(n int) (int, http.Header, error) {
			if n > len(after) {
				return 200, nil, nil
			}
			return 503, http.Header{"Retry-After": {after[n-1]}}, nil
		}}
		c := NewDispatcher(Options{Targets: []Target{target(t, Slack, "https://hooks.example/x")}, Transport: s})
		c.Tell(event(Started, 1))
		time.Sleep(time.Hour)
		if losses, _ := c.Close(context.Background()); len(losses) > 0 {
			t.Fatalf("lost %v", losses)
		}
		for i, want := range []time.Duration{90 * time.Second, 200 * time.Second, longestAfter} {
			if gap := s.at[i+1].Sub(s.at[i]).Round(time.Second); gap != want {
				t.Errorf("after %q it waited %s, want %s", after[i], gap, want)
			}
		}
	})
}

// While a target is away the oldest of what matters less is dropped, and what
// is vital and what is newest is kept.
func TestFullQueueKeepsWhatMatters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := true
		s := &script{}
		s.answers = func(int) (int, http.Header, error) {
			if away {
				return 0, nil, errRefused
			}
			return 200, nil, nil
		}
		c := NewDispatcher(Options{Targets: []Target{target(t, Slack, "https://hooks.example/x")}, Transport: s})
		c.Tell(event(Started, 0))
		synctest.Wait() // it is under way, and in no queue
		c.Tell(event(Halted, 1))
		for i := 2; i < 100; i++ {
			c.Tell(event(WaveFinished, i))
		}
		c.Tell(event(Finished, 100))
		s.mu.Lock()
		away, s.ids = false, nil
		s.mu.Unlock()
		losses, more := c.Close(context.Background())
		if len(losses) != keptLosses || len(losses)+more != 100-queueLength {
			t.Errorf("%d losses named and %d counted, want %d of %d", len(losses), more, keptLosses, 100-queueLength)
		}
		if !slices.Contains(s.ids, "run/1") || s.ids[len(s.ids)-1] != "run/100" || slices.Contains(s.ids, "run/2") ||
			!slices.Contains(s.ids, "run/99") {
			t.Errorf("delivered %v", s.ids)
		}
	})
}

// At the end a target that was away gets one more attempt for each
// notification, at once.
func TestCloseTriesOnceMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: func(int) (int, http.Header, error) {
			return 503, http.Header{"Retry-After": {"300"}},
				nil
		}}
		c := NewDispatcher(Options{Targets: []Target{target(t, Slack, "https://hooks.example/x")}, Transport: s})
		c.Tell(event(Halted, 1))
		c.Tell(event(Finished, 2))
		synctest.Wait()
		began := time.Now()
		losses, _ := c.Close(context.Background())
		if time.Since(began) != 0 || len(losses) != 2 || !slices.Equal(s.ids, []string{"run/1", "run/1", "run/2"}) {
			t.Errorf("after %s: attempts %v, losses %v", time.Since(began), s.ids, losses)
		}
	})
}
