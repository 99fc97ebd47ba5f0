package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// What to do next is text, because it also comes from the process that carries a
// run out: a line each, the first one first. A line is a sentence, or a command
// line that can be pasted as it stands, with what it is for before it. Nothing
// stands behind a command: who pastes would paste that, too.

// refused is what the brain refuses, as a command that is about a ledger says it.
func refused(err error, ledger string) error {
	r, ok := errors.AsType[*fleet.Refusal](err)
	if !ok {
		return err
	}
	return failure.New(r.Code, r.Err, onLedger(r.Next, ledger))
}

// onLedger puts advice into words; its commands are for a ledger, where there is one.
func onLedger(next []fleet.Advice, ledger string) string {
	var steps []string
	for _, a := range next {
		line := a.Text
		if args := a.Args; len(args) > 0 {
			if ledger != "" {
				args = append(slices.Clip(args), "--state", ledger)
			}
			if line = lexicon.Command(args...); a.Text != "" {
				line = failure.To(a.Text, line)
			}
		}
		if a.Instead {
			line = failure.Or(line)
		}
		steps = append(steps, line)
	}
	return failure.Lines(steps...)
}

// toStatus is the command that shows how the run of a ledger stands.
func toStatus(path string) string {
	return lexicon.Command("status", "--state", path)
}

// putRight makes the next step of an error about a mistyped word: the command line
// that was given, with the word that was meant.
func (e *environment) putRight(err error) error {
	typed, meant := mistyped(err)
	if typed == "" || meant == "" || len(e.args) < 2 {
		return err
	}
	if line := withWord(e.args[1:], typed, meant); line != "" {
		return failure.New(codeOf(err), err, line)
	}
	return err
}

// mistyped is a word of the command line that an error is about, and the one that was
// probably meant.
func mistyped(err error) (typed, meant string) {
	if f, ok := errors.AsType[*failure.Error](err); ok && f.Meant != "" {
		return f.Typed, f.Meant
	}
	if n, ok := errors.AsType[*plan.NameError](err); ok && len(n.Choices) == 0 && len(n.Near) == 1 {
		return n.Name, n.Near[0]
	}
	if f, ok := errors.AsType[*state.FileError](err); ok && errors.Is(err, state.ErrNotLedger) {
		return f.Path, session.NearbyLedger(f.Path)
	}
	return "", ""
}

// withWord is a command line with a word in the place of another, "" where it has no
// such word: an argument, or a part of one beside = or a comma.
func withWord(args []string, typed, meant string) string {
	args = slices.Clone(args)
	same := func(a string) bool {
		return a == typed || strings.HasPrefix(typed, "--") && strings.HasPrefix(a, "-") &&
			strings.TrimLeft(a, "-") == typed[2:]
	}
	if i := slices.IndexFunc(args, same); i >= 0 {
		args[i] = meant
		return lexicon.Command(args...)
	}
	for i, a := range args {
		for from := 0; from <= len(a); {
			to := len(a)
			if n := strings.IndexAny(a[from:], "=,"); n >= 0 {
				to = from + n
			}
			if same(a[from:to]) {
				args[i] = a[:from] + meant + a[to:]
				return lexicon.Command(args...)
			}
			from = to + 1
		}
	}
	return ""
}

// labelled writes what to do next as lines of a page.
func labelled(next string) []string {
	var out []string
	for i, s := range failure.Steps(next) {
		label := "Next"
		switch {
		case s.Instead:
			label = "Or"
		case i > 0:
			label = "Then"
		}
		if s.For != "" {
			label += ", " + s.For
		}
		out = append(out, label+": "+s.Line)
	}
	return out
}

// commandsIn are the command lines of what to do next, for a program.
func commandsIn(next string) []string {
	found := []string{}
	for _, s := range failure.Steps(next) {
		if s.Command && strings.HasPrefix(s.Line, "fleetup ") {
			found = append(found, s.Line)
		}
	}
	return found
}

// asLines are steps that the state of a run wants, as what to do next.
func asLines(all []report.Step, path string) string {
	var out []string
	for _, s := range all {
		out = append(out, failure.Step{For: s.When, Line: s.On(path), Instead: s.Instead}.String())
	}
	return failure.Lines(out...)
}

// goesOn is what goes on with an unfinished run that no process carries out.
func goesOn(st *rollout.State, path string) string {
	return asLines(report.NextSteps(st, false, session.Now()), path)
}

// noRunYet says that a ledger has no run; more is what cannot be done with it.
func noRunYet(path, more string) error {
	return failure.Usage(session.FirstRun(path), "the ledger %s has no run yet%s", path, more)
}

// alsoGiven are flags of the command line with their values, those that are set: what
// another command must be told too, to mean the same.
func alsoGiven(c *cli.Context, names ...string) (args []string) {
	for _, name := range names {
		if c.IsSet(name) {
			args = append(args, spelt(c, name)...)
		}
	}
	return args
}

// corrected is what to do about problems in what a person has written.
func corrected(p *inventory.Problems) string {
	return failure.Lines("correct what is named", lexicon.Command("inventory", "lint", p.List[0].File))
}

// tellNext prints what to do next.
func (e *environment) tellNext(next string) {
	for _, line := range labelled(typedOn(e.app(), e.args).alongLines(next)) {
		say(e.stderr, "%s", lexicon.Clean(line))
	}
}
