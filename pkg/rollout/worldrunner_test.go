package rollout

import (
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// perform carries an action out as the runner does: every call ends in one
// observation, later.
func (w *world) perform(a Action) {
	switch a := a.(type) {
	case Wake:
		w.wake = a.At
	case Watch:
		w.watch(a)
	case Exit:
		w.exit(a.Code)
	case Validate:
		n := w.begin(a.Vault, "validate")
		w.answer(a.Vault, n, func() []Observation {
			r := w.cloud.validate(a.Vault, n, a.Disregard)
			w.seen["validated "+string(r.Verdict)]++
			return w.slowed(a.Vault, r.RetryAfter, ValidateDone{w.plan.Vaults[a.Vault].Key, r})
		})
	case Prepare:
		n := w.begin(a.Vault, "prepare")
		readAt := later(w.now, a.After.Add(time.Nanosecond))
		w.answer(a.Vault, n, func() []Observation { return []Observation{w.cloud.prepare(a.Vault, n, readAt)} })
	case Send:
		w.send(a)
	case Reconcile:
		n := w.begin(a.Vault, "reconcile")
		w.answer(a.Vault, n, func() []Observation {
			r := w.cloud.reconcile(a.Vault, n, a.OperationID, a.Before)
			w.seen["reconciled "+string(r.Reading)]++
			return []Observation{ReconcileDone{w.plan.Vaults[a.Vault].Key, a.OperationID, r}}
		})
	case Verify:
		n := w.begin(a.Vault, "verify")
		w.answer(a.Vault, n, func() []Observation {
			o := VerifyDone{Vault: w.plan.Vaults[a.Vault].Key, OperationID: a.OperationID,
				Result: fleet.Verification{OK: true, ResourceID: "new"}}
			switch {
			case w.fault(w.Unverified, "never verified", a.Vault), w.fault(w.Unverified, "verify", a.Vault, n):
				o.Result = fleet.Verification{}
			case w.cloud.refusal("verify", a.Vault, n) != "":
				o.Failed = "no answer"
			}
			return []Observation{o}
		})
	case Explain:
		n := w.begin(a.Vault, "explain")
		w.answer(a.Vault, n, func() []Observation {
			o := ExplainDone{Vault: w.plan.Vaults[a.Vault].Key, OperationID: a.OperationID}
			if w.pick(2, "explain", a.Vault, n) == 0 {
				o.Findings = []fleet.Finding{{Severity: fleet.SeverityError, Code: "disk-full"}}
			}
			return []Observation{o}
		})
	}
}

// begin notes that a vault is worked on: never for two things at once. It
// returns how often that was done for the vault before.
func (w *world) begin(i int, what string) int {
	if was := w.busy[i]; was != "" {
		w.broken("%s for %s while %s is under way", what, w.plan.Vaults[i].Name, was)
	}
	w.busy[i] = what
	key := fmt.Sprint(what, i)
	w.cloud.calls[key]++
	return w.cloud.calls[key]
}

// answer brings a call's result to the process that made it.
func (w *world) answer(i, n int, fire func() []Observation) {
	w.after(w.process, time.Duration(w.pick(4, "latency", i, n))*time.Second, func() []Observation {
		w.busy[i] = ""
		return fire()
	})
}

// slowed adds what the runner says when a subscription wants to be left alone.
func (w *world) slowed(i int, d time.Duration, o Observation) []Observation {
	if d == 0 {
		return []Observation{o}
	}
	return []Observation{o, SlowDown{Subscription: w.plan.Vaults[i].SubscriptionID, Until: w.now.Add(d)}}
}

// send is the one POST: its intent must be on disk, the newest of its vault.
func (w *world) send(a Send) {
	n := w.begin(a.Vault, "send")
	if v := &w.committed.Vaults[a.Vault]; v.Status != fleet.Starting || v.OperationID != a.Start.OperationID {
		w.broken("%s is sent, but the ledger has %s as %s", a.Start.OperationID, v.OperationID, v.Status)
	}
	answer, after := fleet.StartAnswer{Verdict: fleet.StartNotSent, Message: "too late for the window"}, time.Second
	if a.NotAfter.IsZero() || !w.wall().After(a.NotAfter) {
		w.checkWindow(a.Vault)
		answer, after = w.cloud.start(a.Vault, n, a.Start.OperationID)
	}
	w.seen["answer "+string(answer.Verdict)]++
	w.after(w.process, after, func() []Observation {
		w.busy[a.Vault] = ""
		return w.slowed(a.Vault, answer.RetryAfter, SendDone{w.plan.Vaults[a.Vault].Key, a.Start.OperationID, answer})
	})
}

// watch turns the reading of a subscription on or off.
func (w *world) watch(a Watch) {
	set := w.watched[a.Subscription]
	if set == nil {
		set = map[int]Watch{}
		w.watched[a.Subscription] = set
	}
	was, on := set[a.Vault]
	if on == a.On && (!on || was.Overdue == a.Overdue && sameOperation(was.Operation, a.Operation)) {
		w.broken("watch of %d in %s is %t already", a.Vault, a.Subscription, a.On)
	}
	if !a.On {
		delete(set, a.Vault)
		if len(set) == 0 {
			w.poller[a.Subscription] = 0
		}
		return
	}
	set[a.Vault] = a
	if w.poller[a.Subscription] == 0 {
		w.seq++
		w.poller[a.Subscription] = w.seq
		w.poll(a.Subscription, w.seq)
	}
}

// poll reads a subscription after a poll, again and again.
func (w *world) poll(sub string, poller int) {
	w.after(w.process, w.plan.Timings.Poll, func() []Observation {
		if w.poller[sub] != poller {
			return nil
		}
		w.poll(sub, poller)
		i := 0
		for w.plan.Vaults[i].SubscriptionID != sub {
			i++
		}
		n := int(w.now.Unix())
		if class := w.cloud.refusal("list", i, n); class != "" {
			return w.slowed(i, map[bool]time.Duration{true: w.cloud.wait(i, n)}[class == fleet.CallThrottled],
				ReadFailed{Subscription: sub, Class: class, Detail: string(class)})
		}
		return []Observation{ReadDone{*w.cloud.snapshot(sub, w.now)}}
	})
}
