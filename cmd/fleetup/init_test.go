package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/session"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

// TestKindStarters: each kind's inventory to start from is good as it stands, warns of
// nothing, and is of that kind; and each kind says what is known of it.
func TestKindStarters(t *testing.T) {
	t.Parallel()
	for _, s := range forwardKinds() {
		path := filepath.Join(t.TempDir(), "fleet.yaml")
		if code, out, errs := try(t, "kinds", string(s.Kind), "--out", path); code != fleet.ExitOK || out != "" ||
			!strings.Contains(errs, "Next: fleetup plan ") {
			t.Errorf("%s: exit %d\n%s%s", s.Kind, code, out, errs)
			continue
		}
		if code, out, errs := try(t, "inventory", "lint", path); code != fleet.ExitOK {
			t.Errorf("%s: lint: exit %d\n%s%s", s.Kind, code, out, errs)
		}
		if code, out, errs := try(t, "plan", path); code != fleet.ExitOK || !strings.Contains(out, string(s.Kind)) {
			t.Errorf("%s: plan: exit %d\n%s%s", s.Kind, code, out, errs)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		emulated := filepath.Join(t.TempDir(), "emulated.yaml")
		text = bytes.Replace(text, []byte("cloud: AzurePublic"), []byte("cloud: Emulator"), 1)
		if err := os.WriteFile(emulated, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := try(t, "plan", emulated, "--validate"); code != fleet.ExitOK {
			t.Errorf("%s: plan --validate on the emulator: exit %d\n%s%s", s.Kind, code, out, errs)
		}
		p, warnings, err := inventory.Check(path, session.Now(), session.CurrentKinds()...)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, %v", s.Kind, err, warnings)
			continue
		}
		if kind := strings.TrimSuffix(string(p.Kind), "-cost-centre"); kind != string(s.Kind) ||
			len(p.Waves) != 2 || p.Waves[0].Approval == nil {
			t.Errorf("%s: the plan is of kind %s, with waves %+v", s.Kind, p.Kind, p.Waves)
		}
		if s.Known.Says == "" ||
			s.Known.Basis != fleet.ProvenanceRecorded && s.Known.Basis != fleet.ProvenanceSpecified {
			t.Errorf("%s does not say what is known of it: %+v", s.Kind, s.Known)
		}
		if s.Written == nil && !strings.Contains(s.Known.Says, "Azure/azure-") {
			t.Errorf("%s does not say where what is known of it is published: %s", s.Kind, s.Known.Says)
		}
	}
}

// TestInitByFlags: what is found is written with waves and a window, plans as it stands,
// and nothing that is there is written over.
func TestInitByFlags(t *testing.T) {
	t.Parallel()
	_, cloud := served(t, todaysEstate(), nil)
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	args := append([]string{"init", "--kind", "rsv-alerts", "--management-group", "root", "--window",
		"Mon-Fri 22:00-06:00 Europe/London", "--care", "careful", "--out", file}, cloud...)
	code, _, errs := try(t, args...)
	if code != fleet.ExitOK || !strings.Contains(errs, "3 vaults in 2 subscriptions") ||
		!strings.HasSuffix(strings.TrimSpace(errs), "Next: fleetup plan "+file) {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"upgrade: {kind: rsv-alerts}",
		"- {name: first, size: 1, maxFailures: 0, approval: after}",
		"failureBudget: 1%", "limits: {upgrades: 5, perSubscription: 2}",
		`- {days: [Mon, Tue, Wed, Thu, Fri], start: "22:00", end: "06:00", timezone: "Europe/London"}`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it has no %s:\n%s", want, text)
		}
	}
	if code, out, errs := try(t, "plan", file); code != fleet.ExitOK {
		t.Errorf("its plan: exit %d\n%s%s", code, out, errs)
	}
	if code, _, errs := try(t, args...); code != fleet.ExitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("once more: exit %d\n%s", code, errs)
	}
	if code, _, errs := try(t, append(args, "--overwrite")...); code != fleet.ExitOK {
		t.Errorf("--overwrite: exit %d\n%s", code, errs)
	}
	none := filepath.Join(t.TempDir(), "none.yaml")
	code, _, errs = try(t, append([]string{"init", "--kind", "dp-alerts", "--subscription", subLab, "--window", "any",
		"--care", "fast", "--out", none}, cloud...)...)
	if _, err := os.Stat(none); code != fleet.ExitUsage || err == nil ||
		!strings.Contains(errs, "there is no vault for dp-alerts in 1 subscription; nothing was written") {
		t.Errorf("of no vaults: exit %d, %v\n%s", code, err, errs)
	}
}

// lines answers questions: each read is one line, as a terminal hands it over.
type lines []string

func (l *lines) Read(p []byte) (int, error) {
	if len(*l) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*l)[0]+"\n")
	*l = (*l)[1:]
	return n, nil
}

// TestInitAsks: on a terminal the questions that no flag answers are asked, a wrong answer
// is told and asked for again, and an empty one is the usual.
func TestInitAsks(t *testing.T) {
	t.Parallel()
	_, cloud := served(t, todaysEstate(), nil)
	for name, c := range map[string]struct {
		flags   []string
		answers lines
		code    fleet.ExitCode
		says    []string
		writes  []string
	}{
		"all four": {nil, lines{"rsv-alert", "rsv-alerts", "root " + subLab, subLab + ", " + subShop, "Mon 22-06",
			"Sat 00:00-06:00 UTC", "reckless", "fast"}, fleet.ExitOK,
			[]string{`there is no upgrade kind "rsv-alert"; did you mean rsv-alerts?`,
				"subscriptions or management groups, not both", "start must be a time of day",
				`invalid value "reckless" for --care; valid: careful, balanced, fast`, "Next: fleetup plan "},
			[]string{"kind: rsv-alerts", "timezone: UTC", "limits: {upgrades: 50"}},
		"the usual": {[]string{"--kind", "rsv-alerts"}, lines{subLab, "", ""}, fleet.ExitOK,
			[]string{"Window [any]:", "Care [balanced]:"}, []string{"# Without windows", "limits: {upgrades: 20"}},
		"for ever": {[]string{"--kind", "rsv-immutability-lock", "--window", "any"}, lines{"root", ""}, fleet.ExitOK,
			[]string{"Care [careful]:"}, []string{"limits: {upgrades: 5"}},
		"classic in a management group": {[]string{"--kind", "classic"}, lines{"root"}, fleet.ExitUsage,
			[]string{"classic vaults are found by subscription: give its ID, a GUID"}, nil},
		"no answer": {nil, lines{"", "", "", "", ""}, fleet.ExitUsage,
			[]string{"an answer is needed", "Next: fleetup help init"}, nil},
		"a patch": {nil, lines{"patch", "rollback"}, fleet.ExitUsage,
			[]string{"--kind patch: what the patch is"}, nil},
		"wrong flag": {[]string{"--window", "x"}, nil, fleet.ExitUsage, []string{`"x" is no window`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "fleet.yaml")
			var errs bytes.Buffer
			e := &environment{stdin: &c.answers, stdout: io.Discard, stderr: &errs, messages: os.Stderr, terminal: true,
				interrupt: make(chan struct{})}
			code := e.run(append(append([]string{"fleetup", "init", "--out", file}, cloud...), c.flags...))
			text, _ := os.ReadFile(file)
			if code != c.code || (len(text) > 0) != (code == fleet.ExitOK) {
				t.Errorf("exit %d, %d bytes written\n%s", code, len(text), errs.String())
			}
			for _, want := range c.says {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, errs.String())
				}
			}
			for _, want := range c.writes {
				if !strings.Contains(string(text), want) {
					t.Errorf("it does not write %q:\n%s", want, text)
				}
			}
		})
	}
}
