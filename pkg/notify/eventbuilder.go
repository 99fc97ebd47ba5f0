package notify

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// EventBuilder finds in the facts of a run what people are told. It is for one
// goroutine.
type EventBuilder struct {
	Ledger  string         // for the commands
	Reports []string       // the files the report is kept in
	Zone    *time.Location // of the times in sentences; nil: UTC

	seq uint64 // of the newest fact it has seen
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
	e := t.event(st, Started, st.Run.OpenedAt, fmt.Sprintf("The run has started: %s%s in %s.", what, count(n, "vault"), count(len(st.Waves), "wave")))
	e.Data.By = maybe(st.Run.By.User)
	e.Data.Next = t.next(st, true)
	return append([]Event{e}, t.gate(st, st.Run.OpenedAt)...)
}

// Events tells what the facts mean, after the state has folded them: they are
// the next of the journal, in its order. Most mean nothing to people outside.
func (t *EventBuilder) Events(st *rollout.State, events []fleet.Event) (out []Event) {
	for _, e := range events {
		t.seq++
		switch f := e.Fact.(type) {
		case fleet.Resumed:
			n := t.event(st, Resumed, e.At, fmt.Sprintf("The run goes on. In flight or in doubt, and read first: %s.", count(st.InFlight(), "upgrade")))
			n.Data.By, n.Data.Next = maybe(f.By.User), t.next(st, true)
			out = append(out, n)
		case fleet.WaveDone:
			out = append(out, t.waveDone(st, e.At, f))
			if w := st.CurrentWave(); w >= 0 && st.Waves[w].Name == f.Wave {
				out = append(out, t.gate(st, e.At)...)
			}
		case fleet.RunHalted:
			n := t.event(st, Halted, e.At, fmt.Sprintf("The run is halted: %s. Nothing more starts until a person accepts that; what is in flight is followed.", lexicon.Halted(st.Plan, &f)))
			n.Data.Next = t.next(st, st.InFlight() > 0)
			out = append(out, n)
		case fleet.Paused:
			out = append(out, t.paused(st, e.At, f))
		case fleet.RunSuspended:
			out = append(out, t.suspended(st, e.At, f))
		case fleet.RunClosed:
			n := t.event(st, Finished, e.At, "The run is finished: "+tally(&st.Totals)+".")
			n.Data.ends(f.Code)
			n.Data.Next = t.next(st, false)
			out = append(out, n)
		}
	}
	return out
}

// Broken tells of a process that could not go on, for a reason that is in no
// journal.
func (t *EventBuilder) Broken(st *rollout.State, at time.Time, err error) Event {
	e := t.event(st, Interrupted, at, "The process cannot go on: "+err.Error()+". Nothing more is sent; what is in flight goes on in the cloud.")
	e.ID += "-broken"
	e.Data.ends(fleet.ExitInternal)
	e.Data.Next = t.next(st, false)
	return e
}

func (t *EventBuilder) waveDone(st *rollout.State, at time.Time, f fleet.WaveDone) Event {
	var totals *rollout.Totals
	soak := ""
	for i := range st.Waves {
		if st.Waves[i].Name == f.Wave {
			totals = &st.Waves[i].Totals
			if until := st.SoaksUntil(i); until.After(at) {
				soak = fmt.Sprintf(" It soaks until %s.", t.clock(until))
			}
		}
	}
	e := t.event(st, WaveFinished, at, fmt.Sprintf("Wave %s is done: %s.%s", f.Wave, tally(totals), soak))
	e.Subject, e.Data.Wave = f.Wave, &f.Wave
	e.Data.Next = t.next(st, true)
	return e
}

// gate tells of an approval that the run now needs.
func (t *EventBuilder) gate(st *rollout.State, at time.Time) []Event {
	w, when, ok := st.NextGate()
	if !ok || st.Run.Halt != nil || st.Run.Stopped != nil {
		return nil
	}
	g := st.Waves[w].After
	if when == fleet.GateBefore {
		g = st.Waves[w].Before
	}
	if g.Approved != nil {
		return nil
	}
	name := st.Waves[w].Name
	e := t.event(st, ApprovalNeeded, at, fmt.Sprintf("The run needs an approval %s wave %s.", when, name))
	if by := st.Plan.Waves[w].Approval; by != nil && by.NotBy != "" {
		e.Data.Sentence += fmt.Sprintf(" Somebody other than %s must give it.", st.Run.By.User)
	}
	e.ID += "-approval"
	e.Subject, e.Data.Wave = name, &name
	e.Data.Next = t.command(report.ApproveArgs(name)...)
	return []Event{e}
}

func (t *EventBuilder) paused(st *rollout.State, at time.Time, f fleet.Paused) Event {
	kind, say := Paused, "The run is paused: nothing new starts, what is in flight is followed."
	if f.Off {
		kind, say = Continued, "The pause is over."
	}
	e := t.event(st, kind, at, say)
	e.Data.By, e.Data.Reason, e.Data.Next = maybe(f.By.User), maybe(f.Reason), t.next(st, true)
	return e
}

func (t *EventBuilder) suspended(st *rollout.State, at time.Time, f fleet.RunSuspended) Event {
	kind, say := Interrupted, "The process has stopped in good order."
	switch f.Why {
	case fleet.SuspendedWait:
		kind, say = Waiting, "The process has left and the run waits."
	case fleet.SuspendedSignIn:
		say = "The process has stopped: not signed in, or no permission."
	case fleet.SuspendedPause:
		kind, say = Waiting, "The process has left, because the run is paused."
	}
	if n := st.InFlight(); n > 0 {
		say += fmt.Sprintf(" %s in flight or in doubt: the cloud goes on, and a resume follows.", count(n, "upgrade"))
	}
	e := t.event(st, kind, at, say)
	e.Data.Reason = maybe(report.SuspendedDetail(&f))
	e.Data.ends(f.Code)
	e.Data.Next = t.next(st, false)
	return e
}

var titles = map[Kind]string{Started: "Run started", Resumed: "Run resumed", WaveFinished: "Wave finished", ApprovalNeeded: "Approval needed",
	Halted: "RUN HALTED", Paused: "Run paused", Continued: "Pause over", Waiting: "Run waits", Interrupted: "Run interrupted", Finished: "Run finished"}

// event is a notification of how the run stands now.
func (t *EventBuilder) event(st *rollout.State, k Kind, at time.Time, sentence string) Event {
	b := st.RunBudget()
	d := Data{SchemaVersion: 1, RunID: st.Run.ID, PlanFingerprint: st.Plan.Fingerprint, UpgradeKind: string(st.Plan.Kind), Title: titles[k], Sentence: sentence,
		Vaults: st.Totals.All(), Totals: totals(&st.Totals), Waves: []Wave{}, Budget: Budget{b.Failed, b.Limit}, Reports: []string{}}
	if st.Plan.Inventory != "" {
		d.Inventory = maybe(filepath.Base(st.Plan.Inventory))
	}
	d.Reports = append(d.Reports, t.Reports...)
	if !st.Run.OpenedAt.IsZero() {
		opened := st.Run.OpenedAt.UTC()
		d.StartedAt = &opened
	}
	for i := range st.Waves {
		w := &st.Waves[i]
		d.Waves = append(d.Waves, Wave{w.Name, !w.DoneAt.IsZero(), totals(&w.Totals)})
	}
	return Event{ID: fmt.Sprintf("%s/%d", st.Run.ID, t.seq), Kind: k, At: at.UTC(), Subject: "run", Data: d}
}

func (d *Data) ends(code fleet.ExitCode) {
	n, name := int(code), code.Name()
	d.ExitCode, d.Verdict = &n, &name
}

// next is what to type next, as every view has it.
func (t *EventBuilder) next(st *rollout.State, live bool) *string {
	return maybe(report.NextSteps(st, live, st.Run.LastAt)[0].On(t.Ledger))
}

func (t *EventBuilder) command(args ...string) *string {
	return maybe(report.Step{Args: args}.On(t.Ledger))
}

func (t *EventBuilder) clock(at time.Time) string {
	zone := t.Zone
	if zone == nil {
		zone = time.UTC
	}
	return at.In(zone).Format("Mon 15:04 MST")
}

func totals(t *rollout.Totals) map[fleet.Status]int {
	m := map[fleet.Status]int{}
	for _, s := range fleet.Statuses() {
		if n := t.Of(s); n > 0 {
			m[s] = n
		}
	}
	return m
}

// tally lists totals in words.
func tally(t *rollout.Totals) string {
	var parts []string
	for _, s := range fleet.Statuses() {
		if t != nil && t.Of(s) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", t.Of(s), lexicon.StatusWord(s)))
		}
	}
	if len(parts) == 0 {
		return "no vault"
	}
	return strings.Join(parts, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func maybe(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
