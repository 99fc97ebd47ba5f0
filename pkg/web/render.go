package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// WriteReport writes a run as one file of HTML that needs nothing else: the
// page of a live run, frozen.
func WriteReport(w io.Writer, v *report.View, o report.Options) error {
	return pageData{view: cleaned(v).Worded(o), options: o}.write(w)
}

// pageData is a state of the page.
type pageData struct {
	view    *report.View // clean and worded
	options report.Options
	rows    []json.RawMessage // nil: made from the view
	version string
	live    bool
	limit   int // vaults listed for each task; 0: all

	fragmented map[string]string // where the data carries the parts too
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
	Headline      *report.Headline
	Run           *report.Run
	Words         *fleet.DirectionWords
	Heading       []pair
	Figures       []pair
	Tiles         []tile
	Budget        report.Budget
	BudgetBesides string // what that does not count
	Tasks         []task
	Lost          bool // a vault is failed, or unknown for good
	Calm          []calmNote
	Waves         []groupLine
	Subscriptions []groupLine
	Story         []entry
	Omitted       int
	Upgraded      int
	Checklist     []string
	NewIDs        bool // what is upgraded has a new resource ID
	Proof         []pair
}

// tile is a count by status.
type tile struct {
	Status fleet.Status
	Word   string
	Count  int
	Note   string
}

// groupLine is a wave or a subscription in its table.
type groupLine struct {
	Name                                       string
	Status, Word                               string // of a wave, as programs and as people read it
	All, Done                                  int
	Upgraded, Failed, Unknown, Blocked, Others int
	Held                                       int
	Bar                                        []segment
	Budget, Started, Ended                     string
}

// entry is something that happened.
type entry struct {
	At, Kind, Text, Detail, By string
	Times                      int
}

// segment is a share of a bar, in percent.
type segment struct {
	Status  fleet.Status
	From, W string
}

func (s pageData) write(w io.Writer) error {
	data, err := s.data()
	if err != nil {
		return err
	}
	p := s.parts()
	page := shell{Title: "fleetup run " + p.Run.ID, Live: s.live, Parts: p, Data: template.JS(data)}
	if !s.live { // a live page fetches them
		page.Policy, page.CSS, page.JS = frozenPolicy(), template.CSS(styles()), template.JS(script())
	}
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, "page.html", page); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// fragments are the parts that a live page exchanges, as HTML.
func (s pageData) fragments() (map[string]string, error) {
	p := s.parts()
	out := map[string]string{}
	for _, name := range []string{"summary", "needs", "waves", "after"} {
		var b strings.Builder
		if err := templates().ExecuteTemplate(&b, name, p); err != nil {
			return nil, fmt.Errorf("write the page's %s: %w", name, err)
		}
		out[name] = b.String()
	}
	return out, nil
}

// data is the page's JSON.
func (s pageData) data() ([]byte, error) {
	v, where := s.view, placesOf(s.view, s.options.Zone)
	rows := s.rows
	if rows == nil {
		rows = make([]json.RawMessage, len(v.Vaults))
		for i := range v.Vaults {
			r, err := encode(where.rowOf(&v.Vaults[i], s.options.SupportAddress))
			if err != nil {
				return nil, err
			}
			rows[i] = r
		}
	}
	return encode(document{
		Version: s.version, Live: s.live, Carried: v.Run.Live, Zone: zoneOf(s.options.Zone).String(),
		Now:       millis(v.Run.GeneratedAt),
		StartedAt: millis(v.Run.StartedAt), EndedAt: millis(v.Run.EndedAt), Run: v.Run.ID,
		Words: statusWords(v.Run.Direction.Words()),
		Waves: waveRows(v), Subscriptions: where.list, Vaults: rows, Parts: s.fragmented,
	})
}

// parts builds what the templates show.
func (s pageData) parts() parts {
	v, c := s.view, clock{zoneOf(s.options.Zone), s.view.Run.GeneratedAt.Value()}
	p := parts{Headline: v.Headline, Run: &v.Run, Words: v.Run.Direction.Words(), Budget: v.Run.Budget,
		BudgetBesides: v.BudgetBesides(),
		Waves:         waveLines(v, c), Subscriptions: subscriptionLines(v, c),
		Upgraded: v.Totals[fleet.Upgraded], Checklist: v.Checklist, NewIDs: v.Run.Kind == fleet.KindClassic,
		Omitted: v.Timeline.Omitted,
		Heading: []pair{{"Run", v.Run.ID}, {"Plan", v.Run.PlanFingerprint[:min(8, len(v.Run.PlanFingerprint))]},
			{"Inventory", lexicon.Or(report.ValueOf(v.Run.Inventory), "–")},
			{"Started by", lexicon.Or(report.ValueOf(v.Run.StartedBy), "–")}, {"Times", c.zone.String()}}}
	if v.Run.Kind != fleet.KindClassic {
		p.Heading = append(p.Heading, pair{fleet.Capital(p.Words.Noun), lexicon.KindWords(v.Run.Kind)})
	}
	p.Tasks, p.Calm = tasksOf(v, c, s.limit)
	p.Lost = v.Totals[fleet.Failed] > 0 || v.Totals[fleet.Unknown] > 0
	p.tiles(v)
	p.figures(v, c)
	p.proof(v)
	for _, e := range v.Timeline.Entries {
		line := entry{c.short(&e.At), e.Kind, layout.Zoned(e.Text, c.zone, e.At.Time),
			layout.Zoned(report.ValueOf(e.Detail), c.zone, e.At.Time), report.ValueOf(e.By), e.Times}
		if e.Until != nil {
			line.Detail = strings.TrimPrefix(line.Detail+"; until "+c.short(e.Until), "; ")
		}
		p.Story = append(p.Story, line)
	}
	return p
}

func (p *parts) figures(v *report.View, c clock) {
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
	if w := v.Waiting(c.zone); w != "" {
		add("Waits for", w)
	}
	near := lexicon.ClockIn(c.zone).NearBy(v.Run.GeneratedAt.Value())
	if a := v.Run.InAdvance; a != nil {
		add("Approved", a.Words(near))
	}
	if l := v.Run.Limits; l != nil {
		add("Limited", l.Words(near))
	}
	if n := v.Run.Note; n != nil {
		add("Note", n.Words(near))
	}
	if v.Run.NextWindow != nil {
		add("Next window", c.short(v.Run.NextWindow))
	}
	if e := v.Run.ExpectedEnd; e != nil {
		add("Expected end", e.Words(c.zone, v.Run.GeneratedAt.Time))
	}
	if e := v.Run.Emulated; e != nil {
		add("Emulated", e.OfARun(lexicon.WordingOf(v.Run.Kind)))
	}
	add("As of", c.full(v.Run.GeneratedAt))
}

// proof is what somebody needs who must prove what happened.
func (p *parts) proof(v *report.View) {
	add := func(name, value string) { p.Proof = append(p.Proof, pair{name, value}) }
	if f := v.Proof; f != nil {
		add("Starts sent", lexicon.Number(f.StartsSent))
		add("Vaults sent twice", lexicon.Number(f.SentTwice))
		if f.SentAgain > 0 {
			add("Sent again after proof that nothing had begun", lexicon.Number(f.SentAgain))
		}
		if f.ReopenedByHand > 0 {
			add("Re-opened by a person", lexicon.Number(f.ReopenedByHand))
		}
	}
	add("Plan", v.Run.PlanFingerprint)
	if e := v.Evidence; e != nil {
		add("Journal head", fmt.Sprintf("%s (event %s)", e.JournalHead, lexicon.Number(int(e.Events))))
	}
}

// tiles counts by status: what people ask for first always, the rest where
// there is any.
func (p *parts) tiles(v *report.View) {
	overdue := v.Flying().Overdue
	for _, s := range fleet.Statuses() {
		n := v.Totals[s]
		if n == 0 && s != fleet.Upgraded && s != fleet.Failed && s != fleet.Unknown {
			continue
		}
		if s == fleet.Already {
			lexicon.EachAlready(n, v.AlreadyBy(), func(n int, word string) {
				p.Tiles = append(p.Tiles, tile{Status: s, Word: word, Count: n})
			})
			continue
		}
		t := tile{Status: s, Word: p.Words.Status(s), Count: n}
		if s == fleet.Upgrading && overdue > 0 {
			t.Note = lexicon.Number(overdue) + " overdue"
		}
		p.Tiles = append(p.Tiles, t)
	}
}

func waveLines(v *report.View, c clock) []groupLine {
	lines := make([]groupLine, len(v.Waves))
	for i := range v.Waves {
		w := &v.Waves[i]
		lines[i] = group(w.Name, w.Totals, w.Budget)
		if w.EndedAt != nil {
			lines[i].Done = lines[i].All // unknown ones are decided too: for good
		}
		lines[i].Status, lines[i].Word = string(w.Stands()), lexicon.WaveWord(w.Stands())
		lines[i].Started, lines[i].Ended = c.short(w.StartedAt), c.short(w.EndedAt)
	}
	return lines
}

func subscriptionLines(v *report.View, c clock) []groupLine {
	lines := make([]groupLine, len(v.Subscriptions))
	for i := range v.Subscriptions {
		s := &v.Subscriptions[i]
		lines[i] = group(s.Name, s.Totals, s.Budget)
		if s.ThrottledUntil != nil {
			lines[i].Status = "throttled until " + c.short(s.ThrottledUntil)
		}
	}
	return lines
}

func group(name string, totals map[fleet.Status]int, budget *report.Budget) groupLine {
	n := lexicon.CountGroup(func(s fleet.Status) int { return totals[s] })
	l := groupLine{Name: name, All: n.Of, Held: n.Held, Upgraded: totals[fleet.Upgraded], Failed: totals[fleet.Failed],
		Unknown: totals[fleet.Unknown],
		Blocked: totals[fleet.Blocked], Budget: "the run's"}
	if budget != nil {
		l.Budget = fmt.Sprintf("%d of %d", budget.Used, budget.Limit)
	}
	l.Others = l.All - l.Upgraded - l.Failed - l.Unknown - l.Blocked
	l.Done = l.Upgraded + l.Failed + l.Blocked + totals[fleet.Already]
	from := 0
	for _, s := range fleet.Statuses() {
		if n := totals[s]; n > 0 {
			l.Bar = append(l.Bar, segment{s, percent(from, l.All+l.Held), percent(n, l.All+l.Held)})
			from += n
		}
	}
	return l
}

func percent(n, of int) string { return fmt.Sprintf("%.2f%%", 100*float64(n)/float64(max(of, 1))) }
