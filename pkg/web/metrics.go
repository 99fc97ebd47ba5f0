package web

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// gauges shows a run to Prometheus: read when it is asked for, from the same
// state as the page.
type gauges struct{ hub *liveHub }

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("fleetup_"+name, help, labels, nil)
}

var (
	runInfo     = metric("run_info", "The run: always 1.", "run", "plan", "inventory", "version")
	runStatus   = metric("run_status", "1 for the status that the run has.", "status")
	runExit     = metric("run_exit_code", "The exit status if nothing more were to happen.")
	runStarted  = metric("run_started_timestamp_seconds", "When the run began.")
	runChanged  = metric("run_changed_timestamp_seconds", "When the newest fact was journalled.")
	vaultCount  = metric("vaults", "Vaults by status.", "status")
	waveVaults  = metric("wave_vaults", "Vaults of a wave by status.", "wave", "status")
	waveStatus  = metric("wave_status", "1 for the status that the wave has.", "wave", "status")
	waveStarted = metric("wave_started_timestamp_seconds", "When the wave began.", "wave")
	waveEnded   = metric("wave_ended_timestamp_seconds", "When the wave ended.", "wave")
	runEnds     = metric("run_expected_end_timestamp_seconds",
		"When the run is expected to end: absent where nobody knows, or it has ended.", "percentile")
	waveEnds = metric("wave_expected_end_timestamp_seconds", "When the wave is expected to end.", "wave",
		"percentile")
	starts      = metric("starts_total", "Starts sent in this run, or perhaps sent.")
	inFlightNow = metric("in_flight", "Operations of this run that may be under way.")
	overdueNow  = metric("overdue", "Operations under way for longer than timings.overdue.")
	needPerson  = metric("tasks", "Things that wait for a person.")
	throttled   = metric("throttled_subscriptions", "Subscriptions that are throttled.")
	requestRate = metric("requests_per_second",
		"The requests per second that a lane of a subscription may send: as planned, or fewer because the cloud "+
			"asked for it.", "subscription", "lane")
	budgetUsed  = metric("budget_used", "Failures that count in the run's budget.")
	budgetLimit = metric("budget_limit", "The run's failure budget: more of them halt it.")
	watching    = metric("page_watchers", "Pages that are open on the run.")
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{runInfo, runStatus, runExit, runStarted, runChanged, vaultCount, waveVaults,
		waveStatus, waveStarted,
		waveEnded, runEnds, waveEnds, starts, inFlightNow, overdueNow, needPerson, throttled, requestRate, budgetUsed,
		budgetLimit, watching} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	d := g.hub
	d.foresee()
	d.mu.Lock()
	v := d.view().Worded(d.run.Options)
	version, watchers := d.run.Version, len(d.watchers)
	d.mu.Unlock()
	gauge := func(m *prometheus.Desc, value float64, labels ...string) {
		for i := range labels {
			labels[i] = lexicon.Clean(labels[i]) // and so valid UTF-8
		}
		to <- prometheus.MustNewConstMetric(m, prometheus.GaugeValue, value, labels...)
	}
	seconds := func(m *prometheus.Desc, t *report.Time, labels ...string) {
		if t != nil {
			gauge(m, float64(t.UnixMilli())/1000, labels...)
		}
	}
	gauge(runInfo, 1, v.Run.ID, v.Run.PlanFingerprint, report.ValueOf(v.Run.Inventory), version)
	gauge(runStatus, 1, string(v.Run.Status))
	gauge(runExit, float64(v.Run.ExitCode))
	seconds(runStarted, v.Run.StartedAt)
	seconds(runChanged, v.Run.UpdatedAt)
	ends := func(m *prometheus.Desc, e *report.ExpectedEnd, labels ...string) {
		if e != nil {
			seconds(m, e.P50, append(slices.Clip(labels), "50")...)
			seconds(m, e.P90, append(slices.Clip(labels), "90")...)
		}
	}
	ends(runEnds, v.Run.ExpectedEnd)
	for _, s := range fleet.Statuses() {
		gauge(vaultCount, float64(v.Totals[s]), string(s))
	}
	seen := map[string]bool{}
	for i := range v.Waves {
		w := &v.Waves[i]
		if name := lexicon.Clean(w.Name); seen[name] {
			continue // a plan has no two of a name, but cleaning could make them
		} else {
			seen[name] = true
		}
		for _, s := range fleet.Statuses() {
			if n := w.Totals[s]; n > 0 || s == fleet.Upgraded || s == fleet.Failed || s == fleet.Unknown {
				gauge(waveVaults, float64(n), w.Name, string(s))
			}
		}
		gauge(waveStatus, 1, w.Name, string(w.Status))
		seconds(waveStarted, w.StartedAt, w.Name)
		seconds(waveEnded, w.EndedAt, w.Name)
		ends(waveEnds, w.ExpectedEnd, w.Name)
	}
	sent, calm, tasks, flying := 0, 0, 0, v.Flying()
	for i := range v.Vaults {
		sent += v.Vaults[i].Sent
	}
	for i := range v.Subscriptions {
		calm += one(v.Subscriptions[i].ThrottledUntil != nil)
	}
	for i := range v.Actions {
		tasks += one(v.Actions[i].Person)
	}
	to <- prometheus.MustNewConstMetric(starts, prometheus.CounterValue, float64(sent))
	gauge(inFlightNow, float64(flying.Ours))
	gauge(overdueNow, float64(flying.Overdue))
	gauge(needPerson, float64(tasks))
	gauge(throttled, float64(calm))
	if d.run.Rates != nil {
		d.run.Rates(func(subscription string, lane fleet.RateLimitClass, perSecond float64) {
			gauge(requestRate, perSecond, subscription, string(lane))
		})
	}
	gauge(budgetUsed, float64(v.Run.Budget.Used))
	gauge(budgetLimit, float64(v.Run.Budget.Limit))
	gauge(watching, float64(watchers))
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
