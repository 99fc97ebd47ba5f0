package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) limitCommand() *cli.Command {
	return &cli.Command{
		Name: "limit", Usage: "lower the limits of a run, or restore them", ArgsUsage: "NAME=N|plan...",
		Description: "NAME is upgrades, perSubscription or perLocation, as in the inventory. A limit can be lowered, and lifted\n" +
			"again up to what the plan says; upgrades=plan gives it back to the plan. What is in flight is not touched.",
		Flags: orderFlags(),
		Action: func(c *cli.Context) error {
			return e.runOrder(c, "the region is slow tonight", func(o *rollout.Order) error {
				return o.SetLimits(c.Args().Slice())
			}, func(o rollout.Order, s orderResult) {
				w, _ := lexicon.OperatorActionOf(s.Events[0].Fact)
				say(e.stdout, "%s, by %s: %s", lexicon.Clean(w.Text), lexicon.Clean(w.By.User), lexicon.Clean(o.Reason))
			})
		},
	}
}
