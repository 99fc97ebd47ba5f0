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
	runID    string         // of the run that is shown
	copy     journal.Run    // of that run, for the page: it folds what is new by itself
	state    *rollout.State // of that run, for the notifications: each is of the moment of its fact
	since    []fleet.Event  // what is to be told of a run that began after the one shown before
	live     bool           // a process carried it out when it was last looked at
}

// read makes the page's own copy of a run that the follower has read, unless it is the
// one that is shown.
func (s *showing) read(r *session.ReadOnlyLedger) error {
	run := &s.follower.run
	if run.Info.ID == s.runID {
		return nil
	}
	s.copy, s.state, s.since = journal.Begin(run.State.Plan), rollout.NewState(run.State.Plan), nil
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
		switch {
		case !tells:
		case s.runID != "":
			s.since = append(s.since, ev)
		default:
			return s.state.Apply(ev)
		}
		return nil
	})
}

// show passes on what the follower has seen.
func (s *showing) show() (over bool, err error) {
	f := s.follower
	st, events := f.run.State, f.fresh
	f.fresh = nil
	if f.run.Info.ID != s.runID {
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

// next shows another run, on the page that the one before it had.
func (s *showing) next() error {
	run := &s.follower.run
	s.live = true // until it is seen otherwise
	from := run.Seq
	if s.runID != "" {
		from = run.Info.FirstSeq
	}
	s.runID = run.Info.ID
	s.page.Begin(web.Run{State: s.copy.State, Chronicle: s.copy.Told, Version: versionString(),
		Options: located(s.e.sharedOptions(s.c, s.follower.path), run.State.Plan)})
	s.told.end(nil) // what the run before it had to tell
	since := s.since
	if len(since) > 0 { // it is told of from its beginning
		if err := s.state.Apply(since[0]); err != nil {
			return err
		}
	}
	if s.told = s.e.newNotifier(s.c, s.follower.path, s.state, from, nil); s.told != nil && len(since) > 0 {
		s.told.tell(s.told.events.Begun(s.state))
		if err := s.tell(since[1:]); err != nil {
			return err
		}
	}
	s.told.carried(run.Live)
	s.copy, s.since = journal.Run{}, nil
	return nil
}

// tell tells of facts one by one: what one means is seen in the run as it left it, and by
// the next look the run is further.
func (s *showing) tell(events []fleet.Event) error {
	if s.told == nil {
		return nil
	}
	for i := range events {
		if err := s.state.Apply(events[i]); err != nil {
			return err
		}
		s.told.take(s.state, events[i:i+1])
	}
	return nil
}
