package main

import (
	"io"
	"os"
	"os/user"
	"time"

	"golang.org/x/term"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// environment is what the program has around it: streams, terminal, signals.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool          // a person can be asked: input and messages are a terminal
	screen         bool          // messages go to a terminal that can redraw
	colour         bool          // of messages
	interrupt      chan struct{} // closed by the first signal
	die            func(fleet.ExitCode)
}

func newEnvironment(stdin, stdout, stderr *os.File) *environment {
	in, out := term.IsTerminal(int(stdin.Fd())), term.IsTerminal(int(stderr.Fd()))
	plain := os.Getenv("TERM") == "dumb"
	return &environment{
		stdin: stdin, stdout: stdout, stderr: stderr,
		terminal:  in && out,
		screen:    out && !plain,
		colour:    out && !plain && os.Getenv("NO_COLOR") == "",
		interrupt: make(chan struct{}),
		die:       func(c fleet.ExitCode) { os.Exit(int(c)) },
	}
}

// obey turns the first signal into an orderly end, and the second into an end
// at once (design §2, rule 10).
func (e *environment) obey(signals <-chan os.Signal) {
	<-signals
	close(e.interrupt)
	<-signals
	e.die(fleet.ExitInterrupted)
}

// size returns the terminal's width and height, 80 by 24 where there is none.
func (e *environment) size() (width, height int) {
	if f, ok := e.stderr.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w, h
		}
	}
	return 80, 24
}

// actor says who gives the commands of this process.
func actor(c fleet.Credentials) fleet.Actor {
	a := fleet.Actor{User: "unknown", Host: "unknown", PID: os.Getpid()}
	if u, err := user.Current(); err == nil {
		a.User = u.Username
	} else if n := os.Getenv("USER"); n != "" {
		a.User = n
	}
	if h, err := os.Hostname(); err == nil {
		a.Host = h
	}
	kind := func(k fleet.CredentialKind) string {
		if k == "" {
			k = fleet.CredentialDefault
		}
		return string(k)
	}
	a.Credential = kind(c.ServiceManagement) + "/" + kind(c.ResourceManager)
	return a
}

func now() time.Time { return time.Now().UTC().Round(0) }
