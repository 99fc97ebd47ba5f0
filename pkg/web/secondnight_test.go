package web

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var (
	ledgerSaid = regexp.MustCompile(`(?i)overall (\d+) of (\d+)( vaults? upgraded(?:, \d+ of them by earlier runs(?: \([^)]*\))?)?)?`)
	toComeSaid = regexp.MustCompile(`(\d+) vaults? (?:is|are) (?:still to come|left to the next run)`)
	waveFigure = regexp.MustCompile(`(?m)^(canary|rest) *[█░]+ (\d+)/(\d+) `)
)

// overallAgrees compares what all runs of the ledger have done, wherever that is said, and
// holds it to what the vaults of the run say: earlier are those that show that an earlier run
// did them.
func (s *surfaces) overallAgrees(t *testing.T, same func(where string, got, want any), earlier int) {
	t.Helper()
	of := func(name string) int { n, _ := at(s.status, "overall", name).(float64); return int(n) }
	same("overall, by earlier runs", of("earlier"), earlier+of("earlierAhead")+of("earlierHeld"))
	for where, text := range map[string]string{"the status": s.statusText, "the terminal": s.terminal,
		"the heartbeat": s.plain, "the report": s.reportText} {
		m := ledgerSaid.FindStringSubmatch(text)
		if m == nil {
			same(where+" says nothing overall of earlier runs", of("earlier"), 0)
			continue
		}
		same(where+" overall", m[1]+" of "+m[2], fmt.Sprintf("%d of %d", of("upgraded"), of("of")))
		if m[3] != "" && !strings.Contains(s.reportText, m[0][len("overall "):]) {
			t.Errorf("%s says %q, the report %.400s", where, m[0], s.reportText)
		}
	}
	toCome, pending := 0, 0
	for _, v := range s.status["vaults"].([]any) {
		switch at(v, "status") {
		case "pending":
			pending++
		case "ready", "busy", "deferred":
			toCome++
		}
	}
	toCome += max(0, pending-s.leftDone) // where something keeps all, none shows pending
	if m := toComeSaid.FindStringSubmatch(fmt.Sprint(at(s.status, "headline", "lines"))); m != nil {
		same("the headline's rest", m[1], toCome)
	}
	if closed := at(s.status, "run", "closed"); closed != nil {
		same("the closed run's rest", at(closed, "neverStarted"), toCome)
	}
	for _, m := range waveFigure.FindAllStringSubmatch(s.terminal, -1) {
		for _, w := range s.status["waves"].([]any) {
			if at(w, "name") != m[1] || at(w, "endedAt") != nil {
				continue
			}
			n := 0.0
			for _, st := range []string{"upgraded", "already", "failed", "blocked"} {
				k, _ := at(w, "totals", st).(float64)
				n += k
			}
			same("the terminal's figure of wave "+m[1], m[2], n)
		}
	}
}

// TestEverySurfaceAgreesOnASecondNight: what a run of the ledger has done and the one of
// tonight has not looked at, because it is halted, waits, was killed, or is closed before
// that, is counted in one way: it is done, nothing kept it from a start, and nobody
// wonders why it was never started.
func TestEverySurfaceAgreesOnASecondNight(t *testing.T) {
	t.Parallel()
	me := fleet.Actor{User: "ops"}
	for _, c := range []struct {
		name    string
		live    bool
		facts   func(n *night) []fleet.Fact
		earlier int    // that show that an earlier run did them
		rest    string // what the status says of the rest
		overall string
	}{
		{"not looked at yet", true, func(*night) []fleet.Fact { return nil }, 1,
			"5 in flight", "5 of 14 vaults upgraded, 5 of them by earlier runs (3 not looked at yet, 1 now held)"},
		{"halted", false, func(n *night) []fleet.Fact {
			return []fleet.Fact{fleet.RunHalted{Scope: "run", Failures: 1, Budget: 0}}
		}, 4, "3 deferred", "5 of 14 vaults upgraded, 5 of them by earlier runs (1 now held)"},
		{"waits for an approval", false, func(*night) []fleet.Fact {
			return []fleet.Fact{fleet.RunSuspended{Why: fleet.SuspendedWait, Gate: fleet.GateBefore, Wave: "rest",
				Code: fleet.ExitInterrupted}}
		}, 4, "3 deferred", "5 of 14 vaults upgraded, 5 of them by earlier runs (1 now held)"},
		{"waits for its window", false, func(n *night) []fleet.Fact {
			return []fleet.Fact{fleet.RunSuspended{Why: fleet.SuspendedWait, Until: n.now.Add(time.Hour),
				Code: fleet.ExitInterrupted}}
		}, 4, "3 deferred", "5 of 14 vaults upgraded, 5 of them by earlier runs (1 now held)"},
		{"killed", false, func(*night) []fleet.Fact { return nil },
			4, "3 deferred", "5 of 14 vaults upgraded, 5 of them by earlier runs (1 now held)"},
		{"closing", true, func(*night) []fleet.Fact {
			return []fleet.Fact{fleet.Stopped{Close: true, By: me, Reason: "withdrawn"}}
		}, 4, "3 deferred", "5 of 14 vaults upgraded, 5 of them by earlier runs (1 now held)"},
		{"closed", false, func(n *night) []fleet.Fact {
			n.tell(fleet.Stopped{Close: true, By: me, Reason: "withdrawn"})
			for i := 1; i < 6; i++ {
				n.end(i, fleet.RecordUpgraded)
			}
			return []fleet.Fact{fleet.RunClosed{Code: n.status.Verdict(), NeverStarted: n.status.NeverStarted()}}
		}, 4, "3 never started", "10 of 14 vaults upgraded, 5 of them by earlier runs (1 now held)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNightOf(t, 14, func(p *plan.Plan) {
				p.Waves[1].Approval = &plan.Approval{When: plan.ApprovalBefore, Expiry: time.Hour}
			})
			key := func(i int) fleet.Key { return n.plan.Vaults[i].Key }
			n.tell(fleet.RunOpened{RunID: "20260316-220000-7f3a9c", PlanFingerprint: n.plan.Fingerprint, By: me,
				Upgraded: []fleet.Key{key(0), key(8), key(9), key(10), key(7)}, Already: []fleet.Key{key(11)}},
				fleet.Held{Vault: key(7), By: me, Reason: "legal"},
				fleet.WaveOpened{Wave: "canary"}, fleet.Validated{Vault: key(0), Verdict: fleet.VerdictAlready})
			for i := 1; i < 6; i++ {
				n.tell(fleet.Validated{Vault: key(i), Verdict: fleet.VerdictReady})
				n.start(i)
			}
			n.tell(fleet.Validated{Vault: key(6), Verdict: fleet.VerdictReady})
			n.now = n.now.Add(time.Minute)
			n.tell(c.facts(n)...)
			s := n.look(c.live)
			s.agree(t)
			line := verdictLine.FindString(s.statusText)
			if got := countsSaid(alreadySaid, line)["by earlier runs"]; got != c.earlier {
				t.Errorf("%d by earlier runs, want %d", got, c.earlier)
			}
			for where, text := range map[string]string{"the status": s.statusText, "the report": s.reportText} {
				if !strings.Contains(text, c.overall) {
					t.Errorf("%s does not say %q:\n%s", where, c.overall, text)
				}
			}
			if !strings.Contains(line, c.rest) {
				t.Errorf("the status does not say %q: %s", c.rest, line)
			}
		})
	}
}
