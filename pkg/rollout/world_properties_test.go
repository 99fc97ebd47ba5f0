package rollout

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// runWorld runs a world to its end and returns it with the promise it broke.
func runWorld(c config, arrival uint64) (w *world, broke string) {
	w = newWorld(c, arrival)
	defer func() {
		if b, ok := recover().(breach); ok {
			broke = string(b)
		}
	}()
	w.run()
	return w, ""
}

// TestWorld runs random fleets under random faults and kills. Whatever
// happens: no limit is exceeded, neither as the cloud counts nor as the
// machine does; no vault is accepted twice, nor a failed one started again,
// without a permit; a halted, stopped, paused or closing run starts nothing,
// nor is a vault started that a person holds; nothing starts outside a window, or so late that it would probably
// end outside, as the wall clock has it; no wave opens before the one before is done, has soaked and is approved,
// and nothing of it starts before all of it is checked; no hard budget is exceeded; every move is legal; every
// count is right; the journal's replay is the live state; the order in which simultaneous observations arrive
// changes nothing; and every run ends, every vault decided.
func TestWorld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := configs.Draw(t, "config")
		w, broke := runWorld(c, 1)
		if broke != "" {
			t.Fatalf("%s\nlast words:\n%s", broke, tail(w.log))
		}
		again, broke := runWorld(c, 2)
		if broke != "" {
			t.Fatalf("in another order of arrival: %s\nlast words:\n%s", broke, tail(again.log))
		}
		for n := range w.log {
			if n >= len(again.log) || w.log[n] != again.log[n] {
				t.Fatalf("another order of arrival changes step %d:\n%s\n%s", n+1, w.log[n],
					slices.Concat(again.log, []string{"(none)"})[min(n, len(again.log))])
			}
		}
	})
}

// TestWorldOfLostAnswers is the hardest world for rule 1: hardly an answer
// comes through, starts get in as late as they may, readings are as old as they
// may be, and the process dies again and again. Each part of the proof of
// absence is needed here.
func TestWorldOfLostAnswers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(80) {
		c := config{Seed: seed, Runs: 1, Vaults: 12, Subs: 6, Locs: 1, Waves: []int{12}, Validations: 12, Upgrades: 12,
			Budget: plan.Budget{Unit: plan.UnitCount, Count: 100}, WaveBudget: -1, Answer: 95, AnswerKinds: 3, Lag: 95}
		c.Timings = timings.Example(int(seed))
		if seed%2 == 0 {
			c.Crash = 8
		}
		if w, broke := runWorld(c, 1); broke != "" {
			t.Fatalf("seed %d: %s\nlast words:\n%s", seed, broke, tail(w.log))
		}
	}
}

func tail(log []string) string {
	s := ""
	for _, l := range log[max(0, len(log)-4):] {
		s += l + "\n"
	}
	return s
}

// TestWorldCovers keeps the simulation honest: in a fixed set of worlds every
// kind of fact, outcome, exit and crash must come up.
func TestWorldCovers(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	// In few of them is a vault out of tries, a soak of a run before, or a run closed so early:
	// more are looked at until all were.
	rare := func() bool {
		return seen["deadline attempts"] == 0 || seen["soaked from a run before"] == 0 ||
			seen["closed before it looked at what was done"] == 0
	}
	for n := 0; n < 200 || n < 1000 && rare(); n++ {
		w, broke := runWorld(configs.Example(n), 1)
		if broke != "" {
			t.Errorf("world %d: %s", n, broke)
		}
		for what, times := range w.seen {
			seen[what] += times
		}
	}
	for _, what := range []string{
		"fact RunOpened", "fact Resumed", "fact WaveOpened", "fact WaveDone", "fact RunHalted", "fact FailuresAccepted",
		"fact RunSuspended", "fact RunClosed", "fact DeadlinePassed", "fact Validated", "fact StartIntended",
		"fact StartAnswered",
		"fact NotSent", "fact Reconciled", "fact Observed", "fact Verified", "fact Throttled", "fact AccessDenied",
		"fact Reopened",
		"validated ready", "validated blocked", "validated busy", "validated already", "validated upgrading",
		"validated failed",
		"validated denied", "validated throttled",
		"answer accepted", "accepted, and nothing to follow", "answer unknown",
		"answer busy", "answer throttled", "answer denied", "answer failed",
		"answer notSent",
		"reconciled ours", "reconciled absent", "reconciled foreign", "reconciled unreadable",
		"deadline busy", "deadline reconcile", "deadline overdue", "deadline attempts",
		"prepare never as it was checked", "checks always throttled", "became upgraded", "became already",
		"became failed", "became blocked", "became unknown",
		"carried failed", "carried unknown", "reopened", "interrupted",
		"exit ok", "exit failures", "exit halted", "exit interrupted", "exit not-upgraded", "exit sign-in",
		"fact Approved", "fact GateOpened", "gate needs no approval", "deadline window", "clock jumped",
		"waits for an approval", "left rather than wait",
		"soaked", "soaked from a run before",
		"waited for a date", "gate of blocked vaults needs no approval", "started in a window",
		"a hard budget used up", "halted by the same error", "halted by a subscription",
		"fact Paused", "fact Held", "fact LimitsChanged", "fact Noted", "fact Stopped", "became excluded",
		"left rather than wait for the end of a pause", "closed by a person",
		"closed before it looked at what was done",
		"crash before the commit", "crash between facts and intents", "crash before the actions",
		"crash amid the actions", "crash while waiting", "a dead process's start held",
	} {
		if seen[what] == 0 {
			t.Errorf("never happened: %s", what)
		}
	}
	if testing.Verbose() {
		t.Log(seen)
	}
}
