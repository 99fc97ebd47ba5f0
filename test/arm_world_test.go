package test

import (
	"maps"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictarm"
)

// today is a site whose cloud is today's Resource Manager.
type today struct {
	*site
	cloud  *strictarm.Server
	limits strict.Limits
}

func newToday(t *testing.T, cfg strictarm.Config) *today {
	t.Helper()
	cloud := strictarm.New(cfg)
	return &today{site: newSite(t, cloud, (*httptest.Server).Start), cloud: cloud}
}

// write writes the inventory of the vaults of a kind.
func (w *today) write(inv strictarm.Inventory) {
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

// judge asks what is asked of every fleet at its end: no violation (a PATCH that
// came too often is one), and no vault changed twice.
func (w *today) judge() strictarm.Report {
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
	for _, v := range r.Vaults {
		applied := 0
		for _, a := range v.Accepted {
			if a.Applied {
				applied++
			}
		}
		if applied > 1 {
			w.t.Errorf("%s was changed %d times: %+v", v.Vault.Name, applied, v.Accepted)
		}
	}
	w.t.Logf("at most %d changes at once, %v by subscription", r.MaxInFlight,
		slices.Sorted(maps.Values(r.MaxInFlightPerSubscription)))
	if l := w.limits.Upgrades; l > 0 && r.MaxInFlight > l {
		w.t.Errorf("%d changes at once, but the limit is %d", r.MaxInFlight, l)
	}
	for id, n := range r.MaxInFlightPerSubscription {
		if l := w.limits.PerSubscription; l > 0 && n > l {
			w.t.Errorf("%d changes at once in subscription %s, but the limit is %d", n, id, l)
		}
	}
	w.judgeSecrets()
	return r
}

// patches counts the PATCHes that came, by vault.
func (w *today) patches() map[string]int {
	m := map[string]int{}
	for _, v := range w.cloud.Report().Vaults {
		m[v.Vault.Name] = len(v.Patches)
	}
	return m
}

// demand compares how each vault stands, in the ledger and in the cloud.
func (w *today) demand(after string, all map[string]changed, want func(changed) string) {
	w.t.Helper()
	s := w.status(w.db)
	if len(s.Vaults) != len(all) || s.Run.Status != "finished" {
		w.t.Errorf("after %s: %d vaults, want %d; the run is %s", after, len(s.Vaults), len(all), s.Run.Status)
	}
	truth := w.cloud.Report()
	for _, v := range s.Vaults {
		real, _ := truth.Find(v.Name)
		if k := want(all[v.Name]); v.Status != k {
			w.t.Errorf("after %s: %s is %s, want %s (%s); the cloud saw %+v", after, v.Name, v.Status, k, v.why(),
				real.Patches)
		}
		if made := v.Status == "upgraded" || v.Status == "already"; made != real.Wanted {
			w.t.Errorf("after %s: %s is %s, but in the cloud it is made: %v", after, v.Name, v.Status, real.Wanted)
		}
		if (v.Status == "failed" || v.Status == "blocked" || v.Status == "unknown") && v.why() == "" {
			w.t.Errorf("after %s: %s is %s, and nothing says why", after, v.Name, v.Status)
		}
	}
}
