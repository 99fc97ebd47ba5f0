package azure

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Pacer spreads the requests of each subscription over time. It is asked before
// each request that has a Subject, and told of each answer to one. Its methods
// are safe for concurrent use.
type Pacer interface {
	// Wait returns when a request may go out, or with the context's error.
	Wait(ctx context.Context, subscription string, class fleet.RateLimitClass) error
	// Told hears of an answer, at once. It must be quick.
	Told(subscription string, class fleet.RateLimitClass, a fleet.RateLimitAnswer)
}

// classes are where the requests of a side are counted: the reads, and whatever
// else.
type classes struct{ reads, writes fleet.RateLimitClass }

// class is where a request is counted. The Resource Manager takes whatever is no
// GET for a write (Microsoft, "Troubleshooting API throttling errors").
func (c *Client) class(method string) fleet.RateLimitClass {
	if method == http.MethodGet || method == http.MethodHead {
		return c.o.ReadLane
	}
	return c.o.WriteLane
}

// turn waits until a request may go out.
func (c *Client) turn(ctx context.Context, subject, method string) error {
	if c.o.Pacer == nil || subject == "" {
		return nil
	}
	return c.o.Pacer.Wait(ctx, subject, c.class(method))
}

// tell tells the pacer of an answer. body is what was read of its body.
func (c *Client) tell(subject string, req *http.Request, sent time.Time, resp *http.Response, body []byte) {
	if c.o.Pacer == nil || subject == "" {
		return
	}
	a := fleet.RateLimitAnswer{SentAt: sent, Remaining: remaining(resp.Header),
		Good:     resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests,
		SlowDown: resp.StatusCode == http.StatusTooManyRequests && !busy(body)}
	if a.SlowDown {
		a.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	c.o.Pacer.Told(subject, c.class(req.Method), a)
}

// remainingHeaders are the Resource Manager's counts of the requests that are
// left: those of Microsoft's "Understand how Azure Resource Manager throttles
// requests", and the global ones, over all identities, that answers carry
// beside them. An answer has those of its own class. Providers have further ones
// (x-ms-ratelimit-remaining-resource), which are no plain numbers.
var remainingHeaders = []string{
	"X-Ms-Ratelimit-Remaining-Subscription-Reads",
	"X-Ms-Ratelimit-Remaining-Subscription-Writes",
	"X-Ms-Ratelimit-Remaining-Subscription-Global-Reads",
	"X-Ms-Ratelimit-Remaining-Subscription-Global-Writes",
	"X-Ms-Ratelimit-Remaining-Subscription-Resource-Requests",
	"X-Ms-Ratelimit-Remaining-Subscription-Resource-Entities-Read",
	"X-Ms-Ratelimit-Remaining-Tenant-Reads",
	"X-Ms-Ratelimit-Remaining-Tenant-Writes",
	"X-Ms-Ratelimit-Remaining-Tenant-Resource-Requests",
	"X-Ms-Ratelimit-Remaining-Tenant-Resource-Entities-Read",
}

// remaining is the smallest count of requests left that an answer has; negative
// where it has none.
func remaining(h http.Header) int {
	least := -1
	for _, name := range remainingHeaders {
		n, err := strconv.Atoi(strings.TrimSpace(h.Get(name)))
		if err == nil && n >= 0 && (least < 0 || n < least) {
			least = n
		}
	}
	return least
}

// busyCodes are the error codes under which a 429 means that another operation
// holds the resource, or one that it refers to: whoever comes more slowly fares
// no better. Every other 429 asks to slow down. None of them was seen of the
// providers of vaults, which have not said what they do.
var busyCodes = map[string]bool{
	// Microsoft, "Understand how Azure Resource Manager throttles requests": the
	// network provider's, when an operation has locked the target. It stands in
	// the details of a RetryableError (cloudfoundry/bosh-azure-cpi-release, issue 179).
	"retryableerrorduetoanotheroperation": true,
	// Likewise, when what the target refers to is being updated
	// (hashicorp/terraform, issue 7986; Azure/azure-sdk-for-go, issue 588).
	"referencedresourcenotprovisioned": true,
	// App Service's "another operation is in progress"
	// (microsoft/Partner-Smart-Office, issue 1; Azure/azure-functions-ux, issue 155).
	"conflict": true,
}

// Busy reports whether the answer is a 429 that does not ask to slow down: its
// error code says that another operation holds the resource. A start that is
// answered so was not accepted, and is busy as after a 409.
func (r *Response) Busy() bool {
	return r.Status == http.StatusTooManyRequests && busy(r.Body)
}

func busy(body []byte) bool {
	e := ReadErrorBody(body)
	return e.object && slices.ContainsFunc(e.codes, func(code string) bool { return busyCodes[strings.ToLower(code)] })
}
