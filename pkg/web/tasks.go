package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// task is something that a person has to do, as the page shows it.
type task struct {
	ID      string       // for what is open to stay open
	Icon    fleet.Status // empty: about the run as a whole
	Title   string
	Detail  string
	Before  string
	Steps   []taskStep
	Message string // to send
	Items   int    // machines and the like, each counted once
	Count   int    // the vaults it is about
	Vaults  []taskVault
	More    int    // further vaults that are not listed here
	Open    bool   // short enough to be shown at once
	List    string // their indexes, for a list to take away
}

// taskStep is a command to paste, and what must be so first.
type taskStep struct{ When, Command string }

// taskVault is one vault of a task.
type taskVault struct {
	Index int // in the view
	Vault string
	Notes []string
	Pairs []pair

	Tables []taskTable // machines and the like
}

// taskTable is a list of what a finding names, below what its columns are.
type taskTable struct {
	Heading string
	Items   []string
}

type pair struct{ Name, Value string }

// calmNote is what comes right by itself.
type calmNote struct {
	Icon   fleet.Status
	Title  string
	Detail string
	Steps  []taskStep
}

// shownAtOnce is how many vaults of a task are shown without a click.
const shownAtOnce = 12

// tasksOf parts the actions of a worded view into what a person has to do and
// what comes right by itself. At most limit vaults of a task are listed; 0 is
// all of them.
func tasksOf(v *report.View, c clock, limit int) (ts []task, calm []calmNote) {
	index := make(map[string]int, len(v.Vaults))
	for i := range v.Vaults {
		index[v.Vaults[i].Vault] = i
	}
	same := map[standing.TaskKind]int{}
	for i := range v.Actions {
		a := &v.Actions[i]
		same[a.Do]++
		if !a.Person {
			calm = append(calm, calmNote{Icon: iconOf(a), Title: c.told(lexicon.Clean(a.Title)),
				Detail: c.told(detailBeside(a)), Steps: taskStepsOf(a)})
			continue
		}
		t := task{ID: fmt.Sprintf("%s-%d", a.Do, same[a.Do]), Icon: iconOf(a), Title: c.told(lexicon.Clean(a.Title)),
			Detail: c.told(lexicon.Clean(report.ValueOf(a.Detail))),
			Steps:  taskStepsOf(a), Items: len(a.Items), Count: len(a.Vaults),
			Open: len(a.Vaults) <= shownAtOnce}
		if a.Before != nil {
			t.Before = c.short(a.Before)
		}
		if a.Message != nil {
			t.Message = a.Message.String()
		}
		var all []string
		for n, name := range a.Vaults {
			at := index[name]
			all = append(all, fmt.Sprint(at))
			if limit > 0 && n >= limit {
				t.More++
				continue
			}
			t.Vaults = append(t.Vaults, taskVaultOf(&v.Vaults[at], at, a, c))
		}
		t.List = strings.Join(all, " ")
		t.lift()
		ts = append(ts, t)
	}
	return ts, calm
}

// taskStepsOf are the steps of an action, the first one first.
func taskStepsOf(a *report.Action) (steps []taskStep) {
	for i := range a.Steps {
		s := &a.Steps[i]
		steps = append(steps, taskStep{When: lexicon.Clean(s.When), Command: lexicon.Clean(s.Command)})
	}
	return steps
}

// detailBeside is an action's detail, unless its title says it already.
func detailBeside(a *report.Action) string {
	d := lexicon.Clean(report.ValueOf(a.Detail))
	if strings.Contains(a.Title, report.ValueOf(a.Detail)) {
		return ""
	}
	return d
}

func iconOf(a *report.Action) fleet.Status {
	switch a.Do {
	case standing.TaskSupport, standing.TaskReopen:
		return fleet.Failed
	case standing.TaskDecide:
		return fleet.Unknown
	case standing.TaskMend, standing.TaskConsent:
		return fleet.Blocked
	case standing.TaskRelease:
		return fleet.Excluded
	case standing.TaskWait:
		if s := fleet.Status(report.ValueOf(a.Code)); s == fleet.Busy || s == fleet.Deferred {
			return s
		}
		return fleet.Blocked
	}
	return ""
}

// taskVaultOf says of a vault what its task needs to be done.
func taskVaultOf(x *report.Vault, at int, a *report.Action, c clock) taskVault {
	p := taskVault{Index: at, Vault: x.Vault}
	if x.Carried {
		p.Notes = append(p.Notes, "from before this run")
	}
	if x.Accepted {
		p.Notes = append(p.Notes, "accepted by a person")
	}
	add := func(name, value string) {
		if value != "" {
			p.Pairs = append(p.Pairs, pair{name, value})
		}
	}
	for i := range x.Findings {
		if f := &x.Findings[i]; report.ValueOf(f.Code) == report.ValueOf(a.Code) && f.Severity != fleet.SeverityInfo {
			add("Message", c.told(report.ValueOf(f.Message)))
			if heading, rows := fleet.Columns(f.Items); len(rows) > 0 {
				p.Tables = append(p.Tables, taskTable{heading, rows})
			}
		}
	}
	if a.Do != standing.TaskSupport && a.Do != standing.TaskReopen && a.Do != standing.TaskDecide {
		return p
	}
	if len(p.Pairs) == 0 {
		add("Why", c.told(report.ValueOf(x.Reason)))
	}
	add("Operation", lexicon.Or(report.ValueOf(x.OperationID), "none was returned"))
	if a.Do != standing.TaskDecide {
		add("Ended", c.full(x.EndedAt)+x.OrBefore())
	}
	switch a.Do {
	case standing.TaskSupport:
		return p
	case standing.TaskReopen:
		add("Resource ID", report.ValueOf(x.ResourceID))
		add("Request IDs", strings.Join(x.RequestIDs, ", "))
		return p
	}
	add("Started", c.full(x.StartedAt))
	add("Gave up", c.full(x.GivenUp()))
	if l := x.LastReading; l != nil {
		add("Last reading "+c.short(l.At), c.told(strings.Join(append([]string{l.What}, l.Differs...), "; ")))
		if l.Poll != nil {
			add("Its address answers", c.told(*l.Poll))
		}
	}
	for _, r := range x.Reads {
		add("Read "+c.short(&r.At), c.told(strings.TrimSuffix(string(r.Reading)+", "+report.ValueOf(r.Detail), ", ")))
	}
	add("Look at", lexicon.Or(report.ValueOf(x.ResourceID),
		"/subscriptions/"+x.SubscriptionID+"/resourceGroups/"+report.ValueOf(x.TargetResourceGroup)+"/…/"+x.Name))
	add("Request IDs", strings.Join(x.RequestIDs, ", "))
	return p
}

// lift says once what every vault of a task would say.
func (t *task) lift() {
	first := func(p taskVault) string {
		if len(p.Pairs) > 0 && p.Pairs[0].Name == "Message" {
			return p.Pairs[0].Value
		}
		return ""
	}
	if len(t.Vaults) < 2 || first(t.Vaults[0]) == "" {
		return
	}
	message := first(t.Vaults[0])
	if slices.ContainsFunc(t.Vaults, func(p taskVault) bool { return first(p) != message }) {
		return
	}
	for i := range t.Vaults {
		t.Vaults[i].Pairs = t.Vaults[i].Pairs[1:]
	}
	if !strings.Contains(t.Detail, message) {
		t.Detail = strings.TrimSpace(lexicon.Sentence(message) + " " + t.Detail)
	}
}
