package strictarm

import (
	"net/http"
	"strconv"
	"time"
)

// bucket is a token bucket as Resource Manager keeps them, for the reads or
// the writes of a subscription (resource-manager.md#throttling).
type bucket struct {
	size, perSecond float64 // size 0: there is no bucket
	level           float64
	at              time.Time
	pace            pace
}

// Buckets limits the subscription's requests: so many at once, and so many a
// second from then on. What is above is answered 429; to come again before
// Retry-After is over is no violation by itself, but is counted in Early.
// Without it only what Remaining says is told.
func (h *SubscriptionHandle) Buckets(reads, readsPerSecond, writes, writesPerSecond float64) *SubscriptionHandle {
	return h.with(func() {
		now := time.Now()
		h.readBucket = bucket{size: reads, perSecond: readsPerSecond, level: reads, at: now}
		h.writeBucket = bucket{size: writes, perSecond: writesPerSecond, level: writes, at: now}
	})
}

// take takes a token for a request; where there is none, it returns the answer.
func (h *SubscriptionHandle) take(in *request) (refused answer, ok bool) {
	b, told := &h.readBucket, &h.reads
	if in.Method != http.MethodGet {
		b, told = &h.writeBucket, &h.writes
	}
	if b.size == 0 {
		return answer{}, true
	}
	b.level = min(b.size, b.level+in.Now.Sub(b.at).Seconds()*b.perSecond)
	b.at = in.Now
	// What had left already when the 429 came is not to blame.
	if in.Now.Before(b.pace.until.Add(-clockSlack)) && in.Now.Sub(b.pace.givenAt) > wireDelay {
		h.early++
	}
	if b.level < 1 {
		h.throttled++
		b.pace.givenAt = in.Now
		a := failure(http.StatusTooManyRequests, "SubscriptionRequestsThrottled",
			"The number of requests for the subscription exceeded its limit. Please try again later.")
		a, b.pace.until = a.RetryAfter(in.Now, time.Duration(float64(time.Second)/b.perSecond))
		return a, false
	}
	b.level--
	*told = strconv.Itoa(int(b.level))
	return answer{}, true
}
