package emulator

import (
	"math"
	"strconv"
	"time"
)

// The states of an upgrade (classic-service.md#the-listing, Status).
const (
	statusInProgress = "InProgress"
	statusUpgraded   = "Upgraded"
	statusFailed     = "Failed"
)

// When a vault vanishes.
const (
	afterBeginning = "beginning"
	afterStart     = "start"
	afterEnd       = "end"
)

// Who started an upgrade (classic-service.md#the-listing, TriggerType).
const (
	triggerUser   = "UserTriggered"
	triggerForced = "ForcedUpgrade"
)

// operation is an accepted upgrade. Its end is decided when it is accepted;
// its state follows from the clock.
type operation struct {
	ID         string    `json:"id"`    // the x-ms-client-request-id of its POST
	Group      string    `json:"group"` // the target resource group
	AcceptedAt time.Time `json:"acceptedAt"`
	EndsAt     time.Time `json:"endsAt"`
	Fails      bool      `json:"fails,omitempty"`
	Code       string    `json:"code,omitempty"`
	Message    string    `json:"message,omitempty"`

	trigger    string
	foreign    bool      // not started through this handler
	repairedAt time.Time // since when support has put it right; zero: never
}

func (o *operation) status(now time.Time) string {
	switch {
	case now.Before(o.EndsAt):
		return statusInProgress
	case o.Fails && (o.repairedAt.IsZero() || now.Before(o.repairedAt)):
		return statusFailed
	}
	return statusUpgraded
}

// current is the newest upgrade that the cloud knows of, nil if none.
func (v *vault) current(now time.Time) *operation {
	for i := len(v.ops) - 1; i >= 0; i-- {
		if !v.ops[i].AcceptedAt.After(now) {
			return v.ops[i]
		}
	}
	return nil
}

// onItsWay reports whether a start has left its sender but is not yet accepted
// (a fault with a delay).
func (v *vault) onItsWay(now time.Time) bool {
	return len(v.ops) > 0 && v.ops[len(v.ops)-1].AcceptedAt.After(now)
}

// accepted lists the starts that came through this handler.
func (v *vault) accepted() []*operation {
	for i, o := range v.ops {
		if !o.foreign {
			return v.ops[i:]
		}
	}
	return nil
}

// message is what the upgrade's record says in words.
func (o *operation) message(now time.Time) string {
	if o.status(now) == statusUpgraded {
		return ""
	}
	return o.Message
}

// repair lets support put right what has failed. Each upgrade is replaced, not
// changed: a listing that is being written may hold it.
func (v *vault) repair(at time.Time) {
	for i, o := range v.ops {
		if o.Fails && o.repairedAt.IsZero() {
			repaired := *o
			repaired.repairedAt = at
			v.ops[i] = &repaired
		}
	}
}

// vanished reports whether the vault is missing now.
func (c *Cloud) vanished(v *vault, now time.Time) bool {
	f := v.fault(c, kindVanished)
	if f == nil {
		return false
	}
	var start, end time.Time
	if op := v.current(now); op != nil {
		start, end = op.AcceptedAt, op.EndsAt
	}
	return c.gone(f, start, end, now)
}

// lost reports whether a vault of today's is missing now.
func (c *Cloud) lost(r *resource, now time.Time) bool {
	f := r.fault(c, kindVanished)
	if f == nil {
		return false
	}
	var start, end time.Time
	if ch := r.current(now); ch != nil {
		start, end = ch.AcceptedAt, ch.EndsAt
	}
	return c.gone(f, start, end, now)
}

// gone reports whether a fault of kind vanished makes a vault be missing now;
// start and end are those of its newest upgrade, zero if it has none.
func (c *Cloud) gone(f *fault, start, end, now time.Time) bool {
	from := c.createdAt
	switch f.After {
	case afterStart:
		from = start
	case afterEnd:
		from = end
	}
	return !from.IsZero() && !now.Before(from) && (f.lasts == 0 || now.Before(from.Add(f.lasts)))
}

// past is the upgrade that faults say happened or began before the beginning.
func (c *Cloud) past(v *vault) *operation {
	f := v.fault(c, kindAlready, kindFailedBefore, kindForeign)
	if f == nil {
		return nil
	}
	op := &operation{Group: v.TargetResourceGroup, trigger: triggerUser, foreign: true}
	switch f.Kind {
	case kindForeign:
		op.AcceptedAt = c.createdAt
		op.EndsAt = op.AcceptedAt.Add(c.length(v, f))
		op.Fails = f.Ends == statusFailed
	default:
		op.AcceptedAt = c.createdAt.Add(-26 * time.Hour)
		op.EndsAt = op.AcceptedAt.Add(23 * time.Minute)
		op.Fails = f.Kind == kindFailedBefore
	}
	if f.Trigger == "Forced" {
		op.trigger = triggerForced
	}
	op.ID = guid(c.seed, "foreign", v.key) + op.AcceptedAt.Format("-2006-01-02 15:04:05Z") + "-P"
	if op.Fails {
		op.Code, op.Message = failure(f, op.ID)
	}
	return op
}

// upgrade is the operation that a start begins at a time.
func (c *Cloud) upgrade(v *vault, id, group string, at time.Time) *operation {
	op := &operation{ID: id, Group: group, AcceptedAt: at}
	f := v.fault(c, kindFails)
	if f != nil && f.times >= 0 && len(v.accepted()) >= f.times {
		f = nil
	}
	if f != nil {
		op.Fails = true
		op.Code, op.Message = failure(f, id)
	}
	op.EndsAt = at.Add(c.length(v, f))
	return op
}

func failure(f *fault, id string) (code, message string) {
	code, message = f.Code, f.Message
	if code == "" {
		code = "EmulatedUpgradeFailure"
	}
	if message == "" {
		message = "The upgrade of the vault failed and will not be tried again. OperationId: " + id
	}
	return code, message
}

// length is how long an upgrade of the vault takes, scaled: what the fault at
// hand says, or one of kind takes, or the scenario.
func (c *Cloud) length(v *vault, f *fault) time.Duration {
	if f != nil && f.lasts > 0 {
		return f.lasts
	}
	if t := v.fault(c, kindTakes); t != nil {
		return t.lasts
	}
	return c.durations.of(v.ProtectedItems, share(c.seed, "duration", v.key, strconv.Itoa(len(v.ops))))
}

// targetState is what stands at a target path.
type targetState int

const (
	targetNone targetState = iota
	targetProvisioning
	targetThere    // upgraded to
	targetSquatted // by a vault that is not from an upgrade
)

// target reads what is at the place a vault would be upgraded to.
func (c *Cloud) target(v *vault, group string, now time.Time) (targetState, *operation) {
	op := v.current(now)
	if op != nil && targetKey(op.Group, v.Name) == targetKey(group, v.Name) {
		switch op.status(now) {
		case statusInProgress:
			return targetProvisioning, op
		case statusUpgraded:
			if f := v.fault(c, kindTargetLate); f != nil && now.Before(op.EndsAt.Add(f.lasts)) {
				return targetProvisioning, op
			}
			return targetThere, op
		}
	}
	if v.fault(c, kindTargetExists) != nil && targetKey(v.TargetResourceGroup, v.Name) == targetKey(group, v.Name) {
		return targetSquatted, nil
	}
	return targetNone, nil
}

// durations is a Duration and the TimeScale, made ready.
type durations struct {
	scale             float64
	constant          time.Duration
	lo, hi            time.Duration
	base, perItem, to time.Duration
	recorded          bool // as recordedLength has it
}

var usualDuration = Duration{Base: "15m", PerItem: "6s", Max: "90m"}

// newDurations makes a Duration ready; usual is what all empty means.
func newDurations(scale float64, in, usual Duration) durations {
	d := durations{scale: scale}
	if d.scale == 0 {
		d.scale = 1
	}
	if in == (Duration{}) {
		in = usual
	}
	switch {
	case in.Constant != "":
		d.constant = parsed(in.Constant)
	case in.Base != "":
		d.base, d.perItem, d.to = parsed(in.Base), parsed(in.PerItem), parsed(in.Max)
	default:
		d.lo, d.hi = parsed(in.Min), parsed(in.Max)
	}
	return d
}

// parsed reads a duration that Validate has seen; zero where absent.
func parsed(s string) time.Duration {
	d, _ := time.ParseDuration(s)
	return d
}

func (d durations) scaled(s string) time.Duration { return d.shrink(parsed(s)) }

// shrink applies the time scale. What lasts at all lasts a nanosecond at
// least, and a century at most, which keeps sums of times from overflowing.
func (d durations) shrink(t time.Duration) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	if t <= 0 {
		return 0
	}
	return time.Duration(min(max(float64(t)/d.scale, 1), float64(century)))
}

// of is how long an upgrade of so many items takes; at, from 0 to 1, is the
// place in a range.
func (d durations) of(items int, at float64) time.Duration {
	switch {
	case d.recorded:
		return d.shrink(recordedLength(at))
	case d.constant > 0:
		return d.shrink(d.constant)
	case d.base > 0:
		t := float64(d.base) + float64(items)*float64(d.perItem)
		if d.to > 0 {
			t = min(t, float64(d.to))
		}
		return d.shrink(time.Duration(min(t, float64(math.MaxInt64/2))))
	}
	return d.shrink(d.lo + time.Duration(at*float64(d.hi-d.lo)))
}
