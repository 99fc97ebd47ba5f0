package fleet

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const signed = "/subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v/operationStatus/NDA5NTsy=?api-version=2026-07-01&t=6392&c=MIIH9TCC&s=SECRETSIG&h=t9v4K"

// However an operation is written, its signature is not in it; with its key, and
// only with that, it is what it was.
func TestSealedOperation(t *testing.T) {
	t.Parallel()
	o := Operation{StatusURL: signed, ResultURL: strings.Replace(signed, "Status", "Results", 1), Final: FinalLocation,
		RetryAfter: time.Second}
	shown, key := o.Seal()
	if want := "…/operationStatus/NDA5NTsy=?api-version=2026-07-01"; shown.StatusURL != want || len(key) == 0 ||
		len(shown.Sealed) != 64 {
		t.Errorf("shown as %+v; want %s", shown, want)
	}
	written := Event{At: time.Date(2026, 3, 16, 22, 0, 0, 0, time.UTC),
		Fact: StartAnswered{Vault: "v", OperationID: "o",
			Answer: StartAnswer{Verdict: StartAccepted, Operation: &o}}}
	text, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"SECRETSIG", "MIIH9TCC", "t9v4K", "6392"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
	var read Event
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	again := read.Fact.(StartAnswered).Answer.Operation
	if *again != shown || again.Followable() != nil {
		t.Errorf("read as %+v; want %+v, which nobody can follow", again, shown)
	}
	if second, err := json.Marshal(read); err != nil || string(second) != string(text) {
		t.Errorf("written again it is %s, %v", second, err)
	}
	if again.Open(append([]byte("x"), key...)) || again.Open(nil) || *again != shown {
		t.Error("another key opens it")
	}
	if !again.Open(key) || *again != o || again.Followable() != again {
		t.Errorf("opened it is %+v; want %+v", again, o)
	}
}

// Addresses without a signature are written as they are, and what a journal of an
// earlier version has of signed ones can be followed.
func TestOperationThatNeedsNoSeal(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"/a/operationStatus/1?api-version=2026-07-01", "/a/b", "/a?API-VERSION=1", ""} {
		o := Operation{StatusURL: address, ResultURL: "/a/operationResults/1"}
		if shown, key := o.Seal(); shown != o || key != nil {
			t.Errorf("%q: %+v, %q", address, shown, key)
		}
	}
	var old Operation
	if err := json.Unmarshal([]byte(`{"statusUrl":"`+signed+`"}`), &old); err != nil || old.StatusURL != signed ||
		old.Followable() == nil {
		t.Errorf("an earlier version's is read as %+v, %v", old, err)
	}
	var none *Operation
	if none.Followable() != nil {
		t.Error("no operation can be followed")
	}
}
