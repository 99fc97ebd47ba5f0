package azure

import (
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
)

// RequestLog is one HTTP exchange as a log may show it: no header and no body,
// so no secret.
type RequestLog struct {
	At              time.Time
	Subject         string // the subscription
	Method          string
	Host            string
	Path            string // with the query
	Status          int    // 0: no answer
	Duration        time.Duration
	RequestID       string
	ClientRequestID string
	Start           bool  // the one POST of a start
	Err             error // why there was no answer
}

// log completes an entry from its request and answer and hands it on.
func (c *Client) log(req *http.Request, e RequestLog, resp *http.Response) {
	if c.o.Log == nil {
		return
	}
	e.Method, e.Host, e.Path = req.Method, req.URL.Host, req.URL.RequestURI()
	e.Duration = time.Since(e.At)
	e.ClientRequestID = req.Header.Get(headerClientRequestID)
	if resp != nil {
		e.Status = resp.StatusCode
		e.RequestID = text.Clean(resp.Header.Get("x-ms-request-id"), text.MaxID)
	}
	c.o.Log(e)
}
