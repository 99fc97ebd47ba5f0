package main

import (
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

const (
	redrawEvery    = 250 * time.Millisecond
	heartbeatEvery = time.Minute
)

// stopping answers the first signal.
const stopping = "Stopping: nothing new starts, the calls that are out end first. A second signal ends at once; both can be resumed."

// progress shows a run as it goes: a live view on a terminal, lines elsewhere.
type progress struct {
	update func(*rollout.State, []fleet.Event) // for the runner
	done   chan struct{}
	tick   sync.WaitGroup
	after  func()
}

// newProgress begins with the run as it stands.
func (e *environment) newProgress(st *rollout.State) *progress {
	p := &progress{done: make(chan struct{}), after: func() {}}
	if !e.screen {
		plain := report.NewPlain(e.stderr, st, localZone())
		p.update = func(st *rollout.State, events []fleet.Event) { _ = plain.Events(st, events) } // a closed pipe must not stop a run
		p.every(heartbeatEvery, func() { _ = plain.Heartbeat(now()) })
		p.once(e.interrupt, func() { say(e.stderr, "%s", stopping) })
		return p
	}
	tracker, screen := report.NewTracker(st), report.NewScreen(e.stderr)
	p.update = func(st *rollout.State, events []fleet.Event) { tracker.Apply(st, events) }
	draw := func() {
		w, h := e.size()
		_ = screen.Draw(tracker.Live(now(), w, h, e.colour)) // nor a closed terminal
	}
	p.every(redrawEvery, draw)
	p.once(e.interrupt, func() { _ = screen.Above(stopping + "\n") })
	p.after = draw
	if e.columns > 0 {
		p.after = func() { _ = screen.Clear() } // the page that follows says it all
	}
	return p
}

func (p *progress) every(d time.Duration, do func()) {
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

func (p *progress) once(when <-chan struct{}, do func()) {
	p.tick.Go(func() {
		select {
		case <-when:
			do()
		case <-p.done:
		}
	})
}

// stop shows the run a last time.
func (p *progress) stop() {
	close(p.done)
	p.tick.Wait()
	p.after()
}
