package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestQuota: queries keep to the quota that answers tell of, and to the known
// one where they tell nothing; throttled ones come again when they may.
func TestQuota(t *testing.T) {
	t.Parallel()
	throttled := func(header ...string) *reply {
		r := &reply{status: 429, header: map[string]string{},
			body: refusalJSON("RateLimiting",
				`{"code":"RateLimiting","message":"Client application has been throttled"}`)}
		for i := 0; i < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		return r
	}
	const remaining, resets = "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after"
	tests := []struct {
		name   string
		pages  int
		header map[string]string
		answer func(n int, b body) *reply
		asked  int
		takes  time.Duration
		fails  string // the error's words; "": none
		again  time.Duration
	}{
		{name: "within the quota", pages: 15, asked: 15},
		{name: "over the quota, which nobody tells", pages: 16, asked: 16, takes: 5 * time.Second},
		{name: "far over it", pages: 31, asked: 31, takes: 10 * time.Second},
		{name: "a larger quota", pages: 31, header: map[string]string{remaining: "100", resets: "00:00:05"}, asked: 31},
		{name: "used up by somebody else", pages: 3, header: map[string]string{remaining: "0", resets: "00:00:03"},
			asked: 3, takes: 6 * time.Second},
		{name: "headers that say nothing", pages: 16, header: map[string]string{remaining: "-1", resets: "5"},
			asked: 16, takes: 5 * time.Second},
		{name: "throttled until the quota resets", pages: 2, answer: func(n int, _ body) *reply {
			if n < 3 {
				return throttled(remaining, "0", resets, "00:00:04")
			}
			return nil
		}, asked: 5, takes: 12 * time.Second},
		{name: "throttled by Retry-After", pages: 1, answer: func(n int, _ body) *reply {
			if n < 2 {
				return throttled("Retry-After", "90")
			}
			return nil
		}, asked: 3, takes: 3 * time.Minute},
		{name: "the longer of the two counts", pages: 1, answer: func(n int, _ body) *reply {
			if n < 1 {
				return throttled("Retry-After", "2", remaining, "0", resets, "00:01:00")
			}
			return nil
		}, asked: 2, takes: time.Minute},
		{name: "throttled, without a word of when", pages: 1, answer: func(n int, _ body) *reply {
			if n < 2 {
				return throttled()
			}
			return nil
		}, asked: 3, takes: 10 * time.Second},
		{name: "throttled for ever", pages: 1,
			answer: func(int, body) *reply { return throttled("Retry-After", "120") }, asked: 6,
			takes: 10 * time.Minute,
			fails: "RateLimiting: Client application has been throttled (HTTP 429)", again: 2 * time.Minute},
		{name: "for longer than anybody waits", pages: 1,
			answer: func(int, body) *reply { return throttled("Retry-After", "3600") }, asked: 1,
			fails: "has been throttled", again: time.Hour},
		{name: "a quota that comes tomorrow", pages: 2, header: map[string]string{remaining: "0", resets: "23:00:00"},
			asked: 1, fails: "quota of queries is used up", again: 23 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &service{t: t, header: tt.header, answer: tt.answer}
				for i := range tt.pages {
					s.rows = append(s.rows, vaultRow(sub, "rg", fmt.Sprint("v", i)))
				}
				c := s.client(true)
				c.top = 1
				begun := time.Now()
				got, err := vaults(t, c, one)
				if took := time.Since(begun); len(s.sent) != tt.asked || took != tt.takes {
					t.Errorf("asked %d times in %v, want %d in %v", len(s.sent), took, tt.asked, tt.takes)
				}
				switch {
				case tt.fails == "":
					if err != nil || len(got) != tt.pages {
						t.Errorf("got %d rows, %v", len(got), err)
					}
				case fleet.ClassOf(err) != fleet.CallThrottled || !strings.Contains(err.Error(), tt.fails) ||
					fleet.RetryAfterOf(err) != tt.again:
					t.Errorf("got %v, again after %v", err, fleet.RetryAfterOf(err))
				}
			})
		})
	}
}

// A wait ends with its context, at once.
func TestWaitsAreInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{t: t, answer: func(int,
			body) *reply {
			return &reply{status: 429, header: map[string]string{"Retry-After": "300"}}
		}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(7*time.Second, cancel)
		begun := time.Now()
		err := s.client(true).Vaults(ctx, one, VaultQuery(Filter{}, rsv), func(Resource) {})
		if took := time.Since(begun); took != 7*time.Second || !errors.Is(err, context.Canceled) ||
			fleet.ClassOf(err) != fleet.CallUnreachable {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestResetsAfter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"00:00:05": 5 * time.Second,
		" 01:02:03 ": time.Hour + 2*time.Minute + 3*time.Second,
		"99:59:59":   99*time.Hour + 59*time.Minute + 59*time.Second,
		"":           0, "5": 0, "00:60:00": 0, "00:00:-1": 0, "100:00:00": 0, "0x1:00:00": 0, "00:00:00:00": 0,
		"00:00:05.5": 0} {
		if got := resetsAfter(http.Header{"X-Ms-User-Quota-Resets-After": {in}}); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
}
