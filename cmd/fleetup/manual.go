package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// writeReference writes the reference of every command in Markdown
// (docs/commands.md).
func writeReference(w io.Writer, app *cli.App) error {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the program: `go test ./cmd/fleetup -run Generated -update`.\n\n" +
		"Flags work before and after arguments. Data goes to stdout, messages and progress to stderr.\n\n")
	visit(app.Commands, app.Name, func(path string, c *cli.Command) {
		fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", path, strings.ReplaceAll(path, " ", "-"), markdown(c.Usage))
	})
	visit(app.Commands, app.Name, func(path string, c *cli.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", path, markdown(asSentence(c.Usage)), synopsis(path, c))
		if c.Description != "" {
			if list, text := indented(c.Description); list != "" {
				fmt.Fprintf(&b, "\n%s\n\n```\n%s\n```\n", markdown(text), list)
			} else {
				fmt.Fprintf(&b, "\n%s\n", markdown(c.Description))
			}
		}
		writeFlags(&b, c.Flags)
		if list := examplesOf(strings.TrimPrefix(path, app.Name+" ")); len(list) > 0 {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.Join(list, "\n"))
		}
	})
	fmt.Fprintf(&b, "\n## Flags of every command\n")
	writeFlags(&b, globalFlags(app))
	b.WriteString("\n## Exit status\n\n| code | name | meaning |\n|---|---|---|\n")
	for _, m := range fleet.ExitCodes() {
		fmt.Fprintf(&b, "| %d | `%s` | %s |\n", m.Code, m.Name, m.Meaning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFlags(b *strings.Builder, flags []cli.Flag) {
	all := flagsOf(flags)
	if len(all) == 0 {
		return
	}
	b.WriteString("\n| flag | meaning |\n|---|---|\n")
	for _, f := range all {
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(f.spelt(), "|", `\|`), markdown(f.meaning()))
	}
}

// spelt writes a flag with all its names and its value.
func (f *flagInfo) spelt() string {
	s := strings.Join(f.names, ", ")
	if f.value != "" {
		s += " " + f.value
	}
	return s
}

// meaning is a flag's usage with its default and its environment.
func (f *flagInfo) meaning() string {
	s := f.usage
	if f.initial != "" && !strings.Contains(s, "(default") {
		s += " (default: " + f.initial + ")"
	}
	if len(f.env) > 0 {
		s += "; also $" + strings.Join(f.env, ", $")
	}
	return s
}

func synopsis(path string, c *cli.Command) string {
	switch {
	case len(c.Subcommands) > 0:
		return path + " COMMAND"
	case c.ArgsUsage != "":
		return path + " [FLAGS] " + c.ArgsUsage
	}
	return path + " [FLAGS]"
}

// indented parts the lines of a description that begin with a space, a list of
// examples, from its sentences.
func indented(s string) (list, text string) {
	var in, out []string
	for _, l := range strings.Split(s, "\n") {
		if strings.HasPrefix(l, " ") {
			in = append(in, strings.TrimPrefix(l, "  "))
		} else {
			out = append(out, l)
		}
	}
	return strings.Join(in, "\n"), strings.Join(out, "\n")
}

func asSentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// markdown keeps a text from meaning more than it says.
func markdown(s string) string {
	return strings.NewReplacer("<", "&lt;", "|", `\|`, "*", `\*`, "_", `\_`).Replace(s)
}

// writeManual writes the man page (docs/man/fleetup.1), without a date: the
// same program has the same page.
func writeManual(w io.Writer, app *cli.App) error {
	var b strings.Builder
	b.WriteString(".\\\" Generated from the program: go test ./cmd/fleetup -run Generated -update\n")
	b.WriteString(".TH FLEETUP 1 \"\" \"fleetup\" \"fleetup\"\n.SH NAME\nfleetup \\- " + roff(app.Usage) + "\n" +
		".SH SYNOPSIS\n.B fleetup\n.I COMMAND\n[\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n" +
		".SH DESCRIPTION\nFlags work before and after arguments. Data goes to stdout, messages and progress to " +
		"stderr.\n" +
		"Every error says what to do next.\n.SH COMMANDS\n")
	visit(app.Commands, app.Name, func(path string, c *cli.Command) {
		fmt.Fprintf(&b, ".SS \"%s\"\n%s.\n", roff(synopsis(path, c)), roff(asSentence(c.Usage)))
		if c.Description != "" {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(c.Description))
		}
		writeManualFlags(&b, c.Flags)
		if list := examplesOf(strings.TrimPrefix(path, app.Name+" ")); len(list) > 0 {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(strings.Join(list, "\n")))
		}
	})
	b.WriteString(".SH OPTIONS OF EVERY COMMAND\n")
	writeManualFlags(&b, globalFlags(app))
	b.WriteString(".SH EXIT STATUS\n")
	for _, m := range fleet.ExitCodes() {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", m.Code, roff(m.Meaning))
	}
	b.WriteString(".SH ENVIRONMENT\n")
	seen := map[string]bool{}
	environment := func(flags []cli.Flag) {
		for _, f := range flagsOf(flags) {
			for _, e := range f.env {
				if !seen[e] {
					seen[e] = true
					fmt.Fprintf(&b, ".TP\n.B %s\nin place of %s\n", roff(e), roff(f.names[0]))
				}
			}
		}
	}
	visit(app.Commands, app.Name, func(_ string, c *cli.Command) { environment(c.Flags) })
	environment(globalFlags(app))
	b.WriteString(".SH SEE ALSO\nThe documentation in the folder docs of the source.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeManualFlags(b *strings.Builder, flags []cli.Flag) {
	for _, f := range flagsOf(flags) {
		fmt.Fprintf(b, ".TP\n.B \"%s\"\n%s\n", roff(f.spelt()), roff(f.meaning()))
	}
}

// roff keeps a text from being read as requests, and its dashes ASCII.
func roff(s string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`).Replace(s), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
