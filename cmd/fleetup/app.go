package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
)

// app declares the program.
func (e *environment) app() *cli.App {
	a := &cli.App{
		Name:        "fleetup",
		Usage:       "upgrade every vault of a company overnight, and answer for each one in the morning",
		HideVersion: true,
		HideHelp:    true, // help.go has its own
		// A file may have a comma in its name: what is repeatable is repeated.
		DisableSliceFlagSeparator: true,

		Writer:    &helpWriter{e.stdout, e.columns}, // the library prints help to it, and nothing else
		ErrWriter: e.stderr,
		Reader:    e.stdin,
		Flags: append([]cli.Flag{flagVersion.is(cli.BoolFlag{Usage: "print the version", DisableDefaultText: true}),
			helpFlag()}, logFlags()...),
		// The library would print and exit by itself, skipping what is
		// deferred; errors are explained and mapped to codes in run alone.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return wrongFlag("fleetup", e.app().Flags, err)
		},
		Before: e.openLog,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return noCommand(c.Args().First(), c.App.Commands)
			}
			if flagVersion.of(c) {
				return e.printVersion()
			}
			return cli.ShowAppHelp(c)
		},
		Commands: slices.Concat([]*cli.Command{
			e.demoCommand(), e.planCommand(), e.validateCommand(), e.runCommand(), e.resumeCommand(),
			e.statusCommand(), e.reportCommand(), e.auditCommand(), e.refreshCommand(),
		}, e.orderCommands(), []*cli.Command{
			e.reopenCommand(), e.showCommand(), e.runsCommand(), e.waitCommand(), e.serveCommand(), e.notifyCommand(),
			e.initCommand(), e.kindsCommand(),
			e.preflightCommand(), e.permissionsCommand(), e.inventoryCommand(), e.emulateCommand(),
			e.completionCommand(), e.completeCommand(),
			e.versionCommand(), e.helpCommand(),
		}),
	}
	for _, c := range a.Commands {
		e.prepare(c, "fleetup "+c.Name)
	}
	return a
}

// prepare makes what is wrong with a command line the usage error it is, and the
// command's help quieter.
func (e *environment) prepare(c *cli.Command, path string) {
	c.HideHelp = true
	c.Flags = append(c.Flags, helpFlag())
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
		return wrongFlag(path, append(c.Flags, logFlags()...), err)
	}
	if act := c.Action; act != nil {
		c.Action = func(ctx *cli.Context) error {
			if err := checkLine(ctx); err != nil {
				return err
			}
			return e.asked(ctx, act)
		}
	} else {
		c.Action = func(ctx *cli.Context) error {
			if name := ctx.Args().First(); name != "" {
				return failure.Mistyped(name, nearestCommand(name, c.Subcommands), helpOn(ctx),
					"%s has no command %q%s", c.Name, name, meant(name, c.Subcommands))
			}
			return cli.ShowSubcommandHelp(ctx)
		}
	}
	for _, s := range c.Subcommands {
		e.prepare(s, path+" "+s.Name)
	}
}

// run runs one command line and returns the exit code: the only place where an
// error becomes one.
func (e *environment) run(args []string) fleet.ExitCode {
	app := e.app()
	e.args = args
	e.jsonErrors.Store(wantsJSON(args))
	err := e.lostOutput(app.RunContext(context.Background(), flagsFirst(app, args)))
	err = e.putRight(err)
	explain(e.stderr, err, wantsJSON(args), typedOn(app, args).alongLines)
	e.log.Load().end(codeOf(err), err, inTime)
	return codeOf(err)
}

// fitted breaks the lines of a message between words where it goes to a terminal. What a
// line quotes may be of any length: it is bounded, but for a command, of which a part must
// not be pasted.
func fitted(w io.Writer, text string) string {
	width := columnsOf(w)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if !layout.EndsWithCommand(l) {
			l = bounded(l)
		}
		lines[i] = layout.Message(l, width)
	}
	return strings.Join(lines, "\n")
}

// fittingWriter is a stream of messages whose lines are broken as those of say are. Each
// write is of whole lines.
type fittingWriter struct{ io.Writer }

func (w fittingWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, fitted(w.Writer, string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
