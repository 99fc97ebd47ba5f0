package report

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// ValidationOptions says how to write the results of checks.
type ValidationOptions struct {
	Format Format
	Zone   *time.Location // of the times people read; nil: UTC
	Now    time.Time      // when the checks were done
	State  string         // the ledger's path, for the commands to paste; empty: left out
	Width  int            // columns of the terminal that a table is for; 0: no terminal
}

// verdictStatus is the status a vault shows after a check. A check that learnt
// nothing (no sign-in, throttled) leaves it pending.
func verdictStatus(v fleet.Verdict) fleet.Status {
	switch v {
	case fleet.VerdictReady, fleet.VerdictBlocked, fleet.VerdictBusy, fleet.VerdictAlready,
		fleet.VerdictUpgrading, fleet.VerdictFailed:
		return fleet.Status(v)
	}
	return fleet.Pending
}

// check adds what a check found.
func (v *Vault) check(val fleet.Validation) {
	v.Findings, v.RequestIDs = findings(val.Findings), list(val.RequestIDs)
	if v.Status = verdictStatus(val.Verdict); v.Status != fleet.Ready {
		if fs := v.errors(); len(fs) > 0 {
			v.Reason = fs[0].Message
		}
	}
	v.Foreign = v.Status == fleet.Upgrading
	r := val.Record
	if r == nil {
		r = &fleet.Record{}
	}
	v.OperationID, v.UpgradedResourceID = maybe(r.OperationID), maybe(r.UpgradedResourceID)
	v.StartedAt, v.EndedAt = at(r.StartedAt), at(r.EndedAt)
	if v.Reason != nil {
		return
	}
	switch v.Status {
	case fleet.Failed:
		v.Reason = maybe(or(r.Message, "the cloud's record says that its upgrade failed"))
	case fleet.Upgrading:
		v.Reason = maybe("operation " + or(r.OperationID, "of an unknown ID") + " is under way")
	case fleet.Already:
		v.Reason = maybe(or(v.noted(), "upgraded to "+or(r.UpgradedResourceID, "a vault the cloud does not name")))
	}
}

// notChecked is the reason of a vault without a result.
const notChecked = "not checked"

// checked is the document of a validation.
type checked struct {
	SchemaVersion   int                  `json:"schemaVersion"`
	PlanFingerprint string               `json:"planFingerprint"`
	CheckedAt       *Time                `json:"checkedAt"`
	Totals          map[fleet.Status]int `json:"totals"`
	Vaults          []Vault              `json:"vaults"`
}

// Validation writes the results of the checks of a plan's vaults. A vault
// without a result shows pending: it was not checked.
func Validation(w io.Writer, p *plan.Plan, results map[fleet.Key]fleet.Validation, o ValidationOptions) error {
	doc := checked{SchemaVersion, p.Fingerprint, at(o.Now), map[fleet.Status]int{fleet.Ready: 0, fleet.Blocked: 0}, make([]Vault, len(p.Vaults))}
	names := p.Names()
	for i := range p.Vaults {
		v := &p.Vaults[i]
		x := vaultOf(v, names[i], p.Waves[v.Wave].Name)
		if val, ok := results[v.Key]; ok {
			x.check(val)
		} else if v.Excluded() {
			x.Status, x.Reason = fleet.Excluded, maybe(v.Hold.Reason)
		} else {
			x.Reason = maybe(notChecked)
		}
		doc.Vaults[i] = x
		doc.Totals[x.Status]++
	}
	return printer{
		page: func() *page { return doc.page(p, o) },
		json: func(w io.Writer) error { return writeJSON(w, doc) },
		rows: func() []any {
			rows := make([]any, len(doc.Vaults))
			for i := range doc.Vaults {
				rows[i] = &doc.Vaults[i]
			}
			return rows
		},
		csv: func(w io.Writer) error {
			return writeCSV(w, slices.Concat(identity, outcome, reasons, groups), pointers(doc.Vaults))
		},
	}.write(w, o.Format, o.Width)
}

// validationSections are the groups of a validation's page, in order.
var validationSections = []struct {
	status  fleet.Status
	heading string
}{
	{fleet.Blocked, "BLOCKED: mend what is named here and validate again"},
	{fleet.Failed, "FAILED BEFORE, as the cloud remembers: do not retry unless Microsoft says so"},
	{fleet.Upgrading, "UPGRADING: somebody's upgrade is under way"},
	{fleet.Busy, "BUSY: a run tries again"},
	{fleet.Pending, "NOT CHECKED: nothing was learnt about them"},
	{fleet.Already, ""}, // as the kind has it
	{fleet.Excluded, "HELD: by the inventory"},
}

func (d *checked) page(pl *plan.Plan, o ValidationOptions) *page {
	p, c := &page{}, clockIn(o.Zone)
	p.title("VALIDATION of plan %s%s%s%s%s (times %s)", elideHash(d.PlanFingerprint), dot, or(pl.Inventory, "no file"), dot,
		c.full(d.CheckedAt.value()), c)
	p.line("Nothing was started.")
	p.line("%s = %s", vaults(len(d.Vaults)), strings.ReplaceAll(tally(func(s fleet.Status) int { return d.Totals[s] }), dot, " + "))
	for _, s := range validationSections {
		d.section(p, s.status, or(s.heading, strings.ToUpper(wordingOf(pl.Kind).already)))
	}
	d.ready(p)
	p.command("Next", command("plan", pl.Inventory, "--validate", o.State))
	return p.zoned(c, d.CheckedAt.value())
}

// section lists the vaults of a status, each with all its findings.
func (d *checked) section(p *page, s fleet.Status, heading string) {
	if d.Totals[s] == 0 {
		return
	}
	p.section("%s (%s)", heading, vaults(d.Totals[s]))
	for i := range d.Vaults {
		v := &d.Vaults[i]
		if v.Status != s {
			continue
		}
		if len(v.Findings) == 0 {
			p.item("%s: %s", v.Vault, or(str(v.Reason), "no reason given"))
			continue
		}
		p.item("%s", v.Vault)
		p.findings(v)
	}
}

func (p *page) findings(v *Vault) { p.listed(v.Findings) }

func (p *page) listed(fs []Finding) {
	for _, f := range fs {
		p.sub("%s %s: %s", f.Severity, or(str(f.Code), "no code"), or(str(f.Message), "no message"))
		for _, item := range f.Items {
			p.sub("  %s", item)
		}
		if f.Action != nil {
			p.sub("  Do: %s", *f.Action)
		}
	}
}

// ready counts the vaults that may start and shows what was said of them
// nevertheless.
func (d *checked) ready(p *page) {
	var vs []*Vault
	for i := range d.Vaults {
		if d.Vaults[i].Status == fleet.Ready {
			vs = append(vs, &d.Vaults[i])
		}
	}
	p.ready(vs)
}

func (p *page) ready(vs []*Vault) {
	if len(vs) == 0 {
		return
	}
	p.section("READY (%s)", vaults(len(vs)))
	quiet := 0
	for _, v := range vs {
		if len(v.Findings) == 0 {
			quiet++
			continue
		}
		p.item("%s", v.Vault)
		p.findings(v)
	}
	if quiet > 0 {
		p.item("%s without any finding", vaults(quiet))
	}
}
