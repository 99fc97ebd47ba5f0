package runner_test

import (
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/runner"
)

// TestNightsWhenTheClocksChange runs one vault after the other through the night
// in which the clocks change. The window is open from 22:00 to 06:00 there: for
// seven hours, or nine. Every upgrade lies inside, and none of the hours is
// lost.
func TestNightsWhenTheClocksChange(t *testing.T) {
	t.Parallel()
	utc := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
	}
	for name, c := range map[string]struct {
		zone          string
		opens, closes time.Time
		hours         int
	}{
		"Sydney, forward, October": {"Australia/Sydney", utc(10, 3, 12), utc(10, 3, 19), 7},
		"Sydney, back, April":      {"Australia/Sydney", utc(4, 4, 11), utc(4, 4, 20), 9},
		"London, forward, March":   {"Europe/London", utc(3, 28, 22), utc(3, 29, 5), 7},
		"London, back, October":    {"Europe/London", utc(10, 24, 21), utc(10, 25, 6), 9},
		"New York, forward, March": {"America/New_York", utc(3, 8, 3), utc(3, 8, 10), 7},
		"New York, back, November": {"America/New_York", utc(11, 1, 2), utc(11, 1, 11), 9},
		"Sydney, as ever":          {"Australia/Sydney", utc(6, 10, 12), utc(6, 10, 20), 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				begins(c.opens.Add(-3 * time.Hour))
				p := fleetOf(t, c.hours+4, 1, nil, func(in *plan.Input) {
					in.Limits.PerSubscription, in.Calendar, in.Timings.Poll = 1, nightly(22, 6, c.zone), 2*time.Minute
					for i := range in.Subscriptions[0].Vaults {
						in.Subscriptions[0].Vaults[i].ProtectedItems = 300 // 47½ minutes, 59 perhaps
					}
				})
				need := p.Vaults[0].Predicted
				n := newNight(t, p, asPredicted)
				n.patience = 7 * 24 * time.Hour
				n.ends(fleet.ExitOK)
				var last time.Time
				starts := n.trace.starts()
				for _, s := range starts {
					switch {
					case s.at.Before(c.opens):
						t.Errorf("%s at %s, before the window opens", s, s.at.UTC())
					case s.at.Before(c.closes):
						last = s.at
						if s.at.Add(need.P90).After(c.closes) {
							t.Errorf("%s at %s, and the window closes at %s", s, s.at.UTC(), c.closes)
						}
					case s.at.Before(c.opens.Add(23 * time.Hour)):
						t.Errorf("%s at %s, by day", s, s.at.UTC())
					}
				}
				if !starts[0].at.Equal(c.opens) {
					t.Errorf("the first start comes at %s, not when the window opens", starts[0].at.UTC())
				}
				if late := c.closes.Add(-need.P90); late.Sub(last) > need.P50+p.Timings.Poll {
					t.Errorf("nothing starts between %s and %s, when one more would have fitted", last.UTC(), late)
				}
			})
		})
	}
}

// stalled is a ledger that stands still while it writes an intent, as a machine
// does that is put to sleep between the commit and the POST.
type stalled struct {
	runner.Store
	at   int // which intent
	long time.Duration
	n    int
}

func (s *stalled) Commit(events []fleet.Event, vaults []fleet.VaultRecord) error {
	err := s.Store.Commit(events, vaults)
	if _, ok := events[0].Fact.(fleet.StartIntended); ok {
		if s.n++; s.n == s.at {
			time.Sleep(s.long)
		}
	}
	return err
}

// TestASleepPastTheWindow: a machine that slept over the end of a window sends
// nothing when it wakes, though the intent is on disk: not in the day, and not
// too late in another night. The starts wait for the next night.
func TestASleepPastTheWindow(t *testing.T) {
	t.Parallel()
	opens := time.Date(2026, 6, 10, 21, 0, 0, 0, time.UTC)
	const length = 4 * time.Hour
	for what, sleep := range map[string]time.Duration{
		"not long": time.Hour, "until it would end too late": 3*time.Hour + 40*time.Minute,
		"into the day":              9 * time.Hour,
		"into the next night's end": 27*time.Hour + 40*time.Minute,
		"until the next night":      24*time.Hour + 30*time.Minute,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				begins(opens.Add(-30 * time.Minute))
				p := fleetOf(t, 6, 2, []plan.WaveSpec{{Name: "all", CatchAll: true}},
					func(in *plan.Input) { in.Calendar = nightly(21, 1, "UTC") })
				n := newNight(t, p, asPredicted)
				n.patience = 14 * 24 * time.Hour
				n.disk = func(s runner.Store) runner.Store { return &stalled{Store: s, at: 1, long: sleep} }
				n.ends(fleet.ExitOK)
				for _, s := range n.trace.starts() {
					i := 0
					for name(&p.Vaults[i]) != s.vault {
						i++
					}
					into := s.at.Sub(opens) % (24 * time.Hour)
					if into < 0 || into+p.Vaults[i].Predicted.P90 > length {
						t.Errorf("%s at %s, and may take %s", s, s.at.UTC(), p.Vaults[i].Predicted.P90)
					}
				}
			})
		})
	}
}

// TestAWaveOnADate: the second wave starts at its date, in the zone that names it, though the
// first is done hours before; and a process that is stopped in the wait, and
// resumed, changes nothing about that.
func TestAWaveOnADate(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 6, 11, 12, 0, 0, 0, time.UTC) // 22:00 in Sydney
	for what, stopped := range map[string]bool{"in one go": false, "stopped in the wait": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				begins(date.Add(-20 * time.Hour))
				p := fleetOf(t, 6, 2, []plan.WaveSpec{{Name: "first", CatchAll: true, Size: &plan.Size{Count: 2}},
					{Name: "rest", CatchAll: true, NotBefore: date}}, nil)
				n := newNight(t, p, asPredicted)
				n.patience = 48 * time.Hour
				if stopped {
					once := crash{stopAt: 10 * time.Hour}
					n.crash = func(int) crash { c := once; once = crash{}; return c }
				}
				n.ends(fleet.ExitOK)
				first, rest := 0, 0
				for _, s := range n.trace.starts() {
					if s.at.Before(date) {
						first++
					} else if rest++; rest == 1 && s.at.Sub(date) > time.Minute {
						t.Errorf("the first start of the wave comes %s after its date", s.at.Sub(date))
					}
				}
				if first != 2 || rest != 4 {
					t.Errorf("%d started before the date, and %d after", first, rest)
				}
			})
		})
	}
}
