package dryrun

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// ValidationOptions says how to write the results of checks.
type ValidationOptions struct {
	Format layout.Format
	Zone   *time.Location      // of the times people read; nil: UTC
	Now    time.Time           // when the checks were done
	State  string              // the ledger's path, for the commands to paste; empty: left out
	Width  int                 // columns of the terminal that a table is for; 0: no terminal
	Along  func(string) string // adds to a command to paste what whoever asked has said; nil: nothing

	Ledger     string         // its path, also where State leaves it out
	Memory     rollout.Memory // what the ledger remembers of its runs
	Unfinished *Unfinished    // the ledger's run that is not over; nil: there is none
}

// check adds what a check found.
func checkedBy(v *report.Vault, val fleet.Validation, w *lexicon.Wording) {
	v.Findings, v.RequestIDs = report.FindingsOf(val.Findings), report.ListOrEmpty(val.RequestIDs)
	if v.Status = rollout.Checked(val.Verdict); v.Status != fleet.Ready {
		if fs := v.Errors(); len(fs) > 0 {
			v.Reason = fs[0].Message
		}
	}
	v.Foreign = v.Status == fleet.Upgrading
	r := val.Record
	if r == nil {
		r = &fleet.Record{}
	}
	v.OperationID, v.UpgradedResourceID = report.StringOrNull(r.OperationID), report.StringOrNull(r.UpgradedResourceID)
	v.StartedAt, v.EndedAt = report.TimeOrNull(r.StartedAt), report.TimeOrNull(r.EndedAt)
	if v.Reason != nil {
		return
	}
	switch v.Status {
	case fleet.Failed:
		v.Reason = report.StringOrNull(lexicon.Or(r.Message, "the cloud's record says that its "+w.Noun+" failed"))
	case fleet.Upgrading:
		v.Reason = report.StringOrNull("operation " + lexicon.Or(r.OperationID, "of an unknown ID") + " is under way")
	case fleet.Already:
		v.Reason = report.StringOrNull(lexicon.Or(v.Noted(),
			w.Done+" to "+lexicon.Or(r.UpgradedResourceID, "a vault the cloud does not name")))
	}
}

// notChecked is the reason of a vault without a result.
const notChecked = "not checked"

// checked is the document of a validation.
type checked struct {
	SchemaVersion   int                  `json:"schemaVersion"`
	PlanFingerprint string               `json:"planFingerprint"`
	CheckedAt       *report.Time         `json:"checkedAt"`
	Totals          map[fleet.Status]int `json:"totals"`
	Vaults          []report.Vault       `json:"vaults"`
	Next            []report.NextCommand `json:"next"` // what to type next

	// of the ledger, before which no run begins; null: there is none
	Unfinished *Unfinished `json:"unfinishedRun"`

	next   []report.Step
	ledger string                          // that next is about
	found  map[*report.Vault]*report.Vault // of those carried: what the check alone says
}

// Validation writes the results of the checks of a plan's vaults. A vault
// without a result shows pending: it was not checked. One that no run would start,
// because an earlier one failed it, shows how that left it, whatever the check finds.
func Validation(w io.Writer, p *plan.Plan, results map[fleet.Key]fleet.Validation, o ValidationOptions) error {
	doc := checked{SchemaVersion: report.SchemaVersion, PlanFingerprint: p.Fingerprint,
		CheckedAt: report.TimeOrNull(o.Now), Totals: map[fleet.Status]int{fleet.Ready: 0, fleet.Blocked: 0},
		Vaults: make([]report.Vault, len(p.Vaults)), Unfinished: o.Unfinished,
		found: map[*report.Vault]*report.Vault{}}
	names, words := p.Names(), lexicon.WordingOf(p.Kind)
	for i := range p.Vaults {
		v := &p.Vaults[i]
		x := report.VaultOf(v, names[i], p.Waves[v.Wave].Name)
		if val, ok := results[v.Key]; ok {
			checkedBy(&x, val, words)
		} else if v.Excluded() {
			x.Status, x.Reason = fleet.Excluded, report.StringOrNull(v.Hold.Reason)
		} else {
			x.Reason = report.StringOrNull(notChecked)
		}
		doc.Vaults[i] = x
		if c, ok := o.Memory.Carried[v.Key]; ok && !v.Excluded() {
			doc.carry(&doc.Vaults[i], &c)
		}
		doc.Totals[doc.Vaults[i].Status]++
	}
	doc.advise(p, o)
	return layout.Printer{
		Along: o.Along,
		Page:  func() *layout.Page { return doc.page(p, o) },
		JSON:  func(w io.Writer) error { return layout.WriteJSON(w, doc) },
		Rows: func(yield func(any) bool) {
			for i := range doc.Vaults {
				if !yield(&doc.Vaults[i]) {
					return
				}
			}
		},
		CSV: func(w io.Writer) error {
			return report.WriteCSV(w, slices.Concat(report.IdentityColumns, report.OutcomeColumns, report.ReasonColumns,
				report.GroupColumns), report.Pointers(doc.Vaults))
		},
	}.Write(w, o.Format, o.Width)
}

// carry shows what the ledger knows of a vault that was checked. The findings stay those
// of the check: they tell whether another try would get further.
func (d *checked) carry(x *report.Vault, c *fleet.Carried) {
	if x.Reopened = c.Status == fleet.Pending; x.Reopened {
		return
	}
	found := *x
	d.found[x] = &found
	x.Status, x.Carried, x.Foreign = c.Status, true, false
	x.Reason, x.OperationID = report.StringOrNull(c.Reason), report.StringOrNull(c.OperationID)
	x.StartedAt, x.EndedAt = report.TimeOrNull(c.StartedAt), report.TimeOrNull(c.EndedAt)
}

// advise says what to type next: what the ledger's run wants that is not over, or how the
// plan looks, and how a vault that no run starts may be started.
func (d *checked) advise(p *plan.Plan, o ValidationOptions) {
	d.next, d.ledger = []report.Step{{Args: []string{"plan", p.Inventory, "--validate"}}}, o.State
	if o.Unfinished != nil {
		d.next, d.ledger = o.Unfinished.steps, o.Unfinished.path
	} else if len(d.found) > 0 && o.Memory.Reopens(p) {
		var again []string
		for _, v := range d.with(func(v *report.Vault) bool { return v.Carried }) {
			again = append(again, v.Vault)
		}
		when := "for failed vaults that may be tried again"
		if len(again) > standing.VaultsInStep { // one shows how
			again = again[:1]
		}
		if len(again) == 1 {
			when = "for a failed vault that may be tried again"
		}
		args := standing.Reopen(p.Kind, again...)
		if o.State == "" { // plan finds it beside the inventory, reopen does not
			args = append(args, "--state", o.Ledger)
		}
		d.next = append(d.next,
			report.Step{When: when, Args: args, Instead: true})
	}
	d.Next = report.NextCommands(d.next, d.ledger, o.Along)
}

// validationSections are the groups of a validation's page, in order.
var validationSections = []struct {
	status  fleet.Status
	heading string
}{
	{fleet.Blocked, "BLOCKED: mend what is named here and validate again"},
	{fleet.Failed, "FAILED BEFORE, as the cloud remembers: do not retry unless Microsoft says so"},
	{fleet.Upgrading, ""}, // as the kind has it
	{fleet.Busy, "BUSY: a run tries again"},
	{fleet.Pending, "NOT CHECKED: nothing was learnt about them"},
	{fleet.Already, ""},  // as the kind has it
	{fleet.Excluded, ""}, // by who holds them
}

func (d *checked) page(pl *plan.Plan, o ValidationOptions) *layout.Page {
	p, c, words := &layout.Page{}, lexicon.ClockIn(o.Zone), lexicon.WordingOf(pl.Kind)
	p.Title("VALIDATION of plan %s%s%s%s%s (times %s)", lexicon.ElideHash(d.PlanFingerprint), lexicon.Dot,
		lexicon.Or(pl.Inventory, "no file"), lexicon.Dot,
		c.Full(d.CheckedAt.Value()), c)
	p.Line("Nothing was started.")
	if d.Unfinished != nil {
		d.Unfinished.says(p)
	}
	carried := d.with(func(v *report.Vault) bool { return v.Carried })
	tally := strings.ReplaceAll(words.Tally(func(s fleet.Status) int { return len(d.status(s)) }), lexicon.Dot, " + ")
	if n := len(carried); n > 0 {
		tally = strings.TrimPrefix(tally+" + "+lexicon.Number(n)+" failed or unknown from "+earlierRuns(d.Unfinished),
			"none + ")
	}
	p.Line("%s = %s", lexicon.Vaults(len(d.Vaults)), tally)
	d.carried(p, pl, o, carried)
	for _, s := range validationSections {
		vs := d.status(s.status)
		switch s.status {
		case fleet.Already:
			d.section(p, o.Zone, vs, strings.ToUpper(words.Already))
		case fleet.Upgrading:
			d.section(p, o.Zone, vs, fmt.Sprintf("%s: somebody's %s is under way", strings.ToUpper(words.Doing),
				words.Other))
		case fleet.Excluded:
			held, unheld := report.ByHolder(vs)
			d.section(p, o.Zone, held, "HELD: by the inventory")
			d.section(p, o.Zone, unheld, "HELD: "+report.CannotRollBack)
		default:
			d.section(p, o.Zone, vs, s.heading)
		}
	}
	d.ready(p)
	report.NextLines(p, d.next, d.ledger)
	return p.Zoned(c, d.CheckedAt.Value())
}

// with are the vaults that keep keeps.
func (d *checked) with(keep func(*report.Vault) bool) (vs []*report.Vault) {
	for i := range d.Vaults {
		if v := &d.Vaults[i]; keep(v) {
			vs = append(vs, v)
		}
	}
	return vs
}

// status are the vaults that the check left in a status, without those that the ledger did.
func (d *checked) status(s fleet.Status) []*report.Vault {
	return d.with(func(v *report.Vault) bool { return v.Status == s && !v.Carried })
}

// carried lists the vaults that no run would start, each with what the check says of it.
func (d *checked) carried(p *layout.Page, pl *plan.Plan, o ValidationOptions, vs []*report.Vault) {
	if len(vs) == 0 {
		return
	}
	p.Section("%s (%s)", notTriedAgain(d.Unfinished, o.Memory.Reopens(pl)), lexicon.Vaults(len(vs)))
	for _, v := range vs {
		p.Item("%s: %s", v.Vault, reasonOf(v, lexicon.ClockIn(o.Zone)))
		found := d.found[v]
		if len(v.Findings) == 0 {
			p.Sub("the check: %s", lexicon.Or(report.ValueOf(found.Reason), "nothing stands against it"))
		}
		showFindings(p, v.Findings)
	}
}

// section lists vaults, each with all its findings.
func (d *checked) section(p *layout.Page, zone *time.Location, vs []*report.Vault, heading string) {
	if len(vs) == 0 {
		return
	}
	p.Section("%s (%s)", heading, lexicon.Vaults(len(vs)))
	for _, v := range vs {
		if len(v.Findings) == 0 {
			p.Item("%s: %s", v.Vault, reasonOf(v, lexicon.ClockIn(zone)))
			continue
		}
		p.Item("%s", v.Vault)
		showFindings(p, v.Findings)
	}
}

func showFindings(p *layout.Page, fs []report.Finding) {
	refused := slices.ContainsFunc(fs, func(f report.Finding) bool {
		return report.ValueOf(f.Code) == fleet.CodeWarningsRefused
	})
	for _, f := range fs {
		p.Sub("%s %s: %s", f.Severity, lexicon.Or(report.ValueOf(f.Code), "no code"),
			lexicon.Or(report.ValueOf(f.Message), "no message"))
		heading, rows := fleet.Columns(f.Items)
		if heading != "" {
			p.Sub("  %s:", heading)
		}
		for _, item := range rows {
			p.Sub("  %s", item)
		}
		if f.Action != nil {
			do := "Do"
			if f.Severity == fleet.SeverityWarning && refused { // a person decides, with the finding that says so
				do = "Its own advice"
			}
			p.Sub("  %s: %s", do, *f.Action)
		}
	}
}

// ready counts the vaults that may start and shows what was said of them
// nevertheless.
func (d *checked) ready(p *layout.Page) {
	showReady(p, d.status(fleet.Ready))
}

func showReady(p *layout.Page, vs []*report.Vault) {
	if len(vs) == 0 {
		return
	}
	p.Section("READY (%s)", lexicon.Vaults(len(vs)))
	quiet := 0
	for _, v := range vs {
		if len(v.Findings) == 0 {
			quiet++
			continue
		}
		p.Item("%s", v.Vault)
		showFindings(p, v.Findings)
	}
	if quiet > 0 {
		p.Item("%s without any finding", lexicon.Vaults(quiet))
	}
}

// reasonOf is why a vault does not start, and of a held one who holds it until when.
func reasonOf(v *report.Vault, c lexicon.Clock) string {
	reason := lexicon.Or(report.ValueOf(v.Reason), "no reason given")
	if v.HeldBy != nil {
		reason += ", by " + *v.HeldBy
	}
	if v.HeldUntil != nil {
		reason += ", until " + c.Minute(v.HeldUntil.Time)
	}
	return reason
}
