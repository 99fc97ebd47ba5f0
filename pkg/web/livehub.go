package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing/forecast"
)

// Run is a run to show as it goes on. The state and the timeline belong to
// the page from then on: nobody else may change or read them.
type Run struct {
	State     *rollout.State          // as it stands
	Chronicle *report.TimelineBuilder // of the facts so far; nil: a new one
	Options   report.Options
	Version   string // of the program
	// Rates, where set, visits how many requests a second each lane of a
	// subscription may send. It is called from many goroutines.
	Rates func(visit func(subscription string, lane fleet.RateLimitClass, perSecond float64))
}

// How a live page is kept current.
const (
	publishEvery = 250 * time.Millisecond // at most so often
	share        = 15                     // nor for more than this part of the time
	publishAtAll = 2 * time.Second        // unless the machine is so slow that it would be later than this
	beatEvery    = 15 * time.Second       // with nothing to tell, this often
	keptDiffs    = 64                     // for who comes back after a moment
	keptSize     = 1 << 20                // unless they are larger
	listedLive   = 20                     // vaults of a task that a live page lists
)

// liveHub folds the facts of a run for those who watch, apart from the run: it has
// a state of its own, and whoever reports facts only leaves them here.
type liveHub struct {
	now         func() time.Time
	wake        chan struct{} // capacity 1: there is something in the tray, or to be told
	ends        *forecast.Keeper
	inbox       sync.Mutex
	inboxEvents []fleet.Event

	mu       sync.Mutex // guards the rest
	run      Run
	boot     string // of this process: versions of another mean nothing
	version  int64
	rows     []json.RawMessage // as last published
	dirty    map[int]bool      // vaults that changed since
	all      bool              // everything may have
	changed  bool              // something has, the run itself at the least
	left     bool              // no process carries the run out
	over     bool              // nothing more comes
	asked    time.Time         // when somebody last asked who does not watch: a script, Prometheus
	broken   error
	watchers map[*watcher]bool
	parts    map[string]string // as last published
	kept     []message         // the newest diffs, oldest first
}

func newLiveHub(r Run, boot string, now func() time.Time) *liveHub {
	if r.Chronicle == nil {
		r.Chronicle = report.NewTimelineBuilder()
	}
	d := &liveHub{now: now, wake: make(chan struct{}, 1), run: r, boot: boot, all: true, changed: true,
		dirty: map[int]bool{},
		rows:  make([]json.RawMessage, len(r.State.Vaults)), watchers: map[*watcher]bool{}}
	d.ends = forecast.New(func() *rollout.State {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.fold()
		return d.run.State.Clone()
	})
	d.ends.Wanted = func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.watchers) > 0 || d.now().Sub(d.asked) < askedAgain
	}
	d.ends.Made = func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.changed = true
		d.nudge()
	}
	return d
}

// add puts facts down. It copies them and comes back at once.
func (d *liveHub) add(events []fleet.Event) {
	d.inbox.Lock()
	d.inboxEvents = append(d.inboxEvents, events...)
	d.inbox.Unlock()
	d.nudge()
}

// carried notes whether a process carries the run out.
func (d *liveHub) carried(out bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == out {
		d.left, d.all, d.changed = !out, true, true
		d.ends.Carried(out)
		d.nudge()
	}
}

// nudge has those who watch told.
func (d *liveHub) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// fold takes in what lies in the tray. The caller holds mu.
func (d *liveHub) fold() {
	d.inbox.Lock()
	events := d.inboxEvents
	d.inboxEvents = nil
	d.inbox.Unlock()
	for _, e := range events {
		if d.broken != nil {
			return
		}
		if err := d.run.State.Apply(e); err != nil {
			d.broken = fmt.Errorf("the page stopped at a fact that it cannot follow: %w", err)
			return
		}
		d.run.Chronicle.Add(d.run.State, e)
		d.ends.Take(e.Fact)
		d.changed = true
		if f, ok := e.Fact.(fleet.VaultFact); ok {
			if i, known := d.run.State.Lookup(f.VaultKey()); known {
				d.dirty[i] = true
			}
			continue
		}
		d.all = true // what is said of the run may show on every vault
	}
}

// view is the run as it stands. The caller holds mu.
func (d *liveHub) view() *report.View {
	d.fold()
	return report.FromState(d.run.State,
		report.ViewOptions{Live: !d.over && !d.left, Now: d.now(), Outlook: d.ends.Outlook(),
			Timeline: d.run.Chronicle})
}

// advance brings the rows up to date and tells everybody who watches what has
// changed, if something has or in any case. It is the only place where the
// version goes on, so that nobody misses a step. The caller holds mu.
func (d *liveHub) advance(always bool) (pageData, error) {
	v := cleaned(d.view())
	s := pageData{view: v.Worded(d.run.Options), options: d.run.Options, rows: d.rows,
		live: !d.over, limit: listedLive}
	touched, err := d.refresh(s)
	if err != nil {
		return s, err
	}
	if d.changed || always {
		d.version++
	}
	s.version = d.stamp(d.version)
	if d.changed || always {
		m, err := d.message(s, touched)
		if err != nil {
			return s, err
		}
		for w := range d.watchers {
			d.tell(w, m)
		}
	}
	d.changed = false
	return s, nil
}

// refresh encodes the rows of the vaults that may have changed, and returns
// those that have.
func (d *liveHub) refresh(s pageData) (map[int]json.RawMessage, error) {
	touched := map[int]json.RawMessage{}
	where := placesOf(s.view, s.options.Zone)
	for i := range s.view.Vaults {
		if !d.all && !d.dirty[i] {
			continue
		}
		r, err := encode(where.rowOf(&s.view.Vaults[i], s.options.SupportAddress))
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(r, d.rows[i]) {
			d.rows[i], touched[i] = r, r
		}
	}
	clear(d.dirty)
	d.all = false
	return touched, nil
}

// stamp names a version of the data among those of all processes.
func (d *liveHub) stamp(version int64) string { return fmt.Sprintf("%s-%d", d.boot, version) }

// change is what a live page is told.
type change struct {
	Version string                  `json:"version"`
	Live    bool                    `json:"live"`
	Carried bool                    `json:"carried"`
	Now     int64                   `json:"now"`
	EndedAt int64                   `json:"endedAt,omitempty"`
	Waves   []waveRow               `json:"waves"`
	Rows    map[int]json.RawMessage `json:"rows,omitempty"`
	Parts   map[string]string       `json:"parts"` // HTML of this package's templates, those that changed
	Say     string                  `json:"say"`   // for whoever listens rather than looks
	Trouble string                  `json:"trouble,omitempty"`
}

// message tells the step to a version: a diff, or, where that would be most of
// it anyway, everything.
func (d *liveHub) message(s pageData, touched map[int]json.RawMessage) (message, error) {
	if len(touched) < 200 || len(touched) < len(d.rows)/2 {
		m, err := d.diff(s, touched)
		if err == nil {
			d.keep(m)
		}
		return m, err
	}
	d.kept, d.parts = nil, nil
	if len(d.watchers) == 0 {
		return message{}, nil
	}
	return d.snapshot(s)
}

// diff is the change from the version before.
func (d *liveHub) diff(s pageData, touched map[int]json.RawMessage) (message, error) {
	parts, err := s.fragments()
	if err != nil {
		return message{}, err
	}
	out := change{Version: s.version, Live: s.live, Carried: s.view.Run.Live, Now: millis(s.view.Run.GeneratedAt),
		EndedAt: millis(s.view.Run.EndedAt),
		Waves:   waveRows(s.view), Rows: touched, Parts: map[string]string{},
		Say: lexicon.Clean(s.view.Headline.Sentence)}
	for name, html := range parts {
		if d.parts[name] != html {
			out.Parts[name] = html
		}
	}
	d.parts = parts
	if d.broken != nil {
		out.Trouble = lexicon.Clean(d.broken.Error())
	}
	data, err := encode(out)
	return message{id: s.version, event: "diff", data: data}, err
}

// publish tells those who watch what changed, or that nothing did.
func (d *liveHub) publish(always bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fold(); len(d.watchers) == 0 || !d.changed && !always {
		return nil // nobody looks: what is in the tray has been folded, and that is all
	}
	_, err := d.advance(always)
	return err
}

// atOnce is how long who asks for the page waits for a guess of the run's end, where
// there is none: nobody has looked since what was said last.
const atOnce = 200 * time.Millisecond

// askedAgain is how long somebody who asks now and then is taken to ask once more: a few
// times as long as Prometheus is usually told to wait.
const askedAgain = 5 * time.Minute

// foresee makes sure of a guess, if it can be made at once.
func (d *liveHub) foresee() {
	d.mu.Lock()
	d.fold()
	now := d.now()
	over, kept := d.over, len(d.watchers) > 0 || now.Sub(d.asked) < askedAgain
	d.asked = now
	d.mu.Unlock()
	if over {
		return
	}
	if d.ends.Look(now, atOnce); !kept { // what there is may be old: the next one is not
		d.ends.Wake()
	}
}

// page is the whole page as it stands.
func (d *liveHub) page(w io.Writer) error {
	d.foresee()
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.advance(false)
	if err != nil {
		return err
	}
	return s.write(w)
}

// serve keeps watchers current until stop is closed.
func (d *liveHub) serve(stop <-chan struct{}) {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		always := false
		select {
		case <-stop:
			return
		case <-beat.C:
			always = true
		case <-d.wake:
		}
		began := time.Now()
		_ = d.publish(always) // whoever asks for the page is told what is wrong
		rest := time.NewTimer(min(max(publishEvery, share*time.Since(began)), publishAtAll))
		select {
		case <-stop:
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}

// finish tells the end to those who watch, and lets them go.
func (d *liveHub) finish(last message) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fold()
	d.over, d.all, d.changed = true, true, true
	_, err := d.advance(true)
	for w := range d.watchers {
		d.tell(w, last)
		d.drop(w)
	}
	return err
}
