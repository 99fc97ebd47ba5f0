package plan

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

var everyDay = []time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday,
	time.Saturday}

func compile(t testing.TB, c *Calendar) *Schedule {
	t.Helper()
	s, err := CompileCalendar(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func local(t testing.TB, zone, wall string) time.Time {
	t.Helper()
	loc, err := LoadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", wall, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNightsOfEveryLength: 22:00 to 06:00 by the wall clock is a night of 8
// hours, of 7 when the clocks go forward and of 9 when they go back.
func TestNightsOfEveryLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, evening string
		hours         int
	}{
		{"Australia/Sydney", "2026-10-03", 7}, // forward on Sunday 4 October, 02:00
		{"Australia/Sydney", "2026-04-04", 9}, // back on Sunday 5 April, 03:00
		{"Australia/Sydney", "2026-10-04", 8},
		{"Europe/London", "2026-03-28", 7},
		{"Europe/London", "2026-10-24", 9},
		{"Europe/London", "2026-10-25", 8},
		{"America/New_York", "2026-03-07", 7},
		{"America/New_York", "2026-10-31", 9},
		{"America/New_York", "2026-11-01", 8},
		{"UTC", "2026-03-28", 8},
	} {
		s := compile(t, &Calendar{Windows: []Window{{Days: everyDay, Start: 22 * 60, End: 6 * 60, Zone: c.zone}}})
		start := local(t, c.zone, c.evening+" 22:00")
		length := time.Duration(c.hours) * time.Hour
		if _, ok := s.OpenAt(start.Add(-time.Nanosecond)); ok {
			t.Errorf("%s %s: open before 22:00", c.zone, c.evening)
		}
		for _, at := range []time.Time{start, start.Add(length - time.Nanosecond)} {
			if until, ok := s.OpenAt(at); !ok || !until.Equal(start.Add(length)) {
				t.Errorf("%s %s: open %v until %v, want until %v", c.zone, c.evening, ok, until, start.Add(length))
			}
		}
		if _, ok := s.OpenAt(start.Add(length)); ok {
			t.Errorf("%s %s: open after %d hours", c.zone, c.evening, c.hours)
		}
		if got, ok := s.Fit(start.Add(-time.Hour), length); !ok || !got.Equal(start) {
			t.Errorf("%s %s: %v fits at %v, %v", c.zone, c.evening, length, got, ok)
		}
		if got, ok := s.Fit(start, length+1); ok && got.Equal(start) {
			t.Errorf("%s %s: more than %v fits", c.zone, c.evening, length)
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	const zone = "Australia/Sydney"
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	window := func(days []time.Weekday, start, end int) Window { return Window{days, start * 60, end * 60, zone} }
	day := func(d ...time.Weekday) []time.Weekday { return d }
	// Monday is 23 November 2026.
	for name, c := range map[string]struct {
		calendar *Calendar
		at       string
		until    string // "": closed; "never": it does not close
		need     time.Duration
		fit      string // "": never
	}{
		"nothing is always open":    {nil, "2026-11-23 12:00", "never", time.Hour, "2026-11-23 12:00"},
		"an empty calendar as well": {&Calendar{}, "2026-11-23 12:00", "never", 1000 * time.Hour, "2026-11-23 12:00"},
		"days name the start": {&Calendar{Windows: []Window{window(week, 22, 6)}},
			"2026-11-28 05:00", "2026-11-28 06:00", time.Hour, "2026-11-28 05:00"},
		"Saturday evening is closed": {&Calendar{Windows: []Window{window(week, 22, 6)}},
			"2026-11-28 22:00", "", time.Hour, "2026-11-30 22:00"},
		"what does not fit tonight waits": {&Calendar{Windows: []Window{window(week, 22, 6)}},
			"2026-11-24 05:30", "2026-11-24 06:00", time.Hour, "2026-11-24 22:00"},
		"what just fits starts": {&Calendar{Windows: []Window{window(week, 22, 6)}},
			"2026-11-24 05:00", "2026-11-24 06:00", time.Hour, "2026-11-24 05:00"},
		"what never fits": {&Calendar{Windows: []Window{window(week, 22, 6)}},
			"2026-11-24 05:30", "2026-11-24 06:00", 9*time.Hour + 1, ""},
		"equal start and end are a day": {&Calendar{Windows: []Window{window(day(time.Saturday), 9, 9)}},
			"2026-11-28 09:00", "2026-11-29 09:00", 24 * time.Hour, "2026-11-28 09:00"},
		"days that adjoin merge": {&Calendar{Windows: []Window{window(day(time.Saturday, time.Sunday), 9, 9)}},
			"2026-11-28 09:00", "2026-11-30 09:00", 48 * time.Hour, "2026-11-28 09:00"},
		"a whole week never closes": {&Calendar{Windows: []Window{window(everyDay, 0, 0)}},
			"2026-11-28 09:00", "never", 5000 * time.Hour, "2026-11-28 09:00"},
		"windows that adjoin merge": {&Calendar{Windows: []Window{window(week, 20, 22), window(week, 22, 1)}},
			"2026-11-24 21:00", "2026-11-25 01:00", 4 * time.Hour, "2026-11-24 21:00"},
		"windows that overlap merge": {&Calendar{Windows: []Window{window(week, 20, 23), window(week, 22, 1)}},
			"2026-11-24 21:00", "2026-11-25 01:00", 4*time.Hour + 1, "2026-11-25 20:00"},
		// 00:00 to 01:00 in Sydney
		"zones may mix": {&Calendar{Windows: []Window{window(week, 22, 0), {week, 13 * 60, 14 * 60, "UTC"}}},
			"2026-11-24 22:00", "2026-11-25 01:00", 3 * time.Hour, "2026-11-24 22:00"},
		"a blackout cuts a night short": {&Calendar{Windows: []Window{window(week, 22, 6)},
			Blackouts: []Blackout{{"2026-12-24T00:00", "2026-12-27T00:00", zone}}},
			"2026-12-23 23:00", "2026-12-24 00:00", 2 * time.Hour, "2026-12-28 22:00"},
		"a blackout alone": {&Calendar{Blackouts: []Blackout{{"2026-12-24T00:00", "2026-12-27T00:00", zone}}},
			"2026-12-23 23:00", "2026-12-24 00:00", 2 * time.Hour, "2026-12-27 00:00"},
		"blackouts that adjoin": {&Calendar{Blackouts: []Blackout{{"2026-12-25T00:00", "2026-12-27T00:00", zone},
			{"2026-12-24T00:00", "2026-12-25T00:00", zone}}},
			"2026-12-24 00:00", "", time.Hour, "2026-12-27 00:00"},
		"after the last blackout": {&Calendar{Blackouts: []Blackout{{"2026-12-24T00:00", "2026-12-27T00:00", zone}}},
			"2026-12-27 00:00", "never", time.Hour, "2026-12-27 00:00"},
		"a blackout of years": {&Calendar{Windows: []Window{window(week, 22, 6)},
			Blackouts: []Blackout{{"2026-01-01T00:00", "2029-01-01T00:00", zone}}}, "2026-12-24 23:00", "", time.Hour,
			""},
		"an hour that is left out": {&Calendar{Windows: []Window{{day(time.Sunday), 2*60 + 15, 2*60 + 45, zone}}},
			"2026-10-04 03:00", "", time.Minute, "2026-10-11 02:15"},
		"an hour that comes twice opens once": {&Calendar{Windows: []Window{{day(time.Sunday), 2*60 + 15, 2*60 + 45,
			zone}}},
			"2026-04-05 01:00", "", 31 * time.Minute, ""},
		"a blackout lasts to the second of two": {&Calendar{Blackouts: []Blackout{{"2026-04-05T00:00",
			"2026-04-05T02:30", zone}}},
			"2026-04-05 00:00", "", time.Minute, "2026-04-04T16:30Z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := compile(t, c.calendar)
			at := local(t, zone, c.at)
			until, open := s.OpenAt(at)
			want := time.Time{}
			if c.until != "" && c.until != "never" {
				want = local(t, zone, c.until)
			}
			if open != (c.until != "") || !until.Equal(want) {
				t.Errorf("open %v until %v, want %s", open, until, c.until)
			}
			start, ok := s.Fit(at, c.need)
			switch {
			case c.fit == "":
				if ok {
					t.Errorf("%v fits at %v", c.need, start)
				}
				return
			case strings.HasSuffix(c.fit, "Z"):
				want, _ = time.Parse("2006-01-02T15:04Z07:00", c.fit)
			default:
				want = local(t, zone, c.fit)
			}
			if !ok || !start.Equal(want) {
				t.Errorf("%v fits at %v, %v; want %v", c.need, start, ok, want)
			}
		})
	}
}

// A window ends where it closes, or where a blackout begins inside of it. A blackout that
// begins weeks from now, where windows never close or there are none, ends no night.
func TestWindowAt(t *testing.T) {
	t.Parallel()
	const zone = "Australia/Sydney"
	christmas := []Blackout{{"2026-12-24T00:00", "2026-12-27T00:00", zone}}
	nights, always := []Window{{everyDay, 22 * 60, 6 * 60, zone}}, []Window{{everyDay, 0, 0, zone}}
	for name, c := range map[string]struct {
		calendar *Calendar
		at       string
		until    string // "": no window is open
		blackout bool
	}{
		"no calendar":                   {nil, "2026-11-30 23:00", "", false},
		"a far blackout alone":          {&Calendar{Blackouts: christmas}, "2026-11-30 23:00", "", false},
		"a near blackout alone":         {&Calendar{Blackouts: christmas}, "2026-12-23 23:00", "", false},
		"windows that never close":      {&Calendar{always, christmas}, "2026-11-30 23:00", "", false},
		"a night":                       {&Calendar{nights, christmas}, "2026-11-30 23:00", "2026-12-01 06:00", false},
		"a night that a blackout cuts":  {&Calendar{nights, christmas}, "2026-12-23 23:00", "2026-12-24 00:00", true},
		"a blackout":                    {&Calendar{nights, christmas}, "2026-12-24 23:00", "", false},
		"a blackout after the last one": {&Calendar{nights, christmas}, "2026-12-27 01:00", "2026-12-27 06:00", false},
		"by day":                        {&Calendar{nights, christmas}, "2026-11-30 12:00", "", false},
		"a blackout that begins as the window closes": {&Calendar{nights,
			[]Blackout{{"2026-12-01T06:00", "2026-12-02T00:00", zone}}}, "2026-11-30 23:00", "2026-12-01 06:00", false},
	} {
		var want time.Time
		if c.until != "" {
			want = local(t, zone, c.until)
		}
		until, blackout, open := compile(t, c.calendar).WindowAt(local(t, zone, c.at))
		if !until.Equal(want) || blackout != c.blackout || open != (c.until != "") {
			t.Errorf("%s: open %v until %v, for a blackout %v; want %q, %v", name, open, until, blackout, c.until,
				c.blackout)
		}
	}
}

func TestCalendarFaults(t *testing.T) {
	t.Parallel()
	good := Window{everyDay, 0, 60, "UTC"}
	for name, c := range map[string]struct {
		change func(*Window, *Blackout)
		want   string
	}{
		"no days":          {func(w *Window, _ *Blackout) { w.Days = nil }, "no days"},
		"no such day":      {func(w *Window, _ *Blackout) { w.Days = []time.Weekday{7} }, "day 7"},
		"a day twice":      {func(w *Window, _ *Blackout) { w.Days = []time.Weekday{1, 1} }, "twice"},
		"a late start":     {func(w *Window, _ *Blackout) { w.Start = 1440 }, "no clock"},
		"an early end":     {func(w *Window, _ *Blackout) { w.End = -1 }, "no clock"},
		"no zone":          {func(w *Window, _ *Blackout) { w.Zone = "" }, "IANA"},
		"the machine's":    {func(w *Window, _ *Blackout) { w.Zone = "Local" }, "IANA"},
		"an unknown zone":  {func(w *Window, _ *Blackout) { w.Zone = "Australia/Sidney" }, "not known"},
		"a path":           {func(w *Window, _ *Blackout) { w.Zone = "../../etc/passwd" }, "not known"},
		"an unknown zone ": {func(_ *Window, b *Blackout) { b.Zone = "x" }, "blackout 1"},
		"no such date":     {func(_ *Window, b *Blackout) { b.From = "2026-02-30T00:00" }, "not a local time"},
		"no time":          {func(_ *Window, b *Blackout) { b.To = "2026-12-27" }, "not a local time"},
		"backwards":        {func(_ *Window, b *Blackout) { b.From = b.To }, "before it begins"},
	} {
		w, b := good, Blackout{"2026-12-24T00:00", "2026-12-27T00:00", "UTC"}
		c.change(&w, &b)
		_, err := CompileCalendar(&Calendar{Windows: []Window{w}, Blackouts: []Blackout{b}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// wallClocks are the wall clocks of a zone, minute by minute from a moment on,
// in minutes as if in UTC.
type wallClocks struct {
	highest []int64 // the latest that was shown until the minute
	lowest  []int64 // the earliest that is shown from the minute on
}

func clocks(from time.Time, minutes int, zone string) wallClocks {
	loc, err := LoadZone(zone)
	if err != nil {
		panic(err)
	}
	w := wallClocks{make([]int64, minutes), make([]int64, minutes)}
	for i := range minutes {
		l := from.Add(time.Duration(i) * time.Minute).In(loc)
		wall := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC).Unix() / 60
		w.highest[i], w.lowest[i] = wall, wall
		if i > 0 {
			w.highest[i] = max(wall, w.highest[i-1])
		}
	}
	for i := minutes - 2; i >= 0; i-- {
		w.lowest[i] = min(w.lowest[i], w.lowest[i+1])
	}
	return w
}

// openMinutes is the calendar as one would explain it, with a look at every
// minute: a clock that is put back shows nothing new until it is where it was.
func openMinutes(c *Calendar, from time.Time, minutes int) []bool {
	open := make([]bool, minutes)
	known := make(map[string]wallClocks)
	of := func(zone string) wallClocks {
		if _, ok := known[zone]; !ok {
			known[zone] = clocks(from, minutes, zone)
		}
		return known[zone]
	}
	for i := range open {
		open[i] = len(c.Windows) == 0
	}
	for _, w := range c.Windows {
		starts := make(map[time.Weekday]bool)
		for _, d := range w.Days {
			starts[d] = true
		}
		for i, wall := range of(w.Zone).highest {
			at := time.Unix(wall*60, 0).UTC()
			minute := at.Hour()*60 + at.Minute()
			today, yesterday := starts[at.Weekday()], starts[at.AddDate(0, 0, -1).Weekday()]
			if w.End > w.Start {
				open[i] = open[i] || today && minute >= w.Start && minute < w.End
			} else {
				open[i] = open[i] || today && minute >= w.Start || yesterday && minute < w.End
			}
		}
	}
	for _, b := range c.Blackouts {
		begin, _ := ParseWall(b.From)
		end, _ := ParseWall(b.To)
		w := of(b.Zone)
		for i := range open {
			if w.highest[i] >= begin.Unix()/60 && w.lowest[i] < end.Unix()/60 {
				open[i] = false
			}
		}
	}
	return open
}

// TestCalendarAgainstEveryMinute compares a Schedule with a model that looks
// at each minute of five weeks around a change of the clocks.
func TestCalendarAgainstEveryMinute(t *testing.T) {
	t.Parallel()
	zones := []string{"Australia/Sydney", "Australia/Lord_Howe", "Europe/London", "America/New_York", "UTC",
		"Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca"}
	const margin, minutes = 2 * dayMinutes, 35 * dayMinutes
	rapid.Check(t, func(t *rapid.T) {
		change := rapid.SampledFrom([]string{"2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25",
			"2026-11-01",
			"2011-12-30", "2026-02-15", "2026-07-01"}).Draw(t, "around")
		from, _ := time.Parse(time.DateOnly, change)
		from = from.AddDate(0, 0, -rapid.IntRange(3, 30).Draw(t, "days before"))
		c := &Calendar{}
		zone := rapid.SampledFrom(zones)
		quarter := rapid.Map(rapid.IntRange(0, 95), func(q int) int { return q * 15 })
		for range rapid.IntRange(0, 3).Draw(t, "windows") {
			days := rapid.SliceOfNDistinct(rapid.SampledFrom(everyDay), 1, 7,
				func(d time.Weekday) time.Weekday { return d })
			c.Windows = append(c.Windows,
				Window{days.Draw(t, "on"), quarter.Draw(t, "start"), quarter.Draw(t, "end"), zone.Draw(t, "zone")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "blackouts") {
			begin := from.Add(time.Duration(rapid.IntRange(0, minutes/15).Draw(t, "begin")*15) * time.Minute)
			end := begin.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "length")*15) * time.Minute)
			c.Blackouts = append(c.Blackouts,
				Blackout{begin.Format(blackoutLayout), end.Format(blackoutLayout), zone.Draw(t, "zone")})
		}
		s, err := CompileCalendar(c)
		if err != nil {
			t.Fatal(err)
		}
		open := openMinutes(c, from, minutes)
		moment := func(i int) time.Time { return from.Add(time.Duration(i) * time.Minute) }
		// The model knows nothing of what was before its first minute or comes
		// after its last.
		end := math.MaxInt
		for i := minutes - 1; i >= margin; i-- {
			if i+1 < minutes && open[i] != open[i+1] && i < minutes-margin {
				end = i + 1
			}
			if i >= minutes-margin {
				continue
			}
			until, ok := s.OpenAt(moment(i))
			if ok != open[i] {
				t.Fatalf("%+v: at %v open is %v, want %v", c, moment(i), ok, open[i])
			}
			if ok && end != math.MaxInt && !until.Equal(moment(end)) {
				t.Fatalf("%+v: at %v open until %v, want %v", c, moment(i), until, moment(end))
			}
		}
		need := rapid.IntRange(0, 600).Draw(t, "need")
		at := rapid.IntRange(margin, minutes-margin).Draw(t, "at")
		run, want := 0, -1
		for i := at; i < minutes-margin && want < 0; i++ {
			if open[i] {
				run++
			} else {
				run = 0
			}
			if run > 0 && run >= need {
				want = i + 1 - max(need, 1)
			}
		}
		start, ok := s.Fit(moment(at), time.Duration(need)*time.Minute)
		switch {
		case want >= 0 && (!ok || !start.Equal(moment(want))):
			t.Fatalf("%+v: %d minutes from %v fit at %v, %v; want %v", c, need, moment(at), start, ok, moment(want))
		case want < 0 && ok && start.Add(time.Duration(need)*time.Minute).Before(moment(minutes-margin)):
			t.Fatalf("%+v: %d minutes from %v fit at %v; want none", c, need, moment(at), start)
		}
		if ok {
			if until, open := s.OpenAt(start); !open || !until.IsZero() &&
				until.Sub(start) < time.Duration(need)*time.Minute {
				t.Fatalf("%+v: fits at %v, where it is open %v until %v", c, start, open, until)
			}
		}
	})
}

// TestScheduleIsShared: many ask one Schedule at a time.
func TestScheduleIsShared(t *testing.T) {
	t.Parallel()
	s := compile(t, &Calendar{Windows: []Window{{everyDay, 22 * 60, 6 * 60, "Europe/London"}}})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				at := now.AddDate(0, 0, (i*(g+1))%400)
				if start, ok := s.Next(at); !ok || start.Before(at) || start.Sub(at) > 24*time.Hour {
					t.Errorf("after %v it opens at %v", at, start)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkFit(b *testing.B) {
	for _, windows := range []int{0, 1, 7} {
		b.Run(fmt.Sprint(windows), func(b *testing.B) {
			c := &Calendar{Blackouts: []Blackout{{"2026-12-24T00:00", "2026-12-27T00:00", "Europe/London"}}}
			for i := range windows {
				c.Windows = append(c.Windows, Window{[]time.Weekday{time.Weekday(i)}, 22 * 60, 6 * 60, "Europe/London"})
			}
			s := compile(b, c)
			for i := 0; b.Loop(); i++ {
				s.Fit(now.Add(time.Duration(i%100_000)*time.Minute), 90*time.Minute)
			}
		})
	}
}

// The last day of a leap year, in zones whose clocks change by a rule and in one whose do
// not: a window of it opens and closes like that of any other day.
func TestTheLastDayOfALeapYear(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Australia/Sydney", "Europe/London", "America/New_York", "Asia/Kolkata"} {
		zone, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		every := []time.Weekday{0, 1, 2, 3, 4, 5, 6}
		s, err := CompileCalendar(&Calendar{Windows: []Window{{Days: every, Start: 22 * 60, End: 6 * 60, Zone: name}},
			Blackouts: []Blackout{{From: "2028-12-30T22:00", To: "2028-12-31T02:00", Zone: name}}})
		if err != nil {
			t.Fatal(err)
		}
		at := func(day, hour int) time.Time { return time.Date(2028, 12, day, hour, 0, 0, 0, zone) }
		for _, c := range [][2]time.Time{{at(31, 2), at(31, 6)}, {at(31, 22), at(32, 6)}} {
			opens, ok := s.Next(c[0].Add(-time.Hour))
			closes, open := s.OpenAt(c[0])
			if !ok || !open || !opens.Equal(c[0]) || !closes.Equal(c[1]) {
				t.Errorf("%s: it opens at %s and closes at %s, want %s and %s", name, opens.In(zone), closes.In(zone),
					c[0], c[1])
			}
		}
	}
}
