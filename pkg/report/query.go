package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/metrics"
	"slices"
	"strconv"
	"time"

	"github.com/jmespath/go-jmespath"

	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// Query is a JMESPath expression, asked of a JSON document.
type Query struct {
	expression *jmespath.JMESPath
	asks       []string // the names that it looks for in a document, each once
}

// ParseQuery reads a JMESPath expression. The error says where it is wrong.
func ParseQuery(text string) (*Query, error) {
	q, err := jmespath.Compile(text)
	if e, ok := errors.AsType[jmespath.SyntaxError](err); ok {
		return nil, fmt.Errorf("the query %q is wrong at character %d: %w", text, min(e.Offset, len(text))+1, e)
	}
	if err != nil {
		return nil, fmt.Errorf("the query %q is wrong: %w", text, err)
	}
	return &Query{q, namesIn(text)}, nil
}

// asked and made are the names that a query looks for, and those that it gives to what
// it finds, in its tree as the library prints it, which shows it in no other way.
var (
	asked = regexp.MustCompile(`(?m)^ *ASTField \{\n *value: ("(?:[^"\\]|\\.)*")$`)
	made  = regexp.MustCompile(`(?m)^ *ASTKeyValPair \{\n *value: ("(?:[^"\\]|\\.)*")$`)
)

// namesIn are the names that a query looks for in its document: no name of its own.
func namesIn(query string) (names []string) {
	tree, err := jmespath.NewParser().Parse(query)
	if err != nil {
		return nil
	}
	printed := tree.PrettyPrint(0)
	all := func(pattern *regexp.Regexp) (found []string) {
		for _, m := range pattern.FindAllStringSubmatch(printed, -1) {
			if name, err := strconv.Unquote(m[1]); err == nil && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		return found
	}
	own := all(made)
	return slices.DeleteFunc(all(asked), func(name string) bool { return slices.Contains(own, name) })
}

// Unknown are the names that the query looks for and that nothing in a document has, with
// the name that may be meant; it is empty where none is near. A query that asks for one
// finds null, which looks like an answer.
func (q *Query) Unknown(document []byte) (names, meant []string) {
	for _, name := range q.asks {
		if key, err := json.Marshal(name); err == nil && !bytes.Contains(document, append(key, ':')) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	var there []string // in what every document begins with, and its first rows
	for _, m := range fieldName.FindAllSubmatch(document[:min(len(document), 1<<18)], -1) {
		there = append(there, string(m[1]))
	}
	slices.Sort(there)
	there = slices.Compact(there)
	for _, name := range names {
		meant = append(meant, words.Nearest(name, there))
	}
	return names, meant
}

var fieldName = regexp.MustCompile(`"([A-Za-z0-9]+)":`)

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
