package dryrun

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Preflight is what a preflight found.
type Preflight struct {
	SignIns       []fleet.SignIn
	Subscriptions []PreflightSubscription
	CheckedAt     time.Time
	ForecastEnd   time.Time // of the plan, at the 90th percentile; zero: not known
	ExitCode      fleet.ExitCode
}

// PreflightSubscription is a subscription with what was asked of it.
type PreflightSubscription struct {
	fleet.Subscription
	Checks []fleet.Check
}

// PreflightOptions says how to write a preflight.
type PreflightOptions struct {
	Format  layout.Format  // FormatTable or FormatJSON
	Zone    *time.Location // of the times people read; nil: UTC
	Width   int            // columns of the terminal that a table is for; 0: no terminal
	Details bool           // every check, the good ones too
	File    string         // that was checked, for the commands to paste
	// the command line that was given, to be pasted once more; empty: it named the file alone
	Again string
	State string              // the ledger's path, for the commands to paste; empty: left out
	Along func(string) string // adds to a command to paste what whoever asked has said; nil: nothing
}

// Write writes the preflight of a plan.
func (f *Preflight) Write(w io.Writer, pl *plan.Plan, o PreflightOptions) error {
	return layout.Printer{
		Along: o.Along,
		Page:  func() *layout.Page { return f.page(pl, o) },
		JSON:  func(w io.Writer) error { return layout.WriteJSON(w, f.document(pl, o)) },
	}.Write(w, o.Format, o.Width)
}

// preflightDocument is a preflight as JSON.
type preflightDocument struct {
	SchemaVersion   int                    `json:"schemaVersion"`
	PlanFingerprint string                 `json:"planFingerprint"`
	CheckedAt       *report.Time           `json:"checkedAt"`
	ForecastEnd     *report.Time           `json:"forecastEnd"`
	Verdict         string                 `json:"verdict"`
	ExitCode        fleet.ExitCode         `json:"exitCode"`
	SignIns         []signInDocument       `json:"signIns"`
	Subscriptions   []subscriptionDocument `json:"subscriptions"`
	Next            []report.NextCommand   `json:"next"` // what to type next
}

type signInDocument struct {
	Side          string               `json:"side"`
	Tenant        *string              `json:"tenant"` // asked for; null: the credential's own
	Credential    fleet.CredentialKind `json:"credential"`
	FixedToken    bool                 `json:"fixedToken"`
	Type          *string              `json:"type"`
	Name          *string              `json:"name"`
	ObjectID      *string              `json:"objectId"`
	ApplicationID *string              `json:"applicationId"`
	TokenTenant   *string              `json:"tokenTenant"`
	ValidUntil    *report.Time         `json:"validUntil"`
	Renewal       *string              `json:"renewal"`
	Renews        bool                 `json:"renews"`
	Findings      []report.Finding     `json:"findings"`
}

type subscriptionDocument struct {
	SubscriptionID string          `json:"subscriptionId"`
	Name           string          `json:"name"`
	Tenant         *string         `json:"tenant"`
	Checks         []checkDocument `json:"checks"`
}

type checkDocument struct {
	Check    string           `json:"check"`
	State    fleet.CheckState `json:"state"`
	Detail   *string          `json:"detail"`
	Findings []report.Finding `json:"findings"`
}

func (f *Preflight) document(pl *plan.Plan, o PreflightOptions) preflightDocument {
	d := preflightDocument{report.SchemaVersion, pl.Fingerprint, report.TimeOrNull(f.CheckedAt),
		report.TimeOrNull(f.ForecastEnd), f.ExitCode.Name(), f.ExitCode,
		[]signInDocument{}, []subscriptionDocument{}, []report.NextCommand{}}
	for i := range f.SignIns {
		s := &f.SignIns[i]
		id := s.Identity
		d.SignIns = append(d.SignIns, signInDocument{s.Side, report.StringOrNull(s.Tenant), s.Credential, id.Fixed,
			report.StringOrNull(string(id.Type)), report.StringOrNull(id.Name),
			report.StringOrNull(id.ObjectID), report.StringOrNull(id.ApplicationID), report.StringOrNull(id.Tenant),
			report.TimeOrNull(id.ValidUntil), report.StringOrNull(id.Renewal), id.Renews,
			report.FindingsOf(s.Findings)})
	}
	for _, s := range f.Subscriptions {
		sd := subscriptionDocument{s.ID, s.Name, report.StringOrNull(s.Tenant), []checkDocument{}}
		for _, c := range s.Checks {
			sd.Checks = append(sd.Checks,
				checkDocument{c.Name, c.State, report.StringOrNull(c.Detail), report.FindingsOf(c.Findings)})
		}
		d.Subscriptions = append(d.Subscriptions, sd)
	}
	when, command := f.next(o)
	if o.Along != nil {
		command = o.Along(command)
	}
	d.Next = append(d.Next, report.NextCommand{When: report.StringOrNull(when), Command: command})
	return d
}

// next is what to type next, and what must be so first.
func (f *Preflight) next(o PreflightOptions) (when, command string) {
	switch f.ExitCode {
	case fleet.ExitOK:
		return "", report.CommandOn("validate", o.File, o.State)
	case fleet.ExitSignIn:
		return "", lexicon.Command("permissions", o.File, "-o", "table")
	}
	return "when that is mended", lexicon.Or(o.Again, lexicon.Command("preflight", o.File))
}

func (f *Preflight) page(pl *plan.Plan, o PreflightOptions) *layout.Page {
	p, c := &layout.Page{}, lexicon.ClockIn(o.Zone)
	p.Title("PREFLIGHT of %s%s%s (times %s)", lexicon.Or(pl.Inventory, "no file"), lexicon.Dot, c.Full(f.CheckedAt), c)
	p.Line("Nothing was started and nothing was written. Who is signed in is read from the tokens, to be shown: it " +
		"is not verified.")
	if !f.ForecastEnd.IsZero() {
		p.Line("The plan's forecast ends %s at the latest (90th percentile).", c.Full(f.ForecastEnd))
	}
	f.signIns(p, c)
	f.subscriptions(p, o.Details)
	if when, command := f.next(o); when != "" {
		p.Command("Next, "+when, command)
	} else {
		p.Command("Next", command)
	}
	return p.Zoned(c, f.CheckedAt)
}

func (f *Preflight) signIns(p *layout.Page, c lexicon.Clock) {
	g := layout.Grid{Head: []string{"SIDE", "TENANT", "CREDENTIAL", "VALID UNTIL", "SIGNED IN AS"}, Wrap: true}
	var renewals []string
	for i := range f.SignIns {
		s := &f.SignIns[i]
		credential := string(s.Credential)
		if s.Identity.Fixed {
			credential = "-"
		}
		g.Rows = append(g.Rows, []string{s.Side, lexicon.Or(s.Tenant, s.Identity.Tenant, "-"), credential,
			c.Full(s.Identity.ValidUntil), signedInAs(s)})
		if r := string(s.Credential) + ": " + s.Identity.Renewal; s.Identity.Renewal != "" &&
			!slices.Contains(renewals, r) {
			renewals = append(renewals, r)
		}
	}
	p.Table(g)
	for _, r := range renewals {
		p.Line("%s", r)
	}
	for i := range f.SignIns {
		if s := &f.SignIns[i]; len(s.Findings) > 0 {
			p.Item("%s, tenant %s", s.Side, lexicon.Or(s.Tenant, s.Identity.Tenant, "of the credential"))
			showFindings(p, report.FindingsOf(s.Findings))
		}
	}
}

// signedInAs says in a few words who a sign-in is.
func signedInAs(s *fleet.SignIn) string {
	id := s.Identity
	switch {
	case fleet.HasSeverity(s.Findings, fleet.SeverityError):
		return "NOT SIGNED IN"
	case id.Fixed:
		return "a fixed token, no sign-in"
	case id.Type == fleet.IdentityUser:
		return "user " + lexicon.Or(id.Name, id.ObjectID, "without a name")
	case id.Type == fleet.IdentityApp:
		return strings.TrimSpace("application " + lexicon.Or(id.ApplicationID, id.ObjectID, id.Name))
	}
	if who := lexicon.Or(id.Name, id.ApplicationID, id.ObjectID); who != "" {
		return who
	}
	return "the token does not say"
}

func (f *Preflight) subscriptions(p *layout.Page, details bool) {
	g := layout.Grid{Head: []string{"SUBSCRIPTION", "GOOD", "NOT GOOD"}, Right: map[int]bool{1: true}, Wrap: true}
	for _, s := range f.Subscriptions {
		var bad []string
		for _, c := range s.Checks {
			if c.State != fleet.CheckGood {
				bad = append(bad, string(c.State)+": "+c.Name)
			}
		}
		g.Rows = append(g.Rows, []string{s.Name, lexicon.Plural(len(s.Checks)-len(bad), "check", "checks"),
			lexicon.Or(strings.Join(bad, ", "), "-")})
	}
	p.Table(g)
	for _, s := range f.Subscriptions {
		worth := func(c fleet.Check) bool { return details || c.State != fleet.CheckGood || len(c.Findings) > 0 }
		if !slices.ContainsFunc(s.Checks, worth) {
			continue
		}
		p.Section("%s", namedSubscription(s.Subscription))
		for _, c := range s.Checks {
			if !worth(c) {
				continue
			}
			detail := ""
			if c.Detail != "" {
				detail = ": " + c.Detail
			}
			p.Item("%-8s %s%s", c.State, c.Name, detail)
			showFindings(p, report.FindingsOf(c.Findings))
		}
	}
}

func namedSubscription(s fleet.Subscription) string {
	if s.Name == s.ID {
		return s.ID
	}
	return s.Name + " (" + s.ID + ")"
}
