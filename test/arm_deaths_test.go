package test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// mortals are the vaults of the fleets whose clients die. What failed unseen is
// sent once more if reading proved that it did nothing, and stays unknown if it
// was seen under way.
func mortals() map[string]struct {
	want []string
	do   func(*strictarm.VaultHandle)
} {
	type mortal = struct {
		want []string
		do   func(*strictarm.VaultHandle)
	}
	up, down := []string{"upgraded"}, []string{"failed", "upgraded", "unknown"}
	full := strictarm.Fails("DiskFull", "the disk was full")
	return map[string]mortal{
		"both":          {up, func(v *strictarm.VaultHandle) {}},
		"async-only":    {up, func(v *strictarm.VaultHandle) { v.URLs(strictarm.AsyncOnly) }},
		"location-only": {up, func(v *strictarm.VaultHandle) { v.URLs(strictarm.LocationOnly) }},
		"no-urls":       {up, func(v *strictarm.VaultHandle) { v.URLs(strictarm.NoURLs) }},
		"paced":         {up, func(v *strictarm.VaultHandle) { v.RetryAfter(time.Second) }},
		"expires":       {up, func(v *strictarm.VaultHandle) { v.Ends(strictarm.Expires(0, strictarm.Succeeds)) }},
		"reset-after":   {up, func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetAfterAcceptance) }},
		"reset-before":  {up, func(v *strictarm.VaultHandle) { v.Patch(strictarm.ResetBeforeAcceptance) }},
		"slow":          {up, func(v *strictarm.VaultHandle) { v.Patch(strictarm.SlowAnswer(300 * time.Millisecond)) }},
		"conflict":      {up, func(v *strictarm.VaultHandle) { v.Patch(strictarm.Conflict) }},
		"slow-down":     {up, func(v *strictarm.VaultHandle) { v.Patch(strictarm.SlowDown(time.Second)) }},
		"at-once":       {up, func(v *strictarm.VaultHandle) { v.Takes(0) }},
		"fails":         {down, func(v *strictarm.VaultHandle) { v.Ends(full) }},
		"fails-unseen":  {down, func(v *strictarm.VaultHandle) { v.Ends(full).Patch(strictarm.ResetAfterAcceptance) }},
		"refused":       {down, func(v *strictarm.VaultHandle) { v.Patch(strictarm.BadRequest) }},
		"already":       {[]string{"already"}, func(v *strictarm.VaultHandle) { v.Already() }},
		"locked":        {[]string{"blocked"}, func(v *strictarm.VaultHandle) { v.Lock("keep", "ReadOnly") }},
	}
}

// newMortals is a site with the vaults of mortals and some in good health.
func newMortals(t *testing.T, healthy int, takes func() time.Duration) *today {
	timings := hasty()
	timings.StartTimeout, timings.ReconcileDeadline = time.Second, 3*time.Second
	w := newToday(t, strictarm.Config{Timings: timings})
	all := mortals()
	for i, name := range slices.Sorted(maps.Keys(all)) {
		v := w.cloud.AddVault(strictarm.Vault{Subscription: []string{subA, subB}[i%2],
			Name: name}).Takes(takes()).RetryAfter(0)
		all[name].do(v)
	}
	for i := range healthy {
		w.cloud.AddVault(strictarm.Vault{Subscription: subC,
			Name: fmt.Sprintf("plain-%d", i)}).Takes(takes()).RetryAfter(0)
	}
	w.write(strictarm.Inventory{FailureBudget: "100", Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Validations: 8, Upgrades: 6, PerSubscription: 4}})
	return w
}

// end resumes a run to its end and compares how each vault stands with what the
// cloud knows; then a new run must leave alone what is done and what failed.
func (w *today) end() {
	w.t.Helper()
	for processes := 0; !w.over(); processes++ {
		if processes > 5 {
			w.t.Fatalf("the run is not over after %d processes", processes)
		}
		c := w.start("resume", "--state", w.db, "--yes")
		if code := c.wait(); code != 3 && code != 5 && code != 7 {
			w.t.Fatalf("the resume exited %d\n%s", code, tail(c.stderr.String(), 40))
		}
	}
	all := mortals()
	truth := w.judge()
	stands := w.status(w.db)
	code, done := 0, map[string]int{}
	for _, v := range stands.Vaults {
		k, special := all[v.Name]
		if !special {
			k.want = []string{"upgraded"}
		}
		real, _ := truth.Find(v.Name)
		// died with its client three times
		exhausted := v.Status == "blocked" && v.has("attempts-exhausted") && len(real.Accepted) == 0
		if !slices.Contains(k.want, v.Status) && !exhausted {
			w.t.Errorf("%s is %s, want one of %v (%s); the cloud saw %+v", v.Name, v.Status, k.want, v.why(),
				real.Patches)
		}
		if (v.Status == "upgraded" || v.Status == "already") != real.Wanted {
			w.t.Errorf("%s is %s, but in the cloud it is made: %v", v.Name, v.Status, real.Wanted)
		}
		if v.Status != "blocked" {
			done[v.Name] = len(real.Patches)
		}
		if v.Status == "failed" || v.Status == "unknown" {
			code = 3
		}
	}
	if got := w.start("run", w.inv, "--yes").wait(); got != code && !(code == 0 && got == 7) {
		w.t.Errorf("a new run exited %d", got)
	}
	for name, n := range w.patches() {
		if before, ok := done[name]; ok && n != before {
			w.t.Errorf("a new run changed %s again", name)
		}
	}
	w.judge()
}

// TestTodayDeaths kills the program at the failpoints of a change that goes on
// in the cloud, and resumes it: one PATCH a vault.
func TestTodayDeaths(t *testing.T) {
	t.Parallel()
	for point, hit := range map[failpoint.Point]int{
		failpoint.SendWritten: 5, failpoint.AnswerBefore: 3, failpoint.AnswerAfter: 6, failpoint.ReconcileAfter: 1,
		failpoint.ObservedBefore: 1, failpoint.ObservedAfter: 2, failpoint.VerifyBefore: 2,
	} {
		t.Run(fmt.Sprintf("%s %d", point, hit), func(t *testing.T) {
			t.Parallel()
			w := newMortals(t, 3, func() time.Duration { return 200 * time.Millisecond })
			w.dies(point, hit, []string{"run", w.inv, "--yes"})
			w.end()
		})
	}
}

// TestTodayKills kills the client at random moments, then resumes it to the
// end: a change that goes on in the cloud survives, with one PATCH a vault.
func TestTodayKills(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(uint64(seed(t)), 6))
	w := newMortals(t, 20, func() time.Duration { return time.Duration(50+rnd.IntN(700)) * time.Millisecond })
	kills := 0
	for range *killCount / 3 {
		next := w.next()
		if next == nil {
			break
		}
		if w.killOnce(rnd, next) {
			kills++
		}
	}
	if kills == 0 {
		t.Fatal("the run ended before it could be killed once")
	}
	if next := w.next(); next != nil {
		w.start(next...).wait() // every kill may have come before a run began
	}
	t.Logf("%d kills", kills)
	w.end()
}
