package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// WaitKind says what kind of thing a run waits for.
type WaitKind string

// What a run may wait for, what needs a person first.
const (
	WaitApproval WaitKind = "approval" // a gate: until a person approves
	WaitPause    WaitKind = "pause"    // until a person ends it
	WaitSoak     WaitKind = "soak"     // of the wave that is done
	WaitWindow   WaitKind = "window"   // until it opens, long enough for the upgrade
	WaitThrottle WaitKind = "throttle" // a subscription is throttled
	WaitBusy     WaitKind = "busy"     // vaults on which something else is under way
	WaitStart    WaitKind = "start"    // what starts need does not count yet: until they are given up
	WaitAnswer   WaitKind = "answer"   // from vaults or the cloud, that cannot be reached from this machine
)

// waitKinds are all of them, in the order in which they are named.
func waitKinds() []WaitKind {
	return []WaitKind{WaitApproval, WaitPause, WaitSoak, WaitWindow, WaitThrottle, WaitBusy, WaitStart, WaitAnswer}
}

// Wait is something that a run waits for.
type Wait struct {
	For          WaitKind `json:"for"`
	Text         string   `json:"text"`         // as part of a sentence: "an approval after wave canary"; times in UTC
	Until        *Time    `json:"until"`        // null: until a person acts, or an answer comes
	Wave         *string  `json:"wave"`         // of a gate or a soak
	When         *string  `json:"when"`         // before or after that wave
	Subscription *string  `json:"subscription"` // its ID, of a throttle
	Vaults       int      `json:"vaults"`       // that it keeps from starting; 0: all that follow
	Then         *string  `json:"then"`         // what is waited for next, as known now
	Command      *string  `json:"command"`      // what ends it; null: time does

	name   string   // of the subscription, for people
	by     string   // who paused, and why
	void   string   // why an approval that was given does not hold
	needs  string   // what the first of the starts needs, and since when
	why    string   // what came instead of an answer
	args   []string // of the command
	opened bool     // the gate has an approval that holds
}

// Waits lists what a run waits for at a moment in which nothing else goes on in
// it, as if a process carried it out; and, whatever goes on, a pause. It is the
// one place that knows: terminal, lines, status, page, JSON and notifications
// say its words. It costs O(vaults) while the run waits.
func Waits(st *rollout.State, now time.Time) []Wait {
	r := &st.Run
	if r.Closed != nil || r.Halt != nil || r.Stopped != nil || r.OpenedAt.IsZero() {
		return nil
	}
	var paused []Wait
	if p := r.Paused; p != nil {
		paused = []Wait{{For: WaitPause, by: p.By.User + ": " + or(p.Reason, "no reason given"), args: []string{"pause", "--off", "--reason", "TEXT"}}}
	}
	waits, more := vaultWaits(st, now)
	switch {
	case more:
		waits = nil
	case len(waits) == 0:
		waits = waveWaits(st, now)
	}
	waits = append(paused, waits...)
	slices.SortStableFunc(waits, func(a, b Wait) int {
		return cmp.Or(slices.Index(waitKinds(), a.For)-slices.Index(waitKinds(), b.For), a.Until.value().Compare(b.Until.value()))
	})
	for i := range waits {
		waits[i].Text = waits[i].words(utc)
	}
	return waits
}

// vaultWaits is what the vaults of the open waves wait for; more: one of them
// does not wait.
func vaultWaits(st *rollout.State, now time.Time) (waits []Wait, more bool) {
	h, index, unchecked := newHours(st.Plan, now), map[string]int{}, false
	wait := func(key string, w Wait) {
		i, known := index[key]
		if !known {
			i = len(waits)
			index[key], waits = i, append(waits, w)
		}
		waits[i].Vaults++
		if w.Until.value().Before(waits[i].Until.value()) {
			waits[i].Until, waits[i].needs = w.Until, w.needs
		}
	}
	silent := map[string]bool{}
	for i := range st.Vaults {
		if v := &st.Vaults[i]; v.Status == fleet.Ready && v.Unanswered() {
			silent[st.Plan.Vaults[i].SubscriptionID] = true
		}
	}
	for i := range st.Vaults {
		v, p := &st.Vaults[i], &st.Plan.Vaults[i]
		if !v.Open() || st.Waves[p.Wave].OpenedAt.IsZero() {
			continue
		}
		until, again := st.Throttled[p.SubscriptionID], st.LooksAgainAt(i)
		opens := h.opens(i)
		switch {
		case v.InFlight() || v.Status == fleet.Upgrading:
			return nil, true
		case until.After(now):
			wait(p.SubscriptionID, Wait{For: WaitThrottle, Until: at(until), Subscription: maybe(p.SubscriptionID), name: subscriptionIn(st.Plan, p.SubscriptionID)})
		case v.Unanswered():
			wait("answer", Wait{For: WaitAnswer})
			if w := &waits[index["answer"]]; w.why == "" {
				w.why = v.LastTry()
			}
		case v.Status == fleet.Ready && silent[p.SubscriptionID]: // one at a time is tried
			wait("answer", Wait{For: WaitAnswer})
		case v.Status == fleet.Busy && again.After(now):
			wait("busy", Wait{For: WaitBusy, Until: at(again)})
		case v.Status == fleet.Pending && !opens.IsZero():
			unchecked = true // it may be checked meanwhile
		case v.Status == fleet.Ready && !opens.IsZero():
			wait("window", Wait{For: WaitWindow, Until: at(opens)})
		case v.Status == fleet.Ready && st.Run.Paused != nil:
			// It is among what the pause keeps.
		case v.Status == fleet.Ready && v.Waits != "":
			wait("start", Wait{For: WaitStart, Until: at(v.WaitsSince.Add(st.Plan.Timings.BusyDeadline)), needs: v.Waits})
		default:
			return nil, true
		}
	}
	return waits, unchecked && len(waits) == 0
}

// waveWaits is what stands between the wave that is done and the next one.
func waveWaits(st *rollout.State, now time.Time) []Wait {
	for i := range st.Vaults {
		if st.Vaults[i].Open() && !st.Waves[st.Plan.Vaults[i].Wave].OpenedAt.IsZero() {
			return nil // a pause alone keeps it
		}
	}
	gate := gateWait(st, now)
	if c := st.CurrentWave(); c >= 0 && c+1 < len(st.Waves) && !st.Waves[c].DoneAt.IsZero() {
		if until := st.Waves[c].DoneAt.Add(st.Plan.Waves[c].Soak); until.After(now) {
			w := Wait{For: WaitSoak, Until: at(until), Wave: maybe(st.Waves[c].Name), Then: maybe("wave " + st.Waves[c+1].Name)}
			if gate != nil {
				w.Then = maybe(gate.words(utc))
			}
			return []Wait{w}
		}
	}
	if gate == nil || gate.opened {
		return nil
	}
	return []Wait{*gate}
}

// ApproveArgs is the command that approves the gate of a wave, without its
// ledger.
func ApproveArgs(wave string) []string {
	return []string{"approve", "--wave", wave, "--reason", "TEXT"}
}

// gateWait is the wait for the approval of the gate that the run stands before,
// nil where it stands before none.
func gateWait(st *rollout.State, now time.Time) *Wait {
	w, when, ok := st.NextGate()
	if !ok {
		return nil
	}
	name := st.Waves[w].Name
	g := Wait{For: WaitApproval, Wave: maybe(name), When: maybe(when), args: ApproveArgs(name)}
	given := st.Waves[w].After.Approved
	if when == fleet.GateBefore {
		given = st.Waves[w].Before.Approved
	}
	err := st.CheckApproval(w, when, now)
	if g.opened = err == nil; !g.opened && given != nil {
		g.void = err.Error()
	}
	return &g
}

// words says the wait as a part of a sentence that begins with "waits for".
func (w *Wait) words(write func(time.Time) string) string {
	s := ""
	switch w.For {
	case WaitApproval:
		s = "an approval " + str(w.When) + " wave " + str(w.Wave)
		if w.void != "" {
			s += " (" + w.void + ")"
		}
	case WaitPause:
		s = "the end of the pause"
		if w.by != "" {
			s += ", by " + w.by
		}
	case WaitSoak:
		s = "the end of wave " + str(w.Wave) + "'s soak, " + write(w.Until.value())
		if w.Then != nil {
			s += ", then " + *w.Then
		}
	case WaitWindow:
		s = "the window that opens " + write(w.Until.value())
	case WaitThrottle:
		s = "subscription " + w.name + ", throttled until " + write(w.Until.value())
	case WaitAnswer:
		s = fmt.Sprintf("an answer about %s (%s), asked for again and again, more and more seldom", plural(w.Vaults, "vault", "vaults"), or(w.why, "none came"))
	case WaitBusy:
		s = fmt.Sprintf("%s, tried again %s", plural(w.Vaults, "busy vault", "busy vaults"), write(w.Until.value()))
	case WaitStart:
		s = fmt.Sprintf("what 1 start needs, until %s at most: %s", write(w.Until.value()), w.needs)
		if w.Vaults > 1 {
			s = fmt.Sprintf("what %d starts need, until %s at most; one of them: %s", w.Vaults, write(w.Until.value()), w.needs)
		}
	}
	return s
}

// waitWords says all that a run waits for, as the view writes times, and what a
// person can type where one is needed; empty where it waits for nothing.
func waitWords(ws []Wait, write func(time.Time) string, ledger string) (what, next string) {
	for i := range ws {
		if i > 0 {
			what += "; "
		}
		what += ws[i].words(write)
		if next == "" && len(ws[i].args) > 0 {
			next = onLedger(ledger, ws[i].args...)
		}
	}
	return what, next
}

// nearBy writes times as they are near to a moment.
func (c clock) nearBy(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return c.near(t, now) }
}

// soonBy is nearBy without the day where it is tonight.
func (c clock) soonBy(now time.Time) func(time.Time) string {
	return func(t time.Time) string { return c.soon(t, now) }
}

// onLedger is a command on a ledger, empty for none.
func onLedger(ledger string, args ...string) string {
	return command(append(slices.Clip(args), ledger)...)
}

// Clean is the wait with every text that came from outside made clean.
func (w Wait) Clean() Wait {
	or := func(s *string) *string {
		if s == nil {
			return nil
		}
		return maybe(Clean(*s))
	}
	w.Text, w.name, w.by, w.void = Clean(w.Text), Clean(w.name), Clean(w.by), Clean(w.void)
	w.needs, w.why = Clean(w.needs), Clean(w.why)
	w.Wave, w.Subscription, w.Then, w.Command = or(w.Wave), or(w.Subscription), or(w.Then), or(w.Command)
	w.args = slices.Clone(w.args)
	for i := range w.args {
		w.args[i] = Clean(w.args[i])
	}
	return w
}

// commanded is what the run waits for, with the commands. The caller holds the
// lock.
func (t *Tracker) commanded(now time.Time) []Wait { return withCommands(t.waiting(now), t.Ledger) }

// withCommands is a copy of waits that names the commands on a ledger.
func withCommands(ws []Wait, ledger string) []Wait {
	out := make([]Wait, len(ws))
	copy(out, ws)
	for i := range out {
		if args := out[i].args; len(args) > 0 {
			out[i].Command = maybe(onLedger(ledger, args...))
		}
	}
	return out
}

// Waiting says in words what the run waits for, in a zone; empty where it does
// not wait.
func (v *View) Waiting(zone *time.Location) string {
	switch v.Run.Status {
	case RunWaiting, RunPaused:
		return v.waiting(clockIn(zone))
	}
	return ""
}
