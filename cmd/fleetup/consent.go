package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

func irreversibleFlag() cli.Flag {
	return flagConfirmIrreversible.is(cli.StringFlag{Usage: "confirm a permanent `UPGRADE` by its name, besides " +
		"--yes: " + strings.Join(irreversible(), ", ")})
}

// irreversible are the kinds that must be named.
func irreversible() (names []string) {
	for i := range session.Kinds {
		if session.Kinds[i].Confirm {
			names = append(names, string(session.Kinds[i].Kind))
		}
	}
	return append(names, string(fleet.PatchOf("NAME")))
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
	return failure.Usage(look, "--%s names %q, and the plan's upgrade kind is %s; nothing was started",
		flagConfirmIrreversible, flagConfirmIrreversible.of(c), p.Kind)
}

// yesToo is what a command line that starts a plan unattended needs besides what it says.
func yesToo(c *cli.Context, p *plan.Plan, o dryrun.PlanOptions) []string {
	more := []string{"--yes"}
	if len(dryrun.Expired(p, o)) > 0 && !flagAcceptExpiredHolds.of(c) {
		more = append(more, flagAcceptExpiredHolds.dashed())
	}
	if mustBeNamed(p) {
		more = append(more, flagConfirmIrreversible.dashed(), string(p.Kind))
	}
	return more
}

// keepOut is what to do about vaults whose hold is over, so that they do not start. A saved
// plan has its holds from when it was made: it is made again.
func keepOut(src *session.Source, same []string) (steps []string) {
	steps = []string{"write a later until into the inventory, or none, to keep them out of the run"}
	if src.Saved {
		steps = append(steps, failure.To("to make the plan again", lexicon.Command(slices.Concat([]string{"plan",
			cmp.Or(inventoryOf(src.Plan, src.Ledger), src.Plan.Inventory), "--validate", "--out", src.File}, same)...)))
	}
	return steps
}

// consented refuses a run that nobody has consented to.
func (e *environment) consented(c *cli.Context, src *session.Source, known dryrun.PlanOptions) (err error) {
	p, yes := src.Plan, flagYes.of(c)
	if asks := e.terminal && !yes; !asks && len(p.Expired()) > 0 {
		if known.Memory, err = e.remembered(src.Ledger); err != nil { // of them only what would start needs a consent
			return err
		}
	}
	// Whatever the command line said of the ledger and the cloud is said again.
	same := alsoGiven(c, slices.Concat([]string{string(flagState), string(flagAcceptWarnings)},
		flagNames(cloudFlags()))...)
	look := lexicon.Command(slices.Concat([]string{"plan", src.File}, same)...)
	more := yesToo(c, p, known)
	onceMore := again(c, more...)
	saved := lexicon.Command(slices.Concat([]string{"plan", src.File, "--validate", "--out", "FILE"}, same)...)
	save := failure.Lines(saved, failure.To("when you have looked at it",
		retyped(c, []string{"FILE"}, []string{string(flagAcceptWarnings)}, more...)))
	given := e.consent(c, yes, src.Saved)
	given.Holds = len(dryrun.Expired(p, known))
	switch given.Missing(p) {
	case rollout.MissingNothing:
		return nil
	case rollout.MissingSameKind:
		return otherKind(c, p, look)
	case rollout.MissingExpired:
		keep := keepOut(src, same)
		return failure.Usage(failure.Lines(slices.Concat([]string{failure.To("to start them", onceMore),
			failure.Or(keep[0])}, keep[1:])...), "%s; nothing was started", expiredHolds(p, known))
	case rollout.MissingSaved:
		return failure.Usage(save, "on a real cloud --yes needs a saved plan: what was looked at is what runs")
	case rollout.MissingKind:
		return failure.Usage(failure.Lines(look, failure.To("when you have looked at it", onceMore)),
			"the upgrade kind %s can never be undone: besides --yes its name is needed, --%s %s; nothing was started",
			p.Kind, flagConfirmIrreversible, p.Kind)
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

// confirm shows the plan and asks for the number of vaults that it starts, and for the
// name of a kind that must be named and was not.
func (e *environment) confirm(c *cli.Context, src *session.Source, o dryrun.PlanOptions) (err error) {
	width, _ := e.size()
	if o.Memory, err = e.remembered(src.Ledger); err != nil {
		return err
	}
	o.WithoutNext = true
	if err := e.writePlan(e.stderr, width, src.Plan, o); err != nil {
		return err
	}
	if holds := expiredHolds(src.Plan, o); holds != "" && !flagAcceptExpiredHolds.of(c) {
		answer, err := e.ask("\n%s.\nType expired to start them: ", lexicon.Clean(holds))
		if err == nil && !strings.EqualFold(answer, "expired") {
			err = failure.Usage(failure.Lines(append(keepOut(src, nil),
				failure.Or(failure.To("to start them, with expired for an answer", again(c))))...), notConfirmed)
		}
		if err != nil {
			return err
		}
	}
	n, most := dryrun.Starts(src.Plan, o)
	about := ""
	if most > n {
		about = fmt.Sprintf("%s to start, as far as is known; at most %s, for the run checks each again. ",
			lexicon.Plural(n, "vault is", "vaults are"), lexicon.Number(most))
	}
	if permanent(src.Plan) {
		about += "This cannot be undone. "
	}
	want := strconv.Itoa(n)
	answer, err := e.ask("\n%sType the number of vaults (%s) to go on: ", about, want)
	if err == nil && strings.ReplaceAll(answer, ",", "") != want {
		err = otherAnswer(c, want)
	}
	if err != nil {
		return err
	}
	return e.confirmName(c, src.Plan)
}

// confirmName asks for the name of a kind that must be named and was not.
func (e *environment) confirmName(c *cli.Context, p *plan.Plan) error {
	if !mustBeNamed(p) || given(c, flagConfirmIrreversible) {
		return nil
	}
	answer, err := e.ask("It can never be undone, whatever becomes of the vaults. Type its name (%s) to go on: ",
		p.Kind)
	if err == nil && answer != string(p.Kind) {
		err = otherAnswer(c, string(p.Kind))
	}
	return err
}

const notConfirmed = "not confirmed; nothing was started"

// otherAnswer refuses to go on with an answer that was not the wanted one.
func otherAnswer(c *cli.Context, want string) error {
	return failure.Usage(failure.To("to be asked once more, with "+want+" for an answer", again(c)), notConfirmed)
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
		return failure.Usage(again(c, flagConfirmIrreversible.dashed(), string(p.Kind)),
			"the upgrade kind %s can never be undone: unattended its name is needed, --%s %s; nothing was started",
			p.Kind, flagConfirmIrreversible, p.Kind)
	}
	if unattended {
		return nil
	}
	warning := ""
	if permanent(p) {
		warning = " An upgrade cannot be undone."
	}
	toStart, earlier, besides := 0, 0, ""
	for i := range st.Vaults {
		if v := &st.Vaults[i]; v.Status == fleet.Pending || v.Status == fleet.Ready {
			if v.LeftDone() {
				earlier++
			} else {
				toStart++
			}
		}
	}
	if earlier > 0 {
		besides = fmt.Sprintf(", %d left as wanted by earlier runs to look at", earlier)
	}
	if n := st.Totals.Of(fleet.Busy); n > 0 {
		besides += fmt.Sprintf(", %d busy", n)
	}
	if st.Elsewhere() {
		warning += " If the workflow of fleetup-temporal goes on, two decide."
	}
	answer, err := e.ask("Run %s: %d still to start%s, %d in flight or in doubt.%s\nGo on? Type yes: ",
		lexicon.Clean(st.Run.ID), toStart, besides, st.InFlight(), warning)
	if err == nil && !strings.EqualFold(answer, "yes") {
		err = otherAnswer(c, "yes")
	}
	if err != nil {
		return err
	}
	return e.confirmName(c, p)
}

func expiredHoldsFlag() cli.Flag {
	return flagAcceptExpiredHolds.is(cli.BoolFlag{Usage: "start vaults whose hold in the inventory is over; on a " +
		"terminal run asks"})
}

// maxExpired is how many vaults a refusal names.
const maxExpired = 5

// expiredHolds says which vaults of a plan start although the inventory holds them:
// empty where there are none. A hold that ends is a date that somebody guessed, and
// its vault starts without anybody having decided that today.
func expiredHolds(p *plan.Plan, o dryrun.PlanOptions) string {
	vs := dryrun.Expired(p, o)
	if len(vs) == 0 {
		return ""
	}
	names := p.Names()
	var list []string
	for n, i := range vs {
		if n == maxExpired {
			list = append(list, fmt.Sprintf("and %d more", len(vs)-n))
			break
		}
		list = append(list, fmt.Sprintf("%s (%s)", names[i], p.Vaults[i].LapsedHold.Words()))
	}
	start := words.Count(len(vs), "vault") + " start although the inventory holds them"
	if len(vs) == 1 {
		start = "1 vault starts although the inventory holds it"
	}
	return fmt.Sprintf("%s, because the hold is over: %s", start, strings.Join(list, ", "))
}
