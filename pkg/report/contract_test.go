package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// keysOf checks an object's keys exactly. Keys may be added to this list with
// the field; one that leaves it breaks somebody's script.
func keysOf(t *testing.T, what string, v any, want ...string) map[string]any {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is %T, not an object", what, v)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(m)); !slices.Equal(got, want) {
		t.Errorf("%s has the keys\n%q, want\n%q", what, got, want)
	}
	return m
}

func decode(t *testing.T, write func(io.Writer) error) map[string]any {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsFunc(b.Bytes(), func(r rune) bool { return r != '\n' && lexicon.IsSteering(r) }) {
		t.Error("the JSON holds a control character that is no escape")
	}
	var m map[string]any
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

var vaultKeys = []string{"vault", "subscriptionId", "subscriptionName", "name", "location", "resourceType",
	"targetResourceGroup",
	"labels", "wave", "status", "operationId", "attempt", "startedAt", "endedAt", "upgradedResourceId", "requestIds",
	"findings",
	"reason", "overdue", "foreign", "earlier", "meanwhile", "carried", "reopened", "accepted", "unresolved",
	"heldUntil", "heldBy", "nextWindow", "reads", "refreshedAt",
	"resourceGroup", "resourceId", "endedLate", "lastReading"}

func TestRunJSONShape(t *testing.T) {
	t.Parallel()
	view := viewOf(reporttest.HaltedNight(t),
		report.ViewOptions{Now: reporttest.T0, Evidence: &report.Evidence{JournalHead: "b81c", Events: 3}})
	m := decode(t, func(w io.Writer) error { return report.Report(w, view, report.Options{Format: layout.FormatJSON}) })
	keysOf(t, "the report", m, "schemaVersion", "headline", "run", "selector", "totals", "overall", "waves",
		"subscriptions", "actions", "timeline",
		"proof", "checklist", "vaults", "evidence", "next", "inFlight")
	keysOf(t, "evidence", m["evidence"], "journalHead", "events")
	keysOf(t, "headline", m["headline"], "sentence", "lines", "before")
	keysOf(t, "proof", m["proof"], "startsSent", "sentTwice", "sentAgain", "reopenedByHand")
	for _, f := range m["inFlight"].([]any) {
		keysOf(t, "a flight", f, "vault", "wave", "status", "startedAt", "seconds", "late", "foreign", "expectedEnd")
	}
	entries := keysOf(t, "timeline", m["timeline"], "entries", "omitted")["entries"].([]any)
	keysOf(t, "an entry", entries[0], "at", "kind", "text", "detail", "by", "until", "vault", "times")
	keysOf(t, "a subscription", m["subscriptions"].([]any)[0], "id", "name", "totals", "budget", "throttledUntil", "of",
		"held")
	for _, a := range m["actions"].([]any) {
		x := keysOf(t, "an action", a, "do", "title", "detail", "person", "before", "code", "vaults", "items",
			"message", "command", "steps")
		if x["do"] == "support" {
			keysOf(t, "a message", x["message"], "to", "subject", "body")
		}
		if x["vaults"] == nil || x["items"] == nil {
			t.Errorf("%s has a list that is null", x["title"])
		}
	}
	run := keysOf(t, "run", m["run"], "id", "direction", "status", "verdict", "exitCode", "closing", "elsewhere",
		"expectedEnd", "emulated", "laterRun", "waits", "waitingFor", "approved", "startedAt", "endedAt",
		"planFingerprint",
		"inventory", "resumedAt", "updatedAt", "generatedAt", "halt", "suspended", "budget", "startedBy", "live",
		"night", "nextWindow",
		"kind", "permanent", "phase", "closed", "closingBy", "approvedInAdvance", "note", "limits")
	if run["endedAt"] != nil || run["waitingFor"] != nil {
		t.Errorf("absent values are %v and %v, want null", run["endedAt"], run["waitingFor"])
	}
	keysOf(t, "run.halt", run["halt"], "scope", "wave", "subscription", "sameError", "failures", "budget", "at",
		"sentence")
	keysOf(t, "run.budget", run["budget"], "limit", "used", "unresolved", "base")
	for _, w := range m["waves"].([]any) {
		keysOf(t, "a wave", w, "name", "status", "totals", "startedAt", "endedAt", "budget", "expectedEnd", "of",
			"held")
	}
	for _, v := range m["vaults"].([]any) {
		x := keysOf(t, "a vault", v, vaultKeys...)
		for _, k := range []string{"requestIds", "findings", "labels"} {
			if x[k] == nil {
				t.Errorf("%s of %s is null", k, x["vault"])
			}
		}
		for _, f := range x["findings"].([]any) {
			keysOf(t, "a finding", f, "severity", "category", "code", "message", "action", "items")
		}
	}
}

func TestPlanAndValidationJSONShape(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	p.Waves[0].Approval = &plan.Approval{When: plan.ApprovalAfter, NotBy: plan.NotByStarter}
	m := decode(t, func(w io.Writer) error {
		return dryrun.Plan(w, p, dryrun.PlanOptions{Format: layout.FormatJSON,
			Validations: reporttest.FixtureValidations(p)})
	})
	for _, k := range []string{"schemaVersion", "fingerprint", "waves", "excluded", "findings", "forecast"} {
		if _, ok := m[k]; !ok {
			t.Errorf("the plan has no %s", k)
		}
	}
	f := keysOf(t, "forecast", m["forecast"], "endsAtP50", "endsAtP90", "nights", "lowerBoundSeconds", "ratio",
		"byNight")
	if f["endsAtP50"] != nil || f["ratio"] != nil || f["lowerBoundSeconds"] == 0.0 {
		t.Errorf("without a forecast: %v", f)
	}
	w := keysOf(t, "a wave", m["waves"].([]any)[0], "name", "vaults", "maxFailures", "atOnce", "forecast",
		"order", "soakSeconds", "notBefore",
		"approval", "approvalNeedless", "notBy", "calendar", "toStart", "mayStart", "of",
		"held")
	if w["notBy"] != string(plan.NotByStarter) {
		t.Errorf("who may not approve is %v", w["notBy"])
	}
	keysOf(t, "a wave's forecast", w["forecast"], "startsAt", "endsAtP50", "endsAtP90")
	keysOf(t, "a planned vault", w["vaults"].([]any)[0], "vault", "subscriptionId", "subscriptionName", "name",
		"location", "resourceType",
		"targetResourceGroup", "labels", "wave", "status", "predictedP50Seconds", "predictedP90Seconds", "reason",
		"heldUntil", "heldBy", "expiredHold", "heldEarlier", "calendar",
		"resourceGroup", "resourceId", "request")

	today := reporttest.TodayPlan(reporttest.KindAlerts)
	m = decode(t, func(w io.Writer) error {
		return dryrun.Plan(w, today, dryrun.PlanOptions{Format: layout.FormatJSON, Upgrade: today.Upgrade})
	})
	up := keysOf(t, "upgrade", m["upgrade"], "kind", "direction", "title", "options", "request", "before", "permanent",
		"rollback", "confirm", "permissions")
	keysOf(t, "upgrade.request", up["request"], "method", "path", "body")

	m = decode(t, func(w io.Writer) error {
		return dryrun.Validation(w, p, reporttest.FixtureValidations(p),
			dryrun.ValidationOptions{Format: layout.FormatJSON})
	})
	keysOf(t, "the validation", m, "schemaVersion", "planFingerprint", "checkedAt", "totals", "vaults",
		"next", "unfinishedRun")
	for _, v := range m["vaults"].([]any) {
		keysOf(t, "a checked vault", v, vaultKeys...)
	}
}

// A consumer in Go reads back what was written.
func TestViewRoundTrip(t *testing.T) {
	t.Parallel()
	view := report.FromState(reporttest.FinishedNight(t).St, report.ViewOptions{Now: reporttest.T0.Add(9 * time.Hour)})
	var first, second bytes.Buffer
	if err := report.Report(&first, view, report.Options{Format: layout.FormatJSON}); err != nil {
		t.Fatal(err)
	}
	var back report.View
	if err := json.Unmarshal(first.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if err := report.Report(&second, &back, report.Options{Format: layout.FormatJSON}); err != nil {
		t.Fatal(err)
	}
	// Compared decoded: bytes that are no UTF-8 are an escape the first time
	// and the character it stands for the second.
	var a, b any
	if err := errors.Join(json.Unmarshal(first.Bytes(), &a), json.Unmarshal(second.Bytes(), &b)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("a view read back from JSON writes other JSON")
	}
}

// Every CSV reads back strictly, a row a vault, with no cell that a
// spreadsheet would run and none that steers a terminal.
func TestCSVIsStrictAndHarmless(t *testing.T) {
	t.Parallel()
	p := reporttest.FixturePlan()
	writers := map[string]func(io.Writer) error{
		"run": func(w io.Writer) error {
			return report.Report(w, report.FromState(reporttest.HaltedNight(t).St,
				report.ViewOptions{Now: reporttest.T0}), report.Options{Format: layout.FormatCSV})
		},
		"plan": func(w io.Writer) error {
			return dryrun.Plan(w, p, dryrun.PlanOptions{Format: layout.FormatCSV,
				Validations: reporttest.FixtureValidations(p)})
		},
		"validation": func(w io.Writer) error {
			return dryrun.Validation(w, p, reporttest.FixtureValidations(p),
				dryrun.ValidationOptions{Format: layout.FormatCSV})
		},
	}
	for name, write := range writers {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\r\n"); n != len(p.Vaults)+1 || n != strings.Count(b.String(), "\n") {
			t.Errorf("%s: %d lines that end in CR LF, want %d", name, n, len(p.Vaults)+1)
		}
		r := csv.NewReader(&b)
		r.FieldsPerRecord = 0 // all as many as the header
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, row := range rows {
			for i, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
					t.Errorf("%s: column %s can run as a formula: %q", name, rows[0][i], cell)
				}
				if strings.ContainsFunc(cell, lexicon.IsSteering) {
					t.Errorf("%s: column %s holds a control character: %q", name, rows[0][i], cell)
				}
			}
		}
		at := slices.Index(rows[0], "name")
		if got := rows[12][at]; got != "'"+lexicon.Clean(reporttest.HostileName) {
			t.Errorf("%s: the hostile name reads %q", name, got)
		}
	}
}

func TestRunStatusAndDeferral(t *testing.T) {
	t.Parallel()
	suspended := func(f fleet.RunSuspended) func(*testing.T) *reporttest.Night {
		return func(t *testing.T) *reporttest.Night { n := reporttest.BusyNight(t); n.Fact(124, f); return n }
	}
	halting := func(t *testing.T) *reporttest.Night {
		n := reporttest.BusyNight(t)
		n.Fact(123, fleet.RunHalted{Scope: "canary", Wave: true, Failures: 1})
		return n
	}
	cases := []struct {
		name    string
		night   func(*testing.T) *reporttest.Night
		live    bool
		status  report.RunStatus
		code    fleet.ExitCode
		late    fleet.Status // of a vault that has not been looked at
		reason  string       // part of its reason
		waiting string
	}{
		{"running", reporttest.BusyNight, true, report.RunRunning, fleet.ExitInterrupted, fleet.Pending, "", ""},
		{"killed", reporttest.BusyNight, false, report.RunInterrupted, fleet.ExitInterrupted, fleet.Deferred,
			"process ended", ""},
		{"stopped", suspended(fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted}), false,
			report.RunInterrupted, fleet.ExitInterrupted, fleet.Deferred, "stopped", ""},
		{"signed out", suspended(fleet.RunSuspended{Why: fleet.SuspendedSignIn, Detail: "AADSTS700082",
			Code: fleet.ExitSignIn}), false,
			report.RunInterrupted, fleet.ExitSignIn, fleet.Deferred, "AADSTS700082", "sign-in"},
		{"halting", halting, true, report.RunRunning, fleet.ExitInterrupted, fleet.Deferred,
			"wave canary's budget of 0", ""},
		{"halted in flight", halting, false, report.RunHalted, fleet.ExitInterrupted, fleet.Deferred, "halted", ""},
		{"halted", reporttest.HaltedNight, true, report.RunHalted, fleet.ExitHalted, fleet.Deferred,
			"the run's budget of 3", ""},
		{"finished", reporttest.FinishedNight, false, report.RunFinished, fleet.ExitFailures, fleet.Upgraded, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := report.FromState(c.night(t).St, report.ViewOptions{Live: c.live})
			if v.Run.Status != c.status || v.Run.ExitCode != int(c.code) || v.Run.Verdict != c.code.Name() ||
				report.ValueOf(v.Run.WaitingFor) != c.waiting {
				t.Errorf("run is %s, %s (%d), waits for %q; want %s, %d, %q", v.Run.Status, v.Run.Verdict,
					v.Run.ExitCode,
					report.ValueOf(v.Run.WaitingFor), c.status, c.code, c.waiting)
			}
			sum := 0
			for _, n := range v.Totals {
				sum += n
			}
			if sum != len(v.Vaults) {
				t.Errorf("the totals add up to %d, want %d", sum, len(v.Vaults))
			}
			for i := range v.Vaults {
				x := &v.Vaults[i]
				if x.Vault == "prod/late-1" &&
					(x.Status != c.late || !strings.Contains(report.ValueOf(x.Reason), c.reason)) {
					t.Errorf("%s is %s (%q), want %s (%q)", x.Vault, x.Status, report.ValueOf(x.Reason), c.late,
						c.reason)
				}
				if x.Vault == "hr/pay-1" && x.Status == fleet.Deferred {
					t.Errorf("%s is deferred, want busy", x.Vault)
				}
			}
		})
	}
}
