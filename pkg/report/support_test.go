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
		for _, want := range []string{"To: help@fabrikam.example\n", x.SubscriptionID, lexicon.Clean(x.Name), *x.OperationID, x.Location,
			string(x.ResourceType), lexicon.UTC(x.StartedAt.Time), lexicon.UTC(x.EndedAt.Time), readable(*x.Findings[len(x.Findings)-1].Message), lexicon.Clean(x.RequestIDs[0])} {
			if !strings.Contains(m, want) {
				t.Errorf("the message of %s lacks %q:\n%s", x.Vault, want, m)
			}
		}
	}
	if m := SupportMessage("", &Vault{}).String(); !strings.Contains(m, "To: "+DefaultSupportAddress+"\n") || !strings.Contains(m, "none was returned") {
		t.Errorf("a message of nothing reads\n%s", m)
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
	n.Fact(2, fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, Message: "no answer"}})
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

// A view is written a vault at a time, as it would be in one piece.
func TestViewIsWrittenInPieces(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]*View{"halted": shownOf(reporttest.HaltedNight(t), ViewOptions{Now: reporttest.T0}), "without vaults": {Vaults: []Vault{}}} {
		var pieces, whole bytes.Buffer
		if err := errors.Join(v.writeJSON(&pieces), layout.WriteJSON(&whole, v)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pieces.Bytes(), whole.Bytes()) {
			t.Errorf("%s: in pieces it reads\n%s\nin one\n%s", name, pieces.Bytes(), whole.Bytes())
		}
		if !bytes.HasSuffix(whole.Bytes(), []byte("]\n}\n")) {
			t.Errorf("%s: the vaults come last no more, and are not written one at a time", name)
		}
	}
}

// shownOf is the night as it is shown, its journal read.
func shownOf(n *reporttest.Night, o ViewOptions) *View {
	o.Timeline = NewTimelineBuilder()
	n.Replay(o.Timeline.Add)
	return FromState(n.St, o)
}
