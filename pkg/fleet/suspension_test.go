package fleet

import (
	"encoding/json"
	"testing"
	"time"
)

// Ledgers of earlier programs have a suspension's matter in a sentence.
func TestSuspensionsOfOldLedgers(t *testing.T) {
	opens := time.Date(2026, 3, 17, 22, 0, 0, 0, time.UTC)
	for data, want := range map[string]RunSuspended{
		`{"why":"waiting","detail":"an approval after wave canary wave 2","exitCode":5}`: {Why: SuspendedWait,
			Gate: GateAfter, Wave: "canary wave 2", Code: ExitInterrupted},
		`{"why":"waiting","detail":"an approval before wave rest","exitCode":5}`: {Why: SuspendedWait,
			Gate: GateBefore, Wave: "rest", Code: ExitInterrupted},
		`{"why":"waiting","detail":"the window that opens 2026-03-17T22:00:00Z","exitCode":5}`: {Why: SuspendedWait,
			Until: opens, Code: ExitInterrupted},
		`{"why":"sign-in","detail":"subscription a-b: AADSTS700082: expired","exitCode":8}`: {Why: SuspendedSignIn,
			Subscription: "a-b", Detail: "AADSTS700082: expired", Code: ExitSignIn},
		`{"why":"sign-in","detail":"expired","exitCode":8}`: {Why: SuspendedSignIn,
			Detail: "expired", Code: ExitSignIn},
		`{"why":"stopped","detail":"by ops: for lunch: an hour","exitCode":5}`: {Why: SuspendedStop, By: "ops",
			Reason: "for lunch: an hour", Code: ExitInterrupted},
		`{"why":"paused","detail":"by ops: ","exitCode":5}`: {Why: SuspendedPause, By: "ops",
			Code: ExitInterrupted},
		`{"why":"signal","exitCode":5}`: {Why: SuspendedSignal, Code: ExitInterrupted},
		`{"why":"waiting","detail":"something else","exitCode":5}`: {Why: SuspendedWait, Detail: "something else",
			Code: ExitInterrupted},
		// Written since: a detail that reads like one of those sentences is what the cloud said.
		`{"why":"sign-in","detail":"subscription x: no","subscription":"a-b","exitCode":8}`: {Why: SuspendedSignIn,
			Subscription: "a-b", Detail: "subscription x: no", Code: ExitSignIn},
	} {
		var e Event
		if err := json.Unmarshal([]byte(`{"at":"2026-03-16T10:00:00Z","fact":"RunSuspended","data":`+data+`}`),
			&e); err != nil {
			t.Errorf("%s: %v", data, err)
		} else if e.Fact != Fact(want) {
			t.Errorf("%s\nis %+v\nwant %+v", data, e.Fact, want)
		}
	}
}
