package emulator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/test/handler"
)

func TestTransportCarriesRequestAndAnswer(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Seen", r.Method+" "+r.RequestURI+" "+r.Host+" "+r.Header.Get("X")+" "+string(b))
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("Late", "not sent")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "body")
	})
	cl := &client{t: t, http: &http.Client{Transport: handler.Transport(h)}, base: "http://host:1"}
	a := cl.do(context.Background(), "POST", "/a%20b?c=d", "in", http.Header{"X": {"y"}})
	if a.status != http.StatusTeapot || a.body != "body" || a.header.Get("Late") != "" ||
		a.header.Get("Seen") != "POST /a%20b?c=d host:1 y in" {
		t.Errorf("answer %+v", a)
	}
}

func TestTransportFailures(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	tests := map[string]struct {
		handler http.HandlerFunc
		check   func(error) bool
	}{
		"abort": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		"panic": {func(http.ResponseWriter, *http.Request) { panic("oops") },
			func(err error) bool { return err != nil && strings.Contains(err.Error(), "oops") }},
		"client gone": {func(_ http.ResponseWriter, r *http.Request) { leave(); <-r.Context().Done(); close(left) },
			func(err error) bool { return errors.Is(err, context.Canceled) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			if name == "client gone" {
				ctx = gone
			}
			req, err := http.NewRequestWithContext(ctx, "GET", "http://x/", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := handler.Transport(tt.handler).RoundTrip(req)
			if err == nil {
				_ = res.Body.Close()
			}
			if !tt.check(err) {
				t.Errorf("error %v", err)
			}
			if name == "client gone" {
				<-left // the handler's goroutine ends
			}
		})
	}
}

// A night passes in no time, with every wait inside the handler.
func TestTransportInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &locked{}
		c, err := New(Config{Vaults: fleet(), Log: log, Scenario: Scenario{Faults: []Fault{
			{Kind: kindSlow, Vault: "alpha", Delay: "1h", Calls: []string{"prereqs"}},
			{Kind: kindHang, Vault: "beta", Calls: []string{"prereqs"}, Times: -1},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		cl := inMemory(t, c)
		hung, cancel := context.WithCancelCause(context.Background())
		cause := errors.New("enough")
		done := make(chan answer)
		go func() {
			v := fleet()[1]
			done <- cl.do(hung, "POST", cl.path(v)+"/checkPrereqsForUpgrade", input(v), postHeader(newID()))
		}()
		began := time.Now()
		wantStatus(t, cl.prereqs(fleet()[0]), 200)
		if d := time.Since(began); d != time.Hour {
			t.Errorf("took %v", d)
		}
		cancel(cause)
		if a := <-done; !errors.Is(a.err, cause) {
			t.Errorf("answer %+v", a)
		}
		// The handler has noticed, long before Close.
		synctest.Wait()
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), `"fault":"hang"`) {
			t.Errorf("log %s", log)
		}
	})
}
