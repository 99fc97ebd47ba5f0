package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpCommand shows the help of any command by its whole name, as --help after
// it does. The library's own knows only the first word, and fails with a code
// of its own.
func (e *environment) helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show the commands, or help on one",
		ArgsUsage: "[COMMAND]",
		Action: func(c *cli.Context) error {
			app := e.app()
			commands := app.Commands
			for n, name := range c.Args().Slice() {
				i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(name) })
				if i < 0 {
					return usage("fleetup help lists the commands", "there is no command %q", strings.Join(c.Args().Slice()[:n+1], " "))
				}
				commands = commands[i].Subcommands
			}
			return app.RunContext(c.Context, append(append([]string{app.Name}, c.Args().Slice()...), "--help"))
		},
	}
}

// helpFlag is a command's own: the library shares one among all, which two
// runs in one process would race for.
func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true}
}

// helpOn is the command that shows help on the command of c.
func helpOn(c *cli.Context) string {
	return "fleetup help " + strings.TrimPrefix(c.Command.HelpName, "fleetup ")
}

// wrongFlag says in plain words what the flag package found wrong.
func wrongFlag(command string, err error) error {
	dashed := func(name string) string {
		if len(name) == 1 {
			return "-" + name
		}
		return "--" + name
	}
	next := strings.Replace(command, "fleetup", "fleetup help", 1)
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return usage(next, "%s has no flag %s", command, dashed(strings.TrimLeft(name, "-")))
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return usage(next, "%s needs a value", dashed(strings.TrimLeft(name, "-")))
	}
	return usage(next, "%w", errors.New(strings.TrimSuffix(err.Error(), ": parse error")))
}
