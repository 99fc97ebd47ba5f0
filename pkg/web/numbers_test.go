package web

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
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
	"github.com/fleetup-dev/fleetup/pkg/notify"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// surfaces is one run as every view of it shows it at a moment.
type surfaces struct {
	status, page, report              map[string]any // as JSON
	tasks                             []telling
	reportText, reportMarkdown, junit string
	statusText, reportMD, html        string
	plain, terminal                   string
	now                               time.Time
	told                              notify.Data    // a notification of this moment
	ends                              string         // the expected end in words, empty for none
	beat                              map[string]any // the stream's heartbeat
	rows                              []map[string]string
	metrics                           map[string]float64
	leftDone                          int // vaults that the run has yet to look at
}

// document is the data of the page.
func (s *surfaces) document(t *testing.T) (d struct {
	Waves []struct {
		Status       string
		Likely, Late int64
	}
	Vaults []struct {
		Vault  string
		Flying bool
		Flags  []string
	}
}) {
	t.Helper()
	_, data, _ := strings.Cut(s.html, `<script type="application/json" id="data">`)
	data, _, ok := strings.Cut(data, "</script>")
	if !ok {
		t.Fatal("the page has no data")
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		t.Fatal(err)
	}
	return d
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

func newNight(t *testing.T, vaults int) *night { return newNightOf(t, vaults, func(*plan.Plan) {}) }

// newNightOf is newNight of a plan that is changed before.
func newNightOf(t *testing.T, vaults int, change func(*plan.Plan)) *night {
	p := fleetPlan(vaults)
	p.Waves[0].Vaults, p.Waves[1].Vaults = nil, nil
	for i := range p.Vaults {
		w := min(i/8, 1)
		p.Vaults[i].Wave = w
		p.Waves[w].Vaults = append(p.Waves[w].Vaults, i)
	}
	// The window of the night is closed while the canary is under way, and opens again.
	p.Calendar = &plan.Calendar{Windows: []plan.Window{{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Start: 21 * 60,
		End: 24*60 - 1, Zone: "UTC"}}}
	change(p)
	n := &night{t: t, plan: p, now: time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC),
		outs: map[string]*bytes.Buffer{"stream": {}, "plain": {}}}
	n.options = report.Options{State: "contoso.db"}
	n.status, n.holder, n.told = rollout.NewState(p), rollout.NewState(p), report.NewTimelineBuilder()
	n.desk = newLiveHub(Run{State: rollout.NewState(p), Options: n.options, Version: "v1"}, "b",
		func() time.Time { return n.now })
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
		events = append(events, fleet.Event{At: n.now, Fact: f})
	}
	n.journal(events)
}

// journal tells everybody of facts that were journalled.
func (n *night) journal(events []fleet.Event) {
	n.t.Helper()
	for _, e := range events {
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
	facts := []fleet.Fact{fleet.Observed{Vault: k, OperationID: op,
		Record: &fleet.Record{OperationID: op, State: how, Message: "Boom", EndedAt: n.now}}}
	if how == fleet.RecordUpgraded {
		facts = append(facts, fleet.Verified{Vault: k, OperationID: op, ResourceID: "/subscriptions/s/vaults/" + op})
	}
	n.tell(facts...)
}

// look takes what every surface shows now, after each has guessed anew when the run
// ends.
func (n *night) look(live bool) surfaces {
	n.t.Helper()
	n.desk.ends.Guess(n.now, nil)
	for _, tr := range []*progress.Tracker{n.stream.Tracker(), n.plain.Tracker()} {
		tr.Carried(live)
		tr.Forecast().Guess(n.now, nil)
	}
	o, err := rollout.Foresee(n.status, n.now, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.see(live, o)
}

// see is look with the guess that was made before.
func (n *night) see(live bool, o rollout.Outlook) surfaces {
	n.t.Helper()
	s := surfaces{now: n.now, leftDone: n.status.Totals.LeftDone().All}
	must := func(err error) {
		n.t.Helper()
		if err != nil {
			n.t.Fatal(err)
		}
	}
	n.desk.over = !live
	for _, tr := range []*progress.Tracker{n.stream.Tracker(), n.plain.Tracker()} {
		tr.Carried(live)
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
	n.alsoListed(&s, live, func(f layout.Format) string { return write(f, whole) })
	cells, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(write(layout.FormatCSV, whole),
		"\ufeff"))).ReadAll()
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
	s.terminal = strings.Join(n.stream.Tracker().Live(n.now, 250, 200, false), "\n")
	told := notify.NewEventBuilder(0)
	told.Ledger = n.options.State
	told.Ends = func() *report.ExpectedEnd {
		r := n.plain.Tracker().Forecast().Remaining(n.now)
		return report.ExpectedEndOf(r.Likely, r.If)
	}
	event := told.Broken(n.status, n.now, errors.New("gone"))
	if live {
		event = told.Events(n.status, []fleet.Event{{At: n.now, Fact: fleet.Paused{Off: true}}})[0]
	}
	s.told = event.WithExpectedEnd().Data
	if e := v.Run.ExpectedEnd; e != nil {
		s.ends = e.Words(nil, n.now)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(&gauges{n.desk})
	families, err := registry.Gather()
	must(err)
	s.metrics = map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if slices.Contains([]string{"status", "wave", "percentile"}, l.GetName()) {
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
	flyingSaid  = regexp.MustCompile(`(\d+) (?:upgrades? (?:is|are) )?in flight`)
	tallySaid   = regexp.MustCompile(`(\d+) (upgraded|by earlier runs|by others meanwhile|already|failed|unknown|blocked|busy|deferred|held|pending|ready|upgrading|starting|validating)`)
	alreadySaid = regexp.MustCompile(`(?i)(\d+) (by earlier runs|by others meanwhile|already)\b`)
	tileSaid    = regexp.MustCompile(`<b>(\d+)</b> <span>(by earlier runs|by others meanwhile|already)</span>`)
	verdictLine = regexp.MustCompile(`(?m)^.* of \d+ vaults? upgraded.*$`)
	tallyLine   = regexp.MustCompile(`(?m)^.*· \d+ (?:by earlier runs|by others meanwhile|already)\b.*$`)
	vaultsLine  = regexp.MustCompile(`(?m)^Vaults +(\d+) = (.*)$`)
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
	already := map[string]int{}
	for _, v := range s.status["vaults"].([]any) {
		st := at(v, "status").(string)
		counts[st]++
		if st == "already" {
			switch {
			case at(v, "earlier") == true:
				already["by earlier runs"]++
			case at(v, "meanwhile") == true:
				already["by others meanwhile"]++
			default:
				already["already"]++
			}
		}
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
		want := counts[name]
		if alreadySaid.MatchString(m[0]) {
			want = already[name]
		}
		same("the status' "+m[2], n, want)
		sum += n
	}
	same("the status' sum", sum, len(s.rows))
	const notByTheRun = ", of those that are so without the run"
	for where, line := range map[string]string{"the status' Vaults": line[2],
		"the status' verdict":  verdictLine.FindString(s.statusText),
		"the terminal's tally": tallyLine.FindString(s.terminal)} {
		same(where+" "+line+notByTheRun, countsSaid(alreadySaid, line), already)
	}
	same("the page"+notByTheRun, countsSaid(tileSaid, s.html), already)
	s.overallAgrees(t, same, already["by earlier runs"])
	if sentence := at(s.status, "headline", "sentence").(string); at(s.status, "run", "night") == nil {
		same("the headline "+sentence+notByTheRun, countsSaid(alreadySaid, sentence), already)
	}
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
	for where, text := range map[string]string{"the heartbeat": s.plain,
		"the headline": fmt.Sprint(at(s.status, "headline", "lines"))} {
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
	s.flightsAgree(t, same, flying)
	s.tasksAgree(t, same)
	s.listAgrees(t)
	s.endsAgree(t, same)
	s.wavesAgree(t, same)
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

// countsSaid are the numbers in a text, by what each is of.
func countsSaid(re *regexp.Regexp, text string) map[string]int {
	out := map[string]int{}
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		out[strings.ToLower(m[2])] += n
	}
	return out
}

// list is a list of JSON by one name of its objects, of those that keep.
func list(v any, name string, keep func(any) bool) (out []string) {
	all, _ := v.([]any)
	for _, x := range all {
		if keep(x) {
			out = append(out, fmt.Sprint(at(x, name)))
		}
	}
	return out
}

var (
	inFlightHead = regexp.MustCompile(`(?m)^In flight (\d+),`)
	inFlightLine = regexp.MustCompile(`(?m)^(?:  |! |!!|\? ) +\S+ (?:of \S+)? +(?:upgrading|starting|past median|BEYOND P90|OVERDUE|not ours|IN DOUBT) +(\S+)`)
	needHead     = regexp.MustCompile(`(?m)^(?:Need a person|NEEDS A PERSON): (\d+) vaults?(?:, \d+ of them blocked)?$`)
	needLine     = regexp.MustCompile(`(?m)^  (?:FAILED |UNKNOWN|BLOCKED)  (\S+)`)
	endsLine     = regexp.MustCompile(`(?m)^(?:ENDS|Ends) +(.*)$`)
	figureOfEnd  = regexp.MustCompile(`<dt>Expected end</dt><dd>([^<]*)</dd>`)
)

// said is what a text says at the first match of a pattern, or what there is without.
func said(re *regexp.Regexp, text, without string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return without
}

// flightsAgree compares what is in flight, one by one.
func (s *surfaces) flightsAgree(t *testing.T, same func(where string, got, want any), flying int) {
	t.Helper()
	all := list(s.status["inFlight"], "vault", func(any) bool { return true })
	ours := list(s.status["inFlight"], "vault", func(x any) bool { return at(x, "foreign") == false })
	same("the list of those in flight", len(ours), flying)
	same("the terminal's head of those in flight", said(inFlightHead, s.terminal, "0"), flying)
	var lines, page []string
	for _, m := range inFlightLine.FindAllStringSubmatch(s.terminal, -1) {
		lines = append(lines, m[1])
	}
	same("the terminal's list of those in flight", lines, all)
	for _, v := range s.document(t).Vaults {
		if v.Flying {
			page = append(page, v.Vault)
		}
	}
	same("the page's rows in flight", page, slices.Sorted(slices.Values(ours)))
	for late, key := range map[string]string{"overdue": "overdue", "beyond-p90": "beyondP90"} {
		n := len(list(s.status["inFlight"], "vault", func(x any) bool { return at(x, "late") == late }))
		same("the stream's "+key, at(s.beat, key), n)
	}
	same("the notification's in flight", s.told.InFlight, flying)
	if m := regexp.MustCompile(`(?m)^IN FLIGHT: (\d+) vault`).FindStringSubmatch(s.statusText); flying > 0 || m != nil {
		same("the status' section of those in flight", m[1], flying)
	}
}

// tasksAgree compares what a person has to do, and for which vaults.
func (s *surfaces) tasksAgree(t *testing.T, same func(where string, got, want any)) {
	t.Helper()
	about, tasks := map[string]bool{}, 0
	for _, a := range s.status["actions"].([]any) {
		if at(a, "person") == true {
			tasks++
			for _, name := range at(a, "vaults").([]any) {
				about[name.(string)] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(about))
	same("the metric of tasks", s.metrics["fleetup_tasks"], tasks)
	same("the page's tasks", strings.Count(s.html, `<li id="task-`), tasks)
	same("the stream's vaults that need a person", at(s.beat, "needPerson"), len(names))
	same("the notification's vaults that need a person", s.told.NeedPerson, len(names))
	for where, text := range map[string]string{"the terminal": s.terminal, "the status": s.statusText} {
		same(where+"'s head of what needs a person", said(needHead, text, "0"), len(names))
	}
	var lines []string
	for _, m := range needLine.FindAllStringSubmatch(s.terminal, -1) {
		lines = append(lines, m[1])
	}
	same("the terminal's list of what needs a person", slices.Sorted(slices.Values(lines)), names)
	sentence := at(s.status, "headline", "sentence").(string)
	same("no action needed, says the headline "+sentence, strings.Contains(sentence, "NO ACTION NEEDED"), tasks == 0)
	same("the notification's phase", s.told.Phase, at(s.status, "run", "phase"))
	for _, st := range fleet.Statuses() {
		n, _ := at(s.status, "totals", string(st)).(float64)
		same("the notification's "+string(st), s.told.Totals[st], int(n))
	}
}

// wavesAgree compares the words for how each wave stands.
func (s *surfaces) wavesAgree(t *testing.T, same func(where string, got, want any)) {
	t.Helper()
	for i, w := range s.status["waves"].([]any) {
		name := at(w, "name").(string)
		word := lexicon.WaveWord(standing.WaveStatus(at(w, "status").(string)))
		column := said(regexp.MustCompile(`(?m)^`+name+`  +(\S+(?: \S+)*)  `), s.statusText, "")
		if left := []string{"interrupted", "paused", "waiting"}; word == "running" && slices.Contains(left, column) &&
			at(s.status, "run", "live") != true {
			word = column // a program's word is another
		}
		same("the status' word of wave "+name, column, word)
		same("the page's word of wave "+name,
			said(regexp.MustCompile(`<tr><th scope="row">`+name+`</th><td class="w-\S+">([^<]*)</td>`), s.html, ""), word)
		same("the page's data on wave "+name, s.document(t).Waves[i].Status, word)
		bar := said(regexp.MustCompile(`(?m)^`+name+` *[█░]+ \d+/\d+ ([^·\n]*?)(?: ·.*| until .*)?$`), s.terminal, "")
		if !strings.HasSuffix(bar, "%") { // how far a wave is says more than that it runs
			same("the terminal's word of wave "+name, bar, word)
		} else if !slices.Contains([]string{"running", "halted", "interrupted", "paused", "waiting"}, word) {
			t.Errorf("the terminal says %s of wave %s, which is %s", bar, name, word)
		}
	}
}

// endsAgree compares when the run, and each wave, is expected to end.
func (s *surfaces) endsAgree(t *testing.T, same func(where string, got, want any)) {
	t.Helper()
	same("the terminal's end", said(endsLine, s.terminal, ""), s.ends)
	same("the status' end", said(endsLine, s.statusText, ""), s.ends)
	same("the page's end", said(figureOfEnd, s.html, ""), s.ends)
	millis := func(v any) int64 {
		text, _ := v.(string)
		if text == "" {
			return 0
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMilli()
	}
	told := ""
	if e := s.told.ExpectedEnd; e != nil {
		told = e.Words(nil, s.now)
	}
	same("the notification's end", told, s.ends)
	measured := func(where string, e any, metric string, labels ...string) {
		for _, p := range []string{"50", "90"} {
			want := float64(millis(at(e, "p"+p))) / 1000
			same("the metric of "+where+", "+p, s.metrics[strings.Join(append([]string{metric, p}, labels...), " ")],
				want)
		}
	}
	measured("the run's end", at(s.status, "run", "expectedEnd"), "fleetup_run_expected_end_timestamp_seconds")
	page := s.document(t).Waves
	for i, w := range s.status["waves"].([]any) {
		measured(fmt.Sprint("wave ", i), at(w, "expectedEnd"), "fleetup_wave_expected_end_timestamp_seconds",
			at(w, "name").(string))
		same(fmt.Sprint("the page's end of wave ", i), [2]int64{page[i].Likely, page[i].Late},
			[2]int64{millis(at(w, "expectedEnd", "p50")), millis(at(w, "expectedEnd", "p90"))})
	}
}

// TestEverySurfaceAgrees: one night, with whatever a person says to it and
// whatever becomes of its vaults: terminal, lines, stream, status, report, page and
// metrics show the same numbers and times at every moment.
func TestEverySurfaceAgrees(t *testing.T) {
	t.Parallel()
	me := fleet.Actor{User: "ops"}
	n := newNight(t, 12)
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
	n.tell(fleet.AccessDenied{Subscription: n.plan.Subscriptions[0].ID, Detail: "token expired"})
	see("without access", true)
	n.tell(fleet.AccessDenied{Subscription: n.plan.Subscriptions[0].ID, Off: true})
	n.tell(fleet.StartIntended{Vault: n.plan.Vaults[4].Key, OperationID: "op-4", Attempt: 1})
	see("intended", true)
	n.tell(fleet.StartAnswered{Vault: n.plan.Vaults[4].Key, OperationID: "op-4",
		Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}})
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
	n := newNight(t, 12)
	n.tell(fleet.RunOpened{RunID: "20260316-220000-7f3a9c", PlanFingerprint: n.plan.Fingerprint},
		fleet.WaveOpened{Wave: "canary"})
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
	if s := n.look(true); !strings.Contains(s.html,
		`aria-label="Failure budget exceeded"></meter> 1 failure, budget 0: exceeded<`) {
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
	for where, said := range map[string][2]string{
		"the status":   {n.look(true).statusText, "0 of 0 failures used, 1 more accepted by a person"},
		"the page":     {n.look(true).html, "0 of 0 used, 1 more accepted by a person<"},
		"the terminal": {n.look(true).terminal, "budget 0 of 0 +1 accepted"},
	} {
		if !strings.Contains(said[0], said[1]) {
			t.Errorf("%s does not say %q", where, said[1])
		}
	}
	n.now = n.now.Add(3 * time.Hour)
	see("the window is closed", true)
}
