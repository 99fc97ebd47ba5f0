package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

// formatHTML is the page of a run, as a file: the affair of pkg/web.
const formatHTML = "html"

func (e *environment) reportCommand() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "report what happened and what is left to do",
		Flags: reportFlags(formatHTML),
		Action: func(c *cli.Context) error {
			if flagOutput.of(c) == formatHTML {
				return e.read(c, web.WriteReport)
			}
			return e.read(c, report.Report)
		},
	}
}
