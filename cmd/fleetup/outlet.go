package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/term"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// pipeSafeWriter is a standard stream that outlives its reader: once nobody reads any
// more (fleetup report | head) what is written goes nowhere, and a rollout goes
// on. It remembers the first write that failed otherwise: see
// environment.lostOutput. It is safe for concurrent use.
type pipeSafeWriter struct {
	file   *os.File
	gone   atomic.Bool
	failed atomic.Pointer[error]
	lines  lineTurn // set: whatever is written goes through it
}

// columnsOf is how wide the messages are that go to a terminal; 0 where they go to
// none, or is read by a program.
func columnsOf(w io.Writer) int {
	o, ok := w.(*pipeSafeWriter)
	if !ok || o.lines.Load() != nil {
		return 0
	}
	columns, _, err := term.GetSize(int(o.file.Fd()))
	if err != nil {
		return 0
	}
	if wanted := wantedColumns(); wanted > 0 {
		return wanted
	}
	return columns
}

func (o *pipeSafeWriter) Write(p []byte) (int, error) {
	if l := o.lines.Load(); l != nil {
		return l.Write(p)
	}
	return o.write(p)
}

func (o *pipeSafeWriter) write(p []byte) (int, error) {
	if o.gone.Load() {
		return len(p), nil
	}
	n, err := o.file.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		o.gone.Store(true)
		return len(p), nil
	}
	if err != nil {
		o.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// lostOutput is how a command ends of whose data something could not be written:
// no command exits 0 then, or is silent about it, whether it looks at what a
// write returned or not. An error of another kind says more, and stays.
func (e *environment) lostOutput(err error) error {
	o, ok := e.stdout.(*pipeSafeWriter)
	if !ok || o.failed.Load() == nil {
		return err
	}
	lost, code, next := *o.failed.Load(), fleet.ExitInternal, ""
	if _, done := errors.AsType[outcome](err); err != nil {
		if !done && !errors.Is(err, lost) {
			return err
		}
		code = codeOf(err)
		_, next = advice(err)
	}
	return failure.New(code,
		fmt.Errorf("standard output cannot be written: %w; what the command did stands, what it printed is incomplete",
			failure.Cause(lost)), next)
}
