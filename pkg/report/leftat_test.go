package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// The night of a run whose process has left ends with the last that this one did, not with
// the last end of an upgrade, and nothing that people say to it afterwards prolongs it.
func TestANightEndsWhenItsProcessLeft(t *testing.T) {
	t.Parallel()
	daily := func(p *plan.Plan) {
		p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Start: 600,
			End: 900, Zone: "UTC"}}}
	}
	for name, left := range map[string]fleet.Fact{
		"stopped": fleet.RunSuspended{Why: fleet.SuspendedStop, Code: fleet.ExitInterrupted},
		"killed":  fleet.Throttled{Subscription: reporttest.ProdID, Until: reporttest.T0.Add(31 * time.Minute)},
	} {
		n := reporttest.Planned(t, daily)
		n.Fact(0, fleet.WaveOpened{Wave: "canary"})
		n.Started(1, "dev/web-01")
		n.Upgraded(19, "dev/web-01")
		n.Fact(30, left)
		n.Fact(50, fleet.Noted{By: reporttest.Ops, Text: "it is down"})
		v := shownOf(n, ViewOptions{Now: reporttest.T0.Add(time.Hour)})
		if got, want := v.Run.Night.Until.Value(), reporttest.T0.Add(30*time.Minute); !got.Equal(want) {
			t.Errorf("%s: the night ends %s, the process left at %s", name, got, want)
		}
	}
}

// When the reading of an upgrade was given up is not when the cloud called that over.
func TestGaveUpWhenTheDeadlinePassed(t *testing.T) {
	t.Parallel()
	n := reporttest.Planned(t, func(*plan.Plan) {})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Started(1, "dev/web-01")
	n.Fact(19, fleet.Observed{Vault: n.Key("dev/web-01"), OperationID: reporttest.Op("dev/web-01"),
		Record: &fleet.Record{OperationID: reporttest.Op("dev/web-01"), State: fleet.RecordUpgraded}})
	n.Fact(40, fleet.DeadlinePassed{Vault: n.Key("dev/web-01"), Deadline: fleet.DeadlineReconcile})
	var b bytes.Buffer
	if err := Report(&b, shownOf(n, ViewOptions{Now: reporttest.T0.Add(time.Hour)}), Options{}); err != nil {
		t.Fatal(err)
	}
	want := reporttest.T0.Add(40 * time.Minute).UTC().Format("2006-01-02 15:04:05")
	if !strings.Contains(b.String(), "Gave up       "+want) {
		t.Errorf("want that it gave up at %s:\n%s", want, b.String())
	}
}

// What is said of the whole run's budget counts every vault, whichever are shown.
func TestTheBudgetCountsTheWholeRun(t *testing.T) {
	t.Parallel()
	sel, err := plan.ParseSelector("subscription=hr")
	if err != nil {
		t.Fatal(err)
	}
	n := reporttest.NewNight(t) // none of what the budget counts, or does not, is in the selection
	n.Fact(0, fleet.RunOpened{RunID: "second", Carried: []fleet.Carried{{Vault: n.Key("prod/sql-08"),
		Status: fleet.Failed}}})
	n.Fact(0, fleet.WaveOpened{Wave: "canary"})
	n.Started(1, "dev/web-01")
	n.Failed(19, "dev/web-01", "Boom")
	n.Fact(20, fleet.FailuresAccepted{By: reporttest.Ops, Reason: "known"})
	n.Started(21, "dev/web-02")
	n.Failed(39, "dev/web-02", "Boom")
	said := func(o ViewOptions) string {
		var b bytes.Buffer
		if err := Status(&b, shownOf(n, o), Options{}); err != nil {
			t.Fatal(err)
		}
		_, s, _ := strings.Cut(b.String(), "\nBudget ")
		s, _, _ = strings.Cut(s, "\n")
		return s
	}
	all := said(ViewOptions{})
	for _, want := range []string{"1 of ", "1 more accepted by a person", "1 failed before this run"} {
		if !strings.Contains(all, want) {
			t.Fatalf("of all vaults it does not say %q: %s", want, all)
		}
	}
	if some := said(ViewOptions{Selector: sel, Selection: "subscription=hr"}); some != all+", of the whole run" {
		t.Errorf("of all vaults it says %q, of some %q", all, some)
	}
	v := View{Run: Run{Budget: Budget{Limit: 3, Carried: 2}, StartedAt: &Time{reporttest.T0}}}
	var b bytes.Buffer
	if err := Status(&b, &v, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "2 failed before this run and do not count"; !strings.Contains(b.String(), want) {
		t.Errorf("want %q:\n%s", want, b.String())
	}
}
