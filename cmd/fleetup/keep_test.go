package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
)

// Every flag of every command has its line of what becomes of it: the commands that it
// goes along to, and why it does not to others. The file is what to read of it.
func TestKept(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	handles := map[string]keeping{}
	for h, k := range kept {
		handles[h.dashed()[2:]] = k
	}
	used := map[string]bool{}
	type command struct {
		path  string
		flags []cli.Flag
	}
	var all []command
	var collect func(prefix string, commands []*cli.Command)
	collect = func(prefix string, commands []*cli.Command) {
		for _, c := range commands {
			if c.Hidden {
				for _, f := range c.Flags {
					used[f.Names()[0]] = true
				}
				continue
			}
			path := strings.TrimSpace(prefix + " " + c.Name)
			if len(c.Subcommands) == 0 {
				all = append(all, command{path, append(slices.Clone(c.Flags), globalFlags(app)...)})
			}
			collect(path, c.Subcommands)
		}
	}
	collect("", app.Commands)
	var b strings.Builder
	for _, from := range all {
		fmt.Fprintf(&b, "%s\n", from.path)
		for _, f := range from.flags {
			name := f.Names()[0]
			k, known := handles[name]
			if !known {
				t.Errorf("%s --%s: nobody says what becomes of it in advice: add it to kept", from.path, name)
				continue
			}
			used[name] = true
			args := append([]string{"fleetup"}, strings.Fields(from.path)...)
			if args = append(args, "--"+name); takesValue(from.flags, "--"+name) {
				args = append(args, "V")
			}
			said := typedOn(app, args)
			if said.from != from.path {
				t.Fatalf("%v is of %q", args, said.from)
			}
			var to []string
			whole := true
			for _, c := range all {
				line := "fleetup " + c.path + " X"
				kept := said.along(line) != line
				if kept {
					to = append(to, c.path)
				} else if flagCalled(c.flags, name) != nil {
					whole = false
				}
			}
			switch {
			case len(to) == 0 && k.why == "":
				t.Errorf("%s --%s goes along to nothing, and nobody says why", from.path, name)
			case len(to) == 0:
				fmt.Fprintf(&b, "  --%s: no; %s\n", name, k.why)
			case whole:
				fmt.Fprintf(&b, "  --%s: %s\n", name, strings.Join(to, ", "))
			default:
				fmt.Fprintf(&b, "  --%s: %s; %s\n", name, strings.Join(to, ", "), k.why)
			}
		}
	}
	for name := range handles {
		if !used[name] && flagCalled(app.Flags, name) == nil {
			t.Errorf("no command has --%s", name)
		}
	}
	file := filepath.Join("testdata", "kept.txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s is out of date: see the difference with -update", file)
	}
}

// What goes along is what was typed, in front of nothing and twice never.
func TestAlong(t *testing.T) {
	t.Parallel()
	app := (&environment{}).app()
	saved := filepath.Join(t.TempDir(), "my fleet.plan")
	if err := os.WriteFile(saved, []byte(`{"schemaVersion": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ typed, next, want string }{
		{"run f.plan --log-file x.log", "fleetup run f.plan", "fleetup run f.plan --log-file x.log"},
		{"--log-file=x.log run f.plan", "to be asked once more: fleetup run f.plan",
			"to be asked once more: fleetup run f.plan --log-file=x.log"},
		{"run f.yaml --log-file x.log", "fleetup run f.yaml --log-file y.log", "fleetup run f.yaml --log-file y.log"},
		{"run f.yaml --credential cli --notify https://h/s3cret", "or fleetup resume --yes",
			"or fleetup resume --yes --credential cli"},
		{"plan f.yaml --accept-warnings", "fleetup run f.yaml", "fleetup run f.yaml --accept-warnings"},
		{"plan f.yaml --accept-warnings", "fleetup run FILE", "fleetup run FILE"},
		{"plan f.yaml --accept-warnings", "fleetup run '" + saved + "'", "fleetup run '" + saved + "'"},
		{"status -l env=a --state f.db", "fleetup report --state f.db", "fleetup report --state f.db -l env=a"},
		{"hold -l env=a --state f.db", "fleetup status --state f.db", "fleetup status --state f.db"},
		{"run f.yaml --listen :1 -- --odd", "correct it\nfleetup resume", "correct it\nfleetup resume --listen :1"},
		{"permissions f.yaml --log-file x", "fleetup permissions f.yaml > role.json; az x",
			"fleetup permissions f.yaml > role.json; az x"},
		{"run", "fleetup help run", "fleetup help run"},
	} {
		args := append([]string{"fleetup"}, strings.Fields(c.typed)...)
		if got := typedOn(app, args).alongLines(c.next); got != c.want {
			t.Errorf("%s; next %q:\n%s\nwant\n%s", c.typed, c.next, got, c.want)
		}
	}
}

// What takes the place of a step is labelled so, whatever it is for.
func TestLabelled(t *testing.T) {
	t.Parallel()
	next := failure.Lines("start a worker", "fleetup status", failure.Or("fleetup report"),
		failure.Or(failure.To("where the workflow has ended", "fleetup-temporal resume")), failure.Or("hold it"),
		failure.To("when it is mended", "fleetup resume --yes"))
	want := []string{"Next: start a worker", "Then: fleetup status", "Or: fleetup report",
		"Or, where the workflow has ended: fleetup-temporal resume", "Or: hold it",
		"Then, when it is mended: fleetup resume --yes"}
	if got := labelled(next); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	want = []string{"fleetup status", "fleetup report", "fleetup resume --yes"}
	if got := commandsIn(next); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
