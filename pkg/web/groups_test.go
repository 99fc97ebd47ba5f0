package web

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// counted are the numbers that a table shows of a wave or a subscription.
type counted struct{ vaults, upgraded, failed, unknown, blocked, other, held int }

// tableRows reads a table of waves or subscriptions as people see it: the cells of the
// lines after a head whose first word is given, by the names of the columns.
func tableRows(t *testing.T, text, first string) map[string]counted {
	t.Helper()
	rows := map[string]counted{}
	var head []string
	for line := range strings.Lines(text) {
		cells := strings.Fields(strings.NewReplacer("|", " ", "\\", "", "TO START", "TO-START", "AT ONCE", "AT-ONCE",
			"HALTS AFTER", "HALTS-AFTER", " in the run", "-in-the-run",
			"END p", "END-p", "Mon ", "Mon-", "Tue ", "Tue-", "Wed ", "Wed-").Replace(line))
		switch {
		case len(cells) > 0 && cells[0] == first:
			head = cells
		case head == nil || strings.Contains(line, "---"):
		case len(cells) == 0:
			head = nil
		default:
			var c counted
			for name, into := range map[string]*int{"VAULTS": &c.vaults, "UPGRADED": &c.upgraded, "FAILED": &c.failed,
				"UNKNOWN": &c.unknown,
				"BLOCKED": &c.blocked, "OTHER": &c.other, "HELD": &c.held} {
				for i := range head {
					if head[i] == name {
						if _, err := fmt.Sscan(cells[i], into); err != nil {
							t.Fatalf("%s of %q: %v", name, line, err)
						}
					}
				}
			}
			rows[cells[0]] = c
		}
	}
	if len(rows) == 0 {
		t.Fatalf("no table of %s in %s", first, text)
	}
	return rows
}

var (
	pageRow  = regexp.MustCompile(`<tr><th scope="row">([^<]*)</th>(?:<td class="w-[^<]*</td>)?<td class="bar-column">.*?aria-label="(\d+) of (\d+) decided">.*?</td>((?:<td class="n">\d+</td>)+)`)
	pageCell = regexp.MustCompile(`<td class="n">(\d+)</td>`)
	liveBar  = regexp.MustCompile(`(?m)^(\S+) +[█░]* *(\d+)/(\d+) `)
)

// TestEveryTableCountsTheSame: a second night with vaults that are held by the inventory
// and by a person, done before, failed before, blocked, failed, unknown and upgraded.
// Whatever shows a wave or a subscription shows the same numbers under the same words,
// held vaults apart; so does whatever sums the run up.
func TestEveryTableCountsTheSame(t *testing.T) {
	t.Parallel()
	n := newNightOf(t, 12, func(p *plan.Plan) {
		p.Calendar = nil
		p.Vaults[0].Hold = &fleet.Hold{Reason: "legal freeze"}
		p.Subscriptions = append(p.Subscriptions,
			fleet.Subscription{ID: "8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03", Name: "dev"})
		for _, i := range []int{0, 1, 4, 8, 11} {
			p.Vaults[i].SubscriptionID, p.Vaults[i].SubscriptionName = p.Subscriptions[1].ID, "dev"
		}
	})
	me, p := fleet.Actor{User: "ops"}, n.plan
	key := func(i int) fleet.Key { return p.Vaults[i].Key }
	opened := fleet.RunOpened{RunID: "20260316-220000-7f3a9c", PlanFingerprint: p.Fingerprint, By: me,
		Upgraded: []fleet.Key{key(1), key(2)},
		Carried:  []fleet.Carried{{Vault: key(3), Status: fleet.Failed, OperationID: "old"}}}

	// The plan first: it knows of no person's hold yet.
	memory := rollout.Memory{Carried: map[fleet.Key]fleet.Carried{key(3): opened.Carried[0]},
		AsWanted: map[fleet.Key]rollout.AsWanted{key(1): {Run: "r1", Ours: true}, key(2): {Run: "r1", Ours: true}}}
	planned := func(f layout.Format) string {
		var b bytes.Buffer
		if err := dryrun.Plan(&b, p, dryrun.PlanOptions{Format: f, Memory: memory, Now: n.now}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	n.tell(opened)
	before := n.look(true)
	var doc struct {
		Waves []struct {
			Name              string
			Of, Held, ToStart int
			Vaults            []any
		}
	}
	if err := json.Unmarshal([]byte(planned(layout.FormatJSON)), &doc); err != nil {
		t.Fatal(err)
	}
	table := tableRows(t, planned(layout.FormatTable), "WAVE")
	for i, w := range doc.Waves {
		var x report.Wave
		remarshal(t, before.status["waves"].([]any)[i], &x)
		if c := table[w.Name]; c.vaults != x.Of || c.held != x.Held || w.Of != x.Of || w.Held != x.Held ||
			w.ToStart != len(w.Vaults) {
			t.Errorf("the plan says of wave %s %d vaults, %d held (%d and %d in its JSON), the run %d and %d", w.Name,
				c.vaults, c.held, w.Of, w.Held, x.Of, x.Held)
		}
	}

	n.tell(fleet.WaveOpened{Wave: "canary"},
		fleet.Validated{Vault: key(1), Verdict: fleet.VerdictAlready},
		fleet.Validated{Vault: key(2), Verdict: fleet.VerdictAlready},
		fleet.Validated{Vault: key(4), Verdict: fleet.VerdictBlocked,
			Findings: []fleet.Finding{{Severity: fleet.SeverityError, Code: "locked", Message: "locked"}}},
		fleet.Validated{Vault: key(5), Verdict: fleet.VerdictReady},
		fleet.Validated{Vault: key(6), Verdict: fleet.VerdictReady},
		fleet.Held{Vault: key(7), By: me, Reason: "a restore"})
	n.start(5)
	n.start(6)
	compareGroups(t, n, "under way", true)
	n.now = n.now.Add(20 * time.Minute)
	n.end(5, fleet.RecordUpgraded)
	n.end(6, fleet.RecordFailed)
	n.tell(fleet.WaveDone{Wave: "canary"}, fleet.WaveOpened{Wave: "rest"},
		fleet.Held{Vault: key(11), By: me, Reason: "a restore"},
		fleet.Validated{Vault: key(8), Verdict: fleet.VerdictReady},
		fleet.Validated{Vault: key(9), Verdict: fleet.VerdictAlready},
		fleet.Validated{Vault: key(10), Verdict: fleet.VerdictReady})
	n.start(10)
	n.tell(fleet.StartIntended{Vault: key(8), OperationID: "op-8", Attempt: 1},
		fleet.StartAnswered{Vault: key(8), OperationID: "op-8", Answer: fleet.StartAnswer{Verdict: fleet.StartUnknown}},
		fleet.DeadlinePassed{Vault: key(8), Deadline: fleet.DeadlineReconcile})
	compareGroups(t, n, "the second wave", true)
	n.end(10, fleet.RecordUpgraded)
	n.tell(fleet.WaveDone{Wave: "rest"}, fleet.RunClosed{Code: fleet.ExitFailures})
	compareGroups(t, n, "closed", false)
}

func remarshal(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// compareGroups holds every table of waves and subscriptions, and every sentence that
// sums the run up, against the vaults.
func compareGroups(t *testing.T, n *night, when string, live bool) {
	t.Helper()
	s := n.look(live)
	s.agree(t)
	waves, subs, all := map[string]counted{}, map[string]counted{}, counted{}
	already, earlier := 0, 0
	count := func(c counted, status string) counted {
		switch status {
		case "excluded":
			c.held++
			return c
		case "upgraded":
			c.upgraded++
		case "failed":
			c.failed++
		case "unknown":
			c.unknown++
		case "blocked":
			c.blocked++
		default:
			c.other++
		}
		c.vaults++
		return c
	}
	for _, v := range s.status["vaults"].([]any) {
		st, wave, sub := at(v, "status").(string), at(v, "wave").(string), at(v, "subscriptionName").(string)
		waves[wave], subs[sub], all = count(waves[wave], st), count(subs[sub], st), count(all, st)
		switch {
		case st == "already" && at(v, "earlier") == true:
			earlier++
		case st == "already":
			already++
		}
	}
	if all.held < 2 || all.blocked == 0 || already+earlier == 0 || all.failed == 0 {
		t.Fatalf("%s: the night is too plain: %+v, %d already, %d by earlier runs", when, all, already, earlier)
	}
	var markdown, whole bytes.Buffer
	v := report.FromState(n.status, report.ViewOptions{Live: live, Now: n.now, Timeline: n.told})
	for f, b := range map[layout.Format]*bytes.Buffer{layout.FormatMarkdown: &markdown, layout.FormatTable: &whole} {
		o := n.options
		o.Format = f
		if err := report.Report(b, v, o); err != nil {
			t.Fatal(err)
		}
	}
	same := func(where, name string, got, want counted) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s says of %s %+v, its vaults say %+v", when, where, name, got, want)
		}
	}
	for where, text := range map[string]string{"status": s.statusText, "the report": whole.String(),
		"the Markdown": markdown.String()} {
		for name, c := range tableRows(t, text, "WAVE") {
			same(where, name, c, waves[name])
		}
	}
	for name, c := range tableRows(t, whole.String(), "SUBSCRIPTION") {
		same("the report", name, c, subs[name])
	}
	var page int
	for _, m := range pageRow.FindAllStringSubmatch(s.html, -1) {
		var c counted
		cells := pageCell.FindAllStringSubmatch(m[4], -1)
		for i, into := range []*int{&c.vaults, &c.upgraded, &c.failed, &c.unknown, &c.blocked, &c.other, &c.held} {
			if _, err := fmt.Sscan(cells[i][1], into); err != nil {
				t.Fatal(err)
			}
		}
		want, ok := waves[m[1]]
		if !ok {
			want = subs[m[1]]
		}
		same("the page", m[1], c, want)
		if m[3] != fmt.Sprint(want.vaults) {
			t.Errorf("%s: the page has %s of %s decided, of %d", when, m[2], m[3], want.vaults)
		}
		page++
	}
	if page != len(waves)+len(subs) {
		t.Errorf("%s: the page shows %d waves and subscriptions", when, page)
	}
	for part, want := range map[string]map[string]counted{"waves": waves, "subscriptions": subs} {
		for _, x := range s.status[part].([]any) {
			w := want[at(x, "name").(string)]
			if at(x, "of") != float64(w.vaults) || at(x, "held") != float64(w.held) {
				t.Errorf("%s: the JSON says %v and %v held of %s, the vaults %+v", when, at(x, "of"), at(x, "held"),
					at(x, "name"), w)
			}
		}
	}
	bars := liveBar.FindAllStringSubmatch(strings.Join(progress.Live(n.status, n.now, 120, 40, false), "\n"), -1)
	if len(bars) != len(waves) {
		t.Errorf("%s: the live view shows the waves %v", when, bars)
	}
	for _, m := range bars {
		if m[3] != fmt.Sprint(waves[m[1]].vaults) {
			t.Errorf("%s: the live view has %s of %s of wave %s, whose vaults are %+v", when, m[2], m[3], m[1],
				waves[m[1]])
		}
	}
	// What sums the run up.
	o, headline := s.status["overall"], at(s.status, "headline", "sentence").(string)
	if at(o, "of") != float64(all.vaults) || at(o, "held") != float64(all.held) {
		t.Errorf("%s: overall %v, the vaults %+v", when, o, all)
	}
	for where, text := range map[string]string{"the status": s.statusText, "the plain lines": s.plain} {
		if want := fmt.Sprintf("%d of %d vaults upgraded", all.upgraded, all.vaults); !strings.Contains(text, want) &&
			(live || where == "the status") {
			t.Errorf("%s: %s does not say %q: %s", when, where, want, text)
		}
	}
	past := "; " + strconv.Itoa(earlier) + " by earlier runs"
	if already > 0 {
		past += ", " + strconv.Itoa(already) + " already"
	}
	if want := past; !strings.Contains(s.statusText, want) {
		t.Errorf("%s: the status does not say %q: %s", when, want, s.statusText)
	}
	if !strings.Contains(headline, "NIGHT") &&
		!strings.Contains(headline, fmt.Sprintf("%d OF %d UPGRADED", all.upgraded, all.vaults)+
			strings.ToUpper(strings.Replace(past, ";", ",", 1))) {
		t.Errorf("%s: the headline is %q", when, headline)
	}
	// A suite's tests are all vaults of its wave; what is held is skipped, by that word.
	opts := n.options
	opts.Format = layout.FormatJUnit
	var b bytes.Buffer
	var suites struct {
		Suite []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Case  []struct {
				Skipped string `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := report.Report(&b, v, opts); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	for _, x := range suites.Suite {
		held := 0
		for _, c := range x.Case {
			if strings.HasPrefix(c.Skipped, "held: ") {
				held++
			}
		}
		if w := waves[x.Name]; x.Tests != w.vaults+w.held || held != w.held {
			t.Errorf("%s: the suite of %s has %d tests, %d held; its vaults are %+v", when, x.Name, x.Tests, held, w)
		}
	}
}
