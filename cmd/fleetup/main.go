// Command fleetup upgrades every vault of a company overnight and can answer,
// in the morning, for each one.
//
// This package is the command line: app.go declares the program, each command has
// a file of its own, flaghandles.go names the flags, exit.go maps errors to exit
// codes. What a command stands on is internal/session.
package main

import (
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // a container may have no time zones of its own
)

func main() {
	ofProcess()
	e := newEnvironment(os.Stdin, os.Stdout, os.Stderr)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored
		hung := make(chan os.Signal, 1)
		signal.Notify(hung, syscall.SIGHUP)
		// A terminal that goes away may say so more than once: it is one signal.
		go func() { signals <- <-hung }()
	}
	go e.obey(signals)
	os.Exit(int(e.run(os.Args)))
}

// ofProcess sets what a process has once, whichever command it carries out.
func ofProcess() {
	// net/http logs by itself when a server breaks the rules, and quotes what
	// it sent. What matters of that comes back as an error, cleaned.
	log.SetOutput(io.Discard)
	noCoreDump()
	distinctCrash()
	// Caught, so that a reader that went away is an error of the write and not
	// the end of a run; not ignored, which children would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}
