package azure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// pacer gives so many turns, and writes down what it is asked and told.
type pacer struct {
	mu    sync.Mutex
	turns int
	asked []string
	lanes []string
	told  []fleet.RateLimitAnswer
}

var errNoTurn = errors.New("told to stop")

func (p *pacer) Wait(_ context.Context, subscription string, lane fleet.RateLimitClass) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, subscription+" "+string(lane))
	if p.turns--; p.turns < 0 {
		return errNoTurn
	}
	return nil
}

func (p *pacer) Told(subscription string, lane fleet.RateLimitClass, a fleet.RateLimitAnswer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lanes = append(p.lanes, subscription+" "+string(lane))
	p.told = append(p.told, a)
}

// Bodies of 429s that are not about the number of requests, as the sources of
// busyCodes show them.
const (
	lockedByAnother = `{"error":{"code":"RetryableError","message":"A retryable error occured.","details":[
		{"code":"RetryableErrorDueToAnotherOperation","message":"Operation X is updating resource Y. The call can be retried in 14 seconds."}]}}`
	siteModified = `{"Code":"Conflict","Message":"Cannot modify this site because another operation is in progress.","Target":null,
		"Details":[{"Message":"Cannot modify"},{"Code":"Conflict"},{"ErrorEntity":{"Code":"Conflict"}}],"Innererror":null}`
	tooMany = `{"error":{"code":"SubscriptionRequestsThrottled","message":"Number of 'read' requests exceeded. Please try again after '10' seconds."}}`
)

func TestBusyIsToldFromSlowDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		busy   bool
	}{
		{"locked by another operation", 429, lockedByAnother, true},
		{"its code alone", 429, `{"error":{"code":"RetryableErrorDueToAnotherOperation","message":"m"}}`, true},
		{"what it refers to is changing", 429,
			`{"error":{"code":"RetryableError","details":[{"code":"ReferencedResourceNotProvisioned"}]}}`, true},
		{"a bare code", 429, siteModified, true},
		{"details of another form", 429, `{"error":{"code":"Conflict","message":"m","details":null,"innerError":[]}}`,
			true},
		{"details that are a text", 429, `{"error":{"details":"see there","code":"Conflict"}}`, true},
		{"too many requests", 429, tooMany, false},
		{"a code nobody knows", 429, `{"error":{"code":"SomethingNew","details":[{"code":"Else"}]}}`, false},
		{"a message that speaks of an operation", 429,
			`{"error":{"code":"TooManyRequests","message":"Conflict: another operation is in progress"}}`, false},
		{"no code", 429, `{"error":{"message":"slow down"}}`, false},
		{"no JSON", 429, `<Error><Code>Conflict</Code></Error>`, false},
		{"nothing", 429, "", false},
		{"cut short", 429, lockedByAnother[:40], false},
		{"a null", 429, "null", false},
		{"a list", 429, `[{"code":"Conflict"}]`, false},
		{"another status", 409, lockedByAnother, false},
		{"a server's error", 503, siteModified, false},
	} {
		r := &Response{Status: tt.status, Body: []byte(tt.body), RetryAfter: time.Minute}
		if got := r.Busy(); got != tt.busy {
			t.Errorf("%s: busy is %v", tt.name, got)
		}
		if tt.status != http.StatusTooManyRequests {
			continue
		}
		// A resource that is busy is a conflict, and asks nothing of the subscription.
		want, patience := fleet.CallThrottled, time.Minute
		if tt.busy {
			want, patience = fleet.CallConflict, 0
		}
		if e := r.Error("read it", "code", ""); e.Class != want || e.RetryAfter != patience {
			t.Errorf("%s: the error is %+v", tt.name, e)
		}
	}
}

func TestRemaining(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"none", nil, -1},
		{"reads", []string{"x-ms-ratelimit-remaining-subscription-reads", "249"}, 249},
		{"writes, and those of all identities",
			[]string{"x-ms-ratelimit-remaining-subscription-writes", "199",
				"x-ms-ratelimit-remaining-subscription-global-writes", "2999"}, 199},
		{"all identities have fewer", []string{"x-ms-ratelimit-remaining-subscription-reads", "249",
			"x-ms-ratelimit-remaining-subscription-global-reads", "3"}, 3},
		{"of a provider's own limit", []string{"x-ms-ratelimit-remaining-subscription-resource-requests", "14"}, 14},
		{"of the tenant", []string{"x-ms-ratelimit-remaining-tenant-reads", "0"}, 0},
		{"no number", []string{"x-ms-ratelimit-remaining-subscription-reads", "many",
			"x-ms-ratelimit-remaining-tenant-reads", "-3"}, -1},
		{"a list of a provider's", []string{"x-ms-ratelimit-remaining-resource", "Microsoft.Compute/HighCostGet3Min;2"},
			-1},
		{"somebody else's", []string{"x-ms-ratelimit-remaining-tokens", "1"}, -1},
	} {
		h := http.Header{}
		for i := 0; i < len(tt.header); i += 2 {
			h.Set(tt.header[i], tt.header[i+1])
		}
		if got := remaining(h); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

// The pacer hears of each try's answer, and of nothing that is no answer.
func TestPacerIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cut := func() (*http.Response, error) {
			r, _ := answer(429, "")()
			r.Body = io.NopCloser(errReader{})
			return r, nil
		}
		a := &answers{list: []func() (*http.Response, error){
			broken(errors.New("no route")),
			answer(429, tooMany, "Retry-After", "7", "x-ms-ratelimit-remaining-subscription-reads", "0"),
			answer(200, "ok", "x-ms-ratelimit-remaining-subscription-reads", "248"),
			answer(404, ""), answer(429, lockedByAnother, "Retry-After", "120"), cut, answer(500, ""),
			answer(503, "", "Retry-After", "60")}}
		p := &pacer{turns: 99}
		c := newTestClient(t, "https://arm.example", func(o *clientOptions) {
			o.Reads, o.Pacer, o.ReadLane, o.WriteLane = a, p, fleet.ClassReads, fleet.ClassWrites
		})
		for range 4 {
			if _, err := c.Do(t.Context(),
				Request{Op: "read it", Method: http.MethodGet, Path: "/x", Subject: "sub"}); err != nil {
				t.Fatal(err)
			}
		}
		want := []fleet.RateLimitAnswer{
			{SlowDown: true, RetryAfter: 7 * time.Second, Remaining: 0},
			{Good: true, Remaining: 248},
			{Good: true, Remaining: -1},
			{Remaining: -1},                 // busy: no trouble of the subscription's, and nothing to be glad of
			{SlowDown: true, Remaining: -1}, // it broke off, and said enough
			{Remaining: -1},
			{Remaining: -1},
		}
		for i := range want {
			want[i].SentAt = a.times[i+1]
		}
		if !slices.Equal(p.told, want) {
			t.Errorf("told\n%+v, want\n%+v", p.told, want)
		}
		for _, lane := range append(slices.Clone(p.asked), p.lanes...) {
			if lane != "sub "+string(fleet.ClassReads) {
				t.Errorf("a read was counted for %s", lane)
			}
		}
	})
}

// Each side's requests are counted where that side counts them. What is of no
// subscription is not paced: the limits are those of subscriptions.
func TestLanes(t *testing.T) {
	t.Parallel()
	p := &pacer{turns: 99}
	rt := roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "")() })
	sm, rm, err := NewAPIClients(Options{Pacer: p, Transport: rt, Version: "1",
		Cloud: fleet.Cloud{ServiceManagement: "http://127.0.0.1:1", ResourceManager: "http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		side          *APIClients
		method, start string
		want          fleet.RateLimitClass
	}{
		{sm, "GET", "", fleet.ClassServiceManagement}, {sm, "POST", "", fleet.ClassServiceManagement},
		{sm, "", "POST", fleet.ClassServiceManagement},
		{rm, "GET", "", fleet.ClassReads}, {rm, "HEAD", "", fleet.ClassReads}, {rm, "POST", "", fleet.ClassWrites},
		{rm, "PUT", "", fleet.ClassWrites},
		{rm, "", "PATCH", fleet.ClassWrites}, {rm, "", "POST", fleet.ClassWrites},
	} {
		for _, subject := range []string{"sub", ""} {
			p.asked, p.lanes = nil, nil
			c, err := tt.side.Client("")
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"sub " + string(tt.want)}
			if subject == "" {
				want = nil
			}
			if tt.start == "" {
				_, err = c.Do(t.Context(), Request{Op: "ask", Method: tt.method, Path: "/x", Subject: subject})
			} else {
				once := c.Once(nil)
				if err = once.Prepare(t.Context(), "start", subject); err == nil {
					if !slices.Equal(p.asked, want) {
						t.Errorf("%s asked for %q before it was ready", tt.start, p.asked)
					}
					_, err = once.Send(t.Context(),
						Request{Op: "start", Method: tt.start, Path: "/x", Subject: subject}, atLeisure)
				}
			}
			if err != nil || !slices.Equal(p.asked, want) || !slices.Equal(p.lanes, want) {
				t.Errorf("%s %s%s of %q: asked for %q, told %q, %v", tt.side.Name(), tt.method, tt.start, subject,
					p.asked, p.lanes, err)
			}
		}
	}
}

// Without a turn nothing is sent. A try after a 429 that gets none in time
// says what stands in the way: the vault has no trouble, the subscription has.
func TestNoTurn(t *testing.T) {
	t.Parallel()
	list := func(l ...func() (*http.Response, error)) []func() (*http.Response, error) { return l }
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name  string
			turns int
			first []func() (*http.Response, error)
			tries int
			class fleet.CallClass
			retry time.Duration
			says  string
		}{
			{"at once", 0, nil, 0, fleet.CallUnreachable, 0, "waiting for its turn: told to stop"},
			{"after a 503", 1, list(answer(503, "")), 1, fleet.CallUnreachable, 0, "told to stop"},
			{"after a 429", 1, list(answer(429, tooMany, "Retry-After", "9", "x-ms-request-id", "req-7")), 1,
				fleet.CallThrottled, 9 * time.Second, "(request req-7)"},
			{"after a busy 429", 1, list(answer(429, lockedByAnother, "Retry-After", "9")), 1, fleet.CallConflict, 0,
				"HTTP 429"},
			{"after a 429 and a 503", 2, list(answer(429, tooMany, "Retry-After", "9"), answer(503, "")), 2,
				fleet.CallUnreachable, 0, "told to stop"},
		} {
			p, a := &pacer{turns: tt.turns}, &answers{list: tt.first}
			c := newTestClient(t, "https://arm.example", func(o *clientOptions) { o.Reads, o.Pacer = a, p })
			_, err := c.Do(t.Context(), Request{Op: "read it", Method: http.MethodGet, Path: "/x", Subject: "sub"})
			if fleet.ClassOf(err) != tt.class || fleet.RetryAfterOf(err) != tt.retry || len(a.times) != tt.tries ||
				!strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %d tries, %+v", tt.name, len(a.times), err)
			}
			if err := c.Once(nil).Prepare(t.Context(), "start", "sub"); !errors.Is(err, errNoTurn) ||
				fleet.ClassOf(err) != fleet.CallUnreachable {
				t.Errorf("%s: a start is ready without its turn: %v", tt.name, err)
			}
		}
	})
}
