package report

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// waitsFor says what a live run waits for that has nothing to do: the words of
// a suspension that waits. It is empty while something is being done.
func waitsFor(st *rollout.State, h *hours) string {
	var opens time.Time
	for i := range st.Vaults {
		v := &st.Vaults[i]
		if !v.Open() || st.Waves[st.Plan.Vaults[i].Wave].OpenedAt.IsZero() {
			continue
		}
		at := h.opens(i)
		if v.Status != fleet.Ready || at.IsZero() {
			return ""
		}
		if opens.IsZero() || at.Before(opens) {
			opens = at
		}
	}
	if !opens.IsZero() {
		return "the window that opens " + opens.UTC().Format(time.RFC3339)
	}
	if w := st.CurrentWave(); w >= 0 {
		until := st.Waves[w].DoneAt.Add(st.Plan.Waves[w].Soak)
		if !st.Waves[w].DoneAt.IsZero() && w+1 < len(st.Waves) && until.After(h.now) {
			return "wave " + st.Waves[w].Name + ", which soaks until " + until.UTC().Format(time.RFC3339)
		}
	}
	if w, when, ok := st.NextGate(); ok {
		return "an approval " + when + " wave " + st.Waves[w].Name
	}
	return ""
}
