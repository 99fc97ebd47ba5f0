package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// app declares the program.
func (e *environment) app() *cli.App {
	return &cli.App{
		Name:                   "fleetup",
		Usage:                  "upgrade every vault of a company overnight, and answer for each one in the morning",
		Description:            exitTable(),
		HideVersion:            true,
		Writer:                 e.stdout,
		ErrWriter:              e.stderr,
		Reader:                 e.stdin,
		UseShortOptionHandling: false,
		// The library would print and exit by itself, skipping what is
		// deferred; errors are explained and mapped to codes in run alone.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return usage("fleetup help", "%w", err)
		},
		CommandNotFound: nil,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage("fleetup help lists the commands", "there is no command %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			e.demoCommand(), e.planCommand(), e.validateCommand(), e.runCommand(), e.resumeCommand(),
			e.statusCommand(), e.reportCommand(), e.reopenCommand(), e.inventoryCommand(), e.emulateCommand(),
			e.versionCommand(),
		},
	}
}

// run runs one command line and returns the exit code: the only place where an
// error becomes one.
func (e *environment) run(args []string) fleet.ExitCode {
	app := e.app()
	for _, c := range app.Commands {
		withUsageErrors(c)
	}
	err := app.RunContext(context.Background(), flagsFirst(app, args))
	explain(e.stderr, err, wantsJSON(args))
	return codeOf(err)
}

// withUsageErrors makes a wrong flag of a command the usage error it is.
func withUsageErrors(c *cli.Command) {
	name := c.Name
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
		return usage("fleetup help "+name, "%w", err)
	}
	for _, s := range c.Subcommands {
		withUsageErrors(s)
	}
}

// wantsJSON reports whether the command line asks for JSON, even one that
// cannot be parsed.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch a {
		case "-o=json", "--o=json", "--output=json", "-output=json":
			return true
		case "-o", "--output", "-output":
			if i+1 < len(args) && args[i+1] == "json" {
				return true
			}
		}
	}
	return false
}

func exitTable() string {
	var b strings.Builder
	b.WriteString("Exit status:\n")
	for _, m := range fleet.ExitCodes() {
		fmt.Fprintf(&b, "  %d  %s\n", m.Code, m.Meaning)
	}
	return strings.TrimRight(b.String(), "\n")
}

// oneArgument returns the command's only argument.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", usage("fleetup help "+c.Command.Name, "%s needs %s", c.Command.Name, what)
	}
	return "", usage("fleetup help "+c.Command.Name, "%s takes one %s, not %d arguments", c.Command.Name, what, c.NArg())
}

func noArguments(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("fleetup help "+c.Command.Name, "%s takes no argument such as %q", c.Command.Name, c.Args().First())
	}
	return nil
}

// oneOf checks the value of a flag.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return usage("", "--%s is %q; it may be %s", flag, value, strings.Join(allowed, ", "))
}

func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
