package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
)

// flagInfo is a flag as help, completion and the reference show it.
type flagInfo struct {
	names   []string // with their dashes, as declared
	value   string   // the placeholder of its value; empty for a switch
	usage   string
	choices []string // what its value may be, where it is one of a few words
	env     []string
	initial string // its default
}

// takesPath reports whether the value is a path.
func (f *flagInfo) takesPath() bool {
	return slices.ContainsFunc(strings.Split(f.value, "|"),
		func(w string) bool { return slices.Contains(pathWords, w) })
}

// pathWords are the placeholders that stand for paths.
var pathWords = []string{"FILE", "FOLDER", "INVENTORY", "PLAN", "LEDGER", "PATH"}

// flagsOf describes flags that people see. A flag without a list of its own
// takes the choices of its neighbour with the same placeholder.
func flagsOf(flags []cli.Flag) []flagInfo {
	var all []flagInfo
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if v, visible := f.(cli.VisibleFlag); !ok || visible && !v.IsVisible() {
			continue
		}
		i := flagInfo{env: d.GetEnvVars()}
		for _, n := range f.Names() {
			i.names = append(i.names, dashed(n))
		}
		i.value, i.usage = placeholder(d.GetUsage())
		if !d.TakesValue() {
			i.value = ""
		} else {
			if i.value == "" {
				i.value = "VALUE"
			}
			i.choices = choicesIn(i.usage)
			i.initial = strings.Trim(d.GetValue(), `"`)
		}
		all = append(all, i)
	}
	for n := range all {
		if len(all[n].choices) > 0 || all[n].value == "" {
			continue
		}
		if like := slices.IndexFunc(all,
			func(o flagInfo) bool { return o.value == all[n].value && len(o.choices) > 0 }); like >= 0 {
			all[n].choices = all[like].choices
		}
	}
	return all
}

// placeholder parts a usage from the word in backquotes that names the value.
func placeholder(usage string) (value, plain string) {
	if _, rest, ok := strings.Cut(usage, "`"); ok {
		value, _, _ = strings.Cut(rest, "`")
	}
	return value, strings.ReplaceAll(usage, "`", "")
}

var (
	aside     = lazyregexp.New(` *\([^)]*\)`)
	choice    = lazyregexp.New(`^[a-z0-9][a-z0-9-]*$`)
	separator = lazyregexp.New(`, (?:or )?| or |\|`)
)

// choicesIn reads the list of words that a usage ends in, as in "the FORMAT:
// table, json". Anything else is no list.
func choicesIn(usage string) []string {
	usage = aside().ReplaceAllString(usage, "")
	at := strings.LastIndex(usage, ": ")
	if at < 0 {
		return nil
	}
	words := separator().Split(usage[at+2:], -1)
	if len(words) < 2 || slices.ContainsFunc(words, func(w string) bool { return !choice().MatchString(w) }) {
		return nil
	}
	return words
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// visit shows every command that people see, with its path, parents first.
func visit(commands []*cli.Command, above string, show func(path string, c *cli.Command)) {
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		path := above + " " + c.Name
		show(path, c)
		visit(c.Subcommands, path, show)
	}
}

// named are the commands, each below the one before, that words begin with, and what is
// below the last.
func named(commands []*cli.Command, words []string) (path, below []*cli.Command) {
	for _, w := range words {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(w) })
		if i < 0 {
			break
		}
		path, commands = append(path, commands[i]), commands[i].Subcommands
	}
	return path, commands
}

// globalFlags are the flags that every command takes.
func globalFlags(app *cli.App) []cli.Flag {
	return slices.DeleteFunc(slices.Clone(app.Flags), func(f cli.Flag) bool {
		c, ok := f.(cli.CategorizableFlag)
		return !ok || c.GetCategory() != everyCommand
	})
}
