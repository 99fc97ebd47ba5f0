package main

import (
	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// What a run needs of this machine's file descriptors, of which each open file and
// each connection takes one.
const (
	// ownDescriptors are those of a run in which nothing is asked: the three that it
	// begins with, the ledger and its lock, the socket with those who speak over it, a
	// log, and what the Go runtime waits with.
	ownDescriptors = 24
	// pageDescriptors are those of the page and its readers.
	pageDescriptors = 40
	// fewestDescriptors is below what a run can be begun with at all.
	fewestDescriptors = 32
)

// descriptorsNeeded is how many file descriptors a plan may need at once: beside its
// own, a connection for each check, each start that is being sent and each upgrade
// that is followed. A side that speaks HTTP/2 needs fewer.
func descriptorsNeeded(p *plan.Plan, page bool) int {
	n := len(p.Vaults)
	need := ownDescriptors + min(p.Limits.Validations, n) + 2*min(p.Limits.Upgrades, n)
	if page {
		need += pageDescriptors
	}
	return max(need, fewestDescriptors)
}

// enoughDescriptors looks, before anything is begun, whether this process may have
// as many open files as the plan may need. Far too few are refused; fewer than
// needed are warned of, for the run goes on with them, and slower: what cannot be
// sent is tried again.
func (e *environment) enoughDescriptors(p *plan.Plan, page bool) error {
	have, known := descriptorLimit()
	need := descriptorsNeeded(p, page)
	switch {
	case !known || have >= need:
	case have < fewestDescriptors:
		return failure.Usage("raise the limit: ulimit -n 1024 in the shell that starts it, or LimitNOFILE=1024 in "+
			"its unit",
			"this process may have %d files and connections open at once, and a run needs %d at least; this plan may "+
				"need %d; nothing was started", have, fewestDescriptors, need)
	default:
		say(e.stderr,
			"This process may have %d files and connections open at once, and the plan may need %d: what cannot be "+
				"sent for want of one is tried again, and takes longer. To change that: ulimit -n %d in the shell "+
				"that starts it, or LimitNOFILE=%d in its unit; or lower limits.validations and limits.upgrades", have,
			need, max(need, 1024), max(need, 1024))
	}
	return nil
}
