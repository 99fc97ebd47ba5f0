package runner_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestTheJudgeOfProofs hands auditProofs a journal and a wire by hand: an intent
// at 0 s, answered by a 503 or not at all, a resume at 30 s, two readings without
// the operation, a grace apart, and another start. By the defaults the POST's
// deadline is 100 s and the grace two minutes, so the first reading is due at
// 220 s, whoever heard the answer. By the resume alone, which is all that a clock
// set ahead leaves, it is due at 150 s.
func TestTheJudgeOfProofs(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		set       time.Duration // how far ahead the second process finds the clock set
		dead      bool          // the first process died before the answer
		due       time.Duration // when the first reading proves something
		tooEarly  time.Duration // the second reading, by so much less than a grace
		offTheAir bool          // the readings are in the journal and not on the wire
	}{
		"the clock is right":                      {due: 220 * time.Second},
		"it was set ahead by an hour":             {set: time.Hour, due: 150 * time.Second},
		"it was set ahead, but by less":           {set: 40 * time.Second, due: 180 * time.Second},
		"it was set back":                         {set: -30 * time.Second, due: 220 * time.Second},
		"nobody heard the answer":                 {dead: true, due: 220 * time.Second},
		"nobody heard it, and the clock was set":  {dead: true, set: time.Hour, due: 150 * time.Second},
		"the second reading came too early":       {due: 220 * time.Second, tooEarly: time.Second},
		"nothing was read from the cloud for it":  {due: 220 * time.Second, offTheAir: true},
		"it was set ahead, the second came early": {set: time.Hour, due: 150 * time.Second, tooEarly: time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				judge := func(first time.Duration) (complaints int) {
					n := scene(t, 1, 1, nil)
					k, grace := n.plan.Vaults[0].Key, n.plan.Timings.ReconcileGrace
					write := func(real, ahead time.Duration, f fleet.Fact) {
						if err := n.ledger.Commit([]fleet.Event{{At: n.began.Add(real + ahead), Fact: f}},
							nil); err != nil {
							t.Fatal(err)
						}
					}
					absent := func(at time.Duration) {
						if !c.offTheAir {
							for kind, status := range map[string]int{"list": 200, "target": 404} {
								n.trace.calls = append(n.trace.calls,
									&call{kind: kind, subscription: sub1, vault: map[string]string{"target": v00}[kind],
										status: status, at: n.began.Add(at), done: n.began.Add(at)})
							}
						}
						write(at, c.set, fleet.Reconciled{Vault: k, OperationID: "one", Reading: fleet.ReadAbsent})
					}
					write(0, 0, fleet.StartIntended{Vault: k, OperationID: "one", Attempt: 1})
					if !c.dead {
						write(0, 0, fleet.StartAnswered{Vault: k, OperationID: "one",
							Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}})
					}
					n.shifts = append(n.shifts, shift{len(n.journal()), c.set})
					write(30*time.Second, c.set, fleet.Resumed{})
					second := first + grace - c.tooEarly
					absent(first)
					absent(second)
					write(second, c.set, fleet.StartIntended{Vault: k, OperationID: "two", Attempt: 2})
					n.auditProofs(func(rule int, format string, args ...any) { complaints++ })
					return complaints
				}
				onTime := 0
				if c.tooEarly > 0 || c.offTheAir {
					onTime = 1
				}
				if got := judge(c.due); got != onTime {
					t.Errorf("a first reading at %v: %d complaints, expected %d", c.due, got, onTime)
				}
				if got := judge(c.due - time.Nanosecond); got != 1 {
					t.Errorf("a first reading just before %v: %d complaints, expected one", c.due, got)
				}
			})
		})
	}
}
