package report

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
	"github.com/fleetup-dev/fleetup/pkg/rollout"
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
	if bytes.ContainsFunc(b.Bytes(), func(r rune) bool { return r != '\n' && steering(r) }) {
		t.Error("the JSON holds a control character that is no escape")
	}
	var m map[string]any
	if err := json.Unmarshal(b.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

var vaultKeys = []string{"vault", "subscriptionId", "subscriptionName", "name", "location", "resourceType", "targetResourceGroup",
	"labels", "wave", "status", "operationId", "attempt", "startedAt", "endedAt", "upgradedResourceId", "requestIds", "findings",
	"reason", "overdue", "foreign", "earlier", "carried", "reopened", "accepted", "unresolved", "heldUntil", "heldBy", "nextWindow", "reads", "refreshedAt",
	"resourceGroup", "resourceId", "lastReading"}

func TestRunJSONShape(t *testing.T) {
	t.Parallel()
	view := haltedNight(t).view(ViewOptions{Now: t0, Evidence: &Evidence{JournalHead: "b81c", Events: 3}})
	m := decode(t, func(w io.Writer) error { return Report(w, view, Options{Format: FormatJSON}) })
	keysOf(t, "the report", m, "schemaVersion", "headline", "run", "selector", "totals", "overall", "waves", "subscriptions", "actions", "timeline",
		"proof", "checklist", "vaults", "evidence", "next")
	keysOf(t, "evidence", m["evidence"], "journalHead", "events")
	keysOf(t, "headline", m["headline"], "sentence", "lines", "before")
	keysOf(t, "proof", m["proof"], "startsSent", "sentTwice", "sentAgain", "reopenedByHand")
	entries := keysOf(t, "timeline", m["timeline"], "entries", "omitted")["entries"].([]any)
	keysOf(t, "an entry", entries[0], "at", "kind", "text", "detail", "by", "until", "vault", "times")
	keysOf(t, "a subscription", m["subscriptions"].([]any)[0], "id", "name", "totals", "budget", "throttledUntil")
	for _, a := range m["actions"].([]any) {
		x := keysOf(t, "an action", a, "do", "title", "detail", "person", "before", "code", "vaults", "items", "message", "command")
		if x["do"] == "support" {
			keysOf(t, "a message", x["message"], "to", "subject", "body")
		}
		if x["vaults"] == nil || x["items"] == nil {
			t.Errorf("%s has a list that is null", x["title"])
		}
	}
	run := keysOf(t, "run", m["run"], "id", "status", "verdict", "exitCode", "closing", "expectedEnd", "emulated", "laterRun", "waits", "waitingFor", "approved", "startedAt", "endedAt", "planFingerprint",
		"inventory", "resumedAt", "updatedAt", "generatedAt", "halt", "suspended", "budget", "startedBy", "live", "night", "nextWindow",
		"kind", "permanent", "phase")
	if run["endedAt"] != nil || run["waitingFor"] != nil {
		t.Errorf("absent values are %v and %v, want null", run["endedAt"], run["waitingFor"])
	}
	keysOf(t, "run.halt", run["halt"], "scope", "wave", "subscription", "sameError", "failures", "budget", "at", "sentence")
	keysOf(t, "run.budget", run["budget"], "limit", "used", "unresolved", "base")
	for _, w := range m["waves"].([]any) {
		keysOf(t, "a wave", w, "name", "status", "totals", "startedAt", "endedAt", "budget")
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
	p := fixturePlan()
	m := decode(t, func(w io.Writer) error {
		return Plan(w, p, PlanOptions{Format: FormatJSON, Validations: fixtureValidations(p)})
	})
	for _, k := range []string{"schemaVersion", "fingerprint", "waves", "excluded", "findings", "forecast"} {
		if _, ok := m[k]; !ok {
			t.Errorf("the plan has no %s", k)
		}
	}
	f := keysOf(t, "forecast", m["forecast"], "endsAtP50", "endsAtP90", "nights", "lowerBoundSeconds", "ratio", "byNight")
	if f["endsAtP50"] != nil || f["ratio"] != nil || f["lowerBoundSeconds"] == 0.0 {
		t.Errorf("without a forecast: %v", f)
	}
	w := keysOf(t, "a wave", m["waves"].([]any)[0], "name", "vaults", "maxFailures", "atOnce", "forecast",
		"order", "soakSeconds", "approval", "approvalNeedless", "calendar")
	keysOf(t, "a wave's forecast", w["forecast"], "startsAt", "endsAtP50", "endsAtP90")
	keysOf(t, "a planned vault", w["vaults"].([]any)[0], "vault", "subscriptionId", "subscriptionName", "name", "location", "resourceType",
		"targetResourceGroup", "labels", "wave", "status", "predictedP50Seconds", "predictedP90Seconds", "reason", "heldUntil", "heldBy", "expiredHold", "calendar",
		"resourceGroup", "resourceId", "request")

	today := todayPlan(kindAlerts)
	m = decode(t, func(w io.Writer) error {
		return Plan(w, today, PlanOptions{Format: FormatJSON, Upgrade: today.Upgrade})
	})
	up := keysOf(t, "upgrade", m["upgrade"], "kind", "title", "options", "request", "before", "permanent", "rollback", "confirm", "permissions")
	keysOf(t, "upgrade.request", up["request"], "method", "path", "body")

	m = decode(t, func(w io.Writer) error {
		return Validation(w, p, fixtureValidations(p), ValidationOptions{Format: FormatJSON})
	})
	keysOf(t, "the validation", m, "schemaVersion", "planFingerprint", "checkedAt", "totals", "vaults")
	for _, v := range m["vaults"].([]any) {
		keysOf(t, "a checked vault", v, vaultKeys...)
	}
}

// A consumer in Go reads back what was written.
func TestViewRoundTrip(t *testing.T) {
	t.Parallel()
	view := FromState(finishedNight(t).st, ViewOptions{Now: t0.Add(9 * time.Hour)})
	var first, second bytes.Buffer
	if err := Report(&first, view, Options{Format: FormatJSON}); err != nil {
		t.Fatal(err)
	}
	var back View
	if err := json.Unmarshal(first.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if err := Report(&second, &back, Options{Format: FormatJSON}); err != nil {
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
	p := fixturePlan()
	writers := map[string]func(io.Writer) error{
		"run": func(w io.Writer) error {
			return Report(w, FromState(haltedNight(t).st, ViewOptions{Now: t0}), Options{Format: FormatCSV})
		},
		"plan": func(w io.Writer) error {
			return Plan(w, p, PlanOptions{Format: FormatCSV, Validations: fixtureValidations(p)})
		},
		"validation": func(w io.Writer) error {
			return Validation(w, p, fixtureValidations(p), ValidationOptions{Format: FormatCSV})
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
				if strings.ContainsFunc(cell, steering) {
					t.Errorf("%s: column %s holds a control character: %q", name, rows[0][i], cell)
				}
			}
		}
		at := slices.Index(rows[0], "name")
		if got := rows[12][at]; got != "'"+Clean(hostileName) {
			t.Errorf("%s: the hostile name reads %q", name, got)
		}
	}
}

func TestRunStatusAndDeferral(t *testing.T) {
	t.Parallel()
	suspended := func(f fleet.RunSuspended) func(*testing.T) *night {
		return func(t *testing.T) *night { n := busyNight(t); n.fact(124, f); return n }
	}
	halting := func(t *testing.T) *night {
		n := busyNight(t)
		n.fact(123, fleet.RunHalted{Scope: "canary", Wave: true, Failures: 1})
		return n
	}
	cases := []struct {
		name    string
		night   func(*testing.T) *night
		live    bool
		status  RunStatus
		code    fleet.ExitCode
		late    fleet.Status // of a vault that has not been looked at
		reason  string       // part of its reason
		waiting string
	}{
		{"running", busyNight, true, RunRunning, fleet.ExitInterrupted, fleet.Pending, "", ""},
		{"killed", busyNight, false, RunInterrupted, fleet.ExitInterrupted, fleet.Deferred, "process ended", ""},
		{"stopped", suspended(fleet.RunSuspended{Why: fleet.SuspendedSignal, Code: fleet.ExitInterrupted}), false,
			RunInterrupted, fleet.ExitInterrupted, fleet.Deferred, "stopped", ""},
		{"signed out", suspended(fleet.RunSuspended{Why: fleet.SuspendedSignIn, Detail: "AADSTS700082", Code: fleet.ExitSignIn}), false,
			RunInterrupted, fleet.ExitSignIn, fleet.Deferred, "AADSTS700082", "sign-in"},
		{"halting", halting, true, RunRunning, fleet.ExitInterrupted, fleet.Deferred, "wave canary's budget of 0", ""},
		{"halted in flight", halting, false, RunHalted, fleet.ExitInterrupted, fleet.Deferred, "halted", ""},
		{"halted", haltedNight, true, RunHalted, fleet.ExitHalted, fleet.Deferred, "the run's budget of 3", ""},
		{"finished", finishedNight, false, RunFinished, fleet.ExitFailures, fleet.Upgraded, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := FromState(c.night(t).st, ViewOptions{Live: c.live})
			if v.Run.Status != c.status || v.Run.ExitCode != int(c.code) || v.Run.Verdict != c.code.Name() || str(v.Run.WaitingFor) != c.waiting {
				t.Errorf("run is %s, %s (%d), waits for %q; want %s, %d, %q", v.Run.Status, v.Run.Verdict, v.Run.ExitCode,
					str(v.Run.WaitingFor), c.status, c.code, c.waiting)
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
				if x.Vault == "prod/late-1" && (x.Status != c.late || !strings.Contains(str(x.Reason), c.reason)) {
					t.Errorf("%s is %s (%q), want %s (%q)", x.Vault, x.Status, str(x.Reason), c.late, c.reason)
				}
				if x.Vault == "hr/pay-1" && x.Status == fleet.Deferred {
					t.Errorf("%s is deferred, want busy", x.Vault)
				}
			}
		})
	}
}

// A start in doubt that is still being read is in flight, and no person is
// asked for; once reading has given up it is the other way round.
func TestUnknownNeedsAPersonOnlyForGood(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	k := n.key("dev/web-01")
	n.fact(0, fleet.RunOpened{RunID: "r"})
	n.fact(0, fleet.WaveOpened{Wave: "canary"})
	n.validated(1, "dev/web-01", fleet.VerdictReady)
	n.fact(1, fleet.StartIntended{Vault: k, OperationID: "op", Attempt: 1})
	n.fact(2, fleet.StartAnswered{Vault: k, OperationID: "op", Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown, Message: "no answer"}})
	for _, forGood := range []bool{false, true} {
		if forGood {
			n.fact(30, fleet.DeadlinePassed{Vault: k, Deadline: fleet.DeadlineReconcile})
		}
		v := FromState(n.st, ViewOptions{Live: true})
		if got := len(v.needPerson()) == 1; got != forGood {
			t.Errorf("for good %v: needs a person is %v", forGood, got)
		}
		if got := v.Vaults[0].inFlight(); got == forGood || v.Vaults[0].Unresolved == forGood {
			t.Errorf("for good %v: in flight is %v", forGood, got)
		}
	}
}

func TestForecastsAndBound(t *testing.T) {
	t.Parallel()
	p := fixturePlan()
	p.Limits = plan.Limits{Validations: 16, Upgrades: 10, PerSubscription: 2, PerLocation: 3, RequestsPerSecond: 10}
	checks := fixtureValidations(p)
	p50, p90, err := Forecasts(p, t0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	// 2 vaults; 11, of which 10 in one location, 3 at once, 5 and 6 a
	// subscription, 2 at once; 2.
	if got, want := bound(p), 20*time.Minute+200*time.Minute/3+20*time.Minute; got != want {
		t.Errorf("the lower bound is %s, want %s", got, want)
	}
	if d := p50.EndsAt.Sub(t0); d < bound(p) || !p90.EndsAt.After(p50.EndsAt) {
		t.Errorf("the run takes %s (p50), %s (p90), at least %s", d, p90.EndsAt.Sub(t0), bound(p))
	}
	some, _, err := Forecasts(p, t0, checks, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !some.EndsAt.Before(p50.EndsAt) {
		t.Errorf("with vaults that do not start it ends %s, not before %s", some.EndsAt, p50.EndsAt)
	}
	if p.Vaults[6].Excluded() {
		t.Error("the forecast changed the plan")
	}
	none := map[fleet.Key]fleet.Validation{}
	for i := range p.Vaults {
		none[p.Vaults[i].Key] = fleet.Validation{Verdict: fleet.VerdictBlocked}
	}
	if f, _, err := Forecasts(p, t0, none, nil); err != nil || !f.EndsAt.Equal(t0) {
		t.Errorf("a plan of which nothing starts ends %s, %v", f.EndsAt, err)
	}
	var empty rollout.Forecast
	if err := Plan(io.Discard, p, PlanOptions{P50: &empty, P90: &empty, Now: t0}); err != nil {
		t.Errorf("a forecast without waves: %v", err)
	}
}

// A view is written a vault at a time, as it would be in one piece.
func TestViewIsWrittenInPieces(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]*View{"halted": haltedNight(t).view(ViewOptions{Now: t0}), "without vaults": {Vaults: []Vault{}}} {
		var pieces, whole bytes.Buffer
		if err := errors.Join(v.writeJSON(&pieces), writeJSON(&whole, v)); err != nil {
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
