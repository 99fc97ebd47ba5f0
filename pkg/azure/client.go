package azure

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/google/uuid"

	"github.com/fleetup-dev/fleetup/internal/neterr"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const headerClientRequestID = "X-Ms-Client-Request-Id"

// How reads are tried. A Retry-After above maxInPlace is not waited for here:
// the error carries it, and the engine waits without holding a slot.
const (
	readRetries  = 2
	firstBackoff = 500 * time.Millisecond
	maxInPlace   = 10 * time.Second
	tryTimeout   = 60 * time.Second
	totalTimeout = 150 * time.Second
)

// Request is one call to a cloud.
type Request struct {
	Op      string // what is asked, in words, for errors
	Method  string
	Path    string // percent-encoded, below the endpoint, begins with a slash; with its query
	Header  http.Header
	Body    []byte
	MaxBody int64         // bytes of the answer; 0: MaxBody
	Timeout time.Duration // for one try; 0: a minute
	// the subscription that it counts for, in the request log and with the Pacer; "": none
	Subject  string
	Complete func(status int, body []byte) bool // a failing answer that is the answer: no retry
}

// clientOptions are what a client is made of.
type clientOptions struct {
	Endpoint   endpoint
	Scope      string                 // of its tokens
	Credential azcore.TokenCredential // not needed where Endpoint.Plain
	Kind       fleet.CredentialKind   // of the credential, for errors
	Tenant     string                 // of the credential, for errors
	Version    string                 // of fleetup: User-Agent fleetup/<version>
	Reads      http.RoundTripper      // carries reads
	Starts     http.RoundTripper      // carries starts
	// OwnStarts says that Starts is the transport of newStartTransport, whose
	// trace tells for certain whether a connection was made.
	OwnStarts bool
	Log       func(RequestLog)     // optional; called from many goroutines
	Pacer     Pacer                // optional; asked before each read, each of its retries, and in Once.Prepare
	ReadLane  fleet.RateLimitClass // where the Pacer counts a GET
	WriteLane fleet.RateLimitClass // where it counts whatever else, starts among them
}

// Client speaks to one endpoint as one identity. It is safe for concurrent use.
type Client struct {
	o         clientOptions
	userAgent string
	tokens    *tokenSource
	pipeline  runtime.Pipeline
	starts    sync.Map // client request IDs of starts that were sent
}

// newClient returns a client. It makes no call.
func newClient(o clientOptions) (*Client, error) {
	if o.Endpoint.base == "" {
		return nil, errors.New("a client needs an endpoint")
	}
	if o.Credential == nil && !o.Endpoint.Plain() {
		return nil, fmt.Errorf("the client for %s needs a credential", o.Endpoint)
	}
	if o.Reads == nil || o.Starts == nil {
		return nil, errors.New("a client needs its transports")
	}
	c := &Client{o: o, userAgent: userAgent(o.Version),
		tokens: &tokenSource{cred: o.Credential, scope: o.Scope, kind: o.Kind, tenant: o.Tenant}}
	if o.Endpoint.Plain() {
		// Even where a credential is given: a real token must not leave in the clear.
		c.tokens.fixed = emulatorToken // which asks no credential
	}
	c.pipeline = runtime.NewPipeline("fleetup", "v0.0.0",
		runtime.PipelineOptions{PerRetry: []policy.Policy{authorize{c.tokens}}},
		&policy.ClientOptions{Telemetry: policy.TelemetryOptions{Disabled: true}, Transport: exchange{c}})
	return c, nil
}

func userAgent(version string) string {
	version = cmp.Or(strings.ReplaceAll(text.Clean(version, 64), " ", "-"), "dev")
	return "fleetup/" + version
}

// Do makes a read and returns its answer, whatever the status. It is tried
// again after a network error, 408, 429 and most 5xx. An error is a
// *fleet.CallError and means that there is no answer: no token, no connection,
// a body that broke off or is too large, or the context's end.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	// Outside the timeout: waiting for one's turn is not the cloud's fault.
	if err := c.turn(ctx, r.Subject, r.Method); err != nil {
		return nil, noTurn(r.Op, err)
	}
	try := cmp.Or(r.Timeout, tryTimeout)
	call := &call{op: r.Op, limit: r.MaxBody, try: try, subject: r.Subject, complete: r.Complete}
	ctx, cancel := timeout(ctx, totalTimeout+(try-tryTimeout), "no answer in time, tries included")
	defer cancel()
	ctx = policy.WithRetryOptions(context.WithValue(ctx, callKey{}, call), policy.RetryOptions{
		MaxRetries: readRetries, RetryDelay: firstBackoff, MaxRetryDelay: maxInPlace, ShouldRetry: call.again})
	req, err := runtime.NewRequest(ctx, r.Method, c.o.Endpoint.base+r.Path)
	if err != nil {
		return nil, &fleet.CallError{Op: r.Op, Class: fleet.CallRefused, Err: err}
	}
	for k, v := range c.headers(r) {
		req.Raw().Header[k] = v
	}
	if r.Body != nil {
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(r.Body)),
			req.Raw().Header.Get("Content-Type")); err != nil {
			return nil, &fleet.CallError{Op: r.Op, Class: fleet.CallRefused, Err: err}
		}
	}
	resp, err := c.pipeline.Do(req)
	if err != nil {
		return nil, c.noAnswer(ctx, call, req.Raw(), err)
	}
	body, err := io.ReadAll(resp.Body) // from memory: exchange has read it
	if err != nil {
		return nil, c.noAnswer(ctx, call, req.Raw(), err)
	}
	out := newResponse(req.Raw(), resp, body, time.Now())
	out.SentAt = call.sentAt
	return out, nil
}

// timeout bounds ctx and says in words what it means when it passes.
func timeout(ctx context.Context, d time.Duration, why string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, neterr.With(why, context.DeadlineExceeded))
}

// headers returns the request's headers in canonical form, with ours.
func (c *Client) headers(r Request) http.Header {
	h := http.Header{}
	for k, v := range r.Header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	h.Set("User-Agent", c.userAgent)
	if h.Get(headerClientRequestID) == "" {
		h.Set(headerClientRequestID, uuid.NewString())
	}
	return h
}

func noTurn(op string, err error) *fleet.CallError {
	return &fleet.CallError{Op: op, Class: fleet.CallUnreachable,
		Err: neterr.Interrupted("waiting for its turn", err)}
}

// noAnswer names the failure of a call that got no answer, or only a part of
// one.
func (c *Client) noAnswer(ctx context.Context, call *call, req *http.Request, err error) error {
	if ce, ok := errors.AsType[*fleet.CallError](err); ok {
		return ce
	}
	ce := &fleet.CallError{Op: call.op, Class: fleet.CallUnreachable, RequestID: call.requestID,
		ClientRequestID: req.Header.Get(headerClientRequestID), Err: neterr.Worded(err)}
	if errors.Is(err, errTooLarge) {
		ce.Class = fleet.CallGarbled
	}
	if ctx.Err() != nil {
		ce.Err = neterr.Worded(context.Cause(ctx))
	}
	return ce
}

// call is what the pipeline's last step knows of the call it serves. A call is
// tried by one goroutine, one try after the other.
type call struct {
	op       string
	subject  string
	limit    int64
	try      time.Duration
	complete func(int, []byte) bool

	tries     int
	sentAt    time.Time
	requestID string    // of the last try, where an answer began
	answered  bool      // complete said that this is the answer
	throttled *Response // the last try's answer, where that was a 429
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// again decides whether a read is tried again.
func (c *call) again(resp *http.Response, err error) bool {
	if err != nil {
		return true // the retry policy has sorted out ended contexts and final errors
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !c.answered
	}
	return false
}

// noTurn is the error of a call whose next try did not get its turn in time. If
// the last answer was a 429, that is what stands in the way.
func (c *call) noTurn(err error) error {
	if c.throttled != nil {
		return c.throttled.Error(c.op, "", "")
	}
	return err
}

// exchange is the pipeline's last step: one try, with its own timeout, whose
// body is read here under a cap, as azcore reads error bodies without one.
type exchange struct{ c *Client }

func (x exchange) Do(req *http.Request) (*http.Response, error) {
	call := callOf(req.Context())
	if call == nil {
		return nil, final{errors.New("a request that did not come from Client.Do")}
	}
	call.tries++
	if call.tries > 1 {
		if err := x.c.turn(req.Context(), call.subject, req.Method); err != nil {
			return nil, final{call.noTurn(err)}
		}
	}
	ctx, cancel := timeout(req.Context(), call.try, "no answer within "+call.try.String())
	defer cancel()
	call.sentAt, call.requestID, call.throttled = time.Now(), "", nil
	token := x.c.sentToken(req.Header.Get("Authorization"))
	resp, err := x.c.o.Reads.RoundTrip(req.WithContext(ctx))
	var body []byte
	if err == nil {
		token.header(resp.Header)
		call.requestID = requestID(resp.Header)
		limit := cmp.Or(call.limit, MaxBody)
		body, err = readBody(resp, limit)
		hearWait(resp, body, time.Now())
		x.c.tell(call.subject, req, call.sentAt, resp, body)
		if errors.Is(err, errTooLarge) {
			err = final{err}
		}
	}
	if err != nil && req.Context().Err() == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	err = token.error(err)
	x.c.log(req, RequestLog{Subject: call.subject, At: call.sentAt, Attempt: call.tries, Bytes: int64(len(body)),
		Err: err}, resp)
	if err != nil {
		return nil, err
	}
	body = token.body(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode == http.StatusTooManyRequests {
		call.throttled = newResponse(req, resp, body, time.Now())
	}
	call.answered = call.complete != nil && call.complete(resp.StatusCode, body)
	return resp, nil
}
