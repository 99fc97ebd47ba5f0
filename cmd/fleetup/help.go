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
			words := c.Args().Slice()
			if path, below := named(app.Commands, words); len(path) < len(words) {
				n := len(path)
				return failure.Usage("fleetup help", "there is no command %q%s", strings.Join(words[:n+1], " "), meant(words[n], below))
			}
			return app.RunContext(c.Context, slices.Concat([]string{app.Name}, words, []string{"--help"}))
		},
	}
}

// meant suggests the command that was probably meant.
func meant(name string, commands []*cli.Command) string {
	var names []string
	for _, c := range commandNames(commands) {
		names = append(names, c.word)
	}
	return nearest(name, names, "")
}

// nearest suggests one of some names, with what stands before each.
func nearest(name string, names []string, before string) string {
	if n := words.Nearest(name, names); n != "" {
		return "; do you mean " + before + n + "?"
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
				if long, ok := strings.CutPrefix(n, "--"); ok {
					names = append(names, long)
				}
			}
		}
		return failure.Usage(next, "%s has no flag %s%s", command, dashed(name), nearest(name, names, "--"))
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return failure.Usage(next, "%s needs a value", dashed(strings.TrimLeft(name, "-")))
	}
	return failure.Usage(next, "%w", errors.New(strings.TrimSuffix(err.Error(), ": parse error")))
}
