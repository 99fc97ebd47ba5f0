package emulator

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// reply is what was decided for a request.
type reply struct {
	status   int
	header   http.Header // besides the ones every answer has
	content  string      // Content-Type; empty: that of the side
	body     []byte
	render   func() []byte // makes the body, where that takes time
	delay    time.Duration
	end      ending
	accepted bool   // a start was accepted
	fault    string // the kind of the fault behind it
	id       string // x-ms-request-id
}

// set sets a header besides the ones that every answer has.
func (r *reply) set(name, value string) {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
}

// armContent is the type of what the Resource Manager side says.
const armContent = "application/json; charset=utf-8"

// ending says how a request ends.
type ending int

const (
	endAnswer ending = iota
	endReset         // the connection is reset
	endHang          // nothing comes
)

func refuse(status int, e errorBody) reply { return reply{status: status, body: e.bytes()} }

// summaryPath answers with the Summary as JSON; it needs no sign-in.
const summaryPath = "/_emulator/summary"

// ServeHTTP answers one request. What the cloud does is decided, and on disk
// where a start is accepted, before the first byte of the answer leaves.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == summaryPath {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(asJSON(c.Summary())) // a client that has gone needs no answer
		return
	}
	began := time.Now()
	q := c.parse(w, r)
	rep := c.decide(q)
	defer c.leave(q)
	answered := c.wait(r, &rep)
	c.record(r, q, &rep, answered, began)
	if !answered {
		reset(w, rep.end)
	}
	if rep.render != nil {
		rep.body = rep.render()
	}
	h := w.Header()
	for k, v := range rep.header {
		h[k] = v
	}
	h.Set("Content-Type", rep.content)
	if len(rep.body) == 0 && q.arm && rep.content == armContent {
		h["Content-Type"] = nil // a recorded 202 has none
	}
	h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	h.Set(headerRequestID, rep.id)
	if q.arm {
		h.Set(headerCorrelation, rep.id)
	}
	if q.id != "" {
		h.Set(headerClientID, q.id)
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body) // a client that has gone needs no answer
}

// decide is the one place where the cloud's state is looked at and changed: a
// request takes effect here, all at once, in the order the lock is taken.
func (c *Cloud) decide(q *request) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(q)
	if q.call == callTarget && q.sub != nil {
		q.vault = q.sub.targets[targetKey(q.group, q.name)]
	}
	l := line{At: now(), Call: q.call, Of: q.of()}
	rep := c.answer(q, &l)
	if c.broken == nil {
		c.broken = c.commit(l)
	}
	if c.broken != nil {
		status, code := http.StatusInternalServerError, "InternalError"
		if errors.Is(c.broken, ErrClosed) {
			status, code = http.StatusServiceUnavailable, "ServiceUnavailable"
		}
		rep = q.fail(status, code, "Nothing was done: "+c.broken.Error()+".")
	}
	rep.id = guid(c.seed, "request", strconv.Itoa(c.stats.requests))
	if q.arm && q.sub != nil {
		c.remaining(q, &rep, l.At)
	}
	if q.call == callGraph && q.problem == nil {
		c.ration(&rep, l.At)
	}
	if rep.content == "" {
		rep.content = "application/xml; charset=utf-8"
		if q.arm {
			rep.content = armContent
		}
	}
	return rep
}

// answer works out the reply to a request and what it changes, which it puts
// into the line. It changes nothing itself.
func (c *Cloud) answer(q *request, l *line) reply {
	if p := q.problem; p != nil {
		if p.mistake {
			l.Mistake = p.message
		}
		rep := q.fail(p.status, p.code, p.message)
		if p.details != nil {
			rep.body = asJSON(object{"error": object{"code": p.code, "message": p.message, "details": p.details}})
		}
		if p.status == http.StatusUnauthorized {
			rep.header = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
		}
		return rep
	}
	if rep := cmp.Or(c.dry(q, l), c.rationed(q, l), c.overstepped(q)); rep != nil {
		l.Refused = q.call == callPatch
		return *rep
	}
	slow := c.strikeOf(q, l, kindSlow)
	rep := c.act(q, l)
	if slow != nil {
		rep.delay = slow.delay
		rep.fault = cmp.Or(rep.fault, slow.Kind)
	}
	if q.call == callUpgrade {
		l.Refused = !rep.accepted
		own := ours(q.vault.ops)
		if len(own) > 0 {
			l.Again = own[len(own)-1].status(l.At) != statusFailed
		}
	}
	if q.call == callPatch {
		l.Refused = !rep.accepted
		l.Again = q.resource.repeats(q.patch, l.At)
	}
	return rep
}

func (c *Cloud) act(q *request, l *line) reply {
	if f := c.strike(q, l, func(f *fault) bool {
		return isTrouble(f.Kind) && (!q.call.starts() || !f.Accepted)
	}); f != nil {
		return c.trouble(q, f)
	}
	if r := q.resource; r != nil && c.lost(r, l.At) {
		return c.absent(r)
	}
	switch q.call {
	case callList:
		return c.list(q.sub, l.At)
	case callPrereqs:
		return c.prereqs(q, l)
	case callUpgrade:
		return c.start(q, l)
	case callResult:
		return c.result(q, l)
	}
	return q.route.answer(c, q, l)
}

// isTrouble tells the faults that keep any call from its answer.
func isTrouble(kind string) bool {
	switch kind {
	case kindThrottled, kindServerError, kindDenied, kindHang, kindGarbage, kindResetBefore:
		return true
	}
	return false
}

// trouble is the reply of a fault that keeps a call from its answer.
func (c *Cloud) trouble(q *request, f *fault) reply {
	rep := reply{status: f.Status}
	switch f.Kind {
	case kindThrottled:
		rep = q.fail(http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
		if q.arm {
			rep = c.throttled(q, f)
		}
	case kindServerError:
		rep = reply{status: cmp.Or(f.Status, http.StatusInternalServerError), content: "text/plain; charset=utf-8"}
		switch code, message := q.internalError(); {
		case q.arm && (f.ErrorBody || f.Answer != ""):
			rep = errorAs(f.Answer, rep.status, cmp.Or(f.Code, code), cmp.Or(f.Message, message))
		case f.ErrorBody:
			rep = q.fail(rep.status, cmp.Or(f.Code, "InternalError"),
				cmp.Or(f.Message, "The server encountered an internal error."))
		}
	case kindDenied:
		rep = c.denial(q, cmp.Or(f.Status, http.StatusForbidden))
	case kindGarbage:
		rep = reply{status: http.StatusOK, content: "text/html; charset=utf-8",
			body: []byte("<!DOCTYPE html><html><head><title>Gateway</title><body><p>Please sign in to the network & " +
				"try again.<br></html>")}
	case kindResetBefore, kindResetAfter:
		rep.end = endReset
	case kindHang:
		rep.end = endHang
	}
	if f.RetryAfter > 0 && (!f.InText || !q.arm) {
		rep.set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	rep.fault = f.Kind
	return rep
}

// denial answers 403, or 401 with a challenge that asks for other claims: a
// client that answers a challenge to a start sends the start twice.
func (c *Cloud) denial(q *request, status int) reply {
	if status == http.StatusForbidden && q.arm {
		return c.unauthorized(q)
	}
	if status == http.StatusForbidden {
		return q.fail(status, "ForbiddenError", "The caller is no co-administrator of the subscription.")
	}
	rep := q.fail(status, "AuthenticationFailed", "The token is not valid any more.")
	rep.header = http.Header{"Www-Authenticate": {
		`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="`}}
	return rep
}

// fail is an error in the format of the request's side.
func (q *request) fail(status int, code, message string) reply {
	if q.arm {
		return armError(status, code, message)
	}
	return refuse(status, errorBody{shape: 2, code: code, message: message})
}

// wait lets a reply's delay pass, or a hanging client give up. It reports
// whether the reply is to be written; if not, the connection ends.
func (c *Cloud) wait(r *http.Request, rep *reply) bool {
	if rep.delay > 0 {
		t := time.NewTimer(rep.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return false
		case <-c.closed:
			return false
		}
	}
	if rep.end == endHang {
		select {
		case <-r.Context().Done():
		case <-c.closed:
		}
	}
	return rep.end == endAnswer
}

// reset ends a request without an answer, and does not return: it resets the
// connection where there is one, and lets the transport do it otherwise.
func reset(w http.ResponseWriter, end ending) {
	if end == endReset {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // at worst the connection is closed instead of reset
			}
			_ = conn.Close()
		}
	}
	panic(http.ErrAbortHandler)
}
