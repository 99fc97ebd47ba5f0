// Package forecast answers "when does a run that goes on end, as far as is known
// now": it keeps the newest guess, drops it when something is said that changes the
// end, and has a new one made.
//
// A guess drives the real logic over all that is left (rollout.Foresee), so it is
// made seldom, apart from the run, on a copy of its state. It learns nothing of its own: how
// long upgrades take is the plan's. What a guess means at a moment is
// standing.RemainingOf.
package forecast

import (
	"errors"
	"sync"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// A guess is made anew when a minute begins, which is as fine as it is shown and as
// rollout.Foresee sees it, and takes no more than this part of the time. Where
// something was said that changes the end, the next one does not wait its turn, but
// for a few times as long as the last one took.
const (
	every = time.Minute
	share = 100
	rest  = 5
)

// Keeper keeps the guess of one run. Its methods are safe for concurrent use.
type Keeper struct {
	Wanted func() bool // somebody looks; nil: always. Set it before Keep
	Made   func()      // a guess was made; nil: nobody is told. Set it before Keep

	state func() *rollout.State
	renew chan struct{} // capacity 1
	soon  chan struct{} // capacity 1: not even a rest is waited for

	looking sync.Mutex

	mu      sync.Mutex
	outlook rollout.Outlook
	said    int  // how often something was said that changes the end
	left    bool // no process carries the run out
}

// New returns a keeper that has no guess yet. state returns a copy of the run's state
// that is the keeper's own.
func New(state func() *rollout.State) *Keeper {
	return &Keeper{state: state, renew: make(chan struct{}, 1), soon: make(chan struct{}, 1)}
}

// Take takes in a fact, once the state that is copied has folded it or is sure to. It
// comes back at once.
func (k *Keeper) Take(f fleet.Fact) {
	if !standing.Redirects(f) {
		return
	}
	k.mu.Lock()
	k.said, k.outlook = k.said+1, rollout.Outlook{}
	k.mu.Unlock()
	k.Wake()
}

// Carried says whether a process carries the run out; a new keeper takes it for granted.
// A guess from before that changed holds no more, and Keep makes the next one without a
// rest: whoever asks the ledger anew sees that the process is gone, and both must tell
// one end. It reports whether that changed.
func (k *Keeper) Carried(out bool) bool {
	k.mu.Lock()
	changed := k.left == out
	if changed {
		k.left, k.said, k.outlook = !out, k.said+1, rollout.Outlook{}
	}
	k.mu.Unlock()
	if changed {
		select {
		case k.soon <- struct{}{}:
		default:
		}
		k.Wake()
	}
	return changed
}

// Look makes a guess at once where there is none and somebody begins to look; it takes
// no longer than that, and one at a time. Else Keep makes the next one soon.
func (k *Keeper) Look(now time.Time, most time.Duration) {
	if !k.Outlook().Zero() || !k.looking.TryLock() {
		return
	}
	defer k.looking.Unlock()
	until := time.Now().Add(most)
	late := false
	k.Guess(now, func() bool { late = late || time.Now().After(until); return late })
	if late {
		k.Wake()
	}
}

// Wake has Keep make a guess before its turn: the newest may be of an older state than
// what others see.
func (k *Keeper) Wake() {
	select {
	case k.renew <- struct{}{}:
	default:
	}
}

// Outlook is the newest guess; the zero one: there is none.
func (k *Keeper) Outlook() rollout.Outlook {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.outlook
}

// Remaining is the newest guess as it is seen from now, of the state as it is. It costs a
// copy of that.
func (k *Keeper) Remaining(now time.Time) standing.Remaining {
	st := k.state()
	k.mu.Lock()
	o, live := k.outlook, !k.left
	k.mu.Unlock()
	return standing.RemainingOf(st, o, now, live)
}

// Guess makes a guess as of now; stop, unless nil, is asked all the time and breaks it
// off. What cannot be guessed has none: a halted run for one. A guess that was overtaken
// by what was said meanwhile is not kept.
func (k *Keeper) Guess(now time.Time, stop func() bool) {
	said, st := k.heard(), k.state()
	for n := k.heard(); n != said; n = k.heard() { // the copy may lack what was said
		said, st = n, k.state()
	}
	o, err := rollout.Foresee(st, now, stop)
	if errors.Is(err, rollout.ErrStopped) {
		return
	}
	if err != nil {
		o = rollout.Outlook{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if said == k.said {
		k.outlook = o
	}
}

func (k *Keeper) heard() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.said
}

// Keep makes guesses until stop is closed, the first one in any case and others while
// somebody looks. While no process carries the run out, it makes one every minute however
// long that takes: there is no run to take the time from, and who reads the ledger makes
// a new one each time.
func (k *Keeper) Keep(now func() time.Time, stop <-chan struct{}) {
	stopped := func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	}
	for first := true; ; first = false {
		began := time.Now()
		if first || k.Wanted == nil || k.Wanted() {
			if k.Guess(now(), stopped); k.Made != nil {
				k.Made()
			}
		}
		took := time.Since(began)
		if !pauseFor(rest*took, stop, k.soon) || !pauseFor(k.pause(now(), took), stop, k.renew) {
			return
		}
	}
}

// pause is how long a guess that took so long is good for, unless something is said.
func (k *Keeper) pause(now time.Time, took time.Duration) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left {
		return untilNext(now)
	}
	return max(untilNext(now), share*took)
}

// untilNext is how long it is until a minute begins.
func untilNext(now time.Time) time.Duration { return now.Truncate(every).Add(every).Sub(now) }

// pauseFor waits, or until something comes; false: stop was closed.
func pauseFor(t time.Duration, stop, early <-chan struct{}) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-early:
	case <-timer.C:
	}
	return true
}
