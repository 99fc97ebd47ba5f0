package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the flags of a command line before its arguments: the
// library stops looking for flags at the first argument, people do not. What
// follows "--" stays where it is.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	out := []string{args[0]}
	known, commands := app.Flags, app.Commands
	rest := args[1:]
	for len(rest) > 0 {
		if i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(rest[0]) }); i >= 0 {
			known, commands = commands[i].Flags, commands[i].Subcommands
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		break
	}
	var flags, positional []string
	for len(rest) > 0 {
		a := rest[0]
		rest = rest[1:]
		switch {
		case a == "--":
			positional = append(append(positional, a), rest...)
			rest = nil
		case len(a) > 1 && a[0] == '-':
			flags = append(flags, a)
			if takesValue(known, a) && len(rest) > 0 {
				flags = append(flags, rest[0])
				rest = rest[1:]
			}
		default:
			positional = append(positional, a)
		}
	}
	if len(commands) > 0 && len(positional) > 0 && len(flags) > 0 && slices.Equal(known, app.Flags) {
		// No command was named yet: its name decides what its flags mean.
		return args
	}
	return append(append(out, flags...), positional...)
}

// takesValue reports whether the flag is followed by its value in an argument
// of its own.
func takesValue(known []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			d, ok := f.(cli.DocGenerationFlag)
			return ok && d.TakesValue()
		}
	}
	return false
}
