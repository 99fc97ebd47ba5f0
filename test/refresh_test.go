package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
	"github.com/fleetup-dev/fleetup/test/strictcloud"
)

// heard is what a command asked of the cloud.
type heard struct {
	mu    sync.Mutex
	posts []string
	lists map[string]int // listings by subscription
}

// listen notes what is asked from now on.
func (w *world) listen() *heard {
	h := &heard{lists: map[string]int{}}
	w.gate.on(func(r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.Method != http.MethodGet {
			h.posts = append(h.posts, r.Method+" "+r.URL.Path)
		}
		if sub, list := strings.CutSuffix(r.URL.Path, "/cloudservices"); list {
			h.lists[sub]++
		}
	}, nil)
	return h
}

// refreshed is what `refresh -o json` says of a vault.
type refreshed struct {
	Vault, Was, Is string
	Error          *string
	Reason         *string
}

func (w *world) refresh(code int, args ...string) map[string]refreshed {
	w.t.Helper()
	c := w.start(append([]string{"refresh", "-o", "json", "--state", w.db}, args...)...).ends(code)
	var doc struct{ Vaults []refreshed }
	if err := json.Unmarshal([]byte(c.stdout.String()), &doc); err != nil {
		w.t.Fatalf("%v\n%s", err, c.stdout.String())
	}
	m := map[string]refreshed{}
	for _, v := range doc.Vaults {
		m[v.Vault[strings.LastIndex(v.Vault, "/")+1:]] = v
	}
	return m
}

// refreshWorld has a run behind it that left vaults failed and one unknown.
func refreshWorld(t *testing.T, refused ...string) (w *world, vaults map[string]*strictcloud.VaultHandle) {
	t.Helper()
	timings := quick()
	timings.ReconcileDeadline = 300 * time.Millisecond
	w = newWorld(t, timings)
	vaults = map[string]*strictcloud.VaultHandle{}
	for i, name := range []string{"good", "repaired", "broken", "lost", "still-lost"} {
		vaults[name] = w.cloud.AddVault(strictcloud.Vault{Subscription: []string{subA, subB}[i%2],
			Name: name}).Duration(50 * time.Millisecond)
	}
	for _, name := range []string{"repaired", "broken"} {
		vaults[name].FailUpgrade(strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"})
	}
	for _, name := range []string{"lost", "still-lost"} {
		vaults[name].Vanish(time.Hour)
	}
	w.gate.on(func(r *http.Request) {
		for _, name := range []string{"lost", "still-lost"} {
			if isStart(r) && strings.HasSuffix(r.URL.Path, "/"+name+"/upgrade") {
				vaults[name].TargetUnreadable(10_000)
			}
		}
	}, nil)
	for _, name := range refused {
		w.cloud.AddVault(strictcloud.Vault{Subscription: subA,
			Name: name}).Start(strictcloud.RefuseStart(strictcloud.Refusal{Shape: 3, Message: "no"}))
	}
	w.write(strictcloud.Inventory{FailureBudget: "5", Waves: []strict.Wave{{Name: "all"}}})
	w.start("run", w.inv, "--yes").ends(3)
	s := w.status(w.db)
	for name, want := range map[string]string{"good": "upgraded", "repaired": "failed", "broken": "failed",
		"lost": "unknown", "still-lost": "unknown"} {
		if v := s.find(t, name); v.Status != want {
			t.Fatalf("%s is %s, want %s (%s)", name, v.Status, want, v.why())
		}
	}
	return w, vaults
}

// A refresh reads each subscription once, sends nothing at all, and records what
// it finds: the next run and the reports know it.
func TestRefresh(t *testing.T) {
	t.Parallel()
	w, vaults := refreshWorld(t, "refused") // one that the cloud has no record of
	vaults["repaired"].Repair()
	vaults["lost"].Found()
	h := w.listen()
	got := w.refresh(1) // the target of still-lost gives no answer
	w.gate.on(nil, nil)
	if len(h.posts) > 0 {
		t.Errorf("a refresh sent %v", h.posts)
	}
	for sub, n := range h.lists {
		if n != 1 {
			t.Errorf("it read subscription %s %d times", sub, n)
		}
	}
	want := map[string]string{"repaired": "upgraded", "broken": "failed", "lost": "upgraded", "still-lost": "unknown",
		"refused": "failed"}
	if len(got) != len(want) {
		t.Errorf("it read %v", got)
	}
	s := w.status(w.db)
	for name, status := range want {
		if r, v := got[name], s.find(t, name); r.Is != status || v.Status != status ||
			(r.Error != nil) != (name == "still-lost") {
			t.Errorf("%s went from %s to %s, and is %s in the report; want %s (%s)", name, r.Was, r.Is, v.Status,
				status, v.why())
		}
	}
	w.start("audit", "verify", "--state", w.db).ends(0)
	// What is as good as new is not started, and what is not stays as it is.
	before := fmt.Sprint(w.starts())
	w.start("run", w.inv, "--yes").ends(3)
	s = w.status(w.db)
	for name, status := range map[string]string{"good": "already", "repaired": "already", "broken": "failed",
		"lost": "already"} {
		if v := s.find(t, name); v.Status != status {
			t.Errorf("in the next run %s is %s, want %s (%s)", name, v.Status, status, v.why())
		}
	}
	if after := fmt.Sprint(w.starts()); after != before {
		t.Errorf("starts %s, before it %s", after, before)
	}
	w.start("audit", "verify", "--state", w.db).ends(0)
	w.judge()
}

// What cannot be read is said with its exit code, and what can be is recorded.
func TestRefreshThatCannotRead(t *testing.T) {
	t.Parallel()
	w, vaults := refreshWorld(t)
	vaults["lost"].Found()                     // in subscription B
	w.cloud.Subscription(subA).Forbidden(true) // of "broken" and "still-lost"
	vaults["repaired"].Repair()                // in subscription B
	got := w.refresh(8)
	for name, is := range map[string]string{"repaired": "upgraded", "lost": "upgraded", "broken": "failed",
		"still-lost": "unknown"} {
		r := got[name]
		if r.Is != is || (r.Error != nil) != (name == "broken" || name == "still-lost") {
			t.Errorf("%s is %s, %v", name, r.Is, r.Error)
		}
	}
	w.cloud.Subscription(subA).Forbidden(false)
	vaults["broken"].Repair()
	vaults["still-lost"].Found()
	if got = w.refresh(0); len(got) != 2 {
		t.Errorf("the second one read %v", got)
	}
	// Nothing is failed any more: the run stands so.
	w.start("status", "--state", w.db, "--exit-code").ends(0)
	w.start("refresh", "--state", w.db).ends(0).says("Nothing to refresh")
	w.start("audit", "verify", "--state", w.db).ends(0)
	w.judge()
}

// A refresh of an unfinished run leaves it resumable, and the vault it found
// well is not touched again.
func TestRefreshBeforeAResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quick())
	plainFleet(w, 4, 3*time.Second)
	failing := w.cloud.AddVault(strictcloud.Vault{Subscription: subA, Name: "fails",
		ProtectedItems: 500}).Duration(50 * time.Millisecond).
		FailUpgrade(strictcloud.Failure{Code: "InternalFailure", Message: "the disk was full"})
	w.write(strictcloud.Inventory{FailureBudget: "3", Limits: strict.Limits{Upgrades: 2},
		Waves: []strict.Wave{{Name: "all"}}})
	run := w.start("run", w.inv, "--yes")
	w.until("one has failed and another was started since", func() bool {
		return failing.Report().State == "Failed" && w.accepted() >= 3
	})
	run.kill()
	w.gate.quiet(t)
	w.cloud.ClientDied()
	failing.Repair()
	h := w.listen()
	got := w.refresh(0)
	w.gate.on(nil, nil)
	if len(h.posts) > 0 || got["fails"].Is != "upgraded" {
		t.Errorf("it sent %v and found %+v", h.posts, got)
	}
	w.start("resume", "--state", w.db, "--yes").ends(0)
	for _, v := range w.status(w.db).Vaults {
		if v.Status != "upgraded" {
			t.Errorf("%s is %s (%s)", v.Name, v.Status, v.why())
		}
	}
	for name, n := range w.starts() {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	w.start("audit", "verify", "--state", w.db).ends(0)
	if n, err := filepath.Glob(filepath.Join(w.dir, ".*")); err != nil || len(n) > 0 {
		t.Errorf("left behind: %v, %v", n, err)
	}
	w.judge()
}
