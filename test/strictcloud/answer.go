package strictcloud

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

// cut says how an answer ends other than well.
type cut int

const (
	cutNone     cut = iota
	cutReset        // the connection is reset, nothing is answered
	cutHang         // nothing is answered until the client leaves
	cutTruncate     // the body ends before the length that was announced
)

// answer is what goes back, worked out under the lock and written without it.
type answer struct {
	status int
	header http.Header
	body   string
	delay  time.Duration
	cut    cut
	good   bool // a read that was answered as a healthy service does
}

func (a answer) asGood() answer {
	a.good = true
	return a
}

func newAnswer(status int, contentType, body string) answer {
	a := answer{status: status, header: http.Header{}, body: body}
	if contentType != "" {
		a.header.Set("Content-Type", contentType)
	}
	return a
}

func xmlAnswer(status int, body string) answer {
	return newAnswer(status, "application/xml; charset=utf-8", body)
}

func htmlAnswer(status int, title string) answer {
	return newAnswer(status, "text/html; charset=utf-8",
		"<!DOCTYPE html>\n<html><head><title>"+title+"</title></head><body><h1>"+title+"</h1><br></body></html>\n")
}

func jsonAnswer(status int, v any) answer {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("strictcloud: %v", err))
	}
	return newAnswer(status, "application/json; charset=utf-8", string(b))
}

func plainStatus(status int) answer { return newAnswer(status, "", "") }

func reset() answer { return answer{cut: cutReset} }

func hang() answer { return answer{cut: cutHang} }

// errorAnswer is a refusal in the format of the side that was asked.
func errorAnswer(in *request, status int, code, message string) answer {
	if in.call.classic() {
		return xmlAnswer(status, Refusal{Shape: 2, Code: code, Message: message}.render("", nil))
	}
	return jsonAnswer(status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

// retryAfter adds Retry-After in whole seconds, rounded up, and returns when
// it is over.
func (a answer) retryAfter(now time.Time, d time.Duration) (answer, time.Time) {
	seconds := int(math.Ceil(d.Seconds()))
	a.header.Set("Retry-After", strconv.Itoa(seconds))
	return a, now.Add(time.Duration(seconds) * time.Second)
}

// retryAfterDate adds Retry-After as a date, which is legal HTTP as well.
func (a answer) retryAfterDate(now time.Time, d time.Duration) (answer, time.Time) {
	until := now.Add(d + time.Second - 1).Truncate(time.Second)
	a.header.Set("Retry-After", until.UTC().Format(http.TimeFormat))
	return a, until
}

// write sends the answer; number makes x-ms-request-id unique.
func (a answer) write(w http.ResponseWriter, r *http.Request, number int, released <-chan struct{}) {
	if a.delay > 0 {
		late := time.NewTimer(a.delay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
		case <-released:
		}
	}
	switch a.cut {
	case cutReset:
		hangUp(w)
		return
	case cutHang:
		select {
		case <-r.Context().Done():
		case <-released:
		}
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("x-ms-request-id", fmt.Sprintf("%08x-5c10-4d00-9000-%012x", number, number))
	if id := r.Header.Get("x-ms-client-request-id"); id != "" {
		w.Header().Set("x-ms-client-request-id", id)
	}
	if a.cut == cutTruncate {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body[:len(a.body)/2]))
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body)) // the client may have left: nothing to be done
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
