package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/report"
)

// renderer writes a run in a format.
type renderer func(io.Writer, *report.View, report.Options) error

func (e *environment) reportCommand() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "what happened, and who has to do what",
		Flags: []cli.Flag{stateFlag(), formatFlag(), supportFlag(),
			&cli.BoolFlag{Name: "exit-code", Usage: "exit as the run stands"}},
		Action: func(c *cli.Context) error {
			return e.read(c, report.Report)
		},
	}
}
