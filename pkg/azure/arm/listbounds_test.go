package arm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// endless answers with one page after the other, in memory.
type endless struct {
	pages   int           // that there are
	bytes   int           // that each has
	takes   time.Duration // each
	answers int
}

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(e.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	e.answers++
	next := ""
	if e.answers < e.pages {
		next = fmt.Sprintf(`,"nextLink":"/list?page=%d"`, e.answers)
	}
	body := `{"value":[{}]` + next + `}`
	body += strings.Repeat(" ", max(0, e.bytes-len(body)))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// TestListHasAnEnd: who makes up one page after the other, makes them large or takes
// long for each holds nothing up for ever, and what was read till then is no list.
func TestListHasAnEnd(t *testing.T) {
	t.Parallel()
	small := bounds{usualBounds.pages, 3 << 20, usualBounds.time}
	for name, c := range map[string]struct {
		cloud endless
		most  bounds
		items int    // of the list; 0: it is refused
		err   string // why
		takes time.Duration
	}{
		"as many pages as may be": {endless{pages: 1000, takes: 500 * time.Millisecond}, usualBounds, 1000, "",
			500 * time.Second},
		"too many pages": {endless{pages: 1001}, usualBounds, 0, "1000 pages are more than such a list has",
			0},
		// the last page is here by then
		"as many bytes as may be": {endless{pages: 4, bytes: 1 << 20}, small, 4, "", 0},
		"too many bytes": {endless{pages: 5, bytes: 1 << 20}, small, 0, "4 MB are more than such a list has",
			0},
		"too slow": {endless{pages: 20, takes: 55 * time.Second}, usualBounds, 0, "its list does not end within 10m0s",
			10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, rm, err := azure.NewAPIClients(azure.Options{Transport: &c.cloud,
					Cloud: fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "http://127.0.0.1:1",
						ResourceManager: "http://127.0.0.1:1"}})
				if err != nil {
					t.Fatal(err)
				}
				u, err := New(testChange(), Options{ResourceManager: rm, Subscriptions: []fleet.Subscription{{ID: sub}},
					Kind: fleet.Options{fleet.OptionAPIVersion: "2026-07-01"}})
				if err != nil {
					t.Fatal(err)
				}
				defer u.Close()
				began := time.Now()
				got, _, err := listWithin[struct{}](context.Background(), u, sub, "read the list", "/list", c.most)
				if c.err == "" {
					if err != nil || len(got) != c.items {
						t.Errorf("%d items, %v", len(got), err)
					}
				} else if err == nil || !strings.Contains(err.Error(), c.err) || got != nil {
					t.Errorf("%d items, %v", len(got), err)
				}
				if took := time.Since(began); took != c.takes {
					t.Errorf("it took %v, want %v", took, c.takes)
				}
			})
		})
	}
}
