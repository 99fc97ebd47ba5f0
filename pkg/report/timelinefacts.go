package report

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// vaultFact takes in a fact about one vault: what it proves, and whether it is
// worth an entry.
func (c *TimelineBuilder) vaultFact(st *rollout.State, i int, when time.Time, fact fleet.VaultFact) {
	v, pv := &st.Vaults[i], &st.Plan.Vaults[i]
	note := func(kind, by, detail, text string) {
		c.add(Entry{At: Time{when}, Kind: kind, Text: text, Detail: StringOrNull(detail), By: StringOrNull(by), vault: i, sub: pv.SubscriptionID})
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
			c.add(Entry{At: Time{when}, Kind: kindSignIn, Detail: StringOrNull(f.Answer.Message), vault: -1, sub: pv.SubscriptionID,
				Text: "subscription " + lexicon.Or(pv.SubscriptionName, pv.SubscriptionID) + " refused a start: not signed in, or no permission"})
		}
	case fleet.Reconciled:
		c.read(i, Read{Time{when}, f.Reading, StringOrNull(f.Detail)})
		if f.Reading == fleet.ReadAbsent && v.Status != fleet.Unknown {
			c.disproved(i, 0)
		}
	case fleet.DeadlinePassed:
		if v.Status == fleet.Unknown && v.Final {
			note("unknown", "", v.Reason, "unknown for good")
		}
	case fleet.Held:
		w, _ := lexicon.OperatorActionOf(f)
		note(w.Kind, w.By.User, w.Reason, w.Text)
	case fleet.Refreshed:
		c.read(i, Read{Time{when}, f.Reading, StringOrNull(f.Detail)})
		note("refreshed", f.By.User, f.Detail, "read again, nothing was sent,")
	case fleet.Reopened:
		c.proof.ReopenedByHand++
		delete(c.sends, i)
		delete(c.failed, i)
		detail := f.Reason
		if f.Case != "" {
			detail += " (case " + f.Case + ")"
		}
		note("reopened", f.By.User, detail, "re-opened: it may be tried again")
	}
	if v.Status == fleet.Failed && !c.failed[i] {
		c.failed[i] = true
		if !v.Carried {
			note("failed", "", v.Reason, "FAILED")
		}
	}
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
// shown is false, or a subscription of which none is shown, are left out.
func (c *TimelineBuilder) tell(v *View, names []string, shown func(i int) bool) {
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
			if !subs[e.sub] || e.vault >= 0 && !shown(e.vault) {
				continue
			}
			if e.vault >= 0 {
				e.Vault = &names[e.vault]
			}
			v.Timeline.Entries = append(v.Timeline.Entries, e)
		}
	}
}

// haltedSubscription is the ID of the subscription whose budget halted.
func haltedSubscription(h *fleet.RunHalted) string {
	if h.Subscription {
		return h.Scope
	}
	return ""
}

// count adds totals up.
func count(totals map[fleet.Status]int) int {
	n := 0
	for _, k := range totals {
		n += k
	}
	return n
}
