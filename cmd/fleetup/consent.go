package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func irreversibleFlag() cli.Flag {
	return flagConfirmIrreversible.is(cli.StringFlag{Usage: "confirm a permanent `UPGRADE` by its name, besides --yes: " + strings.Join(irreversible(), ", ")})
}

// irreversible are the kinds that must be named.
func irreversible() (names []string) {
	for i := range session.Kinds {
		if session.Kinds[i].Confirm {
			names = append(names, string(session.Kinds[i].Kind))
		}
	}
	return names
}

// permanent reports whether nothing can undo what a plan does.
func permanent(p *plan.Plan) bool { return p.Upgrade == nil || p.Upgrade.Permanent }

// mustBeNamed reports whether a plan's kind must be said by its name.
func mustBeNamed(p *plan.Plan) bool { return p.Upgrade != nil && p.Upgrade.Confirm }

// consent is what the command line says to a start.
func (e *environment) consent(c *cli.Context, yes, saved bool) rollout.Consent {
	return rollout.Consent{Yes: yes, Terminal: e.terminal, Saved: saved, Named: given(c, flagConfirmIrreversible),
		Kind: fleet.Kind(flagConfirmIrreversible.of(c)), Expired: flagAcceptExpiredHolds.of(c)}
}

// otherKind says that the command line names another upgrade kind than the plan's.
func otherKind(c *cli.Context, p *plan.Plan, look string) error {
	return failure.Usage(look, "--%s names %q, and the plan's upgrade kind is %s; nothing was started", flagConfirmIrreversible, flagConfirmIrreversible.of(c), p.Kind)
}

// consented refuses a run that nobody has consented to.
func (e *environment) consented(c *cli.Context, src *session.Source) error {
	p, yes := src.Plan, flagYes.of(c)
	// Whatever the command line said of the ledger and the cloud is said again.
	same := alsoGiven(c, slices.Concat([]string{string(flagState), string(flagAcceptWarnings)}, flagNames(cloudFlags()))...)
	look := lexicon.Command(slices.Concat([]string{"plan", src.File}, same)...)
	yesToo := []string{"--yes"}
	if len(p.Expired()) > 0 && !flagAcceptExpiredHolds.of(c) {
		yesToo = append(yesToo, flagAcceptExpiredHolds.dashed())
	}
	if mustBeNamed(p) {
		yesToo = append(yesToo, flagConfirmIrreversible.dashed(), string(p.Kind))
	}
	onceMore := again(c, yesToo...)
	save := failure.Lines(lexicon.Command(slices.Concat([]string{"plan", src.File, "--validate", "--out", "FILE"}, same)...),
		failure.To("when you have looked at it", retyped(c, []string{"FILE"}, []string{string(flagAcceptWarnings)}, yesToo...)))
	missing := e.consent(c, yes, src.Saved).Missing(p)
	switch missing {
	case rollout.MissingNothing:
		return nil
	case rollout.MissingSameKind:
		return otherKind(c, p, look)
	case rollout.MissingExpired:
		return e.unacceptedExpired(c, src)
	case rollout.MissingSaved:
		return failure.Usage(save, "on a real cloud --yes needs a saved plan: what was looked at is what runs")
	case rollout.MissingKind:
		return failure.Usage(failure.Lines(look, failure.To("when you have looked at it", onceMore)),
			"the upgrade kind %s can never be undone: besides --yes its name is needed, --%s %s; nothing was started", p.Kind, flagConfirmIrreversible, p.Kind)
	}
	next := failure.Lines(look, failure.To("when you have looked at it", onceMore))
	if !src.Saved && p.RealCloud() {
		next = save
	}
	if permanent(p) {
		return failure.Usage(next, "an upgrade cannot be undone, and there is no terminal to confirm on: use --yes")
	}
	return failure.Usage(next, "no terminal to confirm on: use --yes")
}

// confirm shows the plan and asks for the number of vaults, and for the name of a
// kind that must be named and was not.
func (e *environment) confirm(c *cli.Context, src *session.Source) error {
	width, _ := e.size()
	o := dryrun.PlanOptions{WithoutNext: true, Emulated: session.EmulationOf(src)}
	var err error
	if o.Carried, err = e.carriedNow(src.Ledger); err != nil {
		return err
	}
	if err := e.writePlan(e.stderr, width, src.Plan, o); err != nil {
		return err
	}
	if err := e.confirmExpired(c, src); err != nil {
		return err
	}
	warning := ""
	if permanent(src.Plan) {
		warning = "This cannot be undone. "
	}
	want := strconv.Itoa(src.Plan.ToStart())
	answer, err := e.ask("\n%sType the number of vaults (%s) to go on: ", warning, want)
	if err != nil {
		return err
	}
	if strings.ReplaceAll(answer, ",", "") != want {
		return failure.Usage(failure.To("to be asked once more, with "+want+" for an answer", again(c)), "not confirmed; nothing was started")
	}
	return e.confirmName(c, src.Plan, again(c))
}

// confirmName asks for the name of a kind that must be named and was not.
func (e *environment) confirmName(c *cli.Context, p *plan.Plan, again string) error {
	if !mustBeNamed(p) || given(c, flagConfirmIrreversible) {
		return nil
	}
	answer, err := e.ask("It can never be undone, whatever becomes of the vaults. Type its name (%s) to go on: ", p.Kind)
	if err != nil {
		return err
	}
	if answer != string(p.Kind) {
		return failure.Usage(failure.To("to be asked once more, with "+string(p.Kind)+" for an answer", again), "not confirmed; nothing was started")
	}
	return nil
}

// consentedAgain asks once more on a terminal, and refuses to go on with a kind
// that must be named and was not.
func (e *environment) consentedAgain(c *cli.Context, st *rollout.State, path string) error {
	p := st.Plan
	unattended := flagYes.of(c) || !e.terminal
	given := e.consent(c, unattended, true)
	given.Expired = true // when the run began
	switch given.Missing(p) {
	case rollout.MissingSameKind:
		return otherKind(c, p, lexicon.Command("plan", p.Inventory))
	case rollout.MissingKind:
		return failure.Usage(again(c, flagConfirmIrreversible.dashed(), string(p.Kind)), "the upgrade kind %s can never be undone: unattended its name is needed, --%s %s; nothing was started",
			p.Kind, flagConfirmIrreversible, p.Kind)
	}
	if unattended {
		return nil
	}
	warning := ""
	if permanent(p) {
		warning = " An upgrade cannot be undone."
	}
	t := &st.Totals
	left := t.Of(fleet.Pending) + t.Of(fleet.Ready) + t.Of(fleet.Busy)
	answer, err := e.ask("Run %s: %d still to start, %d in flight or in doubt.%s\nGo on? Type yes: ",
		lexicon.Clean(st.Run.ID), left, st.InFlight(), warning)
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "yes") {
		return failure.Usage(failure.To("to be asked once more, with yes for an answer", again(c)), "not confirmed; nothing was started")
	}
	return e.confirmName(c, p, again(c))
}
