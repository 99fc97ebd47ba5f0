package azure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// Once sends starts: see Send. It holds its tokens, so that a start need not wait
// for one.
type Once struct {
	c      *Client
	header string

	second    *Client // of another tenant; nil: none
	auxiliary string  // its token's header
}

// headerAuxiliary carries tokens of other tenants, for resources of theirs that a
// request refers to. An expired one of them is answered 401, as its own would be
// (Microsoft, "Authenticate requests across tenants").
const headerAuxiliary = "X-Ms-Authorization-Auxiliary"

// PrepareOnce signs in for a start of a subscription, and waits for its turn.
// Its error is a *fleet.CallError.
func (c *Client) PrepareOnce(ctx context.Context, op, subject string) (*Once, error) {
	h, err := c.tokens.header(ctx, op)
	if err != nil {
		return nil, err
	}
	if err := c.turn(ctx, subject, http.MethodPost); err != nil {
		return nil, noTurn(op, err)
	}
	return &Once{c: c, header: h}, nil
}

// Auxiliary signs in to another tenant of the same endpoint too, by its client,
// and sends that token along. Its error is a *fleet.CallError.
func (o *Once) Auxiliary(ctx context.Context, second *Client, op string) error {
	h, err := second.tokens.header(ctx, op)
	if err != nil {
		return err
	}
	o.second, o.auxiliary = second, h
	return nil
}

// SendError says that a start has no answer. It holds no secret.
type SendError struct {
	// NotSent is true only where nothing of the request can have left this
	// machine: there was no connection to send it on.
	NotSent bool
	Err     error
}

func (e *SendError) Error() string {
	if e.NotSent {
		return "not sent, no connection was made: " + e.Err.Error()
	}
	return "sent, and no answer came: " + e.Err.Error()
}

func (e *SendError) Unwrap() error { return e.Err }

// Send makes one HTTP exchange: it is not tried again, a redirect or a
// challenge comes back as the answer, and it ends with ctx at the latest.
// Interim answers (1xx) are passed over. An answer whose body broke off is an
// answer, with BodyErr. The error is a *SendError.
//
// It waits for no turn, which PrepareOnce did, and does not use Complete.
func (o *Once) Send(ctx context.Context, r Request) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, &SendError{NotSent: true, Err: context.Cause(ctx)}
	}
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	// The reader's type is hidden so that the request has no GetBody: a body
	// that cannot be had again cannot be sent again.
	body := struct{ io.Reader }{bytes.NewReader(r.Body)}
	req, err := http.NewRequestWithContext(traced, r.Method, o.c.o.Endpoint.base+r.Path, body)
	if err != nil {
		return nil, &SendError{NotSent: true, Err: errors.New("its address is not a URL: " + text.Clean(r.Path, text.MaxID))}
	}
	req.ContentLength = int64(len(r.Body))
	req.Header = o.c.headers(r)
	req.Header.Set("Authorization", o.header)
	if o.second != nil {
		req.Header.Set(headerAuxiliary, o.auxiliary)
	}

	sent, token := time.Now(), sentTokens{o.c.sentToken(o.header), o.c.sentToken(o.auxiliary)}
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
			err = fmt.Errorf("%w (after %v)", context.Cause(ctx), time.Since(sent).Round(time.Millisecond))
		}
		return nil, &SendError{NotSent: notSent, Err: err}
	}
	if resp.StatusCode == http.StatusUnauthorized {
		o.c.tokens.refused(o.header)
		if o.second != nil {
			o.second.tokens.refused(o.auxiliary)
		}
	}
	limit := r.MaxBody
	if limit == 0 {
		limit = MaxBody
	}
	got, bodyErr := readBody(resp, limit)
	hearWait(resp, got, time.Now())
	o.c.tell(r.Subject, req, sent, resp, got)
	bodyErr = token.error(bodyErr)
	entry.Bytes, entry.Err = int64(len(got)), bodyErr
	o.c.log(req, entry, resp)
	out := newResponse(req, resp, token.body(got), time.Now())
	out.SentAt, out.BodyErr = sent, bodyErr
	return out, nil
}

// isDialError recognises, of a transport that is not ours, an error from before
// there was a connection.
func isDialError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
