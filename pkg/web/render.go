package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// Outlook is what is expected of a run; every part may be absent.
type Outlook struct {
	Next  string // the next event, in words
	Ends  Range
	Waves []Range // the ends of the waves
}

// Range is when something is expected: the median and the 90th percentile.
type Range struct{ Median, Late time.Time }

// WriteReport writes a run as one file of HTML that needs nothing else: the
// page of a live run, frozen.
func WriteReport(w io.Writer, v *report.View, o report.Options) error {
	return sheet{view: cleaned(v), options: o}.write(w)
}

// sheet is a state of the page.
type sheet struct {
	view    *report.View // clean
	options report.Options
	outlook Outlook
	plan    *plan.Plan        // nil: no predictions
	rows    []json.RawMessage // nil: made from the view
	version int64
	live    bool
	limit   int // vaults listed for each cause; 0: all
}

// shell is what the template of the whole page is given.
type shell struct {
	Title  string
	Live   bool
	Policy string
	CSS    template.CSS
	JS     template.JS
	Data   template.JS
	Parts  parts
}

// parts are what changes while a run goes on, ready for their templates.
type parts struct {
	Verdict  string
	Run      *report.Run
	Status   report.RunStatus
	Heading  []pair
	Figures  []pair
	Tiles    []tile
	Budget   report.Budget
	Tasks    []task
	Calm     []waiter
	Waves    []waveLine
	Steps    []report.NextStep
	Upgraded int
	Checks   []string
	Live     bool
}

// tile is a count by status.
type tile struct {
	Status fleet.Status
	Count  int
	Note   string
}

// waveLine is a wave in the table of waves.
type waveLine struct {
	Name                                       string
	Status                                     report.WaveStatus
	All, Done                                  int
	Upgraded, Failed, Unknown, Blocked, Others int
	Bar                                        []segment
	Budget, Started, Ended                     string
}

// segment is a share of a bar, in percent.
type segment struct {
	Status  fleet.Status
	From, W string
}

func (s sheet) write(w io.Writer) error {
	data, err := s.data()
	if err != nil {
		return err
	}
	p := s.parts()
	page := shell{Title: "fleetup run " + p.Run.ID, Live: s.live, Parts: p, Data: template.JS(data)}
	if !s.live { // a live page fetches them
		page.Policy, page.CSS, page.JS = frozenPolicy(), template.CSS(styles), template.JS(script)
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "page.html", page); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// data is the page's JSON.
func (s sheet) data() ([]byte, error) {
	v, where := s.view, placesOf(s.view)
	rows := s.rows
	if rows == nil {
		rows = make([]json.RawMessage, len(v.Vaults))
		for i := range v.Vaults {
			r, err := encode(where.rowOf(&v.Vaults[i], s.predicted(i), s.options.SupportAddress))
			if err != nil {
				return nil, err
			}
			rows[i] = r
		}
	}
	return encode(document{
		Version: s.version, Live: s.live, Zone: zoneOf(s.options.Zone).String(), Now: millis(v.Run.GeneratedAt),
		StartedAt: millis(v.Run.StartedAt), EndedAt: millis(v.Run.EndedAt), Run: v.Run.ID,
		Waves: waveRows(v, s.outlook), Subscriptions: where.list, Vaults: rows,
	})
}

func (s sheet) predicted(i int) *plan.Prediction {
	if s.plan == nil {
		return nil
	}
	return &s.plan.Vaults[i].Predicted
}

// parts builds what the templates show.
func (s sheet) parts() parts {
	v, c := s.view, clock{zoneOf(s.options.Zone)}
	p := parts{
		Verdict: report.Clean(v.Sentence()), Run: &v.Run, Status: v.Run.Status, Budget: v.Run.Budget,
		Tasks: tasks(v, s.options, c, s.limit), Calm: calm(v), Waves: waveLines(v, c),
		Steps: v.NextSteps(s.options), Upgraded: v.Totals[fleet.Upgraded], Live: s.live,
		Heading: []pair{{"Run", v.Run.ID}, {"Plan", v.Run.PlanFingerprint[:min(8, len(v.Run.PlanFingerprint))]},
			{"Inventory", or(text(v.Run.Inventory), "–")}, {"Times", c.zone.String()}},
	}
	if p.Upgraded > 0 {
		p.Checks = report.Checklist()
	}
	p.tiles(v)
	add := func(name, value string) { p.Figures = append(p.Figures, pair{name, value}) }
	add("Started", c.full(v.Run.StartedAt))
	if v.Run.ResumedAt != nil {
		add("Resumed", c.full(v.Run.ResumedAt))
	}
	if v.Run.EndedAt != nil {
		add("Ended", c.full(v.Run.EndedAt))
	} else {
		add("Last change", c.full(v.Run.UpdatedAt))
	}
	if s.outlook.Next != "" {
		add("Next", s.outlook.Next)
	}
	if e := s.outlook.Ends; !e.Median.IsZero() && v.Run.EndedAt == nil {
		add("Expected end", c.minute(e.Median)+" to "+c.minute(e.Late))
	}
	add("As of", c.full(v.Run.GeneratedAt))
	return p
}

// tiles counts by status: what people ask for first always, the rest where
// there is any.
func (p *parts) tiles(v *report.View) {
	flying, overdue := 0, 0
	for i := range v.Vaults {
		if x := &v.Vaults[i]; x.InFlight() {
			flying++
			if x.Overdue {
				overdue++
			}
		}
	}
	for _, s := range fleet.Statuses() {
		n := v.Totals[s]
		if n == 0 && s != fleet.Upgraded && s != fleet.Failed && s != fleet.Unknown {
			continue
		}
		t := tile{Status: s, Count: n}
		if s == fleet.Upgrading && overdue > 0 {
			t.Note = number(overdue) + " overdue"
		}
		p.Tiles = append(p.Tiles, t)
	}
}

func waveLines(v *report.View, c clock) []waveLine {
	lines := make([]waveLine, len(v.Waves))
	for i := range v.Waves {
		w := &v.Waves[i]
		l := waveLine{Name: w.Name, Status: w.Status, Upgraded: w.Totals[fleet.Upgraded], Failed: w.Totals[fleet.Failed],
			Unknown: w.Totals[fleet.Unknown], Blocked: w.Totals[fleet.Blocked], Budget: "the run's",
			Started: c.short(w.StartedAt), Ended: c.short(w.EndedAt)}
		if w.Budget != nil {
			l.Budget = fmt.Sprintf("%d of %d", w.Budget.Used, w.Budget.Limit)
		}
		for _, n := range w.Totals {
			l.All += n
		}
		l.Others = l.All - l.Upgraded - l.Failed - l.Unknown - l.Blocked
		l.Done = l.Upgraded + l.Failed + l.Blocked + w.Totals[fleet.Already] + w.Totals[fleet.Excluded]
		from := 0
		for _, s := range fleet.Statuses() {
			n := w.Totals[s]
			if n == 0 {
				continue
			}
			l.Bar = append(l.Bar, segment{s, percent(from, l.All), percent(n, l.All)})
			from += n
		}
		lines[i] = l
	}
	return lines
}

func percent(n, of int) string { return fmt.Sprintf("%.2f%%", 100*float64(n)/float64(max(of, 1))) }
