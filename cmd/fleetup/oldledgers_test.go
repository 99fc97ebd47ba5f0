package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The ledgers and saved plans in testdata/ledgers were made by versions of the
// past, whose names their folders have. Every later one must read them, say the
// same of them and go on with them. README.md there says how they were made.

const oldLedgers = "testdata/ledgers"

// command is a command line and the exit code that it must have.
type command struct {
	args string
	code fleet.ExitCode
}

// goOn says of each old ledger how a later version goes on with it, what has
// become of its vaults then, and how many starts its cloud has accepted in all.
var goOn = map[string]struct {
	commands []command
	statuses string
	accepted int
}{
	"classic.db": {[]command{{"resume --yes", 0}},
		"dev/build excluded, dev/web upgraded, prod/agent-01 blocked, prod/files-01 upgraded, prod/old-01 already, " +
			"prod/sql-01 upgraded, prod/sql-02 failed", 4},
	"classic-halted.db": {[]command{{"resume --yes", 4}, {"resume --yes --accept-failures --reason known", 3}},
		"dev/build excluded, dev/web upgraded, prod/agent-01 blocked, prod/files-01 upgraded, prod/old-01 already, " +
			"prod/sql-01 upgraded, prod/sql-02 failed", 4},
	"classic-interrupted.db": {[]command{{"resume --yes", 0}},
		"prod/hang-01 upgraded, prod/late-01 upgraded, prod/late-02 upgraded, prod/lost-01 upgraded, prod/sql-01 " +
			"upgraded, prod/sql-02 upgraded", 6},
	"classic-gate.db": {[]command{{"resume --yes --exit-when-waiting", 5}, {"approve --wave canary --reason good", 0},
		{"resume --yes", 0}},
		"dev/web upgraded, prod/sql-01 upgraded, prod/sql-02 upgraded", 3},
	"classic-suspended.db": {[]command{{"resume --yes", 0}},
		"dev/web upgraded, prod/sql-01 upgraded, prod/sql-02 upgraded", 3},
	// What was re-opened starts once more; what was failed and put right does not.
	"classic-orders.db": {[]command{{"resume --yes", 0}, {"run classic-orders.yaml --yes", 0}},
		"dev/web already, prod/busy-01 upgraded, prod/held-01 upgraded, prod/lost-01 already, prod/slow-01 already, " +
			"prod/sql-01 already, prod/sql-02 upgraded", 8},
	"alerts.db": {[]command{{"resume --yes", 0}},
		"shop/rsv-01 upgraded, shop/rsv-02 failed, shop/rsv-03 upgraded, shop/rsv-done already, shop/rsv-locked " +
			"blocked", 3},
	"alerts-halted.db": {[]command{{"resume --yes", 4}, {"resume --yes --accept-failures --reason known", 3}},
		"shop/rsv-01 upgraded, shop/rsv-02 failed, shop/rsv-03 upgraded, shop/rsv-done already, shop/rsv-locked " +
			"blocked", 3},
	"alerts-interrupted.db": {[]command{{"resume --yes", 0}},
		"shop/rsv-01 upgraded, shop/rsv-02 upgraded, shop/rsv-hang upgraded, shop/rsv-late upgraded", 4},
	// A closed run's failures are carried into the next one.
	"alerts-closed.db": {[]command{{"resume --yes", 0}, {"run alerts-closed.yaml --yes", 3}},
		"shop/rsv-01 already, shop/rsv-02 failed, shop/rsv-03 failed, shop/rsv-04 upgraded", 4},
	"alerts-back.db": {[]command{{"resume --yes", 0}},
		"shop/rsv-01 upgraded, shop/rsv-02 already, shop/rsv-03 upgraded, shop/rsv-done excluded, shop/rsv-locked " +
			"excluded", 5},
	"kv.db": {[]command{{"resume --yes", 0}},
		"apps/kv-apps upgraded, apps/kv-done already, apps/kv-gone blocked, apps/kv-refused failed, apps/kv-web " +
			"upgraded", 2},
	"kv-halted.db": {[]command{{"resume --yes", 4}, {"resume --yes --accept-failures --reason known", 3}},
		"apps/kv-apps upgraded, apps/kv-done already, apps/kv-gone blocked, apps/kv-refused failed, apps/kv-web " +
			"upgraded", 2},
	"kv-interrupted.db": {[]command{{"resume --yes", 0}},
		"apps/kv-hang upgraded, apps/kv-late upgraded, apps/kv-lost upgraded", 3},
	"kv-back.db": {[]command{{"resume --yes", 0}},
		"apps/kv-apps upgraded, apps/kv-done excluded, apps/kv-gone excluded, apps/kv-refused already, apps/kv-web " +
			"upgraded", 4},
}

// TestOldLedgers: each ledger of the past reads as it did, holds against its own
// audit, and is finished without a start too many.
func TestOldLedgers(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, file := range inOld(t, "*.db.gz") {
		name := strings.TrimSuffix(filepath.Base(file), ".gz")
		found[name] = true
		t.Run(filepath.Base(filepath.Dir(file))+"/"+name, func(t *testing.T) {
			t.Parallel()
			want, ok := goOn[name]
			if !ok {
				t.Fatal("the test does not say how to go on with it")
			}
			dir := unpackOld(t, filepath.Dir(file), name)
			before := truthOf(t, dir, name)
			readsAsBefore(t, dir, name, gunzipped(t, filepath.Join(filepath.Dir(file), name+".said.gz")))
			readsInEveryFormat(t, dir, name)
			// The next night's dry run takes from it what has failed and how long things took.
			fleetupIn(t, dir, 0, "plan "+strings.TrimSuffix(strings.TrimSuffix(name,
				".db"), "-back")+".yaml --state "+name)

			for _, c := range want.commands {
				fleetupIn(t, dir, c.code, c.args+" --state "+name)
			}
			endedAs(t, dir, name, before, want.statuses, want.accepted)
			if out := fleetupIn(t, dir, 0, "audit verify --state "+name); !strings.HasPrefix(out, "GOOD: ") {
				t.Errorf("the audit says %s", out)
			}
			readsInEveryFormat(t, dir, name)
		})
	}
	for name := range goOn {
		if !found[name] {
			t.Errorf("there is no old ledger %s", name)
		}
	}
}

// TestOldPlans: each saved plan of the past runs, and ends as it did.
func TestOldPlans(t *testing.T) {
	t.Parallel()
	plans := inOld(t, "*.plan")
	if len(plans) < 5 {
		t.Fatalf("there are only %d saved plans", len(plans))
	}
	for _, file := range plans {
		name := strings.TrimSuffix(filepath.Base(file), ".plan")
		t.Run(filepath.Base(filepath.Dir(file))+"/"+name, func(t *testing.T) {
			t.Parallel()
			ledger := name + ".db"
			over, back := strings.CutSuffix(name, "-back")
			if back {
				ledger = over + ".db" // a way back goes over the ledger of the way there
			}
			dir := unpackOld(t, filepath.Dir(file), ledger)
			if !back { // a fresh ledger and a fresh cloud
				for _, f := range []string{ledger, ledger + ".emulator"} {
					if err := os.Remove(filepath.Join(dir, f)); err != nil {
						t.Fatal(err)
					}
				}
			}
			var before emulator.Summary
			if back {
				before = truthOf(t, dir, ledger)
			}
			data, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name+".plan"), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			fleetupIn(t, dir, 0, "permissions "+name+".plan")
			want, code := goOn[name+".db"], fleet.ExitFailures
			if back {
				code = fleet.ExitOK
			}
			fleetupIn(t, dir, code, "run "+name+".plan --yes --state "+ledger)
			endedAs(t, dir, ledger, before, want.statuses, want.accepted)
			fleetupIn(t, dir, 0, "audit verify --state "+ledger)
		})
	}
}

// inOld finds files of the versions' folders.
func inOld(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(oldLedgers, "*", pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unpackOld makes a folder with an old ledger, what its cloud remembers and the
// inventories, and returns it.
func unpackOld(t *testing.T, version, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(oldLedgers, "fleets"))); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{name, name + ".emulator"} {
		if err := os.WriteFile(filepath.Join(dir, f), gunzipped(t,
			filepath.Join(version, f+".gz")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func gunzipped(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fleetupIn runs a command as in the folder and returns its data, in which the
// folder is not named.
func fleetupIn(t *testing.T, dir string, want fleet.ExitCode, line string) string {
	t.Helper()
	var out, errs bytes.Buffer
	e := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, messages: os.Stderr,
		interrupt: make(chan struct{})}
	args := strings.Fields(line)
	for i, a := range args {
		if ext := filepath.Ext(a); ext == ".db" || ext == ".plan" || ext == ".yaml" {
			args[i] = filepath.Join(dir, a)
		}
	}
	if got := e.run(append([]string{"fleetup"}, args...)); got != want {
		t.Fatalf("fleetup %s: exit %d, want %d\n%s%s", line, got, want, &errs, &out)
	}
	return strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
}

// readsAsBefore holds what is said of a ledger now against what the version that
// made it said. said has the commands, each behind "-- fleetup … --", and their
// data.
func readsAsBefore(t *testing.T, dir, name string, said []byte) {
	t.Helper()
	parts := strings.Split("\n"+string(said), "\n-- fleetup ")[1:]
	if len(parts) < 8 {
		t.Fatalf("only %d commands were recorded", len(parts))
	}
	told := map[string]bool{}
	for _, part := range parts {
		line, before, ok := strings.Cut(part, " --\n")
		if !ok {
			t.Fatalf("no command: %q", part)
		}
		now := fleetupIn(t, dir, 0, line+" --state "+name)
		if line == "audit export" { // the journal itself: not a byte is another
			if strings.TrimSpace(now) != strings.TrimSpace(before) {
				t.Errorf("fleetup %s is not what it was", line)
			}
			continue
		}
		for _, d := range lacks(line, decoded(t, before), decoded(t, now)) {
			at := slices.IndexFunc(otherwise[name], func(s string) bool { return strings.Contains(d, " -o json."+s) })
			if at < 0 {
				t.Errorf("fleetup %s", d)
				continue
			}
			told[otherwise[name][at]] = true
		}
	}
	for _, s := range otherwise[name] {
		if !told[s] {
			t.Errorf("%s is told as it was: it is no exception", s)
		}
	}
}

// otherwise are the fields of a ledger that are told otherwise now, because what was
// told was wrong: a vault that was re-opened when its run was over was still said to
// need a message to support, and to have failed once more when it was re-opened. And what
// to type next in a run that is over was the report alone, whatever its page said.
var otherwise = map[string][]string{
	"classic-orders.db": {"actions", "next", "timeline.entries", "supportMessage"},
	"classic.db":        {"next"},
	"alerts.db":         {"next"},
	"alerts-back.db":    {"next"},
	"alerts-closed.db":  {"next"},
	"kv.db":             {"next"},
}

func decoded(t *testing.T, data string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("%v in %.200s", err, data)
	}
	return v
}

// sentences are the keys under which people's words stand: a later version may
// find better ones, and may not be silent.
var sentences = []string{"action", "body", "checklist", "detail", "items", "lines", "message", "reason", "sentence",
	"subject", "text", "title", "what", "why", "command"}

// clocked are the keys whose values follow the clock of whoever reads.
var clocked = []string{"generatedAt", "expectedEnd"}

// lacks tells what of the values before is not there, or is another, now. What is
// there besides is no difference: data may gain fields.
func lacks(at string, before, now any) []string {
	switch before := before.(type) {
	case map[string]any:
		now, ok := now.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: was an object", at)}
		}
		var all []string
		for _, k := range slices.Sorted(maps.Keys(before)) {
			v, ok := now[k]
			switch {
			case !ok:
				all = append(all, fmt.Sprintf("%s.%s is gone", at, k))
			case slices.Contains(clocked, k):
			case slices.Contains(sentences, k) && !isRecord(before[k]):
				if saysNothing(v) && !saysNothing(before[k]) {
					all = append(all, fmt.Sprintf("%s.%s says nothing, and said %v", at, k, before[k]))
				}
			case k == "story":
				// The history of a vault has what was done to it before it was put back, too.
				was, _ := before[k].([]any)
				if is, ok := v.([]any); ok && len(is) > len(was) {
					v = is[len(is)-len(was):]
				}
				all = append(all, lacks(at+"."+k, before[k], v)...)
			default:
				all = append(all, lacks(at+"."+k, before[k], v)...)
			}
		}
		return all
	case []any:
		now, ok := now.([]any)
		if !ok || len(now) != len(before) {
			return []string{fmt.Sprintf("%s: has %d elements, had %d", at, len(now), len(before))}
		}
		var all []string
		for i := range before {
			all = append(all, lacks(fmt.Sprintf("%s[%d]", at, i), before[i], now[i])...)
		}
		return all
	}
	if !reflect.DeepEqual(before, now) {
		return []string{fmt.Sprintf("%s: is %v, was %v", at, now, before)}
	}
	return nil
}

func isRecord(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

func saysNothing(v any) bool {
	list, _ := v.([]any)
	return v == nil || v == "" || list != nil && len(list) == 0
}

// vaultView is what the test reads of a vault in status -o json.
type vaultView struct {
	Vault  string `json:"vault"`
	Status string `json:"status"`
}

func vaultsIn(t *testing.T, dir, name string) []vaultView {
	t.Helper()
	var view struct {
		Vaults []vaultView `json:"vaults"`
	}
	if err := json.Unmarshal([]byte(fleetupIn(t, dir, 0, "status -o json --state "+name)), &view); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(view.Vaults, func(a, b vaultView) int { return cmp.Compare(a.Vault, b.Vault) })
	return view.Vaults
}

func statusesIn(t *testing.T, dir, name string) string {
	t.Helper()
	var all []string
	for _, v := range vaultsIn(t, dir, name) {
		all = append(all, v.Vault+" "+v.Status)
	}
	return strings.Join(all, ", ")
}

// readsInEveryFormat: every format is sound and names every vault with its status,
// or, where it is for people, the run.
func readsInEveryFormat(t *testing.T, dir, name string) {
	t.Helper()
	vaults := vaultsIn(t, dir, name)
	var runs struct {
		Runs []struct {
			ID string `json:"id"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(fleetupIn(t, dir, 0, "runs -o json --state "+name)), &runs); err != nil ||
		len(runs.Runs) == 0 {
		t.Fatalf("runs: %v, %v", runs, err)
	}
	var ids []string
	for _, r := range runs.Runs {
		ids = append(ids, r.ID)
	}
	for _, line := range []string{"status", "status -o markdown", "report", "report -o markdown", "report -o html"} {
		out := fleetupIn(t, dir, 0, line+" --state "+name)
		if !slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(out, id) }) {
			t.Errorf("fleetup %s names none of the runs %q:\n%s", line, ids, out)
		}
	}
	if out := fleetupIn(t, dir, 0, "runs --state "+name); slices.ContainsFunc(ids,
		func(id string) bool { return !strings.Contains(out, id) }) {
		t.Errorf("fleetup runs names not all of %q:\n%s", ids, out)
	}
	for _, line := range []string{"status -o csv", "report -o csv"} {
		rows, err := csv.NewReader(strings.NewReader(fleetupIn(t, dir, 0, line+" --state "+name))).ReadAll()
		if err != nil || len(rows) != len(vaults)+1 {
			t.Errorf("fleetup %s: %d rows of %d vaults, %v", line, len(rows), len(vaults), err)
			continue
		}
		for _, v := range vaults {
			_, short, _ := strings.Cut(v.Vault, "/")
			if !slices.ContainsFunc(rows,
				func(r []string) bool { return slices.Contains(r, short) && slices.Contains(r, v.Status) }) {
				t.Errorf("fleetup %s has no %s that is %s", line, v.Vault, v.Status)
			}
		}
	}
	for _, line := range []string{"status -o jsonl", "report -o jsonl"} {
		n := 0
		for row := range strings.Lines(fleetupIn(t, dir, 0, line+" --state "+name)) {
			var v vaultView
			if err := json.Unmarshal([]byte(row), &v); err != nil || !slices.Contains(vaults, v) {
				t.Errorf("fleetup %s: %v in %s", line, err, row)
			}
			n++
		}
		if n != len(vaults) {
			t.Errorf("fleetup %s has %d of %d vaults", line, n, len(vaults))
		}
	}
	var junit struct {
		Suites []struct {
			Cases []struct {
				Name string `xml:"name,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	cases := 0
	if err := xml.Unmarshal([]byte(fleetupIn(t, dir, 0, "report -o junit --state "+name)), &junit); err != nil {
		t.Errorf("fleetup report -o junit: %v", err)
	}
	for _, s := range junit.Suites {
		cases += len(s.Cases)
	}
	if cases != len(vaults) {
		t.Errorf("fleetup report -o junit has %d cases of %d vaults", cases, len(vaults))
	}
	for _, v := range vaults {
		if out := fleetupIn(t, dir, 0, "show "+v.Vault+" --state "+name); !strings.Contains(out, v.Vault) {
			t.Errorf("fleetup show %s does not name it:\n%s", v.Vault, out)
		}
	}
}

// truthOf is what a ledger's cloud knows.
func truthOf(t *testing.T, dir, ledger string) emulator.Summary {
	t.Helper()
	c, err := emulator.Reopen(filepath.Join(dir, ledger+".emulator"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return c.Summary()
}

// endedAs: the vaults are as they are to be, the cloud has accepted so many starts in
// all, none twice, and of each vault one at most since before.
//
// The plans of the past wait a second or less for a start's answer. On a machine that
// is too busy for that the answer is lost, and a vault may honestly end as unknown, or
// be sent again once it is proved that nothing was accepted: such a vault is held to
// the promises alone.
func endedAs(t *testing.T, dir, ledger string, before emulator.Summary, statuses string, accepted int) {
	t.Helper()
	s := truthOf(t, dir, ledger)
	if s.SentAgain != 0 || s.Mistakes != 0 {
		t.Errorf("%d starts were sent again; %d mistakes %q", s.SentAgain, s.Mistakes, s.MistakeList)
	}
	was := startsOf(&before)
	for vault, n := range startsOf(&s) {
		if n > was[vault]+1 {
			t.Errorf("%d starts of %s were accepted, %d of them before", n, vault, was[vault])
		}
	}
	late := answeredTooLate(t, dir, ledger)
	if len(late) == 0 {
		if got := statusesIn(t, dir, ledger); got != statuses {
			t.Errorf("the vaults are\n%s, want\n%s", got, statuses)
		}
		if s.Accepted != accepted {
			t.Errorf("%d starts were accepted, want %d", s.Accepted, accepted)
		}
		return
	}
	t.Logf("this machine was too busy to answer the starts of %q in time", late)
	for _, v := range vaultsIn(t, dir, ledger) {
		if !slices.Contains(late, v.Vault) && !strings.Contains(statuses+",", v.Vault+" "+v.Status+",") {
			t.Errorf("%s is %s, want\n%s", v.Vault, v.Status, statuses)
		}
	}
}

// startsOf counts the starts that a cloud has accepted, by vault.
func startsOf(s *emulator.Summary) map[string]int {
	all := map[string]int{}
	for _, v := range s.Vaults {
		all[v.SubscriptionName+"/"+v.Name] = v.Accepted
	}
	for _, r := range s.Resources {
		all[r.SubscriptionName+"/"+r.Name] = r.Accepted
	}
	return all
}

// answeredTooLate are the vaults of which this process, and not the one that
// made the ledger, waited for a start's answer in vain.
func answeredTooLate(t *testing.T, dir, ledger string) (vaults []string) {
	t.Helper()
	for line := range strings.Lines(fleetupIn(t, dir, 0, "audit export --state "+ledger)) {
		var e struct {
			Fact  string `json:"fact"`
			Vault string `json:"vault"`
			Who   struct {
				PID int `json:"pid"`
			} `json:"who"`
			Data struct {
				Data fleet.StartAnswered `json:"data"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if e.Fact == (fleet.StartAnswered{}).Name() && e.Who.PID == os.Getpid() &&
			strings.Contains(e.Data.Data.Answer.Message, "deadline exceeded") {
			vaults = append(vaults, e.Vault)
		}
	}
	return vaults
}
