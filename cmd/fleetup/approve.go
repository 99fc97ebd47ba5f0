package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) approveCommand() *cli.Command {
	return &cli.Command{
		Name:  "approve",
		Usage: "approve the pending gate",
		Description: "The approval is bound to the plan and to the totals that it shows, and expires. It is void if more\n" +
			"vaults have failed or are unknown when the gate opens than it says. The live run hears it at once; without\n" +
			"one, the next resume uses it.",
		Flags: orderFlags(flagWave.is(cli.StringFlag{Usage: "the gate's wave `NAME`; the run must stand before its gate"})),
		Action: func(c *cli.Context) error {
			return e.runOrder(c, "canary looks good", func(o *rollout.Order) error { o.Wave = flagWave.of(c); return nil }, func(_ rollout.Order, s orderResult) {
				approved := s.Events[0].Fact.(fleet.Approved)
				ev := approved.Evidence
				say(e.stdout, "approved: the gate %s wave %s, by %s, until %s", approved.When, lexicon.Clean(approved.Wave),
					lexicon.Clean(approved.By.User), approved.ExpiresAt.Local().Format("Mon 2 Jan 15:04 MST"))
				say(e.stdout, "shown: %d upgraded, %d failed, %d unknown, %d blocked; void if more fail or are unknown", ev.Upgraded, ev.Failed, ev.Unknown, ev.Blocked)
			})
		},
	}
}
