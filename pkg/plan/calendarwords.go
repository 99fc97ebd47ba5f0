package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// WindowWords says when a calendar's windows are open, one text each, such as
// "Mon–Fri 22:00–06:00 Australia/Sydney".
func (c *Calendar) WindowWords() []string {
	var out []string
	for _, w := range c.Windows {
		out = append(out, fmt.Sprintf("%s %s–%s %s", daysWords(w.Days), minuteWords(w.Start), minuteWords(w.End), w.Zone))
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
