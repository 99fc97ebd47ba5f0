package emulator

import (
	"cmp"
	"math"
	"slices"
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

// course is how an accepted upgrade or change goes. Its end is decided when it is
// accepted; its state follows from the clock.
type course struct {
	ID         string    `json:"id"` // of an upgrade the x-ms-client-request-id of its POST
	AcceptedAt time.Time `json:"acceptedAt"`
	EndsAt     time.Time `json:"endsAt"` // AcceptedAt, of what was done at once
	Fails      bool      `json:"fails,omitempty"`
	Code       string    `json:"code,omitempty"`
	Message    string    `json:"message,omitempty"`

	foreign bool // not begun through this handler
}

func (c *course) of() *course { return c }

// going is an upgrade or a change.
type going interface {
	comparable
	of() *course
}

// newest is the last of what the cloud knows of at a time, nil if nothing.
func newest[T going](list []T, now time.Time) (none T) {
	for _, o := range slices.Backward(list) {
		if !o.of().AcceptedAt.After(now) {
			return o
		}
	}
	return none
}

// ours are those that came through this handler.
func ours[T going](list []T) []T {
	i := slices.IndexFunc(list, func(o T) bool { return !o.of().foreign })
	if i < 0 {
		return nil
	}
	return list[i:]
}

// failing is the fault of kind fails that decides how the next of some goes, nil if
// none does.
func failing[T going](c *Cloud, s *sufferer, before []T) *fault {
	f := s.fault(c, kindFails)
	if f != nil && f.times >= 0 && len(ours(before)) >= f.times {
		return nil
	}
	return f
}

// length is how long what begins takes, scaled: what the fault at hand says, or one
// of kind takes, or otherwise.
func (s *sufferer) length(c *Cloud, f *fault, otherwise time.Duration) time.Duration {
	if f != nil && f.lasts > 0 {
		return f.lasts
	}
	if t := s.fault(c, kindTakes); t != nil {
		return t.lasts
	}
	return otherwise
}

// operation is an accepted upgrade.
type operation struct {
	course
	Group string `json:"group"` // the target resource group

	trigger    string
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

// onItsWay reports whether a start has left its sender but is not yet accepted
// (a fault with a delay).
func (v *vault) onItsWay(now time.Time) bool {
	return len(v.ops) > 0 && v.ops[len(v.ops)-1].AcceptedAt.After(now)
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
func (c *Cloud) vanished(v *vault, now time.Time) bool { return gone(c, &v.sufferer, v.ops, now) }

// lost reports whether a vault of today's is missing now.
func (c *Cloud) lost(r *resource, now time.Time) bool { return gone(c, &r.sufferer, r.changes, now) }

// gone reports whether a fault of kind vanished makes a vault be missing now.
func gone[T going](c *Cloud, s *sufferer, list []T, now time.Time) bool {
	f := s.fault(c, kindVanished)
	if f == nil {
		return false
	}
	from := c.createdAt
	if f.After == afterStart || f.After == afterEnd {
		var none T
		last := newest(list, now)
		if last == none {
			return false
		}
		if from = last.of().AcceptedAt; f.After == afterEnd {
			from = last.of().EndsAt
		}
	}
	return !from.IsZero() && !now.Before(from) && (f.lasts == 0 || now.Before(from.Add(f.lasts)))
}

// past is the upgrade that faults say happened or began before the beginning.
func (c *Cloud) past(v *vault) *operation {
	f := v.fault(c, kindAlready, kindFailedBefore, kindForeign)
	if f == nil {
		return nil
	}
	op := &operation{course: course{foreign: true}, Group: v.TargetResourceGroup, trigger: triggerUser}
	switch f.Kind {
	case kindForeign:
		op.AcceptedAt = c.createdAt
		op.EndsAt = op.AcceptedAt.Add(v.length(c, f, c.usual(v)))
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
	op := &operation{course: course{ID: id, AcceptedAt: at}, Group: group}
	f := failing(c, &v.sufferer, v.ops)
	if f != nil {
		op.Fails = true
		op.Code, op.Message = failure(f, id)
	}
	op.EndsAt = at.Add(v.length(c, f, c.usual(v)))
	return op
}

func failure(f *fault, id string) (code, message string) {
	return cmp.Or(f.Code, "EmulatedUpgradeFailure"),
		cmp.Or(f.Message, "The upgrade of the vault failed and will not be tried again. OperationId: "+id)
}

// usual is how long an upgrade of the vault takes by the scenario.
func (c *Cloud) usual(v *vault) time.Duration {
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
	op := newest(v.ops, now)
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
	d.scale = cmp.Or(d.scale, 1)
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

// recordedLength is how long a change takes by what was seen at a client's own
// polling of 24 recorded ones: 2 had ended within a second, 17 more within 63
// seconds, 4 within 122, and one after 530; at is from 0 up to 1.
func recordedLength(at float64) time.Duration {
	within := func(lo, hi, from, to float64) time.Duration {
		return time.Duration((lo + (hi-lo)*(at-from)/(to-from)) * float64(time.Second))
	}
	switch {
	case at < 2.0/24:
		return within(0.2, 1, 0, 2.0/24)
	case at < 19.0/24:
		return within(1, 63, 2.0/24, 19.0/24)
	case at < 23.0/24:
		return within(63, 122, 19.0/24, 23.0/24)
	}
	return 530 * time.Second
}
