package arm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// poll reads the test's vault with an operation to follow.
func poll(t *testing.T, u *Upgrader, o *fleet.Operation) (*fleet.Snapshot, fleet.Sighting, error) {
	t.Helper()
	snap, err := u.Read(t.Context(), sub, []fleet.Followed{{Vault: testVault(), OperationID: op, Operation: o}})
	if err != nil {
		return nil, fleet.Sighting{}, err
	}
	if snap.Only != testVault().Key || snap.Subscription != sub {
		t.Errorf("the reading is of %q in %q", snap.Only, snap.Subscription)
	}
	recent(t, snap.ReadAt)
	return snap, snap.Vaults[testVault().Key], nil
}

var (
	byBoth   = &fleet.Operation{StatusURL: statusURL, ResultURL: resultURL, Final: fleet.FinalLocation}
	byStatus = &fleet.Operation{StatusURL: statusURL, Final: fleet.FinalStatus}
	byResult = &fleet.Operation{ResultURL: resultURL, Final: fleet.FinalLocation}
)

func stands(word, more string) reply {
	return ok(`{"id":"/x","name":"o1","status":"` + word + `"` + more + `}`)
}

const (
	started = `,"startTime":"2026-11-26T01:02:03.5Z"`
	ended   = started + `,"endTime":"2026-11-26T01:03:04Z"`
	failing = ended + `,"error":{"code":"DiskFull","message":"the disk\nwas full"}`
)

// TestOperationIsFollowed: what an operation's two addresses say, by the rule of
// which has the last word.
func TestOperationIsFollowed(t *testing.T) {
	t.Parallel()
	gone := refused(404, "ResourceNotFound")
	tests := map[string]struct {
		operation *fleet.Operation
		status    reply
		result    reply
		vault     string // "": it is not read
		want      fleet.UpgradeState
		says      string
		next      time.Duration
		presumed  bool
	}{
		"in progress": {operation: byBoth, status: stands("InProgress", started),
			want: fleet.RecordInProgress},
		"a word of its own": {operation: byBoth, status: stands("Provisioning", ""),
			want: fleet.RecordInProgress},
		"in progress, later": {operation: byBoth, status: stands("InProgress", "").with("Retry-After", "33"),
			want: fleet.RecordInProgress, next: 33 * time.Second},
		"accepted, and no body": {operation: byBoth, status: reply{status: 202}.with("Retry-After", "7"),
			want: fleet.RecordInProgress, next: 7 * time.Second},
		"status done, result not yet": {operation: byBoth, status: stands("Succeeded", ended),
			result: reply{status: 202}.with("Retry-After", "5"), want: fleet.RecordInProgress, next: 5 * time.Second},
		"both done": {operation: byBoth, status: stands("Succeeded", ended),
			result: ok(vaultJSON(asIs)), want: fleet.RecordUpgraded},
		"both done, nothing to say": {operation: byBoth, status: stands("succeeded", ended),
			result: reply{status: 204}, want: fleet.RecordUpgraded},
		"status done, result failed": {operation: byBoth, status: stands("Succeeded", ended),
			result: refused(400, "DiskFull"), want: fleet.RecordFailed, says: "DiskFull: because of DiskFull"},
		"status done, result forgotten": {operation: byBoth, status: stands("Succeeded", ended), result: gone,
			want: fleet.RecordUpgraded},
		"status is the last word": {operation: byStatus, status: stands("Succeeded", ended),
			want: fleet.RecordUpgraded},
		// and is not asked
		"status is it, result there": {operation: &fleet.Operation{StatusURL: statusURL, ResultURL: resultURL,
			Final: fleet.FinalStatus}, status: stands("Succeeded", ended), want: fleet.RecordUpgraded},
		"as the specification has it": {operation: byStatus, status: stands("Success", ended),
			want: fleet.RecordUpgraded},
		"failed": {operation: byBoth, status: stands("Failed", failing),
			want: fleet.RecordFailed, says: "DiskFull: the disk was full"},
		"failed without a word": {operation: byBoth, status: stands("Failed", ended), want: fleet.RecordFailed,
			says: "the operation ended as Failed"},
		"canceled": {operation: byBoth, status: stands("Canceled", ended),
			want: fleet.RecordFailed, says: "the operation ended as Canceled"},
		"cancelled": {operation: byStatus, status: stands("cancelled", failing),
			want: fleet.RecordFailed, says: "DiskFull"},
		"result only, not yet": {operation: byResult, result: reply{status: 202}.with("Retry-After", "9"),
			want: fleet.RecordInProgress, next: 9 * time.Second},
		"result only, done": {operation: byResult, result: ok(vaultJSON(asIs)), want: fleet.RecordUpgraded},
		"result only, failed": {operation: byResult, result: refused(409, "DiskFull"),
			want: fleet.RecordFailed, says: "DiskFull"},
		"status forgotten, result done": {operation: byBoth, status: gone, result: reply{status: 204},
			want: fleet.RecordUpgraded},

		// The service knows the operation no more: the vault tells.
		"forgotten, made": {operation: byBoth, status: gone, result: gone, vault: asIs,
			want: fleet.RecordUpgraded},
		"forgotten by 410, made": {operation: byStatus, status: reply{status: 410}, vault: asIs,
			want: fleet.RecordUpgraded},
		"forgotten, under way": {operation: byBoth, status: gone, result: gone,
			vault: `{"settings":{"mode":"Off"},"provisioningState":"Updating"}`, want: fleet.RecordInProgress,
			presumed: true},
		"forgotten, made, under way": {operation: byBoth, status: gone, result: gone,
			vault: `{"settings":{"mode":"On"},"provisioningState":"Updating"}`, want: fleet.RecordInProgress,
			presumed: true},
		"forgotten, broken": {operation: byBoth, status: gone, result: gone,
			vault: `{"settings":{"mode":"Off"},"provisioningState":"Failed"}`, want: fleet.RecordFailed, presumed: true,
			says: "provisioning state is Failed"},
		"forgotten, not made": {operation: byBoth, status: gone, result: gone, vault: asWas}, // nothing is known

		// An address of another host was journalled, or none: no token goes there.
		"elsewhere": {operation: &fleet.Operation{StatusURL: "https://evil.example/o1"}, vault: asIs,
			want: fleet.RecordUpgraded},
		"nowhere": {operation: &fleet.Operation{}, vault: asIs, want: fleet.RecordUpgraded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			delete(f.routes, "GET "+vaultURL)
			for uri, r := range map[string]reply{statusURL: tt.status, resultURL: tt.result} {
				if r.status != 0 {
					f.on("GET", uri, r)
				}
			}
			if tt.vault != "" {
				f.on("GET", vaultURL, ok(vaultJSON(tt.vault)))
			}
			snap, got, err := poll(t, f.upgrader(testChange()), tt.operation)
			if err != nil {
				t.Fatal(err)
			}
			if snap.Next != tt.next {
				t.Errorf("to be read again in %v, want %v", snap.Next, tt.next)
			}
			if tt.want == "" {
				if got.Record != nil || len(got.State) == 0 {
					t.Errorf("got %+v", got)
				}
				return
			}
			r := got.Record
			if r == nil || r.State != tt.want || r.OperationID != op || r.Presumed != tt.presumed ||
				!strings.Contains(r.Message, tt.says) || tt.says == "" && r.Message != "" {
				t.Fatalf("got %+v", r)
			}
			if r.State == fleet.RecordUpgraded && !strings.EqualFold(r.UpgradedResourceID, vaultID) {
				t.Errorf("made %q", r.UpgradedResourceID)
			}
			if strings.Contains(tt.status.body, "startTime") && r.StartedAt.IsZero() ||
				strings.Contains(tt.status.body, "endTime") && r.EndedAt.IsZero() {
				t.Errorf("from %v to %v", r.StartedAt, r.EndedAt)
			}
		})
	}
}

// senseless are answers of an operation's address that say nothing about it. The
// shapes are those of public reports: Azure/azure-powershell issue 7551 for the
// one with ErrorCode, Azure/azure-rest-api-specs issue 27869 for 404s.
func senseless() map[string]reply {
	return map[string]reply{
		"401": refused(401, "InvalidAuthenticationToken"),
		"403": refused(403, "AuthorizationFailed"),
		"400": refused(400, "InvalidOperationIdentifier"),
		"another shape": {status: 400,
			body: `{"ErrorCode":"CreateResourceFailedDueToInvalidCache","Message":{"Language":"en-US","Value":"The name is already in use"},"Values":[]}`},
		"404 of a gateway": {status: 404, body: "<html><title>404 - File not found</title></html>",
			header: map[string]string{"Content-Type": "text/html"}},
		"502 of a gateway": {status: 502, body: "<html><title>Bad Gateway</title></html>"},
		"500":              refused(500, "CloudInternalError"),
		"a web page":       ok("<html><title>Sign in</title></html>"),
		"another document": ok(`{"hello":"there"}`),
		"the vault itself": ok(vaultJSON(asWas)),
		"a list":           ok(`[1]`),
		"an empty 200":     ok(``),
		"204":              {status: 204},
		"302":              reply{status: 302}.with("Location", "{base}/x"),
	}
}

// TestPollsThatSayNothing: nothing is concluded from them. The vault is read in
// the same reading, and tells; what was answered instead stands beside it.
func TestPollsThatSayNothing(t *testing.T) {
	t.Parallel()
	const off = `{"settings":{"mode":"Off"},"provisioningState":`
	for name, answer := range senseless() {
		for vault, tt := range map[string]struct {
			properties string
			want       fleet.UpgradeState
			settled    bool
			what       string
		}{
			"as wanted": {properties: asIs, want: fleet.RecordUpgraded, what: "as wanted"},
			"not as wanted": {properties: asWas, want: fleet.RecordInProgress, settled: true,
				what: "no operation is under way"},
			"under way": {properties: off + `"Updating"}`, want: fleet.RecordInProgress,
				what: "provisioning state is Updating"},
			"broken": {properties: off + `"Failed"}`, want: fleet.RecordFailed, what: "provisioning state is Failed"},
		} {
			t.Run(name+", "+vault, func(t *testing.T) {
				t.Parallel()
				f := newFake(t)
				f.on("GET", statusURL, answer)
				f.on("GET", vaultURL, ok(vaultJSON(tt.properties)))
				_, got, err := poll(t, f.upgrader(testChange()), byStatus)
				if err != nil {
					t.Fatal(err)
				}
				if got.Record == nil || got.Record.State != tt.want || got.Record.OperationID != op {
					t.Errorf("got %+v", got.Record)
				}
				r := got.Reading
				if r == nil || r.Settled != tt.settled || !strings.Contains(r.What, tt.what) ||
					!strings.HasPrefix(r.Poll, "HTTP ") {
					t.Fatalf("the reading is %+v", r)
				}
				if tt.settled && (len(r.Differs) != 1 || r.Differs[0] != "settings.mode is Off, wanted On") {
					t.Errorf("what differs is %q", r.Differs)
				}
				if refused := name == "401" || name == "403"; refused != (r.Action != "") {
					t.Errorf("the advice is %q", r.Action)
				}
				recent(t, r.At)
			})
		}
	}
	// The result's address is treated the same way, where it is the only one.
	f := newFake(t)
	f.on("GET", resultURL, refused(403, "AuthorizationFailed"))
	f.on("GET", vaultURL, ok(vaultJSON(asIs)))
	if _, got, err := poll(t, f.upgrader(testChange()), byResult); err != nil || got.Record == nil ||
		got.Record.State != fleet.RecordUpgraded {
		t.Errorf("got %+v, %v", got.Record, err)
	}
}

// TestResultsThatSayNothing: a Location that gives another resource or a page is
// no success, though it is answered 200.
func TestResultsThatSayNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer reply
		want   standing
	}{
		"the vault":        {ok(vaultJSON(asWas)), done},
		"nothing":          {ok(""), done},
		"204":              {reply{status: 204}, done},
		"a status":         {stands("InProgress", ""), running},
		"a status, failed": {stands("Failed", failing), failed},
		"another resource": {ok(`{"id":"/subscriptions/x/resourceGroups/y","properties":{}}`), silent},
		"a web page":       {ok("<html><title>Sign in</title></html>"), silent},
		"another document": {ok(`{"hello":"there"}`), silent},
		"502":              {reply{status: 502}, silent},
		"an error":         {refused(409, "DiskFull"), failed},
		"500 with words":   {refused(500, "InternalServerError"), silent},
		"a 408":            {refused(408, "RequestTimeout"), silent},
		"a busy 429":       {refused(429, "RetryableErrorDueToAnotherOperation"), silent},
		"another's error":  {reply{status: 400, body: `{"statusCode":400,"message":"no"}`}, silent},
	} {
		f := newFake(t)
		f.on("GET", resultURL, tt.answer)
		got := f.upgrader(testChange()).follow(t.Context(),
			fleet.Followed{Vault: testVault(), OperationID: op, Operation: byResult})
		if got.standing != tt.want || got.standing == silent && got.answer == "" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestNeitherOperationNorVaultMayBeRead has the subscription denied, as a missing
// sign-in has; where the vault alone may not be read, that is the vault's matter.
func TestNeitherOperationNorVaultMayBeRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		poll reply
		want fleet.CallClass
	}{
		"both refused":     {refused(403, "AuthorizationFailed"), fleet.CallDenied},
		"the vault's only": {reply{status: 204}, fleet.CallForbidden},
	} {
		f := newFake(t)
		f.on("GET", statusURL, tt.poll)
		f.on("GET", vaultURL, refused(403, "AuthorizationFailed"))
		if _, _, err := poll(t, f.upgrader(testChange()), byStatus); fleet.ClassOf(err) != tt.want {
			t.Errorf("%s: got %s, %v", name, fleet.ClassOf(err), err)
		}
	}
}

// TestPollsThatAskForPatience are errors that carry it: nothing else is asked in
// between.
func TestPollsThatAskForPatience(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply reply
		want  fleet.CallClass
		after time.Duration
	}{
		"429": {refused(429, "TooManyRequests").with("Retry-After", "60"), fleet.CallThrottled,
			time.Minute},
		"429, in words": {reply{status: 429,
			body: errorJSON("ResourceRequestsThrottled", "Please try again after '372' seconds.")}, fleet.CallThrottled,
			372 * time.Second},
		"503 with a wait": {refused(503, "ServiceUnavailable").with("Retry-After", "60"), fleet.CallUnreachable,
			time.Minute},
	} {
		f := newFake(t)
		f.on("GET", statusURL, tt.reply)
		_, _, err := poll(t, f.upgrader(testChange()), byStatus)
		if fleet.ClassOf(err) != tt.want || fleet.RetryAfterOf(err) != tt.after {
			t.Errorf("%s: got %s, %v: %v", name, fleet.ClassOf(err), fleet.RetryAfterOf(err), err)
		}
		if n := f.count(vaultURL); n != 0 {
			t.Errorf("%s: the vault was asked instead, %d times", name, n)
		}
	}
}

// TestOverdueTheVaultIsRead besides, though the operation says that it is under
// way: it may have been so for ever.
func TestOverdueTheVaultIsRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		vault   reply
		overdue bool
		want    fleet.UpgradeState
		settled bool
		what    string
	}{
		"not yet": {vault: ok(vaultJSON(asIs)), want: fleet.RecordInProgress},
		"as wanted": {vault: ok(vaultJSON(asIs)), overdue: true, want: fleet.RecordUpgraded,
			what: "as wanted"},
		"not as wanted": {vault: ok(vaultJSON(asWas)), overdue: true, want: fleet.RecordInProgress,
			settled: true, what: "says that it is under way"},
		"under way": {vault: ok(vaultJSON(`{"settings":{"mode":"On"},"provisioningState":"Updating"}`)),
			overdue: true, want: fleet.RecordInProgress, what: "Updating"},
		"the vault may not be read": {vault: refused(403, "AuthorizationFailed"), overdue: true,
			want: fleet.RecordInProgress, what: "AuthorizationFailed"},
	} {
		f := newFake(t)
		f.on("GET", statusURL, stands("InProgress", started))
		f.on("GET", vaultURL, tt.vault)
		snap, err := f.upgrader(testChange()).Read(t.Context(), sub,
			[]fleet.Followed{{Vault: testVault(), OperationID: op, Operation: byStatus, Overdue: tt.overdue}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := snap.Vaults[testVault().Key]
		if got.Record == nil || got.Record.State != tt.want || got.Record.Presumed &&
			tt.want != fleet.RecordInProgress {
			t.Errorf("%s: got %+v", name, got.Record)
		}
		if r := got.Reading; (r != nil) != tt.overdue || r != nil &&
			(r.Settled != tt.settled || r.Running != (tt.want == fleet.RecordInProgress) ||
				!strings.Contains(r.What, tt.what)) {
			t.Errorf("%s: the reading is %+v", name, r)
		}
	}
}

// TestOverdueAnAddressThatAsksForPatience does not hide the vault, and is obeyed.
func TestOverdueAnAddressThatAsksForPatience(t *testing.T) {
	t.Parallel()
	for vault, want := range map[string]fleet.UpgradeState{asIs: fleet.RecordUpgraded, asWas: fleet.RecordInProgress} {
		f := newFake(t)
		f.on("GET", statusURL, refused(429, "TooManyRequests").with("Retry-After", "60"))
		f.on("GET", vaultURL, ok(vaultJSON(vault)))
		snap, err := f.upgrader(testChange()).Read(t.Context(), sub,
			[]fleet.Followed{{Vault: testVault(), OperationID: op, Operation: byStatus, Overdue: true}})
		if err != nil {
			t.Fatal(err)
		}
		got := snap.Vaults[testVault().Key]
		if got.Record == nil || got.Record.State != want {
			t.Errorf("got %+v", got.Record)
		}
		if want == fleet.RecordInProgress &&
			(snap.Next != time.Minute || !got.Reading.Settled ||
				!strings.HasPrefix(got.Reading.Poll, "HTTP 429 TooManyRequests")) {
			t.Errorf("to be read again in %v, having read %+v", snap.Next, got.Reading)
		}
	}
}

// TestDiffers names what is not as wanted, leaf by leaf, and nothing in the
// language's own notation.
func TestDiffers(t *testing.T) {
	t.Parallel()
	c :=
		Change{
			Body: Same([]byte(
				`{"properties":{"a":{"on":"Enabled","n":3,"deep":{"x":true}},"list":["1","2"],"b":"x","none":null}}`)),
			Sections: []string{"a"}}
	properties, err := decode([]byte(`{"a":{"on":"Disabled","n":2,"more":1},"list":["1"],"b":"X","none":null}`))
	if err != nil {
		t.Fatal(err)
	}
	got := c.differs(nil, testVault(), &Resource{document: document{Properties: properties}})
	want := []string{"a.deep.x is not set, wanted true", "a.n is 2, wanted 3", "a.on is Disabled, wanted Enabled",
		`list is ["1"], wanted ["1","2"]`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	var many []string
	for n := range 40 {
		many = append(many, fmt.Sprintf(`"k%02d":1`, n))
	}
	c.Body = Same([]byte(`{"properties":{` + strings.Join(many, ",") + `}}`))
	got = c.differs(nil, testVault(), &Resource{document: document{Properties: properties}})
	if len(got) != maxDiffers+1 || got[maxDiffers] != "and 28 more" {
		t.Errorf("of many: %q", got)
	}
}

// TestNobodyElseIsAsked: an address of another host is never sent anything, though
// a fake of it waits.
func TestNobodyElseIsAsked(t *testing.T) {
	t.Parallel()
	f, evil := newFake(t), newFake(t)
	evil.on("GET", statusURL, stands("Succeeded", ended))
	u := f.upgrader(testChange())
	_, got, err := poll(t, u, &fleet.Operation{StatusURL: evil.url + statusURL, ResultURL: evil.url + statusURL})
	if err != nil || got.Record != nil {
		t.Errorf("got %+v, %v", got.Record, err)
	}
	if len(evil.log) > 0 {
		t.Errorf("another host was asked: %+v", evil.log)
	}
}

// TestExplainSaysWhyItFailed, with what the operation itself had said.
func TestExplainSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("GET", statusURL, stands("Failed", failing))
	u := f.upgrader(testChange())
	_, got, err := poll(t, u, byStatus)
	if err != nil {
		t.Fatal(err)
	}
	fs := u.Explain(t.Context(), testVault(), got)
	if len(fs) != 1 || fs[0].Code != "DiskFull" || fs[0].Message != "the disk was full" ||
		fs[0].Severity != fleet.SeverityError || fs[0].Action == "" {
		t.Errorf("got %+v", fs)
	}
	if fs := u.Explain(t.Context(), testVault(), u.seen(t)); fs != nil {
		t.Errorf("of a vault that has not failed: %+v", fs)
	}
	if fs := u.Explain(t.Context(), testVault(),
		fleet.Sighting{Failure: &fleet.Finding{Message: "without a code"}}); fs != nil {
		t.Errorf("where the service gave no reason: %+v", fs)
	}
}

// TestOddTimesAreNone: what a journal could not hold.
func TestOddTimesAreNone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-11-26T01:02:03.5Z": "2026-11-26T01:02:03.5Z", "2026-11-26T01:02:03+10:00": "2026-11-25T15:02:03Z",
		"": "0001-01-01T00:00:00Z", "yesterday": "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z": "0001-01-01T00:00:00Z",
	} {
		if got := parseTime(in).Format(time.RFC3339Nano); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

// TestDoneByItsStatus: a result that says nothing does not take back what the status
// has said, Verify sees whether it is; one that asks for patience is given it.
func TestDoneByItsStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		result reply
		want   fleet.UpgradeState // none: an error that carries the wait
	}{
		"404":                  {refused(404, "NotFound"), fleet.RecordUpgraded},
		"another document":     {ok(`{"hello":"there"}`), fleet.RecordUpgraded},
		"asks to be let alone": {refused(429, "TooManyRequests").with("Retry-After", "60"), ""},
	} {
		f := newFake(t)
		f.on("GET", statusURL, stands("Succeeded", started))
		f.on("GET", resultURL, tt.result)
		f.on("GET", vaultURL, ok(vaultJSON(asWas)))
		_, s, err := poll(t, f.upgrader(testChange()), byBoth)
		switch {
		case tt.want == "":
			if fleet.ClassOf(err) != fleet.CallThrottled || fleet.RetryAfterOf(err) != time.Minute {
				t.Errorf("%s: got %+v, %v", name, s.Record, err)
			}
		case err != nil || s.Record == nil || s.Record.State != tt.want || s.Record.Presumed:
			t.Errorf("%s: got %+v, %v", name, s.Record, err)
		}
	}
}

// TestARefusedPollExplainsNothing: that we may not read the operation is not why it
// failed.
func TestARefusedPollExplainsNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("GET", statusURL, refused(403, "AuthorizationFailed"))
	f.on("GET", vaultURL, ok(vaultJSON(`{"settings":{"mode":"Off"},"provisioningState":"Failed"}`)))
	u := f.upgrader(testChange())
	_, s, err := poll(t, u, byStatus)
	if err != nil || s.Record == nil || s.Record.State != fleet.RecordFailed {
		t.Fatalf("got %+v, %v", s.Record, err)
	}
	for _, found := range u.Explain(t.Context(), testVault(), s) {
		if strings.Contains(found.Code+found.Message, "AuthorizationFailed") {
			t.Errorf("the failure is explained by %+v", found)
		}
	}
}

// TestOverdueAndNothingCanBeRead: the patience that the operation's address asks for
// is kept, whatever became of the vault's own reading.
func TestOverdueAndNothingCanBeRead(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("GET", statusURL, refused(429, "TooManyRequests").with("Retry-After", "60"))
	f.on("GET", vaultURL, refused(403, "AuthorizationFailed"))
	_, err := f.upgrader(testChange()).Read(t.Context(), sub,
		[]fleet.Followed{{Vault: testVault(), OperationID: op, Operation: byStatus, Overdue: true}})
	if fleet.ClassOf(err) != fleet.CallThrottled || fleet.RetryAfterOf(err) != time.Minute {
		t.Errorf("got %v", err)
	}
}
