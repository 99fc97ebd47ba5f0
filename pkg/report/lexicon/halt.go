package lexicon

import (
	"fmt"
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// HaltedNow is Halted with the failures that there are now: what was in flight when the
// run halted may have failed since, and every count beside the sentence has that too.
// The run must be halted.
func HaltedNow(st *rollout.State) string {
	h := *st.Run.Halt
	b := st.RunBudget()
	if h.SameError == "" {
		switch {
		case h.Wave:
			w := slices.IndexFunc(st.Waves, func(w rollout.WaveState) bool { return w.Name == h.Scope })
			if w < 0 {
				return Halted(st.Plan, &h)
			}
			b, _ = st.WaveBudget(w)
		case h.PartName() != "":
			b, _ = st.PartBudget(h.PartName(), h.Scope)
		}
		h.Failures = max(h.Failures, b.Failed)
	}
	return Halted(st.Plan, &h)
}

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
	switch part := PartIn(p, h); {
	case h.Wave:
		return fmt.Sprintf("%s wave %s's budget of %d", n, h.Scope, h.Budget)
	case part != "":
		return fmt.Sprintf("%s the budget of %s, %d", n, part, h.Budget)
	}
	return fmt.Sprintf("%s the run's budget of %d", n, h.Budget)
}

// PartIn is what people call the part of a plan whose budget was exceeded, as in
// "subscription prod"; empty: it was the budget of the run or of a wave.
func PartIn(p *plan.Plan, h *fleet.RunHalted) string {
	if s := plan.HaltedPart(h); s != nil {
		return s.Name + " " + s.TitleOf(p, h.Scope)
	}
	return ""
}
