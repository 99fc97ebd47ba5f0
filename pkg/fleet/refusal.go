package fleet

import "fmt"

// Refusal is why something that a person wants is not done, as data: by it nothing
// was started and nothing written. Whoever speaks with the person puts Next into
// command lines.
type Refusal struct {
	Code ExitCode // that a command ends with
	Err  error    // what is so
	Next []Advice // what to do, the first one first
}

// Advice is one thing that a person may do next: a sentence, or a command and what
// must be so first, or what it is for, where it does not speak for itself.
type Advice struct {
	Text    string
	Args    []string // of fleetup, without the ledger; none: the sentence alone
	Instead bool     // it takes the place of what stands before it
}

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap gives what is so.
func (r *Refusal) Unwrap() error { return r.Err }

// Refuse is a refusal with the exit code of a mistake of the caller's, ExitUsage.
func Refuse(next Advice, format string, args ...any) *Refusal {
	return &Refusal{ExitUsage, fmt.Errorf(format, args...), []Advice{next}}
}

// Then adds what to do after what is advised.
func (r *Refusal) Then(next Advice) *Refusal {
	r.Next = append(r.Next, next)
	return r
}

// Or adds what to do in its place.
func (r *Refusal) Or(next Advice) *Refusal {
	next.Instead = true
	return r.Then(next)
}

// Command is the advice to give a command.
func Command(args ...string) Advice { return Advice{Args: args} }

// To is a command with what it is for, or what must be so first.
func To(purpose string, args ...string) Advice { return Advice{Text: purpose, Args: args} }
