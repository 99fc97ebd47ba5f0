package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// asked carries a command out, and where its line has a query prints what that finds in
// its JSON: for every command that has JSON, in one place.
func (e *environment) asked(c *cli.Context, act cli.ActionFunc) error {
	if !takes(c, flagOutput) || !given(c, flagQuery) {
		return act(c)
	}
	ask, err := query(c)
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
	if unasked := ask.Write(out, document.Bytes()); unasked != nil {
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

// query reads the query of a command line. It is asked of the JSON, whatever other form
// was not asked for.
func query(c *cli.Context) (*report.Query, error) {
	if given(c, flagOutput) && flagOutput.of(c) != string(layout.FormatJSON) {
		return nil, failure.Usage("leave -o out, or say -o json", "--query asks the JSON, and cannot be written as %s",
			flagOutput.of(c))
	}
	q, err := report.ParseQuery(flagQuery.of(c))
	if err != nil {
		return nil, failure.Usage("docs/report.md has examples; quote the query for the shell", "%w", err)
	}
	return q, nil
}
