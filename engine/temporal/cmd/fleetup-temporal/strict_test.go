package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// strictCloud judges its client, and has a fleet with every trouble a start can meet.
type strictCloud interface {
	http.Handler
	ClientDied()
	Close()
	JudgeProofs(decided func(operationID string) (time.Time, bool))

	// fill makes a fleet of so many vaults: how each may end.
	fill(rnd *rand.Rand, vaults int) map[string][]fleet.Status
	inventory(path, url string) error
	isStart(r *http.Request) bool
	// truth is what became of each vault, and what the client did that it must not.
	truth() (vaults []seenVault, violations []string)
}

// seenVault is the truth of one vault.
type seenVault struct {
	name     string
	starts   []string // the operations that came, in order
	accepted int
	wanted   bool // it is as it is to be
	more     any  // for whoever reads of a failure
}

// besieged are timings that are short enough for a test, but for the end of a doubt.
func besieged(reconcileDeadline time.Duration) strict.Timings {
	return strict.Timings{Poll: 200 * time.Millisecond, StartTimeout: 800 * time.Millisecond,
		ReconcileGrace: 300 * time.Millisecond, BusyDeadline: 5 * time.Minute, ReconcileDeadline: reconcileDeadline,
		Overdue: 5 * time.Minute}
}

var besiegedLimits = strict.Limits{Validations: 8, Upgrades: 6, PerSubscription: 3, RequestsPerSecond: 200}

// takes is how long an upgrade takes.
func takes(rnd *rand.Rand) time.Duration { return time.Duration(200+rnd.IntN(1500)) * time.Millisecond }

func subscriptionOf(i int) string { return fmt.Sprintf("11111111-2222-4333-8444-00000000000%d", i%3) }

// plain is the name of a vault without trouble.
func plain(i int) string { return fmt.Sprintf("plain-%d", i) }

// classicCloud is the classic service's.
type classicCloud struct{ *strictcloud.Server }

func newClassicCloud(reconcileDeadline time.Duration) strictCloud {
	return classicCloud{strictcloud.New(strictcloud.Config{Timings: besieged(reconcileDeadline)})}
}

var broke = strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"}

// struck is a vault with trouble, and how it may end.
type struck[V any] struct {
	name string
	want []fleet.Status
	do   func(V)
}

// struckKinds are those with trouble. Of a start that was refused while the answer was
// lost with its worker, another is sent: it may be upgraded.
func struckKinds() []struck[*strictcloud.VaultHandle] {
	start := func(name string, fault strictcloud.StartFault, want ...fleet.Status) struck[*strictcloud.VaultHandle] {
		return struck[*strictcloud.VaultHandle]{name, append(want, fleet.Upgraded),
			func(v *strictcloud.VaultHandle) { v.Start(fault) }}
	}
	return []struck[*strictcloud.VaultHandle]{
		start("reset-after", strictcloud.ResetAfterAcceptance),
		start("hang-after", strictcloud.HangAccepted),
		start("503-after", strictcloud.UnavailableAfterAcceptance),
		start("garbage-after", strictcloud.GarbageAfterAcceptance),
		start("truncated-after", strictcloud.TruncatedAfterAcceptance),
		start("late", strictcloud.ResetThenAccepted(300*time.Millisecond)),
		start("slow", strictcloud.SlowAnswer(400*time.Millisecond)),
		start("slower", strictcloud.SlowAnswer(700*time.Millisecond)),
		start("reset-before", strictcloud.ResetBeforeAcceptance),
		start("hang-before", strictcloud.HangNotAccepted),
		start("garbage-before", strictcloud.GarbageNotAccepted),
		start("503", strictcloud.Unavailable),
		start("307", strictcloud.Redirect307),
		start("409", strictcloud.Busy),
		start("429", strictcloud.Throttle(time.Second)),
		start("403", strictcloud.Forbidden),
		start("500-body", strictcloud.ErrorBody, fleet.Failed),
		start("refused", strictcloud.RefuseStart(strictcloud.Refusal{Shape: 3, Code: "TooEarly"}), fleet.Failed),
		{"fails", []fleet.Status{fleet.Failed}, func(v *strictcloud.VaultHandle) { v.FailUpgrade(broke) }},
		{"fails-unseen", []fleet.Status{fleet.Failed},
			func(v *strictcloud.VaultHandle) { v.FailUpgrade(broke).Start(strictcloud.ResetAfterAcceptance) }},
		{"failed-before", []fleet.Status{fleet.Failed}, func(v *strictcloud.VaultHandle) { v.FailedBefore(broke) }},
		{"already", []fleet.Status{fleet.Already},
			func(v *strictcloud.VaultHandle) { v.Already(strictcloud.ForcedUpgrade) }},
		{"busy", []fleet.Status{fleet.Upgraded},
			func(v *strictcloud.VaultHandle) { v.BusyFor(600 * time.Millisecond) }},
		{"verify-lag", []fleet.Status{fleet.Upgraded},
			func(v *strictcloud.VaultHandle) { v.VerifyLag(300 * time.Millisecond) }},
	}
}

func (c classicCloud) fill(rnd *rand.Rand, vaults int) map[string][]fleet.Status {
	kinds := struckKinds()
	for len(kinds) < vaults {
		kinds = append(kinds, struck[*strictcloud.VaultHandle]{plain(len(kinds)), []fleet.Status{fleet.Upgraded},
			func(*strictcloud.VaultHandle) {}})
	}
	want := map[string][]fleet.Status{}
	for i, k := range kinds {
		v := c.AddVault(strictcloud.Vault{Subscription: subscriptionOf(i), Name: k.name,
			Region: []string{"Australia East", "West Europe"}[i%2], ProtectedItems: rnd.IntN(200)})
		k.do(v.Duration(takes(rnd)))
		want[k.name] = k.want
	}
	return want
}

func (c classicCloud) inventory(path, url string) error {
	return c.WriteInventory(path, strictcloud.Inventory{URL: url, FailureBudget: "1000",
		Waves: []strict.Wave{{Name: "all"}}, Limits: besiegedLimits})
}

func (c classicCloud) isStart(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/upgrade")
}

func (c classicCloud) truth() (vaults []seenVault, violations []string) {
	r := c.Report()
	for _, v := range r.Vaults {
		seen := seenVault{name: v.Vault.Name, accepted: len(v.Accepted), wanted: v.State == "Upgraded", more: v.Starts}
		for _, s := range v.Starts {
			seen.starts = append(seen.starts, s.OperationID)
		}
		vaults = append(vaults, seen)
	}
	return vaults, r.Violations
}

// todaysCloud is the Resource Manager's.
type todaysCloud struct{ *strictarm.Server }

func newTodaysCloud(reconcileDeadline time.Duration) strictCloud {
	return todaysCloud{strictarm.New(strictarm.Config{Timings: besieged(reconcileDeadline)})}
}

// struckToday are those with trouble. What failed unseen is sent once more where reading
// proves that it did nothing, and stays unknown where it was seen under way, or where
// something has written to the vault since.
func struckToday() []struck[*strictarm.VaultHandle] {
	done, down := []fleet.Status{fleet.Upgraded}, []fleet.Status{fleet.Failed, fleet.Upgraded, fleet.Unknown}
	full := strictarm.Fails("DiskFull", "the disk was full")
	type v = *strictarm.VaultHandle
	return []struck[v]{
		{"both", done, func(v) {}},
		{"async-only", done, func(h v) { h.URLs(strictarm.AsyncOnly) }},
		{"location-only", done, func(h v) { h.URLs(strictarm.LocationOnly) }},
		{"no-urls", done, func(h v) { h.URLs(strictarm.NoURLs) }},
		{"paced", done, func(h v) { h.RetryAfter(time.Second) }},
		{"expires", done, func(h v) { h.Ends(strictarm.Expires(0, strictarm.Succeeds)) }},
		{"reset-after", done, func(h v) { h.Patch(strictarm.ResetAfterAcceptance) }},
		{"reset-before", done, func(h v) { h.Patch(strictarm.ResetBeforeAcceptance) }},
		{"slow", done, func(h v) { h.Patch(strictarm.SlowAnswer(300 * time.Millisecond)) }},
		{"slower", done, func(h v) { h.Patch(strictarm.SlowAnswer(700 * time.Millisecond)) }},
		{"conflict", done, func(h v) { h.Patch(strictarm.Conflict) }},
		{"slow-down", done, func(h v) { h.Patch(strictarm.SlowDown(time.Second)) }},
		{"at-once", done, func(h v) { h.Takes(0) }},
		{"fails", down, func(h v) { h.Ends(full) }},
		{"fails-unseen", down, func(h v) { h.Ends(full).Patch(strictarm.ResetAfterAcceptance) }},
		{"refused", down, func(h v) { h.Patch(strictarm.BadRequest) }},
		{"already", []fleet.Status{fleet.Already}, func(h v) { h.Already() }},
		{"locked", []fleet.Status{fleet.Blocked}, func(h v) { h.Lock("keep", "ReadOnly") }},
	}
}

func (c todaysCloud) fill(rnd *rand.Rand, vaults int) map[string][]fleet.Status {
	kinds := struckToday()
	for len(kinds) < vaults {
		kinds = append(kinds, struck[*strictarm.VaultHandle]{plain(len(kinds)), []fleet.Status{fleet.Upgraded},
			func(*strictarm.VaultHandle) {}})
	}
	want := map[string][]fleet.Status{}
	for i, k := range kinds {
		v := c.AddVault(strictarm.Vault{Subscription: subscriptionOf(i), Name: k.name})
		k.do(v.Takes(takes(rnd)).RetryAfter(0))
		want[k.name] = k.want
	}
	return want
}

func (c todaysCloud) inventory(path, url string) error {
	return c.WriteInventory(path, strictarm.Inventory{URL: url, FailureBudget: "1000",
		Waves: []strict.Wave{{Name: "all"}}, Limits: besiegedLimits})
}

func (c todaysCloud) isStart(r *http.Request) bool { return r.Method == http.MethodPatch }

func (c todaysCloud) truth() (vaults []seenVault, violations []string) {
	r := c.Report()
	for _, v := range r.Vaults {
		seen := seenVault{name: v.Vault.Name, wanted: v.Wanted, more: v.Patches}
		for _, a := range v.Accepted {
			if a.Applied { // one that failed may be sent again where it is proved to have done nothing
				seen.accepted++
			}
		}
		for _, p := range v.Patches {
			seen.starts = append(seen.starts, p.ClientRequestID)
		}
		vaults = append(vaults, seen)
	}
	return vaults, r.Violations
}
