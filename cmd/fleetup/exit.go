package main

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// outcome ends a command whose work went well with a code that is not 0. It
// prints nothing: the command has said what there is to say.
type outcome fleet.ExitCode

func (o outcome) Error() string { return fleet.ExitCode(o).Name() }

func ended(c fleet.ExitCode) error {
	if c == fleet.ExitOK {
		return nil
	}
	return outcome(c)
}

// codeOf maps an error to the exit code of the contract (design.md#the-command-line).
func codeOf(err error) fleet.ExitCode {
	if err == nil {
		return fleet.ExitOK
	}
	if o, ok := errors.AsType[outcome](err); ok {
		return fleet.ExitCode(o)
	}
	if f, ok := errors.AsType[*failure.Error](err); ok {
		return f.Code
	}
	if r, ok := errors.AsType[*fleet.Refusal](err); ok {
		return r.Code
	}
	if _, ok := errors.AsType[*inventory.Problems](err); ok {
		return fleet.ExitUsage
	}
	if _, ok := errors.AsType[*azure.SignInError](err); ok {
		return fleet.ExitSignIn
	}
	switch {
	case errors.Is(err, state.ErrInUse), errors.Is(err, state.ErrLive):
		return fleet.ExitInUse
	case errors.Is(err, state.ErrCloud), errors.Is(err, state.ErrNoLedger), errors.Is(err, state.ErrUnfinished),
		errors.Is(err, state.ErrForeignLock):
		return fleet.ExitUsage
	}
	return fleet.ExitInternal
}

// explain prints an error for a person, or as JSON for a program. keep adds to what to
// do next what was typed and still matters there.
func explain(w io.Writer, err error, asJSON bool, keep func(next string) string) {
	if _, ok := errors.AsType[outcome](err); ok || err == nil {
		return
	}
	problems, _ := errors.AsType[*inventory.Problems](err)
	message, next := advice(err)
	var warnings []inventory.Problem
	if problems != nil {
		if _, ok := errors.AsType[linted](err); ok {
			warnings = problems.Warnings
		}
		message = words.Count(len(problems.List), "problem") + " in the inventory"
		if next == "" {
			next = corrected(problems)
		} else {
			message = words.Count(len(problems.List), "problem") + " in " + problems.List[0].File
		}
	}
	next = keep(next)
	if asJSON {
		body := errorBody{Message: message, ExitCode: codeOf(err), Exit: codeOf(err).Name()}
		if next != "" {
			one := strings.ReplaceAll(next, "\n", "; ")
			body.Next, body.Commands = &one, commandsIn(next)
		}
		if problems != nil {
			body.Problems, body.Warnings = problems.List, warnings
		}
		_ = writeJSON(w, errorDocument{1, body}) // stderr: nobody left to tell
		return
	}
	if problems != nil {
		for _, p := range warnings {
			say(w, "%s", inWords(p))
		}
		for _, p := range problems.List {
			say(w, "%s", p.String())
		}
		say(w, "%s. Nothing was written and nothing was started.", message)
	} else {
		// Further lines are set in: a line break in a name makes no line of ours.
		say(w, "fleetup: %s", strings.ReplaceAll(message, "\n", "\n  "))
	}
	if next != "" {
		for _, line := range labelled(next) {
			say(w, "%s", line)
		}
	}
}

// errorDocument is how an error looks to a program: additive only, absent
// values are null.
type errorDocument struct {
	SchemaVersion int       `json:"schemaVersion"`
	Error         errorBody `json:"error"`
}

type errorBody struct {
	Message  string              `json:"message"`
	ExitCode fleet.ExitCode      `json:"exitCode"`
	Exit     string              `json:"exit"`
	Next     *string             `json:"next"`
	Commands []string            `json:"commands"` // the command lines in next, to be run as they stand
	Problems []inventory.Problem `json:"problems"`
	Warnings []inventory.Problem `json:"warnings,omitempty"` // beside problems
}

// advice parts what happened from what to do next, where an error knows it.
func advice(err error) (message, next string) {
	message = err.Error()
	if r, ok := errors.AsType[*fleet.Refusal](err); ok {
		next = onLedger(r.Next, "")
	}
	if f, ok := errors.AsType[*failure.Error](err); ok {
		next = f.Next
	}
	if r, ok := errors.AsType[state.Remedied](err); ok && r.Remedy() != "" {
		if m, found := strings.CutSuffix(message, "; "+r.Remedy()); found {
			message, next = m, cmp.Or(next, r.Remedy())
		}
	}
	return bounded(message), next
}

// bounded is a message of bearable length: what it quotes, from a file that somebody
// has changed, say, may have any.
func bounded(message string) string {
	const most = 4 << 10
	if len(message) <= most {
		return message
	}
	half := func(s string) string { return strings.ToValidUTF8(s, "") }
	return half(message[:most/2]) + " … " + half(message[len(message)-most/2:])
}
