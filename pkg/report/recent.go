package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// happening is something that a run went through: a fact about the run, or what
// became of vaults, where several in a row have the same to say.
type happening struct {
	at     time.Time
	what   string // in one word
	text   string // more of it; times as machines write them
	vaults []int  // the first ones, as indexes into the plan's vaults
	more   int    // how many there are besides
}

// recent is what happened last, the newest last: what the live view tells of
// the past. The zero value is ready.
type recent struct{ list []happening }

// How many happenings are kept, how many vaults of one, and for how long vaults
// with the same to say are told together.
const (
	keptHappenings = 24
	keptVaults     = 12
	together       = time.Minute
)

// run takes in a fact about the run, if it is one that people are told.
func (r *recent) run(st *rollout.State, names []string, e fleet.Event) {
	if what, words := runWords(st, names, e, func(t time.Time) string { return t.UTC().Format(time.RFC3339) }); what != "" {
		r.add(happening{at: e.At, what: what, text: words})
	}
}

// vault takes in what became of a vault.
func (r *recent) vault(st *rollout.State, at time.Time, ch Change) {
	what, why := vaultWords(st, at, ch)
	if what == "" {
		return
	}
	if n := len(r.list); n > 0 {
		last := &r.list[n-1]
		if len(last.vaults) > 0 && last.what == what && last.text == why && at.Sub(last.at) < together {
			last.at = at
			if len(last.vaults) < keptVaults {
				last.vaults = append(last.vaults, ch.Vault)
			} else {
				last.more++
			}
			return
		}
	}
	r.add(happening{at: at, what: what, text: why, vaults: []int{ch.Vault}})
}

func (r *recent) add(h happening) {
	if r.list = append(r.list, h); len(r.list) > keptHappenings {
		r.list = slices.Delete(r.list, 0, 1)
	}
}

func (r *recent) clone() recent {
	list := slices.Clone(r.list)
	for i := range list {
		list[i].vaults = slices.Clone(list[i].vaults)
	}
	return recent{list}
}

// lately lists what happened last, the newest first, on n lines at most.
func (t *Tracker) lately(s *sheet, n int) {
	list := t.recent.list
	if n = min(n, s.left-1, len(list)); n <= 0 {
		return
	}
	s.line(part{text: "What happened last", paint: text.Bold})
	for i := range n {
		h := &list[len(list)-1-i]
		label := fmt.Sprintf("  %s %s ", clockIn(t.Zone).second(h.at), pad(h.what, 10))
		if s.width < narrow {
			label = fmt.Sprintf("  %s ", h.what)
		}
		paint := text.Color(0)
		switch h.what {
		case "FAILED", "HALTED":
			paint = text.FgRed
		case "UNKNOWN", "OVERDUE":
			paint = text.FgYellow
		}
		s.wrap(label, part{text: t.told(h, 2*(s.width-columns(label))), paint: paint}, 2)
	}
}

// told is a happening in words, with as many names as fit into a width.
func (t *Tracker) told(h *happening, width int) string {
	words := Zoned(h.text, t.Zone, h.at)
	if len(h.vaults) == 0 {
		return words
	}
	if words != "" {
		words = ": " + words
	}
	for n := len(h.vaults); ; n-- {
		var names []string
		for _, v := range h.vaults[:n] {
			names = append(names, t.names[v])
		}
		if s := listed(names, len(h.vaults)+h.more); n == 1 || columns(Clean(s+words)) <= width {
			return s + words
		}
	}
}
