package test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// deaths are the ways to die at each failpoint, and what is demanded of what
// was left: that the point is where its name says.
func deaths() map[failpoint.Point][]death {
	look := func(ls ...func(*testing.T, *deceased)) func(*testing.T, *deceased) {
		return func(t *testing.T, d *deceased) {
			t.Helper()
			for _, l := range ls {
				l(t, d)
			}
		}
	}
	starts := func(fs ...strictcloud.StartFault) func(*strictcloud.VaultHandle) {
		return func(v *strictcloud.VaultHandle) { v.Start(fs...) }
	}
	neverCame := starts(strictcloud.ResetBeforeAcceptance)
	return map[failpoint.Point][]death{
		failpoint.LedgerBuilt:  {{dead: look(ledger(false, false), leftovers(1), posts(0))}},
		failpoint.LedgerLinked: {{dead: look(ledger(true, false), leftovers(1), posts(0))}},
		failpoint.BeginBefore:  {{dead: look(ledger(true, false), leftovers(0), posts(0))}},
		failpoint.BeginAfter:   {{dead: look(ledger(true, true), journalled("RunOpened"), asked(0), secondRunRefused)}},
		failpoint.TransactionOpen: {
			{what: ", of the run's opening", dead: look(ledger(true, false), posts(0))},
			{hit: 2, dead: look(journalled("RunOpened"), asked(0))},
		},
		failpoint.FactsBefore: {{dead: look(journalled("RunOpened"), asked(0))}},
		failpoint.FactsAfter:  {{dead: look(journalled("RunOpened", "WaveOpened"), asked(0))}},

		failpoint.ResumedBefore: {{before: "send-written", dead: look(posts(1), has("Resumed", 0)),
			ended: followedOnly}},
		failpoint.ResumedAfter: {{before: "send-written", dead: look(posts(1), has("Resumed", 1)),
			ended: followedOnly}},

		failpoint.StartPrepared: {{dead: look(has("Validated", 1), has("StartIntended", 0), posts(0)),
			ended: sentOnce(1)}},
		failpoint.IntentsBefore: {{dead: look(has("Validated", 1), has("StartIntended", 0), posts(0)),
			ended: sentOnce(1)}},
		failpoint.IntentsAfter: {{dead: look(has("StartIntended", 1), posts(0)),
			ended: look(sentOnce(2), provedAbsent)}},
		failpoint.SendBefore: {{dead: look(has("StartIntended", 1), posts(0)),
			ended: look(sentOnce(2), provedAbsent)}},
		failpoint.SendWritten: {
			{hold: true, dead: look(posts(1), accepted(1), has("StartAnswered", 0)), ended: followedOnly},
			{what: ", not taken", script: neverCame, dead: look(posts(1), accepted(0), has("StartAnswered", 0)),
				ended: provedAbsent},
		},
		failpoint.SendAnswered: {{dead: look(posts(1), accepted(1), has("StartAnswered", 0)), ended: followedOnly}},
		failpoint.AnswerBefore: {{dead: look(posts(1), accepted(1), has("StartAnswered", 0)), ended: followedOnly}},
		failpoint.AnswerAfter: {
			{dead: look(posts(1), accepted(1), has("StartAnswered", 1)), ended: followedOnly},
			{what: ", lost", script: neverCame, dead: look(posts(1), accepted(0), has("StartAnswered", 1)),
				ended: provedAbsent},
		},

		failpoint.ReconcileBefore: {
			{script: neverCame, dead: look(has("StartAnswered", 1), has("Reconciled", 0), targets(1)),
				ended: provedAbsent},
			{hit: 2, script: neverCame, dead: look(has("Reconciled", 1), targets(2)), ended: provedAbsent},
		},
		failpoint.ReconcileAfter: {{script: neverCame, dead: look(has("Reconciled", 0), targets(2)),
			ended: provedAbsent}},
		failpoint.ReconciledBefore: {{script: neverCame, dead: look(has("Reconciled", 0), targets(2)),
			ended: provedAbsent}},
		failpoint.ReconciledAfter: {
			{script: neverCame, dead: look(has("Reconciled", 1), posts(1)), ended: provedAbsent},
			{hit: 2, script: neverCame, dead: look(has("Reconciled", 2), posts(1)), ended: provedAbsent},
		},

		failpoint.ObservedBefore: {{dead: look(has("Observed", 0), seenByListing), ended: followedOnly}},
		failpoint.ObservedAfter:  {{dead: look(has("Observed", 1, 2), has("Verified", 0)), ended: followedOnly}},
		failpoint.VerifyBefore: {{dead: look(has("Observed", 1, 2), has("Verified", 0), targets(1)),
			ended: followedOnly}},
		failpoint.VerifyAfter: {{dead: look(has("Observed", 1, 2), has("Verified", 0), targets(2)),
			ended: followedOnly}},
		failpoint.VerifiedBefore: {{dead: look(has("Observed", 1, 2), has("Verified", 0), targets(2)),
			ended: followedOnly}},
		failpoint.VerifiedAfter: {{dead: look(has("Verified", 1)), ended: followedOnly}},

		failpoint.SuspendedBefore: {{signal: true, dead: look(posts(1), has("StartAnswered", 0, 1),
			has("RunSuspended", 0)), ended: followedOnly}},
		failpoint.SuspendedAfter: {{signal: true, dead: look(posts(1), has("StartAnswered", 1),
			has("RunSuspended", 1)), ended: followedOnly}},
		failpoint.ClosedBefore: {{dead: look(has("WaveDone", 1), has("RunClosed", 0)), ended: followedOnly}},
		failpoint.ClosedAfter: {{dead: look(has("WaveDone", 2), has("RunClosed", 1)),
			ended: look(followedOnly, nothingToResume)}},
	}
}

// ledger demands a ledger, or none, and a run in it, or none.
func ledger(exists, begun bool) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		if d.exists != exists || d.begun != begun {
			t.Errorf("there is a ledger: %v, want %v; a run: %v, want %v", d.exists, exists, d.begun, begun)
		}
	}
}

// leftovers demands so many files of a ledger's creation.
func leftovers(n int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		if got, err := filepath.Glob(filepath.Join(d.dir, ".*.new-*")); err != nil || len(got) != n {
			t.Errorf("left over: %v, %v; want %d", got, err, n)
		}
	}
}

// journalled demands the journal to be these facts, from the first to the last.
func journalled(names ...string) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		var got []string
		for _, e := range d.events {
			got = append(got, e.Fact.Name())
		}
		if len(got) != len(names) {
			t.Fatalf("the journal is %v, want %v", got, names)
		}
		for i := range names {
			if got[i] != names[i] {
				t.Fatalf("the journal is %v, want %v", got, names)
			}
		}
	}
}

// has demands that there are so many facts of a name.
func has(name string, counts ...int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		got := 0
		for _, e := range d.events {
			if e.Fact.Name() == name {
				got++
			}
		}
		if !slices.Contains(counts, got) {
			t.Errorf("the journal has %d %s, want %d", got, name, counts)
			for _, e := range d.events {
				t.Logf("%s %s %+v", e.At.Format("15:04:05.000"), e.Fact.Name(), e.Fact)
			}
		}
	}
}

// asked demands that the cloud was asked so much.
func asked(n int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		got := 0
		for _, k := range d.cloud.Report().Requests {
			got += k
		}
		if got != n {
			t.Errorf("the cloud was asked %d times, want %d", got, n)
		}
	}
}

// posts demands that the start of "first" came so often, and no other.
func posts(n int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		all := 0
		for _, k := range d.starts() {
			all += k
		}
		if len(d.first.Starts) != n || all != n {
			t.Errorf("%d starts of first and %d of all came, want %d", len(d.first.Starts), all, n)
		}
	}
}

// accepted demands that so many starts of "first" were taken.
func accepted(n int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		if len(d.first.Accepted) != n {
			t.Errorf("first was accepted %d times, want %d", len(d.first.Accepted), n)
		}
	}
}

// targets demands that the target of "first" was read so often; its check reads
// it once.
func targets(n int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		if got := d.first.Requests[strictcloud.CallTarget]; got != n {
			t.Errorf("the target of first was read %d times, want %d", got, n)
		}
	}
}

// seenByListing demands that there was something for a listing to show: the end of
// the upgrade, or on a busy machine that it goes on, before the answer to its
// start was written down.
func seenByListing(t *testing.T, d *deceased) {
	t.Helper()
	if answered := len(facts[fleet.StartAnswered](d.events)) > 0; d.first.State != "Upgraded" &&
		(answered || d.first.State != "InProgress") {
		t.Errorf("in the cloud first is %q; its answer is written down: %v", d.first.State, answered)
	}
}

// secondRunRefused: a run that was opened is resumed, not begun again.
func secondRunRefused(t *testing.T, d *deceased) {
	t.Helper()
	d.start("run", d.inv, "--yes").ends(2).says("unfinished run", "fleetup resume")
}

func nothingToResume(t *testing.T, d *deceased) {
	t.Helper()
	before := d.starts()
	d.start("resume", "--state", d.db, "--yes").ends(0).says("Nothing to resume")
	if !mapsEqual(before, d.starts()) {
		t.Error("a resume of a finished run started something")
	}
}

// followedOnly: the one start that was taken is the one that is reported, and
// no other was sent.
func followedOnly(t *testing.T, d *deceased) {
	t.Helper()
	posts := d.first.Starts
	if len(posts) != 1 {
		t.Fatalf("first was sent %d times, want once", len(posts))
	}
	if got := d.standing.find(t, "first"); got.OperationID == nil || *got.OperationID != posts[0].OperationID ||
		got.Attempt != 1 {
		t.Errorf("first is reported as %+v, want operation %s at the first attempt", got, posts[0].OperationID)
	}
}

// sentOnce: the cloud saw one start of "first", and the run counts so many
// attempts.
func sentOnce(attempt int) func(*testing.T, *deceased) {
	return func(t *testing.T, d *deceased) {
		t.Helper()
		if n := len(d.first.Starts); n != 1 {
			t.Fatalf("first was sent %d times, want once", n)
		}
		if got := d.standing.find(t, "first"); got.Attempt != attempt {
			t.Errorf("first is at attempt %d, want %d", got.Attempt, attempt)
		}
	}
}

// provedAbsent: before "first" was intended again, two readings a grace apart
// had shown its first operation absent.
func provedAbsent(t *testing.T, d *deceased) {
	t.Helper()
	var intents []fleet.StartIntended
	var absent []time.Time
	for _, e := range d.events {
		switch f := e.Fact.(type) {
		case fleet.StartIntended:
			if strings.HasSuffix(string(f.Vault), "/first") {
				intents = append(intents, f)
			}
		case fleet.Reconciled:
			if strings.HasSuffix(string(f.Vault), "/first") && len(intents) == 1 {
				if f.Reading != fleet.ReadAbsent || f.OperationID != intents[0].OperationID {
					t.Errorf("a reading shows %+v, want %s absent", f, intents[0].OperationID)
				}
				absent = append(absent, e.At)
			}
		}
	}
	if len(intents) != 2 || intents[0].OperationID == intents[1].OperationID {
		t.Fatalf("first was intended as %+v, want twice", intents)
	}
	if n := len(absent); n < 2 || absent[n-1].Sub(absent[n-2]) < d.timings.ReconcileGrace {
		t.Errorf("it was proved absent by readings at %v, want two, %v apart", absent, d.timings.ReconcileGrace)
	}
	if posts := d.first.Starts; posts[len(posts)-1].OperationID != intents[1].OperationID {
		t.Errorf("the last start carried %s, want %s", posts[len(posts)-1].OperationID, intents[1].OperationID)
	}
}
