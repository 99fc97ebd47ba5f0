package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

func (e *environment) inventoryCommand() *cli.Command {
	return &cli.Command{
		Name:  "inventory",
		Usage: "work on inventories",
		Subcommands: []*cli.Command{{
			Name:      "lint",
			Usage:     "check an inventory offline: every mistake with its place",
			ArgsUsage: "INVENTORY",
			Flags:     []cli.Flag{outputFlag("table", "json")},
			Action:    e.lint,
		}},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage(helpOn(c), "inventory has no command %q", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func (e *environment) lint(c *cli.Context) error {
	file, err := oneArgument(c, "an inventory")
	if err != nil {
		return err
	}
	if err := oneOf("output", c.String("output"), "table", "json"); err != nil {
		return err
	}
	p, _, err := load(c, file)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		return writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "problems": []inventory.Problem{},
			"vaults": len(p.Vaults), "subscriptions": len(p.Subscriptions), "waves": len(p.Waves), "fingerprint": p.Fingerprint})
	}
	say(e.stdout, "%s is good: %s in %s, %s, %d held.", report.Clean(file), plural(len(p.Vaults), "vault"),
		plural(len(p.Subscriptions), "subscription"), plural(len(p.Waves), "wave"), len(p.Vaults)-p.ToStart())
	say(e.stderr, "Next: %s", report.Command("plan", file))
	return nil
}
