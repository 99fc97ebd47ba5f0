package rollout

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// What a listing's failure means for a vault.
func TestUnread(t *testing.T) {
	t.Parallel()
	for class, want := range map[fleet.CallClass]struct {
		verdict fleet.Verdict
		code    string
	}{
		fleet.CallDenied:      {fleet.VerdictDenied, fleet.CodeNotSignedIn},
		fleet.CallForbidden:   {fleet.VerdictBlocked, fleet.CodeNoPermission},
		fleet.CallThrottled:   {fleet.VerdictThrottled, fleet.CodeThrottled},
		fleet.CallUnreachable: {fleet.VerdictBusy, fleet.CodeUnreachable},
		fleet.CallGarbled:     {fleet.VerdictBusy, fleet.CodeUnreachable},
		fleet.CallNotFound:    {fleet.VerdictBusy, fleet.CodeUnreachable},
	} {
		v := Unchecked(fleet.ScopeSubscription, &fleet.CallError{Op: "list", Class: class, Message: "words"})
		later := Unchecked(fleet.ScopeSubscription, &fleet.CallError{Op: "list", Class: class, RetryAfter: time.Minute})
		asked := want.verdict // who is to come back later is not to blame, unless a person must act
		if asked == fleet.VerdictBusy {
			asked = fleet.VerdictThrottled
		}
		if later.RetryAfter != time.Minute || later.Verdict != asked {
			t.Errorf("%s with a Retry-After: %+v", class, later)
		}
		if v.Verdict != want.verdict || v.RetryAfter != 0 || len(v.Findings) != 1 || v.Findings[0].Code != want.code ||
			v.Findings[0].Action == "" || v.Findings[0].Severity != fleet.SeverityError {
			t.Errorf("%s: %+v", class, v)
		}
	}
}

// What is refused of one vault, with words, is that vault's matter: it is not
// asked for again and again, as a listing is.
func TestUnreadOfOneVault(t *testing.T) {
	t.Parallel()
	refused := &fleet.CallError{Op: "read vault prod/v1", Class: fleet.CallRefused, Code: "InvalidApiVersionParameter",
		Message: "words", Action: "do this"}
	if v := Unchecked(fleet.ScopeVault, refused); v.Verdict != fleet.VerdictBlocked ||
		v.Findings[0].Code != fleet.CodeRefused ||
		v.Findings[0].Action != "do this" ||
		!strings.Contains(v.Findings[0].Message, "InvalidApiVersionParameter: words") {
		t.Errorf("%+v", v)
	}
	if v := Unchecked(fleet.ScopeSubscription, refused); v.Verdict != fleet.VerdictBusy {
		t.Errorf("a listing: %+v", v)
	}
	if v := Unchecked(fleet.ScopeVault, &fleet.CallError{Op: "read vault prod/v1",
		Class: fleet.CallUnreachable}); v.Verdict != fleet.VerdictBusy {
		t.Errorf("no answer: %+v", v)
	}
}

// Whether a start may still leave is asked after its intent's commit: time may have
// passed there, and the clocks may have been set.
func TestMayLeave(t *testing.T) {
	t.Parallel()
	decided := Moment{scriptStart, scriptStart.Add(time.Hour)}
	at := func(run, wall time.Duration) Moment { return Moment{decided.At.Add(run), decided.Wall.Add(wall)} }
	always := Send{StaleAfter: decided.At.Add(30 * time.Second)}
	window := Send{StaleAfter: always.StaleAfter, NotAfter: decided.Wall.Add(10 * time.Second)}
	for _, c := range []struct {
		name    string
		send    Send
		now     Moment
		leaving bool
		reason  string
	}{
		{"at once", window, at(0, 0), false, ""},
		{"told to leave", always, at(0, 0), true, "told to stop"},
		{"as long as the reading is young", always, at(30*time.Second, 30*time.Second), false, ""},
		{"the reading is old", always, at(31*time.Second, 0), false, "too old"},
		{"the machine slept, and its own clock with it", always, at(0, 31*time.Second), false, "too old"},
		{"the clock was set back, without a window", always, at(0, -time.Hour), false, ""},
		{"the clock was set back, with one", window, at(0, -time.Second), false, "set back"},
		{"to the moment", window, at(0, 10*time.Second), false, ""},
		{"the window is too short by now", window, at(0, 11*time.Second), false, "inside the window"},
	} {
		within, got := c.send.MayLeave(decided, c.now, c.leaving)
		if (got == "") != (c.reason == "") || !strings.Contains(got, c.reason) {
			t.Errorf("%s: %q", c.name, got)
		}
		// Had it a connection then, and no sooner, it might just leave.
		then := Moment{c.now.At.Add(within), c.now.Wall.Add(within)}
		if _, at := c.send.MayLeave(decided, then, false); got == "" && at != "" {
			t.Errorf("%s: it may leave within %s, and then %s", c.name, within, at)
		}
		if _, after := c.send.MayLeave(decided, Moment{then.At.Add(1), then.Wall.Add(1)}, false); got == "" &&
			after == "" {
			t.Errorf("%s: it may leave within %s, and later too", c.name, within)
		}
	}
}

// What an answer asks for is asked of all requests where it was throttled, and of starts
// and checks alone while the start is in doubt.
func TestAfterStart(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[fleet.StartVerdict][2]time.Duration{fleet.StartThrottled: {time.Minute, 0},
		fleet.StartUnknown:  {0, time.Minute},
		fleet.StartAccepted: {}, fleet.StartBusy: {}, fleet.StartNotSent: {}} {
		requests, starts := AfterStart(fleet.StartAnswer{Verdict: verdict, RetryAfter: time.Minute})
		if requests != want[0] || starts != want[1] {
			t.Errorf("%s: requests %s, starts %s", verdict, requests, starts)
		}
	}
}

// A start goes out on a newer reading as it was made ready, unless that shows another
// vault or its token is old; after three tries as made ready last, to the same place.
func TestGoesOut(t *testing.T) {
	t.Parallel()
	vault := fleet.Sighting{Address: "/v", State: json.RawMessage("1")}
	changed, moved, recorded := vault, vault, vault
	changed.State, moved.Address, recorded.Record = json.RawMessage("2"), "/w", &fleet.Record{}
	for _, c := range []struct {
		name   string
		n      int
		newest fleet.Sighting
		same   bool
		age    time.Duration
		goes   bool
	}{
		{"one reading", 1, moved, true, time.Hour, true},
		{"a newer one, alike", 1, vault, false, 4 * time.Minute, true},
		{"alike, but its token is old", 1, vault, false, 4*time.Minute + 1, false},
		{"other settings", 2, changed, false, 0, false},
		{"an operation", 2, recorded, false, 0, false},
		{"other settings, for the third time", 3, changed, false, time.Hour, true},
		{"another place, for the third time", 3, moved, false, 0, false},
	} {
		if got := GoesOut(c.n, vault, c.newest, c.same, c.age); got != c.goes {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// What an error means depends on how much one reading takes in.
func TestWhatAnErrorMeans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class                         fleet.CallClass
		startList, startOne, read, of fleet.CallClass
		alone                         time.Duration
	}{
		{fleet.CallForbidden, fleet.CallForbidden, fleet.CallConflict, fleet.CallForbidden, fleet.CallUnreachable,
			time.Minute},
		{fleet.CallRefused, fleet.CallUnreachable, fleet.CallRefused, fleet.CallRefused, fleet.CallRefused,
			time.Minute},
		{fleet.CallDenied, fleet.CallDenied, fleet.CallDenied, fleet.CallDenied, fleet.CallDenied, time.Minute},
		{fleet.CallThrottled, fleet.CallThrottled, fleet.CallThrottled, fleet.CallThrottled, fleet.CallThrottled,
			time.Minute},
		{fleet.CallNotYet, fleet.CallNotYet, fleet.CallNotYet, fleet.CallNotYet, fleet.CallNotYet, 0},
	} {
		err := &fleet.CallError{Op: "read", Class: c.class, Code: "Why", Message: "words", Action: "do this",
			RetryAfter: time.Minute}
		list, alone := Unprepared(fleet.ScopeSubscription, "k", err)
		one, _ := Unprepared(fleet.ScopeVault, "k", err)
		if list.Class != c.startList || one.Class != c.startOne || alone != c.alone || one.RetryAfter != time.Minute ||
			one.Refusal.Code != "Why" || one.Refusal.Action != "do this" {
			t.Errorf("of a start, %s: in a listing %+v, left alone for %s; of one vault %+v", c.class, list, alone, one)
		}
		if a, b := Unread(fleet.ScopeSubscription, "s", "", err),
			Unread(fleet.ScopeVault, "s", "k", err); a.Class != c.read || b.Class != c.of || b.Vault != "k" {
			t.Errorf("of a reading, %s: of a listing %+v, of one vault %+v", c.class, a, b)
		}
	}
	if o, _ := Unprepared(fleet.ScopeVault, "k", errors.New("no answer")); o.Refusal.Code != fleet.CodeRefused ||
		o.Refusal.Action == "" {
		t.Errorf("%+v", o)
	}
}

// A refresh verifies what is called upgraded, asks why ours failed, and of what it cannot
// read whether it can be reached; what is not verified is a finding.
func TestRefreshReads(t *testing.T) {
	t.Parallel()
	s := NewState(testPlan(1, 1, 1, 1))
	record := func(state fleet.UpgradeState) *fleet.Record { return &fleet.Record{OperationID: "op", State: state} }
	for want, saw := range map[RefreshRead][]fleet.Reconciliation{
		ReadTarget: {{Reading: fleet.ReadOurs, Record: record(fleet.RecordUpgraded)},
			{Reading: fleet.ReadForeign, Record: record(fleet.RecordUpgraded)}},
		ReadWhy:       {{Reading: fleet.ReadOurs, Record: record(fleet.RecordFailed)}},
		ReadReachable: {{Reading: fleet.ReadUnreadable}},
		ReadNoMore: {{Reading: fleet.ReadForeign, Record: record(fleet.RecordFailed)}, {Reading: fleet.ReadAbsent},
			{Reading: fleet.ReadOurs, Record: record(fleet.RecordInProgress)}},
	} {
		for _, r := range saw {
			if got := NextRead(r); got != want {
				t.Errorf("after %+v it reads %d, not %d", r, got, want)
			}
		}
	}
	saw := fleet.Reconciliation{Reading: fleet.ReadOurs, Record: record(fleet.RecordUpgraded), Detail: "read"}
	good := s.Concluded(0, fleet.Actor{User: "sam"}, saw, &fleet.Verification{OK: true, ResourceID: "/new"}, nil)
	if !good.Verified || good.ResourceID != "/new" || good.Detail != "read" || good.Findings != nil ||
		good.By.User != "sam" {
		t.Errorf("%+v", good)
	}
	bad := s.Concluded(0, fleet.Actor{}, saw, &fleet.Verification{Detail: "it lacks items"}, nil)
	if bad.Verified || bad.Detail != "it lacks items" || len(bad.Findings) != 1 ||
		bad.Findings[0].Code != fleet.CodeNotVerified {
		t.Errorf("%+v", bad)
	}
	why := []fleet.Finding{{Code: "Why"}}
	if f := s.Concluded(0, fleet.Actor{}, saw, nil, why); f.Verified || len(f.Findings) != 1 || f.Detail != "read" {
		t.Errorf("%+v", f)
	}
	for err, want := range map[*fleet.CallError]time.Duration{{Class: fleet.CallThrottled}: s.Plan.Timings.Poll,
		{Class: fleet.CallThrottled, RetryAfter: time.Minute}:   time.Minute,
		{Class: fleet.CallUnreachable}:                          0,
		{Class: fleet.CallUnreachable, RetryAfter: time.Minute}: time.Minute} {
		if got := s.AsksAgain(err); got != want {
			t.Errorf("%+v is asked again after %s", err, got)
		}
	}
	if got := s.AsksAgain(nil); got != 0 {
		t.Errorf("what went well is asked again after %s", got)
	}
}
