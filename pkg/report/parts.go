package report

import (
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// This file hands out what the pages of this package are made of, to those who
// show a view in another medium and must say the same.

// Sentence says in one sentence how the run stands.
func (v *View) Sentence() string { return v.verdict() }

// Stops returns the findings that stop the vault: its errors, else its
// warnings.
func (v *Vault) Stops() []Finding { return v.errors() }

// Refusal says why warnings alone keep the vault from starting, and how to
// consent to them; empty where that is not so.
func (v *Vault) Refusal() string { return v.refusal() }

// InFlight reports whether an upgrade of ours may be under way.
func (v *Vault) InFlight() bool { return v.inFlight() }

// NextStep is a command that goes on from here.
type NextStep struct{ When, Command string }

// NextSteps returns the commands that go on from here.
func (v *View) NextSteps(o Options) []NextStep {
	p := &page{}
	v.next(p, o, false)
	var steps []NextStep
	for _, b := range p.blocks {
		if b.kind == blockCommand {
			steps = append(steps, NextStep{b.text, b.value})
		}
	}
	return steps
}

// ReopenCommand permits a failed or unknown vault to be tried again; vault is
// empty for a placeholder.
func ReopenCommand(vault string, o Options) string {
	return command("reopen", or(vault, "VAULT"), "--reason", "TEXT", "--case", "ID", o.State)
}

// Checklist is what is left to do by hand after an upgrade.
func Checklist() []string { return slices.Clone(checklist) }

// Tally counts the vaults by status in words, in the order of reports.
func Tally(totals map[fleet.Status]int) string {
	return tally(func(s fleet.Status) int { return totals[s] })
}
