// Package failure is how an error ends a command: with which exit code, and
// with what a person does next. Every room that stands between a command and a
// library makes its errors here; only cmd/fleetup prints them.
package failure

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Error is an error with its exit code and what to do next, "" for nothing.
type Error struct {
	Code fleet.ExitCode
	Err  error
	Next string

	// A word of the command line, and the one that was probably meant; "" for none.
	// What to do next is then that command line with the word put right.
	Typed, Meant string
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// New is what happened, the code to exit with and what to do next.
func New(code fleet.ExitCode, err error, next string) error {
	return &Error{Code: code, Err: err, Next: next}
}

// Usage is a mistake in how the program was called.
func Usage(next, format string, args ...any) error {
	return &Error{Code: fleet.ExitUsage, Err: fmt.Errorf(format, args...), Next: next}
}

// Mistyped is Usage where a word of the command line is wrong, and another was
// probably meant; "" where none is near. next is for where none is, and for where the
// word did not come from the command line.
func Mistyped(typed, meant, next, format string, args ...any) error {
	return &Error{Code: fleet.ExitUsage, Err: fmt.Errorf(format, args...), Next: next, Typed: typed, Meant: meant}
}

// Cause drops the operation and the path that a sentence has said already.
func Cause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}

// To is a command with what it is for, or what must be so first, where the command
// alone does not tell.
func To(purpose, command string) string { return purpose + ": " + command }

// Or is something to do that takes the place of what stands before it.
func Or(step string) string { return instead + step }

// instead marks it on its line.
const instead = "or "

// Lines are several things to do, one after the other.
func Lines(steps ...string) string { return strings.Join(steps, "\n") }

// Step is one thing to do, as a line says it.
type Step struct {
	For     string // what a command is for, or what must be so first; empty: it speaks for itself
	Line    string // a command line, or a sentence
	Command bool   // which
	Instead bool   // it takes the place of the step before
}

// purposed is a line with a command behind what it is for.
var purposed = lazyregexp.New(`^([^:]+): (fleetup(?:-temporal)? .*)$`)

// Steps are the things to do of some lines.
func Steps(next string) (steps []Step) {
	if next == "" {
		return nil
	}
	for line := range strings.SplitSeq(next, "\n") {
		s := Step{Line: line}
		s.Line, s.Instead = strings.CutPrefix(line, instead)
		if m := purposed().FindStringSubmatch(s.Line); m != nil && !strings.HasPrefix(s.Line, "fleetup") {
			s.For, s.Line, s.Command = m[1], m[2], true
		}
		s.Command = s.Command || strings.HasPrefix(s.Line, "fleetup ")
		steps = append(steps, s)
	}
	return steps
}

// String is the line of a step.
func (s Step) String() string {
	line := s.Line
	if s.For != "" {
		line = To(s.For, line)
	}
	if s.Instead {
		line = Or(line)
	}
	return line
}
