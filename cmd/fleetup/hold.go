package main

import (
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
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
			return e.obeyed(c, example, func(o *order) error {
				o.Vaults, o.Selector, o.Off = c.Args().Slice(), c.String("selector"), name == "release"
				if _, err := selector(c); err != nil {
					return err
				}
				if (len(o.Vaults) > 0) == (o.Selector != "") {
					return failure.Usage(oneWay(name, o), "%s needs vaults, by name or with --selector, and not both", name)
				}
				return nil
			}, func(o order, s said) {
				done := map[bool]string{false: "held", true: "released"}[o.Off]
				for _, name := range s.names {
					say(e.stdout, "%s %s: %s", done, report.Clean(name), report.Clean(o.Reason))
				}
			})
		},
	}
}

// hold holds or releases every vault that is named, or none; or of those that a
// selector picks every one that can be.
func (o order) hold(st *rollout.State, by fleet.Actor, _ time.Time) ([]fleet.Fact, error) {
	vaults, err := o.vaults(st)
	if err != nil {
		return nil, err
	}
	list := report.Command("status", "-o", "csv", "--state", o.State)
	var facts []fleet.Fact
	for _, i := range vaults {
		err := st.CheckHold(i, o.Off)
		if err != nil && o.Selector == "" {
			return nil, failure.Usage(list, "%w", err)
		}
		if err == nil {
			facts = append(facts, fleet.Held{Vault: st.Plan.Vaults[i].Key, Off: o.Off, By: by, Reason: o.Reason})
		}
	}
	if len(facts) == 0 {
		return nil, failure.Usage(list, "none of the %s with %s can be %s", words.Count(len(vaults), "vault"), o.Selector,
			map[bool]string{false: "held: all have started, or are held already", true: "released: none is held"}[o.Off])
	}
	return facts, nil
}

// vaults finds the vaults that an order is about, each once, in the plan's
// order.
func (o order) vaults(st *rollout.State) ([]int, error) {
	if o.Selector != "" {
		s, err := plan.ParseSelector(o.Selector)
		if err != nil {
			return nil, failure.Usage("correct the selector", "--selector: %w", err)
		}
		return selected(st.Plan, s, o.Selector)
	}
	var found []int
	for _, name := range o.Vaults {
		i, err := findVault(st, report.Command("status", "-o", "csv", "--state", o.State), name)
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// oneWay is how vaults may be named: as they were, where they were named in two
// ways.
func oneWay(name string, o *order) string {
	rest := []string{"--reason", o.Reason, "--state", o.State}
	if len(o.Vaults) == 0 {
		return report.Command(append([]string{name, "SUBSCRIPTION/NAME"}, rest...)...)
	}
	return lines(report.Command(slices.Concat([]string{name}, o.Vaults, rest)...),
		"or "+report.Command(slices.Concat([]string{name, "--selector", o.Selector}, rest)...))
}
