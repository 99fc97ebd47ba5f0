package lexicon

import (
	"fmt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// Halted says which budget halted a run of the plan, as a part of a sentence. A
// subscription goes by the name that people call it by.
func Halted(p *plan.Plan, h *fleet.RunHalted) string {
	n := Plural(h.Failures, "failure", "failures")
	if h.SameError != "" {
		return fmt.Sprintf("%s in a row had the code %s", n, h.SameError)
	}
	n += " exceeded"
	if h.Failures <= h.Budget {
		n = Plural(h.Failures, "failure", "failures") + " used up" // a hard ceiling
	}
	switch {
	case h.Wave:
		return fmt.Sprintf("%s wave %s's budget of %d", n, h.Scope, h.Budget)
	case h.Subscription:
		return fmt.Sprintf("%s the budget of subscription %s, %d", n, SubscriptionIn(p, h.Scope), h.Budget)
	}
	return fmt.Sprintf("%s the run's budget of %d", n, h.Budget)
}
