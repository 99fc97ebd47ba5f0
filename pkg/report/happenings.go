package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// RunWords puts a fact about the run or a wave into words, after the state has
// folded it: what it is in one word, empty for a fact that nobody is told, and
// the rest. names are those of the vaults, and write writes the times.
func RunWords(st *rollout.State, names []string, e fleet.Event, write func(time.Time) string) (what, text string) {
	switch f := e.Fact.(type) {
	case fleet.RunOpened:
		return "run", fmt.Sprintf("%s opened, plan %s, %s", f.RunID, lexicon.ElideHash(f.PlanFingerprint),
			lexicon.Vaults(st.Totals.All()))
	case fleet.Resumed:
		flying := lexicon.Selected(st, func(i int) bool { return st.Vaults[i].InFlight() })
		if len(flying) == 0 {
			return "resumed", fmt.Sprintf("run %s: nothing is in flight or in doubt", st.Run.ID)
		}
		return "resumed", fmt.Sprintf("run %s: first it follows %s in flight or in doubt: %s", st.Run.ID,
			lexicon.Vaults(len(flying)), lexicon.SomeOf(names, flying))
	case fleet.WaveOpened:
		in := lexicon.WaveVaults(st, f.Wave, func(s fleet.Status) bool { return s != fleet.Excluded })
		if len(in) == 0 {
			return "wave", f.Wave + " opened: nothing to start in it"
		}
		return "wave", fmt.Sprintf("%s opened: %s: %s", f.Wave, lexicon.Vaults(len(in)), lexicon.SomeOf(names, in))
	case fleet.WaveDone:
		return "wave", f.Wave + " done: " + lexicon.WaveTally(st, names, f.Wave)
	case fleet.RunHalted:
		return "HALTED", lexicon.Halted(st.Plan, &f) + ": nothing more starts, what is in flight is followed"
	case fleet.Approved:
		return "approved", fmt.Sprintf("the gate %s wave %s, by %s: %s", f.When, f.Wave, f.By.User, f.Reason)
	case fleet.GateOpened:
		return "gate", fmt.Sprintf("%s wave %s %s", f.When, f.Wave, lexicon.GateWords(f))
	case fleet.FailuresAccepted:
		return "accepted", fmt.Sprintf("the failures so far, by %s: %s", f.By.User, f.Reason)
	case fleet.RunSuspended:
		return "suspended", fmt.Sprintf("%s: resumable, exit %d",
			suspendedFor(&f), f.Code)
	case fleet.RunClosed:
		if n := st.NeverStarted(); n > 0 {
			return "closed", fmt.Sprintf("by %s: %s: %s: exit %d", st.Run.Stopped.By.User, lexicon.NeverStarted(n),
				outcomeTally(st), f.Code)
		}
		return "finished", fmt.Sprintf("%s: exit %d",
			outcomeTally(st), f.Code)
	case fleet.RunOrder:
		w, _ := lexicon.OperatorActionOf(f)
		if p, ok := f.(fleet.Paused); ok && p.Off {
			w.Kind = "continued"
		}
		return w.Kind, fmt.Sprintf("%s, by %s: %s", w.Text, w.By.User, w.Reason)
	case fleet.AccessDenied:
		return "access", lexicon.AccessWords(st.Plan, f)
	case fleet.Throttled:
		return "throttled", fmt.Sprintf("subscription %s is throttled until %s",
			lexicon.SubscriptionIn(st.Plan, f.Subscription), write(f.Until))
	}
	return "", ""
}

// VaultWords puts a vault's change into words, after the state has folded it:
// what became of it in one word, empty where that matters to nobody who watches,
// and what more there is to say of it, empty for nothing.
func VaultWords(st *rollout.State, at time.Time, ch StatusChange) (what, why string) {
	v, w := &st.Vaults[ch.Vault], lexicon.WordingOf(st.Plan.Kind)
	if ch.Overdue {
		return "OVERDUE", "under way for " + lexicon.Span(at.Sub(v.StartedAt)) + ", still followed"
	}
	if ch.Reading {
		if v.Reading == nil {
			return "", ""
		}
		return "read", v.Reading.String()
	}
	switch ch.To {
	case fleet.Upgrading:
		switch {
		case v.Foreign:
			return "foreign", w.Theirs() + " is under way, it is followed"
		case ch.From == fleet.Unknown:
			return "found", "its start had been accepted"
		}
		return "started", ""
	case fleet.Upgraded:
		return w.Done, ""
	case fleet.Failed:
		return "FAILED", lexicon.Or(v.Reason, "no reason given")
	case fleet.Unknown:
		if v.Final {
			return "UNKNOWN", lexicon.Or(v.Reason, "for good")
		}
		return "unknown", lexicon.Or(v.Reason, "is being read")
	case fleet.Blocked:
		return "blocked", coded(v)
	case fleet.Busy:
		return "busy", "tried again later: " + lexicon.Or(v.Reason, "something else is under way on it")
	case fleet.Already:
		return "already", lexicon.Or(v.Reason, pastOf(v.Earlier, st.Meanwhile(ch.Vault), w))
	case fleet.Ready:
		if ch.From == fleet.Starting || ch.From == fleet.Unknown {
			return "returned", lexicon.Or(v.Reason, "not started")
		}
	case fleet.Excluded:
		return "held", strings.TrimPrefix(v.Reason, "held ") // by whom and why: the word stands before it
	case fleet.Pending:
		if ch.From == fleet.Excluded {
			return "released", strings.TrimPrefix(v.Reason, "released ")
		}
		return "reopened", v.Reason
	}
	return "", ""
}

// StatusChange is a vault that took another status.
type StatusChange struct {
	Event    int // index of the fact that did it
	Vault    int // index into Plan.Vaults
	From, To fleet.Status
	Overdue  bool // it became overdue; From and To may be the same
	Reading  bool // something new was read of it, which changes nothing
}

// ChangeOf is what a fact about a vault, which the state has folded, made of it;
// ok is false when that is nothing that shows.
func ChangeOf(st *rollout.State, i int, from fleet.Status, f fleet.VaultFact) (c StatusChange, ok bool) {
	v := &st.Vaults[i]
	d, _ := f.(fleet.DeadlinePassed)
	c = StatusChange{Vault: i, From: from, To: v.Status,
		Overdue: d.Deadline == fleet.DeadlineOverdue && v.Status == fleet.Upgrading}
	_, c.Reading = f.(fleet.Inspected)
	forGood := d.Deadline == fleet.DeadlineReconcile // unknown before and after, but now for good
	return c, c.From != c.To || c.Overdue || c.Reading || forGood
}

// Happening is something that a run went through: a fact about the run, or what
// became of vaults, where several in a row have the same to say.
type Happening struct {
	At     time.Time // of the first of several
	Until  time.Time // of the last of them
	What   string    // in one word
	Text   string    // more of it; times as machines write them
	Vaults []int     // the first ones, as indexes into the plan's vaults
	More   int       // how many there are besides
}

// RecentHappenings is what happened last, the newest last: what the live view tells of
// the past. The zero value is ready.
type RecentHappenings struct{ List []Happening }

// How many happenings are kept, how many vaults of one, and for how long vaults
// with the same to say are told together.
const (
	keptHappenings = 24
	keptVaults     = 12
	together       = time.Minute
)

// Run takes in a fact about the run, if it is one that people are told.
func (r *RecentHappenings) Run(st *rollout.State, names []string, e fleet.Event) {
	if what, words := RunWords(st, names, e,
		func(t time.Time) string { return t.UTC().Format(time.RFC3339) }); what != "" {
		r.add(Happening{At: e.At, What: what, Text: words})
	}
}

// Vault takes in what became of a vault.
func (r *RecentHappenings) Vault(st *rollout.State, at time.Time, ch StatusChange) {
	what, why := VaultWords(st, at, ch)
	if what == "" {
		return
	}
	if n := len(r.List); n > 0 {
		last := &r.List[n-1]
		if len(last.Vaults) > 0 && last.What == what && last.Text == why && at.Sub(last.Until) < together {
			last.Until = at
			if len(last.Vaults) < keptVaults {
				last.Vaults = append(last.Vaults, ch.Vault)
			} else {
				last.More++
			}
			return
		}
	}
	r.add(Happening{At: at, What: what, Text: why, Vaults: []int{ch.Vault}})
}

func (r *RecentHappenings) add(h Happening) {
	h.Until = h.At
	if r.List = append(r.List, h); len(r.List) > keptHappenings {
		r.List = slices.Delete(r.List, 0, 1)
	}
}

func (r *RecentHappenings) Clone() RecentHappenings {
	list := slices.Clone(r.List)
	for i := range list {
		list[i].Vaults = slices.Clone(list[i].Vaults)
	}
	return RecentHappenings{list}
}

// coded is a vault's reason behind the code of the finding that gave it: a message
// may say little alone, such as how many machines a check names.
func coded(v *rollout.VaultState) string {
	for _, f := range v.Findings {
		if f.Code != "" && f.Message == v.Reason {
			return f.Code + ": " + v.Reason
		}
	}
	return lexicon.Or(v.Reason, "no reason given")
}

// outcomeTally counts the vaults of a run that is over.
func outcomeTally(st *rollout.State) string {
	return lexicon.WordingOf(st.Plan.Kind).TallyOfRun(standing.Counts(st, &st.Totals, true),
		standing.AlreadyBy(st, &st.Totals, true))
}
