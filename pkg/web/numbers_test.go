package web

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// surfaces is one run as every view of it shows it at a moment.
type surfaces struct {
	status, page, report       map[string]any // as JSON
	statusText, reportMD, html string
	plain                      string
	beat                       map[string]any // the stream's heartbeat
	rows                       []map[string]string
	metrics                    map[string]float64
}

// night is a run whose facts are told to all who show it.
type night struct {
	t       *testing.T
	plan    *plan.Plan
	now     time.Time
	status  *rollout.State // of the command that reads the ledger
	told    *report.TimelineBuilder
	desk    *liveHub
	stream  *progress.Stream
	plain   *progress.Plain
	outs    map[string]*bytes.Buffer
	holder  *rollout.State // of the terminal
	options report.Options
}

func newNight(t *testing.T) *night {
	p := fleetPlan(12)
	p.Waves[0].Vaults, p.Waves[1].Vaults = nil, nil
	for i := range p.Vaults {
		w := i / 8
		p.Vaults[i].Wave = w
		p.Waves[w].Vaults = append(p.Waves[w].Vaults, i)
	}
	// The window of the night is closed while the canary is under way, and opens again.
	p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Start: 21 * 60, End: 24*60 - 1, Zone: "UTC"}}}
	n := &night{t: t, plan: p, now: time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC), outs: map[string]*bytes.Buffer{"stream": {}, "plain": {}}}
	n.options = report.Options{State: "contoso.db"}
	n.status, n.holder, n.told = rollout.NewState(p), rollout.NewState(p), report.NewTimelineBuilder()
	n.desk = newLiveHub(Run{State: rollout.NewState(p), Options: n.options, Version: "v1"}, "b", func() time.Time { return n.now })
	var err error
	if n.stream, err = progress.NewStream(n.outs["stream"], n.holder, n.now); err != nil {
		t.Fatal(err)
	}
	n.plain = progress.NewPlain(n.outs["plain"], n.holder, nil)
	for _, tr := range []*progress.Tracker{n.stream.Tracker(), n.plain.Tracker()} {
		tr.Ledger = n.options.State
	}
	return n
}

func (n *night) tell(facts ...fleet.Fact) {
	n.t.Helper()
	var events []fleet.Event
	for _, f := range facts {
		e := fleet.Event{At: n.now, Fact: f}
		events = append(events, e)
		for _, st := range []*rollout.State{n.status, n.holder} {
			if err := st.Apply(e); err != nil {
				n.t.Fatal(err)
			}
		}
		n.told.Add(n.status, e)
	}
	n.desk.add(events)
	for _, tell := range []func(*rollout.State, []fleet.Event) error{n.stream.Events, n.plain.Events} {
		if err := tell(n.holder, events); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *night) start(i int) {
	k, op := n.plan.Vaults[i].Key, fmt.Sprint("op-", i)
	n.tell(fleet.StartIntended{Vault: k, OperationID: op, Attempt: 1},
		fleet.StartAnswered{Vault: k, OperationID: op, Answer: fleet.StartAnswer{Verdict: fleet.StartAccepted}})
}

func (n *night) end(i int, how fleet.UpgradeState) {
	k, op := n.plan.Vaults[i].Key, fmt.Sprint("op-", i)
	facts := []fleet.Fact{fleet.Observed{Vault: k, OperationID: op, Record: &fleet.Record{OperationID: op, State: how, Message: "Boom", EndedAt: n.now}}}
	if how == fleet.RecordUpgraded {
		facts = append(facts, fleet.Verified{Vault: k, OperationID: op, ResourceID: "/subscriptions/s/vaults/" + op})
	}
	n.tell(facts...)
}

// look takes what every surface shows now.
func (n *night) look(live bool) surfaces {
	n.t.Helper()
	var s surfaces
	must := func(err error) {
		n.t.Helper()
		if err != nil {
			n.t.Fatal(err)
		}
	}
	n.desk.ends.Guess(n.now, nil)
	n.desk.over = !live
	o, err := rollout.Foresee(n.status, n.now, nil)
	must(err)
	for _, tr := range []*progress.Tracker{n.stream.Tracker(), n.plain.Tracker()} {
		tr.Forecast().Guess(n.now, nil)
	}
	v := report.FromState(n.status, report.ViewOptions{Live: live, Now: n.now, Outlook: o, Timeline: n.told})
	write := func(f layout.Format, how func(*bytes.Buffer, report.Options) error) string {
		opts := n.options
		opts.Format = f
		var b bytes.Buffer
		must(how(&b, opts))
		return b.String()
	}
	status := func(b *bytes.Buffer, o report.Options) error { return report.Status(b, v, o) }
	whole := func(b *bytes.Buffer, o report.Options) error { return report.Report(b, v, o) }
	must(json.Unmarshal([]byte(write(layout.FormatJSON, status)), &s.status))
	must(json.Unmarshal([]byte(write(layout.FormatJSON, whole)), &s.report))
	s.statusText, s.reportMD = write(layout.FormatTable, status), write(layout.FormatMarkdown, whole)
	cells, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(write(layout.FormatCSV, whole), "\ufeff"))).ReadAll()
	must(err)
	for _, line := range cells[1:] {
		row := map[string]string{}
		for i, name := range cells[0] {
			row[name] = line[i]
		}
		s.rows = append(s.rows, row)
	}
	var b bytes.Buffer
	must(n.desk.status(&b))
	must(json.Unmarshal(b.Bytes(), &s.page))
	b.Reset()
	must(n.desk.page(&b))
	s.html = b.String()
	n.outs["stream"].Reset()
	must(n.stream.Heartbeat(n.now))
	must(json.Unmarshal(n.outs["stream"].Bytes(), &s.beat))
	n.outs["plain"].Reset()
	must(n.plain.Heartbeat(n.now))
	s.plain = n.outs["plain"].String()
	registry := prometheus.NewRegistry()
	registry.MustRegister(&gauges{n.desk})
	families, err := registry.Gather()
	must(err)
	s.metrics = map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetName() == "status" || l.GetName() == "wave" {
					name += " " + l.GetValue()
				}
			}
			s.metrics[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return s
}

// at follows names into JSON.
func at(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

var (
	flyingSaid = regexp.MustCompile(`(\d+) (?:upgrades? (?:is|are) )?in flight`)
	tallySaid  = regexp.MustCompile(`(\d+) (upgraded|already|failed|unknown|blocked|busy|deferred|held|pending|ready|upgrading|starting|validating)`)
	vaultsLine = regexp.MustCompile(`(?m)^Vaults +(\d+) = (.*)$`)
)

// agree compares every number and time that two surfaces show.
func (s *surfaces) agree(t *testing.T) {
	t.Helper()
	// What is written twice as JSON is the same, to the letter.
	for name, other := range map[string]map[string]any{"the page's JSON": s.page, "the report's JSON": s.report} {
		for _, part := range slices.Sorted(maps.Keys(s.status)) {
			a, _ := json.Marshal(s.status[part])
			b, _ := json.Marshal(other[part])
			if part == "evidence" || part == "proof" {
				continue // of the journal, which the page does not read
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%s: %s differs:\nstatus %.600s\nthere  %.600s", name, part, a, b)
			}
		}
	}
	counts := map[string]int{}
	flying, overdue := 0, 0
	for _, v := range s.status["vaults"].([]any) {
		st := at(v, "status").(string)
		counts[st]++
		if st == "starting" || st == "upgrading" && at(v, "foreign") != true || at(v, "unresolved") == true {
			flying++
		}
		if at(v, "overdue") == true {
			overdue++
		}
	}
	same := func(where string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s says %v, the vaults say %v", where, got, want)
		}
	}
	rows := map[string]int{}
	for _, r := range s.rows {
		rows[r["status"]]++
	}
	for _, st := range fleet.Statuses() {
		name := string(st)
		want := counts[name]
		n, _ := at(s.status, "totals", name).(float64)
		same("totals."+name, int(n), want)
		n, _ = at(s.beat, "totals", name).(float64)
		same("the stream's "+name, int(n), want)
		same("the metric of "+name, int(s.metrics["fleetup_vaults "+name]), want)
		same("the CSV's "+name, rows[name], want)
	}
	line := vaultsLine.FindStringSubmatch(s.statusText)
	if line == nil {
		t.Fatalf("no line of vaults in %s", s.statusText)
	}
	same("the status", line[1], len(s.rows))
	sum := 0
	for _, m := range tallySaid.FindAllStringSubmatch(line[2], -1) {
		n, _ := strconv.Atoi(m[1])
		name := m[2]
		if name == "held" {
			name = "excluded"
		}
		same("the status' "+m[2], n, counts[name])
		sum += n
	}
	same("the status' sum", sum, len(s.rows))
	for _, m := range tallySaid.FindAllStringSubmatch(s.plain, -1) {
		if m[2] == "upgraded" {
			continue // of how many, with the earlier runs
		}
		same("the heartbeat's "+m[2], m[1], counts[m[2]])
	}
	same("the stream's in flight", at(s.beat, "inFlight"), flying)
	same("the metric in flight", s.metrics["fleetup_in_flight"], flying)
	same("the stream's overdue", at(s.beat, "overdue"), overdue)
	same("the metric overdue", s.metrics["fleetup_overdue"], overdue)
	for where, text := range map[string]string{"the heartbeat": s.plain, "the headline": fmt.Sprint(at(s.status, "headline", "lines"))} {
		n := 0
		if m := flyingSaid.FindStringSubmatch(text); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		same(where+", "+text+", of those in flight", n, flying)
	}
	same("the stream's budget", at(s.beat, "budget"), at(s.status, "run", "budget"))
	same("the metric of the budget", s.metrics["fleetup_budget_used"], at(s.status, "run", "budget", "used"))
	same("the stream's first end", at(s.beat, "endsP50"), at(s.status, "run", "expectedEnd", "p50"))
	same("the stream's last end", at(s.beat, "endsP90"), at(s.status, "run", "expectedEnd", "p90"))
	same("the metric of the status", s.metrics["fleetup_run_status "+at(s.status, "run", "status").(string)], 1)
	same("the metric of the exit code", s.metrics["fleetup_run_exit_code"], at(s.status, "run", "exitCode"))
	waits, _ := at(s.beat, "waits").([]any)
	a, _ := json.Marshal(waits)
	b, _ := json.Marshal(at(s.status, "run", "waits"))
	if string(a) != string(b) && len(waits)+len(at(s.status, "run", "waits").([]any)) > 0 {
		t.Errorf("the stream waits for %s, the status for %s", a, b)
	}
	sentence := at(s.status, "headline", "sentence").(string)
	for where, text := range map[string]string{"the report": s.reportMD, "the page": s.html} {
		if !strings.Contains(strings.ReplaceAll(text, `\`, ""), sentence) {
			t.Errorf("%s does not say %q: %.300s", where, sentence, text)
		}
	}
	for _, part := range []string{"waves", "subscriptions"} {
		sums := map[string]int{}
		for _, x := range s.status[part].([]any) {
			for name, n := range at(x, "totals").(map[string]any) {
				sums[name] += int(n.(float64))
			}
		}
		for _, st := range fleet.Statuses() {
			same("the sum of "+part+" of "+string(st), sums[string(st)], counts[string(st)])
		}
	}
	standing := at(s.beat, "standing").(string)
	if !strings.Contains(sentence, standing) && at(s.status, "run", "live") == true {
		t.Errorf("the stream stands at %s, the headline is %q", standing, sentence)
	}
	for _, w := range s.status["waves"].([]any) {
		for name, n := range at(w, "totals").(map[string]any) {
			key := "fleetup_wave_vaults " + name + " " + at(w, "name").(string)
			if _, shown := s.metrics[key]; shown || n != 0.0 {
				same("the metric "+key, s.metrics[key], n)
			}
		}
	}
}

// TestEverySurfaceAgrees: one night, with whatever a person says to it and
// whatever becomes of its vaults: terminal, lines, stream, status, report, page and
// metrics show the same numbers and times at every moment.
func TestEverySurfaceAgrees(t *testing.T) {
	t.Parallel()
	me := fleet.Actor{User: "ops"}
	n := newNight(t)
	see := func(name string, live bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s := n.look(live)
			s.agree(t)
		})
	}
	pass := func(d time.Duration) { n.now = n.now.Add(d) }
	n.tell(fleet.RunOpened{RunID: "20260316-220000-7f3a9c", PlanFingerprint: n.plan.Fingerprint, By: me})
	see("opened", true)
	n.tell(fleet.WaveOpened{Wave: "canary"})
	for i := range 8 {
		n.tell(fleet.Validated{Vault: n.plan.Vaults[i].Key, Verdict: fleet.VerdictReady})
	}
	see("checked", true)
	for i := range 4 {
		n.start(i)
	}
	pass(5 * time.Minute)
	see("in flight", true)
	n.tell(fleet.StartIntended{Vault: n.plan.Vaults[4].Key, OperationID: "op-4", Attempt: 1})
	see("intended", true)
	n.tell(fleet.StartAnswered{Vault: n.plan.Vaults[4].Key, OperationID: "op-4", Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}})
	see("in doubt", true)
	pass(15 * time.Minute)
	n.end(0, fleet.RecordUpgraded)
	n.end(1, fleet.RecordFailed)
	see("one failed", true)
	n.tell(fleet.LimitsChanged{Upgrades: 1, By: me, Reason: "slow"})
	see("limited", true)
	n.tell(fleet.Held{Vault: n.plan.Vaults[7].Key, By: me, Reason: "legal"})
	see("held", true)
	n.tell(fleet.Paused{By: me, Reason: "incident"})
	see("paused", true)
	pass(10 * time.Hour)
	see("late", true)
	n.end(2, fleet.RecordUpgraded)
	n.end(3, fleet.RecordUpgraded)
	see("paused, one in doubt", true)
	n.tell(fleet.RunSuspended{Why: fleet.SuspendedSignal})
	see("left", false)
	n.tell(fleet.Resumed{By: me})
	see("resumed", true)
	n.tell(fleet.Paused{Off: true, By: me, Reason: "over"})
	see("not paused any more", true)
	n.start(5)
	n.tell(fleet.Stopped{Close: true, By: me, Reason: "withdrawn"})
	see("closing", true)
	n.end(5, fleet.RecordFailed)
	see("closing, another failed", true)
	n.tell(fleet.RunClosed{Code: fleet.ExitFailures})
	see("closed", false)
}

// TestEverySurfaceAgreesOnAHalt is the same of a night that a budget ends, and of
// what is accepted then.
func TestEverySurfaceAgreesOnAHalt(t *testing.T) {
	t.Parallel()
	n := newNight(t)
	n.tell(fleet.RunOpened{RunID: "20260316-220000-7f3a9c", PlanFingerprint: n.plan.Fingerprint}, fleet.WaveOpened{Wave: "canary"})
	for i := range 6 {
		n.tell(fleet.Validated{Vault: n.plan.Vaults[i].Key, Verdict: fleet.VerdictReady})
		if i < 4 {
			n.start(i)
		}
	}
	see := func(name string, live bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s := n.look(live)
			s.agree(t)
		})
	}
	n.now = n.now.Add(20 * time.Minute)
	n.plan.FailureBudget.Count = 0
	n.end(0, fleet.RecordFailed)
	n.tell(fleet.RunHalted{Scope: "run", Failures: 1, Budget: 0})
	see("halting", true)
	if s := n.look(true); !strings.Contains(s.html, `aria-label="Failure budget exceeded"></meter> 1 failure, budget 0: exceeded<`) {
		t.Error("the page does not show that the budget is exceeded")
	}
	n.tell(fleet.Throttled{Subscription: n.plan.Subscriptions[0].ID, Until: n.now.Add(time.Hour)})
	see("halting, throttled", true)
	for i := 1; i < 4; i++ {
		n.end(i, fleet.RecordUpgraded)
	}
	see("halted", true)
	n.tell(fleet.RunSuspended{Why: fleet.SuspendedSignal})
	see("left", false)
	n.tell(fleet.Resumed{}, fleet.FailuresAccepted{Reason: "known"})
	see("accepted", true)
	n.now = n.now.Add(3 * time.Hour)
	see("the window is closed", true)
}
