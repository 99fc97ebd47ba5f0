package emulator

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Limits are how much the Resource Manager side takes, in wall time: TimeScale
// does not divide it, because clients wait in wall time too.
type Limits struct {
	// {size: 250, perSecond: 25} where absent (resource-manager.md#throttling)
	Reads  Bucket `yaml:"reads" json:"reads,omitzero"`
	Writes Bucket `yaml:"writes" json:"writes,omitzero"` // {size: 200, perSecond: 10} where absent
	Graph  Quota  `yaml:"graph" json:"graph,omitzero"`   // {queries: 15, per: 5s} where absent
}

// Quota is how many queries Resource Graph takes in a window, which begins with
// the first of them.
type Quota struct {
	Queries int    `yaml:"queries" json:"queries,omitempty"`
	Per     string `yaml:"per" json:"per,omitempty"`
}

// Bucket is a token bucket that every subscription has for itself: it is full at
// first, a request takes one, and it fills up again.
type Bucket struct {
	Size      int     `yaml:"size" json:"size,omitempty"`
	PerSecond float64 `yaml:"perSecond" json:"perSecond,omitempty"`
}

func (b Bucket) or(size int, perSecond float64) Bucket {
	b.Size = cmp.Or(b.Size, size)
	b.PerSecond = cmp.Or(b.PerSecond, perSecond)
	return b
}

// level is what a bucket had left when it was last used.
type level struct {
	missing float64 // from full
	at      time.Time
}

// left is how many requests a bucket takes now.
func (v level) left(b Bucket, now time.Time) float64 {
	return float64(b.Size) - v.lack(b, now)
}

func (v level) lack(b Bucket, now time.Time) float64 {
	return max(0, v.missing-max(0, now.Sub(v.at).Seconds())*b.PerSecond)
}

// writes reports whether a call counts as a write.
func (c call) writes() bool {
	return c == callPatch || c == callAssign || c == callRegister
}

// purse is the bucket and level that a call of a subscription draws from, and
// the header that shows what is left.
func (c *Cloud) purse(s *subscription, of call) (Bucket, *level, string) {
	if of.writes() {
		return c.limits.Writes, &s.writes, "X-Ms-Ratelimit-Remaining-Subscription-Writes"
	}
	return c.limits.Reads, &s.reads, "X-Ms-Ratelimit-Remaining-Subscription-Reads"
}

// metered reports whether a call draws from a bucket.
func (q *request) metered() bool { return q.arm && q.sub != nil && q.problem == nil }

// dry answers a call for which its subscription's bucket has nothing left, nil
// if it has.
func (c *Cloud) dry(q *request, l *line) *reply {
	if !q.metered() {
		return nil
	}
	b, v, _ := c.purse(q.sub, q.call)
	left := v.left(b, l.At)
	if left >= 1 {
		l.Token = true
		return nil
	}
	wait := seconds(time.Duration((1 - left) / b.PerSecond * float64(time.Second)))
	return tooMany("SubscriptionRequestsThrottled", fmt.Sprintf("Number of requests for subscription '%s' exceeded "+
		"the limit. Please try again after '%d' seconds.", q.sub.id, wait), wait)
}

// tooMany is the Resource Manager's own 429.
func tooMany(code, message string, wait int) *reply {
	rep := armError(http.StatusTooManyRequests, code, message)
	rep.set("Retry-After", strconv.Itoa(wait))
	return &rep
}

// draw takes a request's token. It is part of folding its line into the state.
func (c *Cloud) draw(l line, s *subscription) {
	b, v, _ := c.purse(s, l.Call)
	*v = level{min(float64(b.Size), v.lack(b, l.At)+1), l.At}
}

// remaining puts what is left into the header of an answer.
func (c *Cloud) remaining(q *request, rep *reply, at time.Time) {
	b, v, name := c.purse(q.sub, q.call)
	left := math.Floor(max(0, v.left(b, at)))
	if rep.status == http.StatusTooManyRequests && rep.fault == kindThrottled {
		left = 0
	}
	rep.set(name, strconv.Itoa(int(left)))
}
