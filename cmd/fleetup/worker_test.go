package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// To start a process of the program costs several times what most of its commands
// do. So a few processes, the workers, carry out the commands of scripts, one
// after the other: each with its folder, its environment and its streams, through
// newEnvironment and run, as main does. A process of their own have the first command
// of each script, those in the background, those that are given an input, and with this
// flag all of them.
var processes = flag.Bool("processes", false, "give every command of the tests a process of its own")

// workerVariable makes a process of the program a worker.
const workerVariable = "FLEETUP_TEST_WORKER"

// errand is what a worker is told: to carry out a command, or to interrupt it.
type errand struct {
	Args, Env []string
	Dir       string
	Terminal  string // that all three streams are of, or nothing
	Interrupt bool
}

// errandOver is how a command has ended.
type errandOver struct {
	Code           int
	Stdout, Stderr []byte
	Last           bool // the worker ends with it
}

// work is the main function of a worker.
func work() {
	ofProcess()
	debug.SetGCPercent(800) // what a command leaves behind is little
	jobs, outcomes := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		panic(err)
	}
	next, interrupt := make(chan errand), make(chan os.Signal, 1)
	go func() {
		for {
			var j errand
			if err := jobs.Decode(&j); err != nil {
				os.Exit(0) // nobody has more
			}
			if j.Interrupt {
				select {
				case interrupt <- os.Interrupt:
				default:
				}
				continue
			}
			next <- j
		}
	}()
	for j := range next {
		select {
		case <-interrupt: // it came too late for the one before
		default:
		}
		workOff(j, nothing, interrupt, outcomes)
	}
}

// workOff has a worker's process carry out a command and tell how it has ended.
func workOff(j errand, nothing *os.File, interrupt <-chan os.Signal, outcomes *json.Encoder) {
	os.Clearenv()
	for _, v := range j.Env {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	if err := os.Chdir(j.Dir); err != nil {
		panic(err)
	}
	stdout, readStdout := captured()
	stderr, readStderr := captured()
	e := newEnvironment(nothing, stdout, stderr)
	if j.Terminal != "" {
		tty, err := os.OpenFile(j.Terminal, os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			panic(err)
		}
		defer tty.Close()
		e = newEnvironment(tty, tty, tty)
	}
	tell := func(code fleet.ExitCode, last bool) {
		if err := outcomes.Encode(errandOver{int(code), readStdout(), readStderr(), last}); err != nil {
			panic(err)
		}
	}
	var once sync.Once
	e.die = func(code fleet.ExitCode) {
		once.Do(func() { tell(code, true); os.Exit(0) })
	}
	over := make(chan struct{})
	go func() {
		select {
		case s := <-interrupt:
			signals := make(chan os.Signal, 1)
			signals <- s
			e.obey(signals)
		case <-over:
		}
	}()
	code := e.run(j.Args)
	close(over)
	once.Do(func() { tell(code, false) })
	if err := os.Chdir("/"); err != nil { // the folder may go away
		panic(err)
	}
}

// captured is a file whose content is there when nothing more is written to it.
func captured() (file *os.File, content func() []byte) {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	read := make(chan []byte)
	go func() {
		data, _ := io.ReadAll(r)
		r.Close()
		read <- data
	}()
	return w, func() []byte { w.Close(); return <-read }
}

// worker is a process that carries out commands.
type worker struct {
	cmd      *exec.Cmd
	jobs     *json.Encoder
	in       io.Closer
	outcomes *json.Decoder
	crash    bytes.Buffer
}

var workers struct {
	mu   sync.Mutex
	idle []*worker
}

// hire returns a worker that has nothing to do.
func hire() (*worker, error) {
	workers.mu.Lock()
	if n := len(workers.idle); n > 0 {
		w := workers.idle[n-1]
		workers.idle = workers.idle[:n-1]
		workers.mu.Unlock()
		return w, nil
	}
	workers.mu.Unlock()
	w := &worker{cmd: exec.Command("fleetup")}
	w.cmd.Env = []string{workerVariable + "=1", "TZ=UTC"}
	w.cmd.Stderr = &w.crash
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.in, w.jobs, w.outcomes = in, json.NewEncoder(in), json.NewDecoder(out)
	return w, w.cmd.Start()
}

// do has a worker carry out a command. When ctx ends the command is interrupted.
func do(ctx context.Context, j errand) (errandOver, error) {
	w, err := hire()
	if err != nil {
		return errandOver{}, err
	}
	type answer struct {
		errandOver
		err error
	}
	answers := make(chan answer, 1)
	if err := w.jobs.Encode(j); err != nil {
		return errandOver{}, err
	}
	go func() {
		var a answer
		a.err = w.outcomes.Decode(&a.errandOver)
		answers <- a
	}()
	var a answer
	select {
	case a = <-answers:
	case <-ctx.Done():
		if err := w.jobs.Encode(errand{Interrupt: true}); err != nil {
			return errandOver{}, err
		}
		select {
		case a = <-answers:
		case <-time.After(time.Minute):
			_ = w.cmd.Process.Kill()
			a = <-answers
		}
	}
	if a.err == nil && !a.Last {
		workers.mu.Lock()
		workers.idle = append(workers.idle, w)
		workers.mu.Unlock()
		return a.errandOver, nil
	}
	w.in.Close()
	err = w.cmd.Wait()
	if a.err != nil {
		return errandOver{}, fmt.Errorf("fleetup %q ended its process: %w\n%s", j.Args[1:], errors.Join(a.err, err),
			&w.crash)
	}
	return a.errandOver, nil
}

// dismissWorkers ends the workers.
func dismissWorkers() {
	workers.mu.Lock()
	defer workers.mu.Unlock()
	for _, w := range workers.idle {
		w.in.Close()
		_ = w.cmd.Wait()
	}
	workers.idle = nil
}

// aroundKey is where a script keeps the names of the variables that it has from the
// beginning, and whether a command of it was carried out.
type aroundKey struct{}

type around struct {
	names []string
	once  bool
}

// variables are what a script's commands have around them.
func variables(ts *testscript.TestScript) (env []string) {
	names := slices.Concat(ts.Value(aroundKey{}).(*around).names, scriptVariables)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// carryOut runs the program to its end and returns its exit code and its data and
// messages, which are the script's stdout and stderr then.
func carryOut(ts *testscript.TestScript, alone bool, args []string) (code int, stdout, stderr string) {
	b := ts.Value(aroundKey{}).(*around)
	first := !b.once
	b.once = true
	env := variables(ts)
	if *update || alone || first || !shareable(env, args) {
		err := ts.Exec("fleetup", args...)
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			code = e.ExitCode()
		} else {
			ts.Check(err)
		}
		return code, ts.ReadFile("stdout"), ts.ReadFile("stderr")
	}
	o, err := do(context.Background(), errand{Args: append([]string{"fleetup"}, args...), Env: env, Dir: ts.MkAbs(".")})
	ts.Check(err)
	_, err = ts.Stdout().Write(o.Stdout)
	ts.Check(err)
	_, err = ts.Stderr().Write(o.Stderr)
	ts.Check(err)
	return o.Code, string(o.Stdout), string(o.Stderr)
}

// shareable reports whether a worker can carry a command out: what is read once in
// the life of a process, the zone and the proxies, is that of every script, and the demo
// starts processes.
func shareable(env, args []string) bool {
	if *processes || !slices.Contains(env, "TZ=UTC") || slices.Contains(args, "demo") {
		return false
	}
	return !slices.ContainsFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasSuffix(strings.ToUpper(name), "_PROXY")
	})
}
