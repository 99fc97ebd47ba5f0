package runner_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var (
	oneSeed   = flag.Int64("seed", 0, "run the night of this seed alone; with -v it tells its story")
	firstSeed = flag.Int64("first-seed", 1, "the seed of the first of many nights; the others count on from it")
	nights    = flag.Int("nights", 400, "how many nights TestNights simulates")
)

// every so many nights one is spent on a synced ledger file instead of memory.
const fileNights = 50

// TestNights runs whole nights with seeded faults, crashes and signals, and
// asks the cloud and the wire afterwards what really happened: design.md#rule-1,
// #rule-2, #rule-3, #rule-5, #rule-8, #rule-9 and #rule-11.
func TestNights(t *testing.T) {
	t.Parallel()
	if *oneSeed != 0 {
		oneNight(t, *oneSeed)
		return
	}
	const shards = 8
	t.Cleanup(func() { // once all of them are over
		for p := range ways {
			if _, died := deaths.Load(p); !died && *nights >= 400 && !t.Failed() {
				t.Errorf("in %d nights no process died at %s", *nights, p)
			}
		}
	})
	for s := range shards {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			for i := int64(s); i < int64(*nights); i += shards {
				seed := *firstSeed + i
				if oneNight(t, seed); t.Failed() {
					t.Fatalf("this night alone: go test ./pkg/runner -run TestNights -seed %d -v", seed)
				}
			}
		})
	}
}

// TestNightsOfAnyTimings runs nights with timings as an inventory may have them:
// nothing is started twice, and each proof is one, whatever is longer than what.
func TestNightsOfAnyTimings(t *testing.T) {
	t.Parallel()
	for i := range int64(max(1, *nights/10)) {
		seed := timingNights + *firstSeed + i
		if oneNight(t, seed); t.Failed() {
			t.Fatalf("this night alone: go test ./pkg/runner -run 'TestNights$' -seed %d -v", seed)
		}
	}
}

// TestNightsMeetEveryTrouble keeps the menu of the nights complete.
func TestNightsMeetEveryTrouble(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	for _, f := range troubles(rand.New(rand.NewPCG(1, 1))) {
		met[f.Kind] = true
	}
	for _, k := range emulator.FaultKinds() {
		if k.Kind == "repaired" { // by support, between runs: TestRefresh
			continue
		}
		if k.Only == emulator.OnlyToday { // these are nights of classic vaults
			continue
		}
		if !met[k.Kind] {
			t.Errorf("no night ever meets the fault %q", k.Kind)
		}
	}
}

func oneNight(t *testing.T, seed int64) {
	inBubble(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(uint64(seed), 17))
		p, sc := randomNight(t, r, seed)
		var n *night
		if seed%fileNights == 0 {
			open := inFile(t)
			n = newNightOn(t, open(), p, sc)
			n.restart = open
		} else {
			n = newNight(t, p, sc)
		}
		n.anyTimings = hasTimings(seed)
		n.crash, n.hold = randomCrashes(r, 4), rand.New(rand.NewPCG(uint64(seed), 18))
		if hasWindows(seed) {
			n.patience, n.ahead = 14*24*time.Hour, randomJumps(r).from(n.began)
		}
		if hasPeople(seed) {
			n.people(seed)
		}
		if isStorm(seed) {
			crashes := randomCrashes(r, 12)
			n.crash = func(p int) crash {
				if time.Since(n.began) > calm {
					return crash{}
				}
				return crashes(p)
			}
		}
		defer func() {
			if t.Failed() || *oneSeed != 0 {
				t.Logf("seed %d: %d vaults, limits %+v, faults:\n%+v", seed, len(p.Vaults), p.Limits, sc.Faults)
				t.Logf("%s of seed %d:\n%s", n.runID, seed, strings.Join(n.story(), "\n"))
			}
		}()
		n.check(n.finish(), nil)
		if !hasTimings(seed) { // how patient a run is, is what its timings say
			n.checkLiveness(calm, sc)
		}
		if t.Failed() {
			return
		}
		if *oneSeed != 0 {
			t.Logf("run-1 of seed %d:\n%s", seed, strings.Join(n.story(), "\n"))
		}

		// Another run on the same ledger starts no failed vault again, but for
		// one that a person re-opened.
		n.crash, n.visit, n.asks = nil, nil, nil
		if isStorm(seed) {
			time.Sleep(time.Until(n.began.Add(calm + time.Minute)))
		}
		failed, before := n.failed(), n.posts()
		var permitted string
		if i, ok := n.anyFailed(r); ok && r.IntN(2) == 0 {
			n.reopen(i)
			permitted = name(&p.Vaults[i])
		}
		n.open("run-2")
		n.check(n.finish(), before)
		if !hasTimings(seed) {
			n.checkLiveness(0, sc)
		}
		if isStorm(seed) && !hasTimings(seed) {
			n.checkCalm(sc)
		}
		after := n.posts()
		for v := range failed {
			if v != permitted && after[v] != before[v] {
				t.Errorf("rule 5: %s had failed and was sent again by the next run", v)
			}
		}
	})
}

// check compares how the run ended with what the cloud saw. before are the
// starts sent before the run.
func (n *night) check(code fleet.ExitCode, before map[string]int) {
	t := n.t
	t.Helper()
	for _, b := range n.audit() {
		t.Error(b)
	}
	st, sum := n.state(), n.cloud.Summary()
	if sum.Mistakes > 0 {
		t.Errorf("the protocol was broken: %v", sum.MistakeList)
	}
	if sum.SentAgain > 0 {
		t.Errorf("rule 1: %d sent again", sum.SentAgain)
	}
	if n.anyTimings { // what becomes of a vault, and how many places are kept, is what they say
		return
	}
	n.checkLimits(&sum)
	refused := map[fleet.Key]int{} // what surely did not arrive costs no attempt
	answers, _ := facts[fleet.StartAnswered](n)
	for _, f := range answers {
		if f.ForNow {
			refused[f.Vault]++
		}
	}
	for i := range st.Vaults {
		v, pv := &st.Vaults[i], &n.plan.Vaults[i]
		c, ok := sum.Vault(pv.SubscriptionID, pv.Name)
		if !ok {
			t.Fatalf("the cloud does not know %s", pv.Ref())
		}
		if v.Open() {
			t.Errorf("rule 8: %s ended as %s", pv.Ref(), v.Status)
		}
		if sent := c.Requests["upgrade"] - before[name(pv)] - refused[pv.Key]; sent > plan.MaxAttempts ||
			v.Attempt > plan.MaxAttempts {
			t.Errorf("rule 3: %s was sent %d times, by its own count %d", pv.Ref(), sent, v.Attempt)
		}
		again := 0 // a permit allows one more
		if len(c.OperationIDs) > 1 && before != nil {
			again = 1
		}
		if c.Accepted > 1+again {
			t.Errorf("rule 1: %s was accepted %d times", pv.Ref(), c.Accepted)
		}
		switch v.Status {
		case fleet.Upgraded:
			if c.Status != "Upgraded" || c.Accepted != 1+again {
				t.Errorf("%s is reported upgraded; the cloud says %q, accepted %d times", pv.Ref(), c.Status,
					c.Accepted)
			}
		case fleet.Blocked, fleet.Excluded:
			if c.Accepted != 0 {
				t.Errorf("%s is reported %s, but its start was accepted (%s)", pv.Ref(), v.Status, v.Reason)
			}
		case fleet.Failed:
			if c.Accepted > 0 && c.Status != "Failed" {
				t.Errorf("%s is reported failed; the cloud says %q", pv.Ref(), c.Status)
			}
		}
	}
	if want := st.Verdict(); want != code {
		t.Errorf("exit %d, but the run stands at %d", code, want)
	}
}

// checkLiveness: once faults have stopped the run ends, in the time that its
// vaults may take one after the other. A vault is left unknown only if it was
// looked for until the deadline, while troubles hid what came of its start.
func (n *night) checkLiveness(troubled time.Duration, sc emulator.Scenario) {
	t := n.t
	t.Helper()
	most := troubled + 12*time.Hour + time.Duration(len(n.plan.Vaults))*4*time.Hour
	if took := time.Since(n.opened); took > most {
		t.Errorf("liveness: %s took %v, want %v at most", n.runID, took, most)
	}
	given := map[fleet.Key]time.Time{} // when looking for it was given up
	for _, e := range n.timeline() {
		if f, ok := e.Fact.(fleet.DeadlinePassed); ok &&
			(f.Deadline == fleet.DeadlineReconcile || f.Deadline == fleet.DeadlineFollow) {
			given[f.Vault] = e.At
		}
	}
	st := n.state()
	for i := range st.Vaults {
		v, k := &st.Vaults[i], n.plan.Vaults[i].Key
		if v.Status != fleet.Unknown || v.Carried {
			continue
		}
		switch at, ok := given[k]; {
		case !ok:
			t.Errorf("liveness: %s is left unknown (%s), and nobody looked for it until the deadline", n.refs[k],
				v.Reason)
		case !hides(sc) && isCalm(sc) &&
			at.Sub(n.began) > calm+n.plan.Timings.ReconcileDeadline+n.plan.Timings.StartTimeout+time.Hour:
			t.Errorf("liveness: %s is left unknown (%s) %v after the troubles", n.refs[k], v.Reason,
				at.Sub(n.began)-calm)
		}
	}
}

// hides reports whether vaults vanish for a while: what came of their starts
// cannot be seen then, whatever else goes well.
func hides(sc emulator.Scenario) bool {
	return slices.ContainsFunc(sc.Faults, func(f emulator.Fault) bool { return f.Kind == "vanished" })
}

// isCalm reports whether all of a scenario's troubles of calls have an end.
func isCalm(sc emulator.Scenario) bool {
	return slices.ContainsFunc(sc.Faults, func(f emulator.Fault) bool { return f.Until != "" })
}

// checkCalm: in a run without troubles no vault is given up for having been
// tried in vain, and none is in doubt that was not before.
func (n *night) checkCalm(sc emulator.Scenario) {
	n.t.Helper()
	given, _ := facts[fleet.DeadlinePassed](n)
	for _, f := range given {
		if f.Deadline == fleet.DeadlineAttempts || f.Deadline == fleet.DeadlineBusy {
			n.t.Errorf("liveness: %s was given up in calm: %s", n.refs[f.Vault], f.Deadline)
		}
	}
	st := n.state()
	for i := range st.Vaults {
		switch v := &st.Vaults[i]; v.Status {
		case fleet.Upgraded, fleet.Already, fleet.Failed, fleet.Blocked:
		case fleet.Unknown:
			if !v.Carried && !hides(sc) {
				n.t.Errorf("liveness: %s became unknown in calm: %s", n.plan.Vaults[i].Ref(), v.Reason)
			}
		default:
			n.t.Errorf("liveness: %s is left %s", n.plan.Vaults[i].Ref(), v.Status)
		}
	}
}

// checkLimits compares what was under way at once, over all processes, with
// the plan's limits.
func (n *night) checkLimits(sum *emulator.Summary) {
	l := n.plan.Limits
	if sum.MaxUpgrades > l.Upgrades {
		n.t.Errorf("%d upgrades at once, %d allowed", sum.MaxUpgrades, l.Upgrades)
	}
	for _, s := range sum.Subscriptions {
		if l.PerSubscription > 0 && s.MaxUpgrades > l.PerSubscription {
			n.t.Errorf("%d upgrades at once in %s, %d allowed", s.MaxUpgrades, s.Name, l.PerSubscription)
		}
	}
	for loc, most := range sum.MaxByLocation {
		if l.PerLocation > 0 && most > l.PerLocation {
			n.t.Errorf("%d upgrades at once in %s, %d allowed", most, loc, l.PerLocation)
		}
	}
}

// posts counts the starts that the cloud was sent, by vault.
func (n *night) posts() map[string]int {
	m := map[string]int{}
	for _, v := range n.cloud.Summary().Vaults {
		m[v.SubscriptionID+"/"+v.Name] = v.Requests["upgrade"]
	}
	return m
}

// failed is the set of vaults that failed.
func (n *night) failed() map[string]bool {
	m := map[string]bool{}
	st := n.state()
	for i := range st.Vaults {
		if st.Vaults[i].Status == fleet.Failed {
			m[name(&n.plan.Vaults[i])] = true
		}
	}
	return m
}

// anyFailed picks a failed vault.
func (n *night) anyFailed(r *rand.Rand) (int, bool) {
	st := n.state()
	for _, i := range r.Perm(len(st.Vaults)) {
		if st.Vaults[i].Status == fleet.Failed {
			return i, true
		}
	}
	return 0, false
}
