package azure

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Limits of a body that is read, in bytes after decompression. A body over its
// limit is an error, never a shorter answer. A vault takes some two kilobytes of
// a listing: the limit leaves room for 15,000 vaults in one subscription.
const (
	MaxBody        = 1 << 20  // where a Request says nothing
	MaxListingBody = 32 << 20 // for a subscription's listing
)

// errTooLarge says a body is over its limit.
var errTooLarge = errors.New("the answer is larger than any that makes sense, and nothing of it is used")

// Response is an answer, whatever its status, with the body read.
type Response struct {
	Status          int
	Header          http.Header
	Body            []byte
	BodyErr         error     // the body broke off or was too large; only from Once.Send
	SentAt          time.Time // when the try that was answered went out
	RequestID       string    // the cloud's own
	ClientRequestID string    // ours
	RetryAfter      time.Duration
}

// HTML reports whether the answer is a web page: a proxy's or a gateway's,
// never the service's.
func (r *Response) HTML() bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "text/html")
}

// Success reports whether the answer is the service's own success, whatever else it
// holds: 202, which says accepted and nothing else, or another status in the two
// hundreds with the ID that the service gave the request. A start that was answered so
// was accepted (design.md#rule-3). A page of a proxy with 200 is none.
func (r *Response) Success() bool {
	return r.Status == http.StatusAccepted || r.Status/100 == 2 && r.RequestID != "" && !r.HTML()
}

// Error turns the answer into the error it is to a caller that wanted
// something else. code and message are what its body said, if that is known;
// without both the body is read for them, in every shape of ErrorBody.
func (r *Response) Error(op, code, message string) *fleet.CallError {
	advice := ""
	if code == "" && message == "" {
		said := ReadErrorBody(r.Body)
		code, message, advice = said.Code, said.Message, said.Advice
	}
	e := &fleet.CallError{Op: op, Class: ClassOfStatus(r.Status), HTTPStatus: r.Status, Code: code, Message: message,
		RequestID: r.RequestID, ClientRequestID: r.ClientRequestID, RetryAfter: r.RetryAfter, Action: advice}
	if r.Busy() {
		e.Class, e.RetryAfter = fleet.CallConflict, 0 // the resource asks for patience, not the subscription
	}
	if code == "" && message == "" {
		switch {
		case r.Status/100 == 3:
			e.Message = "a redirect, which is not followed"
		default:
			e.Message = text.Excerpt(r.Body)
		}
	}
	return e
}

// Garbled is the error of an answer that cannot be read.
func (r *Response) Garbled(op, why string) *fleet.CallError {
	e := r.Error(op, "", why+": "+text.Excerpt(r.Body))
	e.Class = fleet.CallGarbled
	return e
}

// ClassOfStatus sorts an HTTP status by what the caller can do. Statuses that
// are neither expected nor errors are garbled.
func ClassOfStatus(status int) fleet.CallClass {
	switch status {
	case http.StatusUnauthorized:
		return fleet.CallDenied
	case http.StatusForbidden:
		return fleet.CallForbidden
	case http.StatusNotFound:
		return fleet.CallNotFound
	case http.StatusRequestTimeout:
		return fleet.CallUnreachable
	case http.StatusConflict:
		return fleet.CallConflict
	case http.StatusTooManyRequests:
		return fleet.CallThrottled
	}
	switch status / 100 {
	case 4:
		return fleet.CallRefused
	case 5:
		return fleet.CallUnreachable
	}
	return fleet.CallGarbled
}

// readBody reads a body of at most limit bytes and closes it. The "body" of a
// 101 is the connection itself, which no context ends: it is closed unread.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(resp.Body, limit+1))
	if n > limit {
		return b.Bytes()[:limit], fmt.Errorf("%w (over %d bytes)", errTooLarge, limit)
	}
	return b.Bytes(), err
}

func newResponse(req *http.Request, resp *http.Response, body []byte, now time.Time) *Response {
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body,
		RequestID:       requestID(resp.Header),
		ClientRequestID: req.Header.Get(headerClientRequestID),
		RetryAfter:      retryAfter(resp.Header, now)}
}

// retryAfter returns how long an answer asks to wait, 0 where it does not: in
// milliseconds (retry-after-ms, x-ms-retry-after-ms), seconds or as a date
// (Retry-After). A date is measured from the answer's own Date where it has
// one, so that a wrong clock here does no harm.
func retryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"retry-after-ms", "x-ms-retry-after-ms"} {
		if d := units(h.Get(name), time.Millisecond); d > 0 {
			return d
		}
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if d := units(v, time.Second); d > 0 {
		return d
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(at.Sub(now), 0)
}

// units reads a whole number of units, at most about 31 years of them: more is
// nonsense and must not overflow.
func units(v string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(min(n, int64(1e9*time.Second/unit))) * unit
}

// hearWait gives a 429 whose wait stands only in its message the header that it
// lacks, so that whoever waits (the retries of reads, the Pacer, the engine)
// hears the same.
func hearWait(resp *http.Response, body []byte, now time.Time) {
	if resp.StatusCode != http.StatusTooManyRequests || retryAfter(resp.Header, now) > 0 {
		return
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date
	}
	message := ReadErrorBody(body).Message
	if message == "" {
		message = string(body[:min(len(body), maxPlainWait)]) // no error that is known; plain text perhaps
	}
	if d := text.WaitIn(message, now); d > 0 {
		resp.Header.Set("Retry-After-Ms", strconv.FormatInt(max(d.Milliseconds(), 1), 10))
	}
}

// maxPlainWait is how many bytes of a body that is no known error are searched.
const maxPlainWait = 4 << 10
