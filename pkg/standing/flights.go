package standing

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// Flight is an upgrade that may be under way, as seen from a moment.
type Flight struct {
	Vault       int // index into the plan's vaults
	Status      fleet.Status
	OperationID string
	Since       time.Time     // zero: nobody knows
	Age         time.Duration // 0 where Since is zero
	Reading     *fleet.LastReading

	// Foreign: it is somebody else's. It is followed and measured against nothing, and
	// nobody counts it among what is in flight.
	Foreign   bool
	Predicted plan.Prediction // of ours, by the clock that Age is of
	Late      Lateness
	Ends      rollout.Likely // when the cloud is expected to end it; zero: nobody knows
}

// Lateness is how an upgrade stands against its prediction.
type Lateness string

// How an upgrade stands against its prediction: nine of ten of its size are over by
// the 90th percentile.
const (
	OnTime     Lateness = ""
	PastMedian Lateness = "past-median"
	BeyondP90  Lateness = "beyond-p90"
	Overdue    Lateness = "overdue" // for longer than timings.overdue
)

// Aloft reports whether an upgrade of a vault may be under way, whoever's it is.
func Aloft(v *rollout.VaultState) bool { return v.InFlight() || v.Status == fleet.Upgrading }

// Flights are the upgrades under way among some vaults, what wants to be looked at
// first: what is overdue, beyond its 90th percentile or in doubt, then the oldest.
func Flights(st *rollout.State, among iter.Seq[int], now time.Time) []Flight {
	var out []Flight
	for i := range among {
		if v := &st.Vaults[i]; Aloft(v) {
			out = append(out, flightOf(v, i, st.Predicted(i), now))
		}
	}
	slices.SortFunc(out, func(a, b Flight) int {
		return cmp.Or(cmp.Compare(b.rank(), a.rank()), a.Since.Compare(b.Since), a.Vault-b.Vault)
	})
	return out
}

func flightOf(v *rollout.VaultState, i int, p plan.Prediction, now time.Time) Flight {
	f := Flight{Vault: i, Status: v.Status, OperationID: v.OperationID, Since: v.StartedAt,
		Foreign: v.Status == fleet.Upgrading && v.Foreign, Reading: v.Reading}
	if !f.Since.IsZero() {
		f.Age = now.Sub(f.Since)
	}
	if f.Foreign {
		return f
	}
	f.Predicted = p
	switch {
	case f.Since.IsZero():
		return f
	case v.Overdue:
		f.Late = Overdue
	case p.P90 > 0 && f.Age > p.P90:
		f.Late = BeyondP90
	case p.P50 > 0 && f.Age > p.P50:
		f.Late = PastMedian
	}
	if p.P90 > 0 {
		f.Ends = rollout.Likely{P50: now.Add(rollout.Remaining(f.Age, p.P50, p)),
			P90: now.Add(rollout.Remaining(f.Age, p.P90, p))}
	}
	if v.CloudDone {
		f.Ends = rollout.Likely{P50: now, P90: now}
	}
	return f
}

// rank is how much an upgrade wants to be looked at.
func (f *Flight) rank() int {
	rank := slices.Index([]Lateness{OnTime, BeyondP90, Overdue}, f.Late) // past its median is as good as on time
	if f.Status == fleet.Unknown {
		rank = max(rank, 1)
	}
	return max(rank, 0)
}

// FlightCount counts flights.
type FlightCount struct {
	Ours, Foreign      int
	Overdue, BeyondP90 int // of ours
	Unknown            int // of ours, and still being read: where statuses are counted beside flights, each is in both
}

// CountFlights counts flights.
func CountFlights(fs []Flight) (c FlightCount) {
	for i := range fs {
		if fs[i].Foreign {
			c.Foreign++
			continue
		}
		c.Ours++
		if fs[i].Status == fleet.Unknown {
			c.Unknown++
		}
		switch fs[i].Late {
		case Overdue:
			c.Overdue++
		case BeyondP90:
			c.BeyondP90++
		}
	}
	return c
}
