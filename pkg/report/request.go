package report

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// PlannedRequest is a request as JSON shows it.
type PlannedRequest struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// an XML document is a string; null: nothing was recorded that could be put back
	Body json.RawMessage `json:"body"`
}

func RequestOf(r fleet.Request) *PlannedRequest {
	if len(r.Body) == 0 {
		r.Body = json.RawMessage("null")
	}
	return &PlannedRequest{r.Method, r.Path, r.Body}
}

// Flat is a request on a line, as it is sent.
func (r *PlannedRequest) Flat() string {
	if r == nil {
		return ""
	}
	return r.Method + " " + r.Path + " " + r.body(func(b json.RawMessage) string { return string(b) })
}

// Shown is a request for people: its JSON has spaces where a line may be broken.
func (r *PlannedRequest) Shown() string { return r.Method + " " + r.Path + " " + r.body(spaced) }

func (r *PlannedRequest) body(text func(json.RawMessage) string) string {
	if document, ok := (fleet.Request{Body: r.Body}).XML(); ok {
		return document
	}
	if string(r.Body) == fleet.PlaceholderRestore {
		return strings.Trim(fleet.PlaceholderRestore, `"`)
	}
	return text(r.Body)
}

// spaced writes JSON on a line, with a space after each comma and colon.
func spaced(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "") != nil {
		return string(raw)
	}
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), ",\n", ", "), "\n", "")
}
