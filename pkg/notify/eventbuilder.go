package notify

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// EventBuilder finds in the facts of a run what people are told. It is for one
// goroutine.
type EventBuilder struct {
	Ledger  string         // for the commands
	Reports []string       // the files the report is kept in
	Zone    *time.Location // of the times in sentences; nil: UTC

	// Ends, where set, is when the run is expected to end, as far as is known when it is
	// asked. It is called once for each notification, from a goroutine of the dispatcher's.
	Ends func() *report.ExpectedEnd

	// Stood is how the last process has left the run, so that a resume which finds nothing else
	// is not told; nil: it has not, or nobody knows. Set it before the first fact.
	Stood *fleet.RunSuspended

	seq   uint64   // of the newest fact it has seen
	asked string   // the gate for which an approval was last asked
	again *resumed // a resume of a run that waited, and of which nothing has come yet
}

// resumed is a resume that is not told yet.
type resumed struct {
	seq uint64
	at  time.Time
	by  fleet.Actor
}

// NewEventBuilder returns one of a run whose journal ends at a sequence number.
func NewEventBuilder(seq uint64) *EventBuilder { return &EventBuilder{seq: seq} }

// Begun tells of a run that has just been opened: its RunOpened is the
// journal's end.
func (t *EventBuilder) Begun(st *rollout.State) []Event {
	n := st.Totals.All() - st.Totals.Of(fleet.Excluded)
	what := ""
	if st.Plan.Upgrade != nil {
		what = lexicon.KindWords(st.Plan.Kind) + " for "
	}
	e := t.event(st, Started, st.Run.OpenedAt, true, fmt.Sprintf("The run has started: %s%s in %s.", what,
		count(n, "vault"), count(len(st.Waves), "wave")))
	e.Data.By = report.StringOrNull(st.Run.By.User)
	return append([]Event{e}, t.gate(st, st.Run.OpenedAt)...)
}

// Events tells what the facts mean, after the state has folded them: they are
// the next of the journal, in its order. Most mean nothing to people outside.
func (t *EventBuilder) Events(st *rollout.State, events []fleet.Event) (out []Event) {
	for _, e := range events {
		t.seq++
		told, same := t.resumes(st, e)
		if out = append(out, told...); same {
			continue
		}
		switch f := e.Fact.(type) {
		case fleet.WaveDone:
			out = append(out, t.waveDone(st, e.At, f))
			if w := st.CurrentWave(); w >= 0 && st.Waves[w].Name == f.Wave {
				t.asked = ""
				out = append(out, t.gate(st, e.At)...)
			}
		case fleet.Validated, fleet.AccessDenied:
			// The checks at the gate before a wave that was left done show that it needs a person,
			// or cannot go on.
			if w, when, ok := st.NextGate(); ok && when == fleet.GateBefore && st.LeftDone(w) {
				out = append(out, t.gate(st, e.At)...)
			}
		case fleet.RunHalted:
			n := t.event(st, Halted, e.At, st.InFlight() > 0,
				fmt.Sprintf("The run is halted: %s. Nothing more starts until a person accepts that; what is in "+
					"flight is followed.", lexicon.Halted(st.Plan, &f)))
			out = append(out, n)
		case fleet.Paused:
			out = append(out, t.paused(st, e.At, f))
		case fleet.RunSuspended:
			out = append(out, t.suspended(st, e.At, f))
		case fleet.RunClosed:
			n := t.event(st, Finished, e.At, false,
				"The run is finished: "+tally(st, &st.Totals)+".")
			if left := st.NeverStarted(); left > 0 {
				stop := st.Run.Stopped
				n.Data.Title, n.Data.NeverStarted = "Run closed", left
				n.Data.Sentence = fmt.Sprintf("%s has closed the run, %s: %s.", stop.By.User,
					lexicon.NeverStarted(left), tally(st, &st.Totals))
				n.Data.By, n.Data.Reason = report.StringOrNull(stop.By.User), report.StringOrNull(stop.Reason)
			}
			n.Data.ends(f.Code)
			out = append(out, n)
		}
	}
	return out
}

// resumes tells of a resume. One of a run that had been left to wait is told once the run
// has done something, and with the rest of what that means: who resumes it every few
// minutes to see whether it may go on would else be told of the same wait each time.
// same says that the process has left again for the wait that was told before.
func (t *EventBuilder) resumes(st *rollout.State, e fleet.Event) (told []Event, same bool) {
	was := t.Stood
	switch f := e.Fact.(type) {
	case fleet.Resumed:
		t.again = &resumed{t.seq, e.At, f.By}
		if was == nil || was.Why != fleet.SuspendedWait && was.Why != fleet.SuspendedPause {
			return t.goesOn(st), false
		}
		if was.Gate != "" {
			t.asked = was.Gate + was.Wave
		}
		return nil, false
	case fleet.Validated: // the reading that a resume begins with
		return nil, false
	case fleet.RunSuspended:
		if t.again != nil && sameWait(was, &f) {
			t.again, t.Stood = nil, &f
			return nil, true
		}
		told, t.Stood = t.goesOn(st), &f
		return told, false
	}
	return t.goesOn(st), false
}

func sameWait(a, b *fleet.RunSuspended) bool {
	return a.Why == b.Why && a.Gate == b.Gate && a.Wave == b.Wave && a.Until.Equal(b.Until) && a.By == b.By &&
		a.Reason == b.Reason
}

// goesOn tells of the resume that was not told yet, where there is one.
func (t *EventBuilder) goesOn(st *rollout.State) []Event {
	r := t.again
	if r == nil {
		return nil
	}
	t.again, t.Stood = nil, nil
	e := t.event(st, Resumed, r.at, true, fmt.Sprintf("The run goes on. In flight or in doubt, and read first: %s.",
		words(st).Flights(st.InFlight())))
	e.ID = eventID(st, r.seq)
	e.Data.By = report.StringOrNull(r.by.User)
	return []Event{e}
}

// Broken tells of a process that could not go on, for a reason that is in no
// journal.
func (t *EventBuilder) Broken(st *rollout.State, at time.Time, err error) Event {
	e := t.event(st, Interrupted, at, false,
		"The process cannot go on: "+err.Error()+". Nothing more is sent; what is in flight goes on in the cloud.")
	e.ID += "-broken"
	t.again, t.Stood = nil, nil // whatever comes now is told
	e.Data.ends(fleet.ExitInternal)
	return e
}

// Left tells of a process that is gone without a word. Only who watches it from outside
// can; a journal says nothing of it. Nobody knows with which code the process went, so
// that the exit code is the run's, as fleetup status --exit-code and runs have it; of a run
// that an engine may go on with there is none.
func (t *EventBuilder) Left(st *rollout.State, at time.Time) Event {
	say := "No process carries the run out any more: it crashed or was killed."
	if n := st.InFlight(); n > 0 {
		say += fmt.Sprintf(" %s in flight or in doubt: the cloud goes on, and a resume follows.", words(st).Flights(n))
	}
	if st.Elsewhere() && !st.LeftHalted() {
		say = "No worker keeps the run's ledger any more: fleetup-temporal may go on with the run, and nothing of " +
			"that is seen here."
	}
	e := t.event(st, Interrupted, at, false, say)
	e.ID += "-left"
	t.again, t.Stood = nil, nil // whatever comes now is told
	if !st.Elsewhere() {
		e.Data.ends(st.Verdict())
	}
	return e
}

func (t *EventBuilder) waveDone(st *rollout.State, at time.Time, f fleet.WaveDone) Event {
	var totals *rollout.Totals
	comes := ""
	for i := range st.Waves {
		if st.Waves[i].Name == f.Wave {
			totals = &st.Waves[i].Totals
			if until := standing.SoaksUntil(st, i, at); !until.IsZero() {
				comes = fmt.Sprintf(" It soaks until %s.", t.clock(until))
			}
			if i+1 < len(st.Waves) {
				if date := standing.DateOf(st, i+1, at); !date.IsZero() {
					comes += fmt.Sprintf(" Wave %s opens not before %s.", st.Waves[i+1].Name, t.clock(date))
				}
			}
		}
	}
	e := t.event(st, WaveFinished, at, true,
		fmt.Sprintf("Wave %s is done: %s.%s", f.Wave, tally(st, totals), comes))
	e.Subject, e.Data.Wave = f.Wave, &f.Wave
	return e
}

// gate tells of an approval that the run now needs, once.
func (t *EventBuilder) gate(st *rollout.State, at time.Time) []Event {
	g := standing.GateToApprove(st, at)
	if g == nil {
		return nil
	}
	if g.When+g.Wave == t.asked {
		return nil
	}
	t.asked = g.When + g.Wave
	e := t.event(st, ApprovalNeeded, at, true, fmt.Sprintf("The run needs an approval %s wave %s.", g.When, g.Wave))
	if g.NotBy != "" {
		e.Data.Sentence += fmt.Sprintf(" Somebody other than %s must give it.", g.NotBy)
	}
	e.ID += "-approval"
	e.Subject, e.Data.Wave = g.Wave, &g.Wave
	e.Data.Next = report.StringOrNull(report.OnLedger(t.Ledger, g.Ends()...))
	return []Event{e}
}

func (t *EventBuilder) paused(st *rollout.State, at time.Time, f fleet.Paused) Event {
	kind, say := Paused, "The run is paused: nothing new starts, what is in flight is followed."
	if f.Off {
		kind, say = Continued, "The pause is over."
	}
	e := t.event(st, kind, at, true, say)
	e.Data.By, e.Data.Reason = report.StringOrNull(f.By.User), report.StringOrNull(f.Reason)
	return e
}

func (t *EventBuilder) suspended(st *rollout.State, at time.Time, f fleet.RunSuspended) Event {
	kind, say := Interrupted, "The process has stopped in good order."
	switch f.Why {
	case fleet.SuspendedWait:
		kind, say = Waiting, "The process has left and the run waits for "+t.waitsFor(&f, at)+"."
	case fleet.SuspendedSignIn:
		say = "The process has stopped: not signed in, or no permission."
	case fleet.SuspendedPause:
		kind, say = Waiting, "The process has left, because the run is paused."
	}
	if n := st.InFlight(); n > 0 {
		say += fmt.Sprintf(" %s in flight or in doubt: the cloud goes on, and a resume follows.", words(st).Flights(n))
	}
	e := t.event(st, kind, at, false, say)
	e.Data.Reason = report.StringOrNull(report.SuspendedDetail(&f))
	e.Data.ends(f.Code)
	return e
}

// waitsFor says what a run was left to wait for, and until when.
func (t *EventBuilder) waitsFor(f *fleet.RunSuspended, at time.Time) string {
	switch {
	case f.Gate != "":
		return "an approval " + f.Gate + " wave " + f.Wave + ", until a person gives it"
	case !f.Until.IsZero():
		return "the window that opens " + lexicon.ClockIn(t.Zone).Full(f.Until)
	}
	return "a window or an approval"
}

// eventID is the ID of a notification of a fact.
func eventID(st *rollout.State, seq uint64) string { return fmt.Sprintf("%s/%d", st.Run.ID, seq) }

var titles = map[Kind]string{Started: "Run started", Resumed: "Run resumed", WaveFinished: "Wave done",
	ApprovalNeeded: "Approval needed",
	Halted:         "RUN HALTED", Paused: "Run paused", Continued: "Pause over", Waiting: "Run waits",
	Interrupted: "Run interrupted", Finished: "Run finished"}

// event is a notification of how the run stands now; live: a process carries it out.
func (t *EventBuilder) event(st *rollout.State, k Kind, at time.Time, live bool, sentence string) Event {
	b, carried := st.RunBudget(), live
	live = live && st.Run.Suspended == nil // it may have left with the fact that is told
	tasks := standing.Tasks(st, standing.TaskOptions{Live: live, Now: at, Vaults: standing.EveryVault(st)})
	d := Data{SchemaVersion: 1, RunID: st.Run.ID, PlanFingerprint: st.Plan.Fingerprint,
		UpgradeKind: string(st.Plan.Kind), Direction: st.Plan.Kind.Direction(), Title: titles[k], Sentence: sentence,
		Phase: standing.PhaseOf(st, live, at), InFlight: st.InFlight(), NeedPerson: len(standing.ForPerson(tasks)),
		Vaults: st.Totals.All(), Totals: standing.Counts(st, &st.Totals, carried), Waves: []Wave{},
		Budget: Budget{b.Failed, b.Limit}, Reports: []string{},
		Next: report.StringOrNull(report.OnLedger(t.Ledger, standing.Next(st, live, at)[0].Args...))}
	if st.Plan.Inventory != "" {
		d.Inventory = report.StringOrNull(filepath.Base(st.Plan.Inventory))
	}
	d.Reports = append(d.Reports, t.Reports...)
	if !st.Run.OpenedAt.IsZero() {
		opened := st.Run.OpenedAt.UTC()
		d.StartedAt = &opened
	}
	for i := range st.Waves {
		w := &st.Waves[i]
		d.Waves = append(d.Waves, Wave{w.Name, !w.DoneAt.IsZero(), standing.Counts(st, &w.Totals, carried)})
	}
	e := Event{ID: eventID(st, t.seq), Kind: k, At: at.UTC(), Subject: "run", Data: d, zone: t.Zone,
		already: standing.AlreadyBy(st, &st.Totals, carried)}
	if t.Ends != nil {
		e.ends = sync.OnceValue(t.Ends)
	}
	return e
}

func (d *Data) ends(code fleet.ExitCode) {
	n, name := int(code), code.Name()
	d.ExitCode, d.Verdict = &n, &name
}

func (t *EventBuilder) clock(at time.Time) string {
	zone := t.Zone
	if zone == nil {
		zone = time.UTC
	}
	return at.In(zone).Format("Mon 15:04 MST")
}

// words are those of the run's kind.
func words(st *rollout.State) *lexicon.Wording { return lexicon.WordingOf(st.Plan.Kind) }

// tally lists totals in words.
func tally(st *rollout.State, t *rollout.Totals) string {
	if t == nil || t.All() == 0 {
		return "no vault"
	}
	return strings.ReplaceAll(words(st).TallyOfRun(standing.Counts(st, t, true), standing.AlreadyBy(st, t, true)),
		lexicon.Dot, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
