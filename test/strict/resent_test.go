package strict_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// What proves a start absent counts from when the client decided it: the reads of a
// machine that delivers late are held to the same.
func TestUnproved(t *testing.T) {
	t.Parallel()
	timings := strict.Timings{StartTimeout: 10 * time.Second, ReconcileGrace: 2 * time.Second}
	for name, c := range map[string]struct {
		listing, target []float64 // seconds after the start was decided
		proved          bool
	}{
		"at the first moment":     {[]float64{12, 14}, []float64{12, 14}, true},
		"among others":            {[]float64{1, 13, 14, 15, 30}, []float64{0, 13, 15}, true},
		"within the start's time": {[]float64{11.9, 14}, []float64{12, 14}, false},
		"too close":               {[]float64{12, 14}, []float64{12, 13.9}, false},
		"one of a kind":           {[]float64{12, 14}, []float64{12}, false},
		"none of a kind":          {nil, []float64{12, 14}, false},
	} {
		decided := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
		at := func(seconds []float64) (reads []time.Time) {
			for _, s := range seconds {
				reads = append(reads, decided.Add(time.Duration(s*float64(time.Second))))
			}
			return reads
		}
		r := strict.Resent{Start: "start of v1", Lost: "op-1", At: decided.Add(time.Minute),
			Reads: map[string][]time.Time{"listing": at(c.listing), "target": at(c.target)}}
		if got := r.Unproved(decided, timings); (got == "") != c.proved {
			t.Errorf("%s: %q", name, got)
		}
	}
}
