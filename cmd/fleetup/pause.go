package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) pauseCommand() *cli.Command {
	return &cli.Command{
		Name:  "pause",
		Usage: "start nothing new until pause --off",
		Description: "What is in flight is followed to its end, checks go on. The live run hears it at once; without one, word\n" +
			"is left for the next resume. The pause outlives the process.",
		Flags: orderFlags(flagOff.is(cli.BoolFlag{Usage: "the pause is over"})),
		Action: func(c *cli.Context) error {
			off, example := flagOff.of(c), "a customer needs a restore"
			if off {
				example = "the restore is done"
			}
			return e.runOrder(c, example, func(o *rollout.Order) error { o.Off = off; return nil }, func(o rollout.Order, s orderResult) {
				by := lexicon.Clean(s.Events[0].Fact.(fleet.Paused).By.User)
				if off {
					say(e.stdout, "the pause is over, by %s: %s", by, lexicon.Clean(o.Reason))
					return
				}
				say(e.stdout, "paused by %s: %s", by, lexicon.Clean(o.Reason))
				say(e.stdout, "Nothing new starts until fleetup pause --off; what is in flight is followed.")
			})
		},
	}
}
