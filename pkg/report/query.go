package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/jmespath/go-jmespath"

	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// Query is a JMESPath expression, asked of the JSON of a report.
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

// Write writes what the query finds in the JSON of a report: JSON again, null
// where there is nothing.
func (q *Query) Write(w io.Writer, v *View, o Options) error {
	data, err := json.Marshal(v.Worded(o))
	if err != nil {
		return fmt.Errorf("write the report as JSON: %w", err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("write the report as JSON: %w", err)
	}
	found, err := q.expression.Search(doc)
	if err != nil {
		return &QueryError{err}
	}
	return layout.WriteJSON(w, found)
}

// QueryError says that a query, right as it is written, cannot be asked of a
// report.
type QueryError struct{ err error }

func (e *QueryError) Error() string { return "the query cannot be asked of a report: " + e.err.Error() }
func (e *QueryError) Unwrap() error { return e.err }
