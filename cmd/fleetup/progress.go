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
		plain := report.NewPlain(e.stderr, st, time.Local)
		p.update = func(st *rollout.State, events []fleet.Event) { _ = plain.Events(st, events) } // a closed pipe must not stop a run
		p.every(heartbeatEvery, func() { _ = plain.Heartbeat(now()) })
		return p
	}
	tracker, screen := report.NewTracker(st), report.NewScreen(e.stderr)
	p.update = func(st *rollout.State, events []fleet.Event) { tracker.Apply(st, events) }
	draw := func() {
		w, h := e.size()
		_ = screen.Draw(tracker.Live(now(), w, h, e.colour)) // nor a closed terminal
	}
	p.every(redrawEvery, draw)
	p.after = draw
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

// stop shows the run a last time.
func (p *progress) stop() {
	close(p.done)
	p.tick.Wait()
	p.after()
}
