package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) auditCommand() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "verify or export the journal",
		Subcommands: []*cli.Command{{
			Name:  "verify",
			Usage: "check that nothing was changed, removed or cut off",
			Description: "Each event carries the hash of the one before it. Whoever can rewrite the whole ledger can rewrite\n" +
				"all hashes too: what proves the journal's end is a head that a report printed and somebody noted elsewhere.",
			Flags: []cli.Flag{neededStateFlag(), outputFlag("table", "json"),
				&cli.StringFlag{Name: "head", Usage: "the head that a report printed, a `HASH` or its first digits, 8 at least: its event must still be there"}},
			Action: e.auditVerify,
		}, {
			Name:  "export",
			Usage: "write the journal as JSON lines: who, when, what, why, and the bytes that the hashes are of",
			Description: "The first line is the ledger's identity, each other line an event. docs/audit.md tells how to compute\n" +
				"the chain again from the export alone.",
			Flags:  []cli.Flag{neededStateFlag(), outputFlag("jsonl")},
			Action: e.auditExport,
		}},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usage(helpOn(c), "audit has no command %q%s", c.Args().First(), meant(c.Args().First(), c.Command.Subcommands))
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// openEvidence opens a copy of the ledger that the command line names: an audit
// reads all of it, and keeps no run waiting meanwhile.
func openEvidence(c *cli.Context, formats ...string) (*state.Reader, error) {
	if err := noArguments(c); err != nil {
		return nil, err
	}
	if err := oneOf("output", c.String("output"), formats...); err != nil {
		return nil, err
	}
	path, err := statePath(c)
	if err != nil {
		return nil, err
	}
	r, err := state.OpenCopy(path)
	switch {
	case errors.Is(err, state.ErrLive):
		return nil, &failure{fleet.ExitInUse, err, "ask again when the run has ended, or stop it in order: an audit is of a journal at rest"}
	case errors.Is(err, state.ErrNoLedger):
		return nil, noLedger(path)
	}
	return r, err
}

var headPattern = lazyregexp.New(`^[0-9a-f]{8,64}$`)

// wantedHead reads the head that a report printed.
func wantedHead(c *cli.Context) (string, error) {
	if !c.IsSet("head") {
		return "", nil
	}
	head := strings.ToLower(strings.TrimRight(strings.TrimSpace(c.String("head")), "….")) // as a report may shorten it
	if !headPattern().MatchString(head) {
		return "", usage("give the journal head that a report printed, 8 to 64 digits of it", "--head %q is not a hash", c.String("head"))
	}
	return head, nil
}

func (e *environment) auditVerify(c *cli.Context) error {
	head, err := wantedHead(c)
	if err != nil {
		return err
	}
	r, err := openEvidence(c, "table", "json")
	if err != nil {
		return err
	}
	defer r.Close()
	found, err := audit(r, head)
	if err != nil {
		return err
	}
	if head != "" && !found.found {
		found.faults = append(found.faults, fault{What: "head",
			Message: fmt.Sprintf("no event has the head %s: the journal ends before it and its tail was cut off, or this is another ledger", head)})
	}
	if c.String("output") == "json" {
		err = writeJSON(e.stdout, found.document(r.Info(), head))
	} else {
		e.tellFindings(found, r.Path(), head)
	}
	if err != nil || len(found.faults) == 0 {
		return err
	}
	return &failure{fleet.ExitInternal, fmt.Errorf("the audit of ledger %s found %s", r.Path(), plural(len(found.faults)+found.more, "fault")),
		"keep the file as it is and find out who changed it; do not upgrade its vaults until then, or go on from a backup that has the head"}
}

// tellFindings says in a few lines what an audit found.
func (e *environment) tellFindings(f *findings, path, head string) {
	out := func(format string, args ...any) { say(e.stdout, format, args...) }
	for _, x := range f.faults {
		out("%s", report.Clean(x.String()))
	}
	if f.more > 0 {
		out("and %d more", f.more)
	}
	verdict := "GOOD"
	if len(f.faults) > 0 {
		verdict = "NOT GOOD"
	}
	since := ""
	if !f.since.IsZero() {
		since = ", since " + f.since.In(localZone()).Format("Mon 2 Jan 2006 15:04 MST")
	}
	out("%s: ledger %s, %s in %s%s; %s", verdict, report.Clean(path), plural(int(f.events), "event"), plural(f.runs, "run"), since, plural(f.vaults, "vault"))
	seq, hash := f.end()
	out("head %s (event %d)", hash, seq)
	if head != "" && f.found {
		where := fmt.Sprintf("event %d", f.at)
		if f.at == 0 {
			where = "the ledger's beginning"
		}
		out("the head asked for is %s; %s came after it", where, plural(int(f.events-min(f.at, f.events)), "event"))
	}
	if len(f.faults) == 0 && head == "" {
		say(e.stderr, "Note the head elsewhere: with --head it proves later that nothing was cut off the end.")
	}
}

// end is the journal's end: its newest event, or the genesis.
func (f *findings) end() (seq uint64, hash state.Hash) {
	if f.head.Seq == 0 {
		return 0, f.genesis
	}
	return f.head.Seq, f.head.Hash
}

// String says a fault on one line.
func (f fault) String() string {
	var about string
	switch {
	case f.What == "vault" && f.Vault != "":
		about = "VAULT " + f.Vault
	case f.What != "event" || f.From == 0:
		return strings.ToUpper(f.What) + " " + f.Message
	case f.From == f.To:
		about = fmt.Sprintf("EVENT %d", f.From)
	default:
		about = fmt.Sprintf("EVENTS %d to %d", f.From, f.To)
	}
	if f.Run != "" {
		about += " of run " + f.Run
	}
	return about + ": " + f.Message
}

// maybe is a value for JSON, null where there is none.
func maybe[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// auditDocument is what an audit found as JSON: additive only, absent values
// are null.
type auditDocument struct {
	SchemaVersion int             `json:"schemaVersion"`
	Good          bool            `json:"good"`
	Ledger        state.Info      `json:"ledger"`
	Events        uint64          `json:"events"`
	Runs          int             `json:"runs"`
	Vaults        int             `json:"vaults"`
	Since         *report.Time    `json:"since"`
	Head          headDocument    `json:"head"`
	Asked         *askedHead      `json:"asked"`
	Faults        []faultDocument `json:"faults"`
	MoreFaults    int             `json:"moreFaults"`
}

type faultDocument struct {
	What    string  `json:"what"`
	From    *uint64 `json:"from"`
	To      *uint64 `json:"to"`
	Run     *string `json:"run"`
	Vault   *string `json:"vault"`
	Message string  `json:"message"`
}

type headDocument struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// askedHead is what became of a head that was asked for.
type askedHead struct {
	Head  string  `json:"head"`
	Found bool    `json:"found"`
	Seq   *uint64 `json:"seq"`
	After *uint64 `json:"after"` // events that came after it
}

func (f *findings) document(info state.Info, head string) auditDocument {
	seq, hash := f.end()
	d := auditDocument{SchemaVersion: 1, Good: len(f.faults) == 0, Ledger: info, Events: f.events, Runs: f.runs, Vaults: f.vaults,
		Head: headDocument{seq, hash.String()}, Faults: []faultDocument{}, MoreFaults: f.more}
	for _, x := range f.faults {
		d.Faults = append(d.Faults, faultDocument{x.What, maybe(x.From), maybe(x.To), maybe(x.Run), maybe(x.Vault), x.Message})
	}
	if !f.since.IsZero() {
		d.Since = &report.Time{Time: f.since}
	}
	if head != "" {
		d.Asked = &askedHead{Head: head, Found: f.found}
		if f.found {
			after := f.events - min(f.at, f.events)
			d.Asked.Seq, d.Asked.After = &f.at, &after
		}
	}
	return d
}
