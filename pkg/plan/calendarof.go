package plan

import (
	"encoding/json"
	"fmt"
	"time"
)

// CalendarOf returns the calendar that holds in the wave at index w, nil where
// upgrades may always run.
func (p *Plan) CalendarOf(w int) *Calendar {
	if own := p.Waves[w].Calendar; own != nil {
		return own
	}
	return p.Calendar
}

// CalendarFor returns the calendar that holds for the vault at index i, nil
// where its upgrade may always run.
func (p *Plan) CalendarFor(i int) *Calendar {
	if own := p.Vaults[i].Calendar; own > 0 {
		return &p.Calendars[own-1]
	}
	return p.CalendarOf(p.Vaults[i].Wave)
}

// sameness returns a text that two calendars share if they say the same.
func (c *Calendar) sameness() string {
	// Numbers and texts only: it cannot fail.
	data, _ := json.Marshal(c)
	return string(data)
}

// own numbers the vaults' own calendars in the order of their first use: one
// more than the index into builder.calendars, 0 for none. Calendars that say
// the same have one number.
func (b *builder) own(c *Calendar) int {
	if c == nil {
		return 0
	}
	if n, known := b.numbers[c]; known { // a rule gives one to thousands
		return n
	}
	if b.numbers == nil {
		b.numbers, b.same = make(map[*Calendar]int), make(map[string]int)
	}
	text := c.sameness()
	n, known := b.same[text]
	if !known {
		b.calendars = append(b.calendars, *c)
		n = len(b.calendars)
		b.same[text] = n
	}
	b.numbers[c] = n
	return n
}

// checkWindows reports every vault whose upgrade, should it take long, fits no
// window of its own or, without any, of its wave.
func (b *builder) checkWindows(waves []Wave) {
	p := Plan{Vaults: b.vaults, Waves: waves, Calendar: b.in.Calendar, Calendars: b.calendars}
	type question struct {
		calendar *Calendar
		need     time.Duration
	}
	schedules := make(map[*Calendar]*Schedule)
	fits := make(map[question]bool)
	for i := range b.vaults {
		v := &b.vaults[i]
		if v.Wave == noWave || v.Excluded() {
			continue
		}
		c := p.CalendarFor(i)
		if c == nil {
			continue
		}
		q := question{c, v.Predicted.P90}
		ok, known := fits[q]
		if !known {
			s, compiled := schedules[c]
			if !compiled {
				// What is wrong with it is reported with the plan's other faults.
				s, _ = CompileCalendar(c)
				schedules[c] = s
			}
			_, ok = s.Fit(b.in.Now, q.need)
			fits[q] = ok
		}
		if !ok {
			whose, hint := fmt.Sprintf("window of wave %q", waves[v.Wave].Name),
				"give that wave a longer window, put the vault into another wave, or hold it"
			if v.Calendar > 0 {
				whose, hint = "window of its own", "give it a longer window, or hold it"
			}
			b.issue(Issue{Code: IssueNoWindow, Subject: Subject{SubjectVault, i}, Hint: hint,
				Message: fmt.Sprintf("vault %q may need %d minutes (its predicted 90th percentile) and fits no %s "+
					"within 400 days",
					v.Ref(), minutes(v.Predicted.P90), whose)})
		}
	}
}

// minutes rounds a duration up to whole minutes.
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// ownCalendars checks that vaults and the calendars that they name agree.
func (f *faultList) ownCalendars(p *Plan) {
	used := make([]bool, len(p.Calendars))
	for i := range p.Vaults {
		v := &p.Vaults[i]
		if v.Calendar < 0 || v.Calendar > len(p.Calendars) {
			f.addf("vault %q names a calendar that the plan does not list", v.Ref())
		} else if v.Calendar > 0 {
			used[v.Calendar-1] = true
		}
	}
	same := make(map[string]bool, len(p.Calendars))
	for i := range p.Calendars {
		c := &p.Calendars[i]
		if _, err := CompileCalendar(c); err != nil {
			f.addf("calendar %d of the vaults: %v", i+1, err)
		}
		if text := c.sameness(); !used[i] || same[text] {
			f.addf("calendar %d is of no vault, or there twice", i+1)
		} else {
			same[text] = true
		}
	}
}
