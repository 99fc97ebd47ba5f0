package progress

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// lately lists what happened last, the newest first, on n lines at most.
func (t *Tracker) lately(s *layout.LineBuffer, n int) {
	list := t.recent.List
	if n = min(n, s.Left-1, len(list)); n <= 0 {
		return
	}
	s.Line(layout.Part{Text: "What happened last", Paint: text.Bold})
	for i := range n {
		h := &list[len(list)-1-i]
		label := fmt.Sprintf("  %s %s ", lexicon.ClockIn(t.Zone).Second(h.At), layout.Pad(h.What, t.column()))
		if s.Width < narrow {
			label = fmt.Sprintf("  %s ", h.What)
		}
		paint := text.Color(0)
		switch h.What {
		case "FAILED", "HALTED":
			paint = text.FgRed
		case "UNKNOWN", "OVERDUE":
			paint = text.FgYellow
		}
		s.Wrap(label, layout.Part{Text: t.told(h, 2*(s.Width-layout.Columns(label))), Paint: paint}, 2)
	}
}

// told is a happening in words, with as many names as fit into a width.
func (t *Tracker) told(h *report.Happening, width int) string {
	words := layout.Zoned(h.Text, t.Zone, h.At)
	if len(h.Vaults) == 0 {
		return words
	}
	if words != "" {
		words = ": " + words
	}
	if c := lexicon.ClockIn(t.Zone); c.Second(h.Until) != c.Second(h.At) {
		words = " (until " + c.Second(h.Until) + ")" + words
	}
	for n := len(h.Vaults); ; n-- {
		var names []string
		for _, v := range h.Vaults[:n] {
			names = append(names, t.names[v])
		}
		if s := lexicon.Listed(names, len(h.Vaults)+h.More); n == 1 || layout.Columns(lexicon.Clean(s+words)) <= width {
			return s + words
		}
	}
}
