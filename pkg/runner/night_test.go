package runner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/rollout"
	"github.com/fleetup-dev/fleetup/pkg/runner"
	"github.com/fleetup-dev/fleetup/pkg/state"
	"github.com/fleetup-dev/fleetup/test/handler"
)

// night is one rollout in virtual time: the real brain, runner, adapter and
// emulator, with no network between them, in as many processes as it takes.
type night struct {
	anyTimings bool // its timings are not the defaults, nor meant to be good

	t      testing.TB
	plan   *plan.Plan
	cloud  *emulator.Cloud
	ledger ledger
	runID  string
	began  time.Time
	opened time.Time // the present run
	trace  *trace
	refs   map[fleet.Key]string // as the trace names vaults

	started  int               // processes so far
	fresh    bool              // the run was opened and no process has had it yet
	crash    func(n int) crash // decides how process n ends; nil: by itself
	lastCode fleet.ExitCode
	reopened map[fleet.Key]bool // by reopen, since the run began

	hold *rand.Rand     // for how long what a dead process sent is on its way; nil: no time
	held sync.WaitGroup // what is on its way

	asks     chan runner.Ask                               // what people say while it runs
	visit    func(int, chan<- runner.Ask, <-chan struct{}) // lets people speak to a process until it is over
	patience time.Duration                                 // how long a process may take; 0: endless
	// how far the wall clock is ahead of real time; nil: it is right
	ahead  func(time.Time) time.Duration
	shifts []shift

	// Where a test wants to stand in between, or to look over a shoulder.
	ctx      context.Context
	answer   func(req *http.Request, c *call) (*http.Response, error)
	upgrader func(runner.Upgrader) runner.Upgrader
	disk     func(runner.Store) runner.Store
	progress func(*rollout.State, []fleet.Event)
	restart  func() ledger // opens the ledger for a process; nil: it stays open
	sides    func(*azure.Options)
}

// ledger is what a night needs of a ledger, in memory or in a file.
type ledger interface {
	runner.Store
	Begin(plan []byte, events []fleet.Event, vaults []fleet.VaultRecord) error
	Events(runID string, fn func(uint64, fleet.Event) error) error
	VaultRecords(func(fleet.VaultRecord) error) error
}

// newNight makes the cloud and opens the run, in memory. Call it inside a
// bubble.
func newNight(t testing.TB, p *plan.Plan, sc emulator.Scenario) *night {
	t.Helper()
	store, err := state.NewMemory(state.Binding{Cloud: "Emulator"})
	if err != nil {
		t.Fatal(err)
	}
	return newNightOn(t, store, p, sc)
}

// newNightOn is newNight on a ledger of the caller's.
func newNightOn(t testing.TB, store ledger, p *plan.Plan, sc emulator.Scenario) *night {
	t.Helper()
	cloud, err := emulator.New(emulator.Config{Scenario: sc, Vaults: vaultsOf(p), Resources: resourcesOf(p)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	n := &night{t: t, plan: p, cloud: cloud, ledger: store, began: time.Now(), trace: &trace{},
		refs: map[fleet.Key]string{}, ctx: context.Background()}
	for i := range p.Vaults {
		n.refs[p.Vaults[i].Key] = name(&p.Vaults[i])
	}
	n.open("run-1")
	return n
}

// inFile gives a night a ledger in a file, as a user has it; each process opens
// it anew.
func inFile(t testing.TB) (open func() ledger) {
	t.Helper()
	lock, err := state.Acquire(filepath.Join(t.TempDir(), "fleet.db"), state.Holder{Host: "test", PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	var l *state.Ledger
	shut := func() {
		if l != nil {
			_ = l.Close()
		}
	}
	t.Cleanup(func() { shut(); _ = lock.Close() })
	return func() ledger {
		shut()
		if l, err = state.Open(lock, state.Binding{Cloud: "Emulator"}); err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// open begins a run on the ledger, with what earlier runs left.
func (n *night) open(id string) {
	n.t.Helper()
	n.shifts, n.opened = []shift{{by: time.Until(n.wall())}}, time.Now()
	opened := fleet.RunOpened{RunID: id, PlanFingerprint: n.plan.Fingerprint, Carried: n.carried()}
	if err := n.ledger.Begin([]byte("{}"), []fleet.Event{{At: n.wall().UTC(), Fact: opened}}, nil); err != nil {
		n.t.Fatal(err)
	}
	n.runID, n.fresh, n.reopened = id, true, map[fleet.Key]bool{}
}

// endless is longer than any process can take that has no windows to wait for.
const endless = 48 * time.Hour

// process runs one process to its end and returns its exit code.
func (n *night) process(commands ...fleet.Fact) (fleet.ExitCode, error) {
	n.t.Helper()
	var c crash
	if n.crash != nil {
		c = n.crash(n.started)
	}
	if !n.fresh {
		commands = append([]fleet.Fact{fleet.Resumed{}}, commands...)
	}
	n.fresh = false
	n.started++
	if n.restart != nil {
		n.ledger = n.restart()
	}
	began, patience := time.Now(), cmp.Or(n.patience, endless)
	ctx, kill := context.WithTimeout(n.ctx, patience)
	defer kill()
	end := &doom{crash: c, kill: kill}
	limiter := runner.NewLimiter(n.plan.Limits.RequestsPerSecond)
	options := azure.Options{
		Pacer: limiter,
		Cloud: fleet.Cloud{Name: fleet.CustomCloud, ServiceManagement: "http://127.0.0.1:1",
			ResourceManager: "http://127.0.0.1:1"},
		Version: "test",
		Transport: wire{RoundTripper: handler.Transport(n.cloud), tr: n.trace, process: n.started, run: n.runID,
			answer: n.answer, doom: end, hold: n.holds(), held: &n.held},
	}
	if n.sides != nil {
		n.sides(&options)
	}
	sm, rm, err := azure.NewAPIClients(options)
	if err != nil {
		n.t.Fatal(err)
	}
	adapter, err := adapterOf(n.plan, sm, rm)
	if err != nil {
		n.t.Fatal(err)
	}
	defer sm.Close()
	defer rm.Close()
	var up runner.Upgrader = mortalCloud{adapter, end}
	if n.upgrader != nil {
		up = n.upgrader(up)
	}
	var store runner.Store = &mortal{Store: n.ledger, doom: end}
	if n.disk != nil {
		store = n.disk(store)
	}
	interrupt := make(chan struct{})
	if c.stopAt > 0 {
		stop := time.AfterFunc(c.stopAt, func() { close(interrupt) })
		defer stop.Stop()
	}
	n.shiftClock()
	over := make(chan struct{})
	if n.visit != nil {
		n.asks = make(chan runner.Ask)
		go n.visit(n.started, n.asks, over)
	}
	code, err := runner.Run(ctx, runner.Options{
		Plan: n.plan, Cloud: up, Limiter: limiter, Commands: commands, Interrupt: interrupt, Progress: n.progress,
		Wall: n.wall, Asks: n.asks,
		Store: written{store, n.trace, n.started},
		Replay: func(apply func(fleet.Event) error) error {
			return n.ledger.Events(n.runID, func(_ uint64, e fleet.Event) error { return apply(e) })
		},
	})
	close(over)
	if n.hold == nil {
		n.held.Wait()
	}
	if time.Since(began) >= patience {
		n.t.Fatalf("the process does not end; it stands at\n%v", n.state().Totals)
	}
	n.lastCode = code
	if errors.Is(err, errDead) {
		err = nil
	}
	return code, err
}

// holds is for how long what a process sends at its death is on its way: until
// just before the first reading that proves something. Where clocks are set, that
// may be as early as a grace after the resume.
func (n *night) holds() time.Duration {
	if n.hold == nil {
		return 0
	}
	most := n.plan.Timings.ReconcileGrace * 11 / 12
	if n.ahead == nil {
		most += n.plan.Timings.StartTimeout
	}
	return time.Duration(n.hold.Int64N(int64(most)))
}

// finish runs processes until the run is over, as an operator would: resuming
// what was interrupted, accepting failures after a halt.
func (n *night) finish() fleet.ExitCode {
	n.t.Helper()
	for range 60 {
		var commands []fleet.Fact
		if !n.fresh && n.state().Run.Halt != nil && n.lastCode == fleet.ExitHalted {
			commands = append(commands, fleet.FailuresAccepted{Reason: "test"})
		}
		code, err := n.process(commands...)
		if err != nil && !errors.Is(err, errDisk) {
			n.t.Fatalf("process %d: %v", n.started, err)
		}
		if st := n.state(); st.Run.Closed != nil {
			n.held.Wait()
			return st.Run.Closed.Code
		}
		if code == fleet.ExitSignIn {
			time.Sleep(time.Hour) // virtual: somebody signs in again
		}
	}
	n.t.Fatalf("the run does not end; it stands at %v", n.state().Verdict())
	return 0
}

// journal is the facts of the present run.
func (n *night) journal() (events []fleet.Event) {
	n.t.Helper()
	if err := n.ledger.Events(n.runID, func(_ uint64,
		e fleet.Event) error {
		events = append(events, e)
		return nil
	}); err != nil {
		n.t.Fatal(err)
	}
	return events
}

// state folds the run's journal.
func (n *night) state() *rollout.State {
	n.t.Helper()
	st := rollout.NewState(n.plan)
	if err := st.Replay(n.journal()); err != nil {
		n.t.Fatal(err)
	}
	return st
}

// vault is what the journal says of the plan's vault i.
func (n *night) vault(i int) rollout.VaultState { return n.state().Vaults[i] }

// carried is what the ledger knows of vaults that are over and not upgraded,
// or have an unspent permit.
func (n *night) carried() (cs []fleet.Carried) {
	n.t.Helper()
	err := n.ledger.VaultRecords(func(r fleet.VaultRecord) error {
		if c, ok := rollout.Carry(r); ok {
			cs = append(cs, c)
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return cs
}

// reopen permits a failed or unknown vault to be tried again, as a person
// would between two processes.
func (n *night) reopen(i int) {
	n.t.Helper()
	st := n.state()
	k, v := n.plan.Vaults[i].Key, &st.Vaults[i]
	f := fleet.Reopened{Vault: k, Disregard: []string{v.OperationID}, Reason: "support says so"}
	e := fleet.Event{At: later(n.wall().UTC(), st.Run.LastAt), Fact: f}
	if err := st.Apply(e); err != nil {
		n.t.Fatal(err)
	}
	r := st.Record(i)
	r.Status, r.Accepted, r.ErrorBody = fleet.Pending, false, false
	if err := n.ledger.Commit([]fleet.Event{e}, []fleet.VaultRecord{r}); err != nil {
		n.t.Fatal(err)
	}
	n.reopened[k] = true
}

// story is the run's journal for people: virtual time, fact, vault, details.
func (n *night) story() (lines []string) {
	for _, e := range n.journal() {
		about := ""
		if f, ok := e.Fact.(fleet.VaultFact); ok {
			about = n.refs[f.VaultKey()]
			about = about[:8] + about[36:]
		}
		details, _ := json.Marshal(e.Fact)
		lines = append(lines, fmt.Sprintf("%10s %-14s %-12s %s", e.At.Sub(n.began).Round(time.Millisecond),
			e.Fact.Name(), about, details))
	}
	return lines
}

// inBubble runs a night in virtual time.
func inBubble(t *testing.T, do func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, do)
}
