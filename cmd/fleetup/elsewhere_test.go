package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestARunOfAnEngine: of a run that an engine carries out the ledger alone does not say
// whether it goes on. While nobody keeps it nothing is written to it and the run is not
// gone on with, unless a person says that its workflow has ended; nor is either advised.
func TestARunOfAnEngine(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "slow.db")
	lock, l := begunBy(t, db, fleet.EngineTemporal)
	l.Close()
	lock.Close()

	code, page, errs := try(t, "status", "--state", db)
	if code != 0 || strings.Contains(page, "if the run is resumed") ||
		!strings.Contains(page, "fleetup status --watch --state "+db) || strings.Contains(page, "fleetup resume") {
		t.Errorf("status exits %d: %s%s", code, page, errs)
	}
	if code, page, errs := try(t, "report", "--state", db); code != 0 ||
		!strings.Contains(page, "fleetup-temporal carries it out and may go on") {
		t.Errorf("report exits %d: %s%s", code, page, errs)
	}
	// Nor does anything say that its process is gone.
	for _, args := range [][]string{{"status"}, {"report"}, {"show", "dev/web"}} {
		code, page, errs := try(t, append(args, "--state", db)...)
		if code != 0 || strings.Contains(page, "process ended") || strings.Contains(page, "deferred") {
			t.Errorf("%q exits %d: %s%s", args, code, page, errs)
		}
	}
	for _, args := range [][]string{
		{"resume", "--yes"},
		{"hold", "dev/web", "--reason", "a restore"},
		{"pause", "--reason", "a restore"},
		{"stop", "--close", "--reason", "a restore"},
		{"refresh"},
	} {
		code, _, errs := try(t, append(args, "--state", db)...)
		if code != fleet.ExitInUse || !strings.Contains(errs, "two would decide") ||
			!strings.Contains(errs, "fleetup-temporal resume --yes --ledger slow") ||
			!strings.Contains(errs, "fleetup resume --take-over --reason TEXT --state "+db) {
			t.Errorf("%q exits %d: %s", args, code, errs)
		}
	}
	// Who says that says why, as of everything that a person decides.
	if code, _, errs := try(t, "resume", "--take-over", "--yes", "--state", db); code != fleet.ExitUsage ||
		!strings.Contains(errs, "--take-over needs a --reason: the journal keeps it") {
		t.Errorf("taken over without a reason it exits %d: %s", code, errs)
	}
	if code, page, errs := try(t, "resume", "--take-over", "--reason", "its server is lost", "--yes", "--state",
		db); code != 0 ||
		!strings.Contains(page, "FINISHED: all 5") && !strings.Contains(page, "FINISHED: 5 of 5") {
		t.Errorf("taken over it exits %d: %s%s", code, page, errs)
	}
	for _, args := range [][]string{{"report"}, {"audit", "export"}} {
		if code, page, errs := try(t, append(args, "--state", db)...); code != 0 ||
			!strings.Contains(page, "its server is lost") || !strings.Contains(page, "took the run over") &&
			!strings.Contains(page, "taken over from fleetup-temporal") {
			t.Errorf("%q exits %d and does not say who took it over: %s%s", args, code, page, errs)
		}
	}
}

// TestAnEngineOfAnyName: whichever engine the ledger names, and however the name would
// look on a terminal, it may go on with the run: nothing is written without a person's
// word, and the name is not shown.
func TestAnEngineOfAnyName(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"Temporal", "fleetup", "\x1b[2J\u202efleetup-temporal"} {
		db := filepath.Join(t.TempDir(), "slow.db")
		lock, l := begunBy(t, db, engine)
		l.Close()
		lock.Close()
		for _, args := range [][]string{{"resume", "--yes"}, {"status"}, {"report"}, {"runs"}} {
			code, page, errs := try(t, append(args, "--state", db)...)
			if code != 0 && code != fleet.ExitInUse || args[0] == "resume" && code != fleet.ExitInUse {
				t.Errorf("%q: %q exits %d: %s%s", engine, args, code, page, errs)
			}
			if strings.ContainsAny(page+errs, "\x1b\u202e") {
				t.Errorf("%q: %q shows the name: %q", engine, args, page+errs)
			}
		}
	}
}

// One that was halted has left: it does not go on by itself, and is resumed where it was
// carried out.
func TestAHaltedRunOfAnEngine(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "slow.db")
	lock, l := begunBy(t, db, fleet.EngineTemporal)
	halted := fleet.Event{At: session.Now(), Fact: fleet.RunHalted{Scope: "run", Failures: 1}}
	if err := l.Commit([]fleet.Event{halted}, nil); err != nil {
		t.Fatal(err)
	}
	l.Close()
	lock.Close()
	code, page, errs := try(t, "status", "--state", db)
	if code != 0 || strings.Contains(page, "may go on") || !strings.Contains(page, "HALTED") ||
		!strings.Contains(page, "fleetup-temporal resume --accept-failures") {
		t.Errorf("status exits %d: %s%s", code, page, errs)
	}
	if code, _, errs := try(t, "resume", "--accept-failures", "--reason", "looked at", "--yes", "--state",
		db); code != fleet.ExitInUse ||
		!strings.Contains(errs, "fleetup-temporal resume --accept-failures --reason TEXT --yes --ledger slow") {
		t.Errorf("the resume exits %d: %s", code, errs)
	}
}
