package azure

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// RequestLog is one HTTP exchange as a log may show it: no header, no body and
// no query but the API's version, so no secret.
type RequestLog struct {
	At              time.Time
	Subject         string // the subscription
	Method          string
	Host            string
	Path            string // with api-version, where the query has it
	Status          int    // 0: no answer
	Duration        time.Duration
	Attempt         int   // 1 for the first try
	Bytes           int64 // of the answer's body, as far as it was read
	RequestID       string
	ClientRequestID string
	Start           bool  // the one POST of a start
	SignIn          bool  // a request of a sign-in library's
	Err             error // why there was no answer
}

// LogRequests returns a function for Options.Log that writes one line a request
// at level debug. It is nil where nobody would read them.
func LogRequests(l *slog.Logger) func(RequestLog) {
	if l == nil || !l.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return func(e RequestLog) {
		as := []slog.Attr{slog.String("method", e.Method), slog.String("host", e.Host), slog.String("path", e.Path),
			slog.Int("status", e.Status), slog.Duration("duration", e.Duration), slog.Int("attempt", e.Attempt),
			slog.Int64("bytes", e.Bytes), slog.String("clientRequestId", e.ClientRequestID),
			slog.String("requestId", e.RequestID)}
		if e.Subject != "" {
			as = append(as, slog.String("subscription", e.Subject))
		}
		if e.Start {
			as = append(as, slog.Bool("start", true))
		}
		if e.SignIn {
			as = append(as, slog.Bool("signIn", true))
		}
		if e.Err != nil {
			as = append(as, slog.String("error", text.Clean(e.Err.Error(), text.MaxMessage)))
		}
		l.LogAttrs(context.Background(), slog.LevelDebug, "request", as...)
	}
}

// log completes an entry from its request and answer and hands it on.
func (c *Client) log(req *http.Request, e RequestLog, resp *http.Response) {
	report(c.o.Log, req, e, resp)
}

func report(to func(RequestLog), req *http.Request, e RequestLog, resp *http.Response) {
	if to == nil {
		return
	}
	e.Method, e.Host, e.Path = req.Method, req.URL.Host, loggedPath(req.URL)
	e.Duration = time.Since(e.At)
	e.ClientRequestID = text.Clean(req.Header.Get(headerClientRequestID), text.MaxID)
	if resp != nil {
		e.Status = resp.StatusCode
		e.RequestID = requestID(resp.Header)
	}
	to(e)
}

// loggedPath is a URL's path with the API's version. Whatever else a query
// holds may be a signature or a key.
func loggedPath(u *url.URL) string {
	path := u.EscapedPath()
	if v := u.Query().Get("api-version"); v != "" {
		path += "?api-version=" + url.QueryEscape(text.Clean(v, text.MaxID))
	}
	return path
}

// requestID is the cloud's own name of a request.
func requestID(h http.Header) string {
	id := h.Get("x-ms-request-id")
	if id == "" {
		id = h.Get("x-ms-correlation-request-id")
	}
	return text.Clean(id, text.MaxID)
}

// signInLog logs the requests of the sign-in libraries, one for each try. Their
// bodies hold secrets; they are not looked at.
type signInLog struct{ to func(RequestLog) }

func (s signInLog) Do(req *policy.Request) (*http.Response, error) {
	at := time.Now()
	resp, err := req.Next()
	e := RequestLog{At: at, Attempt: 1, SignIn: true}
	if err != nil { // it may quote what came instead of HTTP
		e.Err = &hiddenError{text.Clean(hideSignIn(err.Error(), nil), maxErrorText), err}
	}
	if resp != nil {
		e.Bytes = max(resp.ContentLength, 0)
	}
	report(s.to, req.Raw(), e, resp)
	return resp, err
}
