package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// soon is how near a token's end is worth a word, whatever the forecast says.
const soon = time.Hour

func (e *environment) preflightCommand() *cli.Command {
	return &cli.Command{
		Name:      "preflight",
		Usage:     "check sign-ins, permissions and subscriptions; start nothing",
		ArgsUsage: "INVENTORY|PLAN",
		Description: "Signs in on both sides to every tenant, and makes the checks of every subscription that need " +
			"no vault.\n" +
			"Exits 0 when all is good, warnings or not; 8 when a sign-in or a permission is missing; 1 when " +
			"something\n" +
			"else is (a registration, a resource group, an answer).",
		Flags: append(append(outputFlags("table", "json"), stateFlag(), selectorFlag(),
			flagDetails.is(cli.BoolFlag{Usage: "show every check, the good ones too"})), cloudFlags()...),
		Action: e.preflight,
	}
}

func (e *environment) preflight(c *cli.Context) error {
	file := fileOf(c)
	src, err := open(c, file)
	if err != nil {
		return err
	}
	pick, err := selector(c)
	if err != nil {
		return err
	}
	picked, err := src.Plan.Pick(pick, flagSelector.of(c))
	if err != nil {
		return err
	}
	found := &dryrun.Preflight{CheckedAt: session.Now()}
	if found.ForecastEnd, err = e.forecastEnd(src, found.CheckedAt); err != nil {
		return err
	}
	narrowed := *src
	var vaults map[string][]*fleet.Vault
	narrowed.Plan, vaults = within(src.Plan, picked)
	if err := e.askAll(c, &narrowed, vaults, found); err != nil {
		return err
	}
	for i := range found.SignIns {
		warnOfEnd(&found.SignIns[i], found.CheckedAt, found.ForecastEnd)
	}
	found.ExitCode = preflightCode(found)
	err = found.Write(e.stdout, src.Plan,
		dryrun.PreflightOptions{Format: layout.Format(flagOutput.of(c)), Zone: localZone(),
			Width: e.columns, Details: flagDetails.of(c), File: file,
			Again: retyped(c, c.Args().Slice(), []string{string(flagOutput), string(flagQuery)}),
			State: shownLedger(c, src), Along: e.along})
	if err != nil {
		return err
	}
	return ended(found.ExitCode)
}

// forecastEnd is when the plan ends at the latest, as fleetup plan says it.
func (e *environment) forecastEnd(src *session.Source, at time.Time) (time.Time, error) {
	p, _, newest, err := e.calibrated(src)
	if err != nil {
		return time.Time{}, err
	}
	left, _, err := e.rememberedWith(src.Ledger, newest)
	if err != nil {
		return time.Time{}, err
	}
	_, p90, err := dryrun.Forecasts(p, dryrun.PlanOptions{Now: at, Memory: left})
	return p90.EndsAt, err
}

// within is a plan with only the subscriptions of the picked vaults, and those
// of these vaults that are not held, by subscription.
func within(p *plan.Plan, picked []int) (*plan.Plan, map[string][]*fleet.Vault) {
	vaults := map[string][]*fleet.Vault{}
	wanted := map[string]bool{}
	for _, i := range picked {
		v := &p.Vaults[i]
		wanted[v.SubscriptionID] = true
		if !v.Excluded() {
			vaults[v.SubscriptionID] = append(vaults[v.SubscriptionID], &v.Vault)
		}
	}
	q := *p
	q.Subscriptions = slices.DeleteFunc(slices.Clone(p.Subscriptions),
		func(s fleet.Subscription) bool { return !wanted[s.ID] })
	return &q, vaults
}

// askAll signs in to every tenant and asks every subscription, limits.validations
// of them at once.
func (e *environment) askAll(c *cli.Context, src *session.Source, vaults map[string][]*fleet.Vault,
	found *dryrun.Preflight) error {
	conn, done, err := toRead(c, src)
	if err != nil {
		return err
	}
	defer done()
	ctx, stop := e.untilInterrupted()
	defer stop()
	var tenants []string
	for _, s := range src.Plan.Subscriptions {
		if !slices.Contains(tenants, s.Tenant) {
			tenants = append(tenants, s.Tenant)
		}
		found.Subscriptions = append(found.Subscriptions, dryrun.PreflightSubscription{Subscription: s})
	}
	// First, so that the reads find their tokens.
	signIns := make([][]fleet.SignIn, len(tenants))
	together(src.Plan.Limits.Validations, len(tenants), func(i int) { signIns[i] = conn.SignIns(ctx, tenants[i]) })
	for _, s := range slices.Concat(signIns...) {
		known := func(o fleet.SignIn) bool { return o.Side == s.Side && o.Identity.Fixed }
		if !slices.ContainsFunc(found.SignIns, known) { // one fixed token serves all tenants
			found.SignIns = append(found.SignIns, s)
		}
	}
	together(src.Plan.Limits.Validations, len(found.Subscriptions), func(i int) {
		s := &found.Subscriptions[i]
		s.Checks = conn.Preflight(ctx, s.ID, vaults[s.ID])
	})
	if ctx.Err() != nil {
		return failure.New(fleet.ExitInterrupted, errors.New("interrupted; nothing was started"),
			"the same command again begins anew")
	}
	return nil
}

// together does n things, at most limit of them at once, and returns when all are
// done.
func together(limit, n int, do func(i int)) {
	var all sync.WaitGroup
	places := make(chan struct{}, limit)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			do(i)
		})
	}
	all.Wait()
}

// warnOfEnd adds a warning where a token ends soon or before the forecast does,
// and it is not known that another follows.
func warnOfEnd(s *fleet.SignIn, now, forecast time.Time) {
	id := s.Identity
	left := id.ValidUntil.Sub(now)
	switch {
	case id.ValidUntil.IsZero():
		return
	case left <= 0: // whoever renews it has not
	case id.Renews, left >= soon && !id.ValidUntil.Before(forecast):
		return
	}
	message := fmt.Sprintf("the token ends %s, in %s", lexicon.UTC(id.ValidUntil), lexicon.Span(left))
	switch {
	case left <= 0:
		message = "the token ended " + lexicon.UTC(id.ValidUntil)
	case id.ValidUntil.Before(forecast):
		message += ", before the forecast end of the plan"
	}
	s.Findings = append(s.Findings, fleet.Finding{Severity: fleet.SeverityWarning, Code: fleet.CodeSignInEnds,
		Message: message + ". " + id.Renewal,
		Action:  "Name the sign-in with --credential or in the inventory, one that is renewed by itself."})
}

// preflightCode is the exit code that a preflight stands for.
func preflightCode(f *dryrun.Preflight) fleet.ExitCode {
	for i := range f.SignIns {
		if fleet.HasSeverity(f.SignIns[i].Findings, fleet.SeverityError) {
			return fleet.ExitSignIn
		}
	}
	code := fleet.ExitOK
	for _, s := range f.Subscriptions {
		for _, c := range s.Checks {
			switch c.State {
			case fleet.CheckDenied:
				return fleet.ExitSignIn
			case fleet.CheckMissing, fleet.CheckWaiting:
				code = fleet.ExitInternal
			}
		}
	}
	return code
}
