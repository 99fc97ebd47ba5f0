package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/dryrun"
)

// A token's end is worth a warning when it comes before the night's, or soon,
// and nobody is known to renew it.
func TestWarnOfEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		left, forecast time.Duration
		renews         bool
		want           string // in the warning; empty: none
	}{
		"before the forecast": {90 * time.Minute, 8 * time.Hour, false, "in 1h30m, before the forecast end"},
		"soon, after the forecast": {59 * time.Minute, 30 * time.Minute, false,
			"the token ends 2026-03-16T22:59:00Z, in 59m. It is"},
		"later than the forecast":        {2 * time.Hour, 90 * time.Minute, false, ""},
		"exactly an hour":                {time.Hour, 30 * time.Minute, false, ""},
		"renewed":                        {10 * time.Minute, 8 * time.Hour, true, ""},
		"ended, whoever should renew it": {-time.Second, 8 * time.Hour, true, "the token ended 2026-03-16T21:59:59Z"},
	} {
		s := fleet.SignIn{Identity: fleet.Identity{ValidUntil: now.Add(tt.left), Renews: tt.renews,
			Renewal: "It is so."}}
		warnOfEnd(&s, now, now.Add(tt.forecast))
		switch {
		case tt.want == "" && len(s.Findings) > 0:
			t.Errorf("%s: %v", name, s.Findings)
		case tt.want != "" && (len(s.Findings) != 1 || s.Findings[0].Severity != fleet.SeverityWarning ||
			!strings.Contains(s.Findings[0].Message, tt.want)):
			t.Errorf("%s: got %+v, want %q", name, s.Findings, tt.want)
		}
	}
	var fixed fleet.SignIn
	if warnOfEnd(&fixed, now, now); len(fixed.Findings) > 0 {
		t.Errorf("an end that is not known: %v", fixed.Findings)
	}
}

func TestPreflightCode(t *testing.T) {
	t.Parallel()
	f := func(signIn fleet.Severity, states ...fleet.CheckState) *dryrun.Preflight {
		p := &dryrun.Preflight{SignIns: []fleet.SignIn{{}, {Findings: []fleet.Finding{{Severity: signIn}}}}}
		for _, s := range states {
			p.Subscriptions = append(p.Subscriptions,
				dryrun.PreflightSubscription{Checks: []fleet.Check{{State: fleet.CheckGood}, {State: s}}})
		}
		return p
	}
	for _, tt := range []struct {
		found *dryrun.Preflight
		want  fleet.ExitCode
	}{
		{f(fleet.SeverityWarning, fleet.CheckGood), fleet.ExitOK},
		{f(fleet.SeverityError, fleet.CheckGood), fleet.ExitSignIn},
		{f(fleet.SeverityWarning, fleet.CheckMissing, fleet.CheckGood), fleet.ExitInternal},
		{f(fleet.SeverityWarning, fleet.CheckWaiting, fleet.CheckSkipped), fleet.ExitInternal},
		{f(fleet.SeverityWarning, fleet.CheckMissing, fleet.CheckDenied), fleet.ExitSignIn},
	} {
		if got := preflightCode(tt.found); got != tt.want {
			t.Errorf("%+v gives %d, want %d", tt.found, got, tt.want)
		}
	}
}

// Never more than the limit at once, and all of them done at the end.
func TestTogether(t *testing.T) {
	t.Parallel()
	var running, most, done atomic.Int64
	full := make(chan struct{})
	together(3, 20, func(int) {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 3 && done.Load() == 0 {
			for range 1000 { // a fourth that may come has time to
				runtime.Gosched()
			}
			close(full) // the first three wait for each other: it is not one by one
		}
		<-full
		done.Add(1)
		running.Add(-1)
	})
	if most.Load() != 3 || done.Load() != 20 {
		t.Errorf("at most %d at once and %d done, want 3 and 20", most.Load(), done.Load())
	}
}

// A signal ends a preflight that waits for an answer.
func TestPreflightInterrupted(t *testing.T) {
	t.Parallel()
	interrupt := make(chan struct{})
	once := sync.OnceFunc(func() { close(interrupt) })
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once()
		<-r.Context().Done() // the client goes away
	}))
	t.Cleanup(web.Close)
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	inv := "apiVersion: fleetup/v1\ncloud: {serviceManagement: " + web.URL + ", resourceManager: " + web.URL +
		"}\nsubscriptions:\n" +
		"  - {id: 8f0c2a51-6d3e-4b7a-9c14-2e5d7f9a1b03, vaults: [{name: web, location: West US, resourceType: " +
		"BackupVault, targetResourceGroup: rg}]}\n"
	if err := os.WriteFile(file, []byte(inv), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	e := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, interrupt: interrupt}
	if code := e.run([]string{"fleetup", "preflight", file}); code != fleet.ExitInterrupted || out.Len() > 0 ||
		!strings.Contains(errs.String(), "nothing was started") {
		t.Errorf("exited %d\n%s%s", code, out.String(), errs.String())
	}
}
