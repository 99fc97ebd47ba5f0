package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) stopCommand() *cli.Command {
	return &cli.Command{
		Name:  "stop",
		Usage: "stop the live run in order, or close a run for good",
		Description: "As a first signal: nothing new starts, the calls that are out end, and the process leaves with 5. With\n" +
			"--close nothing starts in this run any more: what is in flight is followed to its end, then the run is\n" +
			"closed. What it did not start waits for the next run.",
		Flags: orderFlags(flagClose.is(cli.BoolFlag{Usage: "close the run for good once nothing is in flight"})),
		Action: func(c *cli.Context) error {
			closing := flagClose.of(c)
			return e.runOrder(c, "the change is withdrawn", func(o *rollout.Order) error { o.Close = closing; return nil }, func(o rollout.Order, s orderResult) {
				by, reason := lexicon.Clean(s.Events[0].Fact.(fleet.Stopped).By.User), lexicon.Clean(o.Reason)
				switch {
				case !closing:
					say(e.stdout, "stopping, by %s: %s", by, reason)
					say(e.stdout, "Nothing new starts; the process leaves when the calls that are out have ended.")
				case s.state != nil && s.state.Run.Closed != nil:
					say(e.stdout, "closed by %s: %s", by, reason)
				default:
					say(e.stdout, "closing, by %s: %s", by, reason)
					say(e.stdout, "Nothing starts in this run any more; it is closed when what is in flight has ended.")
				}
			})
		},
	}
}
