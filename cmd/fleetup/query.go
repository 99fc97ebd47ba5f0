package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// asked carries a command out, and where its line has a query prints what that finds in
// its JSON, and what its JSON is in another form: for every command that has JSON, in
// one place.
func (e *environment) asked(c *cli.Context, act cli.ActionFunc) error {
	if !takes(c, flagOutput) {
		return act(c)
	}
	form := layout.Format(flagOutput.of(c))
	_, other := formsOfJSON[form]
	switch {
	case !given(c, flagQuery) && !other:
		return act(c)
	case other && takes(c, flagWatch) && flagWatch.of(c):
		return failure.Usage("leave one of them out", "--watch shows page after page, and -o %s is of one document",
			form)
	}
	ask, err := query(c, form)
	if err != nil {
		return err
	}
	if err := c.Set(string(flagOutput), string(layout.FormatJSON)); err != nil {
		return err
	}
	out, document := e.stdout, &bytes.Buffer{}
	e.stdout = document
	err = act(c)
	e.stdout = out
	if document.Len() == 0 {
		return err
	}
	if ask != nil {
		names, meant := ask.Unknown(document.Bytes())
		for i, name := range names {
			did := ""
			if meant[i] != "" {
				did = fmt.Sprintf("; did you mean %q?", meant[i])
			}
			say(e.stderr, "Note: nothing in this JSON is called %q%s", lexicon.Clean(name), did)
		}
	}
	if unasked := answer(out, document.Bytes(), ask, form); unasked != nil {
		if slices.Contains(orderNames(), c.Command.Name) {
			return failure.New(fleet.ExitInternal, fmt.Errorf("the order has been given; only its answer could not be "+
				"queried: %w", unasked), lexicon.Command("status", "--state", flagState.of(c)))
		}
		if _, ok := errors.AsType[*report.QueryError](unasked); ok {
			return failure.Usage(helpOn(c), "%w", unasked)
		}
		return unasked
	}
	return err
}

// formsOfJSON are the forms that are made of a command's JSON.
var formsOfJSON = map[layout.Format]func(io.Writer, []byte) error{layout.FormatYAML: layout.YAML,
	layout.FormatTSV: layout.TSV}

// answer writes what a query finds in a document, or all of it, in a form.
func answer(w io.Writer, document []byte, ask *report.Query, form layout.Format) error {
	write, other := formsOfJSON[form]
	switch {
	case !other:
		return ask.Write(w, document)
	case ask != nil:
		var found bytes.Buffer
		if err := ask.Write(&found, document); err != nil {
			return err
		}
		document = found.Bytes()
	case form == layout.FormatTSV:
		document = rowsOf(document)
	}
	return write(w, document)
}

// rowsOf is the list in a command's document that is its answer, such as the vaults of a
// report: what has a row each where no query says what has. A document without one is
// itself the row.
func rowsOf(document []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(document, &fields) != nil {
		return document // it is a list
	}
	for _, list := range []string{"vaults", "runs", "kinds", "targets", "faults", "problems", "waves", "subscriptions",
		"events"} {
		if rows := bytes.TrimSpace(fields[list]); len(rows) > 0 && rows[0] == '[' {
			return rows
		}
	}
	return document
}

// query reads the query of a command line, nil where it has none. It is asked of the JSON,
// and only what is made of that can show what it finds.
func query(c *cli.Context, form layout.Format) (*report.Query, error) {
	if !given(c, flagQuery) {
		return nil, nil
	}
	if _, made := formsOfJSON[form]; given(c, flagOutput) && form != layout.FormatJSON && !made {
		return nil, failure.Usage("leave -o out, or say -o json, yaml or tsv",
			"--query asks the JSON, and cannot be written as %s", form)
	}
	q, err := report.ParseQuery(flagQuery.of(c))
	if err != nil {
		return nil, failure.Usage("docs/report.md has examples; quote the query for the shell", "%w", err)
	}
	return q, nil
}
