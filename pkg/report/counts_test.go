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
	if v.Overall != (lexicon.Overall{Upgraded: 3, Earlier: 3, Of: of + 1, Held: held - 1, OfRun: of,
		EarlierHeld: 1, EarlierAhead: 2}) {
		t.Fatalf("overall is %+v of %d held", v.Overall, held)
	}
	run, ledger := "0 of "+lexicon.Vaults(of)+" upgraded",
		"3 of "+lexicon.Vaults(of+1)+" upgraded, 3 of them by earlier runs (2 not looked at yet, 1 now held)"
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
	n.Fact(2, fleet.Held{Vault: k, By: reporttest.Ops, Reason: "legal"})
	n.Fact(3, fleet.Held{Vault: k, By: reporttest.Ops, Off: true, Reason: "over"})
	if left := n.St.Totals.LeftDone(); n.St.Earlier() != 0 || left.All != 0 {
		t.Errorf("one that was ready, held and released counts as upgraded: %d, %+v", n.St.Earlier(), left)
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

// Nor does a run that is closed before it looked at them leave them to the next one: that
// had been done, and every one who tells of the end counts it so.
func TestDoneEarlierIsNotNeverStarted(t *testing.T) {
	t.Parallel()
	n := reporttest.NewNight(t)
	names, tell := n.St.Plan.Names(), notify.NewEventBuilder(0)
	all := n.St.Totals.All() - n.St.Totals.Of(fleet.Excluded)
	keys := func(from, to int) (ks []fleet.Key) {
		for i := range n.St.Vaults {
			if n.St.Vaults[i].Status != fleet.Excluded {
				ks = append(ks, n.St.Plan.Vaults[i].Key)
			}
		}
		return ks[from:to]
	}
	n.Fact(0, fleet.RunOpened{RunID: "second", Upgraded: keys(0, 2), Already: keys(2, 3)})
	n.Fact(1, fleet.Stopped{Close: true, By: reporttest.Ops, Reason: "withdrawn"})
	never := all - 3
	end := fleet.Event{At: reporttest.T0.Add(2 * time.Minute),
		Fact: fleet.RunClosed{Code: n.St.Verdict(), NeverStarted: n.St.NeverStarted()}}
	n.Fact(2, end.Fact)
	_, line := report.RunWords(n.St, names, end, time.Time.String)
	told := tell.Events(n.St, []fleet.Event{end})[0]
	body, _, err := notify.Body(notify.Slack, told)
	if err != nil {
		t.Fatal(err)
	}
	v := viewOf(n, report.ViewOptions{Now: reporttest.T0.Add(time.Hour)})
	var status, page strings.Builder
	if err := errors.Join(report.Status(&status, v, report.Options{}),
		report.Report(&page, v, report.Options{})); err != nil {
		t.Fatal(err)
	}
	for where, said := range map[string]string{"the line of the end": line, "the notification": told.Data.Sentence,
		"its message": string(body), "the status": status.String(), "the report": strings.ToLower(page.String())} {
		for _, want := range []string{"2 by earlier runs", "1 already", lexicon.NeverStarted(never)} {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not say %q: %s", where, want, said)
			}
		}
	}
	if told.Data.NeverStarted != never || told.Data.Totals[fleet.Deferred] != never {
		t.Errorf("the notification has %d never started and the totals %v, want %d", told.Data.NeverStarted,
			told.Data.Totals, never)
	}
	want := names[0] + "  upgraded by an earlier run, not looked at in this run"
	if !strings.Contains(page.String(), want) {
		t.Errorf("the report does not say %q:\n%s", want, page.String())
	}
}
