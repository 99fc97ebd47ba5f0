package report

import (
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// What a service advises with a warning is no order of ours: whether it is consented to, a
// person decides, and that stands first.
func TestAWarningIsAQuestion(t *testing.T) {
	t.Parallel()
	v := &Vault{Vault: "prod/sql-01", Status: fleet.Blocked, Findings: FindingsOf([]fleet.Finding{
		{Severity: fleet.SeverityWarning, Code: "Billing", Message: "It is billed otherwise.",
			Action: "Consent to the conversion."},
		{Severity: fleet.SeverityInfo, Code: fleet.CodeWarningsRefused, Message: "nobody has consented",
			Action: "Set acceptWarnings."}})}
	c := CausesOf([]*Vault{v})[0]
	want := "Nobody has consented. Set acceptWarnings. The warning's own advice: Consent to the conversion."
	if got := c.advice(); got != want {
		t.Errorf("it reads %q, want %q", got, want)
	}
}

// The timeline says who stopped the process, and a pause that was lifted is not called one.
func TestWhoStoppedAndWhatContinued(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	n.Fact(0, fleet.RunOpened{RunID: "r"})
	n.Fact(1, fleet.RunSuspended{Why: fleet.SuspendedStop, By: "ann", Reason: "enough"})
	said := ""
	for _, e := range shownOf(n, ViewOptions{}).Timeline.Entries {
		said += e.Text + ": " + ValueOf(e.Detail) + "\n"
	}
	if !strings.Contains(said, "stopped by ann: enough") || strings.Contains(said, "by a person") {
		t.Errorf("the timeline reads\n%s", said)
	}
	for off, want := range map[bool]string{true: "continued", false: "paused"} {
		e := fleet.Event{At: reporttest.T0, Fact: fleet.Paused{By: reporttest.Ops, Reason: "x", Off: off}}
		if kind, _ := RunWords(n.St, n.St.Plan.Names(), e, lexicon.UTC); kind != want {
			t.Errorf("off %v: it is called %q, want %q", off, kind, want)
		}
	}
}
