package strict

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Cut says how an answer ends other than well.
type Cut int

// The ways an answer ends.
const (
	CutNone     Cut = iota
	CutReset        // the connection is reset, nothing is answered
	CutHang         // nothing is answered until the client leaves
	CutTruncate     // the body ends before the length that was announced
)

// Answer is what goes back: worked out under a server's lock, written without.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	Delay  time.Duration
	Cut    Cut
	Good   bool // a read that was answered as a healthy service does
}

// AsGood marks the answer of a healthy service to a read.
func (a Answer) AsGood() Answer {
	a.Good = true
	return a
}

// NewAnswer returns an answer of any content type; none where it is empty.
func NewAnswer(status int, contentType, body string) Answer {
	a := Answer{Status: status, Header: http.Header{}, Body: body}
	if contentType != "" {
		a.Header.Set("Content-Type", contentType)
	}
	return a
}

// JSON returns an answer in JSON. What has no JSON form panics.
func JSON(status int, v any) Answer {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("strict: %v", err))
	}
	return NewAnswer(status, "application/json; charset=utf-8", string(b))
}

// HTML returns a page as a proxy or a sign-in would send it.
func HTML(status int, title string) Answer {
	return NewAnswer(status, "text/html; charset=utf-8",
		"<!DOCTYPE html>\n<html><head><title>"+title+"</title></head><body><h1>"+title+"</h1><br></body></html>\n")
}

// Plain returns an answer without a body.
func Plain(status int) Answer { return NewAnswer(status, "", "") }

// Reset returns no answer: the connection is reset.
func Reset() Answer { return Answer{Cut: CutReset} }

// Hang returns no answer: the client waits in vain.
func Hang() Answer { return Answer{Cut: CutHang} }

// RetryAfter adds Retry-After in whole seconds, rounded up, and returns when
// it is over.
func (a Answer) RetryAfter(now time.Time, d time.Duration) (Answer, time.Time) {
	seconds := int(math.Ceil(d.Seconds()))
	a.Header.Set("Retry-After", strconv.Itoa(seconds))
	return a, now.Add(time.Duration(seconds) * time.Second)
}

// RetryAfterDate adds Retry-After as a date, which is legal HTTP as well.
func (a Answer) RetryAfterDate(now time.Time, d time.Duration) (Answer, time.Time) {
	until := now.Add(d + time.Second - 1).Truncate(time.Second)
	a.Header.Set("Retry-After", until.UTC().Format(http.TimeFormat))
	return a, until
}

// Write sends the answer. Number makes x-ms-request-id unique; what is held
// back is let go when released is closed.
func (a Answer) Write(w http.ResponseWriter, r *http.Request, number int, released <-chan struct{}) {
	if a.Delay > 0 {
		late := time.NewTimer(a.Delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
		case <-released:
		}
	}
	switch a.Cut {
	case CutReset:
		hangUp(w)
		return
	case CutHang:
		select {
		case <-r.Context().Done():
		case <-released:
		}
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.Header().Set("x-ms-request-id", fmt.Sprintf("%08x-5c10-4d00-9000-%012x", number, number))
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		w.Header().Set("x-ms-client-request-id", id)
	}
	if a.Cut == CutTruncate {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
		w.WriteHeader(a.Status)
		_, _ = w.Write([]byte(a.Body[:len(a.Body)/2]))
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(a.Body)) // the client may have left: nothing to be done
}

// hangUp resets the connection where there is one.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
