package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// hostileNames are what somebody may call a thing: each does something, where
// it is printed as it came.
var hostileNames = []string{
	"\x1b[2J\x1b]0;owned\x07", "a\u009b31mb", "gpj\u202e.exe\u2066", "\u200b\ufeffinvisible",
	"line\nFAILED prod/other  do not retry", "carriage\rreturn",
	"tab\there", "\u2028separator\u2029", "tag\U000e0041", "=HYPERLINK(\"http://x\")", "+1+1",
	"a;=HYPERLINK(1);\"@x\"; -2", "-2+3", "@SUM(A1)", "a|b`c`<script>alert(1)</script>",
	"[link](http://x) *bold* _it_ ![i](x)", "\x7fdel", "'; rm -rf ~; '", "$(id) `id`", "%s%d%n", "&amp;<!--", "normal",
}

// quoted is a string as YAML holds it, whatever is in it.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r >= 0x7f:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// harmless demands that an output does nothing but show itself.
func harmless(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%s is no UTF-8", what)
	}
	s = strings.ReplaceAll(s, "\r\n", "\n") // of a CSV's lines
	for i, r := range s {
		if r != '\n' && (unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) ||
			unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d') {
			t.Errorf("%s holds %U: %q", what, r, s[max(0, i-60):min(len(s), i+40)])
			return
		}
	}
	for line := range strings.Lines(s) {
		if strings.HasPrefix(line, "FAILED prod/other") {
			t.Errorf("%s holds a line that a name made: %q", what, line)
		}
	}
}

// harmlessCells demands that no cell of a CSV is a formula, and none that a reader
// makes who parts cells at semicolons.
func harmlessCells(t *testing.T, what, s string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s is no CSV: %v\n%s", what, err, s)
	}
	for _, row := range rows {
		for _, cell := range row {
			for part := range strings.SplitSeq(cell, ";") {
				if part = strings.TrimLeft(part, ` "`); part != "" &&
					strings.ContainsRune("=+-@\t\r\n", rune(part[0])) {
					t.Errorf("%s has a formula: %q", what, cell)
				}
			}
		}
	}
}

// harmlessMarkdown demands that nothing of a name is markup.
func harmlessMarkdown(t *testing.T, what, s string) {
	t.Helper()
	fenced := false
	for line := range strings.Lines(s) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if !fenced && (strings.Contains(line, "<script") || strings.Contains(line, "[link](") ||
			strings.Contains(line, "![i](")) && !strings.Contains(line, "`fleetup") {
			t.Errorf("%s holds markup: %q", what, line)
		}
	}
}

// One table of names through every place of an inventory and every output: the
// plan, the checks, a run's lines, status, report, and the errors of commands.
func TestHostileNamesAreShownAndDoNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var inv strings.Builder
	fmt.Fprintf(&inv, "apiVersion: fleetup/v1\ncloud: Emulator\nemulator: {scenario: scenario.yaml}\n"+
		"defaults: {location: Australia East, resourceType: BackupVault, targetResourceGroup: "+
		"rg-vaults}\nsubscriptions:\n")
	// An inventory takes nothing that could steer a terminal; the rest it takes.
	planned := slices.DeleteFunc(slices.Clone(hostileNames), func(s string) bool { return lexicon.Clean(s) != s })
	for i, name := range planned {
		// a slash parts the names of vaults
		fmt.Fprintf(&inv, "  - id: %08x-5283-4f0a-baf6-49412f5ebefe\n    name: %s\n    labels: {k: %s}\n    vaults:\n",
			i+1, quoted(strings.ReplaceAll(name, "/", "")), quoted(name))
		fmt.Fprintf(&inv, "      - {name: good, labels: {l: %s}}\n      - {name: held, hold: %s}\n", quoted(name),
			quoted(name))
	}
	inv.WriteString("waves:\n")
	for i, name := range planned[:4] {
		fmt.Fprintf(&inv, "  - {name: %s, match: {k: %s}}\n", quoted(fmt.Sprint(i, name)), quoted(name))
	}
	inv.WriteString("  - {name: rest}\nfailureBudget: 50\ntimings: {poll: 30ms, busyRetry: 50ms, busyDeadline: 1s, " +
		"reconcileGrace: 50ms, reconcileDeadline: 1s}\nlimits: {upgrades: 50, perSubscription: 5, requestsPerSecond: " +
		"500}\n")
	file, db := filepath.Join(dir, "fleet.yaml"), filepath.Join(dir, "fl\x1b[31met.db")
	scenario := "timeScale: 60000\nduration: {constant: 15m}\nfaults:\n  - {kind: fails, rate: 0.5, for: 5m, code: " +
		quoted("=Code\x1b") + ", message: " + quoted(hostileNames[0]+hostileNames[2]+hostileNames[4]) + "}\n"
	for name, data := range map[string]string{file: inv.String(), filepath.Join(dir, "scenario.yaml"): scenario} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shows := false
	see := func(args ...string) (stdout, stderr string) {
		t.Helper()
		_, stdout, stderr = try(t, args...)
		what := lexicon.Clean(strings.Join(args, " "))
		harmless(t, "stdout of "+what, stdout)
		harmless(t, "stderr of "+what, stderr)
		shows = shows || strings.Contains(stdout, "HYPERLINK")
		return stdout, stderr
	}
	every := func(args ...string) {
		t.Helper()
		see(append(args, "-o", "table")...)
		out, errs := see(append(args, "-o", "json")...)
		if !json.Valid([]byte(out)) {
			t.Errorf("%v -o json is none: %.300s\n%s", args, out, errs)
		}
		out, _ = see(append(args, "-o", "jsonl")...)
		for line := range strings.Lines(out) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%v -o jsonl has the line %q", args, line)
			}
		}
		out, _ = see(append(args, "-o", "csv")...)
		harmlessCells(t, fmt.Sprint(args), out)
		out, _ = see(append(args, "-o", "markdown")...)
		harmlessMarkdown(t, fmt.Sprint(args), out)
	}
	every("plan", file)
	see("plan", file, "--details", "--change", hostileNames[0]+hostileNames[4])
	every("validate", file)
	see("preflight", file, "--details")
	see("preflight", file, "-o", "json")
	see("permissions", file, "-o", "table")
	_, lines := see("run", file, "--yes", "--state", db)
	if !strings.Contains(lines, "FAILED") || !strings.Contains(lines, "upgraded") {
		t.Errorf("the run did not both fail and upgrade:\n%s", lines)
	}
	every("status", "--state", db)
	every("report", "--state", db)
	see("audit", "export", "--state", db)
	see("audit", "verify", "--state", db)
	if !shows {
		t.Error("no output shows the names at all")
	}

	// The errors, for people and for programs.
	for _, bad := range hostileNames {
		for _, args := range [][]string{
			{bad}, {"plan", filepath.Join(dir, "no"+bad)}, {"plan", file, "-o", bad},
			{"plan", file, "--credential", bad}, {"plan", file, "--what-if", bad},
			{"status", "--state", filepath.Join(dir, "no"+bad)}, {"reopen", bad, "--state", db, "--reason", bad},
			{"reopen", strings.ReplaceAll(bad, "/", "") + "/good", "--state", db, "--reason", bad},
			{"approve", "--state", db, "--wave", bad, "--reason", bad}, {"resume", "--state", db, bad},
			{"plan", file, "--" + bad}, {"audit", "verify", "--state", db, "--head", bad},
		} {
			see(args...)
			if _, errs := see(append(args, "-o", "json")...); strings.HasPrefix(errs, "{") &&
				!json.Valid([]byte(errs)) {
				t.Errorf("%q: an error that is no JSON: %s", args, errs)
			}
		}
		broken := filepath.Join(dir, "broken.yaml")
		text := "apiVersion: fleetup/v1\ncloud: {serviceManagement: " + quoted(bad) + ", resourceManager: " +
			quoted("https://u:"+bad+"@h/?sig="+bad) + "}\n" +
			quoted("key"+bad) + ": 1\nsubscriptions: [{id: " + quoted(bad) + ", vaults: [{name: " + quoted(bad) +
			", location: " + quoted(bad) + ", resourceType: " + quoted(bad) +
			", targetResourceGroup: " + quoted(bad) + "}]}]\n"
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		see("inventory", "lint", broken)
		see("inventory", "lint", broken, "-o", "json")
	}
}
