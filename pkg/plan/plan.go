// Package plan answers "who goes in which wave, under which limits": it turns a
// decoded inventory into a Plan, predicts durations, and gives the plan a
// fingerprint.
//
// It is pure: the same input and clock reading give the same plan, to the byte.
// It does no I/O and reads no clock.
package plan

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// SchemaVersion is the version of a plan's JSON form.
const SchemaVersion = 1

// Plan is what a run carries out. A run stores it; a resume uses the stored
// one. It is never changed after Build.
type Plan struct {
	SchemaVersion int                  `json:"schemaVersion"`
	Fingerprint   string               `json:"fingerprint"` // hex SHA-256 over everything else
	Inventory     string               `json:"inventory"`   // the file it was made from, as given
	Cloud         fleet.Cloud          `json:"cloud"`
	Scenario      string               `json:"scenario,omitempty"` // with cloud Emulator: the scenario file, as given
	Kind          fleet.Kind           `json:"kind"`
	Credentials   fleet.Credentials    `json:"credentials"`
	Subscriptions []fleet.Subscription `json:"subscriptions"`
	Vaults        []Vault              `json:"vaults"` // in inventory order
	Waves         []Wave               `json:"waves"`  // in the order they run
	Limits        Limits               `json:"limits"`
	Timings       Timings              `json:"timings"`
	FailureBudget Budget               `json:"failureBudget"` // of the whole run
}

// Vault is a vault with its place in the rollout.
type Vault struct {
	fleet.Vault
	Wave      int        `json:"wave"` // index into Plan.Waves
	Predicted Prediction `json:"predicted"`
}

// Excluded reports whether the plan holds the vault back.
func (v *Vault) Excluded() bool { return v.Hold != nil }

// Prediction is how long an upgrade is expected to take.
type Prediction struct {
	P50 time.Duration `json:"p50Ns"`
	P90 time.Duration `json:"p90Ns"`
}

// Wave is a group of vaults that runs after the one before it is done.
type Wave struct {
	Name        string  `json:"name"`
	Vaults      []int   `json:"vaults"`                // indices into Plan.Vaults, in inventory order; held ones too
	MaxFailures *Budget `json:"maxFailures,omitempty"` // nil: only the run's budget
}

// Budget is a number of failures that may happen; one more halts. It is a
// count or a percentage of a scope's vaults.
type Budget struct {
	Count   int     `json:"count,omitempty"`
	Percent float64 `json:"percent,omitempty"`
	Unit    Unit    `json:"unit"`
}

// Unit says how a Budget is to be read.
type Unit string

// The units of a budget.
const (
	UnitCount   Unit = "count"
	UnitPercent Unit = "percent"
	UnitDefault Unit = "default" // 2 %, at least 1, at most 10 (design §4)
)

// Resolve turns the budget into a whole number for a scope of base vaults
// (those neither excluded nor carried). Percentages round down.
func (b Budget) Resolve(base int) int {
	switch b.Unit {
	case UnitPercent:
		// The small term keeps 29 % of 100 at 29: the product in binary
		// floating point can fall just short of a whole number.
		return int(float64(base)*b.Percent/100 + 1e-9)
	case UnitDefault:
		return min(max(base*2/100, 1), 10)
	}
	return b.Count
}

// Limits bounds what happens at once. Zero means no limit for PerSubscription
// and PerLocation; the others are at least 1.
type Limits struct {
	Validations       int     `json:"validations"`
	Upgrades          int     `json:"upgrades"`
	PerSubscription   int     `json:"perSubscription,omitempty"`
	PerLocation       int     `json:"perLocation,omitempty"`
	RequestsPerSecond float64 `json:"requestsPerSecond"` // per subscription
}

// Timings are the waits of a rollout (design §4).
type Timings struct {
	Poll              time.Duration `json:"pollNs"`
	ValidationMaxAge  time.Duration `json:"validationMaxAgeNs"`
	BusyRetry         time.Duration `json:"busyRetryNs"`
	BusyDeadline      time.Duration `json:"busyDeadlineNs"`
	StartTimeout      time.Duration `json:"startTimeoutNs"`
	ReconcileGrace    time.Duration `json:"reconcileGraceNs"`
	ReconcileDeadline time.Duration `json:"reconcileDeadlineNs"`
	Overdue           time.Duration `json:"overdueNs"`
}

// DefaultLimits and DefaultTimings are the values of design §4.
func DefaultLimits() Limits {
	return Limits{Validations: 16, Upgrades: 10, PerSubscription: 2, RequestsPerSecond: 10}
}

// DefaultTimings returns the timings an inventory has that gives none.
func DefaultTimings() Timings {
	return Timings{
		Poll:              30 * time.Second,
		ValidationMaxAge:  60 * time.Minute,
		BusyRetry:         5 * time.Minute,
		BusyDeadline:      2 * time.Hour,
		StartTimeout:      100 * time.Second,
		ReconcileGrace:    2 * time.Minute,
		ReconcileDeadline: 15 * time.Minute,
		Overdue:           100 * time.Minute,
	}
}

// MaxAttempts is how often a vault's start may be sent in one run (design §2,
// rule 3).
const MaxAttempts = 3
