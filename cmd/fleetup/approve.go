package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) approveCommand() *cli.Command {
	return &cli.Command{
		Name:  "approve",
		Usage: "say go: let the run pass the gate it stands before",
		Description: "The approval is bound to the plan and to the totals that it shows, and expires. It is void if more\n" +
			"vaults have failed or are unknown when the gate opens than it says. The next resume uses it.",
		Flags: []cli.Flag{stateFlag(), outputFlag("table", "json"),
			&cli.StringFlag{Name: "wave", Usage: "the gate's wave `NAME`; the run must stand before its gate"},
			&cli.StringFlag{Name: "reason", Usage: "why: `TEXT` that the journal keeps"}},
		Action: e.approve,
	}
}

func (e *environment) approve(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	if err := oneOf("output", c.String("output"), "table", "json"); err != nil {
		return err
	}
	path, err := statePath(c)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(c.String("reason"))
	if reason == "" {
		return usage("fleetup approve --reason \"canary looks good\"", "approve needs a --reason: the journal keeps it")
	}
	h, err := hold(c)
	if err != nil {
		return err
	}
	defer h.close()
	ledger, run, ok := h.ledger, h.run, h.begun
	if !ok || run.info.Closed {
		return usage("fleetup run INVENTORY", "the ledger %s has no unfinished run, so there is no gate to open", path)
	}
	approved, err := approval(run.state, path, c.String("wave"), reason)
	if err != nil {
		return err
	}
	if err := ledger.Commit([]fleet.Event{{At: later(now(), run.state.Run.LastAt), Fact: approved}}, nil); err != nil {
		return err
	}
	if c.String("output") == "json" {
		return writeJSON(e.stdout, map[string]any{"schemaVersion": 1, "approval": approved})
	}
	ev := approved.Evidence
	say(e.stdout, "approved: the gate %s wave %s, by %s, until %s", approved.When, report.Clean(approved.Wave),
		report.Clean(approved.By.User), approved.ExpiresAt.Local().Format("Mon 2 Jan 15:04 MST"))
	say(e.stdout, "shown: %d upgraded, %d failed, %d unknown, %d blocked; void if more fail or are unknown", ev.Upgraded, ev.Failed, ev.Unknown, ev.Blocked)
	say(e.stderr, "Next: %s", report.Command("resume", "--state", path, "--yes"))
	return nil
}

// approval makes the approval of the gate that the run stands before.
func approval(st *rollout.State, path, wave, reason string) (fleet.Approved, error) {
	w, when, ok := st.NextGate()
	if !ok {
		return fleet.Approved{}, usage(report.Command("status", "--state", path)+" tells where it stands", "the run stands before no gate")
	}
	name := st.Waves[w].Name
	if wave != "" && wave != name {
		return fleet.Approved{}, usage(report.Command("approve", "--state", path, "--wave", name, "--reason", "TEXT"), "the next gate is %s wave %s, not of wave %s", when, name, wave)
	}
	done := w
	if when == fleet.GateBefore {
		done--
	}
	if done >= 0 && st.Waves[done].DoneAt.IsZero() {
		return fleet.Approved{}, usage(report.Command("resume", "--state", path)+", and approve when the wave is done",
			"wave %s is not done yet: an approval is about its totals", st.Waves[done].Name)
	}
	by, rule := actor(fleet.Credentials{}), st.Plan.Waves[w].Approval
	if rule.NotBy == plan.NotByStarter && by.User == st.Run.By.User {
		return fleet.Approved{}, &failure{fleet.ExitUsage,
			fmt.Errorf("%s started the run, and the plan wants another person to approve wave %s", by.User, name), "ask a colleague"}
	}
	return fleet.Approved{Wave: name, When: when, By: by, Reason: reason, PlanFingerprint: st.Plan.Fingerprint,
		Evidence: st.Evidence(w, when), ExpiresAt: now().Add(rule.Expiry)}, nil
}
