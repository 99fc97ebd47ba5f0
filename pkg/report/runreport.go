package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// reportPage is what somebody reads in the morning: the verdict, what to do
// next, the figures; then each thing to do with all it needs, and the rest.
func (v *View) reportPage(o Options) *layout.Page {
	p, c := &layout.Page{}, lexicon.ClockIn(o.Zone)
	head, acts := v.headline(c), v.actions(o)
	p.Title("%s", head.Sentence)
	p.Line("%s", strings.Join(head.Lines, " "))
	p.Line("%s", v.heading(c))
	todo(p, acts)
	v.figures(p, c)
	v.access(p, c)
	v.waves(p, c)
	v.subscriptions(p, c)
	v.details(p, c, acts)
	v.flights(p, c)
	v.open(p)
	v.skipped(p, acts)
	v.timeline(p, c)
	v.already(p)
	v.upgraded(p, o)
	v.next(p, o, false)
	return p.Zoned(c, v.Run.GeneratedAt.Value())
}

// todo lists what to do next, by the numbers that the details have too.
func todo(p *layout.Page, acts []Action) {
	p.Section("TO DO")
	n := 0
	for i := range acts {
		if acts[i].Person {
			n++
			p.Item("%d  %s", n, acts[i].Title)
			acts[i].commands(p)
		}
	}
	if n == 0 {
		p.Item("Nothing: nobody is needed.")
	}
	first := true
	for i := range acts {
		if a := &acts[i]; !a.Person && a.Do != standing.TaskRelease {
			if first {
				p.Group("NO ACTION")
			}
			first = false
			p.Item("%s", a.Title)
			a.commands(p)
		}
	}
}

// commands are what to type for what has no section of its own among the details, where
// those of the others stand.
func (a *Action) commands(p *layout.Page) {
	if len(a.about) > 0 {
		return
	}
	for _, s := range a.Steps {
		p.SubCommand(s.When, s.Command)
	}
}

// details shows each thing to do with the vaults it is about and what it takes.
func (v *View) details(p *layout.Page, c lexicon.Clock, acts []Action) {
	n := 0
	for i := range acts {
		a := &acts[i]
		if a.Person {
			n++
		}
		if len(a.about) == 0 || a.Do == standing.TaskRelease {
			continue // the run's own stands in the list
		}
		if a.Person {
			p.Section("%d  %s", n, a.Title)
		} else {
			p.Section("NO ACTION  %s", a.Title)
		}
		if d := ValueOf(a.Detail); d != "" {
			p.Line("%s", d)
		}
		switch a.Do {
		case standing.TaskSupport:
			p.Verbatim(a.Message.String())
		case standing.TaskReopen:
			for _, x := range a.about {
				x.failedDetails(p, c)
			}
		case standing.TaskDecide:
			for _, x := range a.about {
				x.unknownDetails(p, c)
			}
		default:
			if a.task.TakenUp && a.task.Status != fleet.Blocked {
				for _, x := range a.about {
					x.failedDetails(p, c)
				}
			} else {
				a.blocked(p)
			}
		}
		for _, s := range a.Steps {
			when := lexicon.Or(s.When, "command")
			p.Command(strings.ToUpper(when[:1])+when[1:], s.Command)
		}
	}
}

// blocked lists the vaults of an action, with the machines and the like that
// its code names of each. Vaults of which the same is said stand together.
func (a *Action) blocked(p *layout.Page) {
	type group struct {
		vaults []string
		tables [][]string // of the one vault that has them
	}
	var order []string
	groups := map[string]*group{}
	for _, x := range a.about {
		said, tables := "", [][]string(nil)
		for _, f := range x.Errors() {
			if lexicon.Or(ValueOf(f.Code), standing.NoCode) != ValueOf(a.Code) {
				continue
			}
			if len(f.Items) > 0 {
				tables = append(tables, f.Items)
			}
			said = lexicon.Or(said, ValueOf(f.Message))
		}
		key := said
		if len(tables) > 0 {
			key += "\x00" + x.Vault
		}
		g := groups[key]
		if g == nil {
			g = &group{tables: tables}
			groups[key], order = g, append(order, key)
		}
		g.vaults = append(g.vaults, x.Vault)
	}
	for _, key := range order {
		g := groups[key]
		said, _, _ := strings.Cut(key, "\x00")
		if line := strings.Join(g.vaults, ", "); said == "" {
			p.Item("%s", line)
		} else {
			p.Item("%s: %s", line, said)
		}
		for _, items := range g.tables {
			p.SubList(fleet.Columns(items))
		}
	}
}

// unknownDetails shows what was read of a start that nobody can be sure of.
func (v *Vault) unknownDetails(p *layout.Page, c lexicon.Clock) {
	p.Group("UNKNOWN %s", v.Vault)
	p.Pair("Operation", "%s", operation(v))
	p.Pair("Started", "%s", c.Full(v.StartedAt.Value()))
	for _, r := range v.Reads {
		said := string(r.Reading)
		if r.Detail != nil {
			said += ": " + *r.Detail
		}
		p.Pair("Read", "%s  %s", c.Full(r.At.Time), said)
	}
	p.Pair("Gave up", "%s", c.Full(v.GivenUp().Value()))
	p.Pair("Why", "%s", lexicon.Or(ValueOf(v.Reason), "nothing conclusive was read"))
	for _, f := range v.Errors() {
		if ValueOf(f.Message) != ValueOf(v.Reason) {
			p.Pair("Finding", "%s: %s", lexicon.Or(ValueOf(f.Code), standing.NoCode),
				lexicon.Or(ValueOf(f.Message), "no message"))
		}
	}
	if v.ResourceID == nil {
		p.Pair("Target", "%s",
			fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.RecoveryServices/Vaults/%s",
				v.SubscriptionID, ValueOf(v.TargetResourceGroup), v.Name))
	} else {
		p.Pair("Resource ID", "%s", *v.ResourceID)
	}
	p.Pair("Request IDs", "%s", lexicon.Or(strings.Join(v.RequestIDs, ", "), "none"))
}

// CannotRollBack is why a rollback keeps out vaults that nobody holds: there is nothing
// to put back, or it cannot be put back. Each vault says which.
const CannotRollBack = "cannot be rolled back"

// ByHolder parts vaults that are kept out into those that somebody holds and those
// that a rollback can do nothing for.
func ByHolder(vs []*Vault) (held, unheld []*Vault) {
	for _, x := range vs {
		if x.Unheld {
			unheld = append(unheld, x)
		} else {
			held = append(held, x)
		}
	}
	return held, unheld
}

// skipped is what of the inventory was not touched.
func (v *View) skipped(p *layout.Page, acts []Action) {
	held, unheld := ByHolder(v.withStatus(fleet.Excluded))
	list := func(heading string, vs []*Vault) {
		if len(vs) == 0 {
			return
		}
		p.Section("HELD: %s (%s)", heading, lexicon.Vaults(len(vs)))
		for i := range acts {
			a := &acts[i]
			if a.Do != standing.TaskRelease || !slices.Contains(vs, a.about[0]) { // those of one action are held alike
				continue
			}
			p.Group("%s", a.Title)
			for _, x := range a.about {
				p.Item("%s", x.Vault)
			}
		}
	}
	list("by the inventory or by a person", held)
	list(CannotRollBack, unheld)
}

// timeline is what happened in the night, a line each.
func (v *View) timeline(p *layout.Page, c lexicon.Clock) {
	t := &v.Timeline
	if len(t.Entries) == 0 {
		return
	}
	p.Section("TIMELINE: times %s", c)
	day := ""
	for i := range t.Entries {
		e := &t.Entries[i]
		if i == firstEntries && t.Omitted > 0 {
			p.Item("… %s left out", lexicon.Plural(t.Omitted, "entry", "entries"))
		}
		if d := e.At.In(c.Zone).Format("Mon 2 Jan 2006"); d != day {
			day = d
			p.Line("%s", day)
		}
		p.Item("%s  %s", c.Second(e.At.Time), e.line(c))
	}
}

// line says an entry on a line.
func (e *Entry) line(c lexicon.Clock) string {
	s := e.Text
	if e.Vault != nil {
		s = *e.Vault + " " + s
	}
	if e.Until != nil {
		s += " until " + c.Near(e.Until.Time, e.At.Time)
	}
	if e.By != nil {
		s += ", by " + *e.By
	}
	if e.Times > 1 {
		s += fmt.Sprintf(", %s in a row", lexicon.Plural(e.Times, "time", "times"))
	}
	if e.Detail != nil {
		s += ": " + *e.Detail
	}
	return s
}

// toCome counts the vaults that the run has not come to yet, or comes back to.
func (v *View) toCome() int {
	t := v.Totals
	return t[fleet.Pending] + t[fleet.Validating] + t[fleet.Ready] + t[fleet.Busy] + t[fleet.Deferred] - v.toLookAt()
}

// toLookAt counts the vaults that earlier runs left as wanted and that the run has yet to
// look at: nothing is to be started there, as far as is known.
func (v *View) toLookAt() int { return len(v.pick(func(x *Vault) bool { return x.ahead })) }

// open tells of the vaults that a running run has not come to yet, or comes back to.
func (v *View) open(p *layout.Page) {
	t, again := v.Totals, v.toLookAt()
	pending := t[fleet.Pending] - again
	if t[fleet.Ready]+t[fleet.Validating]+pending > 0 {
		p.Section("STILL TO COME: %s", lexicon.Vaults(v.toCome()))
		s := fmt.Sprintf("%s validated and waiting, %s being validated, %s not looked at yet",
			lexicon.Number(t[fleet.Ready]), lexicon.Number(t[fleet.Validating]), lexicon.Number(pending))
		if n := t[fleet.Busy]; n > 0 {
			s += fmt.Sprintf(", %s busy and tried again", lexicon.Number(n))
		}
		if n := t[fleet.Deferred]; n > 0 {
			s += fmt.Sprintf(", %s deferred", lexicon.Number(n))
		}
		p.Line("%s.", s)
	}
	if again > 0 {
		p.Section("STILL TO LOOK AT: %s that earlier runs left as wanted", lexicon.Vaults(again))
		p.Line("The run checks each again, and starts it only if that is so no more.")
	}
}

// already lists the vaults that are as wanted without the run: those of earlier runs, and
// those of others since it began, apart.
func (v *View) already(p *layout.Page) {
	var ours, others, rest []*Vault
	for _, x := range v.withStatus(fleet.Already) {
		switch {
		case x.Earlier:
			ours = append(ours, x)
		case x.Meanwhile:
			others = append(others, x)
		default:
			rest = append(rest, x)
		}
	}
	w := v.words()
	v.past(p, strings.ToUpper(w.Done+" "+lexicon.ByEarlierRuns), ours)
	v.past(p, strings.ToUpper(w.Meanwhile()), others)
	v.past(p, strings.ToUpper(w.Already)+": not by this run", rest)
}

func (v *View) past(p *layout.Page, title string, vs []*Vault) {
	if len(vs) == 0 {
		return
	}
	p.Section("%s (%s)", title, lexicon.Vaults(len(vs)))
	g := layout.Grid{Head: []string{"VAULT", "NOTE"}, Wrap: true}
	if v.words().Classic {
		g = layout.Grid{Head: []string{"VAULT", "NOTE", "NEW RESOURCE ID"}, Stack: true}
	}
	for _, x := range vs {
		row := []string{x.Vault, lexicon.Or(ValueOf(x.Reason), x.Noted(), v.pastOf(x))}
		if v.words().Classic {
			row[1] = lexicon.Or(ValueOf(x.Reason), v.pastOf(x))
			row = append(row, lexicon.Or(ValueOf(x.UpgradedResourceID), "-"))
		}
		g.Rows = append(g.Rows, row)
	}
	p.Table(g)
}

// Noted is what was said of a vault that needs nothing.
func (v *Vault) Noted() string {
	for _, f := range v.Findings {
		if ValueOf(f.Code) == fleet.CodeAlready {
			return ValueOf(f.Message)
		}
	}
	return ""
}

// checklist is what is left to do by hand after a classic upgrade
// (classic-service.md#the-operation).
var checklist = []string{
	"Point scripts, dashboards and alerts at the new resource IDs: the classic vaults are gone from the old portal.",
	"Monitoring data may take up to 12 hours to appear.",
	"Check the time zone of each backup policy.",
	"Security settings may have been switched on: check who needs the PIN for deleting backups.",
}

// upgraded lists the vaults that were upgraded: of the classic kind the map from
// old vaults to new ones.
func (v *View) upgraded(p *layout.Page, o Options) {
	vs := v.withStatus(fleet.Upgraded)
	if len(vs) == 0 {
		return
	}
	p.Section("%s (%s)", v.words().List, lexicon.Vaults(len(vs)))
	g := layout.Grid{Head: []string{"VAULT", "OLD TYPE", "LOCATION", "TOOK", "NEW RESOURCE ID"},
		Right: map[int]bool{3: true}, Stack: true}
	if !v.words().Classic {
		g = layout.Grid{Head: []string{"VAULT", "LOCATION", "TOOK", "RESOURCE ID"}, Right: map[int]bool{2: true},
			Stack: true}
	}
	for _, x := range vs {
		took := "-"
		if d := x.Took(); d > 0 {
			took = lexicon.Took(d, x.EndedLate)
		}
		row := []string{x.Vault, string(x.ResourceType), x.Location, took,
			lexicon.Or(ValueOf(x.UpgradedResourceID), "-")}
		if !v.words().Classic {
			row = []string{x.Vault, x.Location, took, lexicon.Or(ValueOf(x.ResourceID), "-")}
		}
		g.Rows = append(g.Rows, row)
	}
	p.Table(g)
	if len(v.Checklist) > 0 {
		p.Group("After the %s", v.words().Noun)
		for _, s := range v.Checklist {
			p.Item("%s", s)
		}
	}
	v.leftBehind(p, vs)
	if back := lexicon.RollbackOf(v.Run.Kind, v.Run.Permanent, o.ledgerBeside(v)); back != "" {
		if _, undoes := v.Run.Kind.Undoes(); undoes {
			p.Group("To change them again")
		} else {
			p.Group("To undo it")
		}
		p.Item("copy %s to another FILE, with upgrade: %s in the place of its own",
			lexicon.Or(o.inventory(v), "the inventory"), back)
		p.Command("Once that is made", CommandOn("plan", "FILE", o.State))
	}
}

// leftBehind shows what stays of an upgrade that was rolled back, and what one can do
// about it: what the checks said of that is not seen where nothing failed.
func (v *View) leftBehind(p *layout.Page, vs []*Vault) {
	if _, undoes := v.Run.Kind.Undoes(); !undoes {
		return
	}
	said := ""
	for _, x := range vs {
		for i := range x.Findings {
			f := &x.Findings[i]
			if f.Severity != fleet.SeverityInfo || f.Action == nil || len(f.Items) == 0 {
				continue
			}
			if about := lexicon.Sentence(ValueOf(f.Message)) + " " + lexicon.Sentence(*f.Action); about != said {
				said = about
				p.Group("Left behind")
				p.Line("%s", about)
			}
			p.Item("%s", x.Vault)
			p.SubList(fleet.Columns(f.Items))
		}
	}
}

// failedDetails shows what is known of a failure that a person must look into.
func (v *Vault) failedDetails(p *layout.Page, c lexicon.Clock) {
	p.Group("%s %s", strings.ToUpper(string(v.Status)), v.Vault)
	for _, f := range v.Errors() {
		p.Pair("Why", "%s: %s", lexicon.Or(ValueOf(f.Code), standing.NoCode),
			lexicon.Or(ValueOf(f.Message), "no message"))
		if f.Action != nil {
			p.Pair("Do", "%s", *f.Action)
		}
	}
	p.Pair("Resource ID", "%s", lexicon.Or(ValueOf(v.ResourceID), "-"))
	p.Pair("Operation", "%s", operation(v))
	p.Pair("Started", "%s", c.Full(v.StartedAt.Value()))
	p.Pair("Ended", "%s%s", c.Full(v.EndedAt.Value()), v.OrBefore())
	p.Pair("Request IDs", "%s", lexicon.Or(strings.Join(v.RequestIDs, ", "), "none"))
}

// next ends the page with what to type next. In short what is to be done with the vaults
// that failed is left to the report, whose command stands beside them.
func (v *View) next(p *layout.Page, o Options, short bool) {
	steps := v.worded(v.steps, o)
	if short {
		steps = slices.DeleteFunc(steps, func(s Step) bool { return s.ofReport })
	}
	NextLines(p, steps, o.State)
}
