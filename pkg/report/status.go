package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// Options says how to write a view.
type Options struct {
	Format         Format         // empty: the table
	Zone           *time.Location // of the times people read; nil: UTC
	SupportAddress string         // empty: DefaultSupportAddress
	State          string         // the ledger's path, for the commands to paste; empty: left out
	Inventory      string         // the inventory's path, for the same; empty: as it was when the run began
	Emulated       *Emulated      // the cloud is the emulator; nil: it is not, or nobody knows
	Width          int            // columns of the terminal that a table is for; 0: no terminal
}

// inventory is the inventory of a run as commands name it, empty where there is
// none.
func (o Options) inventory(v *View) string { return or(o.Inventory, str(v.Run.Inventory)) }

// Status writes where a run stands: waves, what is in flight, and the vaults
// that need a person, one line each. JSON, JSONL, CSV and JUnit are those of
// Report.
func Status(w io.Writer, v *View, o Options) error {
	v = v.emulated(o)
	return v.printer(o, func() *page { return v.statusPage(o) }).write(w, o.Format, o.Width)
}

// Report writes everything about a run: the verdict first, then what a person
// has to do next, then the rest.
func Report(w io.Writer, v *View, o Options) error {
	v = v.emulated(o)
	return v.printer(o, func() *page { return v.reportPage(o) }).write(w, o.Format, o.Width)
}

// emulated is the view of a run on the emulator, where the options know of it.
func (v *View) emulated(o Options) *View {
	w := *v
	w.Run.Emulated = o.Emulated
	return &w
}

func (v *View) printer(o Options, p func() *page) printer {
	return printer{
		page: p,
		json: func(w io.Writer) error { return v.Worded(o).writeJSON(w) },
		rows: func() []any {
			rows := make([]any, len(v.Vaults))
			for i := range v.Vaults {
				rows[i] = line{SchemaVersion, v.Run.ID, &v.Vaults[i]}
			}
			return rows
		},
		csv: v.csv, junit: v.junit,
	}
}

// line is a vault as JSON Lines show it: each says which form it has and which
// run it is of, so that lines can be picked, split and put together.
type line struct {
	SchemaVersion int    `json:"schemaVersion"`
	RunID         string `json:"runId"`
	*Vault
}

func (v *View) statusPage(o Options) *page {
	p, c := &page{}, clockIn(o.Zone)
	p.title("%s", v.heading(c))
	p.line("%s", v.verdict(c))
	if v.Overall.Earlier > 0 {
		p.line("Overall %s.", v.Overall.ledger(v.words()))
	}
	if v.Run.Later != nil {
		p.line("%s", v.superseded())
	}
	v.figures(p, c)
	v.waves(p, c)
	v.inFlight(p, c)
	if need := v.needPerson(); len(need) > 0 {
		p.section("NEEDS A PERSON: %s", vaults(len(need)))
		g := grid{head: []string{"STATUS", "VAULT", "OPERATION", "WHY"}, spare: []int{2}, wrap: true}
		var blocked []*Vault
		for _, x := range need {
			if x.Status == fleet.Blocked {
				blocked = append(blocked, x)
				continue
			}
			g.rows = append(g.rows, []string{strings.ToUpper(string(x.Status)), x.Vault, or(str(x.OperationID), "-"), x.why()})
		}
		p.table(g)
		if len(blocked) > 0 {
			p.pair("BLOCKED", "%s: %s", vaults(len(blocked)), causeLine(causes(blocked)))
		}
		p.command("Details", command(append(v.asked("report"), o.State)...))
	}
	v.next(p, o, true)
	return p.zoned(c, v.Run.GeneratedAt.value())
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
	return fmt.Sprintf("An earlier run of this ledger: run %s came after it, and what was left to do here may be done.", *v.Run.Later)
}

// heading says which run and which plan this is.
func (v *View) heading(c clock) string {
	return fmt.Sprintf("RUN %s%splan %s%s%s%stimes %s", v.Run.ID, dot, elideHash(v.Run.PlanFingerprint), dot, v.Run.Phase, dot, c)
}

// elideHash shortens a fingerprint to what people compare.
func elideHash(s string) string { return s[:min(len(s), 8)] }

// verdict says in one sentence how the run stands.
func (v *View) verdict(c clock) string {
	upgraded := v.Overall.run(v.words())
	var rest []string
	note := func(n int, what string) {
		if n > 0 {
			rest = append(rest, number(n)+" "+what)
		}
	}
	flying := len(v.pick(func(x *Vault) bool { return x.inFlight() }))
	note(v.Totals[fleet.Already], v.words().before)
	if n := len(v.needPerson()); n == 1 {
		note(n, "needs a person")
	} else {
		note(n, "need a person")
	}
	note(flying, "in flight")
	note(v.Totals[fleet.Busy], "busy")
	note(v.Totals[fleet.Deferred], "deferred")
	s := upgraded
	if len(rest) > 0 {
		s += "; " + strings.Join(rest, ", ")
	}
	s += "."
	switch v.Run.Status {
	case RunFinished:
		return "FINISHED: " + s
	case RunHalted:
		return "HALTED: " + v.haltSentence() + " " + s
	case RunWaiting:
		return "WAITING for " + v.waiting(c) + ": " + s
	case RunPaused:
		if what := v.waiting(c); what != "" {
			return "PAUSED: it waits for " + what + ". " + s
		}
		return "PAUSED. " + s
	case RunInterrupted:
		s = "INTERRUPTED: " + s
		if v.Run.Closing {
			s = "INTERRUPTED WHILE CLOSING: a resume closes the run when nothing is in flight. " + strings.TrimPrefix(s, "INTERRUPTED: ")
		}
		if sus := v.Run.Suspended; sus != nil && sus.Why == fleet.SuspendedSignIn {
			s += " A sign-in or permission is missing: " + sentence(or(str(sus.Detail), "the cloud refused"))
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
		return "CLOSING: nothing more starts, and the run is closed when nothing is in flight. " + s
	}
	return strings.ToUpper(string(v.Run.Phase)) + ": " + s
}

// waiting says what the run waits for.
func (v *View) waiting(c clock) string {
	what, _ := waitWords(v.Run.Waits, c.nearBy(v.Run.GeneratedAt.value()), "")
	switch {
	case what != "":
		return what
	case v.Run.Approved:
		return str(v.Run.WaitingFor) + ", which a person has given"
	case v.needsApproval():
		return str(v.Run.WaitingFor)
	case v.Run.NextWindow != nil:
		return "the window that opens " + c.near(v.Run.NextWindow.Time, v.Run.GeneratedAt.value())
	}
	return "a resume: what it waited for has come"
}

func (v *View) haltSentence() string {
	if v.Run.Halt == nil || v.Run.Halt.Sentence == "" {
		return ""
	}
	return v.Run.Halt.Sentence + "; nothing starts until a person accepts that."
}

func (v *View) figures(p *page, c clock) {
	p.pair("Vaults", "%s = %s", number(len(v.Vaults)), strings.ReplaceAll(tally(func(s fleet.Status) int { return v.Totals[s] }), dot, " + "))
	b := v.Run.Budget
	used := fmt.Sprintf("%d of %d failures used", b.Used, b.Limit)
	if b.Used > b.Limit {
		used = fmt.Sprintf("%s, budget %d: exceeded", plural(b.Used, "failure", "failures"), b.Limit)
	}
	if b.Unresolved > 0 {
		used += fmt.Sprintf(", %d unknown and still being read", b.Unresolved)
	}
	if n := len(v.pick(func(x *Vault) bool { return x.Accepted && !x.Carried })); n > 0 {
		used += fmt.Sprintf(", %d more accepted by a person", n)
	}
	p.pair("Budget", "%s", used)
	moment := func(what string, t time.Time) string { return unbroken(what + " " + c.full(t)) }
	times := moment("started", v.Run.StartedAt.value())
	if v.Run.ResumedAt != nil {
		times += dot + moment("resumed", v.Run.ResumedAt.value())
	}
	if v.Run.EndedAt != nil {
		times += dot + moment("ended", v.Run.EndedAt.value())
	} else if v.Run.UpdatedAt != nil {
		times += dot + moment("last change", v.Run.UpdatedAt.value())
	}
	p.pair("Times", "%s", times)
	if e := v.Run.ExpectedEnd; e != nil {
		p.pair("Ends", "%s", e.Words(c.zone, v.Run.GeneratedAt.value()))
	}
	if e := v.Run.Emulated; e != nil {
		p.pair("Emulated", "%s", e.Words())
	}
	v.evidence(p)
}

func (v *View) waves(p *page, c clock) {
	g := grid{head: []string{"WAVE", "STATUS", "VAULTS", "UPGRADED", "FAILED", "UNKNOWN", "BLOCKED", "OTHER", "BUDGET", "STARTED", "ENDED"},
		right: map[int]bool{2: true, 3: true, 4: true, 5: true, 6: true, 7: true}, spare: []int{10, 9, 7, 8}}
	for i := range v.Waves {
		w := &v.Waves[i]
		all := 0
		for _, n := range w.Totals {
			all += n
		}
		up, failed, unknown, blocked := w.Totals[fleet.Upgraded], w.Totals[fleet.Failed], w.Totals[fleet.Unknown], w.Totals[fleet.Blocked]
		used := "run's"
		if w.Budget != nil {
			used = fmt.Sprintf("%d of %d", w.Budget.Used, w.Budget.Limit)
		}
		g.rows = append(g.rows, []string{w.Name, string(w.Status), number(all), number(up), number(failed), number(unknown),
			number(blocked), number(all - up - failed - unknown - blocked), used, c.full(w.StartedAt.value()), c.full(w.EndedAt.value())})
	}
	p.table(g)
}

// subscriptions are the totals of each; one alone says nothing new.
func (v *View) subscriptions(p *page, c clock) {
	if len(v.Subscriptions) < 2 {
		return
	}
	g := grid{head: []string{"SUBSCRIPTION", "VAULTS", "UPGRADED", "FAILED", "UNKNOWN", "BLOCKED", "OTHER", "BUDGET", "NOTE"},
		right: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true}, spare: []int{8, 6, 7}}
	for i := range v.Subscriptions {
		s := &v.Subscriptions[i]
		all, up, failed, unknown, blocked := count(s.Totals), s.Totals[fleet.Upgraded], s.Totals[fleet.Failed], s.Totals[fleet.Unknown], s.Totals[fleet.Blocked]
		used, note := "run's", "-"
		if s.Budget != nil {
			used = fmt.Sprintf("%d of %d", s.Budget.Used, s.Budget.Limit)
		}
		if s.ThrottledUntil != nil {
			note = "throttled until " + c.near(s.ThrottledUntil.Time, v.Run.GeneratedAt.value())
		}
		g.rows = append(g.rows, []string{or(s.Name, s.ID), number(all), number(up), number(failed), number(unknown), number(blocked),
			number(all - up - failed - unknown - blocked), used, note})
	}
	p.table(g)
}

// inFlight lists the upgrades that may be under way, the oldest first.
func (v *View) inFlight(p *page, c clock) {
	flying := v.pick(func(x *Vault) bool { return x.inFlight() || x.Foreign })
	if len(flying) == 0 {
		return
	}
	slices.SortStableFunc(flying, func(a, b *Vault) int { return a.StartedAt.value().Compare(b.StartedAt.value()) })
	p.section("IN FLIGHT: %s", vaults(len(flying)))
	g := grid{head: []string{"VAULT", "STATUS", "STARTED", "AGE", "OPERATION", "NOTE"}, right: map[int]bool{3: true}, spare: []int{4, 2}, wrap: true}
	for _, x := range flying {
		age := "-"
		if x.StartedAt != nil {
			age = span(v.Run.GeneratedAt.value().Sub(x.StartedAt.Time))
		}
		var notes []string
		if x.Overdue {
			notes = append(notes, "OVERDUE")
		}
		if r := str(x.Reason); r != "" {
			notes = append(notes, r)
		} else if x.Foreign {
			notes = append(notes, "not ours")
		}
		g.rows = append(g.rows, []string{x.Vault, string(x.Status), c.full(x.StartedAt.value()), age, or(str(x.OperationID), "-"),
			or(strings.Join(notes, "; "), "-")})
	}
	p.table(g)
}

// why is the vault's reason in a few words.
func (v *Vault) why() string {
	var parts []string
	if v.Carried {
		parts = append(parts, "from before this run")
	}
	if fs := v.errors(); len(fs) > 0 {
		f := fs[len(fs)-1]
		parts = append(parts, or(str(f.Code), "no code")+": "+or(str(f.Message), "no message"))
	} else if v.Reason != nil {
		parts = append(parts, *v.Reason)
	}
	return or(strings.Join(parts, "; "), noReason)
}

const noReason = "no reason given"

// needPerson returns the vaults that only a person can help, failed ones
// first. An unknown one that is still being read may help itself, and so may
// one that stayed busy: the next run tries it again.
func (v *View) needPerson() []*Vault {
	rank := func(x *Vault) int {
		return slices.Index([]fleet.Status{fleet.Failed, fleet.Unknown, fleet.Blocked}, x.Status)
	}
	need := v.pick(func(x *Vault) bool {
		return rank(x) >= 0 && !x.Unresolved && !(x.Status == fleet.Blocked && x.comesBack())
	})
	slices.SortStableFunc(need, func(a, b *Vault) int { return cmp.Compare(rank(a), rank(b)) })
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
