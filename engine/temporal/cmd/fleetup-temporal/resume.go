package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "go on with the unfinished run of a ledger, and wait for its end",
		Description: "What was in flight is followed, what is in doubt is read before anything is sent, a failed " +
			"vault is never started\n" +
			"again. Facts that a terminated workflow had not written yet are written first, from its history.",
		Flags: append(append(serverFlags(), runFlags()...), ledgerFlag,
			&cli.BoolFlag{Name: "yes", Usage: "start what cannot be undone"},
			&cli.BoolFlag{Name: "accept-failures", Usage: "after a halt: go on, the failures so far count no more"},
			&cli.StringFlag{Name: "reason", Usage: "why failures are accepted: the journal keeps the `TEXT`"}),
		Action: func(c *cli.Context) error {
			reason := strings.TrimSpace(c.String("reason"))
			switch {
			case c.NArg() != 0:
				return usage("resume takes no argument: the ledger has the plan")
			case !c.Bool("yes"):
				return usage("upgrades cannot be undone: look at fleetup status --state %s.db, then give --yes",
					c.String("ledger"))
			case c.Bool("accept-failures") && rollout.Wordless(reason):
				return usage("--accept-failures needs --reason: the journal keeps it")
			case c.Bool("accept-failures") && reason == standing.ReasonToWrite:
				return usage("%s stands for the reason: write why, the journal keeps it", reason)
			}
			if err := rollout.CheckReason(reason); err != nil {
				return usage("%s", err)
			}
			options, err := optionsOf(c)
			if err != nil {
				return err
			}
			conn, err := connect(c)
			if err != nil {
				return err
			}
			defer conn.Close()
			r, err := conn.resume(c.Context, c.String("ledger"),
				protocol.Resume{By: session.Actor(fleet.Credentials{}), Version: version, Engine: fleet.EngineTemporal,
					AcceptFailures: c.Bool("accept-failures"), Reason: reason}, options)
			if err != nil {
				return err
			}
			return conclude(c.Context, r)
		},
	}
}

// usage is an error of the command line.
func usage(format string, args ...any) error {
	return cli.Exit("fleetup-temporal: "+fmt.Sprintf(format, args...), int(fleet.ExitUsage))
}
