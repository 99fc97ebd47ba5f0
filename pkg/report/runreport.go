package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// reportPage is what somebody reads in the morning: the verdict, what to do
// next, the figures; then each thing to do with all it needs, and the rest.
func (v *View) reportPage(o Options) *page {
	p, c := &page{}, clockIn(o.Zone)
	head, acts := v.headline(c), v.actions(o)
	p.title("%s", head.Sentence)
	p.line("%s", strings.Join(head.Lines, " "))
	p.line("%s", v.heading(c))
	todo(p, acts)
	v.figures(p, c)
	v.waves(p, c)
	v.subscriptions(p, c)
	v.details(p, c, acts)
	v.inFlight(p, c)
	v.open(p)
	v.skipped(p, acts)
	v.timeline(p, c)
	v.already(p)
	v.upgraded(p, o)
	v.next(p, o, false)
	return p.zoned(c, v.Run.GeneratedAt.value())
}

// todo lists what to do next, by the numbers that the details have too.
func todo(p *page, acts []Action) {
	p.section("TO DO")
	n := 0
	for i := range acts {
		if acts[i].Person {
			n++
			p.item("%d  %s", n, acts[i].Title)
		}
	}
	if n == 0 {
		p.item("Nothing: nobody is needed.")
	}
	first := true
	for i := range acts {
		if a := &acts[i]; !a.Person && a.Do != DoRelease {
			if first {
				p.group("NO ACTION")
			}
			first = false
			p.item("%s", a.Title)
		}
	}
}

// details shows each thing to do with the vaults it is about and what it takes.
func (v *View) details(p *page, c clock, acts []Action) {
	n := 0
	for i := range acts {
		a := &acts[i]
		if a.Person {
			n++
		}
		if len(a.about) == 0 || a.Do == DoRelease {
			continue // the run's own stands in the list and at the end
		}
		if a.Person {
			p.section("%d  %s", n, a.Title)
		} else {
			p.section("NO ACTION  %s", a.Title)
		}
		if d := str(a.Detail); d != "" {
			p.line("%s", d)
		}
		switch a.Do {
		case DoSupport:
			p.verbatim(a.Message.String())
			p.command("When support says that it may be tried again", str(a.Command))
		case DoReopen:
			for _, x := range a.about {
				x.failedDetails(p, c)
			}
			p.command("When it is mended", str(a.Command))
		case DoDecide:
			for _, x := range a.about {
				x.unknownDetails(p, c)
			}
			p.command("To read again, sending nothing", str(a.Command))
		default:
			a.blocked(p)
		}
	}
}

// blocked lists the vaults of an action, with the machines and the like that
// its code names of each.
func (a *Action) blocked(p *page) {
	for _, x := range a.about {
		said, items := false, []string(nil)
		for _, f := range x.errors() {
			if or(str(f.Code), noCode) != str(a.Code) {
				continue
			}
			items = append(items, f.Items...)
			if !said && f.Message != nil {
				said = true
				p.item("%s: %s", x.Vault, *f.Message)
			}
		}
		if !said {
			p.item("%s", x.Vault)
		}
		for _, s := range items {
			p.sub("%s", s)
		}
	}
}

// unknownDetails shows what was read of a start that nobody can be sure of.
func (v *Vault) unknownDetails(p *page, c clock) {
	p.group("UNKNOWN %s", v.Vault)
	p.pair("Operation", "%s", operation(v))
	p.pair("Started", "%s", c.full(v.StartedAt.value()))
	for _, r := range v.Reads {
		said := string(r.Reading)
		if r.Detail != nil {
			said += ": " + *r.Detail
		}
		p.pair("Read", "%s  %s", c.full(r.At.Time), said)
	}
	p.pair("Gave up", "%s", c.full(v.EndedAt.value()))
	p.pair("Why", "%s", or(str(v.Reason), "nothing conclusive was read"))
	for _, f := range v.errors() {
		if str(f.Message) != str(v.Reason) {
			p.pair("Finding", "%s: %s", or(str(f.Code), noCode), or(str(f.Message), "no message"))
		}
	}
	if v.ResourceID == nil {
		p.pair("Target", "%s", fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.RecoveryServices/Vaults/%s",
			v.SubscriptionID, str(v.TargetResourceGroup), v.Name))
	} else {
		p.pair("Resource ID", "%s", *v.ResourceID)
	}
	p.pair("Request IDs", "%s", or(strings.Join(v.RequestIDs, ", "), "none"))
}

// skipped is what of the inventory was not touched.
func (v *View) skipped(p *page, acts []Action) {
	vs := v.withStatus(fleet.Excluded)
	if len(vs) == 0 {
		return
	}
	p.section("HELD: by the inventory or by a person (%s)", vaults(len(vs)))
	for i := range acts {
		a := &acts[i]
		if a.Do != DoRelease {
			continue
		}
		p.group("%s", a.Title)
		for _, x := range a.about {
			p.item("%s", x.Vault)
		}
	}
}

// timeline is what happened in the night, a line each.
func (v *View) timeline(p *page, c clock) {
	t := &v.Timeline
	if len(t.Entries) == 0 {
		return
	}
	p.section("TIMELINE: times %s", c)
	day := ""
	for i := range t.Entries {
		e := &t.Entries[i]
		if i == firstEntries && t.Omitted > 0 {
			p.item("… %s left out", plural(t.Omitted, "entry", "entries"))
		}
		if d := e.At.In(c.zone).Format("Mon 2 Jan 2006"); d != day {
			day = d
			p.line("%s", day)
		}
		p.item("%s  %s", c.second(e.At.Time), e.line(c))
	}
}

// line says an entry on a line.
func (e *Entry) line(c clock) string {
	s := e.Text
	if e.Vault != nil {
		s = *e.Vault + " " + s
	}
	if e.By != nil {
		s += " by " + *e.By
	}
	if e.Until != nil {
		s += " until " + c.near(e.Until.Time, e.At.Time)
	}
	if e.Times > 1 {
		s += fmt.Sprintf(", %s in a row", plural(e.Times, "time", "times"))
	}
	if e.Detail != nil {
		s += ": " + *e.Detail
	}
	return s
}

// open counts the vaults a running run has not come to yet.
func (v *View) open(p *page) {
	n := len(v.pick(func(x *Vault) bool {
		return x.Status == fleet.Pending || x.Status == fleet.Validating || x.Status == fleet.Ready
	}))
	if n > 0 {
		p.section("STILL TO COME: %s", vaults(n))
		p.line("%s validated and waiting, %s being validated, %s not looked at yet.", number(v.Totals[fleet.Ready]),
			number(v.Totals[fleet.Validating]), number(v.Totals[fleet.Pending]))
	}
}

func (v *View) already(p *page) {
	vs := v.withStatus(fleet.Already)
	if len(vs) == 0 {
		return
	}
	p.section("%s: not by this run (%s)", strings.ToUpper(v.words().already), vaults(len(vs)))
	if !v.words().classic {
		g := grid{head: []string{"VAULT", "NOTE"}, wrap: true}
		for _, x := range vs {
			g.rows = append(g.rows, []string{x.Vault, or(str(x.Reason), x.earlier(), x.noted(), v.words().before)})
		}
		p.table(g)
		return
	}
	g := grid{head: []string{"VAULT", "NOTE", "NEW RESOURCE ID"}, stack: true}
	for _, x := range vs {
		g.rows = append(g.rows, []string{x.Vault, or(str(x.Reason), x.earlier(), "upgraded before this run"), or(str(x.UpgradedResourceID), "-")})
	}
	p.table(g)
}

// earlier says that an earlier run of the ledger upgraded it, empty for none.
func (v *Vault) earlier() string {
	if v.Earlier {
		return "done by an earlier run"
	}
	return ""
}

// noted is what was said of a vault that needs nothing.
func (v *Vault) noted() string {
	for _, f := range v.Findings {
		if str(f.Code) == fleet.CodeAlready {
			return str(f.Message)
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
func (v *View) upgraded(p *page, o Options) {
	vs := v.withStatus(fleet.Upgraded)
	if len(vs) == 0 {
		return
	}
	p.section("%s (%s)", v.words().list, vaults(len(vs)))
	g := grid{head: []string{"VAULT", "OLD TYPE", "LOCATION", "TOOK", "NEW RESOURCE ID"}, right: map[int]bool{3: true}, stack: true}
	if !v.words().classic {
		g = grid{head: []string{"VAULT", "LOCATION", "TOOK", "RESOURCE ID"}, right: map[int]bool{2: true}, stack: true}
	}
	for _, x := range vs {
		took := "-"
		if d := x.Took(); d > 0 {
			took = span(d)
		}
		row := []string{x.Vault, string(x.ResourceType), x.Location, took, or(str(x.UpgradedResourceID), "-")}
		if !v.words().classic {
			row = []string{x.Vault, x.Location, took, or(str(x.ResourceID), "-")}
		}
		g.rows = append(g.rows, row)
	}
	p.table(g)
	if len(v.Checklist) > 0 {
		p.group("After the upgrade")
		for _, s := range v.Checklist {
			p.item("%s", s)
		}
	}
	if back := rollbackOf(v.Run.Kind, v.Run.Permanent, filepath.Base(or(o.State, "FILE"))); back != "" {
		p.group("To undo it")
		p.item("an inventory with upgrade: %s", back)
	}
}

// failedDetails shows what is known of a failure that a person must look into.
func (v *Vault) failedDetails(p *page, c clock) {
	p.group("FAILED %s", v.Vault)
	for _, f := range v.errors() {
		p.pair("Why", "%s: %s", or(str(f.Code), noCode), or(str(f.Message), "no message"))
		if f.Action != nil {
			p.pair("Do", "%s", *f.Action)
		}
	}
	p.pair("Resource ID", "%s", or(str(v.ResourceID), "-"))
	p.pair("Operation", "%s", operation(v))
	p.pair("Started", "%s", c.full(v.StartedAt.value()))
	p.pair("Ended", "%s", c.full(v.EndedAt.value()))
	p.pair("Request IDs", "%s", or(strings.Join(v.RequestIDs, ", "), "none"))
}

// next ends the page with the command that goes on from here.
func (v *View) next(p *page, o Options, short bool) {
	if v.Run.Later != nil {
		p.command("Next, for what the newest run says", command("report", o.State))
		return
	}
	if v.Run.Status == RunFinished {
		v.nextFinished(p, o, short)
		return
	}
	nextLines(p, v.Next, o.State)
}

func (v *View) nextFinished(p *page, o Options, short bool) {
	failed := slices.Concat(v.withStatus(fleet.Failed), v.withStatus(fleet.Unknown))
	again := v.Totals[fleet.Blocked] + v.Totals[fleet.Busy]
	switch {
	case len(failed) > 0 && short: // the report's command stands with them
	case len(failed) > 0:
		when := "Next, when it is mended"
		if v.words().classic {
			when = "Next, when support has answered"
		}
		if c := onVaults(o.State, "reopen", failed, "--reason", "TEXT"); c != "" {
			p.command(when, c)
		} else {
			p.command("Next, for every vault in a table", command("report", "-o", "csv", o.State))
		}
	case again > 0 && o.inventory(v) != "":
		p.command("Next, when the blocked vaults are mended", command("plan", o.inventory(v), "--validate", o.State))
	case !v.words().classic:
		p.command("Next, for every vault in a table", command("report", "-o", "csv", o.State))
	default:
		p.command("Next, for the map from old to new IDs", command("report", "-o", "csv", o.State))
	}
}

// command writes a command line of fleetup; its last argument is the ledger's
// path, empty for none.
func command(args ...string) string {
	last := len(args) - 1
	if args[last] == "" {
		return Command(args[:last]...)
	}
	return Command(append(args[:last:last], "--state", args[last])...)
}
