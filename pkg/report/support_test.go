package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

func TestSupportMessage(t *testing.T) {
	t.Parallel()
	v := FromState(reporttest.FinishedNight(t).St, ViewOptions{})
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Status != fleet.Failed {
			continue
		}
		m := SupportMessage("help@fabrikam.example", x).String()
		for _, want := range []string{"To: help@fabrikam.example\n", x.SubscriptionID, lexicon.Clean(x.Name),
			*x.OperationID, x.Location,
			string(x.ResourceType), lexicon.UTC(x.StartedAt.Time), lexicon.UTC(x.EndedAt.Time),
			readable(*x.Findings[len(x.Findings)-1].Message), lexicon.Clean(x.RequestIDs[0])} {
			if !strings.Contains(m, want) {
				t.Errorf("the message of %s lacks %q:\n%s", x.Vault, want, m)
			}
		}
	}
	if m := SupportMessage("", &Vault{}).String(); !strings.Contains(m, "To: "+DefaultSupportAddress+"\n") ||
		!strings.Contains(m, "none was returned") {
		t.Errorf("a message of nothing reads\n%s", m)
	}
}

// Support reads what its service said, not what this program made of it, where the failure
// is known from the cloud's record alone.
func TestSupportMessageQuotesTheCloud(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	n.Fact(0, fleet.RunOpened{RunID: "r"})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Fact(1, fleet.Validated{Vault: n.Key("dev/web-01"), Verdict: fleet.VerdictFailed,
		Record: &fleet.Record{State: fleet.RecordFailed, OperationID: "op", Message: "BackendFault 17"},
		Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: fleet.CodeUpgradeFailed,
			Message: "the cloud's record says that an upgrade failed: BackendFault 17 (operation op)",
			Said:    "BackendFault 17"}}})
	v := shownOf(n, ViewOptions{})
	for i := range v.Vaults {
		if x := &v.Vaults[i]; x.Vault == "dev/web-01" {
			if m := SupportMessage("", x).String(); !strings.Contains(m, "Error message:      BackendFault 17\n") ||
				strings.Contains(m, "record says") || strings.Contains(m, fleet.CodeUpgradeFailed) {
				t.Errorf("the message reads\n%s", m)
			}
		}
	}
}

// A vault that a person let go out again, and that failed again, is not said to have
// been tried once: the message names the operation before, and so does the headline.
func TestSupportMessageOfASecondFailure(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	n.Fact(0, fleet.RunOpened{RunID: "r", Carried: []fleet.Carried{
		{Vault: n.Key("dev/web-01"), Status: fleet.Pending, Disregard: []string{"the first one"}},
		{Vault: n.Key("prod/sql-07"), Status: fleet.Pending, Disregard: []string{"of another vault"}}}})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Validated(1, "dev/web-01", fleet.VerdictReady)
	n.Started(1, "dev/web-01")
	n.Failed(20, "dev/web-01", "it failed again")
	v := shownOf(n, ViewOptions{})
	for i := range v.Vaults {
		x := &v.Vaults[i]
		if x.Vault != "dev/web-01" {
			if len(x.EarlierOperations) > 0 {
				t.Errorf("%s was not started, and has earlier operations %q", x.Vault, x.EarlierOperations)
			}
			continue
		}
		m := SupportMessage("", x).String()
		if !strings.Contains(m, "Earlier OperationId: the first one") ||
			strings.Contains(m, "has not been tried again") {
			t.Errorf("the message reads\n%s", m)
		}
	}
	if lines := strings.Join(v.headlines(lexicon.ClockIn(nil)), " "); v.Proof.ReopenedByHand != 2 ||
		!strings.Contains(lines, "2 vaults were re-opened by a person") {
		t.Errorf("the proof is %+v, and the headline %q", v.Proof, lines)
	}
}

// A start in doubt that is still being read is in flight, and no person is
// asked for; once reading has given up it is the other way round.
func TestUnknownNeedsAPersonOnlyForGood(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	k := n.Key("dev/web-01")
	n.Fact(0, fleet.RunOpened{RunID: "r"})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Validated(1, "dev/web-01", fleet.VerdictReady)
	n.Fact(1, fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1})
	n.Fact(2, fleet.StartAnswered{Vault: k, OperationID: "op",
		Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, Message: "no answer"}})
	for _, forGood := range []bool{false, true} {
		if forGood {
			n.Fact(30, fleet.DeadlinePassed{Vault: k, Deadline: fleet.DeadlineReconcile})
		}
		v := FromState(n.St, ViewOptions{Live: true})
		if got := len(v.needPerson()) == 1; got != forGood {
			t.Errorf("for good %v: needs a person is %v", forGood, got)
		}
		if got := v.Flying().Ours == 1; got == forGood || v.Vaults[0].Unresolved == forGood {
			t.Errorf("for good %v: in flight is %v", forGood, got)
		}
	}
}

// A view is written in pieces as it would be in one.
func TestViewIsWrittenInPieces(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]*View{"halted": shownOf(reporttest.HaltedNight(t), ViewOptions{Now: reporttest.T0}),
		"without vaults": {Vaults: []Vault{}}} {
		var pieces bytes.Buffer
		whole, err := layout.JSON(v)
		if err := errors.Join(err, layout.WriteJSON(&pieces, v)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pieces.Bytes(), whole) {
			t.Errorf("%s: in pieces it reads\n%s\nin one\n%s", name, pieces.Bytes(), whole)
		}
	}
}

// shownOf is the night as it is shown, its journal read.
func shownOf(n *reporttest.Night, o ViewOptions) *View {
	o.Timeline = NewTimelineBuilder()
	n.Replay(o.Timeline.Add)
	return FromState(n.St, o)
}
