package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

func (e *environment) refreshCommand() *cli.Command {
	return &cli.Command{
		Name:      "refresh",
		Usage:     "read failed and unknown vaults again; start nothing",
		ArgsUsage: "[VAULT...]",
		Description: "Support, or somebody in the portal, may have put one right. It reads and starts nothing; " +
			"budgets stay as they\n" +
			"are. Without a VAULT it reads every failed or unknown one of the newest run. It exits 0 when all could " +
			"be read,\n" +
			"8 when a sign-in or permission was missing, 1 when another read failed.",
		Flags:  append(append(outputFlags("table", "json"), neededStateFlag(), selectorFlag()), cloudFlags()...),
		Action: e.refresh,
	}
}

// refreshed is what became of one vault.
type refreshed struct {
	Vault              string              `json:"vault"`
	Was                fleet.Status        `json:"was"`
	Is                 fleet.Status        `json:"is"`
	Reading            *fleet.Reading      `json:"reading"`
	RecordState        *fleet.UpgradeState `json:"recordState"`
	RecordOperationID  *string             `json:"recordOperationId"`
	UpgradedResourceID *string             `json:"upgradedResourceId"`
	Reason             *string             `json:"reason"`
	Error              *string             `json:"error"`
}

func (e *environment) refresh(c *cli.Context) error {
	h, err := openLocked(c)
	if err != nil {
		return err
	}
	defer h.Close()
	if !h.Begun {
		return noRunYet(h.Path, ", so there is nothing to refresh")
	}
	st := h.Run.State
	vaults, err := picked(c, st, st.Refreshable)
	if err == nil {
		vaults, err = st.ToRefresh(vaults)
	}
	if err != nil {
		return refusedOf(c, err, h.Ledger)
	}
	rows, trouble := []refreshed{}, error(nil)
	if len(vaults) > 0 {
		if rows, trouble, err = e.readAgain(c, h, vaults); err != nil {
			return err
		}
	}
	if flagOutput.of(c) == "json" {
		code := st.Verdict()
		err = writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "vaults": rows,
			"run":  map[string]any{"id": st.Run.ID, "verdict": code.Name(), "exitCode": code},
			"next": report.NextCommands(afterRefresh(st, rows), h.Path, e.along)})
	} else {
		e.tellRefreshed(h, rows, trouble == nil)
	}
	if err != nil {
		return err
	}
	return trouble
}

// readAgain reads the vaults and records what it finds, in one transaction.
// trouble says which reads failed: the others are recorded all the same.
func (e *environment) readAgain(c *cli.Context, h *session.LockedLedger, vaults []int) (rows []refreshed,
	trouble, err error) {
	st := h.Run.State
	conn, err := connect(c, st.Plan, folderFor(st.Plan, h.Path), session.EmulatorPath(h.Path))
	if err != nil {
		return nil, nil, err
	}
	defer conn.Disconnect()
	if err := e.signedIn(conn); err != nil {
		return nil, nil, err
	}
	ctx, stop := e.untilInterrupted()
	defer stop()
	results := runner.Refresh(ctx, runner.RefreshOptions{State: st, Vaults: vaults, Cloud: conn, Limiter: conn.Limiter,
		By: signedActor(c, st.Plan)})
	names := st.Plan.Names()
	at := st.Next(session.Now())
	var events []fleet.Event
	var records []fleet.VaultRecord
	var failed []error
	for _, r := range results {
		v := &st.Vaults[r.Vault]
		row := refreshed{Vault: names[r.Vault], Was: v.Status, Is: v.Status}
		if r.Err != nil {
			failed = append(failed, r.Err)
			row.Error = maybe(lexicon.Clean(r.Err.Error()))
			rows = append(rows, row)
			continue
		}
		ev := fleet.Event{At: at, Fact: r.Fact}
		if err := st.Apply(ev); err != nil {
			return nil, nil, err
		}
		events, records = append(events, ev), append(records, st.Record(r.Vault))
		row.Is, row.Reading, row.Reason = v.Status, &r.Fact.Reading, maybe(lexicon.Clean(v.Reason))
		row.UpgradedResourceID = maybe(v.UpgradedResourceID)
		if rec := r.Fact.Record; rec != nil {
			row.RecordState, row.RecordOperationID = &rec.State, maybe(rec.OperationID)
		}
		rows = append(rows, row)
	}
	if err := h.Ledger.Commit(events, records); err != nil {
		return nil, nil, err
	}
	return rows, e.readTrouble(c, failed, len(results)), nil
}

// readTrouble makes one error of the reads that failed.
func (e *environment) readTrouble(c *cli.Context, failed []error, all int) error {
	if len(failed) == 0 {
		return nil
	}
	select {
	case <-e.interrupt:
		return failure.New(fleet.ExitInterrupted, fmt.Errorf("interrupted: %d of %s were not read", len(failed),
			words.Count(all, "vault")), failure.To("to read the rest", again(c)))
	default:
	}
	err := fmt.Errorf("%d of %s could not be read; the first: %w", len(failed), words.Count(all, "vault"), failed[0])
	for _, f := range failed {
		if class := fleet.ClassOf(f); class == fleet.CallDenied || class == fleet.CallForbidden {
			return failure.New(fleet.ExitSignIn, err,
				failure.To("when the sign-in or permission is in order", again(c)))
		}
	}
	return failure.New(fleet.ExitInternal, err, failure.To("when the cloud answers", again(c)))
}

// leftBehind counts the vaults that are failed or unknown by the ledger, and that the
// newest run's plan has not.
func leftBehind(h *session.LockedLedger) (n int) {
	// they have just been read; without them nothing is said
	_ = h.Ledger.VaultRecords(func(r fleet.VaultRecord) error {
		if _, here := h.Run.State.Lookup(r.Vault); !here && (r.Status == fleet.Failed || r.Status == fleet.Unknown) {
			n++
		}
		return nil
	})
	return n
}

// tellRefreshed says what was read, a line a vault, and what to do next where all was;
// else the error says it.
func (e *environment) tellRefreshed(h *session.LockedLedger, rows []refreshed, all bool) {
	st := h.Run.State
	if len(rows) == 0 {
		say(e.stderr, "Nothing to refresh: no vault of run %s is failed or unknown for good.", lexicon.Clean(st.Run.ID))
		if n := leftBehind(h); n > 0 {
			say(e.stderr, "In earlier runs alone %s failed or unknown: fleetup runs lists those runs.",
				lexicon.Plural(n, "vault is", "vaults are"))
		}
	}
	width := 0
	words := st.Plan.Kind.Direction().Words()
	for _, r := range rows {
		width = max(width, len(lexicon.Clean(r.Vault)))
	}
	for _, r := range rows {
		change := words.Status(r.Is)
		if r.Was != r.Is {
			change = words.Status(r.Was) + " → " + words.Status(r.Is)
		}
		var what string
		switch {
		case r.Error != nil:
			what = "could not be read: " + *r.Error
		case r.UpgradedResourceID != nil && r.Was != r.Is:
			what = *r.Reason + ": " + lexicon.Clean(*r.UpgradedResourceID)
		case r.Reason != nil:
			what = *r.Reason
		}
		say(e.stdout, "%-*s  %s: %s", width, lexicon.Clean(r.Vault), change, what)
	}
	if all {
		e.tellNext(asLines(afterRefresh(st, rows), h.Path))
	}
}

// afterRefresh is what to type next after a refresh.
func afterRefresh(st *rollout.State, rows []refreshed) []report.Step {
	var still []string // failed or unknown as before
	for _, r := range rows {
		if r.Is == fleet.Failed || r.Is == fleet.Unknown {
			still = append(still, r.Vault)
		}
	}
	return report.Steps(standing.Unsettled(st, still))
}
