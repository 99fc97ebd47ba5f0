package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
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
				return failure.Mistyped(words[n], nearestCommand(words[n], below), "fleetup help",
					"there is no command %q%s", strings.Join(words[:n+1], " "), meant(words[n], below))
			}
			return app.RunContext(c.Context, slices.Concat([]string{app.Name}, words, []string{"--help"}))
		},
	}
}

// noCommand says that there is no such command.
func noCommand(name string, commands []*cli.Command) error {
	return failure.Mistyped(name, nearestCommand(name, commands), "fleetup help", "there is no command %q%s", name,
		meant(name, commands))
}

// meant suggests the command that was probably meant.
func meant(name string, commands []*cli.Command) string {
	if n := nearestCommand(name, commands); n != "" {
		return "; do you mean " + n + "?"
	}
	return ""
}

func nearestCommand(name string, commands []*cli.Command) string {
	var names []string
	for _, c := range commandNames(commands) {
		names = append(names, c.word)
	}
	return words.Nearest(name, names)
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
		meant, hint := words.Nearest(name, names), ""
		if meant != "" {
			meant = dashed(meant)
			hint = "; do you mean " + meant + "?"
		}
		return failure.Mistyped(dashed(name), meant, next, "%s has no flag %s%s", command, dashed(name), hint)
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return failure.Usage(next, "%s needs a value", dashed(strings.TrimLeft(name, "-")))
	}
	if m := wrongValue().FindStringSubmatch(err.Error()); m != nil {
		typed, unquoted := strconv.Unquote(m[1])
		want, meant := "", ""
		for _, f := range flags {
			if !slices.Contains(f.Names(), m[2]) {
				continue
			}
			switch f.(type) {
			case *cli.DurationFlag:
				want = ": a time such as 90m"
				if n, err := strconv.Atoi(typed); err == nil && n > 0 {
					meant = typed + "m"
				}
			case *cli.IntFlag:
				want = ": a whole number"
			case *cli.Float64Flag:
				want = ": a number"
			case *cli.BoolFlag:
				want = ": it is given without a value"
			}
		}
		if unquoted == nil {
			return failure.Mistyped(typed, meant, next, "invalid value %q for %s%s", typed, dashed(m[2]), want)
		}
	}
	return failure.Usage(next, "%w", errors.New(strings.TrimSuffix(err.Error(), ": parse error")))
}

// wrongValue is how the flag package says that a flag's value is none of its kind.
var wrongValue = lazyregexp.New(`^invalid (?:boolean )?value ("(?:[^"\\]|\\.)*") for (?:flag )?-+([a-z-]+)`)
