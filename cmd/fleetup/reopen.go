package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

func (e *environment) reopenCommand() *cli.Command {
	return &cli.Command{
		Name:      "reopen",
		Usage:     "permit another try of a failed or unknown vault",
		ArgsUsage: "VAULT...",
		Description: "A failed upgrade of a classic vault must not be tried again unless support says so, and any " +
			"other not before its\n" +
			"cause is mended. The permission is recorded with its reason and who gave it. A VAULT is " +
			"subscription/name, or its ID in the Resource Manager.",
		Flags: []cli.Flag{neededStateFlag(), selectorFlag(),
			reasonFlag(),
			flagCase.is(cli.StringFlag{Usage: "the support case's `ID`"})},
		Action: e.reopen,
	}
}

func (e *environment) reopen(c *cli.Context) error {
	path := flagState.of(c)
	if c.NArg() == 0 && !given(c, flagSelector) {
		return failure.Usage(failure.Lines(lexicon.Command("report", "--state", path),
			again(c, "SUBSCRIPTION/NAME", "--reason", standing.ReasonToWrite)), "reopen needs at least one vault")
	}
	h, err := openLocked(c)
	if err != nil {
		return err
	}
	defer h.Close()
	ledger, run, ok := h.Ledger, h.Run, h.Begun
	if !ok {
		return noRunYet(path, ", so there is nothing to re-open")
	}
	records := map[fleet.Key]fleet.VaultRecord{}
	if err := ledger.VaultRecords(func(r fleet.VaultRecord) error { records[r.Vault] = r; return nil }); err != nil {
		return err
	}
	may := func(i int) error { return run.State.MayReopen(i, records[run.State.Plan.Vaults[i].Key]) }
	vaults, err := picked(c, run.State, may)
	if err != nil {
		return refusedOf(c, err, ledger)
	}
	for _, i := range vaults {
		if err := may(i); err != nil {
			return refused(err, path)
		}
	}
	permission, err := permissionOf(c, run.State.Plan)
	if err != nil {
		return err
	}
	events, changed, err := run.State.Reopen(vaults, records, permission, session.Now())
	if err != nil {
		return refused(err, path)
	}
	if err := ledger.Commit(events, changed); err != nil {
		return err
	}
	all := run.State.Plan.Names()
	for _, i := range vaults {
		say(e.stdout, "re-opened %s: %s", lexicon.Clean(all[i]), lexicon.Clean(permission.Reason))
	}
	switch {
	case run.Info.Closed:
		o := dryrun.PlanOptions{Unattended: !e.terminal}
		if len(run.State.Plan.Expired()) > 0 {
			h.Close()
			if o.Memory, err = e.remembered(path); err != nil {
				return err
			}
		}
		e.tellNext(dryrun.RunStep(run.State.Plan, o).On(path))
	default:
		e.nextOf(run.State, path)
	}
	return nil
}

// permissionOf is what the command line gives a vault for another try. It is asked for
// when the vaults are known to be ones that may have it: nobody is to think of a reason
// that nothing comes of.
func permissionOf(c *cli.Context, p *plan.Plan) (rollout.Reopening, error) {
	reason, example := strings.TrimSpace(flagReason.of(c)), "its cause is mended"
	if standing.VendorDecides(p.Kind) {
		example = "support case 4711: may be retried"
	}
	permission := rollout.Reopening{By: session.Actor(fleet.Credentials{}), Reason: reason, Case: flagCase.of(c)}
	if err := needReason(c, "reopen", reason, example); err != nil {
		return permission, err
	}
	if permission.Case == standing.CaseToWrite {
		return permission, failure.Usage(again(c, "--case", "4711"),
			"%s stands for the support case: write its ID, or leave --case out", standing.CaseToWrite)
	}
	return permission, permission.Check()
}
