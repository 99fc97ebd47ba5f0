package emulator

import (
	"net/http"
	"time"
)

// logLine is a request in the log. A secret is never in it: of the sign-in it
// says only whether there was one.
type logLine struct {
	Time            time.Time `json:"time"`
	Method          string    `json:"method"`
	Path            string    `json:"path"`
	Query           string    `json:"query,omitempty"`
	Call            call      `json:"call"`
	Vault           string    `json:"vault,omitempty"`
	Status          int       `json:"status"` // 0: no answer
	Accepted        bool      `json:"accepted"`
	Fault           string    `json:"fault,omitempty"`
	Authorization   bool      `json:"authorization"` // there was one
	ClientRequestID string    `json:"clientRequestId,omitempty"`
	RequestID       string    `json:"requestId"`
	DurationMs      float64   `json:"durationMs"`
}

// record writes the log's line of a request, before its answer leaves.
func (c *Cloud) record(r *http.Request, q *request, rep *reply, answered bool, began time.Time) {
	if c.log == nil {
		return
	}
	l := logLine{
		Time:            began.UTC(),
		Method:          r.Method,
		Path:            r.URL.EscapedPath(),
		Query:           r.URL.RawQuery,
		Call:            q.call,
		Accepted:        rep.accepted,
		Fault:           rep.fault,
		Authorization:   r.Header.Get("Authorization") != "",
		ClientRequestID: q.id,
		RequestID:       rep.id,
		DurationMs:      float64(time.Since(began).Microseconds()) / 1000,
	}
	if q.vault != nil {
		l.Vault = q.vault.ref()
	}
	if q.resource != nil {
		l.Vault = q.resource.ref()
	}
	if answered {
		l.Status = rep.status
	}
	c.logMu.Lock()
	defer c.logMu.Unlock()
	_, _ = c.log.Write(append(asJSON(l), '\n')) // a full disk must not change what the cloud does
}
