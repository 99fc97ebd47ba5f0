package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/internal/neterr"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const (
	apiVersion = "2024-04-01"
	// pageSize is the most rows that the service puts into a page.
	pageSize = 1000
	// batchSize is how many subscriptions go into a request: the documentation
	// recommends fewer than 300, and names 1,000 as what its own tools send.
	batchSize = 250
	// patience bounds the waits that throttled answers to one request ask for,
	// all together: somebody is waiting for the command.
	patience = 10 * time.Minute
)

// Options are what a Client is made of.
type Options struct {
	ResourceManager *azure.APIClients
	Tenant          string // to sign in to; "": the credential's own
}

// Client asks Resource Graph as one identity. It is for one goroutine: the
// service's quota is the identity's, so nothing is won by asking twice at once.
// Its errors are *fleet.CallError.
type Client struct {
	o     Options
	quota quota
	top   int // rows in a page; fewer once a page was too large for the service
	most  int // pages of one answer
}

// New returns a Client. It makes no call.
func New(o Options) (*Client, error) {
	if o.ResourceManager == nil {
		return nil, errors.New("resource graph needs the Resource Manager side of a cloud")
	}
	return &Client{o: o, top: pageSize, most: mostPages}, nil
}

// Scope is where to look: subscriptions, by their IDs, or management groups, by
// their IDs and with all that is below them. It holds one of the two: the
// service would take neither for the whole tenant.
type Scope struct {
	Subscriptions    []string
	ManagementGroups []string
}

// batches parts a scope into what fits into a request. Management groups stay
// together: they may lie within each other.
func (s Scope) batches() ([]Scope, error) {
	switch {
	case len(s.Subscriptions) > 0 && len(s.ManagementGroups) > 0:
		return nil, errors.New("a scope is made of subscriptions or of management groups, not of both")
	case len(s.ManagementGroups) > 0:
		return []Scope{s}, nil
	case len(s.Subscriptions) == 0:
		return nil,
			errors.New("a scope needs a subscription or a management group: without one the whole tenant would be " +
				"asked for")
	}
	ids := make([]string, 0, len(s.Subscriptions))
	for _, id := range s.Subscriptions {
		norm, err := fleet.NormalizeGUID(id)
		if err != nil {
			return nil, err
		}
		ids = append(ids, norm)
	}
	slices.Sort(ids)
	var out []Scope
	for batch := range slices.Chunk(slices.Compact(ids), batchSize) {
		out = append(out, Scope{Subscriptions: batch})
	}
	return out, nil
}

func (s Scope) String() string {
	if n := len(s.ManagementGroups); n > 0 {
		return "management group " + strings.Join(s.ManagementGroups, ", ")
	}
	if len(s.Subscriptions) == 1 {
		return "subscription " + s.Subscriptions[0]
	}
	return fmt.Sprintf("%d subscriptions", len(s.Subscriptions))
}

// Subscriptions visits the subscriptions of a scope that the identity sees, also
// those without any resource. Their Name is what people call them. Those that
// are asked for and not seen are not visited, which is how one learns of them.
// After an error what was visited counts for nothing.
func (c *Client) Subscriptions(ctx context.Context, s Scope, visit func(Resource)) error {
	return c.all(ctx, "ask Resource Graph for the subscriptions", s, subscriptionQuery, true, visit)
}

// Vaults visits the vaults of a scope that a query asks for, once each. After an
// error what was visited counts for nothing.
func (c *Client) Vaults(ctx context.Context, s Scope, q Query, visit func(Resource)) error {
	return c.all(ctx, "ask Resource Graph for the vaults", s, q, false, visit)
}

// all asks for a scope batch by batch. mayBeUnseen says that a batch of which the
// identity sees nothing has no rows, instead of being an error.
func (c *Client) all(ctx context.Context, what string, s Scope, q Query, mayBeUnseen bool, visit func(Resource)) error {
	batches, err := s.batches()
	if err != nil {
		return &fleet.CallError{Op: what, Class: fleet.CallRefused, Err: err}
	}
	for _, b := range batches {
		err := c.pages(ctx, what+" of "+b.String(), b, q, visit)
		if err != nil && !(mayBeUnseen && errors.Is(err, errNoneSeen)) {
			return err
		}
	}
	return nil
}

// body is a request's body.
type body struct {
	Subscriptions    []string `json:"subscriptions,omitempty"`
	ManagementGroups []string `json:"managementGroups,omitempty"`
	Query            string   `json:"query"`
	Options          struct {
		Top       int    `json:"$top"`
		SkipToken string `json:"$skipToken,omitempty"`
		Format    string `json:"resultFormat"`
	} `json:"options"`
}

// ask makes one request and waits as often as it is told to come later. Its
// answer has status 200. A POST that only reads may be sent again.
func (c *Client) ask(ctx context.Context, op string, s Scope, q Query, token string) (*azure.Response, error) {
	side, err := c.o.ResourceManager.Client(c.o.Tenant)
	if err != nil {
		return nil, &fleet.CallError{Op: op, Class: fleet.CallDenied, Err: err}
	}
	b := body{Subscriptions: s.Subscriptions, ManagementGroups: s.ManagementGroups, Query: q.String()}
	b.Options.SkipToken, b.Options.Format = token, "objectArray"
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set("Content-Type", "application/json")
	var waited time.Duration
	told := &fleet.CallError{Op: op, Class: fleet.CallThrottled, Message: "the quota of queries is used up"}
	for {
		if pause := c.quota.pause(time.Now()); pause > 0 {
			if waited += pause; waited > patience {
				told.RetryAfter = pause
				return nil, told
			}
			if err := sleep(ctx, pause); err != nil {
				return nil, &fleet.CallError{Op: op, Class: fleet.CallUnreachable, Err: err}
			}
		}
		c.quota.take(time.Now())
		b.Options.Top = c.top
		data, err := json.Marshal(b)
		if err != nil {
			return nil, &fleet.CallError{Op: op, Class: fleet.CallRefused, Err: err}
		}
		resp, err := side.Do(ctx, azure.Request{Op: op, Method: http.MethodPost, Header: h, Body: data,
			MaxBody:  azure.MaxListingBody,
			Path:     "/providers/Microsoft.ResourceGraph/resources?api-version=" + apiVersion,
			Complete: func(status int, _ []byte) bool { return status == http.StatusTooManyRequests }})
		if err != nil {
			return nil, err
		}
		c.quota.learn(resp.Header, time.Now())
		if resp.Status == http.StatusOK {
			return resp, nil
		}
		refused := readRefusal(resp.Body)
		switch {
		case resp.Status == http.StatusTooManyRequests:
			told = refused.error(resp, op)
			c.quota.empty(max(resp.RetryAfter, time.Second), time.Now())
		case refused.says(codeTooLarge) && c.top > 1:
			c.top /= 2
		default:
			return nil, refused.error(resp, op)
		}
	}
}

// sleep waits, and no longer than ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return neterr.Interrupted("waiting for its turn", context.Cause(ctx))
	case <-t.C:
		return nil
	}
}

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
