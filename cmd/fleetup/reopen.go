package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) reopenCommand() *cli.Command {
	return &cli.Command{
		Name:      "reopen",
		Usage:     "permit another try of a failed or unknown vault",
		ArgsUsage: "VAULT...",
		Description: "A failed upgrade of a classic vault must not be tried again unless support says so, and any other not before its\n" +
			"cause is mended. The permission is recorded with its reason and who gave it. A VAULT is subscription/name, or its ID in the Resource Manager.",
		Flags: []cli.Flag{neededStateFlag(), selectorFlag(),
			&cli.StringFlag{Name: "reason", Usage: "why: `TEXT` that the journal keeps"},
			&cli.StringFlag{Name: "case", Usage: "the support case's `ID`"}},
		Action: e.reopen,
	}
}

func (e *environment) reopen(c *cli.Context) error {
	path, err := statePath(c)
	if err != nil {
		return err
	}
	if c.NArg() == 0 && !c.IsSet("selector") {
		return failure.Usage(lines(lexicon.Command("report", "--state", path), again(c, "SUBSCRIPTION/NAME", "--reason", "TEXT")), "reopen needs at least one vault")
	}
	reason := strings.TrimSpace(c.String("reason"))
	if rollout.Wordless(reason) {
		return failure.Usage(again(c, "--reason", "support case 4711: may be retried"), "reopen needs a --reason: the journal keeps it")
	}
	if err := rollout.CheckReason(reason); err != nil {
		return err
	}
	if err := rollout.CheckCase(c.String("case")); err != nil {
		return err
	}
	h, err := hold(c)
	if err != nil {
		return err
	}
	defer h.close()
	ledger, run, ok := h.ledger, h.run, h.begun
	if !ok {
		return noRunYet(path, ", so there is nothing to re-open")
	}
	records := map[fleet.Key]fleet.VaultRecord{}
	if err := ledger.VaultRecords(func(r fleet.VaultRecord) error { records[r.Vault] = r; return nil }); err != nil {
		return err
	}
	names, err := pickedNames(c, run.State, func(i int) error { return mayReopen(run.State, records, path, i, "it") })
	if err != nil {
		return err
	}
	vaults, err := permitted(run.State, records, path, names)
	if err != nil {
		return err
	}
	by := actor(fleet.Credentials{})
	var events []fleet.Event
	var changed []fleet.VaultRecord
	for _, i := range vaults {
		r := records[run.State.Plan.Vaults[i].Key]
		f := fleet.Reopened{Vault: r.Vault, By: by, Reason: reason, Case: c.String("case")}
		if r.OperationID != "" {
			f.Disregard = []string{r.OperationID}
		}
		ev := fleet.Event{At: later(now(), run.State.Run.LastAt), Fact: f}
		if err := run.State.Apply(ev); err != nil {
			return err
		}
		events, changed = append(events, ev), append(changed, run.State.RecordAfter(i, r, f))
	}
	if err := ledger.Commit(events, changed); err != nil {
		return err
	}
	all := run.State.Plan.Names()
	for _, i := range vaults {
		say(e.stdout, "re-opened %s: %s", lexicon.Clean(all[i]), lexicon.Clean(reason))
	}
	switch {
	case run.Info.Closed:
		e.tellNext(dryrun.RunStep(run.State.Plan, false, !e.terminal).On(path))
	default:
		e.nextOf(run.State, path)
	}
	return nil
}

// permitted finds the vaults by name and makes sure each may be re-opened; all
// of them or none.
func permitted(st *rollout.State, records map[fleet.Key]fleet.VaultRecord, path string, names []string) ([]int, error) {
	var found []int
	taken := map[int]bool{}
	for _, name := range names {
		i, err := st.Find(name)
		if err != nil {
			return nil, refused(err, path)
		}
		if taken[i] {
			continue
		}
		taken[i] = true
		if err := mayReopen(st, records, path, i, name); err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	return found, nil
}

// mayReopen says why a vault cannot be re-opened, nil when it can.
func mayReopen(st *rollout.State, records map[fleet.Key]fleet.VaultRecord, path string, i int, name string) error {
	v, r := &st.Vaults[i], records[st.Plan.Vaults[i].Key]
	switch {
	case v.Status == fleet.Unknown && !v.Final && st.Run.Closed == nil:
		return failure.Usage(lexicon.Command("resume", "--yes", "--state", path), "%s is unknown, but reading may still tell: resume first", name)
	case r.Status == fleet.Pending && v.Reopened:
		return failure.Usage("nothing: the next run starts it", "%s has been re-opened already: %s", name, v.Reason)
	case v.Status != fleet.Failed && v.Status != fleet.Unknown:
		return failure.Usage(lexicon.Command("report", "--state", path), "%s is %s; only a failed or unknown vault can be re-opened", name, v.Status)
	}
	return nil
}

func noLedger(path string) error {
	return failure.Usage(lines("name the ledger with --state FILE", to("or for a first run", firstRun(path))), "no ledger at %s", path)
}
