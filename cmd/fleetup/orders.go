package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// orderKind is a command that says something to a run; order.go carries it out.
type orderKind struct {
	name, usage, arguments string
	example, exampleOff    string   // reasons that such a command might have
	help                   []string // command lines to learn from
	flags                  []cli.Flag
	fill                   func(c *cli.Context, o *rollout.Order) error
	// what came of it, line by line
	tell        func(o rollout.Order, s orderResult, by, why string) []string
	description string
}

// orderKinds are the orders, in the order in which help lists them.
func orderKinds() []orderKind {
	return []orderKind{{
		name: "approve", usage: "approve the pending gate", example: "canary looks good",
		help: []string{"fleetup approve --state fleet.db --reason 'the canary looks good'"},
		description: "The approval is bound to the plan and to the totals that it shows, and expires. It is void if " +
			"more\n" +
			"vaults have failed or are unknown when the gate opens than it says. The live run hears it at once; " +
			"without\n" +
			"one, the next resume uses it.",
		flags: []cli.Flag{flagWave.is(cli.StringFlag{Usage: "the gate's wave `NAME`; the run must stand before its " +
			"gate"})},
		fill: func(c *cli.Context, o *rollout.Order) error { o.Wave = flagWave.of(c); return nil },
		tell: func(_ rollout.Order, s orderResult, by, _ string) []string {
			approved := s.Events[0].Fact.(fleet.Approved)
			ev := approved.Evidence
			of := " of wave " + lexicon.Clean(approved.Wave)
			switch { // before a wave the one that came before it was shown, and before the first none
			case approved.When == fleet.GateBefore && ev == (fleet.Evidence{}):
				of = ""
			case approved.When == fleet.GateBefore:
				of = " of the wave before"
			}
			return []string{
				fmt.Sprintf("approved: the gate %s wave %s, by %s, until %s", approved.When,
					lexicon.Clean(approved.Wave), by,
					approved.ExpiresAt.Local().Format("Mon 2 Jan 15:04 MST")),
				fmt.Sprintf("shown%s: %d %s, %d failed, %d unknown, %d blocked; void if more fail or are unknown",
					of, ev.Upgraded, s.Direction.Words().Done, ev.Failed, ev.Unknown, ev.Blocked),
			}
		},
	}, {
		name: "pause", usage: "start nothing new until pause --off", example: "a customer needs a restore",
		exampleOff: "the restore is done",
		help: []string{"fleetup pause --state fleet.db --reason 'storage incident'",
			"fleetup pause --off --state fleet.db --reason 'incident is over'"},
		description: "What is in flight is followed to its end, checks go on. The live run hears it at once; without " +
			"one, word\n" +
			"is left for the next resume. The pause outlives the process.",
		flags: []cli.Flag{flagOff.is(cli.BoolFlag{Usage: "the pause is over"})},
		fill:  func(c *cli.Context, o *rollout.Order) error { o.Off = flagOff.of(c); return nil },
		tell: func(o rollout.Order, _ orderResult, by, why string) []string {
			if o.Off {
				return []string{"the pause is over, by " + by + ": " + why}
			}
			return []string{"paused by " + by + ": " + why,
				"Nothing new starts until fleetup pause --off; what is in flight is followed."}
		},
	}, {
		name: "limit", usage: "lower the limits of a run, or restore them", arguments: "NAME=N|plan...",
		example: "the region is slow tonight",
		help: []string{"fleetup limit upgrades=5 --state fleet.db --reason 'backup jobs are slow'",
			"fleetup limit upgrades=plan --state fleet.db --reason 'jobs are fine'"},
		description: "NAME is upgrades, perSubscription or perLocation, as in the inventory. A limit can be lowered, " +
			"and lifted\n" +
			"again up to what the plan says; upgrades=plan gives it back to the plan. What is in flight is not " +
			"touched.",
		fill: func(c *cli.Context, o *rollout.Order) error { return o.SetLimits(c.Args().Slice()) },
		tell: func(_ rollout.Order, s orderResult, by, why string) []string {
			w, _ := lexicon.OperatorActionOf(s.Events[0].Fact)
			return []string{lexicon.Clean(w.Text) + ", by " + by + ": " + why}
		},
	}, {
		name: "hold", usage: "hold vaults that have not started", arguments: "VAULT...",
		example: "a customer needs a restore now",
		help: []string{"fleetup hold prod/vault-07 --state fleet.db --reason 'legal freeze'",
			"fleetup hold -l team=payments --state fleet.db --reason 'quarter end'"},
		description: "The live run hears it at once; without one, word is left for the next resume. An upgrade that " +
			"has started\n" +
			"cannot be held. The hold is this run's: to hold a vault in later runs as well, say so in the inventory.",
		flags: []cli.Flag{selectorFlag()}, fill: fillVaults,
		tell: tellVaults("held", "In this run alone: to hold it in later runs as well, say so in the inventory.",
			"In this run alone: to hold them in later runs as well, say so in the inventory."),
	}, {
		name: "release", usage: "release held vaults", arguments: "VAULT...", example: "the restore is done",
		help:        []string{"fleetup release prod/vault-07 --state fleet.db --reason 'freeze lifted'"},
		description: "They are checked again and take their turn. A vault that the inventory holds is released there.",
		flags:       []cli.Flag{selectorFlag()}, fill: fillVaults, tell: tellVaults("released", "", ""),
	}, {
		name: "note", usage: "write a remark into the journal", arguments: "TEXT",
		example:     "handed over to the day shift",
		help:        []string{"fleetup note 'vendor case 4711 is open' --state fleet.db"},
		description: "It changes nothing. Reports show it in their timeline, with who said it and when.",
		tell: func(_ rollout.Order, _ orderResult, by, why string) []string {
			return []string{"noted, by " + by + ": " + why}
		},
	}, {
		name: "stop", usage: "stop the live run in order, or close a run for good", example: "the change is withdrawn",
		help: []string{"fleetup stop --state fleet.db --reason 'change window is over'",
			"fleetup stop --close --state fleet.db --reason 'upgraded elsewhere'"},
		description: "As a first signal: nothing new starts, the calls that are out end, and the process leaves with " +
			"5. With\n" +
			"--close nothing starts in this run any more: what is in flight is followed to its end, then the run is\n" +
			"closed. What it did not start waits for the next run.",
		flags: []cli.Flag{flagClose.is(cli.BoolFlag{Usage: "close the run for good once nothing is in flight"})},
		fill:  func(c *cli.Context, o *rollout.Order) error { o.Close = flagClose.of(c); return nil },
		tell: func(o rollout.Order, s orderResult, by, why string) []string {
			switch {
			case !o.Close:
				return []string{"stopping, by " + by + ": " + why,
					"Nothing new starts; the process leaves when the calls that are out have ended."}
			case s.state != nil && s.state.Run.Closed != nil:
				return []string{"closed by " + by + ": " + why}
			}
			return []string{"closing, by " + by + ": " + why,
				"Nothing starts in this run any more; it is closed when what is in flight has ended."}
		},
	}}
}

// orderNames are the names of the orders.
func orderNames() (names []string) {
	for _, k := range orderKinds() {
		names = append(names, k.name)
	}
	return names
}

func fillVaults(c *cli.Context, o *rollout.Order) error {
	o.Vaults, o.Selector, o.Off = c.Args().Slice(), flagSelector.of(c), o.Do == "release"
	_, err := selector(c)
	return err
}

// tellVaults says what was done to each vault, and what is true of one or of more.
func tellVaults(done, ofOne, ofMore string) func(rollout.Order, orderResult, string, string) []string {
	return func(_ rollout.Order, s orderResult, _, why string) (lines []string) {
		for _, name := range s.Names {
			lines = append(lines, done+" "+lexicon.Clean(name)+": "+why)
		}
		also := ofMore
		if len(lines) == 1 {
			also = ofOne
		}
		if also != "" {
			lines = append(lines, also)
		}
		return lines
	}
}

// orderCommands are the commands of all orders.
func (e *environment) orderCommands() (all []*cli.Command) {
	for _, k := range orderKinds() {
		flags := append(outputFlags("table", "json"), neededStateFlag())
		if k.name != "note" { // its text is the reason
			flags = append(flags, reasonFlag())
		}
		all = append(all, &cli.Command{Name: k.name, Usage: k.usage, ArgsUsage: k.arguments, Description: k.description,
			Flags: append(flags, k.flags...), Action: func(c *cli.Context) error { return e.runOrder(c, k) }})
	}
	return all
}

// orderOf makes the order of a command line. There must be a reason: the journal
// keeps it.
func (k orderKind) orderOf(c *cli.Context) (rollout.Order, error) {
	o := rollout.Order{Do: k.name, State: flagState.of(c), Reason: strings.TrimSpace(flagReason.of(c))}
	if k.name == "note" {
		o.Reason = strings.TrimSpace(strings.Join(c.Args().Slice(), " "))
	}
	example := k.example
	if flagOff.of(c) {
		example = k.exampleOff
	}
	if err := needReason(c, k.name, o.Reason, example); err != nil {
		return o, err
	}
	if k.fill != nil {
		if err := k.fill(c, &o); err != nil {
			return o, refused(err, o.State)
		}
	}
	return o, refused(o.Check(), o.State)
}
