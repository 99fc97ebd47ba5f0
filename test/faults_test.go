package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// troubled is a kind of vault: what the cloud does to it and how it must end.
type troubled struct {
	name string
	spec func(*strictcloud.Vault)       // what the inventory says of it
	do   func(*strictcloud.VaultHandle) // what the cloud does
	want string                         // how its run ends
	// second is how a second run on the same ledger ends; empty: the same.
	second string
	// reopened is how it ends after reopen and another run; empty: it is not
	// re-opened.
	reopened string
	starts   int    // POSTs of the first run, at least; 0: none at all
	ring     string // its wave, where it matters
}

func starting(name, want string, starts int, faults ...strictcloud.StartFault) troubled {
	return troubled{name: name, want: want, starts: starts, do: func(v *strictcloud.VaultHandle) { v.Start(faults...) }}
}

func (k troubled) thenReopened(want string) troubled {
	k.reopened = want
	return k
}

var oldAgent = strictcloud.Reason{Category: "Agent", Code: "AgentTooOld", Message: "Machines with an old agent: ",
	Table: [][]string{{"web-1", "2.0.9000.0"}, {"web-2", "2.0.9060.0"}}, Action: "Update the agent."}

// troubles is every fault of the cloud that concerns one vault. Two that never
// answer a read (PrereqHang, ListingHang) would take the client's own minutes.
func troubles() []troubled {
	const upgraded, failed, blocked = "upgraded", "failed", "blocked"
	broke := strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full",
		Steps: []string{"Copying: no space"}}
	return []troubled{
		// Accepted, and the answer says so badly or not at all.
		starting("reset-after", upgraded, 1, strictcloud.ResetAfterAcceptance),
		starting("hang-after", upgraded, 1, strictcloud.HangAccepted),
		starting("503-after", upgraded, 1, strictcloud.UnavailableAfterAcceptance),
		starting("500-body-after", upgraded, 1, strictcloud.ErrorBodyAfterAcceptance),
		starting("garbage-after", upgraded, 1, strictcloud.GarbageAfterAcceptance),
		starting("empty-202", upgraded, 1, strictcloud.EmptyAfterAcceptance),
		starting("truncated-after", upgraded, 1, strictcloud.TruncatedAfterAcceptance),
		starting("other-id", upgraded, 1, strictcloud.OtherIDAfterAcceptance),
		starting("reset-then-accepted", upgraded, 1, strictcloud.ResetThenAccepted(700*time.Millisecond)),
		starting("slow-answer", upgraded, 1, strictcloud.SlowAnswer(700*time.Millisecond)),

		// Not accepted, and nobody says so: proved absent, sent again.
		starting("reset-before", upgraded, 2, strictcloud.ResetBeforeAcceptance),
		starting("hang-before", upgraded, 2, strictcloud.HangNotAccepted),
		starting("503", upgraded, 2, strictcloud.Unavailable),
		starting("500", upgraded, 2, strictcloud.ServerError),
		starting("408", upgraded, 2, strictcloud.RequestTimeout),
		starting("302", upgraded, 2, strictcloud.Redirect302),
		starting("307", upgraded, 2, strictcloud.Redirect307),
		starting("308", upgraded, 2, strictcloud.Redirect308),
		starting("garbage-before", upgraded, 2, strictcloud.GarbageNotAccepted),
		starting("three-resets", blocked, 3, strictcloud.Times(3, strictcloud.ResetBeforeAcceptance)...),

		// Refused.
		starting("409", upgraded, 2, strictcloud.Busy),
		starting("403-once", upgraded, 2, strictcloud.Forbidden),
		starting("401-claims", upgraded, 2, strictcloud.ClaimsChallenge),
		starting("429", upgraded, 2, strictcloud.Throttle(time.Second)),
		starting("429-date", upgraded, 2, strictcloud.ThrottleDate(time.Second)),
		starting("500-body", failed, 1, strictcloud.ErrorBody).thenReopened(upgraded),
		starting("refused-1", failed, 1, strictcloud.RefuseStart(strictcloud.Refusal{Shape: 1, Code: "NotMet",
			Reasons: []strictcloud.Reason{oldAgent}})).thenReopened(upgraded),
		starting("refused-2", failed, 1, strictcloud.RefuseStart(strictcloud.Refusal{Shape: 2, Code: "Refused",
			Message: "No."})).thenReopened(upgraded),
		starting("refused-3", failed, 1, strictcloud.RefuseStart(strictcloud.Refusal{Shape: 3, Code: "TooEarly",
			Message: "No."})).thenReopened(upgraded),
		starting("foreign-wins", "unknown", 1, strictcloud.ForeignWins(400*time.Millisecond)).thenReopened("already"),

		// The upgrade itself.
		{name: "fails", want: failed, reopened: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.FailUpgrade(broke) }},
		{name: "fails-unseen", want: failed, reopened: upgraded, starts: 1, do: func(v *strictcloud.VaultHandle) {
			v.FailUpgrade(broke).Start(strictcloud.ResetAfterAcceptance)
		}},
		{name: "unknown-first", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.UnknownFirst(300 * time.Millisecond) }},
		{name: "verify-lag", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.VerifyLag(500 * time.Millisecond) }},
		{name: "long", want: upgraded, starts: 1, do: func(v *strictcloud.VaultHandle) { v.Duration(3 * time.Second) }},
		{name: "never-verified", want: "unknown", reopened: "already", starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.VerifyLag(time.Hour) }},
		{name: "vanishes", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Vanish(900 * time.Millisecond) }},
		{name: "vanishes-before", want: upgraded, starts: 2, do: func(v *strictcloud.VaultHandle) {
			v.Vanish(2500 * time.Millisecond).Start(strictcloud.ResetBeforeAcceptance)
		}},
		{name: "target-unreadable", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.TargetUnreadable(2) }},

		// What was before.
		{name: "already", want: "already",
			do: func(v *strictcloud.VaultHandle) { v.Already(strictcloud.UserTriggered) }},
		{name: "forced", want: "already",
			do: func(v *strictcloud.VaultHandle) { v.Already(strictcloud.ForcedUpgrade) }},
		{name: "failed-before", want: failed, reopened: upgraded,
			do: func(v *strictcloud.VaultHandle) { v.FailedBefore(broke) }},
		{name: "foreign", want: "already", ring: "canary",
			do: func(v *strictcloud.VaultHandle) { v.Foreign(900*time.Millisecond, nil) }},
		// Ended as Failed, it is a failure that the next run finds in the cloud.
		{name: "foreign-fails", want: blocked, second: failed, reopened: upgraded, ring: "canary",
			do: func(v *strictcloud.VaultHandle) { v.Foreign(2*time.Second, &broke) }},

		// The checks.
		{name: "busy-once", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Prereqs(strictcloud.PrereqBusy) }},
		{name: "busy-a-while", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.BusyFor(800 * time.Millisecond) }},
		{name: "busy-for-ever", want: blocked, do: func(v *strictcloud.VaultHandle) { v.BusyFor(time.Hour) }},
		{name: "prereq-503", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Prereqs(strictcloud.PrereqUnavailable) }},
		{name: "prereq-502-page", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Prereqs(strictcloud.PrereqErrorPage) }},
		{name: "prereq-garbage", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Prereqs(strictcloud.PrereqGarbage) }},
		{name: "prereq-reset", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Prereqs(strictcloud.PrereqReset) }},
		{name: "prereq-429", want: upgraded, starts: 1,
			do: func(v *strictcloud.VaultHandle) { v.Prereqs(strictcloud.PrereqThrottle(time.Second)) }},
		{name: "prereq-refused-once", want: blocked, second: upgraded, do: func(v *strictcloud.VaultHandle) {
			v.Prereqs(strictcloud.PrereqRefuse(strictcloud.Refusal{Shape: 1, Reasons: []strictcloud.Reason{oldAgent}}))
		}},
		{name: "old-agents", want: blocked, do: func(v *strictcloud.VaultHandle) {
			v.Blocked(oldAgent, strictcloud.Reason{Code: "JobRunning", Message: "A registration is under way."})
		}},
		{name: "shape-2", want: blocked, do: func(v *strictcloud.VaultHandle) {
			v.Refuses(strictcloud.Refusal{Shape: 2, Code: "NotEnabled", Message: "Not enabled."})
		}},
		{name: "shape-3", want: blocked, do: func(v *strictcloud.VaultHandle) {
			v.Refuses(strictcloud.Refusal{Shape: 3, Message: "Not enabled."})
		}},
		{name: "warned", want: blocked, do: func(v *strictcloud.VaultHandle) {
			v.Warnings(strictcloud.Reason{Code: "Billing", Message: "Billing changes."})
		}},
		{name: "warned-consent", want: upgraded, starts: 1,
			spec: func(v *strictcloud.Vault) { v.AcceptWarnings = true },
			do: func(v *strictcloud.VaultHandle) {
				v.Warnings(strictcloud.Reason{Code: "Billing", Message: "Billing changes."})
			}},
		{name: "absent", want: blocked, do: func(v *strictcloud.VaultHandle) { v.Absent() }},
		{name: "no-group", want: blocked, spec: func(v *strictcloud.Vault) { v.Group = "rg-misspelt" },
			do: func(v *strictcloud.VaultHandle) { v.MissingGroup() }},
		{name: "new-group", want: upgraded, starts: 1,
			spec: func(v *strictcloud.Vault) { v.Group, v.CreateGroup = "rg-new", true },
			do:   func(v *strictcloud.VaultHandle) { v.MissingGroup() }},
		{name: "target-there", want: blocked, do: func(v *strictcloud.VaultHandle) { v.TargetExists() }},
		{name: "held", want: "excluded", spec: func(v *strictcloud.Vault) { v.Hold = "legal freeze" },
			do: func(*strictcloud.VaultHandle) {}},
	}
}

// sick is a subscription none of whose vaults can be upgraded.
type sick struct {
	name string
	do   func(*strictcloud.SubscriptionHandle)
}

var sickSubscriptions = []sick{
	{"csp", func(s *strictcloud.SubscriptionHandle) { s.CSP() }},
	{"disabled", func(s *strictcloud.SubscriptionHandle) { s.State("Disabled") }},
	{"missing", func(s *strictcloud.SubscriptionHandle) { s.Missing() }},
	{"forbidden", func(s *strictcloud.SubscriptionHandle) { s.Forbidden(true) }},
	{"no-provider",
		func(s *strictcloud.SubscriptionHandle) { s.Provider("Microsoft.RecoveryServices", "NotRegistered") }},
	{"registering", func(s *strictcloud.SubscriptionHandle) { s.Provider("Microsoft.SiteRecovery", "Registering") }},
	{"no-feature", func(s *strictcloud.SubscriptionHandle) { s.Feature("NotRegistered") }},
}

// listingTroubles is every fault of a listing, by subscription.
var listingTroubles = [][]strictcloud.ListingFault{
	{strictcloud.ListingUnavailable, strictcloud.ListingCutXML},
	{strictcloud.ListingTruncated, strictcloud.ListingThrottle(time.Second)},
	{strictcloud.ListingLoginPage, strictcloud.ListingEmpty},
	{strictcloud.ListingReset, strictcloud.ListingSlow(300 * time.Millisecond)},
	nil,
	nil,
}

var regions = []struct{ cloud, inventory string }{
	{"West US", ""}, {"Australia East", "australiaeast"}, {"North Europe", "north  europe"},
	{"Brazil South", "BRAZILSOUTH"},
}

func guid(n int) string { return fmt.Sprintf("%08x-5283-4f0a-baf6-49412f5ebefe", 0x53a3c600+n) }

// mixed is a fleet of every trouble there is.
type mixed struct {
	*world
	kinds map[string]troubled // by vault
}

// newMixed fills a world with a fleet of n vaults: every trouble once, sick
// subscriptions, and vaults in good health.
func newMixed(t *testing.T, n int) *mixed {
	t.Helper()
	timings := strict.FastTimings()
	timings.Poll = 150 * time.Millisecond
	timings.StartTimeout = 1200 * time.Millisecond
	timings.BusyDeadline = 3 * time.Second
	timings.ReconcileDeadline = 4 * time.Second
	m := &mixed{newWorldOf(t, strictcloud.Config{Timings: timings}), map[string]troubled{}}
	for i, faults := range listingTroubles {
		m.cloud.Subscription(guid(i)).Named(fmt.Sprintf("contoso-%d", i),
			map[string]string{"env": "prod"}).Listing(faults...)
	}
	m.cloud.Subscription(guid(4)).ARMUnavailable(2)
	for i, s := range sickSubscriptions {
		s.do(m.cloud.Subscription(guid(100+i)).Named("sick-"+s.name, nil))
		m.add(guid(100+i), troubled{name: "sick-" + s.name, want: "blocked", do: func(*strictcloud.VaultHandle) {}},
			len(m.kinds), 40*time.Millisecond)
	}
	for i, k := range troubles() {
		sub := guid(i % len(listingTroubles))
		if k.ring != "" {
			sub = guid(5) // nothing else happens there: it is looked at in time
		}
		m.add(sub, k, i, 300*time.Millisecond)
	}
	m.cloud.AddVault(strictcloud.Vault{Subscription: guid(0), Name: "not-in-the-inventory", NotInInventory: true})
	for i := len(m.kinds); i < n; i++ {
		k := starting(fmt.Sprintf("plain-%d", i), "upgraded", 1)
		m.add(guid(i%len(listingTroubles)), k, i, time.Duration(100+i*7%400)*time.Millisecond)
	}
	return m
}

func (m *mixed) add(sub string, k troubled, i int, d time.Duration) {
	at := regions[i%len(regions)]
	spec := strictcloud.Vault{Subscription: sub, Name: k.name, Region: at.cloud, Location: at.inventory,
		Labels: map[string]string{"ring": "rest"}}
	if strings.HasPrefix(k.name, "plain-") {
		spec.Labels["ring"] = []string{"pilot", "rest", "canary", "rest", "rest"}[i%5]
	} else {
		spec.ProtectedItems = 200 // troubles take long: they come first
	}
	if i%7 == 3 {
		spec.Type = strictcloud.SiteRecoveryVault
	}
	if k.ring != "" {
		spec.Labels["ring"] = k.ring
	}
	if k.spec != nil {
		k.spec(&spec)
	}
	v := m.cloud.AddVault(spec).Duration(d)
	k.do(v)
	m.kinds[k.name] = k
}
