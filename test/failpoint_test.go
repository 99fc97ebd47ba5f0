package test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// TestFailpoints kills the program at every failpoint and resumes it to the
// end. The vault "first" is alone in its wave, so that it is known what had
// happened to it by then; the troubles of the others are met after it.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	deaths := deaths()
	for _, m := range failpoint.Meanings() {
		if len(deaths[m.Point]) == 0 {
			t.Errorf("nothing is ever killed at %s", m.Point)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(deaths)) {
		for _, d := range deaths[p] {
			d.point = p
			t.Run(d.name(), func(t *testing.T) {
				t.Parallel()
				d.die(t)
			})
		}
	}
}

// TestLaterHits kills the program when it comes to a failpoint again, in the
// middle of a fleet in trouble: by then nobody knows what the others do.
func TestLaterHits(t *testing.T) {
	t.Parallel()
	for p, hit := range map[failpoint.Point]int{
		failpoint.TransactionOpen: 7, failpoint.IntentsBefore: 3, failpoint.IntentsAfter: 3, failpoint.SendWritten: 4,
		failpoint.SendAnswered: 3, failpoint.AnswerBefore: 3, failpoint.ReconcileAfter: 2, failpoint.VerifyAfter: 2,
	} {
		d := death{point: p, hit: hit, among: true,
			script: func(v *strictcloud.VaultHandle) { v.Start(strictcloud.ResetBeforeAcceptance) }}
		t.Run(d.name(), func(t *testing.T) {
			t.Parallel()
			d.die(t)
		})
	}
}

// death is one way to die at a failpoint.
type death struct {
	point failpoint.Point
	hit   int    // 0: the first
	what  string // tells deaths at one point apart

	among  bool                            // "first" is in one wave with the others
	script func(*strictcloud.VaultHandle)  // what "first" meets; nil: nothing
	signal bool                            // the process is told to stop once "first" is accepted
	hold   bool                            // the answer to a start is held back until the client has died
	before string                          // a failpoint at which a process died before
	dead   func(t *testing.T, d *deceased) // looks at what was left behind
	ended  func(t *testing.T, d *deceased) // looks at what became of it
}

func (d death) name() string {
	return fmt.Sprintf("%s %d%s", d.point, max(d.hit, 1), d.what)
}

// deceased is a world whose client has died.
type deceased struct {
	*world
	client   *client
	exists   bool          // the ledger
	begun    bool          // a run
	events   []fleet.Event // of it
	first    strictcloud.VaultReport
	standing *standing // at the end of the run
}

func (d death) die(t *testing.T) {
	timings := hasty()
	if d.hold {
		timings.StartTimeout = 30 * time.Second
	}
	w := newWorld(t, timings)
	kinds := map[string]killed{"first": {name: "first", want: []string{"upgraded"}, do: d.script}}
	for i, k := range crowd() {
		v := w.cloud.AddVault(strictcloud.Vault{Subscription: []string{subA, subB}[i%2],
			Name: k.name}).Duration(80 * time.Millisecond)
		k.do(v)
		kinds[k.name] = k
	}
	v := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "first",
		Labels: map[string]string{"ring": "first"}}).Duration(80 * time.Millisecond)
	if d.script != nil {
		d.script(v)
	}
	waves := []strict.Wave{{Name: "alone", Match: map[string]string{"ring": "first"}}, {Name: "rest"}}
	if d.among {
		waves = waves[1:]
	}
	w.write(strictcloud.Inventory{FailureBudget: "100", Waves: waves,
		Limits: strict.Limits{Validations: 8, Upgrades: 5, PerSubscription: 3}})

	gone, unanswered := make(chan struct{}), make(chan bool, 1)
	if d.hold {
		w.gate.on(nil, func(r *http.Request) {
			if isStart(r) && len(unanswered) == 0 {
				unanswered <- closes(gone, 10*time.Second)
			}
		})
	}
	args := []string{"run", w.inv, "--yes"}
	if d.before != "" {
		w.dies(failpoint.Point(d.before), 1, args)
		args = []string{"resume", "--state", w.db, "--yes"}
	}
	c := w.startAt(fmt.Sprintf("%s@%d", d.point, max(d.hit, 1)), args...)
	go func() { <-c.done; close(gone) }()
	if d.signal {
		w.until("first is accepted", func() bool { return len(v.Report().Accepted) > 0 })
		c.signal(syscall.SIGTERM)
	}
	w.buries(c, d.point, max(d.hit, 1))
	if d.hold && !<-unanswered {
		t.Error("the client did not die before it had an answer")
	}

	left := &deceased{world: w, client: c, exists: true, first: v.Report()}
	if _, err := os.Stat(w.db); err != nil {
		left.exists = false
	} else {
		left.begun, left.events = w.journal()
	}
	left.judgeDead()
	if d.dead != nil {
		d.dead(t, left)
	}

	for processes := 0; !w.over(); processes++ {
		if processes > 4 {
			t.Fatalf("the run is not over after %d processes", processes)
		}
		args := []string{"resume", "--state", w.db, "--yes"}
		if !left.begun && processes == 0 {
			args = []string{"run", w.inv, "--yes"}
		}
		if code := w.start(args...).wait(); code != 3 && code != 5 && code != 8 {
			t.Fatalf("%v exited %d\n%s", args, code, tail(w.clients[len(w.clients)-1].stderr.String(), 40))
		}
	}
	left.standing = w.status(w.db)
	judgeKilled(t, w, left.standing, kinds)
	w.judge()
	left.first = v.Report()
	_, left.events = w.journal()
	if d.ended != nil {
		d.ended(t, left)
	}
}

// closes waits for a channel to be closed, and reports whether it was.
func closes(c <-chan struct{}, within time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(within):
		return false
	}
}

// over reports whether the ledger's run has ended.
func (w *site) over() bool {
	w.t.Helper()
	if _, err := os.Stat(w.db); err != nil {
		return false
	}
	_, events := w.journal()
	return len(facts[fleet.RunClosed](events)) > 0
}

// hasty are the timings of fleets that die once. A busy machine must not make a
// client give an answer up that has come.
func hasty() strict.Timings {
	t := quick()
	t.Poll, t.StartTimeout, t.ReconcileGrace, t.BusyRetry = 60*time.Millisecond, 2*time.Second, 120*time.Millisecond,
		100*time.Millisecond
	return t
}

// crowd are the other vaults of a fleet that dies.
func crowd() []killed {
	var ks []killed
	for _, k := range killKinds() {
		switch k.name {
		case "reset-after", "garbage-after", "refused", "409", "fails", "blocked":
			ks = append(ks, k)
		}
	}
	return ks
}

// dies runs the program until it comes to a failpoint for the nth time.
func (w *site) dies(at failpoint.Point, n int, args []string) {
	w.t.Helper()
	w.buries(w.startAt(fmt.Sprintf("%s@%d", at, n), args...), at, n)
}

// buries waits for a client that dies at a failpoint, and until all it had sent
// has been dealt with.
func (w *site) buries(c *client, at failpoint.Point, n int) {
	w.t.Helper()
	code := c.wait()
	if !c.killed() {
		w.t.Fatalf("%v never came to %s for the %d. time: it exited %d\n%s", c.args, at, n, code,
			tail(c.stderr.String(), 40))
	}
	w.gate.quiet(w.t)
	w.server.ClientDied()
}

// journal is what the ledger says of its latest run, if there is one.
func (w *site) journal() (begun bool, events []fleet.Event) {
	w.t.Helper()
	r, err := state.OpenReadOnly(w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	run, begun, err := r.LatestRun()
	if err == nil && begun {
		err = r.Events(run.ID, func(_ uint64, e fleet.Event) error { events = append(events, e); return nil })
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return begun, events
}

// judgeProofs has the cloud judge the starts that came after lost ones, by when the
// journals of the ledgers say that those were decided.
func (w *site) judgeProofs() {
	w.t.Helper()
	ledgers, err := filepath.Glob(filepath.Join(w.dir, "*.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	decided := map[string]time.Time{}
	for _, db := range ledgers {
		r, err := state.OpenReadOnly(db)
		if err != nil {
			w.t.Fatal(err)
		}
		runs, err := r.Runs()
		for _, run := range runs {
			err = errors.Join(err, r.Events(run.ID, func(_ uint64, e fleet.Event) error {
				if f, ok := e.Fact.(fleet.StartIntended); ok {
					decided[f.OperationID] = e.At
				}
				return nil
			}))
		}
		if err = errors.Join(err, r.Close()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.server.JudgeProofs(func(operationID string) (time.Time, bool) {
		at, ok := decided[operationID]
		return at, ok
	})
}

// judgeDead: whatever the cloud was sent carries the ID of an intent that is on
// disk (design.md#rule-1).
func (d *deceased) judgeDead() {
	d.t.Helper()
	intended := map[string]bool{}
	for _, f := range facts[fleet.StartIntended](d.events) {
		intended[f.OperationID] = true
	}
	for _, v := range d.cloud.Report().Vaults {
		for _, s := range v.Starts {
			if !intended[s.OperationID] {
				d.t.Errorf("the cloud was sent operation %s, which no intent on disk has", s.OperationID)
			}
		}
	}
}

// facts are the facts of a kind, in order.
func facts[F fleet.Fact](events []fleet.Event) (fs []F) {
	for _, e := range events {
		if f, ok := e.Fact.(F); ok {
			fs = append(fs, f)
		}
	}
	return fs
}

// TestNoFailpointInANormalBuild: the program that people run has no failpoints,
// whatever its environment says.
func TestNoFailpointInANormalBuild(t *testing.T) {
	t.Parallel()
	normal, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	armed, err := os.ReadFile(mortal(t))
	if err != nil {
		t.Fatal(err)
	}
	words := []string{failpoint.Variable, "pkg/failpoint"}
	for _, m := range failpoint.Meanings() {
		words = append(words, string(m.Point))
	}
	for _, w := range words {
		if bytes.Contains(normal, []byte(w)) {
			t.Errorf("the program holds %q", w)
		}
		if !bytes.Contains(armed, []byte(w)) {
			t.Errorf("the build with failpoints does not hold %q: this test looks for nothing", w)
		}
	}
	w := newWorld(t, quick())
	plainFleet(w, 1, 50*time.Millisecond)
	w.write(strictcloud.Inventory{})
	for i, point := range []string{"facts-before", "no-such-point", "intents-after=stop"} {
		c := w.launch(binary, []string{"FLEETUP_FAILPOINT=" + point},
			[]string{"run", w.inv, "--yes", "--state", filepath.Join(w.dir, fmt.Sprint(i, ".db"))})
		if code := c.wait(); code != 0 && code != 7 {
			t.Errorf("with %s the program exits %d\n%s", point, code, c.stderr.String())
		}
	}
	w.startAt("no-such-point", "version").ends(2).says("no-such-point", failpoint.Variable)
}
