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
)

// ValidationOptions says how to write the results of checks.
type ValidationOptions struct {
	Format layout.Format
	Zone   *time.Location      // of the times people read; nil: UTC
	Now    time.Time           // when the checks were done
	State  string              // the ledger's path, for the commands to paste; empty: left out
	Width  int                 // columns of the terminal that a table is for; 0: no terminal
	Along  func(string) string // adds to a command to paste what whoever asked has said; nil: nothing
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

	next []report.Step
}

// Validation writes the results of the checks of a plan's vaults. A vault
// without a result shows pending: it was not checked.
func Validation(w io.Writer, p *plan.Plan, results map[fleet.Key]fleet.Validation, o ValidationOptions) error {
	doc := checked{report.SchemaVersion, p.Fingerprint, report.TimeOrNull(o.Now),
		map[fleet.Status]int{fleet.Ready: 0, fleet.Blocked: 0}, make([]report.Vault, len(p.Vaults)), nil,
		[]report.Step{{Args: []string{"plan", p.Inventory, "--validate"}}}}
	doc.Next = report.NextCommands(doc.next, o.State, o.Along)
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
		doc.Totals[x.Status]++
	}
	return layout.Printer{
		Along: o.Along,
		Page:  func() *layout.Page { return doc.page(p, o) },
		JSON:  func(w io.Writer) error { return layout.WriteJSON(w, doc) },
		Rows: func() []any {
			rows := make([]any, len(doc.Vaults))
			for i := range doc.Vaults {
				rows[i] = &doc.Vaults[i]
			}
			return rows
		},
		CSV: func(w io.Writer) error {
			return report.WriteCSV(w, slices.Concat(report.IdentityColumns, report.OutcomeColumns, report.ReasonColumns,
				report.GroupColumns), report.Pointers(doc.Vaults))
		},
	}.Write(w, o.Format, o.Width)
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
	p.Line("%s = %s", lexicon.Vaults(len(d.Vaults)),
		strings.ReplaceAll(words.Tally(func(s fleet.Status) int { return d.Totals[s] }), lexicon.Dot, " + "))
	for _, s := range validationSections {
		vs := d.with(s.status)
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
	report.NextLines(p, d.next, o.State)
	return p.Zoned(c, d.CheckedAt.Value())
}

// with are the vaults of a status.
func (d *checked) with(s fleet.Status) (vs []*report.Vault) {
	for i := range d.Vaults {
		if v := &d.Vaults[i]; v.Status == s {
			vs = append(vs, v)
		}
	}
	return vs
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
	for _, f := range fs {
		p.Sub("%s %s: %s", f.Severity, lexicon.Or(report.ValueOf(f.Code), "no code"),
			lexicon.Or(report.ValueOf(f.Message), "no message"))
		for _, item := range f.Items {
			p.Sub("  %s", item)
		}
		if f.Action != nil {
			p.Sub("  Do: %s", *f.Action)
		}
	}
}

// ready counts the vaults that may start and shows what was said of them
// nevertheless.
func (d *checked) ready(p *layout.Page) {
	showReady(p, d.with(fleet.Ready))
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
