package report

import (
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What is upgraded is counted in one way wherever one looks: of the vaults that
// are not held, by this run and by all runs of the ledger.
func TestOneCount(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	held := n.st.Totals.Of(fleet.Excluded)
	earlier := []fleet.Key{n.st.Plan.Vaults[0].Key, n.st.Plan.Vaults[1].Key, "classic/none"}
	e := fleet.Event{At: t0, Fact: fleet.RunOpened{RunID: "second", PlanFingerprint: n.st.Plan.Fingerprint, Upgraded: earlier}}
	if err := n.st.Apply(e); err != nil {
		t.Fatal(err)
	}
	of := len(n.st.Vaults) - held
	v := n.view(ViewOptions{Live: true})
	if v.Overall != (Overall{Upgraded: 2, Earlier: 2, Of: of, Held: held}) || held == 0 {
		t.Fatalf("overall is %+v of %d held", v.Overall, held)
	}
	run, ledger := "0 of "+vaults(of)+" upgraded", "2 of "+vaults(of)+" upgraded, 2 of them in earlier runs"
	tr := NewTracker(n.st)
	shown := map[string]string{
		"status":    v.verdict(clockIn(nil)),
		"heartbeat": tr.heartbeat(t0.Add(time.Minute)),
	}
	for where, s := range shown {
		if !strings.Contains(s, run) {
			t.Errorf("%s says %q, want %q in it", where, s, run)
		}
	}
	if s := tr.heartbeat(t0.Add(time.Minute)); !strings.Contains(s, ledger) {
		t.Errorf("the heartbeat says %q, want %q in it", s, ledger)
	}
	if s := strings.Join(v.headlines(clockIn(nil)), " "); !strings.Contains(s, "Overall "+ledger) {
		t.Errorf("the report says %q", s)
	}
	if s := v.outcome(); s != "0 OF "+number(of)+" UPGRADED" {
		t.Errorf("the headline says %q", s)
	}
}

// One that turned out not to be as wanted any more counts no more.
func TestEarlierCountsWhatIsStillSo(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	name := n.st.Plan.Names()[0]
	k := n.key(name)
	if err := n.st.Apply(fleet.Event{At: t0, Fact: fleet.RunOpened{RunID: "second", Upgraded: []fleet.Key{k}}}); err != nil {
		t.Fatal(err)
	}
	if n.st.Earlier() != 1 {
		t.Fatalf("%d count before they were looked at", n.st.Earlier())
	}
	n.validated(1, name, fleet.VerdictReady)
	if n.st.Earlier() != 0 {
		t.Errorf("one that is ready to be upgraded counts as upgraded")
	}
}
