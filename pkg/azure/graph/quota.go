package graph

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What an identity may ask where answers say nothing else: 15 queries in 5 s
// (resource-manager.md#resource-graph).
const (
	quotaQueries = 15
	quotaWindow  = 5 * time.Second
)

// quota is how many queries are left in a window, and when that ends.
type quota struct {
	left int
	ends time.Time
}

// pause is how long to wait before the next query.
func (q *quota) pause(now time.Time) time.Duration {
	if q.left > 0 {
		return 0
	}
	return max(q.ends.Sub(now), 0)
}

// take counts a query.
func (q *quota) take(now time.Time) {
	if !now.Before(q.ends) {
		q.left, q.ends = quotaQueries, now.Add(quotaWindow)
	}
	q.left--
}

// learn takes over what an answer says of the quota.
func (q *quota) learn(h http.Header, now time.Time) {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("x-ms-user-quota-remaining")))
	after := resetsAfter(h)
	if err == nil && n >= 0 && after > 0 {
		q.left, q.ends = n, now.Add(after)
	}
}

// empty keeps the next query back for as long as d, or as the answer said that
// was learnt of.
func (q *quota) empty(d time.Duration, now time.Time) {
	q.left = 0
	if until := now.Add(d); until.After(q.ends) {
		q.ends = until
	}
}

// resetsAfter is when the quota is full again, which comes as hh:mm:ss; 0 where
// an answer does not say it.
func resetsAfter(h http.Header) time.Duration {
	parts := strings.Split(strings.TrimSpace(h.Get("x-ms-user-quota-resets-after")), ":")
	if len(parts) != 3 {
		return 0
	}
	seconds := 0
	for i, most := range []uint64{99, 59, 59} {
		n, err := strconv.ParseUint(parts[i], 10, 8)
		if err != nil || n > most {
			return 0
		}
		seconds = seconds*60 + int(n)
	}
	return time.Duration(seconds) * time.Second
}
