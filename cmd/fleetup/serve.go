package main

import (
	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/notify"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

func (e *environment) serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve the page of a run that another process carries out, and tell webhooks of it",
		Description: "For a run that was started without a page, or is carried out elsewhere (docs/engine.md). It " +
			"only reads, sees what is\n" +
			"new a second later, and goes on with the ledger's next run until it is interrupted. It tells also what " +
			"a process that is\n" +
			"killed cannot: that nobody carries the run out any more.",
		Flags:  append(append([]cli.Flag{neededStateFlag()}, pageFlags()...), notifyFlags()...),
		Action: e.serve,
	}
}

func (e *environment) serve(c *cli.Context) error {
	if err := e.readTargets(c); err != nil {
		return err
	}
	page, err := openPage(c)
	if err != nil {
		return err
	}
	if page == nil && len(e.targets) == 0 {
		return failure.Usage("--listen 127.0.0.1:8080, or --notify-file FILE",
			"nothing to serve: neither a page nor anybody to tell was asked for")
	}
	if page != nil {
		e.sayShown(page)
	}
	s := &showing{e: e, c: c, page: page}
	f := &follower{path: flagState.of(c), keep: true, anew: s.read}
	s.follower = f
	err = e.watch(f, 0, s.show)
	s.page.Close()
	s.told.end(nil)
	if code := codeOf(err); code == fleet.ExitInterrupted {
		return nil // that is how it ends
	}
	return err
}

// showing shows the runs of a ledger, one after the other, to who looks at a page and to
// who is told.
type showing struct {
	e        *environment
	c        *cli.Context
	follower *follower
	page     *web.Server
	told     *notifier
	nth      int            // of the follower's runs, the one that is shown; 0: none is
	runID    string         // of that run
	copy     journal.Run    // of that run, for the page: it folds what is new by itself
	state    *rollout.State // of that run, for the notifications: each is of the moment of its fact
	heard    []int64        // when the facts of that run happened, for the notifications
	common   int            // those of them that the next run begins with: another copy of that one
	since    []fleet.Event  // what is to be told of a run that took the place of the one shown before
	live     bool           // a process carried it out when it was last looked at
}

// read makes the page's own copy of a run that the follower has read, unless it is the
// one that is shown. Of another copy of that one only what comes behind the facts that
// both have is to be told: they happened at the same instants.
func (s *showing) read(r *session.ReadOnlyLedger) error {
	run := &s.follower.run
	if s.follower.nth == s.nth {
		return nil
	}
	s.copy, s.state, s.since = journal.Begin(run.State.Plan), rollout.NewState(run.State.Plan), nil
	if s.common = 0; s.nth == 0 {
		s.heard = nil
	}
	tells := len(s.e.targets) > 0
	return r.Events(run.Info.ID, func(seq uint64, ev fleet.Event) error {
		if seq > run.Seq {
			return nil // it is shown with what is new then
		}
		if s.page != nil {
			if err := s.copy.Apply(ev); err != nil {
				return err
			}
		}
		at := ev.At.UnixNano()
		switch {
		case !tells:
			return nil
		case s.nth == 0:
			s.heard = append(s.heard, at)
		case run.Info.ID != s.runID, len(s.since) > 0, s.common == len(s.heard), s.heard[s.common] != at:
			s.since = append(s.since, ev)
			return nil
		}
		s.common++ // what it means was told, or had happened before anybody was
		return s.state.Apply(ev)
	})
}

// show passes on what the follower has seen.
func (s *showing) show() (over bool, err error) {
	f := s.follower
	st, events := f.run.State, f.fresh
	f.fresh = nil
	if f.nth != s.nth {
		if err := s.next(); err != nil {
			return true, err
		}
	} else {
		s.page.Update(events)
		if err := s.tell(events); err != nil {
			return true, err
		}
		s.told.carried(f.run.Live)
	}
	// Of a run that nobody carried out when it was first seen it is told, too.
	said := st.Run.Closed != nil || st.Run.Suspended != nil || st.LeftHalted()
	if s.live && !f.run.Live && s.told != nil && !said {
		s.told.tell([]notify.Event{s.told.events.Left(st, session.Now())})
	}
	s.live = f.run.Live
	s.page.Carried(s.live)
	return false, nil
}

// next shows another run, or another copy of it, on the page that the one before it had.
func (s *showing) next() error {
	run := &s.follower.run
	s.live = true // until it is seen otherwise
	s.nth, s.runID = s.follower.nth, run.Info.ID
	s.page.Begin(web.Run{State: s.copy.State, Chronicle: s.copy.Told, Version: versionString(),
		Options: located(s.e.sharedOptions(s.c, s.follower.path), run.State.Plan)})
	s.told.end(nil) // what the run before it had to tell
	since, from := s.since, run.Seq-uint64(len(s.since))
	s.heard, s.copy, s.since = s.heard[:s.common], journal.Run{}, nil
	begins := len(since) > 0 && s.common == 0 // it is told of from its beginning
	if begins {
		if err := s.hear(since[0]); err != nil {
			return err
		}
		since, from = since[1:], run.Info.FirstSeq
	}
	s.told = s.e.newNotifier(s.c, s.follower.path, s.state, from, nil)
	if s.told != nil && begins {
		s.told.tell(s.told.events.Begun(s.state))
	}
	if err := s.tell(since); err != nil {
		return err
	}
	s.told.carried(run.Live)
	return nil
}

// hear folds a fact for the notifications.
func (s *showing) hear(ev fleet.Event) error {
	s.heard = append(s.heard, ev.At.UnixNano())
	return s.state.Apply(ev)
}

// tell tells of facts one by one: what one means is seen in the run as it left it, and by
// the next look the run is further.
func (s *showing) tell(events []fleet.Event) error {
	if s.told == nil {
		return nil
	}
	for i := range events {
		if err := s.hear(events[i]); err != nil {
			return err
		}
		s.told.take(s.state, events[i:i+1])
	}
	return nil
}
