package main

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/lazyregexp"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

func (e *environment) auditCommand() *cli.Command {
	return &cli.Command{
		Name:  "audit",
		Usage: "verify or export the journal",
		Subcommands: []*cli.Command{{
			Name:  "verify",
			Usage: "check that nothing was changed, removed or cut off",
			Description: "Each event carries the hash of the one before it. Whoever can rewrite the whole ledger can " +
				"rewrite\n" +
				"all hashes too: what proves the journal's end is a head that a report printed and somebody noted " +
				"elsewhere.",
			Flags: append(outputFlags("table", "json"), neededStateFlag(),
				flagHead.is(cli.StringFlag{Usage: "the head that a report printed, a `HASH` or its first digits, 8 " +
					"at least: its event must still be there"})),
			Action: e.auditVerify,
		}, {
			Name:  "export",
			Usage: "write the journal as JSON lines: who, when, what, why, and the bytes that the hashes are of",
			Description: "The first line is the ledger's identity, each other line an event. docs/audit.md tells how " +
				"to compute\n" +
				"the chain again from the export alone.",
			Flags:  append(outputFlags("jsonl"), neededStateFlag()),
			Action: e.auditExport,
		}},
	}
}

// openEvidence opens a copy of the ledger that the command line names: an audit
// reads all of it, and keeps no run waiting meanwhile.
func openEvidence(c *cli.Context) (*state.Reader, error) {
	path := flagState.of(c)
	r, err := state.OpenCopy(path)
	switch {
	case errors.Is(err, state.ErrLive):
		return nil, failure.New(fleet.ExitInUse, err, failure.Lines(lexicon.Command("wait", "--state", path),
			failure.Or(failure.To("to end the run in order",
				lexicon.Command("stop", "--state", path, "--reason", standing.ReasonToWrite))),
			failure.To("when the run has ended", again(c, "--state", path))))
	case errors.Is(err, state.ErrNoLedger):
		return nil, session.NoLedger(path)
	}
	return r, err
}

var headPattern = lazyregexp.New(`^[0-9a-f]{8,64}$`)

// wantedHead reads the head that a report printed.
func wantedHead(c *cli.Context) (string, error) {
	if !given(c, flagHead) {
		return "", nil
	}
	head := strings.ToLower(strings.TrimRight(strings.TrimSpace(flagHead.of(c)), "….")) // as a report may shorten it
	if !headPattern().MatchString(head) {
		return "", failure.Usage("give the journal head that a report printed, 8 to 64 digits of it",
			"--head %q is not a hash", flagHead.of(c))
	}
	return head, nil
}

func (e *environment) auditVerify(c *cli.Context) error {
	head, err := wantedHead(c)
	if err != nil {
		return err
	}
	r, err := openEvidence(c)
	if err != nil {
		return err
	}
	defer r.Close()
	found, err := audit.Check(r, head, versionString())
	if err != nil {
		return err
	}
	if head != "" && !found.Found {
		found.Faults = append(found.Faults, audit.Fault{What: "head",
			Message: fmt.Sprintf("no event has the head %s: the journal ends before it and its tail was cut off, or "+
				"this is another ledger", head)})
	}
	if flagOutput.of(c) == "json" {
		err = writeJSON(e.stdout, auditOf(found, r.Info(), head))
	} else {
		e.tellFindings(found, r.Path(), head)
	}
	if err != nil || len(found.Faults) == 0 {
		return err
	}
	return failure.New(fleet.ExitInternal,
		fmt.Errorf("the audit of ledger %s found %s", r.Path(), words.Count(len(found.Faults)+found.More, "fault")),
		"keep the file as it is and find out who changed it; do not upgrade its vaults until then, or go on from a "+
			"backup that has the head")

}

func (e *environment) auditExport(c *cli.Context) error {
	r, err := openEvidence(c)
	if err != nil {
		return err
	}
	defer r.Close()
	out := bufio.NewWriterSize(e.stdout, 1<<16)
	broken, err := audit.Export(out, r)
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if broken > 0 {
		return failure.New(fleet.ExitInternal,
			fmt.Errorf("the export is complete, but %s of ledger %s cannot be what was written",
				words.Count(broken, "event"), r.Path()),
			lexicon.Command("audit", "verify", "--state", r.Path()))
	}
	return nil
}

// tellFindings says in a few lines what an audit found.
func (e *environment) tellFindings(f *audit.Findings, path, head string) {
	out := func(format string, args ...any) { say(e.stdout, format, args...) }
	for _, x := range f.Faults {
		out("%s", lexicon.Clean(x.String()))
	}
	if f.More > 0 {
		out("and %d more", f.More)
	}
	verdict := "GOOD"
	if len(f.Faults) > 0 {
		verdict = "NOT GOOD"
	}
	since := ""
	if !f.Since.IsZero() {
		since = ", since " + f.Since.In(localZone()).Format("Mon 2 Jan 2006 15:04 MST")
	}
	known := fmt.Sprintf("%s, all that are in its plans", words.Count(f.Known, "vault"))
	if rest := f.Planned - f.Known; rest > 0 {
		known = fmt.Sprintf("%d of the %s in its plans; no run has checked the other %s", f.Known,
			words.Count(f.Planned, "vault"), map[bool]string{true: "one", false: strconv.Itoa(rest)}[rest == 1])
	}
	out("%s: ledger %s, %s in %s%s; records of %s", verdict, lexicon.Clean(path),
		words.Count(int(f.Events), "event"), words.Count(f.Runs, "run"), since, known)
	seq, hash := f.End()
	out("head %s (event %d)", hash, seq)
	if head != "" && f.Found {
		where := fmt.Sprintf("event %d", f.At)
		if f.At == 0 {
			where = "the ledger's beginning"
		}
		out("the head asked for is %s; %s came after it", where,
			words.Count(int(f.Events-min(f.At, f.Events)), "event"))
	}
	if len(f.Faults) == 0 && head == "" {
		say(e.stderr, "Keep this head: audit verify --head proves later with it that nothing was cut off.")
	}
}

// auditDocument is what an audit found as JSON: additive only, absent values
// are null.
type auditDocument struct {
	SchemaVersion int             `json:"schemaVersion"`
	Good          bool            `json:"good"`
	Ledger        state.Info      `json:"ledger"`
	Events        uint64          `json:"events"`
	Runs          int             `json:"runs"`
	Vaults        int             `json:"vaults"`        // records, one for each vault and kind of upgrade
	PlannedVaults int             `json:"plannedVaults"` // in the plans of its runs
	KnownVaults   int             `json:"knownVaults"`   // of those, vaults that have a record
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

func auditOf(f *audit.Findings, info state.Info, head string) auditDocument {
	seq, hash := f.End()
	d := auditDocument{SchemaVersion: 1, Good: len(f.Faults) == 0, Ledger: info, Events: f.Events, Runs: f.Runs,
		Vaults: f.Vaults, PlannedVaults: f.Planned, KnownVaults: f.Known,
		Head: headDocument{seq, hash.String()}, Faults: []faultDocument{}, MoreFaults: f.More}
	for _, x := range f.Faults {
		d.Faults = append(d.Faults, faultDocument{x.What, maybe(x.From), maybe(x.To), maybe(x.Run), maybe(x.Vault),
			x.Message})
	}
	if !f.Since.IsZero() {
		d.Since = &report.Time{Time: f.Since}
	}
	if head != "" {
		d.Asked = &askedHead{Head: head, Found: f.Found}
		if f.Found {
			after := f.Events - min(f.At, f.Events)
			d.Asked.Seq, d.Asked.After = &f.At, &after
		}
	}
	return d
}
