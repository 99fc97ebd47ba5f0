package progress

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Stream writes the progress of a run as JSON Lines (docs/progress.md): a head
// with the schema's version, then an object for each change and each fact about
// the run, and heartbeats. Keys may be added, none is renamed or removed; what
// does not apply is left out.
type Stream struct {
	w io.Writer
	t *Tracker

	mu     sync.Mutex
	waited string // what was said last that the run waits for
}

// The types of the lines.
const (
	lineBegin     = "begin"
	lineVault     = "vault"
	lineHeartbeat = "heartbeat"
	lineMessage   = "message"
	lineWaiting   = "waiting"
)

// NewStream begins a stream with its head.
func NewStream(w io.Writer, st *rollout.State, now time.Time) (*Stream, error) {
	s := &Stream{w: w, t: NewTracker(st)}
	head := streamHead{SchemaVersion: report.SchemaVersion, Type: lineBegin, At: report.TimeOrNull(now),
		RunID: st.Run.ID, PlanFingerprint: lexicon.Or(st.Run.Fingerprint, st.Plan.Fingerprint),
		Inventory: st.Plan.Inventory, StartedAt: report.TimeOrNull(st.Run.OpenedAt), Vaults: len(st.Vaults),
		Waves: []string{}, Totals: standing.Counts(st, &st.Totals, true)}
	for i := range st.Waves {
		head.Waves = append(head.Waves, st.Waves[i].Name)
	}
	return s, s.write(head)
}

// Tracker is what the stream follows the run with.
func (s *Stream) Tracker() *Tracker { return s.t }

type streamHead struct {
	SchemaVersion   int                  `json:"schemaVersion"`
	Type            string               `json:"type"`
	At              *report.Time         `json:"at"`
	RunID           string               `json:"runId"`
	PlanFingerprint string               `json:"planFingerprint"`
	Inventory       string               `json:"inventory,omitempty"`
	StartedAt       *report.Time         `json:"startedAt,omitempty"`
	Vaults          int                  `json:"vaults"`
	Waves           []string             `json:"waves"`
	Totals          map[fleet.Status]int `json:"totals"`
}

// streamLine is a change or a fact.
type streamLine struct {
	Type string       `json:"type"`
	At   *report.Time `json:"at"`

	Vault          string       `json:"vault,omitempty"` // as commands name it
	SubscriptionID string       `json:"subscriptionId,omitempty"`
	Wave           string       `json:"wave,omitempty"`
	Status         fleet.Status `json:"status,omitempty"`
	From           fleet.Status `json:"from,omitempty"` // the status before
	OperationID    string       `json:"operationId,omitempty"`
	Attempt        int          `json:"attempt,omitempty"`
	Overdue        bool         `json:"overdue,omitempty"`
	Foreign        bool         `json:"foreign,omitempty"`
	Final          bool         `json:"final,omitempty"` // unknown for good

	When     string       `json:"when,omitempty"` // the side of the wave that a gate is on
	By       string       `json:"by,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Off      bool         `json:"off,omitempty"`   // a pause is over; a subscription can be read again
	Close    bool         `json:"close,omitempty"` // a stop closes the run
	Until    *report.Time `json:"until,omitempty"`
	ExitCode *int         `json:"exitCode,omitempty"`

	NeverStarted int `json:"neverStarted,omitempty"` // vaults that a closed run leaves to the next one

	Totals map[fleet.Status]int `json:"totals,omitempty"`
	Text   string               `json:"text,omitempty"`
	Waits  []report.Wait        `json:"waits,omitempty"`
}

// heartbeatLine is where the run stands.
type heartbeatLine struct {
	Type       string               `json:"type"`
	At         *report.Time         `json:"at"`
	Standing   string               `json:"standing"` // RUNNING, WAITING, PAUSED, CLOSING…
	Totals     map[fleet.Status]int `json:"totals"`
	InFlight   int                  `json:"inFlight"`
	NotOurs    int                  `json:"notOurs,omitempty"` // followed besides
	Overdue    int                  `json:"overdue"`
	BeyondP90  int                  `json:"beyondP90"`
	Throttled  int                  `json:"throttled"`  // subscriptions
	NeedPerson int                  `json:"needPerson"` // vaults
	Budget     report.Budget        `json:"budget"`
	Next       string               `json:"next,omitempty"`
	Waits      []report.Wait        `json:"waits,omitempty"` // what it waits for, as run.waits of a status
	EndsP50    *report.Time         `json:"endsP50,omitempty"`
	EndsP90    *report.Time         `json:"endsP90,omitempty"`
}

// write writes a line at once, so that lines of several goroutines do not mix.
func (s *Stream) write(v any) error {
	data, err := layout.Encode(v, "", "")
	if err != nil {
		return err
	}
	_, err = s.w.Write(data)
	return err
}

// Events writes what the facts say and changed, after the state has folded
// them. Call it from the goroutine that owns the state.
func (s *Stream) Events(st *rollout.State, events []fleet.Event) error {
	changes := s.t.Apply(st, events)
	for n, e := range events {
		if l, ok := runLine(st, e); ok {
			if err := s.write(l); err != nil {
				return err
			}
		}
		for ; len(changes) > 0 && changes[0].Event == n; changes = changes[1:] {
			if err := s.write(s.vaultLine(st, e, changes[0])); err != nil {
				return err
			}
		}
	}
	if len(events) == 0 {
		return nil
	}
	return s.Waiting(events[len(events)-1].At)
}

// Waiting writes what the run waits for, if that is not what was written last.
// Call it every second, from any goroutine.
func (s *Stream) Waiting(now time.Time) error {
	s.t.mu.Lock()
	what, waits := s.t.waitLine(now), s.t.commanded(now)
	s.t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if what == s.waited {
		return nil
	}
	if s.waited = what; what == "" {
		waits = nil
	}
	return s.write(streamLine{Type: lineWaiting, At: report.TimeOrNull(now), Waits: waits})
}

// runLine is a fact about the run or a wave.
func runLine(st *rollout.State, e fleet.Event) (l streamLine, ok bool) {
	l.At = report.TimeOrNull(e.At)
	waveTotals := func(name string) map[fleet.Status]int {
		for i := range st.Waves {
			if st.Waves[i].Name == name {
				return standing.Counts(st, &st.Waves[i].Totals, true)
			}
		}
		return nil
	}
	switch f := e.Fact.(type) {
	case fleet.RunOpened:
		l.Type, l.By = "opened", f.By.User
	case fleet.Resumed:
		l.Type, l.By, l.Reason = "resumed", f.By.User, f.Reason
	case fleet.WaveOpened:
		l.Type, l.Wave, l.Totals = "wave-opened", f.Wave, waveTotals(f.Wave)
	case fleet.WaveDone:
		l.Type, l.Wave, l.Totals = "wave-done", f.Wave, waveTotals(f.Wave)
	case fleet.RunHalted:
		l.Type, l.Reason = "halted", lexicon.Halted(st.Plan, &f)
	case fleet.Approved:
		l.Type, l.Wave, l.When, l.By, l.Reason, l.Until = "approved", f.Wave, f.When, f.By.User, f.Reason,
			report.TimeOrNull(f.ExpiresAt)
	case fleet.GateOpened:
		l.Type, l.Wave, l.When = "gate-opened", f.Wave, f.When
		if f.Needless {
			l.Text = lexicon.GateWords(f)
		}
	case fleet.FailuresAccepted:
		l.Type, l.By, l.Reason = "failures-accepted", f.By.User, f.Reason
	case fleet.RunSuspended:
		code := int(f.Code)
		l.Type, l.Text, l.Reason, l.ExitCode = "suspended", f.Why, report.SuspendedDetail(&f), &code
	case fleet.RunClosed:
		code := int(f.Code)
		l.Type, l.ExitCode, l.Totals = "finished", &code, standing.Counts(st, &st.Totals, true)
		if l.NeverStarted = st.NeverStarted(); l.NeverStarted > 0 {
			l.By, l.Reason = st.Run.Stopped.By.User, st.Run.Stopped.Reason
		}
	case fleet.Throttled:
		l.Type, l.SubscriptionID, l.Until = "throttled", f.Subscription, report.TimeOrNull(f.Until)
	case fleet.AccessDenied:
		l.Type, l.SubscriptionID, l.Reason, l.Off = "access", f.Subscription, f.Detail, f.Off
		l.Text = lexicon.AccessWords(st.Plan, f)
	case fleet.Paused:
		l.Type, l.By, l.Reason, l.Off = "paused", f.By.User, f.Reason, f.Off
	case fleet.Stopped:
		l.Type, l.By, l.Reason, l.Close = "stopped", f.By.User, f.Reason, f.Close
	case fleet.Noted:
		l.Type, l.By, l.Text = "note", f.By.User, f.Text
	case fleet.RunOrder:
		w, _ := lexicon.OperatorActionOf(f)
		l.Type, l.By, l.Reason, l.Text = w.Kind, w.By.User, w.Reason, w.Text
	default:
		return l, false
	}
	return l, true
}

func (s *Stream) vaultLine(st *rollout.State, e fleet.Event, ch report.StatusChange) streamLine {
	p, v := &st.Plan.Vaults[ch.Vault], &st.Vaults[ch.Vault]
	text := ""
	if ch.Reading && v.Reading != nil {
		text = v.Reading.String()
	}
	return streamLine{Type: lineVault, Text: text, At: report.TimeOrNull(e.At), Vault: s.t.names[ch.Vault],
		SubscriptionID: p.SubscriptionID,
		Wave:           st.Waves[p.Wave].Name, Status: ch.To, From: ch.From, OperationID: v.OperationID,
		Attempt: v.Attempt,
		Overdue: v.Overdue, Foreign: v.Foreign, Final: v.Final, Reason: v.Reason}
}

// Heartbeat writes where the run stands. It may be called from any goroutine.
func (s *Stream) Heartbeat(now time.Time) error { return s.write(s.t.beat(now)) }

func (t *Tracker) beat(now time.Time) heartbeatLine {
	t.mu.Lock()
	defer t.mu.Unlock()
	flying, ends := standing.CountFlights(t.flights(now)), t.remaining(now)
	budget := t.st.RunBudget()
	h := heartbeatLine{Type: lineHeartbeat, At: report.TimeOrNull(now), Totals: t.counts(), NeedPerson: len(t.needs),
		InFlight: flying.Ours, NotOurs: flying.Foreign, Overdue: flying.Overdue, BeyondP90: flying.BeyondP90,
		Throttled: t.throttled(now),
		Budget:    report.BudgetOf(budget), EndsP50: report.TimeOrNull(ends.P50), EndsP90: report.TimeOrNull(ends.P90)}
	h.Standing = strings.ToUpper(string(t.phase(now, flying.Ours)))
	if t.st.Run.Closed == nil && !t.st.Run.OpenedAt.IsZero() {
		h.Next, h.Waits = layout.AllowBreaks(t.next(now, flying.Ours)), t.commanded(now)
	}
	return h
}

// Message writes what the program says besides.
func (s *Stream) Message(now time.Time, text string) error {
	return s.write(streamLine{Type: lineMessage, At: report.TimeOrNull(now), Text: text})
}

// commanded is what the run waits for, with the commands. The caller holds the
// lock.
func (t *Tracker) commanded(now time.Time) []report.Wait {
	return report.WithCommands(t.waiting(now), t.Ledger)
}
