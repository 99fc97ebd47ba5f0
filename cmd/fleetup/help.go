package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/words"
)

// helpCommand shows the help of any command by its whole name, as --help after
// it does. The library's own knows only the first word, and fails with a code
// of its own.
func (e *environment) helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show the commands, or explain one",
		ArgsUsage: "[COMMAND]",
		Flags: []cli.Flag{flagMan.is(cli.BoolFlag{Usage: "print the man page of all commands"}),
			flagMarkdown.is(cli.BoolFlag{Usage: "print the reference of all commands"})},
		Action: func(c *cli.Context) error {
			app := e.app()
			switch {
			case flagMan.of(c):
				return writeManual(e.stdout, app)
			case flagMarkdown.of(c):
				return writeReference(e.stdout, app)
			}
			commands := app.Commands
			for n, name := range c.Args().Slice() {
				i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(name) })
				if i < 0 {
					whole := strings.Join(c.Args().Slice()[:n+1], " ")
					return failure.Usage("fleetup help", "there is no command %q%s", whole, meant(name, commands))
				}
				commands = commands[i].Subcommands
			}
			return app.RunContext(c.Context, append(append([]string{app.Name}, c.Args().Slice()...), "--help"))
		},
	}
}

// meant suggests the command that was probably meant.
func meant(name string, commands []*cli.Command) string {
	var names []string
	for _, c := range commandNames(commands) {
		names = append(names, c.word)
	}
	if n := words.Nearest(name, names); n != "" {
		return "; do you mean " + n + "?"
	}
	return ""
}

// helpFlag is a command's own: the library shares one among all, which two
// runs in one process would race for.
func helpFlag() cli.Flag {
	return flagHelp.is(cli.BoolFlag{Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true})
}

// wrongFlag says in plain words what the flag package found wrong. flags are
// those that may be meant.
func wrongFlag(command string, flags []cli.Flag, err error) error {
	next := strings.Replace(command, "fleetup", "fleetup help", 1)
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		name = strings.TrimLeft(name, "-")
		var names []string
		for _, f := range flagsOf(flags) {
			for _, n := range f.names {
				if n = strings.TrimLeft(n, "-"); len(n) > 1 {
					names = append(names, n)
				}
			}
		}
		meant := words.Nearest(name, names)
		if meant != "" {
			meant = "; do you mean " + dashed(meant) + "?"
		}
		return failure.Usage(next, "%s has no flag %s%s", command, dashed(name), meant)
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return failure.Usage(next, "%s needs a value", dashed(strings.TrimLeft(name, "-")))
	}
	return failure.Usage(next, "%w", errors.New(strings.TrimSuffix(err.Error(), ": parse error")))
}
