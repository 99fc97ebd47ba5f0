package main

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
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
			switch line = lexicon.Command(args...); a.Text {
			case "":
			case "or":
				line = "or " + line
			default:
				line = failure.To(a.Text, line)
			}
		}
		steps = append(steps, line)
	}
	return failure.Lines(steps...)
}

// toStatus is the command that shows how the run of a ledger stands.
func toStatus(path string) string {
	return lexicon.Command("status", "--state", path)
}

// purposed is a line with a command behind what it is for.
var purposed = regexp.MustCompile(`^([^:]+): (fleetup .*)$`)

// labelled writes what to do next as lines of a page.
func labelled(next string) []string {
	var out []string
	for i, line := range strings.Split(next, "\n") {
		label := "Next"
		if rest, or := strings.CutPrefix(line, "or "); i > 0 && or {
			label, line = "Or", strings.TrimPrefix(rest, "else, ")
		} else if i > 0 {
			label = "Then"
		}
		if strings.HasPrefix(line, "fleetup ") || !purposed.MatchString(line) {
			label += ":"
		} else {
			label += ","
		}
		out = append(out, label+" "+line)
	}
	return out
}

// commandsIn are the command lines of what to do next, for a program.
func commandsIn(next string) []string {
	found := []string{}
	for line := range strings.SplitSeq(next, "\n") {
		line = strings.TrimPrefix(line, "or ")
		if m := purposed.FindStringSubmatch(line); m != nil && !strings.HasPrefix(line, "fleetup ") {
			line = m[2]
		}
		if strings.HasPrefix(line, "fleetup ") {
			found = append(found, line)
		}
	}
	return found
}

// asLines are steps that the state of a run wants, as what to do next.
func asLines(all []report.Step, path string) string {
	var out []string
	for _, s := range all {
		line := s.On(path)
		if s.When != "" {
			line = failure.To(s.When, line)
		}
		out = append(out, line)
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
	for _, line := range labelled(next) {
		say(e.stderr, "%s", lexicon.Clean(line))
	}
}
