package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) noteCommand() *cli.Command {
	return &cli.Command{
		Name: "note", Usage: "write a remark into the journal", ArgsUsage: "TEXT",
		Description: "It changes nothing. Reports show it in their timeline, with who said it and when.",
		Flags:       []cli.Flag{neededStateFlag(), outputFlag("table", "json")},
		Action: func(c *cli.Context) error {
			return e.runOrder(c, "handed over to the day shift", func(*rollout.Order) error { return nil }, func(o rollout.Order, s orderResult) {
				say(e.stdout, "noted, by %s: %s", lexicon.Clean(s.Events[0].Fact.(fleet.Noted).By.User), lexicon.Clean(o.Reason))
			})
		},
	}
}
