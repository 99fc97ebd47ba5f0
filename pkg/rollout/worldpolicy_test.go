package rollout

import (
	"time"

	"pgregory.net/rapid"

	"github.com/fleetup-dev/fleetup/pkg/plan"
)

// policy is what a world's plan says beside limits and the run's budget.
type policy struct {
	Night        int // which of the nights it begins in, most of them with a change of the clocks
	Windows      int // of the run's calendar; 0: none, and the wall clock shows the time
	WaveWindows  int // percent of the waves that have their own
	OwnWindows   int // percent of the vaults that have their own
	Blackouts    int
	NeverFits    bool // the second wave's windows are too short
	Soak         int  // percent of the waves
	Dates        int  // percent of the waves
	Gates        int  // percent of the waves
	WaveLimits   int  // percent of the waves
	Hard         bool
	SubBudget    int // -1: none
	SameError    int
	AllFirst     bool
	LeaveWaiting bool // processes leave rather than wait
	Jumps        int  // of the wall clock
}

var policies = rapid.Custom(func(t *rapid.T) policy {
	upTo := func(name string, n int) int { return rapid.IntRange(0, n).Draw(t, name) }
	flag := func(name string) bool { return upTo(name, 2) == 2 }
	return policy{
		Night:        upTo("night", len(nights)-1),
		Windows:      max(0, upTo("windows", 4)-1),
		WaveWindows:  upTo("waves with windows", 50),
		OwnWindows:   upTo("vaults with windows", 20),
		Blackouts:    upTo("blackouts", 2),
		NeverFits:    flag("never fits"),
		Soak:         upTo("soak", 60),
		Dates:        upTo("dates", 30),
		Gates:        upTo("gates", 60),
		WaveLimits:   upTo("wave limits", 60),
		Hard:         flag("hard ceiling"),
		SubBudget:    upTo("subscription budget", 4) - 1,
		SameError:    upTo("same error", 3),
		AllFirst:     flag("validate all first"),
		LeaveWaiting: flag("leave when waiting"),
		Jumps:        upTo("jumps", 4),
	}
})

// nights are moments to begin: an ordinary evening, and the evening before the
// clocks change in London, New York and Sydney, forward and back.
var nights = []time.Time{
	time.Date(2026, 3, 16, 11, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 28, 19, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 19, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 7, 23, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC),
	time.Date(2026, 10, 3, 9, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 9, 0, 0, 0, time.UTC),
}

// epoch is when the world begins.
func (c *config) epoch() time.Time { return nights[c.Night] }

// horizon is when faults stop: with windows little happens by day.
func (c *config) horizon() time.Duration {
	if c.Windows > 0 {
		return 30 * time.Hour
	}
	return 8 * time.Hour
}

var worldZones = []string{"Australia/Sydney", "Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"}

// calendar makes a calendar of so many windows, the first of which is long and
// open every day.
func (c *config) calendar(windows, blackouts int, of string) *plan.Calendar {
	cal := &plan.Calendar{}
	for n := range windows {
		w := plan.Window{Zone: worldZones[c.pick(len(worldZones), "zone", of, n)],
			Start: 15 * c.pick(96, "start", of, n)}
		length := 15 * (2 + c.pick(20, "length", of, n))
		if n == 0 {
			length += 4 * 60
		}
		w.End = (w.Start + length) % (24 * 60)
		for d := time.Sunday; d <= time.Saturday; d++ {
			if n == 0 || c.chance(50, "day", of, n, int(d)) || d == time.Saturday {
				w.Days = append(w.Days, d)
			}
		}
		cal.Windows = append(cal.Windows, w)
	}
	for n := range blackouts {
		from := c.epoch().Add(time.Duration(c.pick(72*4, "blackout", of, n)) * 15 * time.Minute)
		to := from.Add(time.Duration(1+c.pick(96, "blackout for", of, n)) * 15 * time.Minute)
		cal.Blackouts = append(cal.Blackouts,
			plan.Blackout{From: from.Format("2006-01-02T15:04"), To: to.Format("2006-01-02T15:04"),
				Zone: worldZones[c.pick(len(worldZones), "blackout zone", of, n)]})
	}
	return cal
}

// adopt gives the plan the policy.
func (c *config) adopt(p *plan.Plan) {
	p.Fingerprint = "the plan"
	p.SameErrorHalt = c.SameError
	if c.Windows > 0 {
		p.Calendar = c.calendar(c.Windows, c.Blackouts, "run")
	}
	for i := range p.Vaults {
		p.Vaults[i].Predicted.P90 = time.Duration(20+c.pick(100, "p90", i)) * time.Minute
		if c.Windows > 0 && c.chance(c.OwnWindows, "own windows", i) {
			p.Calendars = append(p.Calendars, *c.calendar(1, 0, p.Vaults[i].Name))
			p.Vaults[i].Calendar = len(p.Calendars)
		}
	}
	last := len(p.Waves) - 1
	for n := range p.Waves {
		w := &p.Waves[n]
		w.Order = []plan.Order{"", plan.OrderName, plan.OrderInventory, plan.OrderLongestFirst}[c.pick(4, "order", n)]
		if c.chance(c.Soak, "soak", n) {
			w.Soak = time.Duration(1+c.pick(90, "soak for", n)) * time.Minute
		}
		if c.chance(c.Dates, "date", n) {
			w.NotBefore = nights[c.Night].Add(time.Duration(c.pick(48, "date at", n)) * 30 * time.Minute)
		}
		if c.chance(c.Gates, "gate", n) {
			w.Approval = &plan.Approval{When: plan.ApprovalBefore, Expiry: plan.DefaultApprovalExpiry}
			if n < last && c.chance(60, "gate after", n) {
				w.Approval.When = plan.ApprovalAfter
			}
			if c.chance(50, "not by the starter", n) {
				w.Approval.NotBy = plan.NotByStarter
			}
		}
		if c.chance(c.WaveLimits, "wave limits", n) {
			w.Limits = plan.WaveLimits{Upgrades: c.pick(4, "wave upgrades", n),
				PerSubscription: c.pick(3, "wave per subscription", n),
				PerLocation:     c.pick(3, "wave per location", n)}
		}
		if c.Windows > 0 && c.chance(c.WaveWindows, "wave windows", n) {
			w.Calendar = c.calendar(1+c.pick(2, "wave windows", n), 0, w.Name)
		}
	}
	if c.Windows > 0 && c.NeverFits && last > 0 {
		p.Waves[1].Calendar = &plan.Calendar{Windows: []plan.Window{{Start: 60, End: 75, Zone: "UTC",
			Days: []time.Weekday{time.Monday}}}}
	}
	if c.SubBudget >= 0 {
		p.SubscriptionBudget = &plan.Budget{Unit: plan.UnitCount, Count: c.SubBudget}
	}
	if c.Hard {
		c.harden(p)
	}
}

// harden makes the ceiling hard. A budget of none, which the plan would refuse
// there, becomes one, and a percentage a number: the base shrinks with what the
// cloud remembers as failed.
func (c *config) harden(p *plan.Plan) {
	p.Ceiling = plan.CeilingHard
	for _, b := range []*plan.Budget{&p.FailureBudget, p.Waves[0].MaxFailures, p.SubscriptionBudget} {
		if b != nil {
			*b = plan.Budget{Unit: plan.UnitCount, Count: max(1, b.Resolve(c.Vaults))}
		}
	}
}
