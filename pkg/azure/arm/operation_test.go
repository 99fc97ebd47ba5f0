package arm

import (
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
		"in progress":                   {operation: byBoth, status: stands("InProgress", started), want: fleet.RecordInProgress},
		"a word of its own":             {operation: byBoth, status: stands("Provisioning", ""), want: fleet.RecordInProgress},
		"in progress, later":            {operation: byBoth, status: stands("InProgress", "").with("Retry-After", "33"), want: fleet.RecordInProgress, next: 33 * time.Second},
		"accepted, and no body":         {operation: byBoth, status: reply{status: 202}.with("Retry-After", "7"), want: fleet.RecordInProgress, next: 7 * time.Second},
		"status done, result not yet":   {operation: byBoth, status: stands("Succeeded", ended), result: reply{status: 202}.with("Retry-After", "5"), want: fleet.RecordInProgress, next: 5 * time.Second},
		"both done":                     {operation: byBoth, status: stands("Succeeded", ended), result: ok(vaultJSON(asIs)), want: fleet.RecordUpgraded},
		"both done, nothing to say":     {operation: byBoth, status: stands("succeeded", ended), result: reply{status: 204}, want: fleet.RecordUpgraded},
		"status done, result failed":    {operation: byBoth, status: stands("Succeeded", ended), result: refused(400, "DiskFull"), want: fleet.RecordFailed, says: "DiskFull: because of DiskFull"},
		"status done, result forgotten": {operation: byBoth, status: stands("Succeeded", ended), result: gone, want: fleet.RecordUpgraded},
		"status is the last word":       {operation: byStatus, status: stands("Succeeded", ended), want: fleet.RecordUpgraded},
		"status is it, result there":    {operation: &fleet.Operation{StatusURL: statusURL, ResultURL: resultURL, Final: fleet.FinalStatus}, status: stands("Succeeded", ended), want: fleet.RecordUpgraded}, // and is not asked
		"as the specification has it":   {operation: byStatus, status: stands("Success", ended), want: fleet.RecordUpgraded},
		"failed":                        {operation: byBoth, status: stands("Failed", failing), want: fleet.RecordFailed, says: "DiskFull: the disk was full"},
		"failed without a word":         {operation: byBoth, status: stands("Failed", ended), want: fleet.RecordFailed, says: "the operation ended as Failed"},
		"canceled":                      {operation: byBoth, status: stands("Canceled", ended), want: fleet.RecordFailed, says: "the operation ended as Canceled"},
		"cancelled":                     {operation: byStatus, status: stands("cancelled", failing), want: fleet.RecordFailed, says: "DiskFull"},
		"refused instead of failed":     {operation: byStatus, status: refused(400, "DiskFull"), want: fleet.RecordFailed, says: "DiskFull: because of DiskFull"},
		"result only, not yet":          {operation: byResult, result: reply{status: 202}.with("Retry-After", "9"), want: fleet.RecordInProgress, next: 9 * time.Second},
		"result only, done":             {operation: byResult, result: ok(vaultJSON(asIs)), want: fleet.RecordUpgraded},
		"result only, failed":           {operation: byResult, result: refused(409, "DiskFull"), want: fleet.RecordFailed, says: "DiskFull"},
		"status forgotten, result done": {operation: byBoth, status: gone, result: reply{status: 204}, want: fleet.RecordUpgraded},

		// The service knows the operation no more: the vault tells.
		"forgotten, made":            {operation: byBoth, status: gone, result: gone, vault: asIs, want: fleet.RecordUpgraded},
		"forgotten by 410, made":     {operation: byStatus, status: reply{status: 410}, vault: asIs, want: fleet.RecordUpgraded},
		"forgotten, under way":       {operation: byBoth, status: gone, result: gone, vault: `{"settings":{"mode":"Off"},"provisioningState":"Updating"}`, want: fleet.RecordInProgress, presumed: true},
		"forgotten, made, under way": {operation: byBoth, status: gone, result: gone, vault: `{"settings":{"mode":"On"},"provisioningState":"Updating"}`, want: fleet.RecordInProgress, presumed: true},
		"forgotten, broken":          {operation: byBoth, status: gone, result: gone, vault: `{"settings":{"mode":"Off"},"provisioningState":"Failed"}`, want: fleet.RecordFailed, presumed: true, says: "provisioning state is Failed"},
		"forgotten, not made":        {operation: byBoth, status: gone, result: gone, vault: asWas}, // nothing is known

		// An address of another host was journalled, or none: no token goes there.
		"elsewhere": {operation: &fleet.Operation{StatusURL: "https://evil.example/o1"}, vault: asIs, want: fleet.RecordUpgraded},
		"nowhere":   {operation: &fleet.Operation{}, vault: asIs, want: fleet.RecordUpgraded},
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
			if r == nil || r.State != tt.want || r.OperationID != op || r.Presumed != tt.presumed || !strings.Contains(r.Message, tt.says) || tt.says == "" && r.Message != "" {
				t.Fatalf("got %+v", r)
			}
			if r.State == fleet.RecordUpgraded && !strings.EqualFold(r.UpgradedResourceID, vaultID) {
				t.Errorf("made %q", r.UpgradedResourceID)
			}
			if strings.Contains(tt.status.body, "startTime") && r.StartedAt.IsZero() || strings.Contains(tt.status.body, "endTime") && r.EndedAt.IsZero() {
				t.Errorf("from %v to %v", r.StartedAt, r.EndedAt)
			}
		})
	}
}

// TestPollsThatSayNothing are errors by what can be done about them: nothing is
// concluded from them.
func TestPollsThatSayNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply reply
		want  fleet.CallClass
		after time.Duration
	}{
		"401":              {refused(401, "ExpiredAuthenticationToken"), fleet.CallDenied, 0},
		"403":              {refused(403, "AuthorizationFailed"), fleet.CallForbidden, 0},
		"404 of a gateway": {reply{status: 404, body: "<html>no such site</html>"}, fleet.CallNotFound, 0},
		"429":              {refused(429, "TooManyRequests").with("Retry-After", "60"), fleet.CallThrottled, time.Minute},
		"503":              {refused(503, "ServiceUnavailable").with("Retry-After", "60"), fleet.CallUnreachable, time.Minute},
		"a web page":       {ok("<html>Sign in</html>"), fleet.CallGarbled, 0},
		"another document": {ok(`{"hello":"there"}`), fleet.CallGarbled, 0},
		"a list":           {ok(`[1]`), fleet.CallGarbled, 0},
		"nothing":          {ok(``), fleet.CallGarbled, 0},
		"302":              {reply{status: 302}.with("Location", "{base}/x"), fleet.CallGarbled, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.on("GET", statusURL, tt.reply)
			_, _, err := poll(t, f.upgrader(testChange()), byStatus)
			if fleet.ClassOf(err) != tt.want || fleet.RetryAfterOf(err) != tt.after {
				t.Errorf("got %s, %v: %v", fleet.ClassOf(err), fleet.RetryAfterOf(err), err)
			}
			if n := f.count(vaultURL); n != 0 {
				t.Errorf("the vault was asked instead, %d times", n)
			}
		})
	}
	// The result's address is asked the same way.
	f := newFake(t)
	f.on("GET", resultURL, refused(403, "AuthorizationFailed"))
	if _, _, err := poll(t, f.upgrader(testChange()), byResult); fleet.ClassOf(err) != fleet.CallForbidden {
		t.Errorf("got %v", err)
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
	if len(fs) != 1 || fs[0].Code != "DiskFull" || fs[0].Message != "the disk was full" || fs[0].Severity != fleet.SeverityError || fs[0].Action == "" {
		t.Errorf("got %+v", fs)
	}
	if fs := u.Explain(t.Context(), testVault(), u.seen(t)); fs != nil {
		t.Errorf("of a vault that has not failed: %+v", fs)
	}
	if fs := u.Explain(t.Context(), testVault(), fleet.Sighting{Detail: failure{message: "without a code"}}); fs != nil {
		t.Errorf("where the service gave no reason: %+v", fs)
	}
}

// TestOddTimesAreNone: what a journal could not hold.
func TestOddTimesAreNone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-11-26T01:02:03.5Z": "2026-11-26T01:02:03.5Z", "2026-11-26T01:02:03+10:00": "2026-11-25T15:02:03Z",
		"": "0001-01-01T00:00:00Z", "yesterday": "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z": "0001-01-01T00:00:00Z",
	} {
		if got := parseTime(in).Format(time.RFC3339Nano); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}
