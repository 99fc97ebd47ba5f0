package fleet

import (
	"encoding/json"
	"strings"
	"time"
)

// Why a run was suspended.
const (
	SuspendedSignal = "signal"  // told to stop
	SuspendedSignIn = "sign-in" // a sign-in or permission is missing
	SuspendedWait   = "waiting" // a window or an approval is waited for, and the command did not want to wait
	SuspendedStop   = "stopped" // a person said stop
	SuspendedPause  = "paused"  // a person paused it, and the command did not want to wait
)

// RunSuspended is an orderly stop of an unfinished run. Which of the fields after
// the code are set follows from why.
type RunSuspended struct {
	Why    string   `json:"why"`
	Detail string   `json:"detail,omitempty"` // of a sign-in: what the cloud said
	Code   ExitCode `json:"exitCode"`

	// a wait for an approval before or after Wave: GateBefore, GateAfter
	Gate         string    `json:"gate,omitempty"`
	Wave         string    `json:"wave,omitempty"`         //
	Until        time.Time `json:"until,omitzero"`         // a wait for the window that opens then, or, with Wave, for the date of that
	Subscription string    `json:"subscription,omitempty"` // of a sign-in: its ID
	By           string    `json:"by,omitempty"`           // a stop or a pause: the user
	Reason       string    `json:"reason,omitempty"`       //
}

// decodeSuspended reads the fact. Ledgers of programs that had no more than a
// detail say the rest in its sentence: this is the one place that reads those.
func decodeSuspended(data json.RawMessage) (Fact, error) {
	fact, err := decode[RunSuspended](data)
	if err != nil {
		return nil, err
	}
	f := fact.(RunSuspended) // decode says so
	if f.Gate+f.Subscription+f.By != "" || !f.Until.IsZero() {
		return f, nil
	}
	switch f.Why {
	case SuspendedWait:
		if gate, ok := strings.CutPrefix(f.Detail, "an approval "); ok {
			if when, wave, ok := strings.Cut(gate, " wave "); ok {
				f.Gate, f.Wave, f.Detail = when, wave, ""
			}
		} else if opens, ok := strings.CutPrefix(f.Detail, "the window that opens "); ok {
			if t, err := time.Parse(time.RFC3339, opens); err == nil {
				f.Until, f.Detail = t.UTC(), ""
			}
		}
	case SuspendedSignIn:
		if named, ok := strings.CutPrefix(f.Detail, "subscription "); ok {
			if id, said, ok := strings.Cut(named, ": "); ok {
				f.Subscription, f.Detail = id, said
			}
		}
	case SuspendedStop, SuspendedPause:
		if said, ok := strings.CutPrefix(f.Detail, "by "); ok {
			if user, reason, ok := strings.Cut(said, ": "); ok {
				f.By, f.Reason, f.Detail = user, reason, ""
			}
		}
	}
	return f, nil
}
