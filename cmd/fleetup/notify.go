package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/notify"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing/forecast"
	"github.com/fleetup-dev/fleetup/pkg/web"
)

// The variables of the environment that notifications read. Whatever else a
// command line shows to everybody on the machine, these it need not.
const (
	targetsVariable = "FLEETUP_NOTIFY"
	secretVariable  = "FLEETUP_NOTIFY_SECRET"
)

// lastWords is how long the end of a process may be held up by a target that
// does not answer.
const (
	lastWords = 4 * time.Second
	lastMail  = 30 * time.Second // where a report has to be made for an e-mail, and sent
)

// notifyFlags say who is told what happens.
func notifyFlags() []cli.Flag {
	return []cli.Flag{
		flagNotify.is(cli.StringSliceFlag{Usage: "tell a webhook or a mailbox what happens to the run: " +
			"`FORMAT=URL`, FORMAT one of cloudevents, teams, slack, mail; repeatable; visible in the process " +
			"list: prefer --notify-file or $" + targetsVariable}),
		flagNotifyFile.is(cli.StringFlag{EnvVars: []string{"FLEETUP_NOTIFY_FILE"}, TakesFile: true,
			Usage: "the same from a `FILE` that only its owner may read, FORMAT=URL a line"}),
	}
}

// readTargets reads who is to be told. A mistake shows before anything is begun;
// no error quotes a URL.
func (e *environment) readTargets(c *cli.Context) error {
	e.targets = nil
	for _, s := range flagNotify.of(c) {
		t, err := notify.ParseTarget(s)
		if err != nil {
			return failure.Usage(helpOn(c), "--notify: %w", err)
		}
		e.targets = append(e.targets, t)
	}
	ts, err := notify.ParseTargets(os.Getenv(targetsVariable))
	if err != nil {
		return failure.Usage("correct the variable", "%s: %w", targetsVariable, err)
	}
	e.targets = append(e.targets, ts...)
	if file := flagNotifyFile.of(c); file != "" {
		if ts, err = targetsIn(file); err != nil {
			return err
		}
		e.targets = append(e.targets, ts...)
	}
	return nil
}

// targetsIn reads a file of targets. Their URLs are secrets.
func targetsIn(file string) ([]notify.Target, error) {
	data, err := readSecret(flagNotifyFile, file, "the URLs in it are secrets")
	if err != nil {
		return nil, err
	}
	ts, err := notify.ReadTargets(bytes.NewReader(data))
	if err != nil {
		return nil, failure.Usage("correct the file", "--notify-file: %s: %w", file, err)
	}
	return ts, nil
}

// notifier tells people outside what happens to a run; nil tells nobody.
type notifier struct {
	events     *notify.EventBuilder
	dispatcher *notify.Dispatcher
	// page makes the page of the run as it stands, to go along with an e-mail; nil where
	// nobody gets one. It is asked in the run's own goroutine, what it returns in another.
	page    func(st *rollout.State) func() ([]byte, error)
	state   *rollout.State
	tracker *progress.Tracker // keeps the guess when the run ends; nil: what shows the run does
	say     func(format string, args ...any)
}

// onTargets tells people outside of a run that this process carries out.
func (e *environment) onTargets(c *cli.Context, j job, p *progressOutput) (*notifier, error) {
	end, _, err := j.ledger.Head()
	if err != nil {
		return nil, err
	}
	b := e.newNotifier(c, j.path, j.begins.State, end, p.forecast)
	if b == nil {
		return nil, nil
	}
	for _, f := range j.reports {
		b.events.Reports = append(b.events.Reports, f.path)
	}
	if b.page != nil {
		b.page = e.pageOf(c, j.path, j.begins.Told)
	}
	if len(j.commands) == 0 {
		b.tell(b.events.Begun(j.begins.State))
	}
	update := p.update
	p.update = func(st *rollout.State, events []fleet.Event) {
		update(st, events)
		b.take(st, events)
	}
	return b, nil
}

// newNotifier begins to tell of a run whose journal ends at a sequence number; nil where
// nobody is to be told. ends keeps the guess when the run ends, nil where nothing does yet.
func (e *environment) newNotifier(c *cli.Context, path string, st *rollout.State, end uint64,
	ends *forecast.Keeper) *notifier {
	if len(e.targets) == 0 {
		return nil
	}
	log := logOf(c)
	b := &notifier{events: notify.NewEventBuilder(end), state: st,
		say: func(format string, args ...any) { say(e.stderr, format, args...) }}
	b.events.Ledger, b.events.Zone, b.events.Stood = path, localZone(), st.Run.Suspended
	if ends == nil {
		b.tracker = progress.NewTracker(st)
		ends = b.tracker.Forecast()
	}
	b.events.Ends = func() *report.ExpectedEnd {
		ends.Look(session.Now(), guessAtOnce)
		r := ends.Remaining(session.Now())
		return report.ExpectedEndOf(r.Likely, r.If)
	}
	if byMail(e.targets) {
		b.page = e.pageOf(c, path, nil)
	}
	b.dispatcher = notify.NewDispatcher(notify.Options{Targets: e.targets, Secret: []byte(os.Getenv(secretVariable)),
		UserAgent: "fleetup/" + versionString(),
		Lost: func(l notify.Loss) {
			log.Warn("notification not delivered", slog.String("target", l.Target.String()),
				slog.String("event", l.Event.ID), slog.String("kind", string(l.Event.Kind)), slog.String("why", l.Why))
		}})
	return b
}

// take tells what facts mean that the state has folded.
func (b *notifier) take(st *rollout.State, events []fleet.Event) {
	if b != nil {
		if b.state = st; b.tracker != nil {
			b.tracker.Apply(st, events)
		}
		b.tell(b.events.Events(st, events))
	}
}

// carried says whether a process carries the run out.
func (b *notifier) carried(out bool) {
	if b != nil && b.tracker != nil {
		b.tracker.Carried(out)
	}
}

func (b *notifier) tell(events []notify.Event) {
	for _, e := range events {
		if b.page != nil && e.Kind.Last() {
			e = e.WithReport(b.page(b.state))
		}
		b.dispatcher.Tell(e)
	}
}

// byMail reports whether one of some targets is an e-mail.
func byMail(targets []notify.Target) bool {
	return slices.ContainsFunc(targets, func(t notify.Target) bool { return t.Format == notify.Mail })
}

// pageOf makes pages of a run, in its own goroutine as far as its state is needed.
func (e *environment) pageOf(c *cli.Context, path string,
	told *report.TimelineBuilder) func(*rollout.State) func() ([]byte, error) {
	o := e.sharedOptions(c, path)
	o.Format, o.Width = formatHTML, 0
	return func(st *rollout.State) func() ([]byte, error) {
		v := report.FromState(st, report.ViewOptions{Live: true, Now: session.Now(), Timeline: told})
		return func() ([]byte, error) {
			var b bytes.Buffer
			err := web.WriteReport(&b, v, o)
			return b.Bytes(), err
		}
	}
}

// end delivers what is still to be told, for a few seconds at most, and says
// what could not be.
func (b *notifier) end(err error) {
	if b == nil {
		return
	}
	if err != nil {
		b.dispatcher.Tell(b.events.Broken(b.state, session.Now(),
			errors.New(lexicon.Clean(failure.Cause(err).Error()))))
	}
	patience := lastWords
	if b.page != nil {
		patience = lastMail
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	losses, more := b.dispatcher.Close(ctx)
	for _, l := range losses {
		b.say("Not delivered: %s.", l)
	}
	if more > 0 {
		b.say("Not delivered: %s before those.", words.Count(more, "notification"))
	}
	if len(losses) > 0 {
		b.say("That changes nothing about the run.")
	}
}
