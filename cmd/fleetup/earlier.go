package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

// What a person names, a vault, a wave or labels, may be of an earlier run of the ledger
// while the command is about the newest one. Then the refusal says which run has it, and
// how it stands there.

// sought is something that a command line names of a run.
type sought struct {
	lacks string // that a run has it not, up to the run
	vault string // its name, where it is a vault
	has   func(*plan.Plan) bool
	hit   string // which run has it, behind "the newest"
}

// soughtBy is what a command line names of a run.
func soughtBy(c *cli.Context) (all []sought) {
	if strings.Trim(c.Command.ArgsUsage, "[]") == "VAULT..." {
		for _, name := range c.Args().Slice() {
			all = append(all, sought{lexicon.Clean(name) + " is not in", name, hasVault(name), "that has it"})
		}
	}
	wave := flagWave.of(c)
	if of, ok := strings.CutPrefix(flagFor.of(c), "wave="); ok {
		wave = of
	}
	if wave != "" {
		all = append(all, sought{lacks: "wave " + lexicon.Clean(wave) + " is not in", hit: "that has it",
			has: func(p *plan.Plan) bool {
				return slices.ContainsFunc(p.Waves, func(w plan.Wave) bool { return w.Name == wave })
			}})
	}
	if text := flagSelector.of(c); text != "" {
		if s, err := plan.ParseSelector(text); err == nil {
			all = append(all, sought{lacks: fmt.Sprintf("--selector %q matches no vault of", text), hit: "with a match",
				has: func(p *plan.Plan) bool {
					_, err := p.Pick(s, text)
					return err == nil
				}})
		}
	}
	return all
}

// hasVault reports whether a plan has a vault that a person names so, or several.
func hasVault(name string) func(*plan.Plan) bool {
	return func(p *plan.Plan) bool {
		_, err := p.Find(name)
		e, _ := errors.AsType[*plan.NameError](err)
		return err == nil || len(e.Choices) > 0
	}
}

// planReader is a ledger, or who reads one.
type planReader interface {
	Runs() ([]state.RunInfo, error)
	Plan(fingerprint string) ([]byte, error)
	VaultRecords(fn func(fleet.VaultRecord) error) error
}

// refusedOf is refused of a command that is about the newest run of a ledger, which may
// know from an earlier one what the command line names.
func refusedOf(c *cli.Context, err error, from planReader) error {
	path := flagState.of(c)
	all := soughtBy(c)
	if len(all) == 0 {
		return refused(err, path)
	}
	var has []func(*plan.Plan) bool
	for _, s := range all {
		has = append(has, s.has)
	}
	newest, run, p, which, ok, unread := session.Older(from, has...)
	if unread == nil && ok {
		return all[which].inOlder(c, newest, run, p, from)
	}
	return refused(err, path)
}

// perhapsEarlier is refusedOf where a command has no ledger open.
func perhapsEarlier(c *cli.Context, refusal error) error {
	if codeOf(refusal) != fleet.ExitUsage || given(c, flagRun) {
		return refusal
	}
	found := refusal
	unread := session.ReadLedger(flagState.of(c), func(r *session.ReadOnlyLedger) error {
		found = refusedOf(c, refusal, r)
		return nil
	})
	if unread != nil {
		return refusal
	}
	return found
}

// inOlder says that an earlier run has what is sought, and what to do.
func (s sought) inOlder(c *cli.Context, newest, run state.RunInfo, p *plan.Plan, from planReader) error {
	path := flagState.of(c)
	if takes(c, flagRun) {
		return failure.Usage(retyped(c, c.Args().Slice(), []string{string(flagWatch)}, flagRun.dashed(), run.ID),
			"%s the newest run, %s; run %s is the newest %s", s.lacks, newest.ID, run.ID, s.hit)
	}
	next := lexicon.Command("status", "--run", run.ID, "--state", path)
	stands, again := "", "for a run that has it again"
	if s.vault != "" {
		again += ", which takes over what became of it"
		next = lexicon.Command("show", s.vault, "--state", path)
		if status, ok := recordedStatus(p, s.vault, from); ok {
			stands = ", where it is " + p.Kind.Direction().Words().Status(status)
		}
	}
	return failure.Usage(failure.Lines(next, failure.To(again,
		lexicon.Command("plan", lexicon.Or(p.Inventory, "INVENTORY"), "--state", path))),
		"%s the newest run, %s, and %s is about that one alone; run %s is the newest %s%s", s.lacks, newest.ID,
		c.Command.Name, run.ID, s.hit, stands)
}

// recordedStatus is how a vault of an earlier run's plan stands by the ledger.
func recordedStatus(p *plan.Plan, name string, from planReader) (status fleet.Status, ok bool) {
	i, err := p.Find(name)
	if err != nil {
		return "", false
	}
	err = from.VaultRecords(func(r fleet.VaultRecord) error {
		if r.Vault == p.Vaults[i].Key {
			status, ok = r.Status, true
		}
		return nil
	})
	return status, ok && err == nil
}
