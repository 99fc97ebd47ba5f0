package test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// changed is a vault of today's Azure with its trouble, and how it has to end.
type changed struct {
	name     string
	want     string
	patches  int // how many have to be sent
	spec     func(*strictarm.Vault)
	do       func(*strictarm.VaultHandle)
	second   string // its status in a second run on the ledger; empty: as before, or already
	reopened string // its status in a run after it was reopened; empty: it is not
}

func patching(name, want string, patches int, fs ...strictarm.PatchFault) changed {
	return changed{name: name, want: want, patches: patches, do: func(v *strictarm.VaultHandle) { v.Patch(fs...) }}
}

func chain(name string, u strictarm.URLs) changed {
	return changed{name: name, want: "upgraded", patches: 1, do: func(v *strictarm.VaultHandle) { v.URLs(u) }}
}

func ending(name, want string, o strictarm.Outcome) changed {
	return changed{name: name, want: want, patches: 1, do: func(v *strictarm.VaultHandle) { v.Ends(o) }}
}

// changes is every trouble that a vault of today's Azure may have.
func changes() []changed {
	const up = "upgraded"
	// Three failures in a row with one code halt a run.
	full := func(disk string) strictarm.Outcome { return strictarm.Fails("DiskFull"+disk, "the disk was full") }
	return []changed{
		// Chains.
		chain("both", strictarm.Both), chain("async-only", strictarm.AsyncOnly),
		chain("location-only", strictarm.LocationOnly),
		chain("relative", strictarm.Relative), chain("elsewhere", strictarm.Elsewhere),
		chain("no-urls", strictarm.NoURLs),
		{name: "nowhere-at-once", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Takes(0).Patch(strictarm.AcceptedNowhere) }},
		patching("nowhere-late", up, 1, strictarm.AcceptedNowhereLater(3*time.Second)),
		patching("nowhere-wait", up, 1, strictarm.AcceptedNowhereWait(24*time.Hour)),
		{name: "nowhere-never", want: "unknown", patches: 1, reopened: up, do: func(v *strictarm.VaultHandle) {
			v.Takes(0).URLs(strictarm.NoURLs).Patch(strictarm.AcceptedNowhere).Ends(full("E"))
		}},
		{name: "at-once", want: up, patches: 1, do: func(v *strictarm.VaultHandle) { v.Takes(0) }},
		{name: "as-published", want: up, patches: 1, do: func(v *strictarm.VaultHandle) { v.Published() }},
		// polled each second, as it says
		{name: "as-published-retry-after", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Published().Takes(2500 * time.Millisecond) }},
		{name: "retry-after-3", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.RetryAfter(3 * time.Second) }},
		{name: "long", want: up, patches: 1, do: func(v *strictarm.VaultHandle) { v.Takes(2500 * time.Millisecond) }},
		{name: "retry-after-date", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.RetryAfterDate(2 * time.Second) }},
		{name: "unset", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Property("monitoringSettings", nil) }},
		ending("without-body", up, strictarm.SucceedsWithout), ending("success", up, strictarm.SucceedsAsSuccess),
		ending("expires-made", up, strictarm.Expires(0, strictarm.Succeeds)),

		// Answers that say nothing for certain.
		patching("created", up, 1, strictarm.CreatedProvisioning),
		patching("slow", up, 1, strictarm.SlowAnswer(400*time.Millisecond)),
		patching("reset-after", up, 1, strictarm.ResetAfterAcceptance),
		patching("hang-after", up, 1, strictarm.HangAccepted),
		patching("503-after", up, 1, strictarm.UnavailableAfterAcceptance),
		patching("500-after", up, 1, strictarm.ErrorBodyAfterAcceptance),
		patching("garbage-after", up, 1, strictarm.GarbageAfterAcceptance),
		patching("cut-after", up, 1, strictarm.TruncatedAfterAcceptance),
		patching("late", up, 1, strictarm.ResetThenAccepted(700*time.Millisecond)),
		patching("reset-before", up, 2, strictarm.ResetBeforeAcceptance),
		patching("hang-before", up, 2, strictarm.HangNotAccepted),
		patching("503", up, 2, strictarm.Unavailable),
		patching("502", up, 2, strictarm.BadGateway),
		patching("408", up, 2, strictarm.RequestTimeout),
		patching("307", up, 2, strictarm.Redirect307),
		patching("308", up, 2, strictarm.Redirect308),
		patching("garbage", up, 2, strictarm.GarbageNotAccepted),

		// Refusals.
		patching("conflict", up, 2, strictarm.Conflict),
		patching("slow-down", up, 2, strictarm.SlowDown(time.Second)),
		patching("slow-down-date", up, 2, strictarm.SlowDownDate(time.Second)),
		patching("slow-down-in-text", up, 2, strictarm.SlowDownInText(time.Second)),
		patching("busy", up, 2, strictarm.Busy(time.Second)),
		{name: "forbidden-once", want: "blocked", second: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Patch(strictarm.Forbidden) }},
		patching("conflicts", up, 6, strictarm.Times(5, strictarm.Conflict)...),
		patching("claims", up, 2, strictarm.ClaimsChallenge),
		patching("400", "failed", 1, strictarm.BadRequest).then(up),
		patching("500-body", "failed", 1, strictarm.ErrorBody).then(up),
		{name: "policy", want: "blocked", second: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Patch(strictarm.DisallowedByPolicy) }},
		{name: "guard", want: "blocked", patches: 1, do: func(v *strictarm.VaultHandle) { v.Guarded() }},
		{name: "lock-at-last", want: "blocked", second: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Patch(strictarm.ScopeLocked("/x")) }},

		// How it ends.
		ending("fails", "failed", full("A")).then(up),
		ending("fails-broken", "failed", strictarm.FailsBroken("DiskBroken", "the disk was broken")),
		ending("canceled", "failed", strictarm.Canceled).then(up),
		ending("cancelled", "failed", strictarm.Cancelled).then(up),
		ending("expires-unmade", "unknown", strictarm.Expires(0, full("B"))).then(up),
		{name: "created-fails", want: "failed", patches: 1, reopened: up, do: func(v *strictarm.VaultHandle) {
			v.Patch(strictarm.CreatedProvisioning).Ends(full("D"))
		}},
		{name: "fails-by-location", want: "failed", patches: 1, reopened: up,
			do: func(v *strictarm.VaultHandle) { v.URLs(strictarm.LocationOnly).Ends(full("C")) }},

		// Polls and reads that say nothing.
		{name: "polls", want: up, patches: 1, do: func(v *strictarm.VaultHandle) {
			v.RetryAfter(0).Polls(strictarm.PollAs(strictarm.ReadUnavailable), strictarm.PollAs(strictarm.ReadReset),
				strictarm.PollAs(strictarm.ReadCut),
				strictarm.PollStatus("Provisioning"), strictarm.PollNoContent, strictarm.PollVault,
				strictarm.PollAs(strictarm.ReadLoginPage), strictarm.PollAs(strictarm.ReadThrottle(time.Second)))
		}},
		{name: "reads", want: up, patches: 1, do: func(v *strictarm.VaultHandle) {
			v.Reads(strictarm.ReadUnavailable, strictarm.ReadErrorPage, strictarm.ReadReset)
		}},
		{name: "read-garbage", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Reads(strictarm.ReadLoginPage, strictarm.ReadCut) }},
		{name: "read-other", want: up, patches: 1, do: func(v *strictarm.VaultHandle) { v.Reads(strictarm.ReadOther) }},
		{name: "read-throttled", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Reads(strictarm.ReadThrottle(time.Second)) }},

		// What was before.
		{name: "already", want: "already", do: func(v *strictarm.VaultHandle) { v.Already() }},
		{name: "foreign", want: "already",
			do: func(v *strictarm.VaultHandle) { v.Foreign(900*time.Millisecond, true) }},
		{name: "locked", want: "blocked", do: func(v *strictarm.VaultHandle) { v.Lock("keep", "ReadOnly") }},
		{name: "group-locked", want: "blocked", do: func(v *strictarm.VaultHandle) { v.LockGroup("keep", "ReadOnly") }},
		{name: "undeletable", want: up, patches: 1,
			do: func(v *strictarm.VaultHandle) { v.Lock("keep", "CanNotDelete") }},
		{name: "gone", want: "blocked", do: func(v *strictarm.VaultHandle) { v.Gone() }},
		{name: "held", want: "excluded", spec: func(v *strictarm.Vault) { v.Hold = "legal freeze" },
			do: func(*strictarm.VaultHandle) {}},
	}
}

func (c changed) then(reopened string) changed {
	c.reopened = reopened
	return c
}

// TestToday runs a fleet of every trouble there is against today's Resource
// Manager, then a second run on the ledger, then one with a person's
// permission for what failed.
func TestToday(t *testing.T) {
	t.Parallel()
	timings := strict.FastTimings()
	timings.Poll = 150 * time.Millisecond
	timings.StartTimeout = 1200 * time.Millisecond
	timings.ReconcileDeadline = 4 * time.Second
	timings.Overdue = 10 * time.Second
	w := newToday(t, strictarm.Config{Timings: timings})
	all := map[string]changed{}
	for i, k := range changes() {
		spec := strictarm.Vault{Subscription: []string{subA, subB, subC}[i%3], Name: k.name}
		if k.spec != nil {
			k.spec(&spec)
		}
		k.do(w.cloud.AddVault(spec).Takes(300 * time.Millisecond))
		all[k.name] = k
	}
	w.cloud.AddVault(strictarm.Vault{Subscription: subA, Name: "not-in-the-inventory", NotInInventory: true})
	w.write(strictarm.Inventory{FailureBudget: "100", Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Validations: 16, Upgrades: 12, PerSubscription: 5}})

	w.start("run", w.inv, "--yes").ends(3)
	w.demand("the run", all, func(k changed) string { return k.want })
	for _, v := range w.judge().Vaults {
		if k := all[v.Vault.Name]; len(v.Patches) != k.patches {
			t.Errorf("%s: %d PATCHes were sent, want %d: %+v", v.Vault.Name, len(v.Patches), k.patches, v.Patches)
		} else if k.want == "already" && v.Requests[strictarm.CallPatch] != 0 {
			t.Errorf("%s was as it is to be, and cost %v", v.Vault.Name, v.Requests)
		}
	}

	before := w.patches()
	w.start("run", w.inv, "--yes").ends(3)
	w.demand("the second run", all, changed.afterSecond)
	w.judge()
	for name, n := range w.patches() {
		if k := all[name]; k.afterSecond() == k.want && k.want != "blocked" && n != before[name] {
			t.Errorf("%s was %s, and the second run changed it again", name, k.want)
		}
	}

	args := []string{"reopen", "--state", w.db, "--reason", "support case 4711"}
	for _, v := range w.cloud.Vaults() {
		if all[v.Spec().Name].reopened != "" {
			w.cloud.AllowRestart(v)
			args = append(args, v.Spec().Subscription+"/"+v.Spec().Name)
		}
	}
	w.start(args...).ends(0)
	w.start("run", w.inv, "--yes").ends(3)
	w.demand("the run after reopen", all, func(k changed) string {
		switch second := k.afterSecond(); {
		case k.reopened != "":
			return k.reopened
		case second == "upgraded":
			return "already"
		default:
			return second
		}
	})
	w.judge()
}

// afterSecond is how the vault stands after a second run.
func (c changed) afterSecond() string {
	switch {
	case c.second != "":
		return c.second
	case c.want == "upgraded":
		return "already"
	}
	return c.want
}
