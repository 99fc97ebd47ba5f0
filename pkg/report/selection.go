package report

import (
	"slices"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// keepToItself takes what is said of others out of a view of some vaults: it
// may be for a customer.
func (v *View) keepToItself(shown func(subscription string) bool) {
	waves := v.Waves[:0]
	for _, w := range v.Waves {
		if count(w.Totals) > 0 {
			waves = append(waves, w)
		}
	}
	v.Waves = waves
	if h := v.Run.Halt; h != nil && h.Subscription && !shown(h.Scope) {
		h.Scope, h.Sentence = "", "the failure budget of another subscription was exceeded"
	}
	if s := v.Run.Suspended; s != nil && s.Subscription != nil && !shown(*s.Subscription) {
		s.Subscription, s.Detail = nil, StringOrNull("it is missing in another subscription")
	}
	v.Run.Waits = slices.DeleteFunc(v.Run.Waits, func(w Wait) bool { return w.Subscription != nil && !shown(*w.Subscription) })
	for i := range v.Run.Waits {
		w := &v.Run.Waits[i]
		w.which = "" // others wait for the same
		if w.For == standing.WaitPause {
			w.wait.By = ""
		}
		w.Text = w.words(lexicon.UTC)
	}
	if o := v.Run.WaitingFor; o != nil && v.Run.Live {
		v.Run.WaitingFor = nil
		if w := HoldsUp(v.Run.Waits); w != nil {
			v.Run.WaitingFor = StringOrNull(w.Text)
		}
	}
	for i := range v.Timeline.Entries {
		switch e := &v.Timeline.Entries[i]; e.Kind {
		case "wave", "closed", "resumed": // totals of everybody's vaults
			e.Detail = nil
		}
	}
	v.Proof = nil // of the whole run, too
}
