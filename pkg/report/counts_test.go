package report_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/notify"
	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
	"github.com/fleetup-dev/fleetup/pkg/report/progress"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/test/reporttest"
)

// What is upgraded is counted in one way wherever one looks: of the vaults that
// are not held, by this run and by all runs of the ledger. A vault that is held now, and
// that an earlier run upgraded, counts for the ledger alone.
func TestOneCount(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	held := n.St.Totals.Of(fleet.Excluded)
	kept := slices.IndexFunc(n.St.Vaults, func(v rollout.VaultState) bool { return v.Status == fleet.Excluded })
	earlier := []fleet.Key{n.St.Plan.Vaults[0].Key, n.St.Plan.Vaults[1].Key, n.St.Plan.Vaults[kept].Key, "classic/none"}
	e := fleet.Event{At: reporttest.T0, Fact: fleet.RunOpened{RunID: "second", PlanFingerprint: n.St.Plan.Fingerprint,
		Upgraded: earlier}}
	if err := n.St.Apply(e); err != nil {
		t.Fatal(err)
	}
	of := len(n.St.Vaults) - held
	v := viewOf(n, report.ViewOptions{Live: true})
	if v.Overall != (lexicon.Overall{Upgraded: 3, Earlier: 3, Of: of + 1, Held: held - 1, OfRun: of}) {
		t.Fatalf("overall is %+v of %d held", v.Overall, held)
	}
	run, ledger := "0 of "+lexicon.Vaults(of)+" upgraded",
		"3 of "+lexicon.Vaults(of+1)+" upgraded, 3 of them by earlier runs"
	var status, heartbeat strings.Builder
	if err := errors.Join(report.Status(&status, v, report.Options{}),
		progress.NewPlain(&heartbeat, n.St, nil).Heartbeat(reporttest.T0.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	for where, s := range map[string]string{"status": status.String(), "heartbeat": heartbeat.String()} {
		if !strings.Contains(s, run) {
			t.Errorf("%s says %q, want %q in it", where, s, run)
		}
	}
	if s := heartbeat.String(); !strings.Contains(s, ledger) {
		t.Errorf("the heartbeat says %q, want %q in it", s, ledger)
	}
	h := v.Worded(report.Options{}).Headline
	if s := strings.Join(h.Lines, " "); !strings.Contains(s, "Overall "+ledger) {
		t.Errorf("the report says %q", s)
	}
	if !strings.Contains(h.Sentence, ": 0 OF "+lexicon.Number(of)+" UPGRADED") {
		t.Errorf("the headline says %q", h.Sentence)
	}
}

// One that turned out not to be as wanted any more counts no more.
func TestEarlierCountsWhatIsStillSo(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	name := n.St.Plan.Names()[0]
	k := n.Key(name)
	if err := n.St.Apply(fleet.Event{At: reporttest.T0,
		Fact: fleet.RunOpened{RunID: "second", Upgraded: []fleet.Key{k}}}); err != nil {
		t.Fatal(err)
	}
	if n.St.Earlier() != 1 {
		t.Fatalf("%d count before they were looked at", n.St.Earlier())
	}
	n.Validated(1, name, fleet.VerdictReady)
	if n.St.Earlier() != 0 {
		t.Errorf("one that is ready to be upgraded counts as upgraded")
	}
}

// What an earlier run upgraded is nowhere called already so, as if nobody had done it.
func TestEarlierIsNotAlready(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	names := n.St.Plan.Names()
	if err := n.St.Apply(fleet.Event{At: reporttest.T0,
		Fact: fleet.RunOpened{RunID: "second", Upgraded: []fleet.Key{n.Key(names[0])}}}); err != nil {
		t.Fatal(err)
	}
	n.Validated(1, names[0], fleet.VerdictAlready)
	n.Validated(1, names[1], fleet.VerdictAlready)
	v := viewOf(n, report.ViewOptions{Now: reporttest.T0.Add(time.Hour)})
	var status, page strings.Builder
	if err := errors.Join(report.Status(&status, v, report.Options{}),
		report.Report(&page, v, report.Options{})); err != nil {
		t.Fatal(err)
	}
	for where, wants := range map[string][]string{
		status.String(): {"1 by earlier runs, 1 already", "1 by earlier runs + 1 already"},
		page.String(): {"1 BY EARLIER RUNS, 1 ALREADY", "UPGRADED BY EARLIER RUNS (1 vault)",
			names[0] + "  upgraded by an earlier run",
			"ALREADY UPGRADED: not by this run (1 vault)"},
	} {
		for _, want := range wants {
			if !strings.Contains(where, want) {
				t.Errorf("%q is not in:\n%s", want, where)
			}
		}
	}
}

// Nor where a wave or a run is told to be over, in the lines and in what is sent.
func TestEarlierIsNotAlreadyInTheEnd(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	names, tell := n.St.Plan.Names(), notify.NewEventBuilder(0)
	var said []string
	fold := func(f fleet.Fact) {
		t.Helper()
		e := fleet.Event{At: reporttest.T0, Fact: f}
		n.Fact(0, f)
		_, text := report.RunWords(n.St, names, e, time.Time.String)
		said = append(said, text)
		for _, x := range tell.Events(n.St, []fleet.Event{e}) {
			said = append(said, x.Data.Sentence)
		}
	}
	wave := n.St.Plan.Waves[0]
	fold(fleet.RunOpened{RunID: "second", Upgraded: []fleet.Key{n.St.Plan.Vaults[wave.Vaults[0]].Key}})
	for _, i := range wave.Vaults {
		if n.St.Vaults[i].Status != fleet.Excluded {
			n.Validated(1, names[i], fleet.VerdictAlready)
		}
	}
	all := n.St.Totals.Of(fleet.Already)
	said = nil
	fold(fleet.WaveDone{Wave: wave.Name})
	fold(fleet.RunClosed{})
	if len(said) < 3 {
		t.Fatalf("only said: %q", said)
	}
	for _, s := range said {
		if !strings.Contains(s, "1 by earlier runs") || strings.Contains(s, lexicon.Number(all)+" already") {
			t.Errorf("said %q", s)
		}
	}
}
