package azure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

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
	return NoStartAnswer(&SendError{NotSent: true, Why: why, Err: err}, s.OperationID)
}

// NoStart is the answer of what was made ready and is no start of a vault.
func NoStart(s fleet.PreparedStart, why string) fleet.StartAnswer {
	return NotSent(s, why, errors.New(text.Clean(s.Method+" "+s.Path, text.MaxMessage)))
}
