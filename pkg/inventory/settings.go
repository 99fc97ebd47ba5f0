package inventory

import (
	"net/url"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// The largest limits that are believed, and the slowest rate: one request in
// a hundred seconds.
const (
	maxLimit = 100_000
	maxRate  = 10_000
	minRate  = 0.01
)

// limitKey is a limit of the run, or with wave of one of its waves.
func limitKey[T any](name, what string, wave bool, at func(*T) *int) key[T] {
	return key[T]{name, says(whole(what, 1, maxLimit)), func(d *decoder, e *entry, into *T) {
		if n, ok := d.integer(e, e.what, 1, maxLimit); ok {
			*at(into) = n
			called := e.what
			if wave {
				called = "a wave's " + name
			}
			d.effects.limits = append(d.effects.limits, givenLimit{d.here(e.at), called, name, n, wave})
		}
	}}
}

var limitsForm = newForm("limits", "limits.",
	limitKey("validations", "validations at once", false, func(l *plan.Limits) *int { return &l.Validations }),
	limitKey("upgrades", "upgrades at once, in the whole fleet", false,
		func(l *plan.Limits) *int { return &l.Upgrades }),
	limitKey("perSubscription", "upgrades at once in a subscription", false,
		func(l *plan.Limits) *int { return &l.PerSubscription }),
	limitKey("perLocation", "upgrades at once in a location", false,
		func(l *plan.Limits) *int { return &l.PerLocation }),
	reads("requestsPerSecond",
		says(about("requests a second and subscription",
			object{"type": "number", "minimum": minRate, "maximum": maxRate})),
		func(l *plan.Limits) *float64 { return &l.RequestsPerSecond },
		func(d *decoder, e *entry) (float64, bool) { return d.number(e, e.what, minRate, maxRate) }),
)

// timings are those that are being read.
type timings struct {
	*plan.Timings
	unclear bool // one could not be read
}

func timingKey(name, what string, at func(*plan.Timings) *time.Duration) key[timings] {
	return key[timings]{name, says(duration(what)), func(d *decoder, e *entry, t *timings) {
		v, ok := d.duration(e, e.what)
		if !ok {
			t.unclear = true
			return
		}
		*at(t.Timings) = v
		if least := leastTimings[name]; v < least && d.farCloud() {
			d.problem(e.at,
				"leave it out for the default; with less, a start that is only late would be sent a second time",
				"%s must be at least %s, not %s", e.what, least, v)
		}
	}}
}

var timingsForm = newForm("timings", "timings.",
	timingKey("poll", "how often a subscription is listed", func(t *plan.Timings) *time.Duration { return &t.Poll }),
	timingKey("validationMaxAge", "how old a validation may be at the start",
		func(t *plan.Timings) *time.Duration { return &t.ValidationMaxAge }),
	timingKey("busyRetry", "how often a busy vault is validated again",
		func(t *plan.Timings) *time.Duration { return &t.BusyRetry }),
	timingKey("busyDeadline", "after which a busy vault is blocked",
		func(t *plan.Timings) *time.Duration { return &t.BusyDeadline }),
	timingKey("startTimeout", "how long the answer of a start is waited for",
		func(t *plan.Timings) *time.Duration { return &t.StartTimeout }),
	timingKey("reconcileGrace", "how far the two readings of an unknown start are apart",
		func(t *plan.Timings) *time.Duration { return &t.ReconcileGrace }),
	timingKey("reconcileDeadline", "after which an unknown start stays unknown",
		func(t *plan.Timings) *time.Duration { return &t.ReconcileDeadline }),
	overdueKey(),
)

// overdueKey is a timing of which the plan knows whether somebody has chosen it.
func overdueKey() key[timings] {
	k := timingKey("overdue", "after which an upgrade is flagged, and still followed",
		func(t *plan.Timings) *time.Duration { return &t.Overdue })
	read := k.read
	k.read = func(d *decoder, e *entry, t *timings) {
		read(d, e, t)
		t.OverdueChosen = t.UsualOverdue()
	}
	return k
}

// leastTimings are the least that the proof of a start's absence is made with. How late
// a cloud's gateways deliver, and how old a reading may be, is published nowhere: the
// bounds are our own, well below the defaults. On this machine nothing is late.
var leastTimings = map[string]time.Duration{"startTimeout": 10 * time.Second, "reconcileGrace": 30 * time.Second}

// farCloud reports whether the cloud is another machine.
func (d *decoder) farCloud() bool {
	c := d.in.Cloud
	if c.Name == fleet.Emulator {
		return false
	}
	near := func(endpoint string) bool {
		u, err := url.Parse(endpoint)
		return err == nil && plan.IsLoopback(u.Hostname())
	}
	return c.ResourceManager != "" && !near(c.ResourceManager) || c.ServiceManagement != "" &&
		!near(c.ServiceManagement)
}

func (d *decoder) timings(e *entry) {
	t := timings{Timings: &d.in.Timings}
	f, _ := timingsForm.mapping(d, e.value, e.at, &t)
	if t.unclear || t.ReconcileDeadline > t.ReconcileGrace {
		return
	}
	// Both may be given, or one against the other's default.
	given := f.get("reconcileDeadline")
	if given == nil {
		given = f.get("reconcileGrace")
	}
	d.problem(given.at, "a start is looked for twice, reconcileGrace apart",
		"timings.reconcileDeadline (%s) must be longer than timings.reconcileGrace (%s)",
		t.ReconcileDeadline, t.ReconcileGrace)
}
