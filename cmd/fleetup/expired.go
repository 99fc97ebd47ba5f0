package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/internal/words"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

func expiredHoldsFlag() cli.Flag {
	return flagAcceptExpiredHolds.is(cli.BoolFlag{Usage: "start vaults whose hold in the inventory is over; on a terminal run asks"})
}

// maxExpired is how many vaults a refusal names.
const maxExpired = 5

// expiredHolds says which vaults of a plan start although the inventory holds them:
// empty where there are none. A hold that ends is a date that somebody guessed, and
// its vault starts without anybody having decided that today.
func expiredHolds(p *plan.Plan) string {
	vs := p.Expired()
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

// unacceptedExpired says that nobody has accepted holds that are over. On a terminal
// confirmExpired asks.
func (e *environment) unacceptedExpired(c *cli.Context, src *session.Source) error {
	return failure.Usage(failure.Lines(failure.To("to start them", again(c, expiredToo(src.Plan)...)), "or write a later until into the inventory, or none, to keep them out"),
		"%s; nothing was started", expiredHolds(src.Plan))
}

// expiredToo is what a command line that starts a plan needs besides what it says.
func expiredToo(p *plan.Plan) []string {
	more := []string{"--yes", flagAcceptExpiredHolds.dashed()}
	if mustBeNamed(p) {
		more = append(more, flagConfirmIrreversible.dashed(), string(p.Kind))
	}
	return more
}

// confirmExpired asks on a terminal whether vaults whose hold is over may start.
func (e *environment) confirmExpired(c *cli.Context, src *session.Source) error {
	holds := expiredHolds(src.Plan)
	if holds == "" || flagAcceptExpiredHolds.of(c) {
		return nil
	}
	answer, err := e.ask("\n%s.\nType expired to start them: ", lexicon.Clean(holds))
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "expired") {
		return failure.Usage(failure.Lines("write a later until into the inventory, or none, to keep them out", failure.To("or to start them, with expired for an answer", again(c))), "not confirmed; nothing was started")
	}
	return nil
}
