package main

import (
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

// formatHTML is the page of a run, as a file: the affair of pkg/web.
const formatHTML = "html"

func (e *environment) reportCommand() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "report what happened and what is left to do",
		Flags: append(reportFlags(formatHTML),
			flagCompare.is(cli.StringFlag{TakesFile: true, Usage: "against another night: what has changed since " +
				"that one's report, a `FILE` of report -o json"})),
		Action: func(c *cli.Context) error {
			if file := flagCompare.of(c); file != "" {
				return e.compare(c, file)
			}
			if flagOutput.of(c) == formatHTML {
				return e.read(c, web.WriteReport)
			}
			return e.read(c, report.Report)
		},
	}
}

// compare shows a run against another one's report.
func (e *environment) compare(c *cli.Context, file string) error {
	forms := []layout.Format{layout.FormatTable, layout.FormatMarkdown, layout.FormatJSON}
	if f := layout.Format(flagOutput.of(c)); !slices.Contains(forms, f) {
		return failure.Usage("-o table, markdown, json, yaml or tsv", "a comparison cannot be written as %s", f)
	}
	in, err := textfile.OpenRegular(file)
	if err != nil {
		return failure.Usage("name a file of report -o json", "--compare: %s cannot be read: %w", file,
			failure.Cause(err))
	}
	defer in.Close()
	before, err := report.ReadEarlier(in)
	if err != nil {
		return failure.Usage("name a file of report -o json, or of run --report FILE.json", "--compare: %s is %w",
			file, err)
	}
	return e.read(c, func(w io.Writer, v *report.View, o report.Options) error {
		if v.Run.Kind != before.Run.Kind {
			return failure.Usage("name a report of the same kind", "--compare: %s is of a run of kind %s, and run %s "+
				"is of kind %s", file, before.Run.Kind, v.Run.ID, v.Run.Kind)
		}
		return v.Compare(before).Write(w, o)
	})
}
