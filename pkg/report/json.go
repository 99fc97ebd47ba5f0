package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/metrics"
	"time"

	"github.com/jmespath/go-jmespath"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// SchemaVersion is the version of every JSON document of this package. Fields
// may be added to a version; none is renamed or removed.
const SchemaVersion = 1

// Time is a time as JSON shows it: RFC 3339, UTC, milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `"`), nil
}

// TimeOrNull returns a time for JSON, nil for none.
func TimeOrNull(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// Value returns the time, zero for none.
func (t *Time) Value() time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// StringOrNull returns a string for JSON, nil for none.
func StringOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func ValueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Finding is a reason a check gave, as JSON shows it.
type Finding struct {
	Severity fleet.Severity `json:"severity"`
	Category *string        `json:"category"`
	Code     *string        `json:"code"`
	Message  *string        `json:"message"`
	Action   *string        `json:"action"`
	Items    []string       `json:"items"`

	said string // by the cloud itself, for whoever is asked about it
}

func FindingsOf(fs []fleet.Finding) []Finding {
	out := make([]Finding, len(fs))
	for i, f := range fs {
		out[i] = Finding{f.Severity, StringOrNull(f.Category), StringOrNull(f.Code), StringOrNull(f.Message),
			StringOrNull(f.Action), ListOrEmpty(f.Items), f.Said}
	}
	return out
}

// ListOrEmpty returns an empty list for none: an array is never null.
func ListOrEmpty(ss []string) []string {
	if ss == nil {
		return []string{}
	}
	return ss
}

func labels(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// Query is a JMESPath expression, asked of a JSON document.
type Query struct{ expression *jmespath.JMESPath }

// ParseQuery reads a JMESPath expression. The error says where it is wrong.
func ParseQuery(text string) (*Query, error) {
	q, err := jmespath.Compile(text)
	if e, ok := errors.AsType[jmespath.SyntaxError](err); ok {
		return nil, fmt.Errorf("the query %q is wrong at character %d: %w", text, min(e.Offset, len(text))+1, e)
	}
	if err != nil {
		return nil, fmt.Errorf("the query %q is wrong: %w", text, err)
	}
	return &Query{q}, nil
}

// queryBounds are how long a query may take, and how much memory beside the document.
// What it makes may grow without end: each step of it may double what there was.
type queryBounds struct {
	time   time.Duration
	memory uint64
}

var usualQuery = queryBounds{time: time.Minute, memory: 1 << 30}

// Write writes what the query finds in a JSON document: JSON again, null where there is
// nothing.
func (q *Query) Write(w io.Writer, document []byte) error { return q.write(w, document, usualQuery) }

func (q *Query) write(w io.Writer, document []byte, most queryBounds) error {
	var doc any
	if err := json.Unmarshal(document, &doc); err != nil {
		return fmt.Errorf("a query is asked of JSON: %w", err)
	}
	type answer struct {
		data []byte
		err  error
	}
	// What searches cannot be interrupted: it is left behind, by a process that ends.
	answered := make(chan answer, 1)
	held := heap()
	go func() {
		// The library panics where merge is given what is no object (go-jmespath 0.4.0, jpfMerge).
		defer func() {
			if p := recover(); p != nil {
				answered <- answer{nil, fmt.Errorf("a function was given what it does not take: %v", p)}
			}
		}()
		found, err := q.expression.Search(doc)
		if err != nil {
			answered <- answer{nil, err}
			return
		}
		data, err := layout.Encode(found, "", "  ")
		answered <- answer{data, err}
	}()
	late, look := time.NewTimer(most.time), time.NewTicker(20*time.Millisecond)
	defer late.Stop()
	defer look.Stop()
	for {
		select {
		case a := <-answered:
			if a.err != nil {
				return &QueryError{a.err}
			}
			_, err := w.Write(a.data)
			return err
		case <-late.C:
			return &QueryError{fmt.Errorf("it takes longer than %v", most.time)}
		case <-look.C:
			if now := heap(); now > held+most.memory {
				return &QueryError{fmt.Errorf("what it makes of it takes more than %d MB", most.memory>>20)}
			}
		}
	}
}

// heap is how much memory is in use.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// QueryError says that a query, right as it is written, cannot be asked of a document.
type QueryError struct{ err error }

func (e *QueryError) Error() string {
	return "the query cannot be asked of this JSON: " + e.err.Error()
}
func (e *QueryError) Unwrap() error { return e.err }
