package test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// TestMixedFleet runs 120 vaults with every trouble the cloud has, under
// several limits; then once more on the same ledger; then, with a person's
// permission, the failed ones.
func TestMixedFleet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		vaults    int
		interrupt int // a signal stops the run after so many accepted starts; 0: none
		limits    strict.Limits
	}{
		{"by subscription and location", 120, 0, strict.Limits{Validations: 16, Upgrades: 24, PerSubscription: 4,
			PerLocation: 7}},
		{"by the whole fleet", 120, 40, strict.Limits{Validations: 30, Upgrades: 16, PerSubscription: 16}},
		{"by one location", 80, 0, strict.Limits{Validations: 4, Upgrades: 40, PerSubscription: 10, PerLocation: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMixed(t, c.vaults)
			m.write(strictcloud.Inventory{Limits: c.limits, FailureBudget: "100",
				Waves: []strict.Wave{
					{Name: "canary", Match: map[string]string{"ring": "canary"}, MaxFailures: "0"},
					{Name: "pilot", Match: map[string]string{"ring": "pilot", "env": "prod"}, MaxFailures: "10%"},
					{Name: "rest"},
				}})

			if c.interrupt > 0 {
				first := m.start("run", m.inv, "--yes")
				m.until("the run is half-way", func() bool { return m.accepted() >= c.interrupt })
				first.signal(os.Interrupt)
				first.ends(5)
				m.finish(3, "resume", "--state", m.db, "--yes")
			} else {
				m.finish(3, "run", m.inv, "--yes")
			}
			m.demand("the run", func(k troubled) string { return k.want })
			m.demandStarts()
			m.demandFewRequests()
			m.judge()
			m.judgeRequests(min(c.interrupt, 1))

			before := m.starts()
			m.finish(3, "run", m.inv, "--yes")
			m.demand("the second run", troubled.afterSecond)
			for name, n := range m.starts() {
				if k := m.kinds[name]; (k.want == "failed" || k.want == "unknown") && n != before[name] {
					t.Errorf("%s was %s, and the second run started it again", name, k.want)
				}
			}
			m.judge()
			m.judgeRequests(0)

			permits := m.reopenAll()
			m.finish(7, "run", m.inv, "--yes")
			m.demand("the run after reopen", func(k troubled) string {
				switch second := k.afterSecond(); {
				case k.reopened != "":
					return k.reopened
				case second == "upgraded":
					return "already"
				default:
					return second
				}
			})
			m.judge(permits...)
			m.judgeRequests(0)
		})
	}
}

// finish runs a command to the end of its run and demands the exit code: a run
// that leaves with work to do is resumed.
func (m *mixed) finish(code int, args ...string) {
	m.t.Helper()
	for range 5 {
		got := m.start(args...).wait()
		if got != 5 && got != 8 {
			if got != code {
				c := m.clients[len(m.clients)-1]
				m.t.Fatalf("%v exited %d, want %d\n%s\n%s", args, got, code, tail(c.stdout.String(), 80),
					tail(c.stderr.String(), 40))
			}
			return
		}
		args = []string{"resume", "--state", m.db, "--yes"}
	}
	m.t.Fatalf("the run is not over after five processes")
}

// afterSecond is how the vault stands after a second run: what is upgraded is
// found so, what was blocked may have been mended.
func (k troubled) afterSecond() string {
	switch {
	case k.second != "":
		return k.second
	case k.want == "upgraded":
		return "already"
	case k.name == "three-resets":
		return "upgraded" // attempts count by run
	}
	return k.want
}

// demand compares how each vault stands, in the ledger and in the cloud.
func (m *mixed) demand(after string, want func(troubled) string) {
	m.t.Helper()
	s := m.status(m.db)
	if len(s.Vaults) != len(m.kinds) {
		m.t.Errorf("after %s: %d vaults, want %d", after, len(s.Vaults), len(m.kinds))
	}
	report := m.cloud.Report()
	totals := map[string]int{}
	for _, v := range s.Vaults {
		k, ok := m.kinds[v.Name]
		if !ok {
			m.t.Errorf("after %s: nobody asked for vault %s", after, v.Vault)
			continue
		}
		totals[v.Status]++
		if w := want(k); v.Status != w {
			m.t.Errorf("after %s: %s is %s, want %s (%s)\n%s", after, v.Name, v.Status, w, v.why(), m.history(v.Vault))
		}
		truth, _ := report.Find(v.Name)
		if (v.Status == "upgraded" || v.Status == "already") && truth.State != "Upgraded" {
			m.t.Errorf("after %s: %s is %s, but in the cloud it is %q", after, v.Name, v.Status, truth.State)
		}
		if v.Status == "upgraded" && (v.OperationID == nil || *v.OperationID != truth.OperationID ||
			v.UpgradedResourceID == nil) {
			m.t.Errorf("after %s: %s has operation %v and resource %v, the cloud %s", after, v.Name, v.OperationID,
				v.UpgradedResourceID, truth.OperationID)
		}
		if (v.Status == "failed" || v.Status == "blocked" || v.Status == "unknown") && v.why() == "" {
			m.t.Errorf("after %s: %s is %s, and nothing says why", after, v.Name, v.Status)
		}
	}
	for status, n := range totals {
		if s.Totals[status] != n {
			m.t.Errorf("after %s: the totals say %d %s, but there are %d", after, s.Totals[status], status, n)
		}
	}
	if s.Run.Status != "finished" {
		m.t.Errorf("after %s: the run is %s", after, s.Run.Status)
	}
}

// history is what the processes said of a vault as they went.
func (m *mixed) history(vault string) string {
	var b strings.Builder
	for _, c := range m.clients {
		for line := range strings.Lines(c.stderr.String()) {
			if strings.Contains(line, vault) {
				b.WriteString(c.args[0] + ": " + line)
			}
		}
	}
	return b.String()
}

// demandStarts compares how often each vault was started in the first run.
func (m *mixed) demandStarts() {
	m.t.Helper()
	for name, n := range m.starts() {
		switch k := m.kinds[name]; {
		case k.starts == 0 && n > 0:
			m.t.Errorf("%s was started %d times, want never", name, n)
		case n < k.starts:
			m.t.Errorf("%s was started %d times, want %d", name, n, k.starts)
		}
	}
}

// demandFewRequests: a vault in good health costs two checks, a start and a
// look at what came of it, however long its upgrade takes; the rest is shared.
func (m *mixed) demandFewRequests() {
	m.t.Helper()
	for _, v := range m.cloud.Report().Vaults {
		n := 0
		for _, k := range v.Requests {
			n += k
		}
		if name := v.Vault.Name; n > 8 && (name == "long" || strings.HasPrefix(name, "plain-")) {
			m.t.Errorf("%s cost %d requests, want 8 at most: %v", name, n, v.Requests)
		}
	}
}

// reopenAll permits every vault that failed, and clears it in the cloud, as
// support would.
func (m *mixed) reopenAll() []string {
	m.t.Helper()
	args := []string{"reopen", "--state", m.db, "--reason", "support case 4711"}
	var names []string
	for _, v := range m.cloud.Vaults() {
		spec := v.Spec()
		if k := m.kinds[spec.Name]; k.reopened != "" {
			args = append(args, spec.Subscription+"/"+spec.Name)
			names = append(names, spec.Name)
			m.cloud.AllowRestart(v)
		}
	}
	slices.Sort(names)
	c := m.start(args...).ends(0)
	for _, name := range names {
		if !strings.Contains(c.stdout.String(), name) {
			m.t.Errorf("reopen does not confirm %s:\n%s", name, c.stdout.String())
		}
	}
	if len(names) == 0 {
		m.t.Fatal("no vault to re-open: the fleet has changed")
	}
	return names
}
