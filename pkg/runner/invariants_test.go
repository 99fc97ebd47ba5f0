package runner_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// audit holds the whole trace and the journal of the night's present run
// against the rules that are true of every run, however it ends. It returns
// what is broken.
func (n *night) audit() (broken []string) {
	bad := func(rule int, format string, args ...any) {
		broken = append(broken, fmt.Sprintf("rule %d: ", rule)+fmt.Sprintf(format, args...))
	}
	n.auditIntents(bad)
	n.auditFreshness(bad)
	n.auditProofs(bad)
	n.auditListings(bad)
	n.auditPauses(bad)
	n.auditRecords(bad)
	n.auditWindows(bad)
	n.auditWords(bad)
	return broken
}

type verdict func(rule int, format string, args ...any)

// auditIntents: each POST carries the ID of an intent that its own process has
// committed, at the same instant; no ID is sent twice; nothing is sent after a
// commit that failed.
func (n *night) auditIntents(bad verdict) {
	intents := map[string]commit{} // by operation ID
	failed := map[int]commit{}     // the first of a process
	for _, c := range n.trace.commits {
		if c.err != nil {
			if _, ok := failed[c.process]; !ok {
				failed[c.process] = c
			}
			continue
		}
		for _, e := range c.events {
			if f, ok := e.Fact.(fleet.StartIntended); ok {
				intents[f.OperationID] = c
			}
		}
	}
	sent := map[string]bool{}
	for _, c := range n.trace.starts() {
		in, ok := intents[c.id]
		switch {
		case !ok || in.step > c.step:
			bad(1, "%s was sent before its intent was on disk", c)
		case in.process != c.process:
			bad(1, "%s carries an intent of process %d", c, in.process)
		case !in.at.Equal(c.at):
			bad(1, "%s waited %v after its intent", c, c.at.Sub(in.at))
		}
		if sent[c.id] {
			bad(1, "%s was sent twice with one operation ID", c)
		}
		sent[c.id] = true
		// A start whose intent is on disk may leave while the commit fails.
		if f, ok := failed[c.process]; ok && (c.at.After(f.at) || in.step > f.step) {
			bad(2, "%s was sent after a commit had failed", c)
		}
	}
}

// auditFreshness: each POST stands on a reading at most one poll old. How long
// the listing took to be answered, and a slow disk, are not the runner's fault.
func (n *night) auditFreshness(bad verdict) {
	if n.disk != nil {
		return
	}
	of := func(c *call) (kind, what string) { return "list", c.subscription }
	if n.plan.Upgrade != nil { // vaults are read one by one
		of = func(c *call) (kind, what string) { return "target", c.vault }
	}
	lists := map[string][]*call{}
	for _, c := range n.trace.calls {
		if kind, what := of(c); c.kind == kind && c.status == 200 {
			lists[what] = append(lists[what], c)
		}
	}
	for _, c := range n.trace.starts() {
		fresh := false
		_, what := of(c)
		for _, l := range lists[what] {
			fresh = fresh || l.process == c.process && l.doneStep < c.step && c.at.Sub(l.done) <= n.plan.Timings.Poll
		}
		if !fresh {
			bad(7, "%s went out on a reading older than a poll", c)
		}
	}
}

// auditProofs: a vault whose POST may have been taken is intended again only
// after two absences, a grace apart, each read on the wire late enough: a grace
// after the POST's deadline, and after the resume. The deadline is a time in the
// journal, and holds of a POST whose process died as well: something between may
// hold it. A process that finds the clock set ahead reaches the deadline that much
// earlier and cannot know; the grace after the resume it owes all the same.
func (n *night) auditProofs(bad verdict) {
	grace := n.plan.Timings.ReconcileGrace
	type doubt struct {
		open, accepted, failed bool
		deadline               time.Time     // the POST's, in real time; zero for one of an earlier run
		ahead                  time.Duration // the clock that wrote the intent down
		from                   time.Time     // no read before it proves anything
		absent                 []absence
		attempts               int
	}
	doubts := map[fleet.Key]*doubt{}
	of := func(k fleet.Key) *doubt {
		if doubts[k] == nil {
			doubts[k] = &doubt{}
		}
		return doubts[k]
	}
	for i, e := range n.timeline() {
		switch f := e.Fact.(type) {
		case fleet.RunOpened:
			for _, c := range f.Carried {
				d := of(c.Vault)
				d.open, d.accepted, d.failed = c.Status == fleet.Unknown, c.Accepted, c.Status == fleet.Failed
				d.from = e.At.Add(grace)
			}
		case fleet.Resumed:
			for _, d := range doubts {
				d.from = e.At.Add(grace)
				if !d.deadline.IsZero() {
					set := max(0, n.aheadAt(i)-d.ahead)
					d.from = later(d.from, d.deadline.Add(grace-set))
				}
			}
		case fleet.StartIntended:
			d, v := of(f.Vault), n.refs[f.Vault]
			if d.attempts++; d.attempts > plan.MaxAttempts {
				bad(3, "%s was intended %d times", v, d.attempts)
			}
			if d.failed {
				bad(5, "%s had failed and was started again", v)
			}
			if d.open && d.accepted {
				bad(1, "%s was accepted once and was started again", v)
			}
			if d.open && !n.proved(d.absent, f.Vault) {
				bad(1, "%s was started again with no proof of absence, but %v", v, d.absent)
			}
			deadline := e.At.Add(n.plan.Timings.StartTimeout)
			*d = doubt{open: true, attempts: d.attempts, deadline: deadline, ahead: n.aheadAt(i),
				from: deadline.Add(grace)}
		case fleet.StartAnswered:
			d := of(f.Vault)
			switch f.Answer.Verdict {
			case fleet.StartThrottled, fleet.StartDenied, fleet.StartBusy:
				d.open, d.attempts = false, d.attempts-1
			case fleet.StartFailed:
				d.open, d.failed = false, true
			case fleet.StartAccepted:
				d.accepted = true
			}
		case fleet.NotSent:
			d := of(f.Vault)
			d.open, d.attempts = false, d.attempts-1
		case fleet.Observed:
			of(f.Vault).accepted = true
		case fleet.Reconciled:
			d := of(f.Vault)
			switch f.Reading {
			case fleet.ReadAbsent:
				d.absent = append(d.absent, absence{e.At, d.from})
			case fleet.ReadOurs:
				d.accepted = true
			default:
				d.absent = nil
			}
		case fleet.Reopened:
			*of(f.Vault) = doubt{}
		}
	}
}

// absence is a reading that did not find an operation, and when the earliest
// one could count.
type absence struct{ at, from time.Time }

func (a absence) String() string {
	return fmt.Sprintf("read by %s, counts from %s", a.at.Format(time.TimeOnly), a.from.Format(time.TimeOnly))
}

// proved reports whether the journal's absences are a proof, and whether each
// of them stands on a listing and a target's 404 that went out in time.
func (n *night) proved(absent []absence, k fleet.Key) bool {
	if len(absent) < 2 {
		return false
	}
	a, b := absent[len(absent)-2], absent[len(absent)-1]
	second := a.at.Add(n.plan.Timings.ReconcileGrace)
	ref := n.refs[k]
	return !b.at.Before(second) && n.readBetween(ref, a.from, a.at) && n.readBetween(ref, later(b.from, second), b.at)
}

func (n *night) readBetween(ref string, from, to time.Time) bool {
	sub := ref[:36]
	within := func(cs []*call, status int) bool {
		for _, c := range cs {
			if c.status == status && !c.at.Before(from) && !c.done.After(to) {
				return true
			}
		}
		return false
	}
	if n.plan.Upgrade != nil { // the vault itself tells
		return within(n.trace.of("target", ref), 200)
	}
	return within(n.trace.of("list", sub), 200) && within(n.trace.of("target", ref), 404)
}

// auditListings: within a process, readings of a subscription are a poll apart.
// The retries of one reading carry one request ID.
func (n *night) auditListings(bad verdict) {
	type who struct {
		process int
		sub     string
	}
	last := map[who]*call{}
	for _, c := range n.trace.calls {
		if c.kind != "list" {
			continue
		}
		w := who{c.process, c.subscription}
		if l := last[w]; l != nil && l.id != c.id && c.at.Sub(l.at) < n.plan.Timings.Poll {
			bad(11, "%s was read again %v after the reading before", c, c.at.Sub(l.at))
		}
		last[w] = c
	}
}

// auditPauses: after an answer with a Retry-After that is not waited for in
// place, nothing goes to that subscription until it is over, but for what was
// out already.
func (n *night) auditPauses(bad verdict) {
	const inPlace = 10 * time.Second
	type pause struct {
		from, until time.Time
		step        int
		by          *call
	}
	pauses := map[string][]pause{}
	for _, c := range n.trace.calls {
		if (c.status == 429 || c.status == 503 && (c.kind == "list" || c.kind == "upgrade")) && c.retryAfter > inPlace {
			pauses[c.subscription] = append(pauses[c.subscription],
				pause{c.done, c.done.Add(c.retryAfter), c.doneStep, c})
		}
	}
	for _, c := range n.trace.calls {
		for _, p := range pauses[c.subscription] {
			// A process that dies before it could write the pause down has
			// nobody to tell; a pause of one poll is not written down; and a
			// clock that was set between two processes says nothing of it.
			known := c.process == p.by.process || c.run == p.by.run && n.ahead == nil && n.noted(p.by)
			if p.by.status == 503 && p.by.kind == "upgrade" && c.kind != "upgrade" {
				continue // what came of that start has to be read
			}
			if known && c.at.After(p.from) && c.at.Before(p.until) {
				bad(11, "%s went out %v before the end of the pause that %s asked for", c, p.until.Sub(c.at), p.by)
				return
			}
		}
	}
}

// noted reports whether the pause a call asked for reached the journal before
// its process ended.
func (n *night) noted(by *call) bool {
	for _, c := range n.trace.commits {
		for _, e := range c.events {
			if f, ok := e.Fact.(fleet.Throttled); ok && c.err == nil && c.process == by.process &&
				f.Subscription == by.subscription && !f.Until.Before(by.done.Add(by.retryAfter)) {
				return true
			}
		}
	}
	return false
}

// auditRecords: what the ledger remembers of a vault beside the journal is what
// the journal says; and the journal says the same after it was written down.
func (n *night) auditRecords(bad verdict) {
	st := n.state()
	err := n.ledger.VaultRecords(func(r fleet.VaultRecord) error {
		i, ok := st.Lookup(r.Vault)
		if !ok || r.RunID != n.runID {
			return nil
		}
		want := st.Record(i)
		if want.Status == fleet.Unknown && r.Status == fleet.Starting || n.reopened[r.Vault] {
			return nil // a resume doubts every start at once, with one fact
		}
		if a, b := plain(r), plain(want); !reflect.DeepEqual(a, b) {
			bad(9, "%s: the ledger's record is\n%v\nand the journal says\n%v", n.refs[r.Vault], a, b)
		}
		return nil
	})
	if err != nil {
		bad(9, "%v", err)
	}
}

// plain is a value as its JSON says it.
func plain(v any) (out any) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return err
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
