package azure

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/fleetup-dev/fleetup/internal/neterr"
	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Once sends starts: see Send. It holds no token and no turn, so that whoever
// sends a start may be another process than the one that made it ready.
type Once struct{ c, second *Client }

// headerAuxiliary carries tokens of other tenants, for resources of theirs that a
// request refers to. An expired one of them is answered 401, as its own would be
// (Microsoft, "Authenticate requests across tenants").
const headerAuxiliary = "X-Ms-Authorization-Auxiliary"

// Once returns what makes starts ready and sends them. second is the client of
// another tenant of the same endpoint, whose token goes along; nil: none does.
func (c *Client) Once(second *Client) *Once { return &Once{c: c, second: second} }

// Prepare signs in for a start of a subscription, in the second tenant too where
// there is one, and waits for its turn, so that Send in the same process need wait
// for neither. Its error is a *fleet.CallError.
func (o *Once) Prepare(ctx context.Context, op, subject string) error {
	if _, err := o.c.tokens.header(ctx, op); err != nil {
		return err
	}
	if o.second != nil {
		if _, err := o.second.tokens.header(ctx, op); err != nil {
			return err
		}
	}
	if err := o.c.turn(ctx, subject, http.MethodPost); err != nil {
		return noTurn(op, err)
	}
	return nil
}

// sendError says that a start has no answer. It holds no secret.
type sendError struct {
	// NotSent is true only where nothing of the request can have left this
	// machine: there was no token, or no connection to send it on.
	NotSent  bool
	HeldBack bool   // with NotSent: it was not let leave any more
	Why      string // with NotSent, in words; empty: no connection was made
	Err      error  // nil where it was held back
}

func (e *sendError) Error() string {
	switch {
	case e.HeldBack:
		return "not sent, " + e.Why
	case e.NotSent && e.Why != "":
		return "not sent, " + e.Why + ": " + e.Err.Error()
	case e.NotSent:
		return "not sent, no connection was made: " + e.Err.Error()
	case errors.Is(e.Err, errSentBefore):
		return e.Err.Error()
	}
	return "sent, and no answer came: " + e.Err.Error()
}

// errSentBefore is about a start whose operation ID has left this process before:
// nobody can say what came of that one.
var errSentBefore = errors.New("this start was used before; it sends nothing twice")

func (e *sendError) Unwrap() error { return e.Err }

// outOfTime says of a request that ended with its context how long it had been given.
func outOfTime(cause error, after time.Duration) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return neterr.With("none within "+after.String(), cause)
	}
	return fmt.Errorf("%w (after %v)", cause, after)
}

// Send makes one HTTP exchange: it is not tried again, a redirect or a
// challenge comes back as the answer, and it ends with ctx at the latest.
// Interim answers (1xx) are passed over. An answer whose body broke off is an
// answer, with BodyErr. The error is a *sendError, which NoStartAnswer reads.
//
// It takes the token that Prepare has got, and asks for one, for a moment, only
// where this process has none that will do. It waits for no turn, which Prepare did,
// and does not use Complete. With its token it asks may whether it may still leave, and
// gives up where no connection is made within the time that this names: nothing of the
// request leaves later, nor its body, without which it is none: the process may have been
// stopped in between. A request whose client request ID it has sent before is not sent again.
func (o *Once) Send(ctx context.Context, r Request, may fleet.MayLeave) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, &sendError{NotSent: true, Err: neterr.Worded(context.Cause(ctx))}
	}
	if id := r.Header.Get(headerClientRequestID); id != "" {
		if _, before := o.c.starts.LoadOrStore(id, struct{}{}); before {
			return nil, &sendError{Err: errSentBefore}
		}
	}
	own, second, err := o.atHand(ctx, r.Op)
	if err != nil {
		return nil, &sendError{NotSent: true, Why: "there is no token", Err: err}
	}
	asked := time.Now()
	within, reason := may()
	if reason != "" {
		return nil, &sendError{NotSent: true, HeldBack: true, Why: reason}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var connected atomic.Bool
	late := time.AfterFunc(within, func() {
		// a connection that comes at this very moment breaks: whether it was sent is in doubt then
		if !connected.Load() {
			cancel(fmt.Errorf("none within %v, and later it must not leave", within.Round(time.Millisecond)))
		}
	})
	defer late.Stop()
	traced := httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	// The reader's type is hidden so that the request has no GetBody: a body
	// that cannot be had again cannot be sent again.
	body := &lastLook{Reader: bytes.NewReader(r.Body), asked: asked, within: within}
	req, err := http.NewRequestWithContext(traced, r.Method, o.c.o.Endpoint.base+r.Path, body)
	if err != nil {
		return nil, &sendError{NotSent: true,
			Err: errors.New("its address is not a URL: " + text.Clean(r.Path, text.MaxID))}
	}
	req.ContentLength = int64(len(r.Body))
	req.Header = o.c.headers(r)
	req.Header.Set("Authorization", own)
	if o.second != nil {
		req.Header.Set(headerAuxiliary, second)
	}

	sent, token := time.Now(), sentTokens{o.c.sentToken(own), o.c.sentToken(second)}
	resp, err := o.c.o.Starts.RoundTrip(req)
	err = token.error(err)
	if resp != nil {
		token.header(resp.Header)
	}
	entry := RequestLog{Subject: r.Subject, At: sent, Start: true, Attempt: 1, Err: err}
	if err != nil {
		o.c.log(req, entry, resp)
		notSent := !connected.Load() && (o.c.o.OwnStarts || isDialError(err))
		if ctx.Err() != nil {
			err = outOfTime(context.Cause(ctx), time.Since(sent).Round(time.Millisecond))
		}
		return nil, &sendError{NotSent: notSent, Err: neterr.Worded(err)}
	}
	if resp.StatusCode == http.StatusUnauthorized {
		o.c.tokens.refused(own)
		if o.second != nil {
			o.second.tokens.refused(second)
		}
	}
	limit := cmp.Or(r.MaxBody, MaxBody)
	got, bodyErr := readBody(resp, limit)
	hearWait(resp, got, time.Now())
	o.c.tell(r.Subject, req, sent, resp, got)
	bodyErr = neterr.Worded(token.error(bodyErr))
	entry.Bytes, entry.Err = int64(len(got)), bodyErr
	o.c.log(req, entry, resp)
	out := newResponse(req, resp, token.body(got), time.Now())
	out.SentAt, out.BodyErr = sent, bodyErr
	return out, nil
}

// bodySlack is how much later than its connection a start's body may leave: the two
// follow each other at once, and a start whose head has left is better sent than in doubt.
const bodySlack = time.Second

// lastLook is a body that looks at the clock once more when it is about to leave: a
// process that was stopped after it had asked, and goes on after everybody has read that
// nothing was started, must not send it then. A request that lacks its body is none; what
// of its head has left leaves it in doubt all the same, so that nothing but the time
// breaks it off: a run that is told to leave lets end what is out.
type lastLook struct {
	io.Reader
	asked  time.Time
	within time.Duration
	looked bool
}

func (l *lastLook) Read(p []byte) (int, error) {
	if !l.looked {
		l.looked = true
		now := time.Now()
		// By the clock of the process, and by the wall clock, which goes on while the
		// machine sleeps.
		if after := max(now.Sub(l.asked), now.Round(0).Sub(l.asked.Round(0))); after > l.within+bodySlack {
			return 0,
				fmt.Errorf("it was broken off before its body left: %v had passed, and its start had to leave within "+
					"%v", after.Round(time.Millisecond), l.within.Round(time.Millisecond))
		}
	}
	return l.Reader.Read(p)
}

// atHand returns the tokens that a start goes out with.
func (o *Once) atHand(ctx context.Context, op string) (own, second string, err error) {
	ctx, cancel := timeout(ctx, tokenWait, "no token within "+tokenWait.String())
	defer cancel()
	if own, err = o.c.tokens.atHand(ctx, op); err == nil && o.second != nil {
		second, err = o.second.tokens.atHand(ctx, op)
	}
	return own, second, err
}

// isDialError recognises, of a transport that is not ours, an error from before
// there was a connection.
func isDialError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// NoStartAnswer is what is known of a start that no answer came to: that it was not
// sent, where that is certain, or else nothing.
func NoStartAnswer(err error, operationID string) fleet.StartAnswer {
	a := fleet.StartAnswer{Verdict: fleet.StartUnknown, Code: fleet.CodeAnswerLost,
		Message: Named(text.Clean(err.Error(), text.MaxMessage), "", operationID)}
	if se, ok := errors.AsType[*sendError](err); ok && se.NotSent {
		a.Verdict, a.Code = fleet.StartNotSent, fleet.CodeUnreachable
		if se.HeldBack {
			a.Code, a.Message = "", se.Why // nothing has failed
		}
	}
	return a
}

// Named adds to a message by which names the cloud can find the request: its own,
// and ours, which is the operation ID. The service's own words are shown as they
// came; there the names stand beside them, in the report's columns.
func Named(message, requestID, operationID string) string {
	if requestID != "" {
		message += " (request " + requestID + ")"
	}
	return message + " (client request " + operationID + ")"
}

// Find reads a document of the Resource Manager; found is false after a 404. Every
// other answer but 200 is an error.
func (c *Client) Find(ctx context.Context, r Request) (resp *Response, found bool, err error) {
	resp, err = c.Do(ctx, r)
	if err == nil && resp.Status != http.StatusOK && resp.Status != http.StatusNotFound {
		err = resp.Error(r.Op, "", "")
	}
	return resp, err == nil && resp.Status == http.StatusOK, err
}

// Into reads the answer's JSON. A null fits everything and says nothing.
func (r *Response) Into(op string, out any) error {
	if err := json.Unmarshal(r.Body, out); err != nil || bytes.Equal(bytes.TrimSpace(r.Body), []byte("null")) {
		return r.Garbled(op, "the answer is not the JSON that was expected")
	}
	return nil
}

// JSONHeader is the header of a call of the Resource Manager, with a body or without.
func JSONHeader(body bool) http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	if body {
		h.Set("Content-Type", "application/json")
	}
	return h
}

// Ready is a request as a start that another process may send: its client request ID
// is left out, which Start sets.
func Ready(method, path string, header http.Header, body []byte) fleet.PreparedStart {
	s := fleet.PreparedStart{Method: method, Path: path, Header: map[string]string{}, Body: body}
	for name, values := range header {
		if name != headerClientRequestID {
			s.Header[name] = values[0]
		}
	}
	return s
}

// Start sends a start, as Send does, with its operation ID as x-ms-client-request-id.
func (o *Once) Start(ctx context.Context, op, subject string, s fleet.PreparedStart, may fleet.MayLeave,
) (*Response, error) {
	h := http.Header{}
	for name, value := range s.Header {
		h.Set(name, value)
	}
	h.Set(headerClientRequestID, s.OperationID)
	return o.Send(ctx, Request{Op: op, Method: s.Method, Path: s.Path, Body: s.Body, Header: h, Subject: subject}, may)
}

// NotSent is the answer of a start that was not sent.
func NotSent(s fleet.PreparedStart, why string, err error) fleet.StartAnswer {
	return NoStartAnswer(&sendError{NotSent: true, Why: why, Err: err}, s.OperationID)
}

// NoStart is the answer of what was made ready and is no start of a vault.
func NoStart(s fleet.PreparedStart, why string) fleet.StartAnswer {
	return NotSent(s, why, errors.New(text.Clean(s.Method+" "+s.Path, text.MaxMessage)))
}
