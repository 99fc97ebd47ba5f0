package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const (
	maxCrashes = 8
	worldEnds  = 60 * 24 * time.Hour // after the faults: a run must be over by then
)

// lateness is how late a start may get in after its deadline, and how old a
// reading may be. Just under the grace: with less of a proof than two reads, a
// grace apart and a grace away, a vault is accepted twice.
func (w *world) lateness() time.Duration { return w.plan.Timings.ReconcileGrace * 11 / 12 }

// cloud is the truth: every upgrade that was ever accepted.
type cloud struct {
	w      *world
	vaults []cloudVault
	calls  map[string]int // how often a call was made for a vault
}

type cloudVault struct {
	ops  []cloudOp // oldest first
	ours int       // accepted from us
}

type cloudOp struct {
	id      string
	at, end time.Time
	failed  bool
	ours    bool
}

func newCloud(w *world) *cloud {
	c := &cloud{w: w, vaults: make([]cloudVault, len(w.plan.Vaults)), calls: map[string]int{}}
	for i := range c.vaults {
		if w.chance(w.Past, "past", i) {
			c.vaults[i].ops = []cloudOp{{id: fmt.Sprint("past", i), at: w.now.Add(-2 * time.Hour),
				end: w.now.Add(-time.Hour), failed: w.chance(50, "past failed", i)}}
		}
		if w.chance(w.Foreign, "foreign", i) {
			w.after(0, time.Duration(w.pick(240, "foreign at", i))*time.Minute, func() []Observation {
				if len(c.vaults[i].ops) == 0 {
					c.accept(i, fmt.Sprint("theirs", i), false)
				}
				return nil
			})
		}
	}
	return c
}

// accept starts an upgrade. Of ours there must never be more than permitted.
func (c *cloud) accept(i int, op string, ours bool) {
	w, v := c.w, &c.vaults[i]
	n := len(v.ops)
	took := time.Duration(5+w.pick(40, "took", i, n)) * time.Minute
	if w.chance(5, "overdue", i, n) {
		took += 2 * time.Hour
	}
	v.ops = append(v.ops, cloudOp{id: op, at: w.now, end: w.now.Add(took), failed: w.fault(w.Fail, "fail", i, n),
		ours: ours})
	if !ours {
		return
	}
	if v.ours++; v.ours > w.permits[i] {
		w.broken("%s was accepted %d times with %d permissions: %v", w.plan.Vaults[i].Name, v.ours, w.permits[i], v.ops)
	}
	c.checkLimits()
}

// checkLimits counts what really runs, but for starts that ended as unknown
// and those that a person wrote off: in all, and in each wave.
func (c *cloud) checkLimits() {
	w := c.w
	for wave := -1; wave < len(w.plan.Waves); wave++ {
		l := w.limits(w.committed)
		if wave >= 0 {
			l = w.plan.LimitsOf(wave)
		}
		all, sub, loc := 0, map[string]int{}, map[string]int{}
		for i := range c.vaults {
			v := &w.plan.Vaults[i]
			r := c.record(i, w.now)
			if wave >= 0 && v.Wave != wave || r == nil || r.State != fleet.RecordInProgress ||
				!c.vaults[i].ops[len(c.vaults[i].ops)-1].ours ||
				w.committed.Vaults[i].Final || w.written[r.OperationID] {
				continue
			}
			all++
			sub[v.SubscriptionID]++
			loc[v.Location]++
			if all > l.Upgrades || l.PerSubscription > 0 && sub[v.SubscriptionID] > l.PerSubscription ||
				l.PerLocation > 0 && loc[v.Location] > l.PerLocation {
				w.broken("the cloud runs %d upgrades of wave %d, by subscription %v, by location %v; limits %+v", all,
					wave, sub, loc, l)
			}
		}
	}
}

// record is what the cloud's record of a vault said at a time; nil: nothing.
func (c *cloud) record(i int, t time.Time) *fleet.Record {
	ops := c.vaults[i].ops
	n := len(ops) - 1
	for n >= 0 && ops[n].at.After(t) {
		n--
	}
	if n < 0 {
		return nil
	}
	op := &ops[n]
	r := &fleet.Record{OperationID: op.id, State: fleet.RecordInProgress, StartedAt: op.at}
	if !op.end.After(t) {
		r.State, r.EndedAt = fleet.RecordUpgraded, op.end
		if op.failed {
			r.State, r.Message = fleet.RecordFailed, "the service gave up"
		}
	}
	return r
}

// read is what a reading made now shows of a vault: the truth, or an old
// truth, or none.
func (c *cloud) read(i int, asOf time.Time) (r *fleet.Record, present bool) {
	w := c.w
	period := int(asOf.Sub(w.epoch()) / (7 * time.Minute))
	if w.fault(w.Vanish, "vanish", i, period) {
		return nil, false
	}
	r = c.record(i, asOf)
	// An upgrade that was committed as seen may be forgotten while it runs: that
	// must never count as a proof of absence.
	if r != nil && r.State == fleet.RecordInProgress && w.accepted[r.OperationID] && w.fault(w.Forget, "forget", i) {
		return nil, true
	}
	return r, true
}

// lagging is the time whose truth a reading shows: for some minutes on end a
// subscription may be behind.
func (c *cloud) lagging(sub string, readAt time.Time) time.Time {
	if w, period := c.w, int(readAt.Sub(c.w.epoch())/(11*time.Minute)); w.fault(w.Lag, "lag", sub, period) {
		return readAt.Add(-time.Duration(w.pick(int(w.lateness()/time.Second), "lag by", sub, period)) * time.Second)
	}
	return readAt
}

// snapshot is a complete reading of a subscription.
func (c *cloud) snapshot(sub string, readAt time.Time) *fleet.Snapshot {
	w := c.w
	asOf := c.lagging(sub, readAt)
	snap := &fleet.Snapshot{Subscription: sub, ReadAt: readAt, Vaults: map[fleet.Key]fleet.Sighting{}}
	for i := range w.plan.Vaults {
		if v := &w.plan.Vaults[i]; v.SubscriptionID == sub {
			if r, present := c.read(i, asOf); present {
				snap.Vaults[v.Key] = fleet.Sighting{Record: r}
			}
		}
	}
	return snap
}

// refusal says how a subscription refuses calls at the moment: by denying the
// starts or everything, by throttling, by not answering; or empty.
func (c *cloud) refusal(call string, i int, n int) fleet.CallClass {
	w := c.w
	sub := w.plan.Vaults[i].SubscriptionID
	period := int(w.now.Sub(w.epoch()) / (20 * time.Minute))
	switch {
	case w.fault(w.Deny, "deny", sub, period) && (call == "send" || w.pick(2, "deny all", sub, period) == 0):
		return fleet.CallDenied
	case w.fault(w.Throttle, "throttle", call, i, n):
		return fleet.CallThrottled
	case call != "send" && w.fault(w.Unreachable, "unreachable", call, i, n):
		return fleet.CallUnreachable
	}
	return ""
}

func (c *cloud) wait(i, n int) time.Duration {
	return time.Duration(c.w.pick(400, "retry after", i, n)) * time.Second
}

// validate makes all checks of a vault.
func (c *cloud) validate(i, n int, disregard []string) fleet.Validation {
	w := c.w
	why := func(code string) []fleet.Finding {
		return []fleet.Finding{{Severity: fleet.SeverityError, Code: code, Message: code}}
	}
	switch c.refusal("validate", i, n) {
	case fleet.CallDenied:
		return fleet.Validation{Verdict: fleet.VerdictDenied, Findings: why(fleet.CodeNotSignedIn)}
	case fleet.CallThrottled:
		return fleet.Validation{Verdict: fleet.VerdictThrottled, RetryAfter: c.wait(i, n)}
	case fleet.CallUnreachable:
		return fleet.Validation{Verdict: fleet.VerdictBusy, Findings: why(fleet.CodeUnreachable)}
	}
	if w.chance(w.Block/4, "always throttled", w.plan.Vaults[i].SubscriptionID) {
		w.seen["checks always throttled"]++
		return fleet.Validation{Verdict: fleet.VerdictThrottled, Findings: why(fleet.CodeThrottled)}
	}
	r, present := c.read(i, w.now)
	switch {
	case !present:
		return fleet.Validation{Verdict: fleet.VerdictBlocked, Findings: why(fleet.CodeNotFound)}
	case r == nil, r.State == fleet.RecordFailed && slices.Contains(disregard, r.OperationID):
	case r.State == fleet.RecordInProgress:
		return fleet.Validation{Verdict: fleet.VerdictUpgrading, Record: r}
	case r.State == fleet.RecordUpgraded:
		return fleet.Validation{Verdict: fleet.VerdictAlready, Record: r}
	default:
		return fleet.Validation{Verdict: fleet.VerdictFailed, Record: r, Findings: why(fleet.CodeUpgradeFailed)}
	}
	switch {
	case w.chance(w.Block, "block", i):
		return fleet.Validation{Verdict: fleet.VerdictBlocked, Findings: why(fleet.CodeGroupMissing)}
	case w.fault(w.Busy, "busy", i), w.fault(w.Busy, "busy now", i, n):
		return fleet.Validation{Verdict: fleet.VerdictBusy, Findings: why(fleet.CodeBusy)}
	}
	return fleet.Validation{Verdict: fleet.VerdictReady}
}

// prepare makes the fresh read before a start.
func (c *cloud) prepare(i, n int, readAt time.Time) Observation {
	v := &c.w.plan.Vaults[i]
	if class := c.refusal("prepare", i, n); class != "" {
		return PrepareFailed{Vault: v.Key, Class: class, RetryAfter: c.wait(i, n), Detail: string(class)}
	}
	if c.w.chance(c.w.Block/2, "never as it was checked", i) {
		c.w.seen["prepare never as it was checked"]++
		return PrepareFailed{Vault: v.Key, Class: fleet.CallConflict, Detail: "its roles have changed"}
	}
	seen, present := c.snapshot(v.SubscriptionID, readAt).Vaults[v.Key]
	return PrepareDone{Vault: v.Key, Start: fleet.PreparedStart{OperationID: fmt.Sprintf("%s-%d", v.Name, n)},
		Seen: seen, Present: present}
}

// reconcile makes one pair of reads, a listing and the target; either may be
// old.
func (c *cloud) reconcile(i, n int, op string, before []string) fleet.Reconciliation {
	w := c.w
	if c.refusal("reconcile", i, n) != "" {
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	}
	v := &w.plan.Vaults[i]
	seen, present := c.snapshot(v.SubscriptionID, w.now).Vaults[v.Key]
	target, exists := c.read(i, c.lagging(v.SubscriptionID, w.now))
	switch {
	case present && seen.Record != nil && seen.Record.OperationID == op:
		return fleet.Reconciliation{Reading: fleet.ReadOurs, Record: seen.Record}
	case exists && target != nil && target.OperationID == op:
		return fleet.Reconciliation{Reading: fleet.ReadOurs, Record: target}
	case !present || !exists:
		return fleet.Reconciliation{Reading: fleet.ReadUnreadable}
	case seen.Record != nil && !slices.Contains(before, seen.Record.OperationID):
		return fleet.Reconciliation{Reading: fleet.ReadForeign, Record: seen.Record}
	}
	return fleet.Reconciliation{Reading: fleet.ReadAbsent}
}

// start takes the POST of a start and plans its answer.
func (c *cloud) start(i, n int, op string) (answer fleet.StartAnswer, after time.Duration) {
	w := c.w
	soon := time.Duration(1+w.pick(20, "answer after", i, n)) * time.Second
	timeout := w.plan.Timings.StartTimeout
	latest := w.now.Add(timeout + w.lateness())
	accept := func(d time.Duration) {
		w.after(0, d, func() []Observation { c.accept(i, op, true); return nil }).latest = latest
	}
	switch c.refusal("send", i, n) {
	case fleet.CallDenied:
		return fleet.StartAnswer{Verdict: fleet.StartDenied, HTTPStatus: 403, Message: "no co-administrator"}, soon
	case fleet.CallThrottled:
		return fleet.StartAnswer{Verdict: fleet.StartThrottled, HTTPStatus: 429, RetryAfter: c.wait(i, n)}, soon
	}
	// It refuses a start beside somebody else's upgrade; beside one of ours it
	// would take a second, so that nothing but the machine's care prevents it.
	if r := c.record(i, w.now); r != nil && r.State != fleet.RecordFailed &&
		!c.vaults[i].ops[len(c.vaults[i].ops)-1].ours {
		return fleet.StartAnswer{Verdict: fleet.StartBusy, HTTPStatus: 409}, soon
	}
	if !w.fault(w.Answer, "answer", i, n) {
		accept(time.Second)
		if w.chance(20, "slow answer", i, n) {
			soon = timeout - time.Second
		}
		return fleet.StartAnswer{Verdict: fleet.StartAccepted, HTTPStatus: 200, RequestID: op}, soon
	}
	lost := fleet.StartAnswer{Verdict: fleet.StartUnknown, Message: "no answer"}
	switch w.pick(w.AnswerKinds, "answer kind", i, n) {
	case 0: // accepted, the answer lost
		accept(time.Second)
		return lost, timeout
	case 1: // accepted long after it was given up
		accept(timeout + time.Duration(w.pick(int(w.lateness()/time.Second), "late", i, n))*time.Second)
		return lost, timeout
	case 2: // an error, and yet it is accepted, as late as may be
		accept(time.Duration(1+w.pick(int((timeout+w.lateness())/time.Second), "late", i, n)) * time.Second)
		return fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: 502, ErrorBody: w.chance(30, "body", i, n)},
			soon
	case 3:
		return fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: 500, ErrorBody: true}, soon
	case 4:
		return fleet.StartAnswer{Verdict: fleet.StartBusy, HTTPStatus: 409}, soon
	case 5:
		return fleet.StartAnswer{Verdict: fleet.StartFailed, HTTPStatus: 400, Message: "refused"}, soon
	case 6:
		return fleet.StartAnswer{Verdict: fleet.StartNotSent, Code: fleet.CodeUnreachable, Message: "no connection"},
			soon
	case 7, 8, 9: // accepted, it says, and names nothing to follow: done at once, late, or never
		if w.pick(3, "untold", i, n) > 0 {
			late := time.Second
			if w.chance(50, "untold late", i, n) {
				late = time.Duration(1+w.pick(90, "untold late by", i, n)) * time.Minute
			}
			w.after(0, late, func() []Observation {
				// That it was accepted may have died with a process: no journal knows, and what
				// is known of a start without an answer must hold.
				if late == time.Second || w.accepted[op] {
					c.accept(i, op, true)
				}
				return nil
			})
		}
		w.seen["accepted, and nothing to follow"]++
		if w.chance(50, "untold to another build", i, n) {
			return fleet.StartAnswer{Verdict: fleet.StartUnknown, HTTPStatus: 202,
				Message: "not where to follow it"}, soon
		}
		return fleet.StartAnswer{Verdict: fleet.StartAccepted, HTTPStatus: 202, RequestID: op,
			Operation: &fleet.Operation{Unfollowed: "not where to follow it"}}, soon
	}
	if w.chance(30, "overtaken", i, n) {
		w.after(0, soon, func() []Observation { c.accept(i, fmt.Sprint("theirs", i), false); return nil })
	}
	return lost, timeout // it never got there
}
