package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
	"github.com/fleetup-dev/fleetup/internal/audit"
	"github.com/fleetup-dev/fleetup/internal/journal"
	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/plan"
	"github.com/fleetup-dev/fleetup/pkg/state"
)

var (
	kills    = flag.Int("kills", 6, "how often TestKills kills a worker or the server, in all")
	killSeed = flag.Uint64("seed", 0, "seed of the kills' moments; 0 takes one from the clock")
	absence  = flag.Duration("absence", 25*time.Second, "how long TestAllWorkersGone leaves a run alone, twice")
)

// unhurried is an end of doubts that kills in a row do not reach. A start that failed
// unseen is in doubt for so long.
const unhurried = 90 * time.Second

// siege is a run of a mixed fleet against a cloud that judges its client, by three
// workers on a server, of which each may be struck.
type siege struct {
	*night
	t       *testing.T
	judging strictCloud
	want    map[string][]fleet.Status // how each vault may end
	ledger  string
	result  chan error
	ended   protocol.Result

	mu      sync.Mutex
	arrived func(*http.Request) // when a request comes
}

func besiege(t *testing.T, rnd *rand.Rand, cloud strictCloud) *siege {
	t.Helper()
	s := &siege{night: stage(t), t: t, judging: cloud, want: cloud.fill(rnd, 40), ledger: "fleet",
		result: make(chan error, 1)}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	t.Cleanup(cloud.Close)
	inventory := filepath.Join(s.dir, "fleet.yaml")
	if err := cloud.inventory(inventory, web.URL); err != nil {
		t.Fatal(err)
	}
	var err error
	loaded, err := session.Load(inventory, false)
	if err != nil {
		t.Fatal(err)
	}
	s.plan = loaded.Plan
	s.emulator = web.URL
	if err := s.people(t.Context()); err != nil {
		t.Fatal(err)
	}
	run, err := s.conn.begin(t.Context(), s.ledger, s.plan, false,
		protocol.Options{Heartbeat: 2 * time.Second, MaxEvents: 300 + rnd.IntN(500)})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var err error
		s.ended, err = outcome(t.Context(), run)
		s.result <- err
	}()
	return s
}

// ServeHTTP is the cloud.
func (s *siege) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	arrived := s.arrived
	s.mu.Unlock()
	if arrived != nil {
		arrived(r)
	}
	s.judging.ServeHTTP(w, r)
}

// atStart waits for the next start to arrive at the cloud, or for a while.
func (s *siege) atStart(within time.Duration) {
	came := make(chan struct{}, 1)
	s.mu.Lock()
	s.arrived = func(r *http.Request) {
		if s.judging.isStart(r) {
			select {
			case came <- struct{}{}:
			default:
			}
		}
	}
	s.mu.Unlock()
	select {
	case <-came:
	case <-time.After(within):
	}
	s.mu.Lock()
	s.arrived = nil
	s.mu.Unlock()
}

// done reports whether the run has ended.
func (s *siege) done() bool {
	select {
	case err := <-s.result:
		s.result <- err
		return true
	default:
		return false
	}
}

// down takes processes away and brings them back after a while: workers by their number,
// and the server by -1. Answers that were on their way to them are lost meanwhile.
func (s *siege) down(who []int, away time.Duration) {
	s.t.Helper()
	for _, w := range who {
		if w < 0 {
			s.strike(s.process)
		} else {
			s.strike(s.workers[w])
		}
	}
	for until := time.Now().Add(away); ; {
		s.judging.ClientDied()
		if time.Now().After(until) {
			break
		}
		time.Sleep(min(200*time.Millisecond, time.Until(until)))
	}
	// The server first: workers end where they find none.
	slices.Sort(who)
	for _, w := range who {
		var err error
		if w < 0 {
			err = s.startServer()
		} else {
			s.workers[w], err = s.startWorker(w)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.judging.ClientDied()
	}
}

func (s *siege) strike(cmd *exec.Cmd) {
	if err := cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = cmd.Wait()
}

// file is the ledger that the workers write along.
func (s *siege) file() string { return filepath.Join(s.dir, "ledgers", s.ledger+".db") }

// open says of which vaults the ledger has no end.
func (s *siege) open() string {
	run, ok, err := session.ReadLatest(s.file())
	if err != nil || !ok {
		return fmt.Sprint("no ledger: ", err)
	}
	var open []string
	for i := range run.State.Vaults {
		name, v := run.State.Plan.Vaults[i].Name, &run.State.Vaults[i]
		if !slices.Contains(s.want[name], v.Status) {
			open = append(open, fmt.Sprintf("%s is %s: %s; operation %+v, last read %+v", name, v.Status, v.Reason,
				v.Operation, v.Reading))
		}
	}
	return strings.Join(open, "\n")
}

// judge waits for the end and asks what is asked of every fleet then.
func (s *siege) judge() {
	t := s.t
	t.Helper()
	s.judging.ClientDied()
	select {
	case err := <-s.result:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(4 * time.Minute):
		t.Fatalf("the run does not end: %s", s.open())
	}
	file := s.file()
	made := filepath.Join(s.dir, "exported.db")
	seq, head, err := s.conn.export(t.Context(), s.ledger, made)
	if err != nil {
		t.Fatal(err)
	}
	r, err := state.OpenReadOnly(made)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if found, err := audit.Check(r, head, version); err != nil || len(found.Faults) > 0 {
		t.Errorf("the audit of the exported ledger: %+v, %v", found, err)
	}
	run, _, err := journal.Latest(r, journal.Rebuild)
	if err != nil {
		t.Fatal(err)
	}
	along, ok, err := session.ReadLatest(file)
	if err != nil || !ok || along.Evidence.JournalHead != head || along.Evidence.Events != seq {
		t.Errorf("the ledger that was written along ends with %+v, the exported one with %d, %s: %v", along.Evidence,
			seq, head, err)
	}
	decided := map[string]time.Time{}
	if err := r.Events(run.Info.ID, func(_ uint64, e fleet.Event) error {
		if f, ok := e.Fact.(fleet.StartIntended); ok {
			decided[f.OperationID] = e.At
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.judging.JudgeProofs(func(id string) (time.Time, bool) { at, ok := decided[id]; return at, ok })
	vaults, violations := s.judging.truth()
	for _, v := range violations {
		t.Errorf("violation: %s", v)
	}
	starts := 0
	for _, v := range vaults {
		i := slices.IndexFunc(run.State.Plan.Vaults, func(p plan.Vault) bool { return p.Name == v.name })
		got := &run.State.Vaults[i]
		if starts += len(v.starts); v.accepted > 1 || got.Status == fleet.Upgraded && v.accepted != 1 {
			t.Errorf("%s is %s and was accepted %d times", v.name, got.Status, v.accepted)
		}
		for _, id := range v.starts {
			if _, ok := decided[id]; !ok {
				t.Errorf("%s was sent operation %s, which no fact in the exported ledger intends", v.name, id)
			}
		}
		want := s.want[v.name]
		// each of its starts died with its worker
		spent := got.Status == fleet.Blocked && v.accepted == 0 && strings.Contains(got.Reason, "starts")
		if !slices.Contains(want, got.Status) && !spent {
			t.Errorf("%s is %s (%s), want one of %v; the cloud saw %+v", v.name, got.Status, got.Reason, want, v.more)
		}
		if done := got.Status == fleet.Upgraded || got.Status == fleet.Already; done != v.wanted {
			t.Errorf("%s is %s, and as wanted in the cloud: %v, which accepted it %d times", v.name, got.Status,
				v.wanted, v.accepted)
		}
	}
	if run.State.Run.Closed == nil || s.ended.Facts+run.Info.FirstSeq-1 != seq {
		t.Errorf("the workflow decided %d facts, and the exported ledger ends with %d", s.ended.Facts, seq)
	}
	t.Logf("%d vaults, %d starts came, %d facts in %d segments", len(vaults), starts, s.ended.Facts,
		s.ended.Segments)
}

// TestKills kills workers and the server with SIGKILL at random moments, one or two at a
// time, of as many fleets as it takes: classic ones and today's in turn.
func TestKills(t *testing.T) {
	t.Parallel()
	needsServer(t)
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	total := map[string]int{}
	for fleets := 0; total["kills"] < *kills; fleets++ {
		if fleets > 2*(*kills) {
			t.Fatal("the fleets end before anything can be killed")
		}
		t.Run(fmt.Sprintf("fleet %d of seed %d", fleets, seed), func(t *testing.T) {
			cloud := newClassicCloud(unhurried)
			if fleets%2 == 1 {
				cloud = newTodaysCloud(unhurried)
			}
			s := besiege(t, rnd, cloud)
			for n := 0; total["kills"] < *kills && n < 12 && !s.done(); n++ {
				s.moment(rnd)
				who := []int{rnd.IntN(4) - 1}
				if rnd.IntN(3) == 0 {
					who = append(who, (who[0]+2+rnd.IntN(3))%4-1)
				}
				s.down(who, time.Duration(rnd.IntN(1500))*time.Millisecond)
				for _, w := range who {
					total["kills"]++
					if w < 0 {
						total["servers"]++
					}
				}
				if len(who) > 1 {
					total["two at once"]++
				}
			}
			s.judge()
		})
		if t.Failed() {
			break
		}
	}
	data, _ := json.Marshal(total)
	t.Logf("seed %d: %s", seed, data)
}

// moment waits for one to strike: some time, or a start that arrives.
func (s *siege) moment(rnd *rand.Rand) {
	if rnd.IntN(2) == 0 {
		s.atStart(3 * time.Second)
		time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
		return
	}
	time.Sleep(time.Duration(100+rnd.IntN(1500)) * time.Millisecond)
}

// All workers are gone in the middle of starts for longer than any try of theirs may
// take, and than what is in doubt is read, and then the server: what came of the starts is
// read when they are back.
func TestAllWorkersGone(t *testing.T) {
	t.Parallel()
	for name, cloud := range map[string]func(time.Duration) strictCloud{
		"classic": newClassicCloud, "today": newTodaysCloud,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := besiege(t, rand.New(rand.NewPCG(7, 7)), cloud(20*time.Second))
			s.atStart(20 * time.Second)
			s.down([]int{0, 1, 2}, *absence)
			s.atStart(20 * time.Second)
			s.down([]int{-1}, *absence)
			s.judge()
		})
	}
}

// A worker hangs with a start that has left, past every timeout, and goes on then: what
// it does is harmless, and so is what it says.
func TestAWorkerThatHangs(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(8, 8))
	s := besiege(t, rnd, newClassicCloud(unhurried))
	for _, w := range []int{1, 2, 0} {
		s.atStart(10 * time.Second)
		p := s.workers[w].Process
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		for until := time.Now().Add(s.plan.Timings.StartTimeout +
			18*time.Second); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
			s.judging.ClientDied()
		}
		if err := p.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	s.judge()
}
