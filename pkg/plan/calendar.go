package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

const (
	// forever is the Unix time of what has no end.
	forever = math.MaxInt64
	// calendarHorizon is how far a Schedule looks ahead, in seconds: a year and
	// a month. What does not happen until then never does.
	calendarHorizon = 400 * daySeconds
	daySeconds      = 24 * 60 * 60
	dayMinutes      = 24 * 60
	// blockSeconds is how much time a Schedule works out at once.
	blockSeconds = 28 * daySeconds
)

// Schedule is a Calendar made ready for questions. A nil Schedule is always
// open. It is safe for concurrent use: it remembers what it has worked out,
// which changes no answer.
type Schedule struct {
	windows   []window  // none: open but for the blackouts
	blackouts []stretch // in order, apart from each other
	bare      *Schedule // the windows without the blackouts; nil: there are no windows
	blocks    sync.Map  // number of the block (int64) to its open stretches ([]stretch)
}

type window struct {
	days       [7]bool
	start, end int64 // seconds after local midnight of the day it starts on; end may be on the next
	zone       *time.Location
}

// stretch is the time from one Unix time to before another.
type stretch struct{ from, to int64 }

// CompileCalendar makes a calendar ready for questions. Nothing (nil) makes a
// Schedule that is always open. The error says the first thing that is wrong
// with the calendar.
func CompileCalendar(c *Calendar) (*Schedule, error) {
	if c == nil {
		return nil, nil
	}
	s := &Schedule{}
	for i := range c.Windows {
		w := &c.Windows[i]
		if err := w.check(); err != nil {
			return nil, fmt.Errorf("window %d: %w", i+1, err)
		}
		zone, err := LoadZone(w.Zone)
		if err != nil {
			return nil, fmt.Errorf("window %d: %w", i+1, err)
		}
		compiled := window{start: int64(w.Start) * 60, end: int64(w.End) * 60, zone: zone}
		if w.End <= w.Start {
			compiled.end += daySeconds
		}
		for _, d := range w.Days {
			compiled.days[d] = true
		}
		s.windows = append(s.windows, compiled)
	}
	for i, b := range c.Blackouts {
		closed, err := b.stretch()
		if err != nil {
			return nil, fmt.Errorf("blackout %d: %w", i+1, err)
		}
		s.blackouts = append(s.blackouts, closed)
	}
	s.blackouts = merge(s.blackouts)
	if len(s.windows) > 0 {
		s.bare = &Schedule{windows: s.windows}
	}
	return s, nil
}

func (w *Window) check() error {
	if len(w.Days) == 0 {
		return fmt.Errorf("it names no days")
	}
	for i, d := range w.Days {
		if d < time.Sunday || d > time.Saturday || slices.Contains(w.Days[:i], d) {
			return fmt.Errorf("day %d is no day of the week, or there twice", d)
		}
	}
	if w.Start < 0 || w.Start >= dayMinutes || w.End < 0 || w.End >= dayMinutes {
		return fmt.Errorf("it starts or ends at a time that no clock shows")
	}
	return nil
}

// stretch turns a blackout's local times into moments. Where the clocks go
// back in the hour of one of them, it is closed the longer.
func (b *Blackout) stretch() (stretch, error) {
	zone, err := LoadZone(b.Zone)
	if err != nil {
		return stretch{}, err
	}
	from, err := ParseWall(b.From)
	if err != nil {
		return stretch{}, err
	}
	to, err := ParseWall(b.To)
	if err != nil {
		return stretch{}, err
	}
	if !from.Before(to) {
		return stretch{}, fmt.Errorf("it ends (%s) before it begins (%s)", b.To, b.From)
	}
	return stretch{firstAt(from.Unix(), zone), lastBefore(to.Unix(), zone)}, nil
}

// OpenAt reports whether upgrades may run at t, and until when: windows that
// overlap or adjoin count as one. until is zero when it does not close within
// 400 days.
func (s *Schedule) OpenAt(t time.Time) (until time.Time, ok bool) {
	if s == nil {
		return time.Time{}, true
	}
	now := t.Unix()
	open, ok := s.next(now, now)
	if !ok {
		return time.Time{}, false
	}
	if open.to == forever {
		return time.Time{}, true
	}
	return time.Unix(open.to, 0).UTC(), true
}

// WindowAt reports whether a window is open at t, and until when: until its own end, or
// until a blackout begins inside of it. What upgrades may run in until a blackout begins,
// weeks from then, is no window: there are none, or they never close.
func (s *Schedule) WindowAt(t time.Time) (until time.Time, blackout, ok bool) {
	if s == nil || s.bare == nil {
		return time.Time{}, false, false
	}
	until, ok = s.OpenAt(t)
	own, _ := s.bare.OpenAt(t)
	if !ok || own.IsZero() {
		return time.Time{}, false, false
	}
	return until, until.Before(own), true
}

// Fit returns the earliest start, t or later, from which it stays open for as
// long as need. ok is false when there is none within 400 days.
func (s *Schedule) Fit(t time.Time, need time.Duration) (start time.Time, ok bool) {
	if s == nil {
		return t, true
	}
	for at, last := t.Unix(), t.Unix()+calendarHorizon; ; {
		open, ok := s.next(at, last)
		if !ok {
			return time.Time{}, false
		}
		start := t
		if open.from > t.Unix() {
			start = time.Unix(open.from, 0).UTC()
		}
		if open.to == forever || !start.Add(need).After(time.Unix(open.to, 0)) {
			return start, true
		}
		at = open.to
	}
}

// Next returns when it opens: t itself when it is open then. ok is false when
// it does not open within 400 days.
func (s *Schedule) Next(t time.Time) (start time.Time, ok bool) { return s.Fit(t, 0) }

// next returns the first open stretch that ends after at and begins by last.
// Its beginning is exact only if it is after at.
func (s *Schedule) next(at, last int64) (stretch, bool) {
	if len(s.windows) == 0 {
		return s.nextGap(at, last)
	}
	for n := floorDiv(at, blockSeconds); n*blockSeconds <= last; n++ {
		block := s.block(n)
		i := sort.Search(len(block), func(i int) bool { return block[i].to > at })
		if i == len(block) {
			continue
		}
		open := block[i]
		if open.from > last {
			return stretch{}, false
		}
		// It may go on in the blocks that follow.
		for limit := max(open.from, at) + calendarHorizon; open.to == (n+1)*blockSeconds; {
			if open.to > limit {
				open.to = forever
				break
			}
			n++
			block := s.block(n)
			if len(block) == 0 || block[0].from != open.to {
				break
			}
			open.to = block[0].to
		}
		return open, true
	}
	return stretch{}, false
}

// nextGap is next without windows: open is all that is not blacked out.
func (s *Schedule) nextGap(at, last int64) (stretch, bool) {
	i := sort.Search(len(s.blackouts), func(i int) bool { return s.blackouts[i].to > at })
	open := stretch{at, forever}
	if i < len(s.blackouts) && s.blackouts[i].from <= at {
		open.from = s.blackouts[i].to
		i++
	}
	if i < len(s.blackouts) {
		open.to = s.blackouts[i].from
	}
	return open, open.from <= last
}

// block returns the open stretches of one block of time, cut at its ends.
func (s *Schedule) block(n int64) []stretch {
	if known, ok := s.blocks.Load(n); ok {
		return known.([]stretch)
	}
	whole := stretch{n * blockSeconds, (n + 1) * blockSeconds}
	var open []stretch
	for i := range s.windows {
		w := &s.windows[i]
		// A local day can begin most of a day away from the same day in UTC,
		// and what began the day before may still be open.
		for day := floorDiv(whole.from, daySeconds) - 3; day*daySeconds < whole.to+farthestZone; day++ {
			if !w.days[weekday(day)] {
				continue
			}
			midnight := day * daySeconds
			x := stretch{firstAt(midnight+w.start, w.zone), firstAt(midnight+w.end, w.zone)}
			x.from, x.to = max(x.from, whole.from), min(x.to, whole.to)
			if x.from < x.to {
				open = append(open, x)
			}
		}
	}
	open = subtract(merge(open), s.blackouts)
	s.blocks.Store(n, open)
	return open
}

// weekday returns the day of the week of a day counted from 1 January 1970, a
// Thursday.
func weekday(day int64) int { return int(((day+4)%7 + 7) % 7) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// merge sorts stretches and joins those that overlap or adjoin.
func merge(list []stretch) []stretch {
	slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	var out []stretch
	for _, x := range list {
		if n := len(out); n > 0 && x.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, x.to)
		} else {
			out = append(out, x)
		}
	}
	return out
}

// subtract cuts the closed stretches out of the open ones. Both are in order
// and apart.
func subtract(open, closed []stretch) []stretch {
	var out []stretch
	for _, x := range open {
		i := sort.Search(len(closed), func(i int) bool { return closed[i].to > x.from })
		for ; i < len(closed) && closed[i].from < x.to; i++ {
			if closed[i].from > x.from {
				out = append(out, stretch{x.from, closed[i].from})
			}
			x.from = min(closed[i].to, x.to)
		}
		if x.from < x.to {
			out = append(out, x)
		}
	}
	return out
}

// WindowWords says when a calendar's windows are open, one text each, such as
// "Mon–Fri 22:00–06:00 Australia/Sydney".
func (c *Calendar) WindowWords() []string {
	var out []string
	for _, w := range c.Windows {
		out = append(out, fmt.Sprintf("%s %s–%s %s", daysWords(w.Days), minuteWords(w.Start), minuteWords(w.End),
			w.Zone))
	}
	return out
}

// BlackoutWords says when a calendar is closed besides, one text each.
func (c *Calendar) BlackoutWords() []string {
	var out []string
	for _, b := range c.Blackouts {
		out = append(out, fmt.Sprintf("%s to %s %s", b.From, b.To, b.Zone))
	}
	return out
}

func minuteWords(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

// daysWords names days, runs of three and more as a range, the week from
// Monday.
func daysWords(days []time.Weekday) string {
	var order []int
	for _, d := range days {
		order = append(order, (int(d)+6)%7)
	}
	slices.Sort(order)
	order = slices.Compact(order)
	name := func(i int) string { return time.Weekday((i + 1) % 7).String()[:3] }
	if len(order) == 7 {
		return "every day"
	}
	var parts []string
	for i := 0; i < len(order); {
		j := i
		for j+1 < len(order) && order[j+1] == order[j]+1 {
			j++
		}
		switch {
		case j-i >= 2:
			parts = append(parts, name(order[i])+"–"+name(order[j]))
		case j > i:
			parts = append(parts, name(order[i]), name(order[j]))
		default:
			parts = append(parts, name(order[i]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
