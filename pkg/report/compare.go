package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// EarlierReport is as much of a report in JSON as another is compared with.
type EarlierReport struct {
	Run struct {
		ID        string     `json:"id"`
		Kind      fleet.Kind `json:"kind"`
		StartedAt *Time      `json:"startedAt"`
	} `json:"run"`
	Vaults []EarlierVault `json:"vaults"`
}

// EarlierVault is how a vault stood then.
type EarlierVault struct {
	Vault  string       `json:"vault"`
	Status fleet.Status `json:"status"`
	Reason *string      `json:"reason"`
}

// ErrNoReport says that what was read is no report in JSON.
var ErrNoReport = errors.New("not a report of fleetup in JSON")

// ReadEarlier reads a report as report -o json and run --report FILE.json write it, of this
// version or of an older one. The error wraps ErrNoReport where it is something else.
func ReadEarlier(r io.Reader) (*EarlierReport, error) {
	var n EarlierReport
	d := json.NewDecoder(r)
	if err := d.Decode(&n); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows it", ErrNoReport)
	}
	if n.Run.ID == "" || n.Run.Kind == "" || n.Vaults == nil {
		return nil, ErrNoReport
	}
	for _, v := range n.Vaults {
		if v.Vault == "" || !slices.Contains(fleet.Statuses(), v.Status) {
			return nil, fmt.Errorf("%w: a vault %q has the status %q", ErrNoReport, v.Vault, v.Status)
		}
	}
	return &n, nil
}

// Difference is what has become of a vault between two nights.
type Difference string

// The differences, in the order in which they are shown. A vault is done that is
// upgraded or already as wanted, whoever did that.
const (
	FailedSince Difference = "failed-since" // it had not failed, and has failed or is unknown
	UndoneSince Difference = "undone-since" // it was done, and is not
	StillOpen   Difference = "still-open"   // failed, unknown or blocked both times
	DoneSince   Difference = "done-since"   // it was not done, and is
	OtherSince  Difference = "other-since"  // another status, and neither of these
	NewSince    Difference = "new-since"    // in this one alone
	GoneSince   Difference = "gone-since"   // in the earlier one alone
)

// differenceWords are the headings of what is listed.
var differenceWords = map[Difference]string{FailedSince: "FAILED SINCE", UndoneSince: "DONE THEN, NOT NOW",
	StillOpen: "STILL OPEN", DoneSince: "DONE SINCE", OtherSince: "OTHERWISE THAN THEN", NewSince: "NOT THERE THEN",
	GoneSince: "NO LONGER THERE"}

// ComparedVault is a vault that two nights tell different things of, or that neither has
// done. Before and Now are null where a night does not have it.
type ComparedVault struct {
	Vault      string        `json:"vault"`
	Difference Difference    `json:"difference"`
	Before     *fleet.Status `json:"before"`
	Now        *fleet.Status `json:"now"`
	Reason     *string       `json:"reason"` // of how it stands now
}

// comparedTotal counts the vaults that stand so in both nights.
type comparedTotal struct {
	Status string `json:"status"` // done, or a status
	Before int    `json:"before"`
	Now    int    `json:"now"`
}

type comparedRun struct {
	ID        string     `json:"id"`
	Kind      fleet.Kind `json:"kind"`
	StartedAt *Time      `json:"startedAt"`
}

// Comparison is two nights side by side.
type Comparison struct {
	SchemaVersion int             `json:"schemaVersion"`
	Before        comparedRun     `json:"before"`
	Now           comparedRun     `json:"now"`
	Totals        []comparedTotal `json:"totals"`
	Same          int             `json:"same"` // vaults of which both say the same, and that are not open
	Vaults        []ComparedVault `json:"vaults"`
}

// Compare holds a night against an earlier one of the same kind. Where the view is of some
// vaults alone, the others of the earlier night are left out.
func (v *View) Compare(before *EarlierReport) *Comparison {
	c := &Comparison{SchemaVersion: 1, Before: comparedRun{before.Run.ID, before.Run.Kind, before.Run.StartedAt},
		Now: comparedRun{v.Run.ID, v.Run.Kind, v.Run.StartedAt}, Vaults: []ComparedVault{}}
	then := make(map[string]*EarlierVault, len(before.Vaults))
	for i := range before.Vaults {
		then[before.Vaults[i].Vault] = &before.Vaults[i]
	}
	counts := map[string]*comparedTotal{}
	count := func(s fleet.Status) *comparedTotal {
		name := string(s)
		if done(s) {
			name = "done"
		}
		if counts[name] == nil {
			counts[name] = &comparedTotal{Status: name}
		}
		return counts[name]
	}
	seen := make(map[string]bool, len(v.Vaults))
	for i := range v.Vaults {
		x := &v.Vaults[i]
		seen[x.Vault] = true
		count(x.Status).Now++
		row := ComparedVault{Vault: x.Vault, Difference: NewSince, Now: &x.Status, Reason: x.Reason}
		if b := then[x.Vault]; b != nil {
			count(b.Status).Before++
			row.Before, row.Difference = &b.Status, difference(b.Status, x.Status)
		}
		if row.Difference == "" {
			c.Same++
			continue
		}
		c.Vaults = append(c.Vaults, row)
	}
	for i := range before.Vaults {
		if b := &before.Vaults[i]; !seen[b.Vault] && v.Selector == nil {
			count(b.Status).Before++
			c.Vaults = append(c.Vaults, ComparedVault{Vault: b.Vault, Difference: GoneSince, Before: &b.Status})
		}
	}
	for _, s := range append([]string{"done"}, statusNames()...) {
		if t := counts[s]; t != nil {
			c.Totals = append(c.Totals, *t)
		}
	}
	order := []Difference{FailedSince, UndoneSince, StillOpen, DoneSince, OtherSince, NewSince, GoneSince}
	slices.SortStableFunc(c.Vaults, func(a, b ComparedVault) int {
		return slices.Index(order, a.Difference) - slices.Index(order, b.Difference)
	})
	return c
}

func statusNames() (names []string) {
	for _, s := range fleet.Statuses() {
		names = append(names, string(s))
	}
	return names
}

func done(s fleet.Status) bool { return s == fleet.Upgraded || s == fleet.Already }

// difference is empty where there is nothing to say.
func difference(before, now fleet.Status) Difference {
	bad := func(s fleet.Status) bool { return s == fleet.Failed || s == fleet.Unknown }
	open := func(s fleet.Status) bool { return bad(s) || s == fleet.Blocked }
	switch {
	case done(before) && done(now):
		return ""
	case done(now):
		return DoneSince
	case bad(now) && !bad(before):
		return FailedSince
	case done(before):
		return UndoneSince
	case open(before) && open(now):
		return StillOpen
	case before != now:
		return OtherSince
	}
	return ""
}

// Write writes the comparison in a format: table, markdown or JSON.
func (c *Comparison) Write(w io.Writer, o Options) error {
	return layout.Printer{Page: func() *layout.Page { return c.page(o) }, Along: o.Along,
		JSON: func(w io.Writer) error {
			data, err := layout.JSON(c)
			if err != nil {
				return err
			}
			_, err = w.Write(data)
			return err
		}}.Write(w, o.Format, o.Width)
}

func (c *Comparison) page(o Options) *layout.Page {
	clock, words := lexicon.ClockIn(o.Zone), lexicon.WordingOf(c.Now.Kind)
	p := &layout.Page{}
	p.Title("RUN %s against %s%stimes %s", c.Now.ID, c.Before.ID, lexicon.Dot, clock)
	p.Pair("Then", "run %s, started %s", c.Before.ID, clock.Full(c.Before.StartedAt.Value()))
	p.Pair("Now", "run %s, started %s", c.Now.ID, clock.Full(c.Now.StartedAt.Value()))
	g := layout.Grid{Head: []string{"STATUS", "THEN", "NOW", "CHANGE"}, Right: map[int]bool{1: true, 2: true, 3: true}}
	for _, t := range c.Totals {
		name := "upgraded or already"
		if t.Status != "done" {
			name = words.Status(fleet.Status(t.Status))
		} else if words.Done != string(fleet.Upgraded) {
			name = words.Done + " or already"
		}
		change := "-"
		if d := t.Now - t.Before; d != 0 {
			change = fmt.Sprintf("%+d", d)
		}
		g.Rows = append(g.Rows, []string{name, lexicon.Number(t.Before), lexicon.Number(t.Now), change})
	}
	p.Table(g)
	for from := 0; from < len(c.Vaults); {
		to := from
		for to < len(c.Vaults) && c.Vaults[to].Difference == c.Vaults[from].Difference {
			to++
		}
		p.Section("%s: %s", differenceWords[c.Vaults[from].Difference], lexicon.Vaults(to-from))
		for _, x := range c.Vaults[from:to] {
			p.Item("%s", x.line(words))
		}
		from = to
	}
	if len(c.Vaults) == 0 {
		p.Line("No vault stands otherwise than then, and none is open.")
	}
	return p
}

func (x *ComparedVault) line(words *lexicon.Wording) string {
	stood := func(s *fleet.Status) string {
		if s == nil {
			return ""
		}
		return words.Status(*s)
	}
	s := x.Vault + ": "
	switch before, now := stood(x.Before), stood(x.Now); {
	case now == "":
		s += before + " then"
	case before == "", before == now:
		s += now
	default:
		s += before + " then, " + now + " now"
	}
	if why := ValueOf(x.Reason); why != "" && x.Now != nil && !done(*x.Now) {
		s += " (" + strings.TrimSuffix(why, ".") + ")"
	}
	return s
}
