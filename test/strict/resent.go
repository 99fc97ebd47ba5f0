package strict

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Resent is a start that came after one of which no answer had said whether it
// was accepted.
type Resent struct {
	Start string // what came, as a violation names it
	Lost  string // the operation ID of the one before
	At    time.Time
	// Reads are those that came between the two and showed the vault without the
	// one before, by what was read.
	Reads map[string][]time.Time
}

// Unproved says why the reads do not prove that the start before was never
// accepted (design.md#rule-1), empty when they do: of each kind two, a grace
// apart, the first a grace after the deadline of that start. decided is when the
// client decided it, by the clock of this machine. From then it counts, and not
// from the start's arrival: a busy machine lets any time pass between the two. A
// read arrives after the client was free to make it, so nothing is allowed for.
func (r Resent) Unproved(decided time.Time, t Timings) string {
	first := decided.Add(t.StartTimeout + t.ReconcileGrace)
	for _, kind := range slices.Sorted(maps.Keys(r.Reads)) {
		var one time.Time
		proved := false
		for _, at := range r.Reads[kind] {
			switch {
			case at.Before(first):
			case one.IsZero():
				one = at
			case at.Sub(one) >= t.ReconcileGrace:
				proved = true
			}
		}
		if !proved {
			return fmt.Sprintf("%s: without proof that operation %s, decided %v before, did nothing: reads of the %s "+
				"after it: %v",
				r.Start, r.Lost, r.At.Sub(decided).Round(time.Millisecond), kind, since(decided, r.Reads[kind]))
		}
	}
	return ""
}

func since(start time.Time, reads []time.Time) []time.Duration {
	ds := make([]time.Duration, len(reads))
	for i, at := range reads {
		ds[i] = at.Sub(start).Round(time.Millisecond)
	}
	return ds
}
