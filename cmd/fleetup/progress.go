package main

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing/forecast"
)

const (
	redrawEvery    = 250 * time.Millisecond
	heartbeatEvery = time.Minute
	waitEvery      = time.Second // how soon it is said that the run waits
)

// stopping answers the first signal.
const stopping = "Stopping: nothing new starts, the calls that are out end first. A second signal ends at once; both " +
	"can be resumed."

// The ways to show a run's progress.
const (
	progressAuto  = "auto"
	progressTTY   = "tty"
	progressPlain = "plain"
	progressJSON  = "json"
	progressNone  = "none"
)

// progressFlag says how a run shows its progress. A mistake in it shows before
// anything is begun.
func (e *environment) progressFlag() cli.Flag {
	return flagProgress.is(cli.StringFlag{EnvVars: []string{"FLEETUP_PROGRESS"}, Value: progressAuto,
		Usage: "`HOW` progress is shown on stderr: auto (tty on a terminal, else plain), tty (a view that redraws), " +
			"plain (a line a change), json (JSON lines), none",
		Action: func(c *cli.Context, how string) error {
			if err := oneOf(c, flagProgress, progressAuto, progressTTY, progressPlain, progressJSON,
				progressNone); err != nil {
				return err
			}
			if how == progressTTY && !e.screen {
				return failure.Usage("--progress auto, or give it a terminal",
					"--progress tty needs stderr to be a terminal that can redraw, with nothing else on it")
			}
			return nil
		}})
}

// progressOutput shows a run as it goes.
type progressOutput struct {
	update func(*rollout.State, []fleet.Event) // for the runner
	done   chan struct{}
	tick   sync.WaitGroup
	after  func()

	forecast *forecast.Keeper // of when the run ends; nil: what is shown has none
}

// newProgress begins with the run as it stands. What cannot be shown, to a
// closed pipe or terminal, must not stop a run.
func (e *environment) newProgress(c *cli.Context, j job) *progressOutput {
	p, st, how := &progressOutput{done: make(chan struct{}), after: func() {}}, j.begins.State, flagProgress.of(c)
	if how == progressAuto || how == "" {
		how = progressPlain
		if e.screen {
			how = progressTTY
		}
	}
	switch how {
	case progressTTY:
		p.live(e, j)
	case progressPlain:
		plain := progress.NewPlain(fittingWriter{e.stderr}, st, localZone())
		plain.Tracker().Zone, plain.Tracker().Ledger = localZone(), j.path
		p.update, p.forecast = func(st *rollout.State, events []fleet.Event) { _ = plain.Events(st, events) },
			plain.Tracker().Forecast()
		p.every(waitEvery, func() { _ = plain.Waiting(session.Now()) })
		p.every(heartbeatEvery, func() { _ = plain.Heartbeat(session.Now()) })
		p.once(e.interrupt, func() { say(e.stderr, "%s", stopping) })
	case progressJSON:
		p.lines(e, st, j.path)
	default:
		p.update = func(*rollout.State, []fleet.Event) {}
	}
	return p
}

// live draws a view on the terminal.
func (p *progressOutput) live(e *environment, j job) {
	tracker, screen := progress.NewTracker(j.begins.State), progress.NewScreen(e.stderr)
	tracker.Zone, tracker.Ledger, tracker.Emulated = localZone(), j.path, session.Emulation(j.path)
	tracker.Recall(j.begins.Told) // a resume goes on where the process before it left
	p.update = func(st *rollout.State, events []fleet.Event) { tracker.Apply(st, events) }
	draw := func() {
		w, h := e.size()
		screen.Resize(w)
		_ = screen.Draw(tracker.Live(session.Now(), w, h, e.colour))
	}
	p.every(redrawEvery, draw)
	p.estimates(tracker)
	p.once(e.interrupt, func() { _ = screen.Above(stopping + "\n") })
	p.after = draw
	if e.shown {
		p.after = func() { _ = screen.Clear() } // the page that follows says it all
	}
}

// lines writes JSON lines. From now on whatever the program says on stderr is
// such a line too.
func (p *progressOutput) lines(e *environment, st *rollout.State, path string) {
	raw := e.stderr
	o, ok := e.stderr.(*pipeSafeWriter)
	if ok {
		raw = rawOutlet{o}
	}
	stream, _ := progress.NewStream(raw, st, session.Now())
	stream.Tracker().Zone, stream.Tracker().Ledger = localZone(), path
	if ok {
		o.lines.Store(&lineSayer{say: func(text string) { _ = stream.Message(session.Now(), text) }})
	}
	p.update = func(st *rollout.State, events []fleet.Event) { _ = stream.Events(st, events) }
	p.every(heartbeatEvery, func() { _ = stream.Heartbeat(session.Now()) })
	p.every(waitEvery, func() { _ = stream.Waiting(session.Now()) })
	p.estimates(stream.Tracker())
	p.once(e.interrupt, func() { _ = stream.Message(session.Now(), stopping) })
	p.after = func() { _ = stream.Heartbeat(session.Now()) }
}

// estimates guesses the run's end now and then, in a goroutine of its own.
func (p *progressOutput) estimates(t *progress.Tracker) {
	p.forecast = t.Forecast()
	p.tick.Go(func() { p.forecast.Keep(session.Now, p.done) })
}

func (p *progressOutput) every(d time.Duration, do func()) {
	p.tick.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				do()
			case <-p.done:
				return
			}
		}
	})
}

func (p *progressOutput) once(when <-chan struct{}, do func()) {
	p.tick.Go(func() {
		select {
		case <-when:
			do()
		case <-p.done:
		}
	})
}

// stop shows the run a last time.
func (p *progressOutput) stop() {
	close(p.done)
	p.tick.Wait()
	p.after()
}

// lineSayer hands out what is written line by line.
type lineSayer struct {
	mu   sync.Mutex
	held []byte
	say  func(line string)
}

func (l *lineSayer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, b...)
	for {
		line, rest, whole := bytes.Cut(l.held, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		l.say(string(line))
		l.held = append([]byte(nil), rest...)
	}
}

// rawOutlet is an outlet past its lineSayer.
type rawOutlet struct{ o *pipeSafeWriter }

func (r rawOutlet) Write(b []byte) (int, error) { return r.o.write(b) }

// lineTurn is where an outlet sends what is written to it, once it is set.
type lineTurn = atomic.Pointer[lineSayer]
