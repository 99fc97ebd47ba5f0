package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func (e *environment) approveCommand() *cli.Command {
	return &cli.Command{
		Name:  "approve",
		Usage: "approve the pending gate",
		Description: "The approval is bound to the plan and to the totals that it shows, and expires. It is void if more\n" +
			"vaults have failed or are unknown when the gate opens than it says. The live run hears it at once; without\n" +
			"one, the next resume uses it.",
		Flags: orderFlags(&cli.StringFlag{Name: "wave", Usage: "the gate's wave `NAME`; the run must stand before its gate"}),
		Action: func(c *cli.Context) error {
			return e.obeyed(c, "canary looks good", func(o *order) error { o.Wave = c.String("wave"); return nil }, func(_ order, s said) {
				approved := s.events[0].Fact.(fleet.Approved)
				ev := approved.Evidence
				say(e.stdout, "approved: the gate %s wave %s, by %s, until %s", approved.When, report.Clean(approved.Wave),
					report.Clean(approved.By.User), approved.ExpiresAt.Local().Format("Mon 2 Jan 15:04 MST"))
				say(e.stdout, "shown: %d upgraded, %d failed, %d unknown, %d blocked; void if more fail or are unknown", ev.Upgraded, ev.Failed, ev.Unknown, ev.Blocked)
			})
		},
	}
}

// approval makes the approval of the gate that the run stands before.
func (o order) approval(st *rollout.State, by fleet.Actor, at time.Time) ([]fleet.Fact, error) {
	w, when, ok := st.NextGate()
	if !ok {
		return nil, failure.Usage(toStatus(o.State), "the run stands before no gate")
	}
	name := st.Waves[w].Name
	if o.Wave != "" && o.Wave != name {
		return nil, failure.Usage(report.Command("approve", "--wave", name, "--reason", o.Reason, "--state", o.State), "the next gate is %s wave %s, not of wave %s", when, name, o.Wave)
	}
	done := w
	if when == fleet.GateBefore {
		done--
	}
	if done >= 0 && st.Waves[done].DoneAt.IsZero() {
		return nil, failure.Usage(lines(toStatus(o.State), to("when the wave is done", report.Command("approve", "--wave", name, "--reason", o.Reason, "--state", o.State))),
			"wave %s is not done yet: an approval is about its totals", st.Waves[done].Name)
	}
	rule := st.Plan.Waves[w].Approval
	if rule.NotBy == plan.NotByStarter && by.User == st.Run.By.User {
		return nil, failure.New(fleet.ExitUsage,
			fmt.Errorf("%s started the run, and the plan wants another person to approve wave %s", by.User, name), "ask a colleague")
	}
	return []fleet.Fact{fleet.Approved{Wave: name, When: when, By: by, Reason: o.Reason, PlanFingerprint: st.Plan.Fingerprint,
		Evidence: st.Evidence(w, when), ExpiresAt: at.Add(rule.Expiry)}}, nil
}
