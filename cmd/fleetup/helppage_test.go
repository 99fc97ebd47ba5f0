package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestHelpGroupsEveryCommand: a command that stands in no group would be seen by
// nobody, one that stands in two twice.
func TestHelpGroupsEveryCommand(t *testing.T) {
	t.Parallel()
	var grouped, have []string
	for _, g := range taskGroups {
		grouped = append(grouped, g.commands...)
	}
	for _, c := range (&environment{}).app().Commands {
		if !c.Hidden {
			have = append(have, c.Name)
		}
	}
	slices.Sort(grouped)
	slices.Sort(have)
	if !slices.Equal(grouped, have) {
		t.Errorf("grouped %q\nthere are %q", grouped, have)
	}
}

// TestHelpExamplesAreTaken: the program takes every example that its help shows,
// and each command has some.
func TestHelpExamplesAreTaken(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	shown := map[string]bool{"": true}
	visit(app.Commands, app.Name, func(path string, c *cli.Command) {
		path = strings.TrimPrefix(path, app.Name+" ")
		shown[path] = true
		if len(c.Subcommands) == 0 && path != "version" && len(examplesOf(path)) == 0 {
			t.Errorf("%s has no example", path)
		}
		for _, e := range examplesOf(path) {
			if !strings.HasPrefix(e, "fleetup "+path) {
				t.Errorf("an example of %s is of another command: %s", path, e)
			}
		}
	})
	for path := range helpExamples {
		if !shown[path] {
			t.Errorf("there is no command %q", path)
		}
	}
	for path := range shown {
		for _, e := range examplesOf(path) {
			words := strings.Fields(joined(e))
			words = flagsFirst(app, words)
			commands, flags := app.Commands, []cli.Flag(nil)
			arguments := 0
			for n := 1; n < len(words); n++ {
				w := words[n]
				switch i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(w) }); {
				case i >= 0:
					commands, flags = commands[i].Subcommands, commands[i].Flags
				case strings.HasPrefix(w, "-") && w != "--":
					name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
					if !slices.ContainsFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }) {
						t.Errorf("%s: no flag %s", e, w)
					}
					if takesValue(everyFlag(flags, nil), w) {
						n++
					}
				case w != "--":
					arguments++
				}
			}
			if len(commands) > 0 && arguments > 0 && path != "help" {
				t.Errorf("%s: no such command", e)
			}
		}
	}
}

// joined joins what stands in single quotes into one word.
func joined(line string) string {
	parts := strings.Split(line, "'")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = strings.ReplaceAll(parts[i], " ", "_")
	}
	return strings.Join(parts, "")
}

// TestHelpFits: no line of help is wider than 80 columns, and a flag's default is
// told once.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	check := func(name string, of any) {
		var b strings.Builder
		cli.HelpPrinter(&b, "", of)
		for _, line := range strings.Split(b.String(), "\n") {
			if len([]rune(line)) > helpWidth && !strings.HasPrefix(line, "  fleetup ") &&
				!strings.HasPrefix(line, "    # ") {
				t.Errorf("%s: %d columns: %s", name, len([]rune(line)), line)
			}
		}
		for _, entry := range strings.Split(b.String(), "\n  --") {
			if strings.Count(entry, "(default") > 1 {
				t.Errorf("%s tells a default twice: %s", name, entry)
			}
		}
	}
	check("fleetup", app)
	visit(app.Commands, app.Name, func(path string, c *cli.Command) { check(path, c) })
}
