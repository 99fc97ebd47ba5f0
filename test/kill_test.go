package test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// TestKills kills the client at random moments, many times, then resumes to
// the end: nothing may be lost but work not begun.
func TestKills(t *testing.T) {
	t.Parallel()
	const fleets = 3
	s := seed(t)
	for f := range fleets {
		t.Run(fmt.Sprintf("fleet %d", f), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(uint64(s), uint64(f)))
			for left := *killCount / fleets; left > 0; {
				n := killFleet(t, rnd, left)
				if n == 0 {
					t.Fatal("a fleet ended before it could be killed once")
				}
				left -= n
			}
		})
	}
}

// killed is a kind of vault of the fleets that are killed, and how it may end.
// A start whose answer was lost with its client may end otherwise than one
// whose answer was read.
type killed struct {
	name string
	want []string
	do   func(*strictcloud.VaultHandle)
}

func killKinds() []killed {
	up := []string{"upgraded"}
	lost := []string{"failed", "upgraded"} // refused; but if nobody read that, it was sent once more
	start := func(name string, want []string, fs ...strictcloud.StartFault) killed {
		return killed{name, want, func(v *strictcloud.VaultHandle) { v.Start(fs...) }}
	}
	broke := strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"}
	return []killed{
		start("reset-after", up, strictcloud.ResetAfterAcceptance),
		start("hang-after", up, strictcloud.HangAccepted),
		start("503-after", up, strictcloud.UnavailableAfterAcceptance),
		start("garbage-after", up, strictcloud.GarbageAfterAcceptance),
		start("late", up, strictcloud.ResetThenAccepted(300*time.Millisecond)),
		start("slow", up, strictcloud.SlowAnswer(400*time.Millisecond)),
		start("slower", up, strictcloud.SlowAnswer(500*time.Millisecond)),
		start("reset-before", up, strictcloud.ResetBeforeAcceptance),
		start("503", up, strictcloud.Unavailable),
		start("307", up, strictcloud.Redirect307),
		start("409", up, strictcloud.Busy),
		start("429", up, strictcloud.Throttle(time.Second)),
		start("403", up, strictcloud.Forbidden),
		start("500-body", lost, strictcloud.ErrorBody),
		start("refused", lost, strictcloud.RefuseStart(strictcloud.Refusal{Shape: 3, Code: "TooEarly"})),
		{"fails", []string{"failed"}, func(v *strictcloud.VaultHandle) { v.FailUpgrade(broke) }},
		{"fails-unseen", []string{"failed"},
			func(v *strictcloud.VaultHandle) { v.FailUpgrade(broke).Start(strictcloud.ResetAfterAcceptance) }},
		{"failed-before", []string{"failed"}, func(v *strictcloud.VaultHandle) { v.FailedBefore(broke) }},
		{"already", []string{"already"}, func(v *strictcloud.VaultHandle) { v.Already(strictcloud.ForcedUpgrade) }},
		{"foreign", []string{"already"}, func(v *strictcloud.VaultHandle) { v.Foreign(time.Second, nil) }},
		{"vanishes", up, func(v *strictcloud.VaultHandle) { v.Vanish(500 * time.Millisecond) }},
		{"verify-lag", up, func(v *strictcloud.VaultHandle) { v.VerifyLag(300 * time.Millisecond) }},
		{"busy", up, func(v *strictcloud.VaultHandle) { v.BusyFor(600 * time.Millisecond) }},
		{"blocked", []string{"blocked"}, func(v *strictcloud.VaultHandle) { v.Blocked(oldAgent) }},
	}
}

// killFleet makes a fleet, kills its client up to most times, resumes it to
// the end and judges it. It returns how often it killed.
func killFleet(t *testing.T, rnd *rand.Rand, most int) int {
	t.Helper()
	timings := quick()
	timings.BusyDeadline = time.Minute
	w := newWorld(t, timings)
	kinds := map[string]killed{}
	add := func(k killed) {
		i := len(kinds)
		v := w.cloud.AddVault(strictcloud.Vault{Subscription: []string{subA, subB, subC}[i%3], Name: k.name,
			Region: regions[i%len(regions)].cloud, ProtectedItems: rnd.IntN(200)})
		k.do(v.Duration(time.Duration(50+rnd.IntN(500)) * time.Millisecond))
		kinds[k.name] = k
	}
	for _, k := range killKinds() {
		add(k)
	}
	for len(kinds) < 40 {
		add(killed{fmt.Sprintf("plain-%d", len(kinds)), []string{"upgraded"}, func(*strictcloud.VaultHandle) {}})
	}
	w.write(strictcloud.Inventory{FailureBudget: "100", Waves: []strict.Wave{{Name: "all"}},
		Limits: strict.Limits{Validations: 8, Upgrades: 6, PerSubscription: 3, PerLocation: 4}})

	kills := 0
	for lives := 0; kills < most && lives < 2*most+20; lives++ {
		next := w.next()
		if next == nil {
			break
		}
		if w.killOnce(rnd, next) {
			kills++
		}
	}
	processes := 0
	for next := w.next(); next != nil; next = w.next() {
		if processes++; processes > 5 {
			t.Fatalf("the run is not over after %d processes since the last kill", processes)
		}
		if code := w.start(next...).wait(); code != 3 && code != 5 && code != 8 {
			c := w.clients[len(w.clients)-1]
			t.Fatalf("%v exited %d after %d kills\n%s", next, code, kills, tail(c.stderr.String(), 40))
		}
	}
	t.Logf("%d kills, then %d processes to the end", kills, processes)
	judgeKilled(t, w, w.status(w.db), kinds)
	w.judge()
	lives := 0
	for _, c := range w.clients {
		if c.args[0] == "run" || c.args[0] == "resume" {
			lives++
		}
	}
	w.judgeRequests(lives)

	before := w.starts()
	w.start("resume", "--state", w.db, "--yes").ends(0).says("Nothing to resume")
	if !mapsEqual(before, w.starts()) {
		t.Error("a resume of a finished run started something")
	}
	return kills
}

func judgeKilled(t *testing.T, w *world, s *standing, kinds map[string]killed) {
	t.Helper()
	truth := w.cloud.Report()
	for name, k := range kinds {
		v := s.find(t, name)
		real, _ := truth.Find(name)
		switch {
		case slices.Contains(k.want, v.Status):
		case v.Status == "blocked" && v.has("attempts-exhausted") && len(real.Accepted) == 0 &&
			slices.Contains(k.want, "upgraded"):
			// Three of its starts died with their client: the next run's.
		default:
			t.Errorf("%s is %s, want one of %v (%s); the cloud saw %+v", name, v.Status, k.want, v.why(), real.Starts)
		}
		if (v.Status == "upgraded") != (len(real.Accepted) == 1 && real.State == "Upgraded") {
			t.Errorf("%s is %s, but the cloud accepted it %d times and says %q", name, v.Status,
				len(real.Accepted), real.State)
		}
	}
}

// next is the command that goes on with the ledger; nil when its run is over.
func (w *site) next() []string {
	w.t.Helper()
	c := w.start("status", "-o", "json", "--state", w.db)
	switch code := c.wait(); code {
	case 2: // no ledger, or one without a run: the first did not come so far
		return []string{"run", w.inv, "--yes"}
	case 0:
		var s standing
		if err := json.Unmarshal([]byte(c.stdout.String()), &s); err != nil {
			w.t.Fatalf("status: %v", err)
		}
		if s.Run.Status == "finished" {
			return nil
		}
		return []string{"resume", "--state", w.db, "--yes"}
	default:
		w.t.Fatalf("status exited %d: the ledger is not to be read after a kill\n%s", code, c.stderr.String())
		return nil
	}
}

// killOnce starts a command and kills it at a moment of chance: some time
// after its begin, or a while after it was asked to stop, or when the cloud
// gets a start, or when the cloud has decided on it and the answer is about to
// leave, or at any request, or at a failpoint. Now and then nobody is signed in meanwhile. It
// reports whether the process was killed before it ended.
func (w *site) killOnce(rnd *rand.Rand, args []string) bool {
	var c atomic.Pointer[client]
	kill := sync.OnceFunc(func() {
		for c.Load() == nil {
			time.Sleep(time.Millisecond)
		}
		c.Load().kill()
	})
	after := 20*time.Millisecond + time.Duration(rnd.IntN(900))*time.Millisecond
	nth := int64(1 + rnd.IntN(4))
	var seen atomic.Int64
	atStart := func(r *http.Request) {
		if isStart(r) && seen.Add(1) == nth {
			kill()
		}
	}
	stop := time.Duration(-1)
	at := ""
	switch rnd.IntN(8) {
	case 0, 1: // at a time
	case 6, 7:
		points := failpoint.Meanings()
		at = fmt.Sprintf("%s@%d", points[rnd.IntN(len(points))].Point, 1+rnd.IntN(6))
		after = 1500 * time.Millisecond
	case 5:
		stop = after
		after += time.Duration(rnd.IntN(300)) * time.Millisecond
	case 2:
		w.gate.on(atStart, nil)
		after = 1500 * time.Millisecond
	case 3:
		w.gate.on(nil, atStart)
		after = 1500 * time.Millisecond
	case 4:
		nth = int64(1 + rnd.IntN(60))
		w.gate.on(func(*http.Request) {
			if seen.Add(1) == nth {
				kill()
			}
		}, nil)
	}
	if rnd.IntN(10) == 0 {
		w.server.ExpireSignIn()
		defer w.server.SignIn()
	}
	var p *client
	if at != "" {
		p = w.startAt(at, args...)
	} else {
		p = w.start(args...)
	}
	c.Store(p)
	if stop >= 0 {
		term := time.AfterFunc(stop, func() { p.signal(syscall.SIGTERM) })
		defer term.Stop()
	}
	select {
	case <-p.done:
	case <-time.After(after):
		kill()
	}
	<-p.done
	w.gate.on(nil, nil)
	w.gate.quiet(w.t)
	if !p.killed() {
		return false
	}
	w.server.ClientDied()
	return true
}

func mapsEqual(a, b map[string]int) bool {
	if len(a) != len(b) {
		return false
	}
	for k, n := range a {
		if b[k] != n {
			return false
		}
	}
	return true
}
