package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestQueryHasAnEnd: a query that makes more and more of a document ends with an error
// that says so, and what JSON has no word for is one too.
func TestQueryHasAnEnd(t *testing.T) {
	double := "[@,@]" + strings.Repeat(" | [@,@]", 19) // 60 MB in the end
	for name, c := range map[string]struct {
		query string
		most  queryBounds
		says  string
	}{
		"memory":          {double, queryBounds{time.Minute, 4 << 20}, "takes more than 4 MB"},
		"time":            {double, queryBounds{10 * time.Millisecond, 1 << 40}, "takes longer than 10ms"},
		"not a number":    {"to_number('nan')", usualQuery, "NaN"},
		"without an end":  {"to_number('-inf')", usualQuery, "-Inf"},
		"of nothing else": {"{a: [to_number('inf')]}", usualQuery, "+Inf"},
	} {
		q, err := ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = q.write(&out, []byte(`{"a": 1}`), c.most)
		if _, ok := errors.AsType[*QueryError](err); !ok || !strings.Contains(err.Error(), c.says) || out.Len() > 0 {
			t.Errorf("%s: %v, and it writes %q", name, err, out.String())
		}
	}
}
