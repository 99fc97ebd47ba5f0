package web

import (
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// telling is a task as every surface must tell it.
type telling struct {
	kind   standing.TaskKind
	person bool
	code   string
	vaults []string
	steps  []string
}

func (x telling) String() string {
	return fmt.Sprintf("%s person=%t %s %v: %s", x.kind, x.person, x.code, x.vaults, strings.Join(x.steps, " | "))
}

// tellings are the tasks of the run, as standing makes them.
func (n *night) tellings(live bool) (all []telling) {
	names := n.plan.Names()
	for _, k := range standing.Tasks(n.status, standing.TaskOptions{Live: live, Now: n.now,
		Vaults: standing.EveryVault(n.status)}) {
		x := telling{kind: k.Kind, person: k.Person, code: k.Code}
		for _, i := range k.Vaults {
			x.vaults = append(x.vaults, names[i])
		}
		for _, s := range report.Steps(k.Steps) {
			x.steps = append(x.steps, s.On(n.options.State))
		}
		all = append(all, x)
	}
	return all
}

// tellingsOf are the tasks in a document.
func tellingsOf(doc map[string]any) (all []telling, titles []string) {
	actions, _ := doc["actions"].([]any)
	any1 := func(any) bool { return true }
	for _, a := range actions {
		x := telling{kind: standing.TaskKind(at(a, "do").(string)), person: at(a, "person").(bool)}
		x.code, _ = at(a, "code").(string)
		for _, name := range at(a, "vaults").([]any) {
			x.vaults = append(x.vaults, name.(string))
		}
		x.steps = list(at(a, "steps"), "command", any1)
		all, titles = append(all, x), append(titles, at(a, "title").(string))
	}
	return all, titles
}

var (
	toDoItem = regexp.MustCompile(`^  (\d+)  (.*)$`)
	pageTask = regexp.MustCompile(`<li id="task-([a-z-]+?)-\d+"`)
	markup   = regexp.MustCompile(`<[^>]*>`)
	pageCalm = regexp.MustCompile(`(?s)<ul class="calm">(.*?)</ul>`)
)

// listAgrees compares the list of what there is to do, as a list: which tasks, in which
// order, about which vaults, with which commands.
func (s *surfaces) listAgrees(t *testing.T) {
	t.Helper()
	same := func(where string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s lists\n%v\nthe tasks are\n%v", where, got, want)
		}
	}
	var titles []string
	for where, doc := range map[string]map[string]any{"the status": s.status, "the report": s.report,
		"the page": s.page} {
		var got []telling
		got, titles = tellingsOf(doc)
		same(where+"'s JSON", got, s.tasks)
	}
	// for people: what is for a person by its number, then what is not, but for holds
	var wantText, wantKinds, calm []string
	first, red := map[string]standing.TaskKind{}, map[string]bool{}
	for i, x := range s.tasks {
		switch {
		case x.person:
			wantText = append(wantText, titles[i])
			wantKinds = append(wantKinds, string(x.kind))
		default:
			calm = append(calm, titles[i])
			if x.kind != standing.TaskRelease {
				wantText = append(wantText, titles[i])
			}
		}
		for _, v := range x.vaults {
			if first[v] == "" {
				first[v] = x.kind
			}
			red[v] = red[v] || x.person
		}
	}
	var text []string
	_, body, _ := strings.Cut(s.reportText, "\nTO DO\n")
	for _, line := range strings.Split(body, "\n") {
		if m := toDoItem.FindStringSubmatch(line); m != nil {
			same("the report's number of "+line, m[1], len(text)+1)
			line = "  " + m[2]
		}
		switch {
		case strings.HasPrefix(line, "Vaults "):
			line = "end"
		case strings.HasPrefix(line, "  Nothing"), strings.HasPrefix(line, "    "), !strings.HasPrefix(line, "  "):
			continue // what is to be typed for it is looked for below
		}
		if line == "end" {
			break
		}
		text = append(text, strings.TrimSpace(line))
	}
	same("the report for people", text[:min(len(text), len(wantText))], wantText)
	var kinds []string
	for _, m := range pageTask.FindAllStringSubmatch(s.html, -1) {
		kinds = append(kinds, m[1])
	}
	same("the page", kinds, wantKinds)
	var told []string
	if m := pageCalm.FindStringSubmatch(s.html); m != nil {
		told = strings.Split(m[1], "</li>")
		told = told[:len(told)-1]
	}
	same("the page's count of what comes right by itself", len(told), len(calm))
	for i := range min(len(told), len(calm)) {
		if !strings.Contains(html.UnescapeString(told[i]), calm[i]) {
			t.Errorf("the page tells %q in the place of %q", told[i], calm[i])
		}
	}
	page := markup.ReplaceAllString(s.html, "")
	listed, _, _ := strings.Cut(s.reportText, "\nNext") // what the page ends with stands beside no task
	marked, _, _ := strings.Cut(s.reportMarkdown, "\n**Next")
	for _, x := range s.tasks {
		for _, step := range x.steps {
			for where, shown := range map[string]string{"the report": listed,
				"the report in Markdown": marked, "the page": html.UnescapeString(page)} {
				if !strings.Contains(shown, step) {
					t.Errorf("%s tells nowhere to type %q for task %s", where, step, x)
				}
			}
		}
	}
	for _, row := range s.rows {
		same("the CSV's do of "+row["vault"], row["do"], first[row["vault"]])
	}
	var suites struct {
		Suites []struct {
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(s.junit), &suites); err != nil {
		t.Fatal(err)
	}
	for _, suite := range suites.Suites {
		for _, c := range suite.Cases {
			same("that JUnit has red "+c.Name, c.Failure != nil || c.Error != nil, red[c.Name])
		}
	}
	next := ""
	if all := s.status["next"].([]any); len(all) > 0 {
		next = at(all[0], "command").(string)
	}
	if at(s.status, "run", "endedAt") == nil { // of one that is over it tells to look at the report
		same("what the notification tells to type next", report.ValueOf(s.told.Next), next)
	}
	ofRun := func(x telling) bool { return x.person && len(x.vaults) == 0 && len(x.steps) > 0 }
	if i := slices.IndexFunc(s.tasks, ofRun); i >= 0 {
		commands := list(s.status["next"], "command", func(any) bool { return true })
		for _, step := range s.tasks[i].steps {
			if !slices.Contains(commands, step) && !strings.Contains(step, " preflight ") {
				t.Errorf("next is %v, without %q of task %s", commands, step, s.tasks[i])
			}
		}
	}
}

// alsoListed takes the surfaces that only the list of tasks is looked for in.
func (n *night) alsoListed(s *surfaces, live bool, write func(layout.Format) string) {
	s.tasks, s.reportText, s.junit = n.tellings(live), write(layout.FormatTable), write(layout.FormatJUnit)
	s.reportMarkdown = write(layout.FormatMarkdown)
}
