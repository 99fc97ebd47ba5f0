package runner

import (
	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// around returns the failpoints before and after the commit of a batch: the
// general ones, and those of the facts on which something special depends.
func around(events []fleet.Event) (before, after []failpoint.Point) {
	add := func(b, a failpoint.Point) { before, after = append(before, b), append(after, a) }
	if _, ok := events[0].Fact.(fleet.StartIntended); ok { // then all of them are
		add(failpoint.IntentsBefore, failpoint.IntentsAfter)
		return before, after
	}
	add(failpoint.FactsBefore, failpoint.FactsAfter)
	seen := map[failpoint.Point]bool{}
	for _, e := range events {
		var b, a failpoint.Point
		switch e.Fact.(type) {
		case fleet.Resumed:
			b, a = failpoint.ResumedBefore, failpoint.ResumedAfter
		case fleet.StartAnswered:
			b, a = failpoint.AnswerBefore, failpoint.AnswerAfter
		case fleet.Reconciled:
			b, a = failpoint.ReconciledBefore, failpoint.ReconciledAfter
		case fleet.Observed:
			b, a = failpoint.ObservedBefore, failpoint.ObservedAfter
		case fleet.Verified:
			b, a = failpoint.VerifiedBefore, failpoint.VerifiedAfter
		case fleet.RunSuspended:
			b, a = failpoint.SuspendedBefore, failpoint.SuspendedAfter
		case fleet.RunClosed:
			b, a = failpoint.ClosedBefore, failpoint.ClosedAfter
		default:
			continue
		}
		if !seen[b] {
			seen[b] = true
			add(b, a)
		}
	}
	return before, after
}

// hit makes the process die at one of the points, in a build that does so.
func hit(points []failpoint.Point) {
	for _, p := range points {
		failpoint.Hit(p)
	}
}
