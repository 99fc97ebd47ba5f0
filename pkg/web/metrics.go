package web

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// metricsType is the text format of Prometheus (prometheus.io/docs/instrumenting,
// "Exposition formats", text-based).
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// metric is a family of samples, which differ by the values of its labels.
type metric struct {
	name, kind, help string
	labels           []string
}

func gauge(name, help string, labels ...string) *metric {
	return &metric{"fleetup_" + name, "gauge", help, labels}
}

func counter(name, help string) *metric { return &metric{"fleetup_" + name, "counter", help, nil} }

var (
	runInfo     = gauge("run_info", "The run: always 1.", "run", "plan", "inventory", "version")
	runStatus   = gauge("run_status", "1 for the status that the run has.", "status")
	runExit     = gauge("run_exit_code", "The exit status if nothing more were to happen.")
	runStarted  = gauge("run_started_timestamp_seconds", "When the run began.")
	runChanged  = gauge("run_changed_timestamp_seconds", "When the newest fact was journalled.")
	vaultCount  = gauge("vaults", "Vaults by status.", "status")
	waveVaults  = gauge("wave_vaults", "Vaults of a wave by status.", "wave", "status")
	waveStatus  = gauge("wave_status", "1 for the status that the wave has.", "wave", "status")
	waveStarted = gauge("wave_started_timestamp_seconds", "When the wave began.", "wave")
	waveEnded   = gauge("wave_ended_timestamp_seconds", "When the wave ended.", "wave")
	starts      = counter("starts_total", "Starts sent in this run, or perhaps sent.")
	inFlightNow = gauge("in_flight", "Upgrades of this run that may be under way.")
	overdueNow  = gauge("overdue", "Upgrades under way for longer than timings.overdue.")
	needPerson  = gauge("tasks", "Things that wait for a person.")
	throttled   = gauge("throttled_subscriptions", "Subscriptions that asked to be left alone.")
	requestRate = gauge("requests_per_second", "The requests per second that a lane of a subscription may send: as planned, or fewer because the cloud asked for it.", "subscription", "lane")
	budgetUsed  = gauge("budget_used", "Failures that count in the run's budget.")
	budgetLimit = gauge("budget_limit", "The run's failure budget: more of them halt it.")
	watching    = gauge("page_watchers", "Pages that are open on the run.")
)

// metrics are all of them, in the order in which they are shown.
var metrics = []*metric{runInfo, runStatus, runExit, runStarted, runChanged, vaultCount, waveVaults, waveStatus, waveStarted, waveEnded, starts,
	inFlightNow, overdueNow, needPerson, throttled, requestRate, budgetUsed, budgetLimit, watching}

// samples are the lines of each metric.
type samples map[*metric][]string

// add adds a sample. The values of the labels come in the order of their names.
func (s samples) add(m *metric, value float64, labels ...string) {
	var pairs []string
	for i, name := range m.labels {
		pairs = append(pairs, name+`="`+labelEscaper.Replace(report.Clean(labels[i]))+`"`) // clean, and so valid UTF-8
	}
	line := m.name
	if len(pairs) > 0 {
		line += "{" + strings.Join(pairs, ",") + "}"
	}
	s[m] = append(s[m], line+" "+strconv.FormatFloat(value, 'g', -1, 64)+"\n")
}

// seconds adds a time, if there is one.
func (s samples) seconds(m *metric, t *report.Time, labels ...string) {
	if t != nil {
		s.add(m, float64(t.UnixMilli())/1000, labels...)
	}
}

// labelEscaper writes the value of a label. Clean has left no line end in it.
var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// write shows the samples; a metric without any is left out.
func (s samples) write(w io.Writer) error {
	for _, m := range metrics {
		if len(s[m]) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s", m.name, m.help, m.name, m.kind, strings.Join(s[m], "")); err != nil {
			return err
		}
	}
	return nil
}

// metrics shows the run to Prometheus, from the same state as the page.
func (d *desk) metrics(w io.Writer) error {
	d.mu.Lock()
	v := d.view().Worded(d.run.Options)
	version, watchers := d.run.Version, len(d.watchers)
	d.mu.Unlock()
	s := samples{}
	s.add(runInfo, 1, v.Run.ID, v.Run.PlanFingerprint, text(v.Run.Inventory), version)
	s.add(runStatus, 1, string(v.Run.Status))
	s.add(runExit, float64(v.Run.ExitCode))
	s.seconds(runStarted, v.Run.StartedAt)
	s.seconds(runChanged, v.Run.UpdatedAt)
	for _, status := range fleet.Statuses() {
		s.add(vaultCount, float64(v.Totals[status]), string(status))
	}
	seen := map[string]bool{}
	for i := range v.Waves {
		wave := &v.Waves[i]
		if name := report.Clean(wave.Name); seen[name] {
			continue // a plan has no two of a name, but cleaning could make them
		} else {
			seen[name] = true
		}
		for _, status := range fleet.Statuses() {
			if n := wave.Totals[status]; n > 0 || status == fleet.Upgraded || status == fleet.Failed || status == fleet.Unknown {
				s.add(waveVaults, float64(n), wave.Name, string(status))
			}
		}
		s.add(waveStatus, 1, wave.Name, string(wave.Status))
		s.seconds(waveStarted, wave.StartedAt, wave.Name)
		s.seconds(waveEnded, wave.EndedAt, wave.Name)
	}
	sent, flying, late, calm, tasks := 0, 0, 0, 0, 0
	for i := range v.Vaults {
		x := &v.Vaults[i]
		sent += x.Attempt
		flying += one(inFlight(x))
		late += one(x.Overdue)
	}
	for i := range v.Subscriptions {
		calm += one(v.Subscriptions[i].ThrottledUntil != nil)
	}
	for i := range v.Actions {
		tasks += one(v.Actions[i].Person)
	}
	s.add(starts, float64(sent))
	s.add(inFlightNow, float64(flying))
	s.add(overdueNow, float64(late))
	s.add(needPerson, float64(tasks))
	s.add(throttled, float64(calm))
	if d.run.Rates != nil {
		d.run.Rates(func(subscription string, lane fleet.Lane, perSecond float64) {
			s.add(requestRate, perSecond, subscription, string(lane))
		})
	}
	s.add(budgetUsed, float64(v.Run.Budget.Used))
	s.add(budgetLimit, float64(v.Run.Budget.Limit))
	s.add(watching, float64(watchers))
	return s.write(w)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
