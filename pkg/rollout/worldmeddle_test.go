package rollout

import (
	"reflect"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// meddle lets a person interfere with the run, now and then: pause it and let
// it go on, hold a vault and release it, lower limits and lift them, leave a
// note, stop the process, or have the run closed.
func (w *world) meddle() {
	if w.m == nil || w.meddling || w.now.Sub(w.epoch()) >= w.horizon() || !w.chance(w.Meddle, "meddle", w.steps) {
		return
	}
	n, by := w.steps, fleet.Actor{User: "sam"}
	back := time.Duration(2+w.pick(90, "back after", n)) * time.Minute
	switch w.pick(12, "meddles", n) {
	case 0, 1, 2:
		w.order(0, func(*State) fleet.Fact { return fleet.Paused{By: by, Reason: "a customer calls"} })
	case 3, 4, 5, 6:
		i := w.pick(len(w.plan.Vaults), "holds", n)
		hold := func(off bool) func(*State) fleet.Fact {
			return func(s *State) fleet.Fact {
				if s.checkHold(i, off) != nil {
					return nil
				}
				return fleet.Held{Vault: w.plan.Vaults[i].Key, Off: off, By: by, Reason: "a restore is needed"}
			}
		}
		w.order(0, hold(false))
		if w.chance(70, "releases", n) {
			w.order(back, hold(true))
		}
	case 7, 8, 9:
		w.order(0, func(*State) fleet.Fact {
			return fleet.LimitsChanged{Upgrades: 1, PerSubscription: 1, By: by, Reason: "slow down"}
		})
		w.order(back, func(*State) fleet.Fact {
			return fleet.LimitsChanged{Upgrades: fleet.AsPlanned, PerSubscription: fleet.AsPlanned, By: by,
				Reason: "as planned"}
		})
	case 10:
		w.order(0, func(*State) fleet.Fact {
			if w.m != nil {
				w.stopped = true
			}
			return fleet.Stopped{By: by, Reason: "enough for tonight"}
		})
	case 11:
		if w.chance(80, "only a note", n) {
			w.order(0, func(*State) fleet.Fact { return fleet.Noted{By: by, Text: "handed over to kim"} })
			return
		}
		w.order(0, func(*State) fleet.Fact {
			return fleet.Stopped{Close: true, By: by,
				Reason: "the change is withdrawn"}
		})
	}
}

// order gives a command after a while: to the live process, or left in the
// ledger for the next. What to say is decided then; nil is nothing. Whoever gets
// no answer, because the process died over it, says it again.
func (w *world) order(after time.Duration, decide func(*State) fleet.Fact) {
	w.meddling = true
	w.after(0, after, func() []Observation {
		w.meddling = false
		if w.committed.Run.Closed != nil {
			return nil
		}
		if w.m != nil && w.told == w.steps { // the runner hears one command a step
			w.order(time.Second, decide)
			return nil
		}
		s := w.committed
		if w.m != nil {
			s = w.m.State
		}
		f := decide(s)
		if f == nil {
			return nil
		}
		if w.m == nil {
			w.commit([]fleet.Event{{At: w.now, Fact: f}})
			return nil
		}
		w.told = w.steps
		committed, lives := len(w.journal), w.process
		w.after(0, time.Minute, func() []Observation {
			if (w.m == nil || w.process != lives) && !w.saidSince(committed, f) {
				w.order(0, decide)
			}
			return nil
		})
		return []Observation{Commanded{f}}
	})
}

// takeBack ends every pause that was written down, sooner or later: whoever
// paused a run has not gone home for good.
func (w *world) takeBack(f fleet.Paused) {
	if f.Off {
		return
	}
	back := time.Duration(2+w.pick(90, "back after", w.steps)) * time.Minute
	w.order(back, func(s *State) fleet.Fact {
		if s.Run.Paused == nil {
			return nil
		}
		return fleet.Paused{Off: true, By: f.By, Reason: "all is well"}
	})
}

// saidSince reports whether the journal of the present run holds a fact beyond
// a place in it.
func (w *world) saidSince(at int, f fleet.Fact) bool {
	return slices.ContainsFunc(w.journal[min(at, len(w.journal)):],
		func(e fleet.Event) bool { return reflect.DeepEqual(e.Fact, f) })
}
