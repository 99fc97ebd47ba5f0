package web

import (
	"slices"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
)

// A forecast is made anew so often, and never for more than this part of the
// time: it drives the real logic over all that is left.
const (
	forecastEvery = time.Minute
	forecastShare = 50
)

// forecast keeps the outlook current until stop is closed.
func (d *desk) forecast(stop <-chan struct{}) {
	for first := true; ; first = false {
		began := time.Now()
		if d.mu.Lock(); first || len(d.watchers) > 0 {
			d.mu.Unlock()
			d.foresee()
		} else {
			d.mu.Unlock() // nobody looks
		}
		rest := time.NewTimer(max(forecastEvery, forecastShare*time.Since(began)))
		select {
		case <-stop:
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}

// foresee works out when the rest will be done. Without an answer there is no
// outlook: a halted run has none.
func (d *desk) foresee() {
	now := d.now()
	d.mu.Lock()
	d.fold()
	halted := d.run.State.Run.Halt != nil
	rest, left := remaining(d.run.State, now)
	d.mu.Unlock()
	var o Outlook
	if !halted {
		o = outlook(rest, left, now)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outlook, d.changed = o, true
}

// left is how long a vault's upgrade still takes: the median and the 90th
// percentile.
type left map[fleet.Key][2]time.Duration

// remaining is the plan of what a run has still to do: what is decided is held,
// what is in flight goes on for the time that it is expected to need, and the
// waits that are over are not waited for again.
func remaining(st *rollout.State, now time.Time) (*plan.Plan, left) {
	p := *st.Plan
	p.Vaults, p.Waves = slices.Clone(st.Plan.Vaults), slices.Clone(st.Plan.Waves)
	rest := left{}
	for i := range p.Vaults {
		v, s := &p.Vaults[i], &st.Vaults[i]
		if !s.Open() && v.Hold == nil {
			v.Hold = &fleet.Hold{Reason: "decided"}
		}
		if s.InFlight() && !s.StartedAt.IsZero() {
			age := now.Sub(s.StartedAt)
			rest[v.Key] = [2]time.Duration{max(v.Predicted.P50-age, p.Timings.Poll), max(v.Predicted.P90-age, p.Timings.Poll)}
		}
	}
	for w := range p.Waves {
		switch ws := &st.Waves[w]; {
		case w < st.CurrentWave():
			p.Waves[w].Soak, p.Waves[w].Approval = 0, nil
		case w == st.CurrentWave() && !ws.DoneAt.IsZero():
			p.Waves[w].Soak = max(0, p.Waves[w].Soak-now.Sub(ws.DoneAt))
		}
	}
	return &p, rest
}

// outlook drives the logic over what is left, once as quick as usual and once
// as slow as it may get.
func outlook(p *plan.Plan, rest left, now time.Time) Outlook {
	var fs [2]rollout.Forecast
	for slow := range fs {
		f, err := rollout.Simulate(p, now, func(v *plan.Vault) time.Duration {
			if d, known := rest[v.Key]; known {
				return d[slow]
			}
			if slow == 1 {
				return v.Predicted.P90
			}
			return v.Predicted.P50
		})
		if err != nil || f.Halt != nil {
			return Outlook{}
		}
		fs[slow] = f
	}
	o := Outlook{Ends: Range{fs[0].EndsAt, later(fs[0].EndsAt, fs[1].EndsAt)}}
	for w := range fs[0].Waves {
		o.Waves = append(o.Waves, Range{fs[0].Waves[w].EndsAt, later(fs[0].Waves[w].EndsAt, fs[1].Waves[w].EndsAt)})
	}
	return o
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
