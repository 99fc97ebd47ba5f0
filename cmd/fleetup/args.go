package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves the flags of a command line between the command and its
// arguments, wherever they stand: the library stops looking for flags at the
// first argument, people do not. What follows "--" is no flag.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	out := []string{args[0]}
	known, commands := everyFlag(app.Flags, app.Commands), app.Commands
	var global, flags, positional []string
	ended, help := false, false
	for rest := args[1:]; len(rest) > 0; {
		a := rest[0]
		rest = rest[1:]
		command, _ := named(commands, []string{a})
		switch {
		case ended:
			positional = append(positional, a)
		case a == "--":
			ended = true
		case len(a) > 1 && a[0] == '-':
			to := &flags
			if isGlobal(app, a) {
				to = &global
			}
			*to = append(*to, a)
			switch {
			case a == "-h" || a == "-help" || a == "--help":
				help = true
			case takesValue(known, a) && len(rest) == 0 && to == &global:
				return append(out[:1], global...)
			case takesValue(known, a) && len(rest) == 0:
				return place(out, global, flags) // an argument behind it would pass for its value
			case takesValue(known, a):
				*to = append(*to, rest[0])
				rest = rest[1:]
			}
		case command != nil && len(positional) == 0:
			c := command[0]
			out = append(out, a)
			known, commands = append(everyFlag(c.Flags, c.Subcommands), app.Flags...), c.Subcommands
		default:
			positional = append(positional, a)
		}
	}
	if help && (len(out) > 1 || len(positional) == 0) {
		return append(out, "--help") // whatever else is said
	}
	if len(out) == 1 && len(positional) > 0 {
		return append(out, positional...) // no such command: its flags cannot be judged
	}
	out = place(out, global, flags)
	if ended {
		out = append(out, "--")
	}
	return append(out, positional...)
}

// place puts the flags of every command before the command, where the program
// itself reads them, and the command's own behind it.
func place(out, global, flags []string) []string {
	return slices.Concat(out[:1], global, out[1:], flags)
}

// isGlobal reports whether a flag is one of those that every command takes.
func isGlobal(app *cli.App, arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return slices.ContainsFunc(globalFlags(app), func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// everyFlag is all flags of some commands and of those below them: a flag
// before its command can only be read by knowing them all.
func everyFlag(flags []cli.Flag, commands []*cli.Command) []cli.Flag {
	all := slices.Clone(flags)
	for _, c := range commands {
		all = append(all, everyFlag(c.Flags, c.Subcommands)...)
	}
	return all
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

// wantsJSON reports whether the command line asks for JSON, even one that
// cannot be parsed.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch a {
		case "--":
			return false
		case "-o=json", "--o=json", "--output=json", "-output=json":
			return true
		case "-o", "--o", "--output", "-output":
			if i+1 < len(args) && args[i+1] == "json" {
				return true
			}
		}
	}
	return false
}
