package standing

import (
	"cmp"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// WaitKind says what kind of thing a run waits for.
type WaitKind string

// What a run may wait for, what needs a person first.
const (
	WaitApproval WaitKind = "approval" // a gate: until a person approves
	WaitPause    WaitKind = "pause"    // until a person ends it
	WaitAccess   WaitKind = "access"   // a sign-in or permission is missing in a subscription: until it has one
	WaitSoak     WaitKind = "soak"     // of the wave that is done
	WaitDate     WaitKind = "date"     // before which the next wave does not open
	WaitWindow   WaitKind = "window"   // until it opens, long enough for the upgrade
	WaitThrottle WaitKind = "throttle" // a subscription is throttled
	WaitBusy     WaitKind = "busy"     // vaults on which something else is under way
	WaitStart    WaitKind = "start"    // what starts need does not count yet: until they are given up
	WaitAnswer   WaitKind = "answer"   // from vaults or the cloud, that cannot be reached from this machine
)

// waitKinds are all of them, in the order in which they are named.
var waitKinds = []WaitKind{WaitApproval, WaitPause, WaitAccess, WaitSoak, WaitDate, WaitWindow, WaitThrottle, WaitBusy,
	WaitStart, WaitAnswer}

// Wait is something that a run waits for. Which fields are set follows from the
// kind.
type Wait struct {
	For   WaitKind
	Until time.Time // zero: until a person acts, or an answer comes

	Wave string // of a gate, a soak or a date
	When string // before or after that wave: fleet.GateBefore, fleet.GateAfter
	Void string // why the approval that the gate was given does not hold; empty: it was given none, or one that holds

	// Who may not approve, because the run was started by that user; empty: anybody may.
	NotBy string

	Gate  *Wait  // of a soak or a date: the gate that comes after it; nil: none that is closed or open
	Opens string // of a soak: the wave that follows
	// Of a soak: before which that wave does not open, where that is later than the soak's end; zero: none.
	Date time.Time

	Subscription string // its ID, of a throttle or a denied access
	Vaults       int    // that it keeps from starting; 0: all that follow
	Which        []int  // they, as indexes into the plan's vaults

	// Since is when the wait began: of a denied access, a pause, a soak (the end of its
	// wave) and an approval (the end of that soak; before the first wave the opening of
	// the run; where an approval has expired since, its end). Zero of the others, and of a gate that stands behind
	// a soak.
	Since     time.Time
	Denied    string        // of a denied access: what the cloud said; empty: nothing
	Retry     Retry         // of a denied access
	Every     time.Duration // of a retry with each reading: how often those are
	Meanwhile bool          // the rest of the run goes on

	By     string // of a pause: the user
	Reason string // of a pause
	Needs  string // what the first of the starts needs, and since when
	Answer string // what came instead of an answer; empty: nothing did

	Given *Approval // of a gate: the approval that it has been given and that holds; nil: none
}

// Approval is a person's word for a gate that the run has not passed yet.
type Approval struct {
	Wave, When string // the gate
	By, Reason string
	At         time.Time
	Until      time.Time // it expires then
}

// GivenInAdvance is the approval of the gate that comes next, where it was given before
// the run has come there and holds; nil: there is none.
func GivenInAdvance(st *rollout.State, now time.Time) *Approval {
	r := &st.Run
	if g := gateWait(st, now); g != nil && r.Closed == nil && !st.Closing() {
		return g.Given
	}
	return nil
}

// Retry is when a denied subscription is tried again.
type Retry string

// When a denied subscription is tried again.
const (
	RetryReading Retry = "reading"  // with each reading of it
	RetryGivenUp Retry = "given-up" // not by this process: it can be read, and refuses what is started
	RetryResume  Retry = "resume"   // by a resume: the process has left
)

// Waits lists what a run waits for at a moment in which nothing else goes on in
// it, as if a process carried it out; and, whatever goes on, a pause and the
// subscriptions that deny access. It costs O(vaults) while the run waits.
func Waits(st *rollout.State, now time.Time) []Wait {
	r := &st.Run
	if r.Closed != nil || r.Halt != nil || st.Closing() || r.OpenedAt.IsZero() {
		return nil
	}
	var paused []Wait
	if p := r.Paused; p != nil {
		paused = []Wait{{For: WaitPause, Since: r.PausedAt, By: p.By.User, Reason: p.Reason}}
	}
	if r.Stopped != nil { // the process leaves, or has left: what a pause keeps is kept after it, too
		return paused
	}
	waits, more := vaultWaits(st, now)
	if len(waits) == 0 {
		waits = waveWaits(st, now)
	}
	waits = append(append(paused, AccessWaits(st, more && r.Paused == nil)...), waits...)
	slices.SortStableFunc(waits, func(a, b Wait) int {
		return cmp.Or(slices.Index(waitKinds, a.For)-slices.Index(waitKinds, b.For), a.Until.Compare(b.Until))
	})
	return waits
}

// vaultWaits is what the vaults of the open waves wait for; more: one of them
// does not wait.
func vaultWaits(st *rollout.State, now time.Time) (waits []Wait, more bool) {
	windows, index, unchecked := NewWindows(st.Plan, now), map[string]int{}, false
	vault := 0 // that waits
	wait := func(key string, w Wait) {
		i, known := index[key]
		if !known {
			i = len(waits)
			index[key], waits = i, append(waits, w)
		}
		waits[i].Vaults, waits[i].Which = waits[i].Vaults+1, append(waits[i].Which, vault)
		if w.Until.Before(waits[i].Until) {
			waits[i].Until, waits[i].Needs = w.Until, w.Needs
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
		vault = i
		if !v.Open() || st.Waves[p.Wave].OpenedAt.IsZero() {
			continue
		}
		until, again := st.Throttled[p.SubscriptionID], st.LooksAgainAt(i)
		opens := windows.Opens(i)
		switch {
		case v.InFlight() || v.Status == fleet.Upgrading:
			return nil, true
		case until.After(now):
			wait(p.SubscriptionID, Wait{For: WaitThrottle, Until: until, Subscription: p.SubscriptionID})
		case keptByAccess(st, i):
			// It is among what its subscription keeps.
		case v.Unanswered():
			wait("answer", Wait{For: WaitAnswer})
			if w := &waits[index["answer"]]; w.Answer == "" {
				w.Answer = v.LastTry()
			}
		case v.Status == fleet.Ready && silent[p.SubscriptionID]: // one at a time is tried
			wait("answer", Wait{For: WaitAnswer})
		case v.Status == fleet.Busy && again.After(now):
			wait("busy", Wait{For: WaitBusy, Until: again})
		case v.Status == fleet.Pending && !opens.IsZero():
			unchecked = true // it may be checked meanwhile
		case v.Status == fleet.Ready && !opens.IsZero():
			wait("window", Wait{For: WaitWindow, Until: opens})
		case v.Status == fleet.Ready && st.Run.Paused != nil:
			// It is among what the pause keeps.
		case v.Status == fleet.Ready && v.Waits != "":
			wait("start", Wait{For: WaitStart, Until: v.WaitsSince.Add(st.Plan.Timings.BusyDeadline), Needs: v.Waits})
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
	gate, c := gateWait(st, now), st.CurrentWave()
	if c+1 == len(st.Waves) {
		return nil
	}
	date := DateOf(st, c+1, now)
	if c >= 0 {
		if until := SoaksUntil(st, c, now); !until.IsZero() {
			w := Wait{For: WaitSoak, Since: st.Waves[c].DoneAt, Until: until, Wave: st.Waves[c].Name, Gate: gate,
				Opens: st.Waves[c+1].Name}
			if date.After(until) {
				w.Date = date
			}
			return []Wait{w}
		}
	}
	closed := gate != nil && gate.Given == nil
	switch {
	case closed && gate.When == fleet.GateAfter: // it comes first
		return []Wait{*gate}
	case !date.IsZero():
		w := Wait{For: WaitDate, Since: reachedAt(st), Until: date, Wave: st.Waves[c+1].Name}
		if gate != nil && gate.When == fleet.GateBefore {
			w.Gate, w.Opens = gate, w.Wave
		}
		return []Wait{w}
	case closed:
		return []Wait{*gate}
	}
	return nil
}

// GateToApprove is the wait for the approval of the gate that the run stands before, as
// soon as that can be given; nil where it stands before none, or has one that holds.
func GateToApprove(st *rollout.State, now time.Time) *Wait {
	if g := gateWait(st, now); g != nil && g.Given == nil && st.Run.Halt == nil && st.Run.Stopped == nil {
		return g
	}
	return nil
}

// gateWait is the wait for the approval of the gate that the run stands before,
// nil where it stands before none.
func gateWait(st *rollout.State, now time.Time) *Wait {
	w, when, ok := st.NextGate()
	if !ok {
		return nil
	}
	g := Wait{For: WaitApproval, Wave: st.Waves[w].Name, When: when}
	if since := ReachesGate(st, w, when); !since.After(now) {
		g.Since = since
	}
	if st.Plan.Waves[w].Approval.NotBy == plan.NotByStarter {
		g.NotBy = st.Run.By.User
	}
	gate := &st.Waves[w].After
	if when == fleet.GateBefore {
		gate = &st.Waves[w].Before
	}
	given := gate.Approved
	if given == nil {
		return &g
	}
	if err := st.CheckApproval(w, when, now); err != nil {
		g.Void = err.Error()
		// While it held nothing was waited for: what waits now began to when it expired.
		if at := given.ExpiresAt; !at.After(now) && at.After(g.Since) {
			g.Since = at
		}
		return &g
	}
	g.Given = &Approval{Wave: g.Wave, When: when, By: given.By.User, Reason: given.Reason, At: gate.ApprovedAt,
		Until: given.ExpiresAt}
	return &g
}

// ReachesGate is when a run comes to a gate that it stands before: the one before a wave
// when that may open but for it.
func ReachesGate(st *rollout.State, w int, when string) time.Time {
	at := reachedAt(st)
	if date := st.Plan.Waves[w].NotBefore; when == fleet.GateBefore && date.After(at) {
		at = date
	}
	return at
}

// reachedAt is when a run comes to what stands behind its newest wave: when that has
// soaked, at its end at the earliest; before the first wave, when the run was opened.
func reachedAt(st *rollout.State) time.Time {
	c := st.CurrentWave()
	if c < 0 {
		return st.Run.OpenedAt
	}
	at := st.Waves[c].DoneAt
	if soaked := st.SoaksUntil(c); soaked.After(at) {
		at = soaked
	}
	return at
}

// AccessWaits are the subscriptions that deny access, in the order in which the plan
// has vaults of them, each until it is tried again and lets the run in. meanwhile says
// that the rest of the run goes on. It costs O(vaults) where there is one.
func AccessWaits(st *rollout.State, meanwhile bool) []Wait {
	if len(st.Denied) == 0 {
		return nil
	}
	var waits []Wait
	index := map[string]int{}
	for i := range st.Vaults {
		id := st.Plan.Vaults[i].SubscriptionID
		d, denied := st.Denied[id]
		if !denied {
			continue
		}
		at, known := index[id]
		if !known {
			at = len(waits)
			index[id], waits = at, append(waits, accessWait(st, id, d, meanwhile))
		}
		if w := &waits[at]; !st.Waves[st.Plan.Vaults[i].Wave].OpenedAt.IsZero() && keptByAccess(st, i) {
			w.Vaults, w.Which = w.Vaults+1, append(w.Which, i)
		}
	}
	return waits
}

// accessWait is the wait for a subscription of which no vault is counted yet.
func accessWait(st *rollout.State, id string, d rollout.Denial, meanwhile bool) Wait {
	w := Wait{For: WaitAccess, Subscription: id, Since: d.Since, Denied: d.Detail, Meanwhile: meanwhile}
	switch {
	case st.Run.Suspended != nil:
		w.Retry, w.Meanwhile = RetryResume, false
	case d.GivenUp:
		w.Retry = RetryGivenUp
	default:
		w.Retry, w.Every = RetryReading, max(st.Plan.Timings.Poll, time.Second)
	}
	return w
}

// keptByAccess reports whether a vault has not started because its subscription
// denies access.
func keptByAccess(st *rollout.State, i int) bool {
	switch st.Vaults[i].Status {
	case fleet.Pending, fleet.Ready, fleet.Busy:
		_, denied := st.Denied[st.Plan.Vaults[i].SubscriptionID]
		return denied
	}
	return false
}

// HoldUp reports whether one of the waits holds the whole run up.
func HoldUp(waits []Wait) bool {
	return slices.ContainsFunc(waits, func(w Wait) bool { return !w.Meanwhile })
}
