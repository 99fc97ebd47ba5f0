package report

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Options says how to write a view.
type Options struct {
	Format         layout.Format       // empty: the table
	Zone           *time.Location      // of the times people read; nil: UTC
	SupportAddress string              // empty: DefaultSupportAddress
	State          string              // the ledger's path, for the commands to paste; empty: left out
	Inventory      string              // the inventory's path, for the same; empty: as it was when the run began
	Emulated       *Emulated           // the cloud is the emulator; nil: it is not, or nobody knows
	Width          int                 // columns of the terminal that a table is for; 0: no terminal
	Along          func(string) string // adds to a command to paste what whoever asked has said; nil: nothing
	Watched        bool                // it is shown again whenever something changes: nobody is told to watch it
}

// along is a command to paste with what whoever asked has said.
func (o Options) along(command string) string {
	if o.Along == nil || command == "" {
		return command
	}
	return o.Along(command)
}

// inventory is the inventory of a run as commands name it, empty where there is
// none.
func (o Options) inventory(v *View) string { return lexicon.Or(o.Inventory, ValueOf(v.Run.Inventory)) }

// ledgerBeside is the ledger as an inventory in the run's inventory's folder names it,
// as the plan of the run has it; empty where the ledger is not known.
func (o Options) ledgerBeside(v *View) string {
	return lexicon.PathFrom(filepath.Dir(o.inventory(v)), o.State)
}

// Status writes where a run stands: waves, what is in flight, and the vaults
// that need a person, one line each. JSON, JSONL, CSV and JUnit are those of
// Report.
func Status(w io.Writer, v *View, o Options) error {
	v = v.emulated(o)
	if o.Watched {
		v.steps = unwatched(v.steps)
	}
	return v.printer(o, func() *layout.Page { return v.statusPage(o) }).Write(w, o.Format, o.Width)
}

// Report writes everything about a run: the verdict first, then what a person
// has to do next, then the rest.
func Report(w io.Writer, v *View, o Options) error {
	v = v.emulated(o)
	return v.printer(o, func() *layout.Page { return v.reportPage(o) }).Write(w, o.Format, o.Width)
}

// emulated is the view of a run on the emulator, where the options know of it.
func (v *View) emulated(o Options) *View {
	w := *v
	w.Run.Emulated = o.Emulated
	return &w
}

func (v *View) printer(o Options, p func() *layout.Page) layout.Printer {
	return layout.Printer{
		Page: p,
		JSON: func(w io.Writer) error { return layout.WriteJSON(w, v.Worded(o)) },
		Rows: func(yield func(any) bool) {
			for i := range v.Vaults {
				if !yield(line{SchemaVersion, v.Run.ID, &v.Vaults[i], v.Run.Direction}) {
					return
				}
			}
		},
		CSV: v.csv, JUnit: v.junit, Along: o.Along,
	}
}

// line is a vault as JSON Lines show it: each says which form it has and which
// run it is of, so that lines can be picked, split and put together.
type line struct {
	SchemaVersion int    `json:"schemaVersion"`
	RunID         string `json:"runId"`
	*Vault
	Direction fleet.Direction `json:"direction"` // which way the run took its vaults
}

func (v *View) statusPage(o Options) *layout.Page {
	p, c := &layout.Page{}, lexicon.ClockIn(o.Zone)
	p.Title("%s", v.heading(c))
	p.Line("%s", v.verdict(c))
	if s := v.selected(); s != "" {
		p.Line("%s", s)
	}
	if v.Overall.Earlier > 0 {
		p.Line("Overall %s.", v.Overall.Ledger(v.words()))
	}
	if v.Run.Later != nil {
		p.Line("%s", v.superseded())
	}
	v.figures(p, c)
	v.closing(p)
	v.access(p, c)
	v.throttled(p, c)
	v.waves(p, c)
	v.flights(p, c)
	need := v.needPerson()
	if len(need) > 0 {
		g := layout.Grid{Head: []string{"STATUS", "VAULT", "OPERATION", "WHY"}, Spare: []int{2}, Wrap: true}
		var blocked []*Vault
		for _, x := range need {
			if x.Status == fleet.Blocked {
				blocked = append(blocked, x)
				continue
			}
			g.Rows = append(g.Rows, []string{strings.ToUpper(string(x.Status)), x.Vault,
				lexicon.Or(ValueOf(x.OperationID), "-"), x.why()})
		}
		if head := "NEEDS A PERSON: " + lexicon.Vaults(len(need)); len(blocked) > 0 && len(g.Rows) > 0 {
			p.Section("%s, %s of them blocked", head, lexicon.Number(len(blocked)))
		} else {
			p.Section("%s", head)
		}
		p.Table(g)
		if len(blocked) > 0 {
			p.Pair("BLOCKED", "%s", v.blockedOf(blocked))
		}
	}
	if len(need) > 0 || len(v.takenUp()) > 0 {
		p.Command("Details", CommandOn(append(v.asked("report"), o.State)...))
	}
	v.next(p, o, true)
	return p.Zoned(c, v.Run.GeneratedAt.Value())
}

// ofOtherRuns counts the vaults that nobody has to do anything about by this run, because
// another one has them or will.
func (v *View) ofOtherRuns(note func(n int, what string)) {
	note(len(v.permitted()), "re-opened for the next run")
	note(v.blockedForNext(), "blocked for the next run")
	note(len(v.takenUp()), "in the plan of a later run")
}

// blockedForNext counts the vaults that are blocked and that the next run tries again by
// itself: nobody else counts them.
func (v *View) blockedForNext() int {
	mine := map[*Vault]bool{}
	for _, x := range v.needPerson() {
		mine[x] = true
	}
	comes := v.about(func(t *standing.Task) bool {
		return t.Status == fleet.Blocked && !t.Person && !t.Permitted && !t.TakenUp
	})
	return len(slices.DeleteFunc(comes, func(x *Vault) bool { return mine[x] }))
}

// blockedOf sums up the blocked vaults that need a person, and says so where the next
// run tries others again by itself: the tally counts them all.
func (v *View) blockedOf(need []*Vault) string {
	causes, all := CauseLine(CausesOf(need)), v.Totals[fleet.Blocked]
	if all == len(need) {
		return lexicon.Vaults(all) + ": " + causes
	}
	rest := "the other needs nobody: the next run tries it again"
	if n := all - len(need); n > 1 {
		rest = fmt.Sprintf("the other %s need nobody: the next run tries them again", lexicon.Number(n))
	}
	return fmt.Sprintf("%s of %s: %s; %s", lexicon.Number(len(need)), lexicon.Vaults(all), causes, rest)
}

// selected says of a view of some vaults which numbers are of them, and which of the
// whole run; empty of a view of all.
func (v *View) selected() string {
	if v.Selector == nil {
		return ""
	}
	return fmt.Sprintf("Only the vaults with %s. Budgets, times and ends are those of the whole run, its waves and "+
		"its subscriptions: "+
		"a budget in percent is of all their vaults.", *v.Selector)
}

// access says to which subscriptions access is missing, where the verdict does
// not: a part of the run waits for it, or the run was left for it.
func (v *View) access(p *layout.Page, c lexicon.Clock) {
	for i := range v.Run.Waits {
		w := &v.Run.Waits[i]
		if w.For != standing.WaitAccess || v.Run.Status == RunWaiting && !w.Meanwhile {
			continue
		}
		p.Pair("Waits for", "%s", w.words(c.NearBy(v.Run.GeneratedAt.Value())))
	}
	if w := v.waitsFor(standing.WaitAccess); w != nil && w.next != "" {
		p.Pair("Check with", "%s", layout.KeepTogether(w.next))
	}
}

// throttled names the subscriptions that are throttled, the longest first: the rest of
// the run may go on.
func (v *View) throttled(p *layout.Page, c lexicon.Clock) {
	var list []*Subscription
	for i := range v.Subscriptions {
		if s := &v.Subscriptions[i]; s.ThrottledUntil != nil {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b *Subscription) int { return b.ThrottledUntil.Compare(a.ThrottledUntil.Time) })
	var names []string
	for _, s := range list {
		names = append(names, lexicon.Or(s.Name, s.ID)+" until "+c.Near(s.ThrottledUntil.Time,
			v.Run.GeneratedAt.Value()))
	}
	if len(names) > 0 {
		p.Pair("Throttled", "%s", lexicon.Listed(names[:min(len(names), 5)], len(names)))
	}
}

// asked is a command that shows this run.
func (v *View) asked(name string) []string {
	if v.Run.Later != nil {
		return []string{name, "--run", v.Run.ID}
	}
	return []string{name}
}

// superseded says that a newer run came after this one.
func (v *View) superseded() string {
	return fmt.Sprintf("An earlier run of this ledger: run %s came after it, and what was left to do here may be done.",
		*v.Run.Later)
}

// heading says which run and which plan this is.
func (v *View) heading(c lexicon.Clock) string {
	return fmt.Sprintf("RUN %s%splan %s%s%s%stimes %s", v.Run.ID, lexicon.Dot, lexicon.ElideHash(v.Run.PlanFingerprint),
		lexicon.Dot, v.Run.Phase, lexicon.Dot, c)
}

// verdict says in one sentence how the run stands.
func (v *View) verdict(c lexicon.Clock) string {
	upgraded := v.Overall.Run(v.words())
	var rest []string
	note := func(n int, what string) {
		if n > 0 {
			rest = append(rest, lexicon.Number(n)+" "+what)
		}
	}
	flying := v.Flying().Ours
	lexicon.EachAlready(v.Totals[fleet.Already], v.AlreadyBy(), note)
	if n := len(v.needPerson()); n == 1 {
		note(n, "needs a person")
	} else {
		note(n, "need a person")
	}
	v.ofOtherRuns(note)
	note(flying, "in flight")
	note(v.Totals[fleet.Busy], "busy")
	if v.Run.Closed != nil {
		note(v.Run.Closed.NeverStarted, "never started")
	} else {
		note(v.Totals[fleet.Deferred], "deferred")
	}
	s := upgraded
	if len(rest) > 0 {
		s += "; " + strings.Join(rest, ", ")
	}
	s += "."
	switch v.Run.Status {
	case RunFinished:
		if c := v.Run.Closed; c != nil {
			return c.words("CLOSED", " by ") + ": " + s
		}
		return "FINISHED: " + s
	case RunHalted:
		return "HALTED: " + v.haltSentence() + " " + s
	case RunWaiting:
		return "WAITING for " + v.waiting(c) + ": " + s
	case RunPaused:
		return v.paused(c) + " " + s
	case RunInterrupted:
		s = "INTERRUPTED: " + s
		if v.Run.Closing {
			s = "INTERRUPTED WHILE CLOSING" + v.closingBy() + ": a resume closes the run when nothing is in flight. " +
				strings.TrimPrefix(s, "INTERRUPTED: ")
		}
		if sus := v.Run.Suspended; sus != nil && sus.Why == fleet.SuspendedSignIn {
			s += " A sign-in or permission is missing: " +
				lexicon.Sentence(lexicon.Or(ValueOf(sus.Detail), "the cloud refused"))
		}
		if flying > 0 {
			s += " What is in flight goes on in the cloud."
		}
		return s
	}
	switch v.Run.Phase {
	case standing.Halting:
		return "HALTING: " + v.haltSentence() + " What is in flight is followed to its end. " + s
	case standing.Closing:
		return "CLOSING" + v.closingBy() + ": nothing more starts, and the run is closed when nothing is in flight. " +
			s
	}
	return strings.ToUpper(string(v.Run.Phase)) + ": " + s
}

// paused says by whom the run is paused, and what it waits for besides.
func (v *View) paused(c lexicon.Clock) string {
	s, write, others := "PAUSED.", c.NearBy(v.Run.GeneratedAt.Value()), []Wait(nil)
	for _, w := range v.Run.Waits {
		if w.For != standing.WaitPause {
			others = append(others, w)
			continue
		}
		since := ""
		if w.Since != nil {
			since = write(w.Since.Value())
		}
		s = PausedWords(since, w.wait.By, w.wait.Reason)
	}
	if what, _ := WaitWords(others, write, ""); what != "" {
		s += " It waits for " + what + " too."
	}
	return s
}

// closingBy says by whom the run is being closed.
func (v *View) closingBy() string {
	if c := v.Run.ClosingBy; c != nil && c.By != nil {
		return " by " + *c.By
	}
	return ""
}

// waiting says what the run waits for.
func (v *View) waiting(c lexicon.Clock) string {
	what, _ := WaitWords(v.Run.Waits, c.NearBy(v.Run.GeneratedAt.Value()), "")
	switch {
	case what != "":
		return what
	case v.Run.Approved:
		return ValueOf(v.Run.WaitingFor) + ", which a person has given"
	case v.pauseIsOver():
		return "a resume: the pause that it was left for is over"
	case v.toApprove:
		return ValueOf(v.Run.WaitingFor)
	case v.Run.NextWindow != nil:
		return "the window that opens " + c.Near(v.Run.NextWindow.Time, v.Run.GeneratedAt.Value())
	}
	return "a resume: what it waited for has come"
}

// pauseIsOver reports whether the run was left for a pause that a person has ended since,
// and waits for nothing else.
func (v *View) pauseIsOver() bool {
	s := v.Run.Suspended
	return !v.Run.Live && s != nil && s.Why == fleet.SuspendedPause && len(v.Run.Waits) == 0
}

// waitsSince is when what holds the whole run up began, nil where nothing does or
// nobody knows.
func (v *View) waitsSince() *Time {
	var w *Wait
	switch v.Run.Status {
	case RunWaiting:
		w = HoldsUp(v.Run.Waits)
	case RunPaused: // an approval that is missing besides stands before it
		w = v.waitsFor(standing.WaitPause)
	}
	if w == nil {
		return nil
	}
	return w.Since
}

func (v *View) haltSentence() string {
	if v.Run.Halt == nil || v.Run.Halt.Sentence == "" {
		return ""
	}
	return v.Run.Halt.Sentence + "; nothing starts until a person accepts that."
}

// budgetUsed says how much of the run's failure budget is used.
func (v *View) budgetUsed() string {
	if b := v.Run.Budget; b.Used > b.Limit {
		return fmt.Sprintf("%s, budget %d: exceeded", lexicon.Plural(b.Used, "failure", "failures"), b.Limit)
	}
	return fmt.Sprintf("%d of %d failures used", v.Run.Budget.Used, v.Run.Budget.Limit)
}

// BudgetBesides says, behind how much of the run's failure budget is used, what is not or
// not yet counted there.
func (v *View) BudgetBesides() (s string) {
	if n := v.Run.Budget.Unresolved; n > 0 {
		s = fmt.Sprintf(", %d unknown and still being read", n)
	}
	if n := v.Run.Budget.Accepted; n > 0 {
		s += fmt.Sprintf(", %d more accepted by a person", n)
	}
	if n := v.Run.Budget.Carried; n > 0 {
		s += fmt.Sprintf("; %d failed before this run and %s not count", n,
			map[bool]string{true: "does", false: "do"}[n == 1])
	}
	return s
}

func (v *View) figures(p *layout.Page, c lexicon.Clock) {
	p.Pair("Vaults", "%s = %s", lexicon.Number(len(v.Vaults)),
		strings.ReplaceAll(v.words().TallyOfRun(v.Totals, v.AlreadyBy()), lexicon.Dot, " + "))
	whole := ""
	if v.Selector != nil {
		whole = ", of the whole run"
	}
	used := v.budgetUsed() + v.BudgetBesides()
	p.Pair("Budget", "%s%s", used, whole)
	moment := func(what string, t time.Time) string { return layout.KeepTogether(what + " " + c.Full(t)) }
	times := moment("started", v.Run.StartedAt.Value())
	if v.Run.ResumedAt != nil {
		times += lexicon.Dot + moment("resumed", v.Run.ResumedAt.Value())
	}
	if v.Run.EndedAt != nil {
		times += lexicon.Dot + moment("ended", v.Run.EndedAt.Value())
	} else if v.Run.UpdatedAt != nil {
		times += lexicon.Dot + moment("last change", v.Run.UpdatedAt.Value())
	}
	if since := v.waitsSince(); since != nil {
		times += lexicon.Dot + moment("waits since", since.Value())
	}
	p.Pair("Times", "%s", times)
	if e := v.Run.ExpectedEnd; e != nil {
		p.Pair("Ends", "%s%s", e.Words(c.Zone, v.Run.GeneratedAt.Value()), whole)
	}
	if e := v.Run.Emulated; e != nil {
		p.Pair("Emulated", "%s", e.OfARun(v.words()))
	}
	v.said(p, c)
	v.evidence(p)
}

// why is the vault's reason in a few words.
func (v *Vault) why() string {
	var parts []string
	if v.Carried {
		parts = append(parts, "from before this run")
	}
	if v.Permitted {
		parts = append(parts, ValueOf(v.Reason), "the next run tries it")
	} else if fs := v.Errors(); len(fs) > 0 {
		f := fs[len(fs)-1]
		parts = append(parts, lexicon.Or(ValueOf(f.Code), "no code")+": "+lexicon.Or(ValueOf(f.Message), "no message"))
	} else if v.Reason != nil {
		parts = append(parts, *v.Reason)
	}
	return lexicon.Or(strings.Join(parts, "; "), noReason)
}

const noReason = "no reason given"

// needPerson returns the vaults that only a person can help, the gravest first.
func (v *View) needPerson() []*Vault {
	need := v.about(func(t *standing.Task) bool { return t.Person })
	slices.SortStableFunc(need, func(a, b *Vault) int {
		return cmp.Compare(slices.Index(standing.PersonStatuses, a.Status),
			slices.Index(standing.PersonStatuses, b.Status))
	})
	return need
}

func (v *View) pick(keep func(*Vault) bool) []*Vault {
	var out []*Vault
	for i := range v.Vaults {
		if keep(&v.Vaults[i]) {
			out = append(out, &v.Vaults[i])
		}
	}
	return out
}

func (v *View) withStatus(s fleet.Status) []*Vault {
	return v.pick(func(x *Vault) bool { return x.Status == s })
}
