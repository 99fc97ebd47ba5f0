package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/report"
)

func (e *environment) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show where the run stands",
		Flags: append(reportFlags(),
			flagWatch.is(cli.BoolFlag{Usage: "show it again whenever something has changed, until the run is " +
				"finished"})),
		Action: func(c *cli.Context) error {
			if flagWatch.of(c) {
				return e.watchStatus(c)
			}
			return e.read(c, report.Status)
		},
	}
}
