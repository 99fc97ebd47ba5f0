package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/engine/temporal/protocol"
)

// shares waits until a worker knows how many share the rate.
func (n *night) shares(t *testing.T, i, workers int) {
	t.Helper()
	eventually(t, fmt.Sprintf("worker %d knows of all", i), func() bool {
		log, err := os.ReadFile(filepath.Join(n.dir, fmt.Sprintf("worker%d.log", i)))
		return err == nil && bytes.Contains(log, fmt.Appendf(nil, "workers=%d\n", workers))
	})
}

// Three workers ask no more of a subscription than the plan has for it, however many of
// them there are, and nobody told them how many.
func TestTheRateOfAllWorkers(t *testing.T) {
	t.Parallel()
	const perSecond, workers, vaults = 30, 3, 30
	n := stage(t)
	n.folder = t.TempDir()
	var y strings.Builder
	fmt.Fprintf(&y, "apiVersion: fleetup/v1\ncloud: Emulator\nemulator: {scenario: scenario.yaml}\ntimings: {poll: "+
		"1s}\nlimits: {requestsPerSecond: %d, validations: 60}\ndefaults: {location: Australia East, resourceType: "+
		"BackupVault, targetResourceGroup: rg}\nsubscriptions:\n  - id: %s\n    vaults:\n", perSecond, prod)
	for i := range vaults {
		fmt.Fprintf(&y, "      - {name: vault-%02d}\n", i)
	}
	for name, text := range map[string]string{"fleet.yaml": y.String(),
		"scenario.yaml": "seed: 7\ntimeScale: 600\nduration: {constant: 30m}\n"} {
		if err := os.WriteFile(filepath.Join(n.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var asked []time.Time
	n.before = func(emulated string) string {
		target, err := url.Parse(emulated)
		if err != nil {
			t.Fatal(err)
		}
		next := httputil.NewSingleHostReverseProxy(target)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked = append(asked, time.Now())
			mu.Unlock()
			next.ServeHTTP(w, r)
		}))
		n.close = append(n.close, s.Close)
		return s.URL
	}
	ctx := t.Context()
	if err := n.set(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range workers {
		n.shares(t, i, workers)
	}
	run, err := n.conn.begin(ctx, "demo", n.plan, false, protocol.Options{Heartbeat: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var result protocol.Result
	if err := run.Get(ctx, &result); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	// What leaves as planned may arrive together: a second's worth, and the bursts.
	const window, most = 2 * time.Second, perSecond*3 + perSecond/2
	var busiest int
	for first, at := range asked {
		last := first
		for last < len(asked) && asked[last].Sub(at) <= window {
			last++
		}
		busiest = max(busiest, last-first)
	}
	t.Logf("%d requests, at most %d within %v", len(asked), busiest, window)
	if busiest > most {
		t.Errorf("%d requests within %v, planned are %d a second", busiest, window, perSecond)
	}
	if truth := n.cloud.Summary(); truth.Accepted != vaults {
		t.Errorf("the cloud saw %+v", truth)
	}
}
