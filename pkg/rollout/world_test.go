package rollout

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// world is a run of the machine against a simulated cloud that keeps its own
// truth, by a simulated runner that is killed at the worst moments. Everything
// in it follows from its config: outcomes come from hashes, never from one
// shared stream, so a change of order changes nothing else.
//
// It panics with a breach when a promise is broken.
type world struct {
	config
	plan    *plan.Plan
	cloud   *cloud
	now     time.Time
	events  eventHeap
	seq     int
	arrival *rand.Rand // in which order simultaneous observations come in

	// One process. m is nil while none runs.
	m       *Machine
	process int
	wake    time.Time
	busy    map[int]string // what is being done for a vault
	watched map[string]map[int]Watch
	poller  map[string]int // the reader of a subscription; 0: none
	stopped bool           // told to stop
	shadows []*shadow      // restored from it

	// The ledger.
	runs      int
	journal   []fleet.Event   // of the present run
	committed *State          // its fold
	left      Inheritance     // of all runs
	moved     []time.Time     // when an upgrade of each vault was last seen to begin or to end, over all runs
	unsent    []time.Time     // what moved was before the start that is out, should it never leave
	saidYes   []bool          // answered with an acceptance, as committed, and not re-opened since
	failed    []bool          // committed as failed and not re-opened since
	posts     []int           // POSTs that may have left, in this run and since the last permit
	permits   []int           // how often a vault may be accepted in all
	accepted  map[string]bool // operations that were committed as seen accepted
	written   map[string]bool // operations that a person wrote off by re-opening their vault

	// Policy.
	skew     time.Duration // of the wall clock
	almanac  almanac
	asked    bool                      // a person is about to approve a gate
	meddling bool                      // a person is about to interfere
	told     int                       // the step before which a person last said something
	tries    map[string]int            // approvals given, by gate
	approved map[string]fleet.Approved // the newest, by gate
	gates    map[string]bool           // opened in this run
	done     map[string]time.Time      // when waves were done last
	adopted  []bool                    // upgrades of ours that came to light without a start

	steps, crashes, exits int
	log                   []string       // everything the machine said
	seen                  map[string]int // what has happened, for the coverage
}

// breach is a broken promise.
type breach string

func (w *world) broken(format string, args ...any) {
	panic(breach(fmt.Sprintf("at %s, step %d, process %d: %s", w.now.Sub(w.epoch()), w.steps, w.process,
		fmt.Sprintf(format, args...))))
}

// event is something that happens by itself: in the cloud (process 0), or in
// a process, and then only while that process lives.
type event struct {
	at      time.Time
	seq     int
	process int
	latest  time.Time // a start on its way into the cloud: it gets there before that or never; else zero
	fire    func() []Observation
}

func newWorld(c config, arrival uint64) *world {
	p := c.plan()
	w := &world{config: c, plan: p, now: c.epoch(), arrival: rand.New(rand.NewPCG(arrival, 1)),
		failed: make([]bool, len(p.Vaults)), saidYes: make([]bool, len(p.Vaults)),
		moved: make([]time.Time, len(p.Vaults)), unsent: make([]time.Time, len(p.Vaults)),
		permits: make([]int, len(p.Vaults)), accepted: map[string]bool{}, written: map[string]bool{},
		seen: map[string]int{}, almanac: almanac{}, tries: map[string]int{}}
	for i := range w.permits {
		w.permits[i] = 1
	}
	w.cloud = newCloud(w)
	w.setClocks()
	return w
}

// run carries out the config's runs, each to its end.
func (w *world) run() {
	for w.runs < w.Runs {
		w.openRun()
		for w.committed.Run.Closed == nil {
			w.turn()
		}
		for i := range w.committed.Vaults {
			if v := &w.committed.Vaults[i]; v.Open() && (!w.committed.Closing() || v.InFlight()) {
				w.broken("the run is closed and %s is %s", w.plan.Vaults[i].Name, v.Status)
			}
		}
		w.now = w.now.Add(time.Hour)
	}
}

// openRun begins a run with what the one before left.
func (w *world) openRun() {
	w.runs++
	opened := fleet.RunOpened{RunID: fmt.Sprint("run", w.runs), By: fleet.Actor{User: worldStarter},
		PlanFingerprint:  w.plan.Fingerprint,
		ValidateAllFirst: w.AllFirst}
	if w.committed != nil {
		for i := range w.committed.Vaults {
			r := w.committed.Record(i)
			if r.Status != fleet.Failed && r.Status != fleet.Unknown {
				continue
			}
			c := fleet.Carried{Vault: r.Vault, Status: r.Status, OperationID: r.OperationID, Disregard: r.Disregard,
				StartedAt: r.StartedAt, EndedAt: r.EndedAt, Accepted: r.Accepted, ErrorBody: r.ErrorBody}
			w.seen["carried "+string(r.Status)]++
			if w.chance(w.Reopen, "reopen", i, w.runs) {
				c.Status, c.Disregard = fleet.Pending, append(slices.Clone(c.Disregard), c.OperationID)
				w.permit(i)
			}
			opened.Carried = append(opened.Carried, c)
		}
	}
	all := w.left.Open(w.plan, fleet.RunOpened{})
	opened.Upgraded, opened.Unseen, opened.Already = all.Upgraded, all.Unseen, all.Already
	opened.Changed = all.Changed
	w.approved, w.gates, w.done = map[string]fleet.Approved{}, map[string]bool{}, map[string]time.Time{}
	w.adopted, w.asked = make([]bool, len(w.plan.Vaults)), false
	w.journal, w.committed, w.posts = nil, NewState(w.plan), make([]int, len(w.plan.Vaults))
	w.commit([]fleet.Event{{At: w.now, Fact: opened}})
	w.start()
}

// permit is a person's permission to try a vault again.
func (w *world) permit(i int) {
	w.permits[i]++
	w.failed[i], w.saidYes[i] = false, false
	w.written[w.committed.Vaults[i].OperationID] = true
	w.seen["reopened"]++
}

// start begins a process over the journal.
func (w *world) start(commands ...fleet.Fact) {
	w.process++
	w.m, w.wake, w.stopped, w.shadows = New(w.plan), time.Time{}, false, nil
	w.m.ExitWhenWaiting = w.LeaveWaiting
	w.busy, w.watched, w.poller = map[int]string{}, map[string]map[int]Watch{}, map[string]int{}
	if err := w.m.Replay(w.journal); err != nil {
		w.broken("replay: %v", err)
	}
	w.checkReplay()
	var obs []Observation
	for _, f := range commands {
		obs = append(obs, Commanded{f})
	}
	w.step(obs)
}

// turn lets the next thing happen.
func (w *world) turn() {
	if w.steps > 40_000 || w.now.Sub(w.epoch()) > w.horizon()+worldEnds {
		w.broken("the run does not end")
	}
	next := w.wake
	if w.m == nil {
		next = time.Time{}
	}
	if len(w.events) > 0 {
		next = earlier(w.events[0].at, next)
	}
	if next.IsZero() {
		w.broken("nothing will ever happen again")
	}
	w.now = later(w.now, next)
	var obs []Observation
	for len(w.events) > 0 && !w.events[0].at.After(w.now) {
		e := heap.Pop(&w.events).(*event)
		if e.process == 0 || e.process == w.process && w.m != nil {
			obs = append(obs, e.fire()...)
		}
	}
	if w.m == nil {
		return
	}
	if w.chance(w.Interrupt, "interrupt", w.steps) && w.now.Sub(w.epoch()) < w.horizon() {
		w.stopped = true
		w.seen["interrupted"]++
		obs = append(obs, Interrupted{})
	}
	if len(obs) > 0 || !w.wake.IsZero() && !w.wake.After(w.now) {
		w.step(w.shuffled(obs))
	}
}

// shuffled lets observations arrive in any order, but for people's commands:
// each is given after the one before was answered.
func (w *world) shuffled(obs []Observation) []Observation {
	var said, seen []Observation
	for _, o := range obs {
		if _, ok := o.(Commanded); ok {
			said = append(said, o)
		} else {
			seen = append(seen, o)
		}
	}
	w.arrival.Shuffle(len(seen), func(i, j int) { seen[i], seen[j] = seen[j], seen[i] })
	at := 0
	if len(seen) > 0 {
		at = w.arrival.IntN(len(seen) + 1)
	}
	return slices.Insert(seen, at, said...)
}

// step is the runner's loop once: step, commit, act; with a kill in between,
// now and then.
func (w *world) step(obs []Observation) {
	w.steps++
	if w.plan.ReadsWall() {
		obs = append(obs, Clock{w.wall()})
	}
	w.cut()
	told := slices.Clone(obs)
	out := w.m.Step(w.now, obs)
	w.shadowed(told, out)
	if out.Err != nil {
		w.broken("step: %v", out.Err)
	}
	w.log = append(w.log, w.logged(out))
	w.checkStep(out)
	died, rate := -1, w.Crash
	if len(out.Intents) > 0 {
		rate *= 4 // the moment that matters most
	}
	if w.crashes < maxCrashes && w.now.Sub(w.epoch()) < w.horizon() && w.chance(rate, "crash", w.steps) {
		died = w.pick(5, "crash kind", w.steps)
	}
	if died == 0 {
		w.crash("before the commit")
		return
	}
	w.commit(out.Facts)
	if died == 1 && len(out.Intents) > 0 {
		w.crash("between facts and intents")
		return
	}
	w.commit(out.Intents)
	w.replayed()
	if w.committed.Run.Closed == nil || died < 0 {
		w.checkCommitted()
	}
	switch died {
	case 2:
		w.crash("before the actions")
		return
	case 3:
		for _, a := range out.Actions[:len(out.Actions)/2] {
			w.perform(a)
		}
		w.crash("amid the actions")
		return
	}
	for _, a := range out.Actions {
		w.perform(a)
	}
	w.attend()
	w.meddle()
	if died == 4 && w.m != nil {
		w.crash("while waiting")
	}
}

// crash ends the process; another one starts after a while. A start on its way
// gets into the cloud as it would have, or something between holds it for as long
// as a start may be on its way at all: nobody knows that its sender has died.
func (w *world) crash(when string) {
	if w.committed.Run.Closed != nil {
		w.m = nil
		return
	}
	w.crashes++
	w.seen["crash "+when]++
	for _, e := range w.events {
		if latest := e.latest.Sub(w.now); latest > 0 && w.chance(60, "held", e.seq) {
			e.at = later(e.at, w.now.Add(time.Duration(w.pick(int(latest), "held for", e.seq))))
			w.seen["a dead process's start held"]++
		}
	}
	heap.Init(&w.events)
	down := 5 // seconds
	if w.chance(30, "long down", w.steps) {
		down = 1200
	}
	w.leave(time.Duration(w.pick(down, "down", w.steps))*time.Second, fleet.Resumed{})
}

// leave ends the process and plans the next one.
func (w *world) leave(pause time.Duration, commands ...fleet.Fact) {
	w.m = nil
	w.after(0, pause, func() []Observation {
		for i := range w.committed.Vaults {
			v := &w.committed.Vaults[i]
			if again := v.Status == fleet.Failed || v.Status == fleet.Unknown && v.Final; again &&
				w.chance(w.Reopen, "reopen", i, w.steps) {
				w.permit(i)
				w.commit([]fleet.Event{{At: w.now, Fact: fleet.Reopened{Vault: w.plan.Vaults[i].Key,
					Disregard: []string{v.OperationID}, Reason: "support said so"}}})
			}
		}
		w.start(commands...)
		return nil
	})
}

// exit does what a person does when the process ends by itself.
func (w *world) exit(code fleet.ExitCode) {
	w.exits++
	w.seen[fmt.Sprint("exit ", code.Name())]++
	w.checkExit(code)
	switch code {
	case fleet.ExitInterrupted:
		w.attend()
		pause := 10 * time.Minute
		if !w.stopped {
			pause *= time.Duration(1 + w.pick(12, "come back", w.steps))
		}
		w.leave(pause, fleet.Resumed{})
	case fleet.ExitSignIn:
		w.leave(30*time.Minute, fleet.Resumed{})
	case fleet.ExitHalted:
		if w.committed.Run.Closed == nil {
			commands := []fleet.Fact{fleet.Resumed{}}
			if w.chance(60, "accept", w.steps) {
				commands = append(commands, fleet.FailuresAccepted{Reason: "support looked"})
			}
			w.leave(10*time.Minute, commands...)
			return
		}
		w.m = nil
	default:
		if w.committed.Run.Closed == nil {
			w.broken("exit %d of a run that is not closed", code)
		}
		w.m = nil
	}
}

// after plans an event, of the cloud where process is 0.
func (w *world) after(process int, d time.Duration, fire func() []Observation) *event {
	w.seq++
	e := &event{at: w.now.Add(d), seq: w.seq, process: process, fire: fire}
	heap.Push(&w.events, e)
	return e
}

type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), cmp.Compare(min(h[i].process, 1), min(h[j].process, 1)),
		cmp.Compare(h[i].seq, h[j].seq)) < 0
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *eventHeap) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	*h = (*h)[:n]
	return x
}
