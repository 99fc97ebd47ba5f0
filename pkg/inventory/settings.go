package inventory

import (
	"net/url"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
)

var limitsSchema = &schema{
	what: "limits",
	keys: []string{"validations", "upgrades", "perSubscription", "perLocation", "requestsPerSecond"},
}

// The largest limits that are believed, and the slowest rate: one request in
// a hundred seconds.
const (
	maxLimit = 100_000
	maxRate  = 10_000
	minRate  = 0.01
)

func (d *decoder) limits(e *entry) {
	f, _ := d.mapping(e.value, e.at, limitsSchema)
	for _, l := range []struct {
		key   string
		field *int
	}{
		{"validations", &d.in.Limits.Validations},
		{"upgrades", &d.in.Limits.Upgrades},
		{"perSubscription", &d.in.Limits.PerSubscription},
		{"perLocation", &d.in.Limits.PerLocation},
	} {
		if x := f.get(l.key); x != nil {
			if n, ok := d.integer(x, "limits."+l.key, 1, maxLimit); ok {
				*l.field = n
				d.effects.limits = append(d.effects.limits, givenLimit{d.here(x.at), "limits." + l.key, l.key, n, false})
			}
		}
	}
	if x := f.get("requestsPerSecond"); x != nil {
		if rate, ok := d.number(x, "limits.requestsPerSecond", minRate, maxRate); ok {
			d.in.Limits.RequestsPerSecond = rate
		}
	}
}

var timingsSchema = &schema{
	what: "timings",
	keys: []string{"poll", "validationMaxAge", "busyRetry", "busyDeadline", "startTimeout", "reconcileGrace",
		"reconcileDeadline", "overdue"},
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
	return c.ResourceManager != "" && !near(c.ResourceManager) || c.ServiceManagement != "" && !near(c.ServiceManagement)
}

func (d *decoder) timings(e *entry) {
	f, _ := d.mapping(e.value, e.at, timingsSchema)
	t := &d.in.Timings
	sound, far := true, d.farCloud()
	for _, x := range []struct {
		key   string
		field *time.Duration
	}{
		{"poll", &t.Poll},
		{"validationMaxAge", &t.ValidationMaxAge},
		{"busyRetry", &t.BusyRetry},
		{"busyDeadline", &t.BusyDeadline},
		{"startTimeout", &t.StartTimeout},
		{"reconcileGrace", &t.ReconcileGrace},
		{"reconcileDeadline", &t.ReconcileDeadline},
		{"overdue", &t.Overdue},
	} {
		if given := f.get(x.key); given != nil {
			if v, ok := d.duration(given, "timings."+x.key); ok {
				*x.field = v
				if least := leastTimings[x.key]; far && v < least {
					d.problem(given.at, "leave it out for the default; with less, a start that is only late would be sent a second time",
						"timings.%s must be at least %s, not %s", x.key, least, v)
				}
			} else {
				sound = false
			}
		}
	}
	if sound && t.ReconcileDeadline <= t.ReconcileGrace {
		// Both may be given, or one against the other's default.
		given := f.get("reconcileDeadline")
		if given == nil {
			given = f.get("reconcileGrace")
		}
		d.problem(given.at, "a start is looked for twice, reconcileGrace apart",
			"timings.reconcileDeadline (%s) must be longer than timings.reconcileGrace (%s)",
			t.ReconcileDeadline, t.ReconcileGrace)
	}
}
