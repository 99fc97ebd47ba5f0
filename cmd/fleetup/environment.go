package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/notify"
)

// environment is what the program has around it: streams, terminal, signals.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	messages       *os.File                   // what stderr writes to: a child may share it
	terminal       bool                       // a person can be asked: input and messages are a terminal
	screen         bool                       // messages go to a terminal that can redraw
	colour         bool                       // of messages
	columns        int                        // that data is laid out for; 0 for as many as it needs
	shown          bool                       // data goes to a terminal
	redraws        bool                       // that terminal can redraw
	colours        bool                       // and shows colours
	pages          *os.File                   // what stdout writes to
	interrupt      chan struct{}              // closed by the first signal
	ends           orderly                    // who ends in order when that comes
	jsonErrors     atomic.Bool                // the command line asks for them
	log            atomic.Pointer[processLog] // nil: nobody wants one
	targets        []notify.Target            // who is told what happens to a run
	args           []string                   // the command line, as it was given
	goesOn         atomic.Pointer[string]     // the command line that goes on with what is cut off; nil: nothing is
	die            func(fleet.ExitCode)
}

func newEnvironment(stdin, stdout, stderr *os.File) *environment {
	in, out := term.IsTerminal(int(stdin.Fd())), term.IsTerminal(int(stderr.Fd()))
	plain := os.Getenv("TERM") == "dumb"
	wide, _, err := term.GetSize(int(stdout.Fd()))
	shown := err == nil && wide > 0
	columns := wantedColumns()
	if columns == 0 && shown {
		columns = wide
	}
	return &environment{
		stdin: stdin, stdout: &pipeSafeWriter{file: stdout}, stderr: &pipeSafeWriter{file: stderr}, messages: stderr,
		terminal:  in && out,
		screen:    out && !plain,
		colour:    out && !plain && os.Getenv("NO_COLOR") == "",
		columns:   columns,
		shown:     shown,
		redraws:   shown && !plain,
		colours:   shown && !plain && os.Getenv("NO_COLOR") == "",
		pages:     stdout,
		interrupt: make(chan struct{}),
		die:       func(c fleet.ExitCode) { os.Exit(int(c)) },
	}
}

// obey turns the first signal into an orderly end where something has one, and
// else into an end at once: no command can forget to listen. The second signal
// ends everything at once. What a process leaves at any instant can be resumed.
func (e *environment) obey(signals <-chan os.Signal) {
	<-signals
	if !e.ends.begin(func() { close(e.interrupt) }) {
		err := failure.New(fleet.ExitInterrupted, errors.New("interrupted"), "")
		explain(e.stderr, err, e.jsonErrors.Load(), func(next string) string { return next })
		e.log.Load().end(fleet.ExitInterrupted, err, atOnce)
		e.die(fleet.ExitInterrupted)
		return
	}
	<-signals
	cut, next := "ended at once by a second signal", ""
	if resume := e.goesOn.Load(); resume != nil {
		cut += "; what is in doubt now will be read before anything is sent again"
		next = *resume
	}
	err := failure.New(fleet.ExitInterrupted, errors.New(cut), next)
	explain(e.stderr, err, e.jsonErrors.Load(), typedOn(e.app(), e.args).alongLines)
	e.log.Load().end(fleet.ExitInterrupted, err, atOnce)
	e.die(fleet.ExitInterrupted)
}

// orderly counts what ends in order after the first signal, by watching
// environment.interrupt.
type orderly struct {
	mu sync.Mutex
	n  int
}

// watch says that somebody obeys the first signal from now on, until done is
// called.
func (o *orderly) watch() (done func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
	return sync.OnceFunc(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.n--
	})
}

// begin tells those who obey, and reports whether there are any. Nobody begins
// to obey in between.
func (o *orderly) begin(tell func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	tell()
	return o.n > 0
}

// ask puts a question to the person at the terminal; its last line ends with a space,
// behind which is room for the answer. No answer is an empty
// one; a signal takes the place of an answer.
func (e *environment) ask(format string, args ...any) (string, error) {
	answer, err := e.askFor(fmt.Sprintf(format, args...))
	switch {
	case errors.Is(err, errAskInterrupted):
		return "", failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was started"), "")
	case errors.Is(err, io.EOF): // no answer is no consent
		return "", nil
	}
	return answer, err
}

// errAskInterrupted is a signal in the place of an answer.
var errAskInterrupted = errors.New("interrupted")

// askFor is ask where an end of the input, [io.EOF], is no empty answer. What was typed
// before it is one.
func (e *environment) askFor(question string) (string, error) {
	defer e.ends.watch()()
	fmt.Fprint(e.stderr, fitted(e.stderr, cleanLines(strings.TrimSuffix(question, " "))), " ")
	type reply struct {
		text string
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		line, err := bufio.NewReader(e.stdin).ReadString('\n')
		if line != "" {
			err = nil
		}
		replies <- reply{strings.TrimSpace(line), err}
	}()
	select {
	case r := <-replies:
		return r.text, r.err
	case <-e.interrupt:
		fmt.Fprintln(e.stderr)
		return "", errAskInterrupted
	}
}

// leastColumns is how narrow a page may be.
const leastColumns = 20

// wantedColumns is the width that somebody wants for pages whatever the terminal has,
// and where there is none: COLUMNS, a decimal number of column positions, which goes
// before what the system finds (IEEE Std 1003.1, Base Definitions, 8.3 Other Environment
// Variables, https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap08.html). 0: none is wanted. What is
// redrawn in its place keeps to its terminal.
func wantedColumns() int {
	n, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || n <= 0 {
		return 0
	}
	return max(n, leastColumns)
}

// size returns the width and height of the terminal that messages go to, 80 by
// 24 where there is none; pageSize is that of the one that data goes to.
func (e *environment) size() (width, height int)     { return sizeOf(e.messages) }
func (e *environment) pageSize() (width, height int) { return sizeOf(e.pages) }

func sizeOf(terminal *os.File) (width, height int) {
	if w, h, err := term.GetSize(int(terminal.Fd())); err == nil && w > 0 {
		return w, h
	}
	return 80, 24
}

// localZone is the zone of the times that people read, by its name in the time
// zone database where that can be found out.
func localZone() *time.Location {
	name, set := os.LookupEnv("TZ")
	if link, err := os.Readlink("/etc/localtime"); err == nil && !set {
		_, name, _ = strings.Cut(filepath.ToSlash(link), "zoneinfo/")
	}
	if strings.TrimPrefix(name, "Etc/") == "UTC" {
		return time.UTC
	}
	if name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	if n, offset := time.Now().Zone(); n == "UTC" && offset == 0 {
		return time.UTC
	}
	return time.Local
}

// untilInterrupted is a context that ends with the first signal, or with stop.
func (e *environment) untilInterrupted() (ctx context.Context, stop func()) {
	obeys := e.ends.watch()
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-e.interrupt:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { cancel(); watch.Wait(); obeys() }
}
