package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Of a journal that does not verify a person is shown what comes before its first
// fault, with a warning and exit 1; a program gets nothing, and nothing is started.
func TestABrokenJournalIsShownAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	inv := strings.TrimSuffix(path, ".db") + ".yaml"
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// In every copy of it that bbolt left behind: the newest start's answer.
	at := bytes.LastIndex(whole, []byte(`"StartAnswered"`))
	if at < 0 {
		t.Fatal("no answer is to be found")
	}
	broken := bytes.ReplaceAll(whole, whole[at:at+80], bytes.Replace(whole[at:at+80], []byte("Answered"), []byte("Answexed"), 1))
	if err := os.WriteFile(path, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"status"}, {"report"}, {"show", "prod/sql-02"}} {
		code, stdout, stderr := try(t, append(args, "--state", path)...)
		stderr = strings.ReplaceAll(stderr, "\n  ", " ")
		if code != fleet.ExitInternal || !strings.Contains(stdout, "sql-02") && args[0] != "status" || len(stdout) < 200 {
			t.Errorf("%v exited %d and shows %q\n%s", args, code, stdout, stderr)
		}
		for _, says := range []string{"does not verify", "does not carry the hash", "audit verify --state"} {
			if !strings.Contains(stderr, says) {
				t.Errorf("%v does not say %q: %s", args, says, stderr)
			}
		}
		if code, stdout, _ := try(t, append(args, "--state", path, "-o", "json")...); code != fleet.ExitInternal || stdout != "" {
			t.Errorf("%v for a program exited %d with %q", args, code, stdout)
		}
	}
	for _, args := range [][]string{{"run", inv, "--yes"}, {"resume", "--yes"}, {"reopen", "prod/sql-02", "--reason", "r"}, {"refresh"}} {
		if code, _, stderr := try(t, append(args, "--state", path)...); code != fleet.ExitInternal || !strings.Contains(strings.ReplaceAll(stderr, "\n  ", " "), "Nothing was started") {
			t.Errorf("%v exited %d: %s", args, code, stderr)
		}
	}
}
