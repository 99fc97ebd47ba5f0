package rollout

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var worldHold = &fleet.Hold{Reason: "legal freeze"}

// commit makes facts durable, through their stored form, and checks what a
// journal may never hold.
func (w *world) commit(events []fleet.Event) {
	if len(events) == 0 {
		return
	}
	stored, err := reread(events)
	if err != nil {
		w.broken("the journal cannot be read: %v", err)
	}
	w.journal = append(w.journal, stored...)
	for _, e := range stored {
		w.seen["fact "+e.Fact.Name()]++
		i := -1
		var from fleet.Status
		if f, ok := e.Fact.(fleet.VaultFact); ok {
			i, _ = w.committed.Lookup(f.VaultKey())
			from = w.committed.Vaults[i].Status
		}
		halted := w.committed.Run.Halt != nil
		w.checkPolicy(e.Fact)
		if err := w.committed.Apply(e); err != nil {
			w.broken("the journal: %v", err)
		}
		if p, ok := e.Fact.(fleet.Paused); ok {
			w.takeBack(p)
		}
		if i < 0 {
			if c, over := e.Fact.(fleet.RunClosed); over {
				w.checkClosed(c)
			}
			if _, opened := e.Fact.(fleet.WaveOpened); opened && (halted || w.stopped) {
				w.broken("a wave is opened in a halted or stopped run")
			}
			if _, opened := e.Fact.(fleet.WaveOpened); opened && w.committed.Closing() {
				w.broken("a wave is opened in a run that is being closed")
			}
			continue
		}
		v := &w.committed.Vaults[i]
		w.left.Add(w.committed, e.Fact.(fleet.VaultFact))
		switch e.Fact.(type) {
		case fleet.StartIntended:
			w.unsent[i] = w.moved[i]
		case fleet.NotSent:
			w.moved[i] = w.unsent[i]
		}
		switch e.Fact.(type) {
		case fleet.StartIntended, fleet.StartAnswered, fleet.Observed, fleet.Verified:
			w.moved[i] = later(w.moved[i], later(v.StartedAt, v.EndedAt))
		}
		w.seen["became "+string(v.Status)]++
		if !legal(e.Fact, from, v.Status) {
			w.broken("%s took %s from %s to %s", e.Fact.Name(), w.plan.Vaults[i].Name, from, v.Status)
		}
		switch f := e.Fact.(type) {
		case fleet.StartIntended:
			w.intended(i, f, halted)
		case fleet.DeadlinePassed:
			w.seen["deadline "+string(f.Deadline)]++
		case fleet.StartAnswered:
			w.accepted[f.OperationID] = w.accepted[f.OperationID] || f.Answer.Verdict == fleet.StartAccepted
			w.failed[i] = w.failed[i] || f.Answer.Verdict == fleet.StartFailed
			w.saidYes[i] = w.saidYes[i] || f.Answer.Verdict == fleet.StartAccepted ||
				f.Answer.HTTPStatus == 202
			if f.ForNow && from == fleet.Starting {
				w.posts[i]--
			}
		case fleet.NotSent:
			w.posts[i]--
		case fleet.Reopened:
			w.failed[i], w.saidYes[i], w.posts[i] = false, false, 0
			w.adopted[i] = false
		case fleet.Validated:
			w.adopted[i] = w.adopted[i] || f.Verdict == fleet.VerdictUpgrading || f.Verdict == fleet.VerdictFailed
		case fleet.Observed:
			w.accepted[f.OperationID] = true
		case fleet.Reconciled:
			w.accepted[f.OperationID] = w.accepted[f.OperationID] || f.Reading == fleet.ReadOurs
		}
		w.failed[i] = w.failed[i] || v.Status == fleet.Failed
	}
	w.checkCeiling()
}

// checkClosed counts, by the journal alone, what a closed run never started, and holds the
// exit code to that: what earlier runs left as wanted, and this one has not looked at, was
// kept from nothing.
func (w *world) checkClosed(c fleet.RunClosed) {
	left, looked := map[fleet.Key]bool{}, map[fleet.Key]bool{}
	for _, e := range w.journal {
		switch f := e.Fact.(type) {
		case fleet.RunOpened:
			for _, k := range slices.Concat(f.Upgraded, f.Already) {
				left[k] = true
			}
			for _, c := range f.Carried {
				delete(left, c.Vault)
			}
			for _, k := range f.Unseen {
				delete(left, k)
			}
		case fleet.Held:
		case fleet.VaultFact:
			looked[f.VaultKey()] = true
		}
	}
	never, lost, rest := 0, 0, 0
	for i := range w.committed.Vaults {
		k, v := w.plan.Vaults[i].Key, &w.committed.Vaults[i]
		switch v.Status {
		case fleet.Failed, fleet.Unknown:
			lost++
		case fleet.Blocked, fleet.Busy:
			rest++
		case fleet.Pending, fleet.Ready:
			switch {
			case left[k] && !looked[k]:
				w.seen["closed before it looked at what was done"]++
			case v.Tried:
				rest++
			default:
				never++
			}
		}
	}
	if c.NeverStarted != never {
		w.broken("closed with %d never started, the journal says %d", c.NeverStarted, never)
	}
	want := fleet.ExitOK
	switch {
	case w.committed.Run.Halt != nil:
		want = fleet.ExitHalted
	case lost > 0:
		want = fleet.ExitFailures
	case never+rest > 0:
		want = fleet.ExitNotUpgraded
	}
	if c.Code != want {
		w.broken("closed with %d, and %d lost, %d never started, %d not upgraded besides", c.Code, lost, never, rest)
	}
}

// intended checks what must be so when a start is about to go out.
func (w *world) intended(i int, f fleet.StartIntended, halted bool) {
	name := w.plan.Vaults[i].Name
	w.posts[i]++
	switch {
	case halted:
		w.broken("%s starts in a halted run", name)
	case w.stopped:
		w.broken("%s starts after the signal", name)
	case w.committed.Run.Paused != nil:
		w.broken("%s starts in a paused run", name)
	case w.committed.Closing():
		w.broken("%s starts in a run that is being closed", name)
	case w.failed[i]:
		w.broken("%s failed and starts again", name)
	case w.saidYes[i]:
		w.broken("%s was accepted and starts again", name)
	case w.posts[i] > plan.MaxAttempts || f.Attempt != w.posts[i]:
		w.broken("%s starts for the %dth time, called attempt %d", name, w.posts[i], f.Attempt)
	case w.plan.Vaults[i].Hold != nil, w.committed.Vaults[i].Held != nil:
		w.broken("%s is held and starts", name)
	case w.plan.SameErrorHalt > 0 && w.committed.SameError.N >= w.plan.SameErrorHalt:
		w.broken("%s starts after %+v", name, w.committed.SameError)
	case w.committed.Waves[w.plan.Vaults[i].Wave].OpenedAt.IsZero():
		w.broken("%s starts before its wave", name)
	}
}

// legal reports whether a fact may make this move. Two facts pass through a
// status in between.
func legal(f fleet.Fact, from, to fleet.Status) bool {
	through := func(s fleet.Status) bool { return fleet.CanMove(from, s) && fleet.CanMove(s, to) }
	switch f.(type) {
	case fleet.Validated:
		return through(fleet.Validating)
	case fleet.Observed, fleet.Reconciled:
		return fleet.CanMove(from, to) || through(fleet.Upgrading)
	}
	return fleet.CanMove(from, to)
}

// checkReplay compares the machine, fresh from the journal, with the fold that
// was kept up to date.
func (w *world) checkReplay() { w.same(w.m.State, w.committed, "replayed") }

// checkCommitted compares the live machine with the fold of what it committed.
func (w *world) checkCommitted() {
	if w.steps%8 == 0 || w.committed.Run.Closed != nil {
		w.same(w.settledCopy(), w.committed, "live")
	}
}

// settledCopy is the live state without what is never journalled: that a vault
// is being validated.
func (w *world) settledCopy() *State {
	s := *w.m.State
	s.Vaults, s.Waves = slices.Clone(s.Vaults), slices.Clone(s.Waves)
	for i := range s.Vaults {
		if s.Vaults[i].Status == fleet.Validating {
			s.count(i, -1)
			s.Vaults[i].Status = w.m.jobs[i].Back
			s.count(i, +1)
		}
	}
	return &s
}

func (w *world) same(got, want *State, which string) {
	for i := range got.Vaults {
		if !reflect.DeepEqual(got.Vaults[i], want.Vaults[i]) {
			w.broken("%s: the %s state is\n%+v\nbut the journal says\n%+v", w.plan.Vaults[i].Name, which, got.Vaults[i],
				want.Vaults[i])
		}
	}
	if !reflect.DeepEqual(got.Run, want.Run) || !reflect.DeepEqual(got.Waves, want.Waves) ||
		got.Totals != want.Totals ||
		got.tally != want.tally || got.SameError != want.SameError || got.current != want.current ||
		!maps.Equal(got.Throttled, want.Throttled) || !maps.Equal(got.Denied, want.Denied) {
		w.broken("the %s run is\n%+v %+v %v %v\nbut the journal says\n%+v %+v %v %v", which,
			got.Run, got.Waves, got.tally, got.Throttled, want.Run, want.Waves, want.tally, want.Throttled)
	}
}

// checkStep counts everything the machine keeps a count of from scratch, and
// looks at what it asked for.
func (w *world) checkStep(out Output) {
	m := w.m
	var doing [activities]int
	var totals Totals
	var all tally
	waves, waveTotals := make([]tally, len(m.Waves)), make([]Totals, len(m.Waves))
	var slots, open, flight, denied int
	used, subOpen, subFlight, subSending := make([]int, len(m.subs)), make([]int, len(m.subs)),
		make([]int, len(m.subs)), make([]int, len(m.subs))
	locUsed := make([]int, len(m.locs))
	for i := range m.Vaults {
		v, j, wave := &m.Vaults[i], &m.jobs[i], w.plan.Vaults[i].Wave
		totals.count(v, m.Meanwhile(i), 1)
		waveTotals[wave].count(v, m.Meanwhile(i), 1)
		all.add(v, 1)
		waves[wave].add(v, 1)
		doing[j.Doing]++
		if v.InFlight() || j.Doing == preparing || j.Stale {
			slots, used[j.Sub], locUsed[j.Loc] = slots+1, used[j.Sub]+1, locUsed[j.Loc]+1
		}
		if v.Open() && m.waveOpen(i) {
			open, subOpen[j.Sub] = open+1, subOpen[j.Sub]+1
		}
		if v.InFlight() {
			flight, subFlight[j.Sub] = flight+1, subFlight[j.Sub]+1
		}
		if j.Doing == preparing || j.Doing == sending {
			subSending[j.Sub]++
		}
		if _, watched := m.subs[j.Sub].Watched[i]; watched != (v.InFlight() || v.Status == fleet.Upgrading) {
			w.broken("%s is %s and watched: %t", w.plan.Vaults[i].Name, v.Status, watched)
		}
		if (j.Doing == validating) != (v.Status == fleet.Validating) && v.Held == nil && v.Status != fleet.Pending {
			w.broken("%s is %s, activity %d", w.plan.Vaults[i].Name, v.Status, j.Doing)
		}
	}
	for s := range m.subs {
		if sub := &m.subs[s]; sub.Used != used[s] || sub.Open != subOpen[s] || sub.Flight != subFlight[s] ||
			sub.Sending != subSending[s] {
			w.broken("subscription %d counts %+v; recounted: used %d open %d flight %d sending %d", s, *sub, used[s],
				subOpen[s], subFlight[s], subSending[s])
		}
		if m.subs[s].Denied {
			denied++
		}
	}
	for l := range m.locs {
		if m.locs[l].used != locUsed[l] {
			w.broken("location %d counts %d; recounted %d", l, m.locs[l].used, locUsed[l])
		}
	}
	doing[idle], m.doing[idle] = 0, 0
	for wv := range m.Waves {
		if m.Waves[wv].tally != waves[wv] || m.Waves[wv].Totals != waveTotals[wv] {
			w.broken("wave %d counts %+v %v; recounted %+v %v", wv, m.Waves[wv].tally, m.Waves[wv].Totals, waves[wv],
				waveTotals[wv])
		}
	}
	if m.Totals != totals || m.tally != all || m.slots != slots || m.open != open || m.flight != flight ||
		m.denied != denied || m.doing != doing {
		w.broken("the machine counts %v %+v %d %d %d %d %v; recounted %v %+v %d %d %d %d %v", m.Totals, m.tally,
			m.slots, m.open, m.flight,
			m.denied, m.doing, totals, all, slots, open, flight, denied, doing)
	}
	w.checkWaits(out)
	l := w.limits(m.State)
	for wave := range m.CurrentWave() {
		if m.Waves[wave].DoneAt.IsZero() { // a vault of it was re-opened: its limits hold too
			own := w.plan.LimitsOf(wave)
			l = plan.WaveLimits{Upgrades: min(l.Upgrades, own.Upgrades),
				PerSubscription: lower(l.PerSubscription, own.PerSubscription),
				PerLocation:     lower(l.PerLocation, own.PerLocation)}
		}
	}
	l = under(l, m.Run.Limits)
	if doing[validating] > w.plan.Limits.Validations {
		w.broken("%d validations at once", doing[validating])
	}
	for _, a := range out.Actions {
		var i int
		switch a := a.(type) {
		case Prepare:
			if i = a.Vault; m.unchecked > 0 {
				w.broken("%s is prepared while %d vaults of its wave are not checked", w.plan.Vaults[i].Name,
					m.unchecked)
			}
		case Send:
			i = a.Vault
		case Validate:
			if m.Run.Halt != nil || w.stopped || m.Closing() {
				w.broken("a validation after a halt or a signal")
			}
			continue
		default:
			continue
		}
		j := &m.jobs[i]
		if slots > l.Upgrades || l.PerSubscription > 0 && used[j.Sub] > l.PerSubscription || l.PerLocation > 0 &&
			locUsed[j.Loc] > l.PerLocation {
			w.broken("%T of %s: %d slots, %d of its subscription, %d of its location; limits %+v", a,
				w.plan.Vaults[i].Name, slots, used[j.Sub], locUsed[j.Loc], l)
		}
		if m.Run.Halt != nil || w.stopped || m.Run.Paused != nil || m.Closing() || m.subs[j.Sub].Denied ||
			m.subs[j.Sub].ThrottledUntil.After(w.now) {
			w.broken("%T of %s while halted, stopped, paused, closing, denied or throttled", a,
				w.plan.Vaults[i].Name)
		}
	}
}

// limits are those that hold where a run stands.
func (w *world) limits(s *State) plan.WaveLimits { return w.plan.LimitsOf(max(0, s.CurrentWave())) }

// checkWaits recounts what starts wait for.
func (w *world) checkWaits(out Output) {
	unchecked := 0
	for i := range w.m.Vaults {
		v, j := &w.m.Vaults[i], &w.m.jobs[i]
		first := v.Status == fleet.Pending || v.Status == fleet.Validating && j.Back == fleet.Pending
		mayCheck := w.m.waveOpen(i) || w.AllFirst || w.m.ahead == w.m.Plan.Vaults[i].Wave+1
		if first && mayCheck && !w.m.subs[j.Sub].Denied && !w.m.subs[j.Sub].Away {
			unchecked++
		}
		if _, waits := w.m.windowed[i]; waits && (v.Status != fleet.Ready || !j.NotBefore.After(w.m.now)) {
			w.broken("%s is %s and waits for a window from %s on", w.plan.Vaults[i].Name, v.Status, j.NotBefore)
		}
	}
	w.checkIdle(out)
	if w.m.unchecked != unchecked {
		w.broken("the machine counts %d unchecked vaults; recounted %d", w.m.unchecked, unchecked)
	}
}

// checkIdle: what may start is started, and no vault waits for a window that is
// open (but for a second, by which the wall clock may be off).
func (w *world) checkIdle(out Output) {
	m := w.m
	if m.leaving() || m.Run.Paused != nil || m.exited || m.Run.Halt != nil || m.Run.Closed != nil || out.Err != nil {
		return
	}
	for i := range m.Vaults {
		v, j := &m.Vaults[i], &m.jobs[i]
		if v.Status != fleet.Ready || j.Doing != idle || !m.waveOpen(i) {
			continue
		}
		c, need := w.plan.CalendarFor(i), w.plan.Vaults[i].Predicted.P90
		if _, waits := m.windowed[i]; waits && w.almanac.fits(c, w.wall(), need) &&
			w.almanac.fits(c, w.wall().Add(-time.Second), need) {
			w.broken("%s waits for a window, and one is open", w.plan.Vaults[i].Name)
		}
		if !j.Stale && !j.NotBefore.After(m.now) && m.unchecked == 0 && m.slots < m.limits.Upgrades &&
			m.room(m.doing[preparing]) &&
			m.subFree(j.Sub) && m.locFree(j.Loc) && m.partsRoom(m.cellOf[i], true) {
			w.broken("%s could start and does not", w.plan.Vaults[i].Name)
		}
	}
}

// logged is all of an output, to the byte.
func (w *world) logged(out Output) string {
	data, err := json.Marshal([]any{out.Facts, out.FactRecords, out.Intents, out.IntentRecords})
	if err != nil {
		w.broken("%v", err)
	}
	words := fmt.Sprintf("%s %s", w.now.Sub(w.epoch()), data)
	for _, a := range out.Actions {
		encoded, err := EncodeAction(a)
		if err != nil {
			w.broken("an action that does not cross: %v", err)
		}
		words += " " + string(encoded)
	}
	return words
}

// checkExit compares the exit code with what the ledger says of the run.
func (w *world) checkExit(code fleet.ExitCode) {
	s := w.committed
	want := fleet.ExitHalted
	switch of := s.Totals.Of; {
	case s.Run.Closed == nil && s.Run.Suspended != nil && s.Run.Suspended.Why == fleet.SuspendedWait:
		want = fleet.ExitInterrupted
		w.checkWaiting()
	case s.Run.Closed == nil && s.Run.Suspended != nil && s.Run.Suspended.Why == fleet.SuspendedPause:
		want = fleet.ExitInterrupted
		w.checkPaused()
	case s.Run.Closed == nil && s.Run.Suspended != nil && w.stopped:
		want = fleet.ExitInterrupted
	case s.Run.Closed == nil && s.Run.Suspended != nil:
		want = fleet.ExitSignIn
	case s.Run.Halt != nil:
	case of(fleet.Failed)+of(fleet.Unknown) > 0:
		want = fleet.ExitFailures
	case of(fleet.Blocked) > 0 || s.Closing() && s.tally.open > 0:
		want = fleet.ExitNotUpgraded
	default:
		want = fleet.ExitOK
	}
	if s.Run.Closed != nil && s.Closing() {
		w.seen["closed by a person"]++
	}
	if code != want || s.Verdict() != want {
		w.broken("exit %d, verdict %d, want %d: %v", code, s.Verdict(), want, s.Totals)
	}
	if want == fleet.ExitHalted && s.Run.Closed == nil {
		for i := range s.Vaults {
			if s.Vaults[i].InFlight() {
				w.broken("the halted run leaves %s %s", w.plan.Vaults[i].Name, s.Vaults[i].Status)
			}
		}
	}
}
