package main

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

func (e *environment) inventoryCommand() *cli.Command {
	return &cli.Command{
		Name:  "inventory",
		Usage: "check, write and update inventories",
		Subcommands: []*cli.Command{{
			Name:      "lint",
			Usage:     "check an inventory offline: every mistake with its place",
			ArgsUsage: "INVENTORY",
			Flags:     outputFlags("table", "json"),
			Action:    e.lint,
		}, {
			Name:      "show",
			Usage:     "show where each value of a vault comes from",
			ArgsUsage: "INVENTORY VAULT...",
			Flags:     outputFlags("table", "json"),
			Action:    e.show,
		}, {
			Name:  "schema",
			Usage: "print the JSON Schema of an inventory, for editors",
			Description: "Save it, and name it in the first line of an inventory; editors then complete and check " +
				"it:\n" +
				"  fleetup inventory schema > fleet.schema.json\n" +
				"  # yaml-language-server: $schema=fleet.schema.json",
			Action: func(c *cli.Context) error {
				schema, err := inventory.JSONSchema(session.CurrentKinds()...)
				if err != nil {
					return err
				}
				_, err = e.stdout.Write(schema)
				return err
			},
		}, e.discoverCommand(), e.importCommand()},
	}
}

// linted is an error for who wants to know all about an inventory: the warnings beside
// its mistakes, too, which would only be in the way of another command's person.
type linted struct{ error }

func (l linted) Unwrap() error { return l.error }

func (e *environment) lint(c *cli.Context) error {
	defer sparing()()
	file := fileOf(c)
	loaded, err := load(c, file)
	if err != nil {
		return linted{err}
	}
	p, warnings := loaded.Plan, append([]inventory.Problem{}, loaded.Warnings...)
	next := report.Step{Args: []string{"plan", file}}
	back := session.WayBack(p, filepath.Dir(file))
	if flagOutput.of(c) == "json" {
		return writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "problems": []inventory.Problem{},
			"warnings": warnings,
			"vaults":   len(p.Vaults), "subscriptions": len(p.Subscriptions), "waves": len(p.Waves),
			"fingerprint": p.Fingerprint, "next": report.NextCommands([]report.Step{next}, back, e.along)})
	}
	for _, w := range warnings {
		say(e.stderr, "%s", lexicon.Clean(inWords(w)))
	}
	say(e.stdout, "%s is good: %s in %s, %s, %d held.", lexicon.Clean(file), words.Count(len(p.Vaults), "vault"),
		words.Count(len(p.Subscriptions), "subscription"), words.Count(len(p.Waves), "wave"), len(p.Vaults)-p.ToStart())
	e.tellNext(next.On(back))
	return nil
}

// show tells where the values of some vaults come from.
func (e *environment) show(c *cli.Context) error {
	if c.NArg() < 2 {
		return failure.Usage(again(c, []string{"INVENTORY", "SUBSCRIPTION/NAME"}[c.NArg():]...),
			"show needs an inventory and a vault")
	}
	p, from, err := inventory.Explain(fileOf(c), session.Now(), session.CurrentKinds()...)
	if err != nil {
		return err
	}
	type shown struct {
		Vault  string             `json:"vault"`
		Wave   string             `json:"wave"`
		Values []inventory.Origin `json:"values"`
	}
	var all []shown
	for _, name := range c.Args().Tail() {
		i, err := p.Find(name)
		if err != nil {
			return failure.Usage(lexicon.Command("plan", "-o", "csv", fileOf(c)), "%w", err)
		}
		all = append(all, shown{p.Vaults[i].Ref(), p.Waves[p.Vaults[i].Wave].Name, from.Of(i)})
	}
	if flagOutput.of(c) == "json" {
		return writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "vaults": all})
	}
	for _, v := range all {
		say(e.stdout, "%s, in wave %s", lexicon.Clean(v.Vault), lexicon.Clean(v.Wave))
		for _, o := range v.Values {
			made := ""
			if o.Template != "" {
				made = ", made of " + o.Template
			}
			say(e.stdout, "  %-20s %-30s %s:%d:%d (%s%s)", lexicon.Clean(o.Key), lexicon.Clean(o.Value),
				lexicon.Clean(o.File), o.Line, o.Column, o.From, lexicon.Clean(made))
		}
	}
	return nil
}
