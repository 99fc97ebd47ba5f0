package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) holdCommand() *cli.Command {
	return e.holding("hold", "hold vaults that have not started", "a customer needs a restore now",
		"The live run hears it at once; without one, word is left for the next resume. An upgrade that has started\n"+
			"cannot be held. The hold is this run's: to hold a vault in later runs as well, say so in the inventory.")
}

func (e *environment) releaseCommand() *cli.Command {
	return e.holding("release", "release held vaults", "the restore is done",
		"They are checked again and take their turn. A vault that the inventory holds is released there.")
}

// holding makes the two commands that are each other's contrary.
func (e *environment) holding(name, does, example, description string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: does, ArgsUsage: "VAULT...", Description: description,
		Flags: orderFlags(selectorFlag()),
		Action: func(c *cli.Context) error {
			return e.runOrder(c, example, func(o *rollout.Order) error {
				o.Vaults, o.Selector, o.Off = c.Args().Slice(), flagSelector.of(c), name == "release"
				_, err := selector(c)
				return err
			}, func(o rollout.Order, s orderResult) {
				done := map[bool]string{false: "held", true: "released"}[o.Off]
				for _, name := range s.Names {
					say(e.stdout, "%s %s: %s", done, lexicon.Clean(name), lexicon.Clean(o.Reason))
				}
			})
		},
	}
}
