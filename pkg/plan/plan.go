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
	SchemaVersion int         `json:"schemaVersion"`
	Fingerprint   string      `json:"fingerprint"` // hex SHA-256 over everything else
	Inventory     string      `json:"inventory"`   // the file it was made from, as given
	Cloud         fleet.Cloud `json:"cloud"`
	Scenario      string      `json:"scenario,omitempty"` // with cloud Emulator: the scenario file, as given
	Kind          fleet.Kind  `json:"kind"`
	// what is done to each vault; nil with the classic kind
	Upgrade       *fleet.Upgrade       `json:"upgrade,omitempty"`
	Credentials   fleet.Credentials    `json:"credentials"`
	Subscriptions []fleet.Subscription `json:"subscriptions"`
	Vaults        []Vault              `json:"vaults"` // in inventory order
	Waves         []Wave               `json:"waves"`  // in the order they run
	Limits        Limits               `json:"limits"`
	Timings       Timings              `json:"timings"`
	FailureBudget Budget               `json:"failureBudget"` // of the whole run

	PartBudgets
	// Ceiling says what counts before it is over.
	Ceiling Ceiling `json:"ceiling,omitempty"`
	// SameErrorHalt halts after so many failures in a row with one error code;
	// 0: never.
	SameErrorHalt int `json:"sameErrorHalt,omitempty"`
	// Calendar is when upgrades may run; a wave's own replaces it.
	Calendar *Calendar `json:"calendar,omitempty"`
	// Calendars are those that vaults name as theirs.
	Calendars []Calendar `json:"calendars,omitempty"`
	// CheckedAt is when the vaults were checked against the cloud while the plan was
	// made, and Vault.Check is what that found; zero: they were not checked.
	CheckedAt time.Time `json:"checkedAt,omitzero"`
}

// Vault is a vault with its place in the rollout.
type Vault struct {
	fleet.Vault
	Wave      int        `json:"wave"` // index into Plan.Waves
	Predicted Prediction `json:"predicted"`
	// Calendar, less one, is the index into Plan.Calendars of the calendar that
	// holds for this vault in place of its wave's; 0: its wave's.
	Calendar int `json:"calendar,omitempty"`
	// Check is what the checks found at Plan.CheckedAt; nil: nothing was asked about
	// it. It decides nothing: a run checks every vault before it starts it.
	Check *fleet.Validation `json:"check,omitempty"`
}

// Excluded reports whether the plan holds the vault back.
func (v *Vault) Excluded() bool { return v.Hold != nil }

// Expired lists the vaults that start although the inventory holds them: the hold
// was over when the plan was made. Whoever starts the plan must know of them.
func (p *Plan) Expired() (vaults []int) {
	for i := range p.Vaults {
		if p.Vaults[i].LapsedHold != nil && !p.Vaults[i].Excluded() {
			vaults = append(vaults, i)
		}
	}
	return vaults
}

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

	Size *Size         `json:"size,omitempty"`   // as written; Vaults is what it came to
	Soak time.Duration `json:"soakNs,omitempty"` // wait after the wave is done
	// NotBefore is when the wave opens at the earliest; zero: as soon as those before it let it.
	NotBefore time.Time  `json:"notBefore,omitzero"`
	Approval  *Approval  `json:"approval,omitempty"` // nil: none is needed
	Limits    WaveLimits `json:"limits,omitzero"`    // besides the run's
	Order     Order      `json:"order,omitempty"`    // empty: longest first
	Calendar  *Calendar  `json:"calendar,omitempty"` // nil: the plan's; it replaces that, windows and blackouts
}

// Size bounds how many vaults a wave takes of those that match it and no
// earlier wave has: the first ones in inventory order. It is a count, or a
// percentage of the fleet (all vaults that are not held), rounded up. Held
// vaults use up no place.
type Size struct {
	Count   int     `json:"count,omitempty"`
	Percent float64 `json:"percent,omitempty"`
}

// Approval is a gate that a person opens.
type Approval struct {
	When   ApprovalWhen  `json:"when"`
	NotBy  string        `json:"notBy,omitempty"` // "starter": not the one who started the run
	Expiry time.Duration `json:"expiryNs"`        // how long an approval waits for its gate
}

// ApprovalWhen says on which side of a wave its gate is.
type ApprovalWhen string

// A gate stands before its wave opens, or after it is done and has soaked.
const (
	ApprovalBefore ApprovalWhen = "before"
	ApprovalAfter  ApprovalWhen = "after"
)

// NotByStarter in Approval.NotBy wants another person than the starter.
const NotByStarter = "starter"

// DefaultApprovalExpiry is how long an approval holds where nothing is said.
const DefaultApprovalExpiry = 24 * time.Hour

// WaveLimits are a wave's own limits, beside the run's: the lower of the two
// holds (LimitsOf). 0: only the run's.
type WaveLimits struct {
	Upgrades        int `json:"upgrades,omitempty"`
	PerSubscription int `json:"perSubscription,omitempty"`
	PerLocation     int `json:"perLocation,omitempty"`
}

// Order is in which order a wave's vaults start.
type Order string

// The orders.
const (
	OrderLongestFirst Order = "longest-first"
	OrderName         Order = "name"
	OrderInventory    Order = "inventory"
)

// Ceiling says what counts against a budget.
type Ceiling string

// With a soft ceiling only what is final halts; with a hard one everything in
// flight counts as a possible failure, so the budget can never be exceeded.
const (
	CeilingSoft Ceiling = "soft"
	CeilingHard Ceiling = "hard"
)

// DefaultSameErrorHalt is how many failures in a row with one code halt.
const DefaultSameErrorHalt = 3

// Calendar is when upgrades may run. Without windows they always may, but for
// the blackouts.
type Calendar struct {
	Windows   []Window   `json:"windows,omitempty"`
	Blackouts []Blackout `json:"blackouts,omitempty"`
}

// Window is open every week on some days. Days name the day it starts on; an
// end at or before the start is on the next day, equal means 24 hours. Where
// the clocks go forward, a time that is left out is the moment they do; where
// they go back, a time that comes twice is the first of the two.
type Window struct {
	Days  []time.Weekday `json:"days"`
	Start int            `json:"start"` // minutes after local midnight, 0 to 1439
	End   int            `json:"end"`
	Zone  string         `json:"zone"` // IANA name
}

// Blackout is closed from one local time up to another. Of an end that comes
// twice, where the clocks go back, it means the second.
type Blackout struct {
	From string `json:"from"` // 2026-12-24T00:00
	To   string `json:"to"`
	Zone string `json:"zone"`
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
	UnitDefault Unit = "default" // 2 %, at least 1, at most 10 (inventory.md#budgets)
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

// Timings are the waits of a rollout (inventory.md#keys).
type Timings struct {
	Poll              time.Duration `json:"pollNs"`
	ValidationMaxAge  time.Duration `json:"validationMaxAgeNs"`
	BusyRetry         time.Duration `json:"busyRetryNs"`
	BusyDeadline      time.Duration `json:"busyDeadlineNs"`
	StartTimeout      time.Duration `json:"startTimeoutNs"`
	ReconcileGrace    time.Duration `json:"reconcileGraceNs"`
	ReconcileDeadline time.Duration `json:"reconcileDeadlineNs"`
	Overdue           time.Duration `json:"overdueNs"`

	// OverdueChosen says that the inventory gives an Overdue that is the usual one as well;
	// of any other value there is no doubt, and plans from before this was told stay as
	// they are.
	OverdueChosen bool `json:"overdueChosen,omitempty"`
}

// UsualOverdue reports whether nobody has chosen Overdue: it is then made for what the
// real service takes.
func (t Timings) UsualOverdue() bool {
	return t.Overdue == DefaultTimings().Overdue && !t.OverdueChosen
}

// DefaultLimits and DefaultTimings are the values of inventory.md#keys.
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

// MaxAttempts is how often a vault's start may be sent in one run (design.md#rule-3).
const MaxAttempts = 3
