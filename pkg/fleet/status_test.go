package fleet

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestMoves holds the table of design.md#a-vaults-life, written out once more. What is not
// in it is illegal.
func TestMoves(t *testing.T) {
	t.Parallel()
	legal := map[Status]string{
		Pending:    "validating excluded failed",
		Validating: "ready blocked busy already unknown upgrading pending failed excluded",
		Busy:       "validating blocked excluded",
		Ready:      "validating starting blocked already excluded",
		Starting:   "upgrading upgraded failed blocked busy ready unknown",
		Upgrading:  "upgraded failed unknown already blocked",
		Unknown:    "upgrading upgraded failed ready pending already",
		Failed:     "pending upgraded already",
		Blocked:    "pending",
		Excluded:   "pending",
		Already:    "",
		Upgraded:   "",
		Deferred:   "",
	}
	for _, from := range Statuses() {
		words, ok := legal[from]
		if !ok {
			t.Errorf("status %s is not in the table", from)
		}
		for _, to := range Statuses() {
			want := from == to || slices.Contains(strings.Fields(words), string(to))
			if got := CanMove(from, to); got != want {
				t.Errorf("from %s to %s: %t, want %t", from, to, got, want)
			}
		}
	}
	if CanMove("asleep", Pending) || CanMove(Pending, "asleep") {
		t.Error("a status that does not exist may move")
	}
}

// TestMovesThatWouldDoHarm names the moves whose absence the rules of design.md#the-rules
// rest on.
func TestMovesThatWouldDoHarm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule     string
		from, to Status
	}{
		{"rule 1: a start in doubt is not sent again", Unknown, Starting},
		{"rule 1: nor validated, as if it had not been sent", Unknown, Validating},
		{"rule 1: nothing starts twice", Upgrading, Starting},
		{"rule 1: nothing starts unvalidated", Pending, Starting},
		{"rule 5: a failed vault stays failed", Failed, Ready},
		{"rule 5: a failed vault stays failed", Failed, Starting},
		{"rule 5: a failed vault stays failed", Failed, Validating},
		{"the upgrade is permanent", Upgraded, Pending},
		{"deferred is shown, never stored", Ready, Deferred},
	} {
		if CanMove(c.from, c.to) {
			t.Errorf("%s: from %s to %s", c.rule, c.from, c.to)
		}
	}
}

func TestStatusesAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[Status]bool{}
	for _, s := range Statuses() {
		if seen[s] || s == "" || string(s) != strings.ToLower(string(s)) {
			t.Errorf("status %q is empty, doubled or not in lower case", s)
		}
		seen[s] = true
	}
	for from, tos := range moves {
		for _, s := range append([]Status{from}, tos...) {
			if !seen[s] {
				t.Errorf("the table knows %q, Statuses does not", s)
			}
		}
	}
}

func TestTransitionError(t *testing.T) {
	t.Parallel()
	var err error = &TransitionError{Vault: "classic/x", From: Failed, To: Starting, Fact: "StartIntended"}
	for _, want := range []string{"classic/x", "failed", "starting", "StartIntended"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	seen := map[ExitCode]bool{}
	names := map[string]bool{}
	for _, m := range ExitCodes() {
		if seen[m.Code] || names[m.Name] || m.Name == "" || m.Meaning == "" {
			t.Errorf("row %+v is doubled or not complete", m)
		}
		seen[m.Code], names[m.Name] = true, true
		if m.Code.Name() != m.Name {
			t.Errorf("code %d is called %q and %q", m.Code, m.Code.Name(), m.Name)
		}
	}
	for c := ExitOK; c <= ExitSignIn; c++ {
		if !seen[c] {
			t.Errorf("code %d has no row", c)
		}
	}
	if got := ExitCode(99).Name(); got != "unknown" {
		t.Errorf("code 99 is called %q", got)
	}
}

func TestCallError(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	for _, c := range []struct {
		err  CallError
		want string
	}{
		{CallError{Op: "list the vaults", Class: CallUnreachable, Err: cause}, "list the vaults: connection reset"},
		{CallError{Op: "list the vaults", Class: CallThrottled, HTTPStatus: 429},
			"list the vaults: throttled (HTTP 429)"},
		{CallError{Op: "read", Class: CallRefused, Code: "Bad", Message: "no", HTTPStatus: 400, RequestID: "r",
			ClientRequestID: "c"},
			"read: Bad: no (HTTP 400) (request r) (client request c)"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	wrapped := errors.Join(errors.New("other"), &CallError{Class: CallDenied, RetryAfter: 7, Err: cause})
	if ClassOf(wrapped) != CallDenied || RetryAfterOf(wrapped) != 7 || !errors.Is(wrapped, cause) {
		t.Errorf("a wrapped call error is not found: %v %v", ClassOf(wrapped), RetryAfterOf(wrapped))
	}
	if ClassOf(cause) != CallUnreachable || RetryAfterOf(cause) != 0 {
		t.Error("any other error is unreachable, without a wait")
	}
}

func TestHasSeverity(t *testing.T) {
	t.Parallel()
	fs := []Finding{{Severity: SeverityInfo}, {Severity: SeverityWarning}}
	if !HasSeverity(fs, SeverityWarning) || HasSeverity(fs, SeverityError) || HasSeverity(nil, SeverityInfo) {
		t.Error("wrong")
	}
}
