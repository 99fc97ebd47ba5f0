// Package handler answers "how does a request get to a handler where no network may be":
// a real connection would stop the clock of a test in virtual time.
package handler

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"syscall"
)

// Transport carries requests straight to a handler. It is safe for concurrent use.
//
// The handler runs in a goroutine of its own with the request's context. When
// that ends first, RoundTrip returns the context's error at once, and the
// goroutine ends when the handler notices. A handler that panics with
// http.ErrAbortHandler has reset the connection: the error wraps
// syscall.ECONNRESET. Bodies are buffered whole.
func Transport(h http.Handler) http.RoundTripper { return direct{h} }

type direct struct{ handler http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	var body []byte
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if cerr := req.Body.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, err
		}
		body = b
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}

	in := req.Clone(ctx)
	in.Body, in.ContentLength, in.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	in.RequestURI, in.RemoteAddr = req.URL.RequestURI(), "memory"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.Host = cmp.Or(in.Host, req.URL.Host)

	if t := httptrace.ContextClientTrace(ctx); t != nil && t.GotConn != nil {
		t.GotConn(httptrace.GotConnInfo{}) // as a transport with a network says it
	}
	rec := httptest.NewRecorder()
	done := make(chan error, 1)
	go func() {
		defer func() {
			switch p := recover(); {
			case p == nil:
				done <- nil
			case p == http.ErrAbortHandler:
				done <- &net.OpError{Op: "read", Net: "memory", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
			default:
				done <- fmt.Errorf("the handler panicked: %v", p)
			}
		}()
		d.handler.ServeHTTP(rec, in)
	}()
	select {
	case err := <-done:
		if ctx.Err() != nil && err != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		resp := rec.Result()
		resp.Request = req
		return resp, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
