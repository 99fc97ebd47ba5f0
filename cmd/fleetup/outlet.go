package main

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/term"
)

// pipeSafeWriter is a standard stream that outlives its reader: once nobody reads any
// more (fleetup report | head) what is written goes nowhere, and a rollout goes
// on. It is safe for concurrent use.
type pipeSafeWriter struct {
	file  *os.File
	gone  atomic.Bool
	lines lineTurn // set: whatever is written goes through it
}

// columnsOf is how wide the terminal is that a stream goes to; 0 where it goes to
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
	return n, err
}
