package test

import (
	"encoding/json"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// world is a site whose cloud is the classic one.
type world struct {
	*site
	cloud   *strictcloud.Server
	limits  strict.Limits
	timings strict.Timings
	judged  int // requests besides listings that were judged already
}

// newWorld returns a world without vaults.
func newWorld(t *testing.T, timings strict.Timings) *world {
	t.Helper()
	return newWorldOf(t, strictcloud.Config{Timings: timings})
}

func newWorldOf(t *testing.T, cfg strictcloud.Config) *world {
	t.Helper()
	return newWorldBehind(t, cfg, (*httptest.Server).Start)
}

// newWorldBehind returns a world whose cloud answers behind a server that is
// started in a way of one's own.
func newWorldBehind(t *testing.T, cfg strictcloud.Config, serve func(*httptest.Server)) *world {
	t.Helper()
	cloud := strictcloud.New(cfg)
	return &world{site: newSite(t, cloud, serve), cloud: cloud, timings: cfg.Timings}
}

// write writes the inventory of the vaults there are.
func (w *world) write(inv strictcloud.Inventory) {
	w.t.Helper()
	inv.URL = w.url
	if inv.Limits.RequestsPerSecond == 0 {
		inv.Limits.RequestsPerSecond = 500
	}
	w.limits = inv.Limits
	if err := w.cloud.WriteInventory(w.inv, inv); err != nil {
		w.t.Fatal(err)
	}
}

// accepted counts the starts that the cloud has taken.
func (w *world) accepted() int {
	n := 0
	for _, v := range w.cloud.Vaults() {
		n += len(v.Report().Accepted)
	}
	return n
}

// starts counts the POSTs that came, by vault.
func (w *world) starts() map[string]int {
	m := map[string]int{}
	for _, v := range w.cloud.Vaults() {
		m[v.Spec().Name] = len(v.Report().Starts)
	}
	return m
}

// judge asks what is asked of every fleet at its end. permits names the vaults
// that a person permitted to be started once more.
func (w *world) judge(permits ...string) {
	w.t.Helper()
	w.judgeVaults(permits)
	w.judgeLimits()
	w.judgeListings()
	w.judgeSecrets()
	w.judgeLog()
}

func (w *world) judgeVaults(permits []string) {
	w.t.Helper()
	w.judgeProofs()
	r := w.cloud.Report()
	for i, v := range r.Violations {
		if i == 20 {
			w.t.Errorf("… and %d violations more", len(r.Violations)-i)
			break
		}
		w.t.Errorf("violation: %s", v)
	}
	may := map[string]int{}
	for _, name := range permits {
		may[name]++
	}
	for _, v := range r.Vaults {
		if n := len(v.Accepted); n > 1+may[v.Vault.Name] {
			w.t.Errorf("%s was accepted %d times: %v", v.Vault.Name, n, v.Accepted)
		}
		good := 0
		for _, a := range v.Accepted {
			if !a.Failed {
				good++
			}
		}
		if good > 1 {
			w.t.Errorf("%s was upgraded %d times", v.Vault.Name, good)
		}
	}
}

func (w *world) judgeLimits() {
	w.t.Helper()
	r := w.cloud.Report()
	w.t.Logf("at most %d upgrades at once, %v by subscription, %v by location",
		r.MaxInFlight, slices.Sorted(maps.Values(r.MaxInFlightPerSubscription)), r.MaxInFlightPerLocation)
	if l := w.limits.Upgrades; l > 0 && r.MaxInFlight > l {
		w.t.Errorf("%d upgrades at once, but the limit is %d", r.MaxInFlight, l)
	}
	for id, n := range r.MaxInFlightPerSubscription {
		if l := w.limits.PerSubscription; l > 0 && n > l {
			w.t.Errorf("%d upgrades at once in subscription %s, but the limit is %d", n, id, l)
		}
	}
	for at, n := range r.MaxInFlightPerLocation {
		if l := w.limits.PerLocation; l > 0 && n > l {
			w.t.Errorf("%d upgrades at once in %s, but the limit is %d", n, at, l)
		}
	}
}

// judgeListings: one listing per subscription and tick (design.md#rule-11). A
// process begins with one, and a failing one is tried again at once, twice.
func (w *world) judgeListings() {
	w.t.Helper()
	var lived time.Duration
	processes := 0
	for _, c := range w.clients {
		switch c.args[0] {
		case "run", "resume", "validate":
			<-c.done
			lived += c.ended.Sub(c.began)
			processes++
		}
	}
	for _, s := range w.cloud.Report().Subscriptions {
		if most := int(lived/w.timings.Poll) + 2*processes + 6; len(s.Listings) > most {
			w.t.Errorf("%d listings of %s in %v and %d processes, want %d at most", len(s.Listings), s.ID, lived,
				processes, most)
		}
	}
}

// judgeRequests: at most 8 requests a vault besides the listings, since it was
// last asked. Each process that goes on with a run checks its subscriptions
// again (5 requests each).
func (w *world) judgeRequests(resumes int) {
	w.t.Helper()
	r := w.cloud.Report()
	most := 8*len(r.Vaults) + 5*len(r.Subscriptions)*resumes
	n := r.NotListings() - w.judged
	if n > most {
		w.t.Errorf("%d requests besides the listings for %d vaults, want %d at most: %v", n, len(r.Vaults),
			most, r.Requests)
	}
	w.judged += n
	w.t.Logf("%.1f requests a vault besides the listings", float64(n)/float64(len(r.Vaults)))
}

// judgeLog: the log of all processes is whole lines of JSON, with a line for
// each start that the cloud saw. A kill may tear the line that it meets. Those whose
// answers a kill or a second signal did not wait for may be missing: a log does not
// hold a run up.
func (w *world) judgeLog() {
	w.t.Helper()
	data, err := os.ReadFile(w.logFile())
	if err != nil {
		w.t.Fatal(err)
	}
	starts, kills := 0, 0
	var torn []string
	for line := range strings.Lines(string(data)) {
		var l struct {
			Msg   string
			Start bool
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || !strings.HasSuffix(line, "\n") {
			torn = append(torn, line)
			continue
		}
		if l.Msg == "request" && l.Start {
			starts++
		}
	}
	for _, c := range w.clients {
		<-c.done
		if c.killed() || strings.Contains(c.stderr.String(), "ended at once by a second signal") {
			kills++
		}
	}
	if len(torn) > kills {
		w.t.Errorf("%d lines of the log are torn by %d kills: %q", len(torn), kills, torn)
	}
	seen := 0
	for _, n := range w.starts() {
		seen += n
	}
	if kills == 0 && starts < seen {
		w.t.Errorf("the log has %d starts, but the cloud saw %d", starts, seen)
	}
}

const (
	subA = "53a3c692-5283-4f0a-baf6-49412f5ebefe"
	subB = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
	subC = "9f0e3c1a-77c2-4b7e-8d55-2a6f4f0c9d11"
)

// quick are the timings of small fleets.
func quick() strict.Timings {
	t := strict.FastTimings()
	t.Poll = 100 * time.Millisecond
	t.StartTimeout = 600 * time.Millisecond
	t.ReconcileGrace = 200 * time.Millisecond
	return t
}
