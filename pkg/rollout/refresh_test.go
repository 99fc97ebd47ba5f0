package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestRefreshOfARunThatIsOver: each reading takes a failed and an unknown vault
// to where it must, the budget stays as it was, and a second refresh does not
// add to the first.
func TestRefreshOfARunThatIsOver(t *testing.T) {
	t.Parallel()
	const op, theirs = "op", "theirs"
	record := func(op string, s fleet.UpgradeState) *fleet.Record {
		return &fleet.Record{OperationID: op, State: s, Message: "the service's words"}
	}
	for _, c := range []struct {
		name            string
		fact            fleet.Refreshed
		failed, unknown fleet.Status // where each is afterwards
		says            string
		code            fleet.ExitCode // of the run, if all its vaults read so
	}{
		{"ours, upgraded", fleet.Refreshed{Reading: fleet.ReadOurs, Record: record(op, fleet.RecordUpgraded),
			Verified: true, ResourceID: "/new"},
			fleet.Upgraded, fleet.Upgraded, "now says Upgraded", fleet.ExitOK},
		{"ours, upgraded and not verified",
			fleet.Refreshed{Reading: fleet.ReadOurs, Record: record(op, fleet.RecordUpgraded), Detail: "Provisioning",
				Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: fleet.CodeNotVerified}}}, fleet.Failed,
			fleet.Unknown, "not verified: Provisioning", fleet.ExitFailures},
		{"ours, failed", fleet.Refreshed{Reading: fleet.ReadOurs, Record: record(op, fleet.RecordFailed)}, fleet.Failed,
			fleet.Failed, "still says Failed: the service's words", fleet.ExitFailures},
		{"ours, under way", fleet.Refreshed{Reading: fleet.ReadOurs, Record: record(op, fleet.RecordInProgress)},
			fleet.Failed, fleet.Unknown, "is under way in the cloud", fleet.ExitFailures},
		{"theirs, upgraded", fleet.Refreshed{Reading: fleet.ReadForeign, Record: record(theirs, fleet.RecordUpgraded),
			Verified: true, ResourceID: "/new"},
			fleet.Already, fleet.Already, "operation theirs, which is not ours", fleet.ExitOK},
		{"theirs, failed", fleet.Refreshed{Reading: fleet.ReadForeign, Record: record(theirs, fleet.RecordFailed)},
			fleet.Failed, fleet.Failed, "operation theirs, failed", fleet.ExitFailures},
		{"theirs, under way", fleet.Refreshed{Reading: fleet.ReadForeign,
			Record: record(theirs, fleet.RecordInProgress)}, fleet.Failed, fleet.Unknown,
			"operation theirs, is under way", fleet.ExitFailures},
		{"absent", fleet.Refreshed{Reading: fleet.ReadAbsent, Detail: "not there"}, fleet.Failed, fleet.Unknown,
			"read again, and still", fleet.ExitFailures},
		{"unreadable", fleet.Refreshed{Reading: fleet.ReadUnreadable, Detail: "the target exists"}, fleet.Failed,
			fleet.Unknown, "the target exists", fleet.ExitFailures},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := testPlan(2, 1, 1)
			s := NewState(p)
			at := scriptStart
			apply := func(f fleet.Fact) {
				t.Helper()
				at = at.Add(time.Minute)
				if err := s.Apply(fleet.Event{At: at, Fact: f}); err != nil {
					t.Fatal(err)
				}
			}
			for i, answer := range []fleet.StartVerdict{fleet.StartFailed, fleet.StartUnknown} {
				k := p.Vaults[i].Key
				apply(fleet.Validated{Vault: k, Verdict: fleet.VerdictReady})
				apply(fleet.StartIntended{Vault: k, OperationID: op, Attempt: 1})
				apply(fleet.StartAnswered{Vault: k, OperationID: op, Answer: fleet.StartAnswer{Verdict: answer}})
			}
			if err := s.Refreshable(1); err == nil {
				t.Error("a vault that the run still reads is to be refreshed")
			}
			apply(fleet.DeadlinePassed{Vault: p.Vaults[1].Key, Deadline: fleet.DeadlineReconcile})
			apply(fleet.RunClosed{Code: fleet.ExitFailures})
			before := s.RunBudget()
			var findings [2]int
			for range 2 {
				for i, want := range []fleet.Status{c.failed, c.unknown} {
					if s.Refreshable(i) != nil {
						continue
					}
					f := c.fact
					f.Vault, f.OperationID = p.Vaults[i].Key, op
					apply(f)
					v := &s.Vaults[i]
					if v.Status != want || !strings.Contains(v.Reason, c.says) || !v.RefreshedAt.Equal(at) {
						t.Errorf("vault %d is %s (%s), want %s (%s)", i, v.Status, v.Reason, want, c.says)
					}
					if n := len(v.Findings); findings[i] > 0 && n > findings[i] {
						t.Errorf("the second refresh of vault %d added to its findings: %v", i, v.Findings)
					} else {
						findings[i] = n
					}
					if c.fact.Verified && (v.UpgradedResourceID != "/new" || len(v.Findings) > 0) {
						t.Errorf("vault %d is %s, with %v", i, v.UpgradedResourceID, v.Findings)
					}
				}
			}
			if after := s.RunBudget(); after.Failed != before.Failed || after.Base != before.Base {
				t.Errorf("the budget was %+v and is %+v", before, after)
			}
			if got := s.Verdict(); got != c.code {
				t.Errorf("the run stands at %d, want %d", got, c.code)
			}
		})
	}
}

// A refresh is of failed and unknown vaults, and not of those that the next run
// will look at first.
func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	p := testPlan(1, 1, 1)
	s, k := NewState(p), p.Vaults[0].Key
	apply := func(f fleet.Fact) error { return s.Apply(fleet.Event{At: scriptStart, Fact: f}) }
	if err := apply(fleet.Refreshed{Vault: k, Reading: fleet.ReadAbsent}); err == nil {
		t.Error("a pending vault was refreshed")
	}
	for _, f := range []fleet.Fact{fleet.Validated{Vault: k, Verdict: fleet.VerdictFailed}, fleet.RunClosed{Code: 3},
		fleet.Refreshed{Vault: k, Reading: fleet.ReadAbsent},
		fleet.Reopened{Vault: k}} {
		if err := apply(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply(fleet.Refreshed{Vault: k, Reading: fleet.ReadAbsent}); err == nil {
		t.Error("a re-opened vault was refreshed")
	}
}
