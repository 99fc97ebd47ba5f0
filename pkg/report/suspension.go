package report

import (
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Suspension is the orderly stop of an unfinished run.
type Suspension struct {
	Why          string  `json:"why"`
	Detail       *string `json:"detail"`       // in words
	Gate         *string `json:"gate"`         // a wait for an approval: before or after the wave
	Wave         *string `json:"wave"`         // of that gate
	Until        *Time   `json:"until"`        // a wait for the window that opens then
	Subscription *string `json:"subscription"` // of a sign-in or permission that is missing: its ID
}

func suspensionOf(f *fleet.RunSuspended) *Suspension {
	return &Suspension{f.Why, StringOrNull(SuspendedDetail(f)), StringOrNull(f.Gate), StringOrNull(f.Wave),
		TimeOrNull(f.Until), StringOrNull(f.Subscription)}
}

// Clean is the suspension with every text that came from outside made clean.
func (s *Suspension) Clean() *Suspension {
	if s == nil {
		return nil
	}
	or := func(s *string) *string {
		if s == nil {
			return nil
		}
		return StringOrNull(lexicon.Clean(*s))
	}
	return &Suspension{lexicon.Clean(s.Why), or(s.Detail), or(s.Gate), or(s.Wave), s.Until, or(s.Subscription)}
}

// SuspensionReason says in words why a run was suspended.
func SuspensionReason(why string) string {
	switch why {
	case fleet.SuspendedSignal:
		return "stopped by a signal"
	case fleet.SuspendedSignIn:
		return "stopped: a sign-in or permission is missing"
	case fleet.SuspendedWait:
		return "left, to be resumed: it waits"
	case fleet.SuspendedStop:
		return "stopped by a person"
	case fleet.SuspendedPause:
		return "left, to be resumed: it is paused"
	}
	return "stopped: " + why
}

// Left says in one sentence, without its full stop, that a process has left the run and
// why, and what the run waits for; times in UTC.
func Left(f *fleet.RunSuspended) string {
	const (
		left      = "The process has left: "
		resumable = "The process has left, to be resumed: "
	)
	detail, more := SuspendedDetail(f), ""
	if detail != "" {
		more = ", " + detail
	}
	switch f.Why {
	case fleet.SuspendedWait:
		return resumable + "the run waits for " + lexicon.Or(detail, "a window or an approval")
	case fleet.SuspendedPause:
		return resumable + "the run is paused" + more
	case fleet.SuspendedStop:
		return left + "it was stopped " + lexicon.Or(detail, "by a person")
	case fleet.SuspendedSignIn:
		return left + "a sign-in or permission is missing" + more
	case fleet.SuspendedSignal:
		return left + "a signal stopped it" + more
	}
	return left + f.Why + more
}

// suspendedFor says why a process has left behind the word suspended.
func suspendedFor(f *fleet.RunSuspended) string {
	why, joint, detail := f.Why, " ", SuspendedDetail(f)
	switch why {
	case fleet.SuspendedWait:
		joint = " for "
	case fleet.SuspendedSignIn:
		joint = ", "
	}
	if detail == "" {
		joint = ""
	}
	return lexicon.Or(why+joint+detail, "stopped")
}

// SuspendedDetail says what a suspension waits for, who told it to leave, or what
// the cloud said; times in UTC.
func SuspendedDetail(f *fleet.RunSuspended) string {
	switch {
	case f.Gate != "":
		return "an approval " + f.Gate + " wave " + f.Wave
	case !f.Until.IsZero() && f.Wave != "":
		return "the date of wave " + f.Wave + ", " + f.Until.UTC().Format(time.RFC3339)
	case !f.Until.IsZero():
		return "the window that opens " + f.Until.UTC().Format(time.RFC3339)
	case f.By != "":
		return "by " + f.By + ": " + f.Reason
	case f.Subscription != "":
		return "subscription " + f.Subscription + ": " + f.Detail
	}
	return f.Detail
}
