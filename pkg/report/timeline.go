package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// TimelineBuilder gathers from the facts of a run what its state does not keep: the
// timeline, the readings of starts in doubt, and the proof that nothing was
// sent twice. Feed it every fact of the run, oldest first, from one goroutine.
// It keeps a bounded number of entries, and a few bytes for each vault that was
// started. A nil Chronicle tells nothing.
type TimelineBuilder struct {
	head, tail []Entry // the first ones, and the newest
	omitted    int
	lastAt     time.Time // of the newest fact that only a process writes
	since      int       // entries after that one, of what people said
	left       bool      // the process has said how it ended
	denied     map[string]bool
	failed     map[int]bool
	sends      map[int]sends
	reads      map[int][]Read
	gaveUp     map[int]time.Time
	permitted  map[int][]string // operations after which a person let a vault be started again
	proof      Proof

	Recent RecentHappenings
	names  []string       // of the vaults
	status []fleet.Status // as last seen, in the plan's order
}

// sends is what was sent for one vault.
type sends struct {
	sent int // all of them
	open int // those that may have been accepted
}

// Entry is something that happened in the night.
type Entry struct {
	At Time `json:"at"`
	// opened, resumed, died, wave, soak, gate, approved, halted, accepted, throttled, sign-in, failed, unknown,
	// refreshed, reopened, suspended, closed, or another fact's name
	Kind   string  `json:"kind"`
	Text   string  `json:"text"`   // what happened, in words
	Detail *string `json:"detail"` // more of it: totals, a reason
	By     *string `json:"by"`     // who, where a person did it
	Until  *Time   `json:"until"`  // how long it holds
	Vault  *string `json:"vault"`  // which vault it is about
	Times  int     `json:"times"`  // how often in a row

	vault  int              // index into the plan's vaults, -1 for none
	sub    string           // ID of the subscription it is about
	halted *fleet.RunHalted // the budget of a part of the run was exceeded, or another one
}

// Timeline is what happened, oldest first. Of a long one the middle is left
// out.
type Timeline struct {
	Entries []Entry `json:"entries"`
	Omitted int     `json:"omitted"` // entries left out after the first ones
}

// How many entries a timeline has at most: these first ones, and the newest.
const (
	firstEntries = 20
	lastEntries  = 180
)

// Read is what the cloud showed of a start in doubt.
type Read struct {
	At      Time          `json:"at"`
	Reading fleet.Reading `json:"reading"`
	Detail  *string       `json:"detail"`
}

// maxReads is how many readings of one vault are kept: the newest.
const maxReads = 5

// Proof is what the journal proves about the starts of the run.
type Proof struct {
	StartsSent int `json:"startsSent"` // POSTs that left, or may have
	// vaults sent again while an earlier start might have been accepted: never, or a fault of fleetup's
	SentTwice int `json:"sentTwice"`
	// starts sent again after the answer, or two readings, proved that nothing had begun
	SentAgain      int `json:"sentAgain"`
	ReopenedByHand int `json:"reopenedByHand"` // permissions that a person gave, in this run or before it for this run
}

// NewTimelineBuilder returns a timeline of nothing.
func NewTimelineBuilder() *TimelineBuilder {
	return &TimelineBuilder{left: true, denied: map[string]bool{}, failed: map[int]bool{}, sends: map[int]sends{},
		reads: map[int][]Read{}, gaveUp: map[int]time.Time{}, permitted: map[int][]string{}}
}

// Add takes in a fact that the state has folded.
func (c *TimelineBuilder) Add(st *rollout.State, e fleet.Event) {
	if c == nil {
		return
	}
	if !sayable(e.Fact) {
		defer func() { c.lastAt, c.since = e.At, 0 }()
	}
	if c.names == nil {
		c.names = st.Plan.Names()
		c.look(st)
	}
	if f, ok := e.Fact.(fleet.VaultFact); ok {
		if i, known := st.Lookup(f.VaultKey()); known {
			c.vaultFact(st, i, e.At, f)
			if ch, shows := ChangeOf(st, i, c.status[i], f); shows {
				c.Recent.Vault(st, e.At, ch)
			}
			c.status[i] = st.Vaults[i].Status
		}
	} else {
		c.runFact(st, e)
		c.Recent.Run(st, c.names, e)
		if _, opened := e.Fact.(fleet.RunOpened); opened {
			for i := range st.Vaults { // what a person permitted before this run, for it
				if after := st.Vaults[i].Disregard; len(after) > 0 {
					c.proof.ReopenedByHand++
					c.permitted[i] = after
				}
			}
		}
		switch e.Fact.(type) {
		case fleet.RunOpened, fleet.Resumed, fleet.FailuresAccepted: // they touch every vault
			c.look(st)
		}
	}
}

// lastSign is when a process last wrote of the run, zero where the journal was not read.
func (c *TimelineBuilder) lastSign() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.lastAt
}

// sayable reports whether a person may have said a fact to the ledger while no process
// carried the run out: it tells nothing of how long that one lived.
func sayable(f fleet.Fact) bool {
	switch f.(type) {
	case fleet.Approved, fleet.Reopened, fleet.Refreshed:
		return true
	}
	_, said := lexicon.OperatorActionOf(f)
	return said
}

// died adds that the process went without a word, behind the last entry that it is known to
// have lived to see.
func (c *TimelineBuilder) died() {
	e := Entry{At: Time{c.lastAt}, Kind: "died", Times: 1, vault: -1,
		Text: "the process was ended at once, killed, or crashed after this"}
	if at := len(c.tail) - c.since; at >= 0 && (len(c.tail) > 0 || len(c.head) == firstEntries) {
		c.tail = slices.Insert(c.tail, at, e)
		return
	}
	c.head = slices.Insert(c.head, max(len(c.head)+len(c.tail)-c.since, 0), e)
	if len(c.head) > firstEntries {
		c.tail, c.head = slices.Insert(c.tail, 0, c.head[firstEntries]), c.head[:firstEntries]
	}
}

// look notes how each vault stands.
func (c *TimelineBuilder) look(st *rollout.State) {
	c.status = make([]fleet.Status, len(st.Vaults))
	for i := range st.Vaults {
		c.status[i] = st.Vaults[i].Status
	}
}

func (c *TimelineBuilder) add(e Entry) {
	e.Times = 1
	list := &c.tail
	if len(c.tail) == 0 && len(c.head) < firstEntries {
		list = &c.head
	}
	last := c.tail
	if len(last) == 0 {
		last = c.head
	}
	if n := len(last); n > 0 && e.repeats(&last[n-1]) {
		last[n-1].Times++
		last[n-1].Until = e.Until
		return
	}
	*list = append(*list, e)
	c.since++
	if len(c.tail) >= 2*lastEntries { // the front half goes at once
		c.omitted += lastEntries
		c.tail = append(c.tail[:0], c.tail[lastEntries:]...)
	}
}

// repeats reports whether an entry only says again what the one before it said.
func (e *Entry) repeats(before *Entry) bool {
	return e.Kind == before.Kind && e.Text == before.Text && e.sub == before.sub && e.vault == before.vault &&
		(e.Kind == kindThrottled || e.Kind == kindSignIn)
}

const (
	kindThrottled = "throttled"
	kindSignIn    = "sign-in"
)

func (c *TimelineBuilder) runFact(st *rollout.State, e fleet.Event) {
	say := func(kind string, by fleet.Actor, detail, format string, args ...any) *Entry {
		c.add(Entry{At: Time{e.At}, Kind: kind, Text: fmt.Sprintf(format, args...), Detail: StringOrNull(detail),
			By: StringOrNull(by.User), vault: -1})
		if len(c.tail) > 0 {
			return &c.tail[len(c.tail)-1]
		}
		return &c.head[len(c.head)-1]
	}
	nobody := fleet.Actor{}
	switch f := e.Fact.(type) {
	case fleet.RunOpened:
		c.left = false
		say("opened", f.By, "", "run opened, plan %s", lexicon.ElideHash(f.PlanFingerprint))
	case fleet.Resumed:
		if !c.left {
			c.died()
		}
		c.left = false
		clear(c.denied)
		flying := lexicon.Selected(st, func(i int) bool { return st.Vaults[i].InFlight() })
		detail := lexicon.WordingOf(st.Plan.Kind).Flights(len(flying)) + " in flight or in doubt"
		if len(flying) > 0 {
			detail += ": " + lexicon.SomeOf(c.names, flying)
		}
		if f.Reason != "" {
			say("resumed", f.By, f.Reason+"; "+detail, "taken over from fleetup-temporal, and resumed")
		} else {
			say("resumed", f.By, detail, "resumed")
		}
	case fleet.WaveOpened:
		say("wave", nobody, "", "wave %s opened", f.Wave)
	case fleet.WaveDone:
		for i := range st.Waves {
			if st.Waves[i].Name != f.Wave {
				continue
			}
			say("wave", nobody, lexicon.WaveTally(st, c.names, f.Wave), "wave %s done", f.Wave)
			if until := standing.SoaksUntil(st, i, e.At); !until.IsZero() {
				say("soak", nobody, "", "wave %s soaks", f.Wave).Until = TimeOrNull(until)
			}
		}
	case fleet.RunHalted:
		c.left = true // nothing new starts; what is in flight is followed, and then it leaves
		say("halted", nobody, "", "HALTED: %s", lexicon.Halted(st.Plan, &f)).halted = &f
	case fleet.FailuresAccepted:
		say("accepted", f.By, f.Reason, "the failures so far accepted")
	case fleet.Approved:
		say("approved", f.By, f.Reason, "the gate %s wave %s approved", f.When, f.Wave).Until = TimeOrNull(f.ExpiresAt)
	case fleet.GateOpened:
		say("gate", nobody, "", "the gate %s wave %s %s", f.When, f.Wave, lexicon.GateWords(f))
	case fleet.RunSuspended:
		c.left = true
		if !f.Until.IsZero() {
			why := "no window is open"
			if f.Wave != "" {
				why = "the date of wave " + f.Wave + " has not come"
			}
			say("suspended", nobody, "", "left, to be resumed: %s", why).Until = TimeOrNull(f.Until)
			return
		}
		why, detail := SuspensionReason(f.Why), SuspendedDetail(&f)
		if f.Why == fleet.SuspendedStop && f.By != "" {
			why, detail = "stopped by "+f.By, f.Reason
		}
		say("suspended", nobody, detail, "%s", why).sub = f.Subscription
	case fleet.RunClosed:
		c.left = true
		how := "finished"
		if n := st.NeverStarted(); n > 0 {
			how = "closed, " + lexicon.NeverStarted(n)
		}
		say("closed", nobody, outcomeTally(st),
			"run %s, exit %d", how, f.Code)
	case fleet.Throttled:
		c.add(Entry{At: Time{e.At}, Kind: kindThrottled, Until: TimeOrNull(f.Until), vault: -1, sub: f.Subscription,
			Text: "subscription " + lexicon.SubscriptionIn(st.Plan, f.Subscription) + " is throttled"})
	case fleet.AccessDenied:
		if was := c.denied[f.Subscription]; f.Off && !was || was && !f.Off && !f.GivenUp {
			return // it was not denied, or is said to be
		}
		c.denied[f.Subscription] = !f.Off
		c.add(Entry{At: Time{e.At}, Kind: kindSignIn, vault: -1, sub: f.Subscription,
			Text: lexicon.AccessWords(st.Plan, f)})
	default:
		if w, ok := lexicon.OperatorActionOf(f); ok {
			say(w.Kind, w.By, w.Reason, "%s", w.Text)
			return
		}
		say(strings.ToLower(f.Name()), nobody, "", "%s", f.Name())
	}
}

// vaultFact takes in a fact about one vault: what it proves, and whether it is
// worth an entry.
func (c *TimelineBuilder) vaultFact(st *rollout.State, i int, when time.Time, fact fleet.VaultFact) {
	v, pv := &st.Vaults[i], &st.Plan.Vaults[i]
	note := func(kind, by, detail, text string) {
		c.add(Entry{At: Time{when}, Kind: kind, Text: text, Detail: StringOrNull(detail), By: StringOrNull(by),
			vault: i, sub: pv.SubscriptionID})
	}
	switch f := fact.(type) {
	case fleet.StartIntended:
		s := c.sends[i]
		if s.open > 0 {
			c.proof.SentTwice++
		} else if s.sent > 0 {
			c.proof.SentAgain++
		}
		c.proof.StartsSent++
		c.sends[i] = sends{s.sent + 1, s.open + 1}
	case fleet.NotSent:
		c.disproved(i, 1)
	case fleet.StartAnswered:
		switch f.Answer.Verdict {
		case fleet.StartThrottled, fleet.StartDenied, fleet.StartBusy, fleet.StartFailed:
			c.disproved(i, 0)
		}
		if f.Answer.Verdict == fleet.StartDenied && !c.denied[pv.SubscriptionID] {
			c.denied[pv.SubscriptionID] = true
			c.add(Entry{At: Time{when}, Kind: kindSignIn, Detail: StringOrNull(f.Answer.Message), vault: -1,
				sub: pv.SubscriptionID,
				Text: "subscription " + lexicon.Or(pv.SubscriptionName, pv.SubscriptionID) +
					" refused a start: not signed in, or no permission"})
		}
	case fleet.Reconciled:
		c.read(i, Read{Time{when}, f.Reading, StringOrNull(f.Detail)})
		if f.Reading == fleet.ReadAbsent && v.Status != fleet.Unknown {
			c.disproved(i, 0)
		}
	case fleet.DeadlinePassed:
		if v.Status == fleet.Unknown && v.Final {
			c.gaveUp[i] = when
			note("unknown", "", v.Reason, "unknown for good")
		}
	case fleet.Held:
		w, _ := lexicon.OperatorActionOf(f)
		note(w.Kind, w.By.User, w.Reason, w.Text)
	case fleet.Refreshed:
		c.read(i, Read{Time{when}, f.Reading, StringOrNull(f.Detail)})
		note("refreshed", f.By.User, f.Detail, "read again; nothing was sent")
	case fleet.Reopened:
		c.proof.ReopenedByHand++
		c.permitted[i] = append(slices.Clip(c.permitted[i]), f.Disregard...)
		delete(c.sends, i)
		delete(c.failed, i)
		detail := f.Reason
		if f.Case != "" {
			detail += " (case " + f.Case + ")"
		}
		text := "re-opened: it may be tried again"
		if v.Permit != nil {
			text = "re-opened: the next run tries it"
		}
		note("reopened", f.By.User, detail, text)
	}
	// one that waits for the next run fails no more in this one
	if v.Status == fleet.Failed && v.Permit == nil && !c.failed[i] {
		c.failed[i] = true
		if !v.Carried {
			note("failed", "", v.Reason, "FAILED")
		}
	}
}

// gaveUpAt is when reading was given up in this run, zero where it was not or nobody knows.
func (c *TimelineBuilder) gaveUpAt(i int) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.gaveUp[i]
}

// permittedAfter are the operations after which a person let a vault be started again.
func (c *TimelineBuilder) permittedAfter(i int) []string {
	if c == nil {
		return nil
	}
	return c.permitted[i]
}

// disproved notes that a start which had been counted began nothing; one that
// was never sent does not count at all.
func (c *TimelineBuilder) disproved(i, unsent int) {
	s := c.sends[i]
	c.sends[i] = sends{s.sent - unsent, max(s.open-1, 0)}
	c.proof.StartsSent -= unsent
}

func (c *TimelineBuilder) read(i int, r Read) {
	rs := append(c.reads[i], r)
	c.reads[i] = rs[max(0, len(rs)-maxReads):]
}

// readsOf is what was read of a vault in doubt.
func (c *TimelineBuilder) readsOf(i int) []Read {
	if c == nil || len(c.reads[i]) == 0 {
		return []Read{}
	}
	return slices.Clone(c.reads[i])
}

// tell fills in the timeline and the proof. Entries about a vault for which
// shown is false, or a subscription or another part of the run of which none is shown,
// are left out.
func (c *TimelineBuilder) tell(v *View, names []string, shown func(i int) bool, ours func(*fleet.RunHalted) bool) {
	if c == nil {
		return
	}
	proof := c.proof
	v.Proof = &proof
	subs := map[string]bool{"": true}
	for i := range v.Subscriptions {
		subs[v.Subscriptions[i].ID] = true
	}
	omitted, tail := c.omitted, c.tail
	if n := len(tail) - lastEntries; n > 0 {
		omitted, tail = omitted+n, tail[n:]
	}
	v.Timeline.Omitted = omitted
	for _, list := range [][]Entry{c.head, tail} {
		for _, e := range list {
			if !subs[e.sub] || e.vault >= 0 && !shown(e.vault) || e.halted != nil && !ours(e.halted) {
				continue
			}
			if e.vault >= 0 {
				e.Vault = &names[e.vault]
			}
			v.Timeline.Entries = append(v.Timeline.Entries, e)
		}
	}
}

// count adds totals up.
func count(totals map[fleet.Status]int) int {
	n := 0
	for _, k := range totals {
		n += k
	}
	return n
}
