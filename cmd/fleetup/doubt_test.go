package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// Of a journal that does not verify a person is shown what comes before its first
// fault, with a warning and exit 1; a program gets nothing, and nothing is started.
func TestABrokenJournalIsShownAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	path := auditedLedger(t)
	inv := strings.TrimSuffix(path, ".db") + ".yaml"
	tamper(t, path, in("events", func(b *bbolt.Bucket) error { // the newest start's answer
		c := b.Cursor()
		for k, v := c.Last(); k != nil; k, v = c.Prev() {
			if bytes.Contains(v, []byte(`"StartAnswered"`)) {
				return b.Put(k, bytes.Replace(v, []byte("Answered"), []byte("Answexed"), 1))
			}
		}
		return errors.New("no answer is to be found")
	}))
	for _, args := range [][]string{{"status"}, {"report"}, {"show", "prod/sql-02"}} {
		code, stdout, stderr := try(t, append(args, "--state", path)...)
		stderr = strings.ReplaceAll(stderr, "\n  ", " ")
		if code != fleet.ExitInternal || !strings.Contains(stdout, "sql-02") && args[0] != "status" ||
			len(stdout) < 200 {
			t.Errorf("%v exited %d and shows %q\n%s", args, code, stdout, stderr)
		}
		for _, says := range []string{"does not verify", "does not carry the hash", "audit verify --state"} {
			if !strings.Contains(stderr, says) {
				t.Errorf("%v does not say %q: %s", args, says, stderr)
			}
		}
		if code, stdout, _ := try(t, append(args, "--state", path, "-o", "json")...); code != fleet.ExitInternal ||
			stdout != "" {
			t.Errorf("%v for a program exited %d with %q", args, code, stdout)
		}
	}
	for _, args := range [][]string{{"run", inv, "--yes"}, {"resume", "--yes"},
		{"reopen", "prod/sql-02", "--reason", "r"}, {"refresh"}} {
		if code, _, stderr := try(t, append(args, "--state", path)...); code != fleet.ExitInternal ||
			!strings.Contains(strings.ReplaceAll(stderr, "\n  ", " "), "Nothing was started") {
			t.Errorf("%v exited %d: %s", args, code, stderr)
		}
	}
}
