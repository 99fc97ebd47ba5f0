package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// document is the data that the page's script works on. It belongs to the page
// and to nobody else: programs read /api/status or report -o json. Times are
// milliseconds since 1970; what is absent or false is left out, for 10,000
// vaults are many.
type document struct {
	Version       string            `json:"version"` // of the data: a stream goes on from here
	Live          bool              `json:"live"`
	Carried       bool              `json:"carried"` // a process carries the run out
	Zone          string            `json:"zone"`
	Now           int64             `json:"now"`
	StartedAt     int64             `json:"startedAt,omitempty"`
	EndedAt       int64             `json:"endedAt,omitempty"`
	Run           string            `json:"run"`
	Words         map[string]string `json:"words"` // what people read for a status, where that is not its name
	Waves         []waveRow         `json:"waves"`
	Subscriptions []subscriptionRow `json:"subscriptions"`
	Vaults        []json.RawMessage `json:"vaults"`          // rows, in the plan's order
	Parts         map[string]string `json:"parts,omitempty"` // in a snapshot: what is HTML on the page
}

type subscriptionRow struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// waveRow is a wave on the timeline.
type waveRow struct {
	Name      string               `json:"name"`
	Status    string               `json:"status"` // what people read
	Totals    map[fleet.Status]int `json:"totals"`
	StartedAt int64                `json:"startedAt,omitempty"`
	EndedAt   int64                `json:"endedAt,omitempty"`
	Likely    int64                `json:"likely,omitempty"` // its end as the median has it
	Late      int64                `json:"late,omitempty"`   // and the 90th percentile
}

// row is a vault.
type row struct {
	Vault        string            `json:"vault"`
	Subscription int               `json:"sub"`
	Wave         int               `json:"wave"`
	Status       fleet.Status      `json:"status"`
	Location     string            `json:"location"`
	Type         string            `json:"type"`
	Target       string            `json:"target,omitempty"` // of a classic vault
	Group        string            `json:"group,omitempty"`  // that any other is in
	ID           string            `json:"id,omitempty"`     // its own, in the Resource Manager
	Labels       map[string]string `json:"labels,omitempty"`
	Operation    string            `json:"op,omitempty"`
	Attempt      int               `json:"attempt,omitempty"`
	StartedAt    int64             `json:"start,omitempty"`
	EndedAt      int64             `json:"end,omitempty"`
	EndedLate    bool              `json:"endedLate,omitempty"` // it may have ended long before
	Flying       bool              `json:"flying,omitempty"`    // it is in flight
	Median       int64             `json:"p50,omitempty"`       // of its upgrade, in ms; while it is in flight
	Late         int64             `json:"p90,omitempty"`
	NewID        string            `json:"newId,omitempty"`
	Requests     []string          `json:"requests,omitempty"`
	Findings     []findingRow      `json:"findings,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Reading      *readingRow       `json:"reading,omitempty"` // the last one, where it says more than the status
	Support      string            `json:"support,omitempty"` // the message to send, for a failed one
	Flags        []string          `json:"flags,omitempty"`
}

// readingRow is what was last read of a vault that is followed or in doubt.
type readingRow struct {
	At      int64    `json:"at"`
	What    string   `json:"what"`
	Differs []string `json:"differs,omitempty"`
	Poll    string   `json:"poll,omitempty"` // what the operation's own address answers
	Action  string   `json:"action,omitempty"`
}

type findingRow struct {
	Severity fleet.Severity `json:"severity"`
	Code     string         `json:"code,omitempty"`
	Message  string         `json:"message,omitempty"`
	Action   string         `json:"action,omitempty"`
	Heading  string         `json:"heading,omitempty"` // of the items: what their columns are
	Items    []string       `json:"items,omitempty"`
}

// places says where in the plan a vault's wave and subscription stand.
type places struct {
	waves         map[string]int
	subscriptions map[string]int
	flights       map[string]*standing.Flight // by the vault's name
	list          []subscriptionRow
	classic       bool
	clock         clock
}

func placesOf(v *report.View, zone *time.Location) *places {
	p := &places{clock: clock{zoneOf(zone), v.Run.GeneratedAt.Value()}, waves: map[string]int{},
		subscriptions: map[string]int{}, flights: map[string]*standing.Flight{},
		classic: v.Run.Kind == fleet.KindClassic}
	for i := range v.Waves {
		p.waves[v.Waves[i].Name] = i
	}
	for i := range v.InFlight {
		p.flights[v.InFlight[i].Vault] = &v.InFlight[i].Is
	}
	for i := range v.Subscriptions {
		p.subscriptions[v.Subscriptions[i].ID] = i
		p.list = append(p.list, subscriptionRow{v.Subscriptions[i].ID, v.Subscriptions[i].Name})
	}
	return p
}

// rowOf describes a vault of a clean view.
func (p *places) rowOf(v *report.Vault, supportAddress string) row {
	r := row{
		Vault: v.Vault, Subscription: p.subscriptions[v.SubscriptionID], Wave: p.waves[v.Wave], Status: v.Status,
		Location: v.Location, Type: string(v.ResourceType), Target: report.ValueOf(v.TargetResourceGroup),
		Labels: v.Labels,
		Group:  report.ValueOf(v.ResourceGroup), ID: report.ValueOf(v.ResourceID),
		Operation: report.ValueOf(v.OperationID), Attempt: v.Attempt, StartedAt: millis(v.StartedAt),
		EndedAt: millis(v.EndedAt), EndedLate: v.EndedLate,
		Requests: v.RequestIDs, Reason: p.clock.told(report.ValueOf(v.Reason)),
	}
	if p.classic {
		r.NewID = report.ValueOf(v.UpgradedResourceID)
	}
	if f := p.flights[v.Vault]; f != nil && !f.Foreign {
		r.Flying, r.Median, r.Late = true, f.Predicted.P50.Milliseconds(), f.Predicted.P90.Milliseconds()
	}
	if l := v.LastReading; l != nil {
		r.Reading = &readingRow{millis(l.At), p.clock.told(l.What), nil, p.clock.told(report.ValueOf(l.Poll)),
			p.clock.told(report.ValueOf(l.Action))}
		for _, d := range l.Differs {
			r.Reading.Differs = append(r.Reading.Differs, p.clock.told(d))
		}
	}
	for _, f := range v.Findings {
		heading, rows := fleet.Columns(f.Items)
		r.Findings = append(r.Findings, findingRow{f.Severity, report.ValueOf(f.Code),
			p.clock.told(report.ValueOf(f.Message)), p.clock.told(report.ValueOf(f.Action)), heading, rows})
	}
	if v.Status == fleet.Failed && !v.Permitted && !v.TakenUp && p.classic {
		r.Support = report.SupportMessage(supportAddress, v).String()
	}
	for _, f := range []struct {
		is   bool
		name string
	}{{v.Overdue, "overdue"}, {v.Foreign, "not ours"}, {v.Earlier && v.Status == fleet.Already, "by an earlier run"},
		{v.Meanwhile, lexicon.ByOthers},
		{v.Carried, "from before this run"}, {v.Reopened, "re-opened"},
		{v.Accepted, "accepted"}, {v.Unresolved, "still being read"}} {
		if f.is {
			r.Flags = append(r.Flags, f.name)
		}
	}
	return r
}

// statusWords are what people read for a status, where that is not its name.
func statusWords(w *fleet.DirectionWords) map[string]string {
	words := map[string]string{}
	for _, s := range fleet.Statuses() {
		if word := w.Status(s); word != string(s) {
			words[string(s)] = word
		}
	}
	return words
}

func waveRows(v *report.View) []waveRow {
	rows := make([]waveRow, len(v.Waves))
	for i := range v.Waves {
		w := &v.Waves[i]
		rows[i] = waveRow{Name: w.Name, Status: lexicon.WaveWord(w.Stands()), Totals: w.Totals,
			StartedAt: millis(w.StartedAt), EndedAt: millis(w.EndedAt)}
		if e := w.ExpectedEnd; e != nil {
			rows[i].Likely, rows[i].Late = millis(e.P50), millis(e.P90)
		}
	}
	return rows
}

// encode writes JSON that may stand inside a script element: < > & and the line
// separators of JavaScript are escapes.
func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write the page's data: %w", err)
	}
	return data, nil
}

// inert reports whether data may stand inside a script element.
func inert(data []byte) bool { return !bytes.ContainsAny(data, "<>&\u2028\u2029") }
