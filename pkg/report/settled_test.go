package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// TestASettledFindingIsHistory: the lost answer of a start is an error while nobody knows
// what became of it, and none of a vault that was upgraded for all that.
func TestASettledFindingIsHistory(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	n.Fact(0, fleet.RunOpened{RunID: "r"})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	const name = "dev/web-01"
	key := n.Key(name)
	n.Validated(1, name, fleet.VerdictReady, fleet.Finding{Severity: fleet.SeverityWarning, Code: "worth-knowing"})
	n.Fact(1, fleet.StartIntended{Vault: key, OperationID: reporttest.Op(name), Attempt: 1})
	n.Fact(2, fleet.StartAnswered{Vault: key, OperationID: reporttest.Op(name), Answer: fleet.StartAnswer{
		Verdict: fleet.StartUnknown, Code: fleet.CodeAnswerLost, Message: "the connection broke"}})
	look := func() (v *Vault, shown string) {
		t.Helper()
		view := shownOf(n, ViewOptions{})
		s := view.HistoryOf(name, nil, RecordedChange{}, Options{})
		var b bytes.Buffer
		if err := s.Write(&b, Options{}); err != nil {
			t.Fatal(err)
		}
		return s.Vault, b.String()
	}
	if v, shown := look(); len(v.Findings) != 2 || !strings.Contains(shown, fleet.CodeAnswerLost) {
		t.Errorf("in doubt it has the findings %+v, and is shown as\n%s", v.Findings, shown)
	}
	record := &fleet.Record{OperationID: reporttest.Op(name), State: fleet.RecordUpgraded}
	n.Fact(20, fleet.Observed{Vault: key, OperationID: record.OperationID, Record: record})
	n.Fact(21, fleet.Verified{Vault: key, OperationID: record.OperationID})
	v, shown := look()
	if v.Status != fleet.Upgraded || len(v.Findings) != 2 || len(v.unsettled()) != 1 ||
		strings.Contains(shown, fleet.CodeAnswerLost) || strings.Contains(shown, "the connection broke") {
		t.Errorf("%s, it has the findings %+v, and is shown as\n%s", v.Status, v.Findings, shown)
	}
}
